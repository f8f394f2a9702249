#include "report/html.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "report/chart.h"
#include "report/metrics.h"
#include "report/series.h"
#include "report/tokens.h"

static const char HEAD[] =
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<style>\n"
    ":root { color-scheme: light dark; --ink: #1c2733; --soft: #6b7885; --rule: #dfe4ea; --line: #1f6fb2; "
    "--page: #fff; }\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ee; --soft: #93a0ad; --rule: #333c46; "
    "--line: #6db3f2; --page: #14181d; } }\n"
    "body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 1180px; "
    "margin: 2rem auto; padding: 0 1rem; }\n"
    "h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }\n"
    "p, figcaption span, th { color: var(--soft); }\n"
    ".charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 1.2rem; }\n"
    "figure { margin: 0; } figcaption { display: flex; justify-content: space-between; gap: 1rem; "
    "overflow-wrap: anywhere; }\n"
    "svg { width: 100%; height: auto; display: block; } svg text { font-size: 10px; fill: var(--soft); }\n"
    ".grid { stroke: var(--rule); } .axis { stroke: var(--soft); }\n"
    ".line, .raw { fill: none; stroke: var(--line); stroke-width: 1.6; stroke-linecap: round; "
    "stroke-linejoin: round; }\n"
    ".raw { stroke-width: 1; opacity: 0.35; }\n"
    ".scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; }\n"
    "th, td { border-bottom: 1px solid var(--rule); padding: 0.4rem 0.6rem; text-align: left; vertical-align: top; }\n"
    "td pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; min-width: 8rem; max-width: 34rem; "
    "max-height: 16rem; overflow-y: auto; }\n"
    "td.n { text-align: right; font-variant-numeric: tabular-nums; } details pre { overflow-x: auto; }\n";

// ---- charts

static Str group_of(const char *name) {
    const char *slash = strchr(name, '/');
    return (Str){name, slash == NULL ? 0 : (size_t)(slash - name)};
}

static void write_group(Buf *out, const SeriesSet *set, Str group) {
    if (group.len > 0) {
        buf_add_text(out, "<h2>");
        html_escape(out, group);
        buf_add_text(out, "</h2>\n");
    }
    buf_add_text(out, "<div class=\"charts\">\n");
    for (size_t i = 0; i < set->n; i++) {
        const Series *s = &set->series[i];
        if (str_equal(group_of(s->name), group)) chart_write(out, s->name, s->steps, s->values, s->n);
    }
    buf_add_text(out, "</div>\n");
}

static void write_charts(Buf *out, const SeriesSet *set) {
    buf_printf(out, "<p>Up to step %lld, %.0f s. Where points are many, the strong line is their running mean.</p>\n",
               (long long)set->last_step, set->seconds);
    for (size_t i = 0; i < set->n; i++) { // groups in the order of their first metrics
        Str group = group_of(set->series[i].name);
        bool first = true;
        for (size_t k = 0; k < i; k++) first = first && !str_equal(group_of(set->series[k].name), group);
        if (first) write_group(out, set, group);
    }
}

// ---- samples

typedef struct Samples {
    json_t *rows[REPORT_MAX_SAMPLES]; // a ring: row i of the file at i % REPORT_MAX_SAMPLES
    size_t n;                         // rows of the file
} Samples;

static void samples_free(Samples *samples) {
    for (size_t i = 0; i < REPORT_MAX_SAMPLES; i++) json_decref(samples->rows[i]);
}

static bool samples_read(const char *path, Samples *samples, Error *error) {
    LineReader *reader;
    if (!line_reader_open(path, JSON_LINE_MAX_BYTES, &reader, error)) return false;
    Error torn = {""}; // a torn last line is what a killed run leaves
    Str line;
    int status;
    bool ok = true;
    while (ok && (status = line_reader_next(reader, &line, error)) != 0) {
        char where[1024];
        snprintf(where, sizeof where, "%s:%zu", path, line_reader_number(reader));
        json_t *row = NULL;
        if (status < 0) {
            ok = false;
        } else if (torn.message[0] != 0) {
            ok = error_set(error, "%s", torn.message);
        } else if (json_parse(line, where, &row, &torn)) {
            json_t **place = &samples->rows[samples->n++ % REPORT_MAX_SAMPLES];
            json_decref(*place);
            *place = row;
            if (!json_is_object(row)) ok = error_set(error, "%s: expected a JSON object", where);
        }
    }
    line_reader_close(reader);
    return ok;
}

// The shown rows' keys, in the order of first appearance; borrowed.
static size_t collect_columns(const Samples *samples, size_t first, const char **columns) {
    size_t n = 0;
    for (size_t i = first; i < samples->n; i++) {
        const char *key;
        json_t *value;
        json_object_foreach(samples->rows[i % REPORT_MAX_SAMPLES], key, value) {
            (void)value;
            bool known = n == REPORT_MAX_COLUMNS;
            for (size_t k = 0; k < n; k++) known = known || strcmp(columns[k], key) == 0;
            if (!known) columns[n++] = key;
        }
    }
    return n;
}

