#include "report/tokens.h"

#include <math.h>
#include <stdio.h>

#include "report/chart.h"

#define CLASSES 5 // of colour on either side of 0

const char TOKENS_STYLE[] =
    ".tokens { white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.9 ui-monospace, monospace; margin: 0.3rem 0; }\n"
    ".tokens span, .key span { border-bottom: 3px solid transparent; }\n"
    ".key span { padding: 0 0.5rem; color: var(--ink); } .key { margin: 0.3rem 0; }\n"
    ".p1 { background: rgb(230 120 20 / 0.10); } .p2 { background: rgb(230 120 20 / 0.20); } .p3 { background: rgb(230 120 20 / 0.32); }\n"
    ".p4 { background: rgb(230 120 20 / 0.44); } .p5 { background: rgb(230 120 20 / 0.56); }\n"
    ".m1 { background: rgb(30 110 220 / 0.10); } .m2 { background: rgb(30 110 220 / 0.20); } .m3 { background: rgb(30 110 220 / 0.32); }\n"
    ".m4 { background: rgb(30 110 220 / 0.44); } .m5 { background: rgb(30 110 220 / 0.56); }\n"
    ".tokens .p4, .tokens .p5, .key .p4, .key .p5 { border-bottom-color: rgb(200 90 0); }\n"
    ".tokens .m4, .tokens .m5, .key .m4, .key .m5 { border-bottom: 3px dotted rgb(30 110 220); }\n";

// A kind of text with values.
typedef struct Kind {
    const char *title, *tokens, *values;
    double worse; // the sign of values that lower the reward, which are orange
} Kind;
static const Kind kinds[] = {
    {"Explanation: each token's value in r_KL", "explanation_tokens", "kl_values", 1},
    {"Solution: each token's value in r_SS", "solution_tokens", "ss_values", -1},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

static bool has_values(json_t *row, const Kind *kind) {
    json_t *tokens = json_object_get(row, kind->tokens), *values = json_object_get(row, kind->values);
    size_t n = json_array_size(tokens);
    if (n == 0 || json_array_size(values) != n) return false;
    for (size_t i = 0; i < n; i++) {
        json_t *value = json_array_get(values, i);
        if (!json_is_string(json_array_get(tokens, i)) || !(json_is_number(value) || json_is_null(value))) return false;
    }
    return true;
}

static bool has_any(json_t *row) {
    for (size_t k = 0; k < N_KINDS; k++) {
        if (has_values(row, &kinds[k])) return true;
    }
    return false;
}

static double value_at(json_t *row, const Kind *kind, size_t i) {
    json_t *value = json_array_get(json_object_get(row, kind->values), i);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static size_t count_shown(json_t *row, const Kind *kind) {
    size_t n = json_array_size(json_object_get(row, kind->tokens));
    return n < TOKENS_MAX_TOKENS ? n : TOKENS_MAX_TOKENS;
}

// The largest magnitude that is shown: one scale for all rows, so that their colours compare.
static double find_scale(json_t *const *rows, size_t n, const Kind *kind) {
    double scale = 0;
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0, shown = has_values(rows[r], kind) ? count_shown(rows[r], kind) : 0; i < shown; i++) {
            double size = fabs(value_at(rows[r], kind, i));
            if (isfinite(size) && size > scale) scale = size;
        }
    }
    return scale;
}

// The class of a value, from -CLASSES to CLASSES: by the square root, since a few tokens have most of the sum.
static int value_class(double value, const Kind *kind, double scale) {
    if (!isfinite(value) || scale <= 0) return 0;
    int size = (int)ceil(sqrt(fabs(value) / scale) * CLASSES - 0.5);
    size = size > CLASSES ? CLASSES : size;
    return value * kind->worse > 0 ? size : -size;
}

static void write_value(Buf *out, double value) {
    if (isfinite(value)) buf_printf(out, "%.4g", value);
    if (!isfinite(value)) buf_add_text(out, "none");
}

static void open_span(Buf *out, int class) {
    buf_add_text(out, "<span");
    if (class != 0) buf_printf(out, " class=\"%c%d\"", class > 0 ? 'p' : 'm', class > 0 ? class : -class);
}

