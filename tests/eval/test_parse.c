// Answers as terms: each line was read by eye against what the answer means.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "eval/math/parse.h"

typedef struct Case {
    const char *text, *line; // line NULL: does not parse
} Case;

static void expect(const Case *cases, size_t n) {
    for (size_t i = 0; i < n; i++) {
        Arena *arena = arena_create();
        const Term *term;
        Error error;
        Buf line;
        buf_init(&line, 0);
        bool ok = math_parse(str_of(cases[i].text), arena, &term, &error);
        if (ok) term_write(term, &line);
        bool right = cases[i].line == NULL ? !ok : ok && strcmp(line.data, cases[i].line) == 0;
        if (!right) {
            fail_msg("%s: got %s, expected %s", cases[i].text, ok ? line.data : error.message,
                     cases[i].line != NULL ? cases[i].line : "a failure");
        }
        buf_free(&line);
        arena_destroy(arena);
    }
}
#define EXPECT(cases) expect(cases, sizeof(cases) / sizeof(cases)[0])

static void numbers(void **state) {
    (void)state;
    const Case cases[] = {
        {"42", "42"},
        {"-5", "(negate 5)"},
        {"+5", "5"},
        {"007", "007"},
        {"3.50", "3.50"},
        {".185", "0.185"},
        {"4.", "4"},
        {"1,000", "1000"},
        {"1,234,567.5", "1234567.5"},
        {"1{,}000", "1000"},
        {"10,\\!000", "10000"},
        {"1\\,000", "1000"},
        {"10 000", "10000"},
        {"1000,99", "1000.99"},
        {"0,05", "0.05"},
        {"1,2", "(list 1 2)"},
        {"1,2,3", "(list 1 2 3)"},
        {"-7, 3", "(list (negate 7) 3)"},
        {"(1,234)", "(tuple 1 234)"},
        {"(1,000, 2,000)", "(tuple 1000 2000)"},
        {"0.\\overline{3}", "0.[3]"},
        {"0.1\\overline{6}", "0.1[6]"},
        {"0.333...", "0.[3]"},
        {"0.1212\\ldots", "0.[12]"},
        {"3.14159...", "3.14159"},
        {"2.5E2", "(multiply 2.5 (power 10 2))"},
        {"1e-05", "(multiply 1 (power 10 (negate 05)))"},
        {"2e-3", "(add (multiply 2 e) (negate 3))"},
        {"2.5 \\times 10^{-3}", "(multiply 2.5 (power 10 (negate 3)))"},
        {"101_2", "(base 101 101 2)"},
        {"4210_{7}", "(base 4210 4210 7)"},
        {"152A_{11}", "(base 152A 152A 11)"},
        {"0.0011_{2}", "(base 0.0011 0.0011 2)"},
    };
    EXPECT(cases);
}

static void fractions_roots_and_powers(void **state) {
    (void)state;
    const Case cases[] = {
        {"3\\frac{1}{2}", "(mixed 3 (divide 1 2))"},
        {"3 1/2", "(mixed 3 (divide 1 2))"},
        {"-2\\frac34", "(negate (mixed 2 (divide 3 4)))"},
        {"3\\frac{5}{2}", "(multiply 3 (divide 5 2))"},
        {"2½", "(mixed 2 (divide 1 2))"},
        {"\\frac12", "(divide 1 2)"},
        {"\\frac{1}{2}", "(divide 1 2)"},
        {"\\dfrac 12", "(divide 1 2)"},
        {"\\frac1{72}", "(divide 1 72)"},
        {"\\frac{270}7", "(divide 270 7)"},
        {"\\frac\\pi4", "(divide pi 4)"},
        {"\\tfrac{a+b}{c}", "(divide (add a b) c)"},
        {"1/2x", "(multiply (divide 1 2) x)"},
        {"x/2y", "(divide x (multiply 2 y))"},
        {"a/b/c", "(divide (divide a b) c)"},
        {"\\sqrt2", "(function sqrt 2)"},
        {"\\sqrt12", "(function sqrt 12)"},
        {"\\sqrt[3]{x}", "(function root 3 x)"},
        {"√5", "(function sqrt 5)"},
        {"√(x+1)", "(function sqrt (add x 1))"},
        {"sqrt(2)", "(function sqrt 2)"},
        {"2sqrt3", "(multiply 2 (function sqrt 3))"},
        {"x^2", "(power x 2)"},
        {"x^10", "(power x 10)"},
        {"x^{n+1}", "(power x (add n 1))"},
        {"x**2", "(power x 2)"},
        {"2^3^2", "(power 2 (power 3 2))"},
        {"x²", "(power x 2)"},
        {"10⁻³", "(power 10 (negate 3))"},
        {"-x^2", "(negate (power x 2))"},
        {"(-x)^2", "(power (negate x) 2)"},
        {"2^{-1}", "(power 2 (negate 1))"},
        {"e^{i\\pi}", "(power e (multiply i pi))"},
    };
    EXPECT(cases);
}

