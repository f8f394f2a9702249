// Equality of answers as terms: verdicts by hand, each an identity or a difference of school mathematics.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <time.h>

#include "base/mem.h"
#include "eval/math/equal.h"
#include "term_reader.h"

typedef struct Case {
    const char *gold, *pred;
    bool equal;
    int how; // MathHow, or -1: any
} Case;

static void expect_one(const char *gold, const char *pred, bool equal, int how) {
    Arena *arena = arena_create();
    MathVerdict v = math_equal(term_read(arena, gold), term_read(arena, pred));
    arena_destroy(arena);
    if (v.equal != equal || (how >= 0 && (int)v.how != how)) {
        fail_msg("%s | %s: got %s (%s), expected %s (%s)", gold, pred, v.equal ? "equal" : "different",
                 math_how_name(v.how), equal ? "equal" : "different", how >= 0 ? math_how_name((MathHow)how) : "any");
    }
}

static void expect(const Case *cases, size_t n, bool symmetric) {
    for (size_t i = 0; i < n; i++) {
        expect_one(cases[i].gold, cases[i].pred, cases[i].equal, cases[i].how);
        if (symmetric) expect_one(cases[i].pred, cases[i].gold, cases[i].equal, cases[i].how);
    }
}
#define EXPECT(cases, symmetric) expect(cases, sizeof(cases) / sizeof(cases)[0], symmetric)

static void numbers_are_exact(void **state) {
    (void)state;
    const Case cases[] = {
        {"0.5", "(/ 1 2)", true, MATH_SAME_FORM},
        {"0.50", "0.5", true, MATH_SAME_FORM},
        {"(mixed 3 (/ 1 2))", "(/ 7 2)", true, MATH_SAME_FORM},
        {"(- (mixed 3 (/ 1 2)))", "(- 3.5)", true, MATH_SAME_FORM},
        {"(^ 2 10)", "1024", true, MATH_SAME_FORM},
        {"(! 20)", "2432902008176640000", true, MATH_SAME_FORM},
        {"(! 20)", "2432902008176640001", false, MATH_DIFFERENT},
        {"(binomial 10 3)", "120", true, MATH_SAME_FORM},
        {"(gcd 12 18)", "6", true, MATH_SAME_FORM},
        {"(gcd (/ 1 2) 3)", "(/ 1 2)", true, MATH_SAME_FORM},
        {"(lcm 0.42 2)", "42", true, MATH_SAME_FORM},
        {"(lcm 4 6 10)", "60", true, MATH_SAME_FORM},
        {"(floor (- 2.5))", "(- 3)", true, MATH_SAME_FORM},
        {"(/ 1 0)", "5", false, -1},
        {"(^ (- 1) 100001)", "(- 1)", true, MATH_SAME_FORM},
        {"(base 1010 2)", "(base 1010 2)", true, MATH_SAME_FORM},
        {"(base 1010 2)", "(base 1010 3)", false, MATH_DIFFERENT},
        {"(base 1010 2)", "1010", true, MATH_SAME_FORM},
        {"(base 1010 2)", "10", false, MATH_DIFFERENT},
        {"(units 5 cm)", "5", true, MATH_SAME_FORM},
    };
    EXPECT(cases, true);
}

