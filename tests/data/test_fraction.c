// Exact fractions. Reference: small results by hand; the edges of 64 bits by their definition.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include "data/fraction.h"

static void expect(char op, Fraction a, Fraction b, int64_t num, int64_t den) {
    Fraction out = {-99, 99};
    assert_true(fraction_apply(op, a, b, &out));
    assert_int_equal(out.num, num);
    assert_int_equal(out.den, den);
}

static void refuse(char op, Fraction a, Fraction b) {
    Fraction out = {-99, 98};
    assert_false(fraction_apply(op, a, b, &out));
    assert_int_equal(out.num, -99);
    assert_int_equal(out.den, 98);
}

static void small_results_are_in_lowest_terms(void **state) {
    (void)state;
    Fraction half = {1, 2}, sixth = {1, 6}, minus = {-3, 4};
    expect('+', half, sixth, 2, 3);
    expect('-', half, half, 0, 1);
    expect('-', sixth, half, -1, 3);
    expect('*', minus, half, -3, 8);
    expect('/', half, minus, -2, 3);
    expect('/', fraction_of(6), fraction_of(-4), -3, 2);
    expect('*', fraction_of(0), minus, 0, 1);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    Fraction most = fraction_of(INT64_MAX), least = fraction_of(-INT64_MAX);
    refuse('+', most, fraction_of(1));
    refuse('-', least, fraction_of(1)); // INT64_MIN itself
    refuse('-', least, fraction_of(2));
    refuse('*', most, fraction_of(2));
    refuse('+', (Fraction){1, INT64_MAX}, (Fraction){1, INT64_MAX - 1});
    refuse('/', fraction_of(5), fraction_of(0));
    expect('*', most, fraction_of(-1), -INT64_MAX, 1);
    expect('/', fraction_of(1), most, 1, INT64_MAX);
    expect('/', fraction_of(1), least, -1, INT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_results_are_in_lowest_terms),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