static void write_cell(Buf *out, json_t *value) {
    if (json_is_number(value)) {
        buf_printf(out, json_is_integer(value) ? "<td class=\"n\">%.0f</td>" : "<td class=\"n\">%.5g</td>",
                   json_number_value(value));
        return;
    }
    buf_add_text(out, "<td>");
    if (value != NULL && !json_is_null(value)) {
        Buf text;
        buf_init(&text, 0);
        if (json_is_string(value)) {
            buf_add(&text, json_string_value(value), json_string_length(value));
        } else {
            JsonWriter w = json_writer(&text);
            jw_json(&w, value);
        }
        size_t shown = text.len < REPORT_MAX_CELL_BYTES ? text.len : REPORT_MAX_CELL_BYTES;
        while (shown < text.len && shown > 0 && ((unsigned char)text.data[shown] & 0xC0) == 0x80) shown--;
        buf_add_text(out, "<pre>");
        html_escape(out, (Str){text.data, shown});
        buf_add_text(out, shown < text.len ? "…</pre>" : "</pre>");
        buf_free(&text);
    }
    buf_add_text(out, "</td>");
}

static void write_samples(Buf *out, const Samples *samples) {
    size_t first = samples->n > REPORT_MAX_SAMPLES ? samples->n - REPORT_MAX_SAMPLES : 0;
    const char *columns[REPORT_MAX_COLUMNS];
    size_t n_columns = collect_columns(samples, first, columns);
    buf_printf(out, "<h2>Samples</h2>\n<p>The last %zu of %zu.</p>\n<div class=\"scroll\"><table>\n<tr>",
               samples->n - first, samples->n);
    for (size_t k = 0; k < n_columns; k++) {
        buf_add_text(out, "<th>");
        html_escape(out, str_of(columns[k]));
        buf_add_text(out, "</th>");
    }
    buf_add_text(out, "</tr>\n");
    for (size_t i = first; i < samples->n; i++) {
        buf_add_text(out, "<tr>");
        for (size_t k = 0; k < n_columns; k++)
            write_cell(out, json_object_get(samples->rows[i % REPORT_MAX_SAMPLES], columns[k]));
        buf_add_text(out, "</tr>\n");
    }
    buf_add_text(out, "</table></div>\n");
}

static void write_token_values(Buf *out, const Samples *samples) {
    size_t n = samples->n < REPORT_MAX_SAMPLES ? samples->n : REPORT_MAX_SAMPLES;
    json_t *rows[REPORT_MAX_SAMPLES];
    for (size_t i = 0; i < n; i++) rows[i] = samples->rows[(samples->n - n + i) % REPORT_MAX_SAMPLES];
    tokens_write(out, rows, n);
}

// ---- the page

static bool write_file_part(Buf *out, const char *folder, const char *name, Error *error) {
    char *path = path_join(folder, name);
    Buf text;
    bool there = file_exists(path), ok = !there || file_read(path, REPORT_MAX_FILE_BYTES, &text, error);
    if (there && ok) {
        buf_printf(out, "<details><summary>%s</summary><pre>", name);
        html_escape(out, buf_str(&text));
        buf_add_text(out, "</pre></details>\n");
        buf_free(&text);
    }
    mem_free(path);
    return ok;
}

static void write_head(Buf *out, const char *folder) {
    Str name = str_of(folder);
    while (name.len > 1 && name.ptr[name.len - 1] == '/') name.len--;
    for (size_t i = name.len; i-- > 0;) {
        if (name.ptr[i] != '/' || name.len == 1) continue;
        name = (Str){name.ptr + i + 1, name.len - i - 1};
        break;
    }
    buf_add_text(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    html_escape(out, name);
    buf_add_text(out, "</title>\n");
    buf_add_text(out, HEAD);
    buf_add_text(out, TOKENS_STYLE);
    buf_add_text(out, "</style>\n");
    buf_add_text(out, "</head>\n<body>\n<h1>");
    html_escape(out, name);
    buf_add_text(out, "</h1>\n");
}

static bool write_parts(Buf *out, const char *folder, const char *metrics_path, const char *samples_path,
                        Error *error) {
    bool metrics = file_exists(metrics_path), with_samples = file_exists(samples_path);
    if (!metrics && !with_samples)
        return error_set(error, "%s: expected a run folder with " METRICS_FILE " or samples.jsonl", folder);
    if (metrics) {
        SeriesSet set;
        if (!series_read(metrics_path, &set, error)) return false;
        write_charts(out, &set);
        series_free(&set);
    }
    if (with_samples) {
        Samples samples = {{NULL}, 0};
        bool ok = samples_read(samples_path, &samples, error);
        if (ok) write_token_values(out, &samples), write_samples(out, &samples);
        samples_free(&samples);
        if (!ok) return false;
    }
    return write_file_part(out, folder, "recipe.yaml", error) && write_file_part(out, folder, "manifest.json", error);
}

bool report_write(const char *folder, const char *out_path, Error *error) {
    char *metrics_path = path_join(folder, METRICS_FILE);
    char *samples_path = file_exists(folder) ? mem_strdup(folder) : path_join(folder, "samples.jsonl");
    char *page_path = out_path != NULL ? mem_strdup(out_path) : path_join(folder, REPORT_FILE);
    Buf page;
    buf_init(&page, 0);
    write_head(&page, folder);
    bool ok = write_parts(&page, folder, metrics_path, samples_path, error);
    buf_add_text(&page, "</body>\n</html>\n");
    ok = ok && file_write_atomic(page_path, page.data, page.len, error);
    buf_free(&page);
    mem_free(metrics_path);
    mem_free(samples_path);
    mem_free(page_path);
    return ok;
}