static void forms_decide_roots_and_polynomials(void **state) {
    (void)state;
    const Case cases[] = {
        {"(sqrt 8)", "(* 2 (sqrt 2))", true, MATH_SAME_FORM},
        {"(/ 1 (+ 1 (sqrt 2)))", "(+ (sqrt 2) (- 1))", true, MATH_SAME_FORM},
        {"(* (sqrt 2) (sqrt 3))", "(sqrt 6)", true, MATH_SAME_FORM},
        {"(^ (root 3 2) 4)", "(* 2 (root 3 2))", true, MATH_SAME_FORM},
        {"(^ (sqrt (+ x 1)) 3)", "(* (+ x 1) (sqrt (+ x 1)))", true, MATH_SAME_FORM},
        {"(+ (sqrt 2) (sqrt 3))", "(sqrt 5)", false, MATH_DIFFERENT},
        {"(root 3 (- 8))", "(- 2)", true, MATH_SAME_FORM},
        {"(sqrt (- 4))", "(* 2 i)", true, MATH_SAME_FORM},
        {"(^ 4 (/ 3 2))", "8", true, MATH_SAME_FORM},
        {"(^ (+ x 1) 2)", "(+ (^ x 2) (* 2 x) 1)", true, MATH_SAME_FORM},
        {"(^ (+ x 1) 2)", "(+ (^ x 2) (* 2 x) 2)", false, MATH_DIFFERENT},
        {"(/ (+ (^ x 2) (- 1)) (+ x 1))", "(+ x (- 1))", true, MATH_SAME_FORM},
        {"(^ e (* 2 x))", "(^ (^ e x) 2)", true, MATH_SAME_FORM},
        {"(^ 2 (+ n 1))", "(* 2 (^ 2 n))", true, MATH_SAME_FORM},
        {"(* (+ x i) (+ x (- i)))", "(+ (^ x 2) 1)", true, MATH_SAME_FORM},
        {"(abs (+ a (- b)))", "(abs (+ b (- a)))", true, MATH_SAME_FORM},
        {"(* 2 pi)", "6.28318530717958647692", false, -1},
        {"x", "X", false, MATH_DIFFERENT},
        {"e", "x", false, -1},
    };
    EXPECT(cases, true);
}

static void balls_decide_the_rest(void **state) {
    (void)state;
    const Case cases[] = {
        {"(+ (^ (sin x) 2) (^ (cos x) 2))", "1", true, MATH_NUMERIC},
        {"(sin (* 2 x))", "(* 2 (sin x) (cos x))", true, MATH_NUMERIC},
        {"(sin (* 2 x))", "(* 2 (sin x))", false, MATH_DIFFERENT},
        {"(^ e (* i pi))", "(- 1)", true, MATH_NUMERIC},
        {"(sin (/ pi 6))", "(/ 1 2)", true, MATH_NUMERIC},
        {"(sqrt (+ 3 (* 2 (sqrt 2))))", "(+ 1 (sqrt 2))", true, MATH_NUMERIC},
        {"(abs x)", "x", false, MATH_DIFFERENT},
        {"(* (root 4 2) (root 4 2))", "(sqrt 2)", true,
         MATH_NUMERIC},                                        // roots of unlike index are not told apart by form
        {"(abs (+ x 310))", "(+ x 310)", false, MATH_DIFFERENT}, // differs below -310 alone
        {"(sqrt (^ x 2))", "(abs x)", true, MATH_NUMERIC},
        {"(sqrt (^ x 2))", "x", false, MATH_DIFFERENT},
        {"(* (sqrt x) (sqrt y))", "(sqrt (* x y))", true, MATH_NUMERIC},
        {"(* (ln y) (+ (abs x) y))", "(* (ln y) (+ x y))", false, MATH_DIFFERENT}, // differs where x < 0 < y alone
        {"(log 2 8)", "3", true, MATH_NUMERIC},
        {"(log 100)", "2", true, MATH_NUMERIC},
        {"(* n (! (+ n (- 1))))", "(! n)", true, MATH_NUMERIC},
        {"(binomial n 2)", "(/ (* n (+ n (- 1))) 2)", true, MATH_NUMERIC},
        {"(cos (* n pi))", "(^ (- 1) n)", true, MATH_NUMERIC},
        {"(f (+ 1 1))", "(f 2)", true, -1},
        {"(f 2)", "(f 3)", false, MATH_DIFFERENT},
        {"(deg 30)", "30", true, MATH_SAME_FORM},
        {"(deg 30)", "(/ pi 6)", true, MATH_SAME_FORM},
        {"(sin (deg 30))", "(/ 1 2)", true, MATH_NUMERIC},
        {"(^ e (- 1000))", "0", false, MATH_DIFFERENT},
        // Ramanujan's near miss: e^(pi sqrt 163) is 262537412640768743.99999999999925...
        {"(^ e (* pi (sqrt 163)))", "262537412640768744", false, MATH_DIFFERENT},
    };
    EXPECT(cases, true);
}

