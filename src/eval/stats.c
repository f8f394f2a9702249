#include "eval/stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/philox.h"

Interval stats_wilson95(int64_t right, int64_t n) {
    assert(n >= 1 && right >= 0 && right <= n);
    const double z = 1.959963984540054; // the normal's 0.975 quantile
    double total = (double)n, p = (double)right / total, z2 = z * z / total;
    double centre = p + z2 / 2, half = z * sqrt(p * (1 - p) / total + z2 / (4 * total));
    Interval interval = {(centre - half) / (1 + z2), (centre + half) / (1 + z2)};
    if (right == 0) interval.low = 0; // exactly, whatever rounding left
    if (right == n) interval.high = 1;
    return interval;
}

double stats_pass_at_k(int64_t n, int64_t right, int64_t k) {
    assert(k >= 1 && k <= n && right >= 0 && right <= n);
    if (n - right < k) return 1;
    double all_wrong = 1; // C(n - right, k) / C(n, k)
    for (int64_t i = n - right + 1; i <= n; i++) all_wrong *= 1 - (double)k / (double)i;
    return 1 - all_wrong;
}

double stats_mcnemar_exact(int64_t only_a, int64_t only_b) {
    assert(only_a >= 0 && only_b >= 0);
    int64_t n = only_a + only_b, least = only_a < only_b ? only_a : only_b;
    if (n == 0 || only_a == only_b) return 1; // twice the lower half with its middle is above 1
    int sign;
    double log_all = lgamma_r((double)n + 1, &sign) - (double)n * log(2), sum = 0;
    for (int64_t i = 0; i <= least; i++) // rising terms: small ones are summed first
        sum += exp(log_all - lgamma_r((double)i + 1, &sign) - lgamma_r((double)(n - i) + 1, &sign));
    return fmin(1, 2 * sum);
}

double stats_pass_at_k_mean(const int64_t *right, const int64_t *samples, int64_t n, int64_t k) {
    assert(n >= 1);
    double sum = 0;
    for (int64_t q = 0; q < n; q++) sum += stats_pass_at_k(samples[q], right[q], k);
    return sum / (double)n;
}

int64_t stats_majority(const int64_t *classes, int64_t k) {
    int64_t best = -1, best_votes = 0;
    for (int64_t i = 0; i < k; i++) {
        if (classes[i] < 0) continue;
        int64_t votes = 0;
        for (int64_t j = 0; j < k; j++) votes += classes[j] == classes[i];
        if (votes > best_votes) best = classes[i], best_votes = votes;
    }
    return best;
}

// The mean of n values drawn with replacement. One block of Philox gives four draws; an index is the high word of
// draw * n, whose bias is below n / 2^32.
static double resampled_mean(const double *values, int64_t n, RngAddress address) {
    double sum = 0;
    uint32_t bits[4];
    for (int64_t i = 0; i < n; i++) {
        if (i % 4 == 0) {
            address.position = (uint32_t)(i / 4);
            rng_bits(&address, bits);
        }
        sum += values[(uint64_t)bits[i % 4] * (uint64_t)n >> 32];
    }
    return sum / (double)n;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int64_t n, double q) {
    double at = q * (double)(n - 1), low = floor(at);
    int64_t i = (int64_t)low;
    return i + 1 < n ? sorted[i] + (at - low) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

// means[STATS_RESAMPLES], sorted
static double *resample(const double *values, int64_t n, uint64_t seed, uint32_t stream) {
    assert(n >= 1 && n <= UINT32_MAX);
    double *means = mem_alloc(STATS_RESAMPLES, sizeof *means);
    for (uint32_t i = 0; i < STATS_RESAMPLES; i++) {
        means[i] = resampled_mean(values, n, (RngAddress){.seed = seed, .purpose = RNG_BOOTSTRAP, .step = stream, .question = i});
    }
    qsort(means, STATS_RESAMPLES, sizeof *means, by_value);
    return means;
}

static Interval middle95(const double *sorted) {
    return (Interval){quantile(sorted, STATS_RESAMPLES, 0.025), quantile(sorted, STATS_RESAMPLES, 0.975)};
}

Interval stats_bootstrap95(const double *values, int64_t n, uint64_t seed, uint32_t stream) {
    double *means = resample(values, n, seed, stream);
    Interval interval = middle95(means);
    mem_free(means);
    return interval;
}

PairedDifference stats_paired_bootstrap(const double *a, const double *b, int64_t n, uint64_t seed, uint32_t stream) {
    double *differences = mem_alloc((size_t)n, sizeof *differences);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += differences[i] = a[i] - b[i];
    double *means = resample(differences, n, seed, stream);
    int64_t at_most_0 = 0, at_least_0 = 0;
    for (int64_t i = 0; i < STATS_RESAMPLES; i++) at_most_0 += means[i] <= 0, at_least_0 += means[i] >= 0;
    int64_t least = at_most_0 < at_least_0 ? at_most_0 : at_least_0;
    double p = fmin(1, 2 * (double)(1 + least) / (1 + STATS_RESAMPLES));
    PairedDifference result = {sum / (double)n, middle95(means), p};
    mem_free(means), mem_free(differences);
    return result;
}
