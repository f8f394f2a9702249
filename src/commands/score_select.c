#include "commands/score_select.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "eval/correlation.h"

static const char *const value_names[N_SCORED] = {"reward", "r_ss", "r_kl", "match"};

// ---- selection

static int compare_text(Str a, Str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_question(const ScoredRow *a, const ScoredRow *b) {
    int order = compare_text(a->row->question, b->row->question);
    return order != 0 ? order : compare_text(a->row->solution, b->row->solution);
}

static int compare_reward(const ScoredRow *a, const ScoredRow *b) { // the best first, then the earlier
    double x = a->values[SCORED_REWARD], y = b->values[SCORED_REWARD];
    return x != y ? (x < y) - (x > y) : (a > b) - (a < b);
}

static int by_question(const void *a, const void *b) {
    const ScoredRow *x = *(ScoredRow *const *)a, *y = *(ScoredRow *const *)b;
    int order = compare_question(x, y);
    return order != 0 ? order : compare_reward(x, y);
}

static int from_best(const void *a, const void *b) {
    return compare_reward(*(ScoredRow *const *)a, *(ScoredRow *const *)b);
}

static int from_worst(const void *a, const void *b) {
    const ScoredRow *x = *(ScoredRow *const *)a, *y = *(ScoredRow *const *)b;
    double p = x->values[SCORED_REWARD], q = y->values[SCORED_REWARD];
    return p != q ? (p > q) - (p < q) : (x > y) - (x < y);
}

static size_t keep_best(ScoredRow **order, size_t n) {
    size_t n_kept = 0;
    qsort(order, n, sizeof *order, by_question);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_question(order[n_kept - 1], order[i]) != 0) order[n_kept++] = order[i];
    }
    return n_kept;
}

void score_select(const ScoreSelection *selection, ScoredRow *rows, size_t n) {
    ScoredRow **order = mem_alloc(n, sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = &rows[i], rows[i].kept = false;
    size_t n_left = selection->best ? keep_best(order, n) : n,
           most = selection->top > 0 ? selection->top : selection->bottom;
    if (most > 0) {
        qsort(order, n_left, sizeof *order, selection->top > 0 ? from_best : from_worst);
        if (most < n_left) n_left = most;
    }
    for (size_t i = 0; i < n_left; i++)
        order[i]->kept = true;
    mem_free(order);
}

bool score_write_selected(Str lines, const ScoredRow *rows, size_t n, const char *out, Error *error) {
    FileWriter *writer;
    if (!file_writer_open(out, &writer, error)) return false;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t end = (size_t)str_find(lines, STR("\n"), at) + 1;
        if (rows[i].kept) file_writer_add(writer, lines.ptr + at, end - at);
        at = end;
    }
    return file_writer_commit(writer, error);
}

// ---- correlations

// The next of "a,b" off *columns; false at the end.
static bool next_column(const char **columns, char *name, size_t max) {
    if (**columns == '\0') return false;
    size_t n = strcspn(*columns, ",");
    snprintf(name, max, "%.*s", (int)n, *columns);
    *columns += n + ((*columns)[n] == ',');
    return true;
}

static bool column_value(const Row *row, const char *name, double *value) {
    const json_t *cell = row_other(row, name);
    *value = json_is_boolean(cell) ? json_is_true(cell) : json_number_value(cell);
    return cell != NULL;
}

bool score_check_columns(const char *columns, const char *path, const Rows *rows, Error *error) {
    char name[256];
    while (next_column(&columns, name, sizeof name)) {
        size_t n = 0;
        for (size_t i = 0; i < rows->count; i++) {
            const json_t *cell = row_other(&rows->rows[i], name);
            if (cell != NULL && !json_is_number(cell) && !json_is_boolean(cell)) {
                return error_set(error, "%s:%zu: key \"%s\": expected a number, true or false to correlate with", path,
                                 rows->rows[i].line, name);
            }
            n += cell != NULL;
        }
        if (n == 0) return error_set(error, "%s: key \"%s\": expected in some row, to correlate with", path, name);
    }
    return true;
}

static void write_correlations(const char *name, const ScoredRow *rows, size_t n, Buf *out) {
    double *x = mem_alloc(n, sizeof *x), *y = mem_alloc(n, sizeof *y);
    for (int of = 0; of < N_SCORED; of++) {
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            if (!column_value(rows[i].row, name, &y[count])) continue;
            x[count++] = rows[i].values[of];
        }
        JsonWriter w = json_writer(out);
        jw_object_begin(&w);
        jw_kstring(&w, "column", str_of(name));
        jw_kstring(&w, "of", str_of(value_names[of]));
        jw_kint(&w, "n", (int64_t)count);
        jw_kf64(&w, "pearson", pearson(x, y, count));
        jw_kf64(&w, "spearman", spearman(x, y, count));
        jw_object_end(&w);
        buf_add_char(out, '\n');
    }
    mem_free(x), mem_free(y);
}

void score_correlate(const char *columns, const ScoredRow *rows, size_t n, Buf *out) {
    char name[256];
    while (next_column(&columns, name, sizeof name))
        write_correlations(name, rows, n, out);
}

// ---- going on

static bool read_line(Str line, const char *path, size_t number, ScoredRow *scored, Error *error) {
    char where[512];
    snprintf(where, sizeof where, "%.400s:%zu", path, number);
    Buf fields;
    buf_init(&fields, 0);
    row_write(scored->row, &fields);
    bool ok = str_starts(line, (Str){fields.data, fields.len - 2}) ||
              error_set(error, "%s: expected the data's row %zu: the file is of another run", where, number);
    buf_free(&fields);
    json_t *object = NULL;
    ok = ok && json_parse(line, where, &object, error);
    for (int of = 0; ok && of < N_SCORED; of++) {
        ok = json_need_number(object, where, value_names[of], &scored->values[of], error);
    }
    json_decref(object);
    return ok;
}

bool score_read_done(const char *path, ScoredRow *rows, size_t n, size_t *n_done, uint64_t *bytes, Error *error) {
    FileMap map;
    *n_done = 0, *bytes = 0;
    if (!file_map(path, &map, error)) return false;
    Str text = {(const char *)map.data, map.size};
    bool ok = true;
    for (ptrdiff_t end; ok && *n_done < n && (end = str_find(text, STR("\n"), *bytes)) >= 0;) {
        ok = read_line((Str){text.ptr + *bytes, (size_t)end - *bytes}, path, *n_done + 1, &rows[*n_done], error);
        ++*n_done;
        *bytes = (uint64_t)end + 1;
    }
    file_unmap(&map);
    return ok;
}