// A small difference beside a large number is one: relative precision alone would not tell.
static void large_numbers_hide_nothing(void **state) {
    (void)state;
    const Case cases[] = {
        {"(^ 10 (^ 10 10))", "(+ (^ 10 (^ 10 10)) 1)", false, MATH_DIFFERENT},
        {"(* (^ 10 (^ 10 10)) (sin 1))", "(+ (* (sin 1) (^ 10 (^ 10 10))) (sin 2))", false, MATH_UNDECIDED},
        {"(* (^ 10 300) (sin 1))", "(+ (* (^ 10 300) (sin 1)) (cos 1))", false, MATH_DIFFERENT},
        {"(* (^ 10 300) (sin 1))", "(* (^ 10 300) (cos (+ (/ pi 2) (- 1))))", true, MATH_NUMERIC},
        {"(+ (* (^ 10 300) (sin x)) x)", "(* (^ 10 300) (sin x))", false, MATH_DIFFERENT},
        {"(tanh 100)", "1", false, MATH_DIFFERENT},
        {"(^ 2 (^ 2 (^ 2 (^ 2 2))))", "(^ 2 65536)", true, MATH_SAME_FORM},
        {"(^ 2 (^ 2 (^ 2 (^ 2 2))))", "(^ 2 65537)", false, -1},
    };
    EXPECT(cases, true);
}

static void percent_and_rounding(void **state) {
    (void)state;
    const Case cases[] = {
        {"(% 50)", "0.5", true, MATH_SAME_FORM},
        {"(% 50)", "50", true, MATH_SAME_FORM},
        {"(% 50)", "(% 0.5)", false, MATH_DIFFERENT},
        {"(% 50)", "5", false, MATH_DIFFERENT},
    };
    EXPECT(cases, true);
    const Case rounded[] = {
        {"3.14", "pi", true, MATH_ROUNDED},
        {"pi", "3.14", false, MATH_DIFFERENT},
        {"(/ 1 3)", "0.3333333333333333333333", false, MATH_DIFFERENT},
        {"3.15", "pi", false, MATH_DIFFERENT},
        {"0.33", "(/ 1 3)", true, MATH_ROUNDED},
        {"0.5", "0.54", false, MATH_DIFFERENT},
        {"0.5", "0.5413", false, MATH_DIFFERENT}, // one decimal reads as exact
        {"0.5", "(/ (sqrt 29) 10)", false, MATH_DIFFERENT},
        {"2.25", "2.251", false, MATH_DIFFERENT},
        {"2.25", "2.2513", true, MATH_ROUNDED},
        {"2.25", "2.2563", false, MATH_DIFFERENT},
        {"5", "5.0001", false, MATH_DIFFERENT},
        {"(- 3.14)", "(- pi)", true, MATH_ROUNDED},
        {"(* 2.31 (^ 10 5))", "231049.06", true, MATH_ROUNDED},
        {"(tuple 0.33 1)", "(tuple (/ 1 3) 1)", true, MATH_ROUNDED},
    };
    EXPECT(rounded, false);
}

