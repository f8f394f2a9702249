// Gradings a second on one core: rlt's own rows or a JSONL of gold and pred.
// usage: bench_grade [FILE.jsonl [SECONDS]]
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "eval/math/grade.h"

typedef struct Pair {
    char *gold, *pred;
} Pair;

static const Pair ordinary[] = {
    {"18", "18"},
    {"42", "\\boxed{42}"},
    {"\\frac{3}{4}", "0.75"},
    {"1,250", "1250"},
    {"2\\sqrt{3}", "\\sqrt{12}"},
    {"(3, -1)", "(3,-1)"},
    {"x = 5", "5"},
    {"12\\pi", "12 \\pi"},
    {"x^2 + 2x + 1", "(x+1)^2"},
    {"[0, 2)", "0 \\le x < 2"},
    {"7", "8"},
    {"\\frac{1}{3}", "\\frac{2}{3}"},
    {"\\text{even}", "even"},
    {"3, 5", "5, 3"},
    {"25\\%", "0.25"},
    {"540", "$540$"},
    {"-\\frac{5}{2}", "-2.5"},
    {"\\$12.50", "12.5"},
    {"2^{10}", "1024"},
    {"90^\\circ", "90"},
};

static double seconds(void) { // of this process on a core, whatever else the machine does
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Rows of a file; a row that has no gold and pred ends the program.
static Pair *read_pairs(const char *path, size_t *n) {
    Error error;
    LineReader *reader;
    Str text;
    Pair *pairs = NULL;
    size_t cap = 0;
    *n = 0;
    bool ok = line_reader_open(path, JSON_LINE_MAX_BYTES, &reader, &error);
    while (ok && line_reader_next(reader, &text, &error) > 0) {
        json_t *row;
        Str gold, pred;
        ok = json_parse(text, path, &row, &error);
        if (!ok) break;
        ok = json_need_string(row, path, "gold", &gold, &error) && json_need_string(row, path, "pred", &pred, &error);
        if (ok && *n == cap) pairs = mem_realloc(pairs, cap = cap * 2 + 64, sizeof *pairs);
        if (ok) pairs[(*n)++] = (Pair){mem_strndup(gold.ptr, gold.len), mem_strndup(pred.ptr, pred.len)};
        json_decref(row);
    }
    if (!ok || *n == 0) {
        fprintf(stderr, "bench_grade: %s: %s\n", path, ok ? "no rows" : error.message);
        exit(1);
    }
    line_reader_close(reader);
    return pairs;
}

int main(int argc, char **argv) {
    size_t n = sizeof ordinary / sizeof ordinary[0];
    const Pair *pairs = argc > 1 ? read_pairs(argv[1], &n) : ordinary;
    double limit = argc > 2 ? atof(argv[2]) : 3, slowest = 0;
    size_t done = 0, equal = 0, slowest_row = 0;
    GradeSettings settings = {.extract = GRADE_EXTRACT_PRED};
    double start = seconds(), now = start;
    while (now - start < limit) {
        GradeResult result;
        double from = now;
        math_grade(str_of(pairs[done % n].gold), str_of(pairs[done % n].pred), &settings, &result);
        equal += result.equal;
        grade_result_free(&result);
        now = seconds();
        if (now - from > slowest) slowest = now - from, slowest_row = done % n;
        done++;
    }
    printf("%zu rows, %zu gradings in %.2f s of a core: %.0f a second; slowest %.2f ms (row %zu); %zu equal\n", n, done,
           now - start, (double)done / (now - start), 1e3 * slowest, slowest_row + 1, equal);
    return 0;
}
