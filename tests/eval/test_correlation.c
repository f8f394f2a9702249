// Correlations: references by SciPy 1.17.1 (stats.pearsonr, stats.spearmanr); tolerance 1e-13: a dozen roundings in
// double.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <math.h>

#include "eval/correlation.h"

static const double x[12] = {-0.802, -1.324, -0.248, 0.42, 1.136, 0.11, -0.553, -0.785, 0.749, 1.635, 0.273, -1.233};
static const double y[12] = {-1.359, 0.938, 0.079, -1.522, 0.484, -1.108, -0.906, -0.881, -0.339, 1.371, 0.073, -1.206};
static const double tied[12] = {1, 2, 2, 3, 3, 3, 0, 5, 5, -1, 2, 4}, binary[12] = {0, 1, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1};

static void matches_scipy(void **state) {
    (void)state;
    const struct {
        const double *a, *b;
        double pearson, spearman;
    } cases[] = {{x, y, 0.4156480916437107, 0.3076923076923077},
                 {tied, binary, 0.39351400627893474, 0.3482809770704821},
                 {tied, x, -0.19310689900623024, -0.028422814841677337}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(fabs(pearson(cases[i].a, cases[i].b, 12) - cases[i].pearson) <= 1e-13);
        assert_true(fabs(spearman(cases[i].a, cases[i].b, 12) - cases[i].spearman) <= 1e-13);
        assert_true(pearson(cases[i].a, cases[i].b, 12) == pearson(cases[i].b, cases[i].a, 12));
    }
}

static void straight_lines(void **state) {
    (void)state;
    double up[12], down[12];
    for (int i = 0; i < 12; i++)
        up[i] = 3 * x[i] + 7, down[i] = exp(-x[i]);
    assert_true(fabs(pearson(x, up, 12) - 1) <= 1e-13 && pearson(x, up, 12) <= 1);
    assert_true(spearman(x, up, 12) == 1 && spearman(x, down, 12) == -1);
    assert_true(pearson(x, down, 12) > -0.99);
}

static void nothing_to_correlate(void **state) {
    (void)state;
    const double same[12] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    assert_true(isnan(pearson(x, y, 0)) && isnan(pearson(x, y, 1)) && isnan(spearman(x, y, 1)));
    assert_true(isnan(pearson(x, same, 12)) && isnan(spearman(same, x, 12)));
    assert_true(fabs(pearson(x, y, 2) - 1) > 1.9); // two points lie on a line, here a falling one
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_scipy),
        cmocka_unit_test(straight_lines),
        cmocka_unit_test(nothing_to_correlate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
