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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_matches_scipy),
        cmocka_unit_test(pass_at_k_matches_exact_fractions),
        cmocka_unit_test(mcnemar_matches_scipy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
