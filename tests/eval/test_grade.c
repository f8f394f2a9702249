// Grading of texts: verdicts by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "eval/math/grade.h"

typedef struct Case {
    const char *gold, *pred;
    bool equal;
} Case;

static void expect(GradeExtract extract, const Case *cases, size_t n) {
    GradeSettings settings = {.extract = extract, .tags = {"</think>", "<answer>", "</answer>", true}, .forms = true};
    for (size_t i = 0; i < n; i++) {
        GradeResult r;
        math_grade(str_of(cases[i].gold), str_of(cases[i].pred), &settings, &r);
        if (r.equal != cases[i].equal) {
            fail_msg("%s | %s: got %s (%s), expected %s; forms %s | %s", cases[i].gold, cases[i].pred,
                     r.equal ? "equal" : "different", math_how_name(r.how), cases[i].equal ? "equal" : "different",
                     r.gold_form.len > 0 ? r.gold_form.data : "none", r.pred_form.len > 0 ? r.pred_form.data : "none");
        }
        grade_result_free(&r);
    }
}
#define EXPECT(extract, cases) expect(extract, cases, sizeof(cases) / sizeof(cases)[0])

static void answers(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\frac{3}{8}", "0.375", true},
        {"\\frac38", "3/8", true},
        {"$1,250$", "1250", true},
        {"\\$4.50", "4.5", true},
        {"12\\%", "0.12", true},
        {"3\\frac{1}{4}", "\\frac{13}{4}", true},
        {"2\\sqrt{12}", "4\\sqrt3", true},
        {"\\frac{1}{\\sqrt{5}}", "\\frac{\\sqrt{5}}{5}", true},
        {"(t-4)(t+4)", "t^2-16", true},
        {"(t-4)(t+4)", "t^2+16", false},
        {"x=7", "7", true},
        {"7", "x = 7", true},
        {"y = 2x - 1", "2x-1", true},
        {"(4,-2)", "\\left( 4, -2 \\right)", true},
        {"(4,-2)", "(-2,4)", false},
        {"5, 9", "9, 5", true},
        {"\\{5, 9\\}", "\\{9,5\\}", true},
        {"x > 4", "(4, \\infty)", true},
        {"x \\ge 4", "(4, \\infty)", false},
        {"[1,5)", "1 \\le x < 5", true},
        {"[1,5)", "[1,5]", false},
        {"\\pm 6", "6, -6", true},
        {"\\pm 6", "6", false},
        {"\\begin{pmatrix} 1 \\\\ -2 \\end{pmatrix}", "\\begin{bmatrix} 1 \\\\ -2 \\end{bmatrix}", true},
        {"45^\\circ", "45", true},
        {"2.7\\times 10^4", "27000", true},
        {"101_2", "101_{2}", true},
        {"101_2", "101_3", false},
        {"\\text{east}", "East", true},
        {"\\text{(B)}", "B", true},
        {"B", "C", false},
        {"18\\text{ cm}^2", "18", true},
        {"\\pi/6", "\\frac{\\pi}{6}", true},
        {"\\sin 2x", "2 \\sin x \\cos x", true},
        {"3+2i", "2i+3", true},
        {"3x - 2y = 6", "y = \\frac{3}{2}x - 3", true},
        {"3x - 2y = 6", "y = \\frac{3}{2}x + 3", false},
        {"11+x", "x+11 \\text{ or } 11+x", true},
        {"11+x", "x+11 \\text{ or } 12+x", false},
        {"f(n) = n", "f(m) = n", false},
        {"a < x \\le b", "(a, b]", true},
        {"a < x \\le b", "(a, b)", false},
        {"\\mathbb{R} \\setminus \\{1\\}", "(-\\infty,1)\\cup(1,\\infty)", true},
        {"\\text{all real numbers}", "\\mathbb{R}", true},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}^{-1}", "\\begin{pmatrix}-2&1\\\\3/2&-1/2\\end{pmatrix}", true},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}^{-1}", "\\begin{pmatrix}-2&1\\\\3/2&1/2\\end{pmatrix}", false},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}^T", "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}", true},
        {"4:30 \\text{ p.m.}", "4:30 PM", true},
        {"4:30 \\text{ p.m.}", "4:30 AM", false},
        {"5 million", "5000000", true},
        {"5 million", "5", false},
        {"9^{9^{9}}", "9^{9^{9}}", true},
        {"9^{9^{9}}", "8^{9^{9}}", false},
        {"", "", false},
        {"{{{", "}}}", false},
    };
    EXPECT(GRADE_EXTRACT_NONE, cases);
}

static void answers_in_texts(void **state) {
    (void)state;
    const Case cases[] = {
        {"12", "So the total is \\boxed{12}.", true},
        {"12", "It might be \\boxed{12}, but no: \\boxed{13}.", false},
        {"12", "<think>\\boxed{13}</think> The result: \\boxed{12}", true},
        {"\\frac12", "First 3, then <answer>0.5</answer>", true},
        {"7", "We add 3 and 4. The answer is 7.", true},
        {"7", "We add 3 and 4 and get 8.", false},
        {"8", "So \\boxed{3}. Then 5 more. Final Answer: The final answer is $8$.", true},
        {"3", "So \\boxed{3}. The final answer is positive.", true},
        {"(3,3), (1,1)", "$\\boxed{(3, 3)} \\text{ for part (a) and } \\boxed{(1, 1)}$", true},
        {"7", "", false},
    };
    EXPECT(GRADE_EXTRACT_PRED, cases);
    const Case both[] = {
        {"Therefore \\boxed{\\sqrt{8}}.", "\\boxed{2\\sqrt2}", true},
        {"Therefore \\boxed{\\sqrt{8}}.", "\\boxed{3}", false},
    };
    EXPECT(GRADE_EXTRACT_BOTH, both);
}

static void how_names_the_way(void **state) {
    (void)state;
    const struct {
        const char *gold, *pred;
        MathHow how;
    } cases[] = {
        {"$\\dfrac{1}{2}$", "\\frac{1}{2}", MATH_SAME_TEXT},
        {"0.5", "\\frac{1}{2}", MATH_SAME_FORM},
        {"1", "\\sin^2 x + \\cos^2 x", MATH_NUMERIC},
        {"3.14", "\\pi", MATH_ROUNDED},
        {"3", "4", MATH_DIFFERENT},
        {"}{", "4", MATH_UNPARSED},
    };
    GradeSettings settings = {.extract = GRADE_EXTRACT_NONE};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        GradeResult r;
        math_grade(str_of(cases[i].gold), str_of(cases[i].pred), &settings, &r);
        if (r.how != cases[i].how) fail_msg("%s | %s: got %s", cases[i].gold, cases[i].pred, math_how_name(r.how));
        grade_result_free(&r);
    }
}

static void names_of_extract(void **state) {
    (void)state;
    GradeExtract extract;
    assert_true(grade_extract_by_name(STR("both"), &extract));
    assert_int_equal(extract, GRADE_EXTRACT_BOTH);
    assert_true(grade_extract_by_name(STR("none"), &extract));
    assert_int_equal(extract, GRADE_EXTRACT_NONE);
    assert_false(grade_extract_by_name(STR("gold"), &extract));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(answers_in_texts),
        cmocka_unit_test(how_names_the_way),
        cmocka_unit_test(names_of_extract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
