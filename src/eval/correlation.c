#include "eval/correlation.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

double pearson(const double *x, const double *y, size_t n) {
    if (n < 2) return NAN;
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++)
        mean_x += x[i] / (double)n, mean_y += y[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        double a = x[i] - mean_x, b = y[i] - mean_y;
        xx += a * a, yy += b * b, xy += a * b;
    }
    // far below the values' own rounding there is nothing to go together with
    double least = 1e-26 * (double)n;
    if (!(xx > least * mean_x * mean_x) || !(yy > least * mean_y * mean_y)) return NAN;
    return fmax(-1, fmin(1, xy / (sqrt(xx) * sqrt(yy))));
}

typedef struct Ranked {
    double value;
    size_t place;
} Ranked;

static int compare_ranked(const void *a, const void *b) {
    double x = ((const Ranked *)a)->value, y = ((const Ranked *)b)->value;
    return (x > y) - (x < y);
}

static double *ranks_of(const double *x, size_t n) {
    Ranked *sorted = mem_alloc(n, sizeof *sorted);
    double *ranks = mem_alloc(n, sizeof *ranks);
    for (size_t i = 0; i < n; i++)
        sorted[i] = (Ranked){x[i], i};
    qsort(sorted, n, sizeof *sorted, compare_ranked);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].value == sorted[i].value;)
            end++;
        for (size_t k = i; k < end; k++)
            ranks[sorted[k].place] = (double)(i + end + 1) / 2; // ranks i + 1 .. end
    }
    mem_free(sorted);
    return ranks;
}

double spearman(const double *x, const double *y, size_t n) {
    double *ranks_x = ranks_of(x, n), *ranks_y = ranks_of(y, n);
    double r = pearson(ranks_x, ranks_y, n);
    mem_free(ranks_x), mem_free(ranks_y);
    return r;
}