static void signs_and_functions(void **state) {
    (void)state;
    const Case cases[] = {
        {"x!", "(factorial x)"},
        {"(n-1)!", "(factorial (add n (negate 1)))"},
        {"x!!", "(factorial (factorial x))"},
        {"50%", "(percent 50)"},
        {"50\\%", "(percent 50)"},
        {"28 percent", "(percent 28)"},
        {"30^\\circ", "(degrees 30)"},
        {"30°", "(degrees 30)"},
        {"72 degrees", "(degrees 72)"},
        {"25^\\circ C", "(units C 25)"},
        {"\\cos 15^{\\circ}", "(function cos (degrees 15))"},
        {"\\sin x", "(function sin x)"},
        {"\\sin 2x", "(function sin (multiply 2 x))"},
        {"\\sin^2 x", "(power (function sin x) 2)"},
        {"\\sin^{-1} x", "(function arcsin x)"},
        {"\\sin x\\cos y", "(multiply (function sin x) (function cos y))"},
        {"\\sin(x)^2", "(power (function sin x) 2)"},
        {"\\sin \\pi/6", "(function sin (divide pi 6))"},
        {"sinx", "(function sin x)"},
        {"2sinxcosx", "(multiply 2 (function sin x) (function cos x))"},
        {"\\ln xy", "(function ln (multiply x y))"},
        {"\\log_2 8", "(function log 2 8)"},
        {"\\log_{10}(x)", "(function log 10 x)"},
        {"\\log_28", "(function log 2 8)"},
        {"\\lg 100", "(function log 10 100)"},
        {"\\log^2_3 x", "(power (function log 3 x) 2)"},
        {"\\gcd(6,321,429)", "(function gcd 6 321 429)"},
        {"\\max\\{a,b\\}", "(function max a b)"},
        {"\\binom{n}{k}", "(function binomial n k)"},
        {"{n \\choose 2}", "(function binomial n 2)"},
        {"C(5,2)", "(function binomial 5 2)"},
        {"|x|", "(function abs x)"},
        {"||x|-1|", "(function abs (add (function abs x) (negate 1)))"},
        {"|x||y|", "(multiply (function abs x) (function abs y))"},
        {"\\left|\\frac{1}{x}\\right|", "(function abs (divide 1 x))"},
        {"\\lfloor x\\rfloor", "(function floor x)"},
        {"⌈x⌉", "(function ceil x)"},
    };
    EXPECT(cases);
}

static void names(void **state) {
    (void)state;
    const Case cases[] = {
        {"f(x)", "(function f x)"},
        {"f(x,y)", "(function f x y)"},
        {"x(x+1)", "(multiply x (add x 1))"},
        {"P(A)", "(function P A)"},
        {"f^{-1}(2)", "(function f^-1 2)"},
        {"f'", "f'"},
        {"x_1", "x_1"},
        {"x_{12}", "x_12"},
        {"x_{\\max}", "x_max"},
        {"k_{\\mathrm{B}}", "k_B"},
        {"x_1^2", "(power x_1 2)"},
        {"x^2_1", "(power x_1 2)"},
        {"v^2_0", "(power v_0 2)"},
        {"\\theta", "theta"},
        {"\\alpha_i", "alpha_i"},
        {"\\bar{x}", "xbar"},
        {"\\vec{v}", "v"},
        {"\\overline{AB}", "(multiply A B)"},
        {"\\angle ABC", "(function angle (multiply A B C))"},
        {"\\Delta x", "\"Delta x\""},
    };
    EXPECT(cases);
}

