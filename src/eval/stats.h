// Small statistics for tables of results.
#ifndef RLT_EVAL_STATS_H
#define RLT_EVAL_STATS_H

#include <stdint.h>

typedef struct Interval {
    double low, high;
} Interval;

// Wilson's score interval, 95 %, of a proportion of `right` out of n >= 1 (E. B. Wilson, JASA 22, 1927).
Interval stats_wilson95(int64_t right, int64_t n);

// pass@k of one question from n samples of which `right` are right, unbiased: 1 - C(n - right, k) / C(n, k)
// (Chen et al. 2021, arXiv 2107.03374, section 2.1). 1 <= k <= n, 0 <= right <= n.
double stats_pass_at_k(int64_t n, int64_t right, int64_t k);

// McNemar's exact test, two-sided: p-value of `only_a` questions right under A alone and `only_b` right under B alone,
// were either equally likely: min(1, 2 P(X <= min)), X ~ Binomial(only_a + only_b, 1/2). 1 when both are 0.
double stats_mcnemar_exact(int64_t only_a, int64_t only_b);

#endif