static void write_text(Buf *out, json_t *row, const Kind *kind, double scale) {
    json_t *tokens = json_object_get(row, kind->tokens);
    size_t n = json_array_size(tokens), shown = count_shown(row, kind);
    buf_add_text(out, "<div class=\"tokens\">");
    for (size_t i = 0; i < shown; i++) {
        json_t *token = json_array_get(tokens, i);
        double value = value_at(row, kind, i);
        open_span(out, value_class(value, kind, scale));
        buf_add_text(out, " title=\"");
        write_value(out, value);
        buf_add_text(out, "\">");
        html_escape(out, (Str){json_string_value(token), json_string_length(token)});
        buf_add_text(out, "</span>");
    }
    buf_add_text(out, "</div>\n");
    if (shown < n) buf_printf(out, "<p>The first %zu of %zu tokens.</p>\n", shown, n);
}

static void write_table(Buf *out, json_t *row, const Kind *kind) {
    json_t *tokens = json_object_get(row, kind->tokens);
    buf_add_text(out, "<details><summary>Values</summary><table>\n<tr><th>token</th><th>value</th></tr>\n");
    for (size_t i = 0, shown = count_shown(row, kind); i < shown; i++) {
        json_t *token = json_array_get(tokens, i);
        buf_add_text(out, "<tr><td><pre>");
        html_escape(out, (Str){json_string_value(token), json_string_length(token)});
        buf_add_text(out, "</pre></td><td class=\"n\">");
        write_value(out, value_at(row, kind, i));
        buf_add_text(out, "</td></tr>\n");
    }
    buf_add_text(out, "</table></details>\n");
}

static void write_legend(Buf *out, const Kind *kind, double scale) {
    buf_add_text(out, "<p class=\"key\">");
    html_escape(out, str_of(kind->title));
    buf_add_text(out, ": ");
    for (int class = -CLASSES; class <= CLASSES; class++) {
        double share = (double)class / CLASSES;
        open_span(out, class);
        buf_printf(out, ">%.2g</span>", kind->worse * scale * share * fabs(share) + 0.0); // no -0
    }
    buf_add_text(out, " orange, underlined where it is much, lowers the reward; blue, dotted, raises it.</p>\n");
}

static void write_row(Buf *out, json_t *row, const double *scales) {
    static const char *const shown[] = {"step", "sample", "reward", "r_ss", "r_kl", "match"};
    buf_add_text(out, "<section><p>");
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        json_t *value = json_object_get(row, shown[i]);
        if (json_is_number(value)) buf_printf(out, "%s %.5g &nbsp; ", shown[i], json_number_value(value));
    }
    buf_add_text(out, "</p>\n");
    json_t *question = json_object_get(row, "question");
    if (json_is_string(question)) {
        buf_add_text(out, "<div class=\"tokens\">");
        html_escape(out, (Str){json_string_value(question), json_string_length(question)});
        buf_add_text(out, "</div>\n");
    }
    for (size_t k = 0; k < N_KINDS; k++) {
        if (!has_values(row, &kinds[k])) continue;
        buf_printf(out, "<p>%s</p>\n", kinds[k].title);
        write_text(out, row, &kinds[k], scales[k]);
        write_table(out, row, &kinds[k]);
    }
    buf_add_text(out, "</section>\n<hr>\n");
}

void tokens_write(Buf *out, json_t *const *rows, size_t n) {
    json_t *shown[TOKENS_MAX_ROWS];
    size_t n_shown = 0;
    for (size_t i = n; i-- > 0 && n_shown < TOKENS_MAX_ROWS;) {
        if (has_any(rows[i])) shown[n_shown++] = rows[i];
    }
    if (n_shown == 0) return;
    double scales[N_KINDS];
    buf_add_text(out, "<h2>Tokens by their values</h2>\n");
    for (size_t k = 0; k < N_KINDS; k++) {
        scales[k] = find_scale(shown, n_shown, &kinds[k]);
        write_legend(out, &kinds[k], scales[k]);
    }
    buf_add_text(out, "<p>A token's value shows where the pointer rests on it, and in the tables that unfold.</p>\n<hr>\n");
    for (size_t i = n_shown; i-- > 0;) write_row(out, shown[i], scales);
}