static void collections(void **state) {
    (void)state;
    const Case cases[] = {
        {"(tuple 1 2)", "(tuple 1 2.0)", true, -1},
        {"(tuple 1 2)", "(tuple 2 1)", false, MATH_DIFFERENT},
        {"(set 1 2 3)", "(set 3 1 2)", true, -1},
        {"(list 1 2)", "(list 2 1)", true, -1},
        {"(list 1 2)", "(list 1 2 3)", false, MATH_DIFFERENT},
        {"(set 1 2 2)", "(set 1 2)", true, -1},
        {"(list 1 2 2)", "(list 1 1 2)", false, MATH_DIFFERENT},
        {"(tuple 1 3)", "(list 1 3)", true, -1},
        {"(tuple 3 1)", "(list 1 3)", false, MATH_DIFFERENT},
        {"(tuple 1 3)", "(set 1 3)", false, MATH_DIFFERENT},
        {"(tuple 1 3)", "(set (tuple 1 3))", true, -1},
        {"(matrix 2 1 2 3 4)", "(tuple (tuple 1 2) (tuple 3 4))", true, -1},
        {"(matrix 2 1 2 3 4)", "(tuple (tuple 1 3) (tuple 2 4))", false, MATH_DIFFERENT},
        {"(pm 1 (sqrt 2))", "(list (+ 1 (- (sqrt 2))) (+ 1 (sqrt 2)))", true, -1},
        {"(pm 0 5)", "5", false, MATH_DIFFERENT},
        {"(list (tuple 2 1) (tuple 3 1))", "(list (tuple 3 1) (tuple 2 1))", true, -1},
        {"(list (= x 1) (= y 2))", "(list (= y 2) (= x 1))", true, -1},
        {"(list (= x 1) (= y 2))", "(list (= x 2) (= y 1))", false, -1},
        {"(list (= x 1) (= y 2))", "(list 1 2)", true, -1},
        {"(list (= x 1) (= y 2))", "(list 2 1)", false, -1},
        {"(list (= x 1) (= x 2))", "(list 2 1)", true, -1},
        {"(= (tuple x y) (tuple 1 2))", "(tuple 1 2)", true, -1},
        {"(matrix 2 1 2 3 4)", "(matrix 2 1 2 3 (/ 8 2))", true, -1},
        {"(matrix 2 1 2 3 4)", "(matrix 2 1 3 2 4)", false, -1},
        {"(matrix 2 6 8 10 12)", "(+ (matrix 2 1 2 3 4) (matrix 2 5 6 7 8))", true, -1},
        {"(matrix 2 7 10 15 22)", "(^ (matrix 2 1 2 3 4) 2)", true, -1},
        {"(- 2)", "(det (matrix 2 1 2 3 4))", true, -1},
        {"(matrix 2 1 2)", "(tuple 1 2)", true, -1},
        {"'East", "'east", true, -1},
        {"'A", "'a", false, -1},
        {"(* o d d)", "'odd", true, -1},
    };
    EXPECT(cases, true);
}

