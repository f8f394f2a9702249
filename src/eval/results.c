#include "eval/results.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define SAMPLES_MAX 10000 // answers a question
#define QUESTIONS_MAX ((int64_t)1 << 24)

// ---- rows

void sample_row_write(const SampleRow *r, Buf *out) {
    const Extracted *found = &r->verdict->found;
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kint(&w, "row", r->row);
    jw_kint(&w, "sample", r->sample);
    jw_kstring(&w, "id", r->question->id);
    jw_kstring(&w, "prompt", r->prompt);
    jw_kstring(&w, "output", r->output);
    jw_kstring(&w, "gold", r->question->gold);
    if (found->answer.ptr != NULL) {
        jw_kstring(&w, "answer", found->answer);
        jw_kint(&w, "from", (int64_t)found->from);
        jw_kint(&w, "to", (int64_t)found->to);
    }
    jw_kstring(&w, "rule", str_of(extract_rule_name(found->answer.ptr != NULL ? found->rule : EXTRACT_NONE)));
    jw_kstring(&w, "verdict", str_of(r->refusal != NULL ? "refused" : r->verdict->name));
    if (r->verdict->how != NULL) jw_kstring(&w, "how", str_of(r->verdict->how));
    if (r->verdict->message[0] != '\0') jw_kstring(&w, "message", str_of(r->verdict->message));
    if (r->refusal != NULL) jw_kstring(&w, "refused", str_of(r->refusal));
    jw_kbool(&w, "right", r->verdict->right);
    jw_kbool(&w, "tagged", r->verdict->tagged);
    if (r->same_as >= 0) jw_kint(&w, "same_as", r->same_as);
    jw_key(&w, "tokens");
    if (r->tokens >= 0)
        jw_int(&w, r->tokens);
    else
        jw_null(&w);
    if (r->put > 0) jw_kint(&w, "put", r->put);
    if (r->waits > 0) jw_kint(&w, "waits", r->waits);
    if (r->closed) jw_kbool(&w, "closed", true);
    jw_kstring(&w, "finish", str_of(r->finish));
    jw_object_end(&w);
    buf_add_char(out, '\n');
}

typedef struct Reader {
    EvalSamples *s;
    const char *path;
    int64_t lines, cap; // of right, same_as
    int64_t row;        // of the question that is being read
    int32_t next;       // sample that is expected, 0: of a new question
    json_t *seen_verdicts, *seen_rules;
} Reader;

static bool add_count(EvalSamples *s, EvalCount *counts, size_t *n, Str name) {
    for (size_t i = 0; i < *n; i++) {
        if (!str_equal(counts[i].name, name)) continue;
        counts[i].n++;
        return true;
    }
    if (*n == EVAL_COUNTS_MAX) return false;
    counts[(*n)++] = (EvalCount){{arena_strndup(s->arena, name.ptr, name.len), name.len}, 1};
    return true;
}

static bool begin_question(Reader *r, int64_t row, Str id, const char *where, Error *error) {
    EvalSamples *s = r->s;
    if (s->n == 1) s->samples = r->next; // as many as the first question had
    if (s->n > 0 && r->next != s->samples) {
        return error_set(error, "%s: expected sample %d of row %lld", where, r->next, (long long)r->row);
    }
    if (s->n > 0 && row <= r->row) return error_set(error, "%s: expected a row after %lld", where, (long long)r->row);
    if (s->n == QUESTIONS_MAX) return error_set(error, "%s: too many questions", where);
    if ((s->n & (s->n - 1)) == 0) s->ids = mem_realloc(s->ids, (size_t)(s->n > 0 ? 2 * s->n : 1), sizeof *s->ids);
    s->ids[s->n++] = (Str){arena_strndup(s->arena, id.ptr, id.len), id.len};
    r->row = row;
    r->next = 0;
    return true;
}

static void add_answer(Reader *r, bool right, int64_t same_as) {
    EvalSamples *s = r->s;
    if (r->lines == r->cap) {
        r->cap = r->cap > 0 ? 2 * r->cap : 64;
        s->right = mem_realloc(s->right, (size_t)r->cap, sizeof *s->right);
        s->same_as = mem_realloc(s->same_as, (size_t)r->cap, sizeof *s->same_as);
    }
    s->right[r->lines] = right;
    s->same_as[r->lines++] = same_as;
    s->votes = s->votes || same_as >= 0;
    r->next++;
}