static void sums_and_relations(void **state) {
    (void)state;
    const Case cases[] = {
        {"5 - 3 + 2", "(add 5 (negate 3) 2)"},
        {"2 \\cdot 3 \\times 4", "(multiply 2 3 4)"},
        {"6 ÷ 2", "(divide 6 2)"},
        {"a \\pm b", "(plus_minus a b)"},
        {"\\pm 2", "(plus_minus 0 2)"},
        {"1 ∓ \\sqrt2", "(plus_minus 1 (negate (function sqrt 2)))"},
        {"7 \\mod 3", "(function mod 7 3)"},
        {"3 \\pmod{5}", "(function mod 3 5)"},
        {"x = 3", "(relation x = 3)"},
        {"3 = x", "(relation 3 = x)"},
        {"= 5", "5"},
        {"x \\approx 3.14", "(relation x ~ 3.14)"},
        {"x \\ne 2", "(relation x != 2)"},
        {"1 < x \\leq 5", "(relation 1 < x <= 5)"},
        {"x ∈ [0, 1)", "(relation x in (interval[) 0 1))"},
        {"x \\in \\mathbb{R}", "(relation x in \\mathbb{R})"},
        {"x \\notin \\{1\\}", "(function not_in x (set 1))"},
    };
    EXPECT(cases);
}

static void brackets_and_sets(void **state) {
    (void)state;
    const Case cases[] = {
        {"(1,2)", "(tuple 1 2)"},
        {"(a; b)", "(tuple a b)"},
        {"[1,2]", "(interval[] 1 2)"},
        {"[1,2)", "(interval[) 1 2)"},
        {"(-\\infty, 3]", "(interval(] (negate infinity) 3)"},
        {"(-\\infty, 3)", "(interval() (negate infinity) 3)"},
        {"]0,1[", "(interval() 0 1)"},
        {"[0,1[", "(interval[) 0 1)"},
        {"\\{1,2\\}", "(set 1 2)"},
        {"{1,2}", "(list 1 2)"},
        {"\\{\\}", "(set)"},
        {"\\emptyset", "(set)"},
        {"\\{x : x > 0\\}", "(relation x > 0)"},
        {"\\{x \\mid x > 0\\}", "(relation x > 0)"},
        {"(0,1) \\cup [2,3]", "(union (tuple 0 1) (interval[] 2 3))"},
        {"\\{1\\} ∪ [2,∞)", "(union (set 1) (interval[) 2 infinity))"},
        {"A \\cap B", "(intersect A B)"},
        {"\\mathbb{R} \\setminus \\{0\\}", "(difference \\mathbb{R} (set 0))"},
        {"\\langle 1,2,3\\rangle", "(tuple 1 2 3)"},
    };
    EXPECT(cases);
}

static void lists_and_environments(void **state) {
    (void)state;
    const Case cases[] = {
        {"x = 1 \\text{ or } x = 2", "(list (relation x = 1) (relation x = 2))"},
        {"x=1 and y=2", "(list (relation x = 1) (relation y = 2))"},
        {"x > 1 \\text{ and } x < 2", "(and (relation x > 1) (relation x < 2))"},
        {"x \\ge 0, x \\ne 1", "(and (relation x >= 0) (relation x != 1))"},
        {"2, \\text{ and } 3", "(list 2 3)"},
        {"1,2;3,4", "(list (tuple 1 2) (tuple 3 4))"},
        {"3:4", "(divide 3 4)"},
        {"1:2:3", "(tuple 1 2 3)"},
        {"AB:CD=1:2", "(relation (divide (multiply A B) (multiply C D)) = (divide 1 2))"},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "(matrix 2 1 2 3 4)"},
        {"\\begin{bmatrix} 1 \\\\ -2 \\\\ \\end{bmatrix}", "(matrix 2 1 (negate 2))"},
        {"\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", "(function det (matrix 2 1 2 3 4))"},
        {"\\begin{array}{cc}1&2\\\\3&4\\end{array}", "(matrix 2 1 2 3 4)"},
        {"\\begin{align*} x &= 1 \\\\ y &= 2 \\end{align*}", "(list (relation x = 1) (relation y = 2))"},
        {"\\begin{align*} x &= 1+1 \\\\ &= 2 \\end{align*}", "(relation x = (add 1 1) = 2)"},
        {"\\begin{cases} x=1 \\\\ y=2\\end{cases}", "(list (relation x = 1) (relation y = 2))"},
    };
    EXPECT(cases);
}

