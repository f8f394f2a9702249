// Small statistics for tables of results. All arithmetic in double, sums in the order of their arrays.
//
// Resampling draws are addressed (seed, RNG_BOOTSTRAP, stream, resample): the same interval on every machine. Give each
// figure of a table its own stream.
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

// The mean over questions of stats_pass_at_k: samples[q] >= k answers to question q, of which right[q] are right; n >= 1
// questions. With k = 1 it is avg@n, the mean of the questions' shares.
double stats_pass_at_k_mean(const int64_t *right, const int64_t *samples, int64_t n, int64_t k);

// maj@k of one question: the class that most of the first k answers have, of classes that are equal ties the one seen
// first. classes[i] >= 0 says which answers are the same (any numbers); below 0 is an answer that was not found, which has
// no vote. -1 where nobody votes. Quadratic in k.
//
// This is the vote of the samples as they were drawn. The expectation over all choices of k of n samples has no short
// formula once there are several wrong classes; with k = n there is nothing to average over.
int64_t stats_majority(const int64_t *classes, int64_t k);

#define STATS_RESAMPLES 10000

// Percentile bootstrap (Efron 1979), 95 %, of the mean of values[n], n >= 1: questions are drawn anew with replacement
// STATS_RESAMPLES times; the 2.5 % and 97.5 % quantiles of their means, linear between order statistics (NumPy's default).
// values are per question (a share of right samples), so that samples of one question are not taken for independent.
Interval stats_bootstrap95(const double *values, int64_t n, uint64_t seed, uint32_t stream);

// Two runs over the same questions in the same order: the mean of a - b, its bootstrap interval over questions, and the
// two-sided p-value of no difference, from the same resamples: 2 (1 + least) / (1 + STATS_RESAMPLES), at most 1, where
// `least` is how many resampled means lie at or beyond 0 on the rarer side (Davison and Hinkley 1997, section 4.2).
typedef struct PairedDifference {
    double mean;
    Interval interval;
    double p;
} PairedDifference;
PairedDifference stats_paired_bootstrap(const double *a, const double *b, int64_t n, uint64_t seed, uint32_t stream);

#endif
