// Statistics. References in each table's comment; tolerance 1e-12 relative: a few hundred roundings in double.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <math.h>

#include "eval/stats.h"

static void close_to(double got, double expected) {
    if (!(fabs(got - expected) <= 1e-12 * fabs(expected) + 1e-300))
        fail_msg("got %.17g, expected %.17g", got, expected);
}

static void wilson_matches_scipy(void **state) {
    (void)state;
    // scipy.stats.binomtest(right, n).proportion_ci(method="wilson"), SciPy 1.17.1
    const struct {
        int64_t right, n;
        double low, high;
    } cases[] = {{0, 10, 0, 0.2775327998628893},
                 {10, 10, 0.7224672001371109, 1},
                 {1, 3, 0.06149194472039626, 0.7923403991979523},
                 {50, 100, 0.4038315303659956, 0.5961684696340044},
                 {173, 1000, 0.1508192344529515, 0.1976834655966015},
                 {999, 1000, 0.9943574414020421, 0.9998234536293739}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Interval got = stats_wilson95(cases[i].right, cases[i].n);
        close_to(got.low, cases[i].low);
        close_to(got.high, cases[i].high);
    }
}

static void pass_at_k_matches_exact_fractions(void **state) {
    (void)state;
    // 1 - Fraction(math.comb(n - c, k), math.comb(n, k)), Python 3.11
    const struct {
        int64_t n, right, k;
        double value;
    } cases[] = {{8, 3, 1, 0.375}, {8, 3, 4, 0.9285714285714286},      {64, 1, 8, 0.125},
                 {10, 7, 4, 1},    {200, 20, 100, 0.9999996678312922}, {5, 0, 5, 0},
                 {5, 5, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        close_to(stats_pass_at_k(cases[i].n, cases[i].right, cases[i].k), cases[i].value);
}

static void mcnemar_matches_scipy(void **state) {
    (void)state;
    // scipy.stats.binomtest(min(a, b), a + b, 0.5).pvalue, SciPy 1.17.1
    const struct {
        int64_t a, b;
        double p;
    } cases[] = {
        {1, 0, 1}, {0, 5, 0.0625}, {3, 9, 0.14599609375}, {10, 12, 0.8318119049072266}, {100, 140, 0.01166409231767769},
        {7, 7, 1}, {0, 0, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        close_to(stats_mcnemar_exact(cases[i].a, cases[i].b), cases[i].p);
        close_to(stats_mcnemar_exact(cases[i].b, cases[i].a), cases[i].p);
    }
    // of thousands, log-gammas near 3e4 lose 5 digits: 1e-11
    double p = stats_mcnemar_exact(2000, 2200);
    assert_true(fabs(p - 0.002132355671991245) <= 1e-11 * 0.0021);
    assert_true(fabs(stats_mcnemar_exact(0, 1000) / 1.866527237006438e-301 - 1) < 1e-11);
}

static void pass_at_k_is_a_mean_over_questions(void **state) {
    (void)state;
    // (3/8 + 1 + 0) / 3 and (13/14 + 1 + 0) / 3, by hand from the table above
    const int64_t right[] = {3, 8, 0}, samples[] = {8, 8, 5};
    close_to(stats_pass_at_k_mean(right, samples, 3, 1), 1.375 / 3);
    close_to(stats_pass_at_k_mean(right, samples, 3, 4), 27.0 / 42);
}

static void majority_is_the_first_of_the_most(void **state) {
    (void)state;
    const int64_t classes[] = {-1, 7, 3, -1, 3, 7, 9, 9, 9};
    const int64_t expected[] = {-1, -1, 7, 7, 7, 3, 7, 7, 7, 9}; // of the first k, read off by hand; at 6 and 8 ties
    for (int64_t k = 0; k <= 9; k++) assert_int_equal(stats_majority(classes, k), expected[k]);
}

enum { N = 50 };

static void fill(double *shares, double *others) {
    for (int i = 0; i < N; i++) {
        shares[i] = (7 * i * i + 3 * i) % 97 / 96.0;
        others[i] = (5 * i * i + i) % 97 / 96.0;
    }
}

// make_stats_golden.py: a second Philox and NumPy's percentile. SciPy's own bootstrap of the first gives 0.517 .. 0.662.
static void bootstrap_matches_a_second_philox(void **state) {
    (void)state;
    double shares[N], others[N];
    fill(shares, others);
    Interval got = stats_bootstrap95(shares, N, 1, 0);
    close_to(got.low, 0.5139583333333334);
    close_to(got.high, 0.6600052083333334);
    got = stats_bootstrap95(shares, N, 2, 3);
    close_to(got.low, 0.5154114583333333);
    close_to(got.high, 0.6606302083333334);
    const double constant[] = {0.25, 0.25, 0.25};
    got = stats_bootstrap95(constant, 3, 1, 0);
    close_to(got.low, 0.25);
    close_to(got.high, 0.25);
}

static void paired_bootstrap_matches_a_second_philox(void **state) {
    (void)state;
    double shares[N], others[N];
    fill(shares, others);
    PairedDifference got = stats_paired_bootstrap(shares, others, N, 1, 4), back = stats_paired_bootstrap(others, shares, N, 1, 4);
    close_to(got.mean, 0.05583333333333334);
    // near 0 the mean of 50 differences keeps its absolute, not its relative precision
    assert_true(fabs(got.interval.low + 0.044583333333333336) < 1e-15);
    close_to(got.interval.high, 0.1583333333333333);
    close_to(got.p, 0.28757124287571245);
    assert_true(fabs(back.interval.high - 0.044583333333333336) < 1e-15);
    close_to(back.p, got.p);
    assert_true(stats_paired_bootstrap(shares, shares, N, 1, 4).p == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_matches_scipy),
        cmocka_unit_test(pass_at_k_matches_exact_fractions),
        cmocka_unit_test(mcnemar_matches_scipy),
        cmocka_unit_test(pass_at_k_is_a_mean_over_questions),
        cmocka_unit_test(majority_is_the_first_of_the_most),
        cmocka_unit_test(bootstrap_matches_a_second_philox),
        cmocka_unit_test(paired_bootstrap_matches_a_second_philox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
