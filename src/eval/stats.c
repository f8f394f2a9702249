#include "eval/stats.h"

#include <assert.h>
#include <math.h>

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