static void units_and_words(void **state) {
    (void)state;
    const Case cases[] = {
        {"5\\text{ cm}", "(units cm 5)"},
        {"5 \\text{ cm}^2", "(units cm^2 5)"},
        {"10 cm^2", "(units cm^2 10)"},
        {"10 square units", "(units \"square units\" 10)"},
        {"3\\,\\mathrm{m/s}", "(units m/s 3)"},
        {"12\\text{ m}/\\text{s}", "(units m/s 12)"},
        {"10weeks", "(units weeks 10)"},
        {"\\$4.50", "(units $ 4.50)"},
        {"$5", "(units $ 5)"},
        {"5\\$", "(units $ 5)"},
        {"€3", "(units euro 3)"},
        {"-\\$2", "(negate (units $ 2))"},
        {"18 dollars", "(units dollars 18)"},
        {"5 million", "(multiply 5 1000000)"},
        {"\\$2.5 \\text{ million}", "(multiply (units $ 2.5) 1000000)"},
        {"64 square feet", "(units \"square feet\" 64)"},
        {"5 min", "(units min 5)"},
        {"(A)", "\"A\""},
        {"\\text{(B)}", "\"B\""},
        {"B", "B"},
        {"\\text{east}", "\"east\""},
        {"\\text{June 20}", "\"June 20\""},
        {"\\text{13}", "13"},
        {"4:30 p.m.", "\"4:30 pm\""},
        {"9:05", "\"9:05\""},
        {"\\text{1:03 PM}", "\"1:03 pm\""},
        {"DNE", "undefined"},
        {"\\text{undefined}", "undefined"},
        {"\\text{does not exist}", "undefined"},
        {"\\text{no solution}", "(set)"},
        {"\\infty", "infinity"},
        {"-∞", "(negate infinity)"},
    };
    EXPECT(cases);
}

static void the_rest(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\boxed{5}", "5"},
        {"$\\boxed{\\frac12}$", "(divide 1 2)"},
        {"\\(x\\)", "x"},
        {"x \\quad", "x"},
        {"\\left( 1, 2 \\right)", "(tuple 1 2)"},
        {"\\quadx", "x"},
        {"\\\\frac{1}{2}", "(divide 1 2)"},
        {"185\\", "185"},
        {"\\int_0^1 x^2 dx", "(function integral (power x 2) x 0 1)"},
        {"\\sum_{k=1}^{n} k", "(function sum k k 1 n)"},
        {"\\lim_{x \\to 0} \\frac{\\sin x}{x}", "(function lim (divide (function sin x) x) (function to x 0))"},
        {"\\frac{d}{dx} x^2", "(function derivative (power x 2) x)"},
        {"a_1 + \\ldots + a_n", "(add a_1 ... a_n)"},
        {"2(3)(4)", "(multiply 2 3 4)"},
        {"(x+1)(x-1)", "(multiply (add x 1) (add x (negate 1)))"},
        {"2x3y", "(multiply 2 x 3 y)"},
        {"xy", "(multiply x y)"},
        {"abc", "(multiply a b c)"},
        {"2πr", "(multiply 2 pi r)"},
        {"2pir", "(multiply 2 pi r)"},
        {"i", "i"},
        {"3+2i", "(add 3 (multiply 2 i))"},
        {"\\mathrm{e}^x", "(power e x)"},
        {"\\operatorname{lcm}(4,6)", "(function lcm 4 6)"},
        {"6 \\text{ and } 8", "(list 6 8)"},
        {"Monday, Tuesday", "(list \"Monday\" \"Tuesday\")"},
        {"north-west", "\"north-west\""},
        {"The midpoints form a hexagon", "\"The midpoints form a hexagon\""},
        {"9\\text{ a.m.}", "(units a.m. 9)"},
        {"9^{9^{9}}", "(power 9 (power 9 9))"},
    };
    EXPECT(cases);
}