static bool read_counts(EvalSamples *s, json_t *row, const char *where, Error *error) {
    Str verdict, rule, finish;
    bool tagged, closed;
    int64_t tokens, put, waits;
    if (!json_need_string(row, where, "verdict", &verdict, error) ||
        !json_string_or(row, where, "rule", STR("none"), &rule, error) ||
        !json_need_string(row, where, "finish", &finish, error) ||
        !json_bool_or(row, where, "tagged", false, &tagged, error) ||
        !json_bool_or(row, where, "closed", false, &closed, error) ||
        !json_int_or(row, where, "tokens", 0, INT32_MAX, -1, &tokens, error) ||
        !json_int_or(row, where, "put", 0, INT32_MAX, 0, &put, error) ||
        !json_int_or(row, where, "waits", 0, INT32_MAX, 0, &waits, error)) {
        return false;
    }
    s->n_tagged += tagged, s->n_closed += closed, s->n_put += put, s->n_waits += waits;
    s->n_truncated += str_equal(finish, STR("length"));
    s->n_refused += str_equal(verdict, STR("refused"));
    s->n_tokens_known += tokens >= 0;
    s->n_tokens += tokens >= 0 ? tokens : 0;
    return (add_count(s, s->verdicts, &s->n_verdicts, verdict) && add_count(s, s->rules, &s->n_rules, rule)) ||
           error_set(error, "%s: more than %d kinds of verdict or rule", where, EVAL_COUNTS_MAX);
}

static bool read_row(Reader *r, json_t *row, const char *where, Error *error) {
    int64_t number, sample, same_as;
    bool right;
    Str id;
    if (!json_need_int(row, where, "row", 0, INT64_MAX, &number, error) ||
        !json_need_int(row, where, "sample", 0, SAMPLES_MAX - 1, &sample, error) ||
        !json_need_string(row, where, "id", &id, error) ||
        !json_int_or(row, where, "same_as", 0, sample, -1, &same_as, error) ||
        !json_bool_or(row, where, "right", false, &right, error)) {
        return false;
    }
    if (sample == 0 && !begin_question(r, number, id, where, error)) return false;
    if (r->s->n == 0 || sample != r->next || number != r->row) {
        return error_set(error, "%s: expected sample %d of row %lld", where, r->s->n > 0 ? r->next : 0,
                         (long long)r->row);
    }
    add_answer(r, right, same_as);
    return read_counts(r->s, row, where, error);
}

static bool read_line(Reader *r, Str line, size_t number, Error *error) {
    char where[512];
    snprintf(where, sizeof where, "%.400s:%zu", r->path, number);
    json_t *row;
    if (!json_parse(line, where, &row, error)) return false;
    bool ok = json_is_object(row) ? read_row(r, row, where, error) : error_set(error, "%s: expected an object", where);
    json_decref(row);
    return ok;
}

bool eval_samples_read(const char *path, EvalSamples *samples, Error *error) {
    *samples = (EvalSamples){.arena = arena_create()};
    Reader r = {.s = samples, .path = path};
    LineReader *lines;
    bool ok = line_reader_open(path, JSON_LINE_MAX_BYTES, &lines, error);
    if (ok) {
        Str line;
        int more;
        while (ok && (more = line_reader_next(lines, &line, error)) != 0) {
            ok = more > 0 && read_line(&r, line, line_reader_number(lines), error);
        }
        line_reader_close(lines);
    }
    if (ok && samples->n == 0) ok = error_set(error, "%s: no rows", path);
    if (ok && samples->n == 1) samples->samples = r.next;
    if (ok && r.next != samples->samples) {
        ok = error_set(error, "%s: ends before sample %d of row %lld", path, r.next, (long long)r.row);
    }
    if (!ok) eval_samples_free(samples);
    return ok;
}

void eval_samples_free(EvalSamples *s) {
    mem_free(s->ids), mem_free(s->right), mem_free(s->same_as);
    arena_destroy(s->arena);
    *s = (EvalSamples){0};
}

// ---- figures

static int64_t count_right(const EvalSamples *s, int64_t q) {
    int64_t n = 0;
    for (int32_t i = 0; i < s->samples; i++)
        n += s->right[q * s->samples + i];
    return n;
}

// One value a question; where each is 0 or 1, Wilson's interval.
static EvalFigure make_figure(const char *kind, int32_t k, const double *values, int64_t n, uint64_t seed,
                              uint32_t stream) {
    EvalFigure figure = {.by = "wilson"};
    snprintf(figure.name, sizeof figure.name, "%s@%d", kind, k);
    double sum = 0;
    bool binary = true;
    for (int64_t q = 0; q < n; q++) {
        sum += values[q];
        binary = binary && (values[q] == 0 || values[q] == 1);
    }
    figure.value = sum / (double)n;
    if (binary) {
        figure.interval = stats_wilson95((int64_t)(sum + 0.5), n);
    } else {
        figure.interval = stats_bootstrap95(values, n, seed, stream);
        figure.by = "bootstrap";
    }
    return figure;
}

static double majority_right(const EvalSamples *s, int64_t q, int32_t k) {
    const int64_t *classes = s->same_as + q * s->samples;
    int64_t winner = stats_majority(classes, k);
    return winner >= 0 && s->right[q * s->samples + winner];
}