static void relations(void **state) {
    (void)state;
    const Case cases[] = {
        {"(= x 3)", "3", true, -1},
        {"(= 3 x)", "(= x 3)", true, -1},
        {"(= x 3)", "(= y 3)", false, -1},
        {"(= (+ x z) 1)", "1", false, -1},
        {"(= (+ (* 2 x) (* 4 y) (- 3)) 0)", "(= y (+ (* (- (/ 1 2)) x) (/ 3 4)))", true, MATH_SAME_FORM},
        {"(= (* x y) 1)", "(= y (/ 1 x))", true, MATH_SAME_FORM},
        {"(= (^ x 2) 1)", "(= (^ x 2) 2)", false, MATH_DIFFERENT},
        {"(= (sin x) (* 2 a))", "(= (* 2 (sin x)) (* 4 a))", true, -1},
        {"(= (f x) (+ x 1))", "(= (f n) (+ 1 n))", true, -1},
        {"(= x (pm 0 3))", "(list (= x 3) (= x (- 3)))", true, -1},
        {"(> x 2)", "(oo 2 infinity)", true, -1},
        {"(>= x 2)", "(oo 2 infinity)", false, MATH_DIFFERENT},
        {"(<= (- x) (- 2))", "(>= x 2)", true, -1},
        {"(<=<= (- 2) x 7)", "(in x (cc (- 2) 7))", true, -1},
        {"(<=<= 1 (abs z) (/ 3 2))", "(union (cc (- (/ 3 2)) (- 1)) (cc 1 (/ 3 2)))", true, -1},
        {"(!= x 5)", "(union (oo (- infinity) 5) (oo 5 infinity))", true, -1},
        {"(list (< x 1) (> x 2))", "(union (oo (- infinity) 1) (oo 2 infinity))", true, -1},
        {"(and (> x 1) (< x 2))", "(oo 1 2)", true, -1},
        {"(and (> x 1) (< x 2))", "(tuple 1 2)", true, -1},
        {"(cc 0 1)", "(co 0 1)", false, MATH_DIFFERENT},
        {"(union (cc 0 1) (cc 1 2))", "(cc 0 2)", true, -1},
        {"(union (co 0 1) (oc 1 2))", "(cc 0 2)", false, -1},
        {"(diff (cc 0 2) (set 1))", "(union (co 0 1) (oc 1 2))", true, -1},
        {"(cut (cc 0 2) (cc 1 3))", "(cc 1 2)", true, -1},
        {"(cc 0 (sqrt 2))", "(cc 0 (/ 2 (sqrt 2)))", true, -1},
        {"(< x y)", "(> y x)", true, -1},
        {"(< x y)", "(< y x)", false, -1},
        {"(co x y)", "(co 1 2)", false, -1},
        {"(co a (+ b b))", "(co a (* 2 b))", true, -1},
    };
    EXPECT(cases, true);
}

// Work is bounded by counters; this looks at the clock only to see that the counters are set low enough: at processor
// time, so that a busy machine does not matter.
static void monsters_answer_in_time(void **state) {
    (void)state;
    const char *const monsters[] = {
        "(^ 9 (^ 9 (^ 9 9)))",
        "(^ 9 (^ 9 9))",
        "(! (! (! 9)))",
        "(^ 2 (^ 2 (^ 2 (^ 2 5))))",
        "(^ 2 (^ 2 35))",
        "(^ (+ a b c d f g) 200)",
        "(^ (+ (^ (+ a b) 60) (^ (+ c d) 60)) 60)",
        "(sin (^ 10 (^ 10 10)))",
        "(^ (^ (^ (+ x 1) 1000) 1000) 1000)",
        "(binomial 1000000000 500000000)",
        "(log (^ 9 (^ 9 (^ 9 9))))",
        "(floor (^ 3.5 (^ 2 30)))",
        "(mod (^ 7 (^ 7 (^ 7 7))) 10)",
        "(sqrt 1000000000000000000000000000000000000000000000000000000000000000000000000000057)",
    };
    for (size_t i = 0; i < sizeof monsters / sizeof monsters[0]; i++) {
        for (size_t j = 0; j < sizeof monsters / sizeof monsters[0]; j++) {
            struct timespec from, to;
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
            Arena *arena = arena_create();
            MathVerdict v = math_equal(term_read(arena, monsters[i]), term_read(arena, monsters[j]));
            arena_destroy(arena);
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
            double ms = 1e3 * (double)(to.tv_sec - from.tv_sec) + 1e-6 * (double)(to.tv_nsec - from.tv_nsec);
            assert_int_equal(v.equal, i == j);
            if (ms > 500) fail_msg("%s | %s: %.0f ms", monsters[i], monsters[j], ms); // 5 times the promise: sanitizers
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(forms_decide_roots_and_polynomials),
        cmocka_unit_test(balls_decide_the_rest),
        cmocka_unit_test(large_numbers_hide_nothing),
        cmocka_unit_test(percent_and_rounding),
        cmocka_unit_test(collections),
        cmocka_unit_test(relations),
        cmocka_unit_test(monsters_answer_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