static void what_is_no_answer(void **state) {
    (void)state;
    const Case cases[] = {
        {"", NULL},           {"  $ $ ", NULL},  {"1 2", NULL},     {"x +", NULL},          {"\\frac{1}{", NULL},
        {"(1", NULL},         {"{{{", NULL},     {"}{", NULL},      {"\\unknown{x}", NULL}, {"1 + \\text{two}", NULL},
        {"\\left( 1", NULL},  {"|x", NULL},      {"x^", NULL},      {"x_", NULL},           {"\\sqrt[3", NULL},
        {"3 5/4", NULL},      {"\\begin{pmatrix} 1 & 2 \\\\ 3 \\end{pmatrix}", NULL},       {"\\text{a", NULL},
        {"\\begin{pmatrix}", NULL},
    };
    EXPECT(cases);
}

// ---- Limits ----

static char *repeated(const char *part, size_t times, const char *middle, const char *closing) {
    Buf text;
    buf_init(&text, 0);
    for (size_t i = 0; i < times; i++)
        buf_add_text(&text, part);
    buf_add_text(&text, middle);
    for (size_t i = 0; i < times && closing[0] != 0; i++)
        buf_add_text(&text, closing);
    return text.data;
}

// Seconds of processor time: what is promised for one parse, however the text is built.
static void expect_quick(char *text, int parses) { // parses: 1, 0, or -1 for either
    Arena *arena = arena_create();
    const Term *term;
    Error error;
    clock_t from = clock();
    bool ok = math_parse(str_of(text), arena, &term, &error);
    double seconds = (double)(clock() - from) / CLOCKS_PER_SEC;
    if (parses >= 0 && ok != (parses == 1)) fail_msg("%.40s...: %s", text, ok ? "parses" : error.message);
    if (seconds > 0.1) fail_msg("%.40s...: %.3f s", text, seconds);
    arena_destroy(arena);
    mem_free(text);
}

static void no_text_takes_long(void **state) {
    (void)state;
    expect_quick(repeated("{", 50000, "x", "}"), 0);
    expect_quick(repeated("{", 30000, "x", "}"), 0);
    expect_quick(repeated("{", 20, "x", "}"), 1);
    expect_quick(repeated("(", 30000, "", ""), 0);
    expect_quick(repeated("\\frac{", 8000, "1", "}{2}"), 0);
    expect_quick(repeated("\\text{", 8000, "x", "}"), -1);
    expect_quick(repeated("\\boxed{", 8000, "x", "}"), 0);
    expect_quick(repeated("|", 60000, "", ""), 0);
    expect_quick(repeated("1/", 30000, "1", ""), 0);
    expect_quick(repeated("1+", 9000, "1", ""), 1);
    expect_quick(repeated("1+", 30000, "1", ""), 0);
    expect_quick(repeated("-", 60000, "1", ""), 1);
    expect_quick(repeated("x!", 30000, "", ""), 0);
    expect_quick(repeated("9", 4096, "", ""), 1);
    expect_quick(repeated("9", 4097, "", ""), 0);
    expect_quick(repeated("9", 60000, "", ""), 0);
    expect_quick(repeated("2^", 30000, "2", ""), 0);
    expect_quick(repeated("x_", 30000, "2", ""), 0);
    expect_quick(repeated("\\sin ", 12000, "x", ""), 0);
    expect_quick(repeated("(1,", 20000, "1", ")"), 0);
    expect_quick(repeated("\xe2\x88\x9e", 20000, "", ""), -1);
    expect_quick(repeated("\\\\alpha", 8000, "", ""), -1);
    expect_quick(repeated("a<", 30000, "a", ""), 0);
    expect_quick(repeated("word ", 13000, "", ""), -1);
    expect_quick(repeated("\\", 65000, "", ""), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(fractions_roots_and_powers),
        cmocka_unit_test(signs_and_functions),
        cmocka_unit_test(names),
        cmocka_unit_test(sums_and_relations),
        cmocka_unit_test(brackets_and_sets),
        cmocka_unit_test(lists_and_environments),
        cmocka_unit_test(units_and_words),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(what_is_no_answer),
        cmocka_unit_test(no_text_takes_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