size_t eval_figures(const EvalSamples *s, uint64_t seed, EvalFigure figures[EVAL_FIGURES_MAX]) {
    double *values = mem_alloc((size_t)s->n, sizeof *values);
    size_t n = 0;
    for (int32_t k = 1;; k = 2 * k < s->samples ? 2 * k : s->samples) {
        for (int64_t q = 0; q < s->n; q++)
            values[q] = stats_pass_at_k(s->samples, count_right(s, q), k);
        figures[n++] = make_figure("pass", k, values, s->n, seed, (uint32_t)(2 * k));
        if (k == s->samples) break;
    }
    for (int32_t k = 2; s->votes && k <= s->samples; k = 2 * k < s->samples || k == s->samples ? 2 * k : s->samples) {
        for (int64_t q = 0; q < s->n; q++)
            values[q] = majority_right(s, q, k);
        figures[n++] = make_figure("maj", k, values, s->n, seed, (uint32_t)(2 * k + 1));
    }
    assert(n <= EVAL_FIGURES_MAX);
    mem_free(values);
    return n;
}

static void write_counts(JsonWriter *w, const char *key, const EvalCount *counts, size_t n) {
    jw_key(w, key);
    jw_object_begin(w);
    for (size_t i = 0; i < n; i++)
        jw_kint(w, counts[i].name.ptr, counts[i].n);
    jw_object_end(w);
}

void eval_results_write(const EvalSamples *s, const EvalAbout *about, const EvalFigure *figures, size_t n, Buf *out) {
    double all = (double)s->n * s->samples;
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kstring(&w, "task", str_of(about->task));
    jw_kstring(&w, "prompt", str_of(about->prompt));
    jw_kstring(&w, "data_sha256", str_of(about->data_sha256));
    if (about->published != NULL) jw_kstring(&w, "data", str_of(about->published));
    jw_kint(&w, "n", s->n);
    jw_kint(&w, "samples", s->samples);
    jw_kf64(&w, "pass_at_1", figures[0].value);
    jw_kf64(&w, "low", figures[0].interval.low);
    jw_kf64(&w, "high", figures[0].interval.high);
    jw_key(&w, "figures");
    jw_object_begin(&w);
    for (size_t i = 0; i < n; i++) {
        jw_key(&w, figures[i].name);
        jw_object_begin(&w);
        jw_kf64(&w, "value", figures[i].value);
        jw_kf64(&w, "low", figures[i].interval.low);
        jw_kf64(&w, "high", figures[i].interval.high);
        jw_kstring(&w, "by", str_of(figures[i].by));
        jw_object_end(&w);
    }
    jw_object_end(&w);
    jw_kf64(&w, "tagged", (double)s->n_tagged / all);
    jw_kf64(&w, "truncated", (double)s->n_truncated / all);
    if (s->n_tokens_known > 0) jw_kf64(&w, "mean_tokens", (double)s->n_tokens / (double)s->n_tokens_known);
    if (s->n_put > 0) {
        jw_kf64(&w, "closed", (double)s->n_closed / all);
        jw_kf64(&w, "mean_put", (double)s->n_put / all);
        jw_kf64(&w, "mean_waits", (double)s->n_waits / all);
    }
    if (s->n_refused > 0) jw_kint(&w, "refused", s->n_refused);
    write_counts(&w, "verdicts", s->verdicts, s->n_verdicts);
    write_counts(&w, "rules", s->rules, s->n_rules);
    jw_object_end(&w);
    buf_add_char(out, '\n');
}

static void table_counts(const char *what, const EvalCount *counts, size_t n, Buf *out) {
    buf_printf(out, "%s:", what);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s %s %lld", i > 0 ? "," : "", counts[i].name.ptr, (long long)counts[i].n);
    }
    buf_add_char(out, '\n');
}

void eval_table_write(const EvalSamples *s, const EvalAbout *about, const EvalFigure *figures, size_t n, Buf *out) {
    double all = (double)s->n * s->samples;
    buf_printf(out, "%s, prompt %s: %lld question%s, %d answer%s each\n\n", about->task, about->prompt, (long long)s->n,
               s->n == 1 ? "" : "s", s->samples, s->samples == 1 ? "" : "s");
    buf_printf(out, "| %-9s | %6s | %15s | %-9s |\n|-----------|--------|-----------------|-----------|\n", "figure",
               "value", "95% interval", "by");
    for (size_t i = 0; i < n; i++) {
        const EvalFigure *f = &figures[i];
        buf_printf(out, "| %-9s | %5.1f%% | %5.1f%% - %5.1f%% | %-9s |\n", f->name, 100 * f->value,
                   100 * f->interval.low, 100 * f->interval.high, f->by);
    }
    buf_printf(out, "\ntagged %.1f%%, truncated %.1f%%", 100 * (double)s->n_tagged / all,
               100 * (double)s->n_truncated / all);
    if (s->n_tokens_known > 0) {
        buf_printf(out, ", %.0f tokens an answer", (double)s->n_tokens / (double)s->n_tokens_known);
    }
    if (s->n_put > 0) {
        buf_printf(out, ", thoughts closed by force %.1f%%, gone on with %.2f times", 100 * (double)s->n_closed / all,
                   (double)s->n_waits / all);
    }
    buf_add_char(out, '\n');
    table_counts("verdicts", s->verdicts, s->n_verdicts, out);
    table_counts("answers found by", s->rules, s->n_rules, out);
}
