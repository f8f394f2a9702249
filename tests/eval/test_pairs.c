// Pairs of answers, class by class, right readings beside near misses: each verdict by hand, from school mathematics.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include "base/mem.h"
#include "eval/math/grade.h"

typedef struct Case {
    const char *gold, *pred;
    bool equal;
} Case;

static void expect(GradeExtract extract, const Case *cases, size_t n) {
    GradeSettings settings = {.extract = extract, .forms = true};
    for (size_t i = 0; i < n; i++) {
        GradeResult r;
        math_grade(str_of(cases[i].gold), str_of(cases[i].pred), &settings, &r);
        if (r.equal != cases[i].equal) {
            fail_msg("%s | %s: got %s (%s); forms %s | %s", cases[i].gold, cases[i].pred,
                     r.equal ? "equal" : "different", math_how_name(r.how),
                     r.gold_form.len > 0 ? r.gold_form.data : "none",
                     r.pred_form.len > 0 ? r.pred_form.data : "none");
        }
        grade_result_free(&r);
    }
}

static void intervals(void **state) {
    (void)state;
    const Case cases[] = {
        {"(1,2)", "[1,2]", false},
        {"[1,2)", "(1,2]", false},
        {"(1,2)", "(2,1)", false},
        {"[1,2]", "1\\le x\\le 2", true},
        {"(1,2)", "1<x<2", true},
        {"(1,2)", "1 \\le x \\le 2", false},
        {"(1,2)", "\\{1,2\\}", false},
        {"[1,2]", "\\{1,2\\}", false},
        {"(-\\infty,2)", "x<2", true},
        {"(-\\infty,2]", "x<2", false},
        {"(1,2)\\cup(2,3)", "(1,3)", false},
        {"(1,2]\\cup(2,3)", "(1,3)", true},
        {"(1,3)\\setminus\\{2\\}", "(1,2)\\cup(2,3)", true},
        {"]1,2[", "(1,2)", true},
        {"]1,2]", "(1,2]", true},
        {"\\mathbb{R}", "(-\\infty,\\infty)", true},
        {"\\mathbb{R}\\setminus\\{0\\}", "x\\ne 0", true},
        {"\\mathbb{R}\\setminus\\{0\\}", "(-\\infty,0)\\cup(0,\\infty)", true},
        {"[2,\\infty)", "x \\ge 2", true},
        {"[2,\\infty)", "x>2", false},
        {"[2,\\infty)", "y\\geq 2", true},
        {"x>2", "y>2", false},
        {"x>2", "2<x", true},
        {"x > 2", "x \\in (2, +\\infty)", true},
        {"a<b<c", "c>b>a", true},
        {"a<b<c", "a<c<b", false},
        {"0<x<1", "0<x\\le1", false},
        {"-1<x<1", "|x|<1", true},
        {"-1<x<1", "|x|\\le 1", false},
        {"x<-1 \\text{ or } x>1", "|x|>1", true},
        {"x<-1,x>1", "(-\\infty,-1)\\cup(1,\\infty)", true},
        {"2<x", "x<2", false},
        {"x\\ge 2", "2\\le x", true},
        {"x \\le 2", "x=2", false},
        {"x\\neq 2", "x=2", false},
        {"x<2", "2", false},
        {"x\\le 2", "2", false},
        {"x>3", "3", false},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void sets(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\{1,2,3\\}", "\\{3,2,1\\}", true},
        {"\\{1,2,3\\}", "\\{1,2\\}", false},
        {"\\{1,2\\}", "\\{1,2,2\\}", true},
        {"1,2,2", "1,2", false},
        {"\\{1,2\\}", "(1,2)", false},
        {"\\{(1,2),(3,4)\\}", "\\{(3,4),(1,2)\\}", true},
        {"\\{(1,2),(3,4)\\}", "\\{(4,3),(1,2)\\}", false},
        {"\\emptyset", "\\{\\}", true},
        {"\\emptyset", "0", false},
        {"\\emptyset", "\\{0\\}", false},
        {"\\emptyset", "\\varnothing", true},
        {"\\text{no solution}", "\\emptyset", true},
        {"\\{\\emptyset\\}", "\\emptyset", false},
        {"\\{x : x > 2\\}", "(2,\\infty)", true},
        {"\\{x | x \\ge 2\\}", "(2,\\infty)", false},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void matrices(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}", true},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}", false},
        {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)", true},
        {"\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(2,1)", false},
        {"\\begin{pmatrix}1&2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}", false},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", false},
        {"-2", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", true},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "(1,2,3,4)", false},
        {"\\begin{pmatrix}2&4\\\\6&8\\end{pmatrix}", "2\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", true},
        {"\\begin{pmatrix} 1/2 \\\\ 3 \\end{pmatrix}", "\\begin{pmatrix} 0.5 \\\\ 3 \\end{pmatrix}", true},
        {"\\begin{pmatrix} 1 \\\\ 2 \\\\ 3\\end{pmatrix}", "\\langle 1,2,3\\rangle", true},
        {"\\begin{pmatrix} 1 \\\\ 2 \\\\ 3\\end{pmatrix}", "[1;2;3]", true},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "[[1,2],[3,4]]", true},
        {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "[[1,3],[2,4]]", false},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void bases(void **state) {
    (void)state;
    const Case cases[] = {
        {"101_2", "5", false},
        {"101_2", "101", true},
        {"101_2", "101_{2}", true},
        {"101_2", "101_3", false},
        {"5", "101_2", false},
        {"1010_{\\text{two}}", "1010_2", true},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void repeating_decimals(void **state) {
    (void)state;
    const Case cases[] = {
        {"0.\\overline{3}", "1/3", true},
        {"0.\\overline{3}", "0.3", false},
        {"0.\\overline{3}", "0.33", false},
        {"1/3", "0.333...", true},
        {"1/3", "0.3333", false},
        {"0.1\\overline{6}", "1/6", true},
        {"0.\\overline{9}", "1", true},
        {"0.\\overline{09}", "1/11", true},
        {"0.\\overline{9}", "0.9", false},
        {"0.\\overline{12}", "0.\\overline{21}", false},
        {"2.\\overline{3}", "7/3", true},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void mixed_numbers(void **state) {
    (void)state;
    const Case cases[] = {
        {"3\\frac{1}{2}", "7/2", true},
        {"3\\frac{1}{2}", "3/2", false},
        {"3 1/2", "3.5", true},
        {"-3\\frac12", "-3.5", true},
        {"-3\\frac12", "-2.5", false},
        {"3\\frac{1}{2}", "31/2", false},
        {"31/2", "3 1/2", false},
        {"1\\frac{3}{4}", "\\frac{13}{4}", false},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void percent(void **state) {
    (void)state;
    const Case cases[] = {
        {"50\\%", "0.5", true},
        {"50\\%", "50", true},
        {"50\\%", "5", false},
        {"50\\%", "0.05", false},
        {"0.5", "50\\%", true},
        {"\\frac12", "50\\%", true},
        {"50", "50\\%", true},
        {"100\\%", "1", true},
        {"5\\%", "0.5", false},
        {"5\\%", "500", false},
        {"12.5\\%", "\\frac18", true},
        {"1\\%", "1", true},
        {"150\\%", "1.5", true},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void units_and_angles(void **state) {
    (void)state;
    const Case cases[] = {
        {"5\\text{ cm}", "5", true},
        {"5\\text{ cm}^2", "5", true},
        {"5\\text{ cm}", "25", false},
        {"\\$5", "5", true},
        {"5 \\text{ hours}", "5 \\text{ h}", true},
        {"12 \\text{ m/s}", "12", true},
        {"10\\text{ cm}", "10^2", false},
        {"25^\\circ", "25", true},
        {"90^\\circ", "\\pi/2", true},
        {"90^\\circ", "90", true},
        {"90^\\circ", "\\pi", false},
        {"\\pi/6", "30", false},
        {"3\\text{ feet }2\\text{ inches}", "3\\text{ feet}", false},
        {"5\\text{ hours }30\\text{ minutes}", "5", false},
        {"5 hours 30 minutes", "5 hours 30 minutes", true},
        {"5 hours 30 minutes", "5 hours 31 minutes", false},
        {"5 ft 3 in", "5 ft 4 in", false},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void equations(void **state) {
    (void)state;
    const Case cases[] = {
        {"x=3", "3", true},
        {"3", "x=3", true},
        {"x=3", "y=3", false},
        {"x=3", "x=-3", false},
        {"y=2x+1", "2x+1", true},
        {"y=2x+1", "y-2x=1", true},
        {"y=2x+1", "y=2x-1", false},
        {"y=2x+1", "x=2y+1", false},
        {"x^2+y^2=1", "y^2+x^2=1", true},
        {"x^2+y^2=1", "x^2+y^2=2", false},
        {"x^2+y^2=1", "x+y=1", false},
        {"y=x", "x=y", true},
        {"y = x^2", "y^2 = x", false},
        {"x^2=9", "x=3", false},
        {"x=3", "x=\\pm 3", false},
        {"2x+3y=6", "y=2-\\frac{2x}{3}", true},
        {"xy=1", "y=1/x", true},
        {"3x+4y=5", "3x+4y-5=0", true},
        {"3x+4y=5", "3x+4y+5=0", false},
        {"f(x)=x^2", "x^2", true},
        {"f(x)=x^2", "g(x)=x^2", false},
        {"x=1,y=2", "x=2,y=1", false},
        {"x=1,y=2", "(1,2)", true},
        {"x=1,y=2", "(2,1)", false},
        {"x=1,y=2", "y=2,x=1", true},
        {"a=1,b=2,c=3", "1,2,3", true},
        {"a=1,b=2,c=3", "3,2,1", false},
        {"x=1 \\text{ or } x=2", "1,2", true},
        {"x=1 \\text{ or } x=2", "2,1", true},
        {"x=1", "1=x", true},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void plus_minus(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\pm 2", "2", false},
        {"\\pm 2", "-2", false},
        {"\\pm 2", "2,-2", true},
        {"\\pm2", "\\mp 2", true},
        {"1\\pm\\sqrt2", "1+\\sqrt2,1-\\sqrt2", true},
        {"1\\pm\\sqrt2", "1+\\sqrt2", false},
        {"1\\pm\\sqrt2", "-1\\pm\\sqrt2", false},
        {"x=\\pm 2", "x=2,x=-2", true},
        {"x = \\pm 2", "\\pm2", true},
        {"\\pm 1, \\pm 2", "1,-1,2,-2", true},
        {"\\pm 1, \\pm 2", "1,-1,2", false},
        {"3\\pm 2", "1,5", true},
        {"\\{\\pm 2\\}", "\\{-2,2\\}", true},
        {"\\{\\pm 1,\\pm 2\\}", "\\{1,2,-1,-2\\}", true},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void logarithms(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\ln 2", "\\log 2", true},
        {"\\log_2 8", "3", true},
        {"\\log 100", "2", true},
        {"\\ln 100", "2", false},
        {"\\log_{10} 100", "2", true},
        {"\\ln e", "1", true},
        {"\\log_3 2", "\\frac{\\ln 2}{\\ln 3}", true},
        {"\\log_2 3", "\\log_3 2", false},
        {"\\lg 5", "\\ln 5", false},
        {"2\\ln 3", "\\ln 9", true},
        {"\\ln 3", "\\ln 9", false},
        {"\\log_4 2", "1/2", true},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void lists(void **state) {
    (void)state;
    const Case cases[] = {
        {"1,2,3", "3,2,1", true},
        {"1,2,3", "1,2", false},
        {"1,2", "1,2,3", false},
        {"1 \\text{ and } 2", "2,1", true},
        {"1,2", "12", false},
        {"1,234", "1234", true},
        {"1,234", "1,2,3,4", false},
        {"12,3", "12.3", false},
        {"(1,2),(3,4)", "(3,4),(1,2)", true},
        {"(1,2),(3,4)", "1,2,3,4", false},
        {"(1,2),(3,4)", "(1,3),(2,4)", false},
        {"1;2;3", "1,2,3", true},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void words(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\text{yes}", "\\text{no}", false},
        {"\\text{Yes}", "yes", true},
        {"\\text{even}", "\\text{odd}", false},
        {"\\text{Evelyn}", "Evelyn", true},
        {"A", "B", false},
        {"(A)", "A", true},
        {"\\text{(A)}", "A", true},
        {"A", "a", false},
        {"\\text{Monday}", "Tuesday", false},
        {"\\text{true}", "false", false},
        {"\\text{True}", "\\text{true}", true},
        {"A,B", "B,A", true},
        {"A,B", "A", false},
        {"ABC", "ABD", false},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void long_numbers(void **state) {
    (void)state;
    const Case cases[] = {
        {"123456789012345678901234567890", "123456789012345678901234567891", false},
        {"123456789012345678901234567890", "123,456,789,012,345,678,901,234,567,890", true},
        {"1000000000000000000000000000000000000000000000000000000000000", "10^{60}", true},
        {"1000000000000000000000000000000000000000000000000000000000000", "10^{61}", false},
        {"2^{100}", "1267650600228229401496703205376", true},
        {"2^{100}", "1267650600228229401496703205377", false},
        {"2^{1000}", "2^{1000}+1", false},
        {"100!", "99! \\cdot 100", true},
        {"100!", "99!\\cdot 101", false},
        {"0.11111111111111111111111111111111111111111111111111",
         "0.1111111111111111111111111111111111111111111111111", false},
        {"\\pi", "3.14159265358979323846", false},
        {"\\sqrt2", "1.41421356237309504880", false},
        {"10^{10^{10}}", "10^{10^{10}}+1", false},
        {"10^{1000000}", "10^{1000000}", true},
        {"2^{2^{2^{2^2}}}", "2^{65536}", true},
        {"9^{9^9}", "9^{81}", false},
        {"9^{9^{9^{9}}}", "9^{9^{9}}", false},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void signs_of_other_scripts(void **state) {
    (void)state;
    const Case cases[] = {
        {"−5", "-5", true},
        {"-5", "−5", true},
        {"5", "−5", false},
        {"12", "１２", true},
        {"３．５", "3.5", true},
        {"１，２３４", "1234", true},
        {"x＝３", "3", true},
        {"（１，２）", "(1,2)", true},
        {"½", "1/2", true},
        {"3½", "7/2", true},
        {"x²", "x^2", true},
        {"√2", "\\sqrt{2}", true},
        {"2√3", "2\\sqrt3", true},
        {"π/2", "\\frac{\\pi}{2}", true},
        {"x≤2", "x \\le 2", true},
        {"２", "3", false},
        {"10⁻³", "0.001", true},
        {"Ａ", "A", true},
        {"ｘ", "x", true},
        {"50％", "50\\%", true},
        {"＄5", "5", true},
        {"∞", "\\infty", true},
        {"{1，2}", "\\{1,2\\}", true},
        {"３×１０^８", "3e8", true},
        {"1 000", "1000", true},
        {"1" "\u00a0" "000", "1000", true},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void algebra_and_numbers(void **state) {
    (void)state;
    const Case cases[] = {
        {"x^2-1", "(x-1)(x+1)", true},
        {"x^2-1", "(x-1)^2", false},
        {"\\frac{1}{x}", "x^{-1}", true},
        {"\\sqrt{x^2}", "x", false},
        {"\\sqrt{x^2}", "|x|", true},
        {"\\frac{x^2-1}{x-1}", "x+1", true},
        {"e^{i\\pi}", "-1", true},
        {"i^2", "-1", true},
        {"\\sqrt{-4}", "2i", true},
        {"\\sqrt{-4}", "-2i", false},
        {"\\sin^2 x+\\cos^2 x", "1", true},
        {"\\sin 2x", "2\\sin x\\cos x", true},
        {"\\sin x^2", "\\sin^2 x", false},
        {"\\sin^{-1} x", "\\arcsin x", true},
        {"\\sin^{-1}x", "1/\\sin x", false},
        {"\\tan x", "\\sin x/\\cos x", true},
        {"2^{-1}", "1/2", true},
        {"x^{1/2}", "\\sqrt{x}", true},
        {"\\sqrt[3]{-8}", "-2", true},
        {"(-8)^{1/3}", "-2", true},
        {"8^{2/3}", "4", true},
        {"\\frac{a}{b}", "\\frac{b}{a}", false},
        {"a-b", "b-a", false},
        {"|a-b|", "|b-a|", true},
        {"n(n+1)/2", "\\frac{n^2+n}{2}", true},
        {"n(n+1)/2", "\\frac{n(n-1)}{2}", false},
        {"\\binom{n}{2}", "\\frac{n(n-1)}{2}", true},
        {"\\binom{5}{2}", "10", true},
        {"\\binom52", "10", true},
        {"5!", "120", true},
        {"n!", "n(n-1)!", true},
        {"(-1)^n", "(-1)^{n+2}", true},
        {"(-1)^n", "(-1)^{n+1}", false},
        {"2^n", "2^{n+1}", false},
        {"\\lfloor 2.5\\rfloor", "2", true},
        {"\\lceil 2.5\\rceil", "2", false},
        {"\\cos 60^\\circ", "1/2", true},
        {"\\cos 60", "1/2", false},
        {"\\sin 30", "\\sin 30^\\circ", false},
        {"e^{x+y}", "e^xe^y", true},
        {"e^{xy}", "e^xe^y", false},
        {"x/2y", "\\frac{x}{2y}", true},
        {"\\frac12x", "x/2", true},
        {"1/2x", "x/2", true},
        {"ab", "ba", true},
        {"x_1+x_2", "x_2+x_1", true},
        {"x_1", "x_2", false},
        {"x_1", "x", false},
        {"\\frac{\\sqrt{3}}{3}", "\\frac{1}{\\sqrt3}", true},
        {"\\sqrt{3+2\\sqrt2}", "1+\\sqrt2", true},
        {"\\sqrt{2}+\\sqrt{3}", "\\sqrt{5}", false},
        {"\\sqrt{5+2\\sqrt6}", "\\sqrt2+\\sqrt3", true},
        {"\\frac{1+\\sqrt5}{2}", "1.618", false},
        {"0.33", "1/3", true},
        {"0.3", "1/3", false},
        {"0.34", "1/3", false},
        {"0.67", "2/3", true},
        {"3.14", "\\pi", true},
        {"3.15", "\\pi", false},
        {"2.5", "2.51", false},
        {"2.50", "2.5", true},
        {"1000", "1e3", true},
        {"1.5\\times10^3", "1500", true},
        {"1.5\\times10^3", "15000", false},
        {"0", "-0", true},
        {"0", "0.0", true},
        {"0", "", false},
        {"7", "07", true},
        {"1:2", "\\frac12", true},
        {"1:2", "2:1", false},
        {"1:2:3", "3:2:1", false},
        {"3:4", "6:8", true},
        {"12:30", "12.5", false},
        {"2:30 \\text{ p.m.}", "2:30", false},
        {"2:30 pm", "2:30 PM", true},
        {"2:30 p.m.", "2:30 a.m.", false},
        {"-\\frac{1}{2}", "\\frac{-1}{2}", true},
        {"-\\frac{1}{2}", "\\frac{1}{-2}", true},
        {"-\\frac{1}{2}", "\\frac{1}{2}", false},
        {"+5", "5", true},
        {"5", "5.", true},
        {"5", "$5$.", true},
        {"\\boxed{5}", "5", true},
        {"2+3i", "3i+2", true},
        {"2+3i", "2-3i", false},
        {"2+3i", "3+2i", false},
        {"|3+4i|", "5", true},
        {"\\infty", "-\\infty", false},
        {"\\infty", "+\\infty", true},
        {"\\infty", "infinity", true},
        {"\\text{undefined}", "0", false},
        {"\\text{DNE}", "does not exist", true},
        {"x \\equiv 1 \\pmod 3", "x \\equiv 2 \\pmod 3", false},
        {"\\frac{\\pi}{2}+k\\pi", "k\\pi+\\frac{\\pi}{2}", true},
        {"\\frac{\\pi}{2}+k\\pi", "\\frac{\\pi}{2}+2k\\pi", false},
        {"\\vec{v}=(1,2)", "(1,2)", true},
        {"1\\mathbf{i}+2\\mathbf{j}", "2\\mathbf{j}+\\mathbf{i}", true},
        {"(1,2,3)", "(1,2)", false},
    };
    expect(GRADE_EXTRACT_NONE, cases, sizeof cases / sizeof cases[0]);
}

static void formulas_in_dollars(void **state) {
    (void)state;
    const Case cases[] = {
        {"$x=1,y=2$", "$x=1$ and $y=2$", true},
        {"$a=1, b=2$", "$(1,2)$", true},
        {"$y=2x+3$", "$2x+3$", true},
        {"$f(x)=2x$", "$f(y)=2y$", true},
        {"$f(x)=2x, f(x)=3x$", "$2x, 3x$", true},
        {"$\\{(1,2),(3,4)\\}$", "$(1,2),(3,4)$", true},
        {"$\\{5\\}$", "$5$", true},
        {"$x\\in\\{1,2\\}$", "$1,2$", true},
        {"$x \\in \\{1,2\\}$", "$x=1,2$", true},
        {"$\\{(1,2)\\}$", "$(1,2)$", true},
        {"$x_1=1,x_2=2$", "$1,2$", true},
        {"$x_1=1,x_2=2$", "$2,1$", true},
        {"$S_{ABC}=12$", "$12$", true},
        {"$\\angle A=30^\\circ$", "$30^\\circ$", true},
        {"$\\angle ABC = 30^{\\circ}$", "$30$", true},
        {"$S_{\\triangle ABC}=12$", "$12$", true},
        {"$AB:BC=1:2$", "$1:2$", true},
        {"$AB:BC=1:2$", "$\\frac12$", true},
        {"$AB:BC=1:2$", "$2$", false},
        {"$10\\text{ cm}$", "$10 \\mathrm{~cm}$", true},
        {"$10\\mathrm{~cm}^{2}$", "$10$", true},
        {"$5\\mathrm{km}/\\mathrm{h}$", "$5$", true},
        {"$36 \\mathrm{~km} / \\mathrm{h}$", "$36\\text{ km/h}$", true},
        {"$20$ days", "$20$", true},
        {"$20$ days", "20", true},
        {"$\\text{yes}$", "Yes", true},
        {"$-\\sqrt{2}<a<\\sqrt{2}$", "$a\\in(-\\sqrt{2},\\sqrt{2})$", true},
        {"$a>1$ or $a<-1$", "$(-\\infty,-1)\\cup(1,\\infty)$", true},
        {"$x \\neq 2$", "$(-\\infty,2)\\cup(2,\\infty)$", true},
        {"$x\\ge 1, x\\ne 2$", "$[1,2)\\cup(2,\\infty)$", true},
        {"$x>0$ and $x\\neq 1$", "$(0,1)\\cup(1,\\infty)$", true},
        {"$0 \\leq x < 3$", "$[0,3)$", true},
        {"$k<\\frac13$ and $k\\ne0$", "$k<\\frac13$", false},
        {"$x^{2}+y^{2}-2x=0$", "$(x-1)^2+y^2=1$", true},
        {"$\\frac{x^2}{4}+\\frac{y^2}{3}=1$", "$3x^2+4y^2=12$", true},
        {"$\\frac{x^{2}}{4}+y^2=1$", "$x^2+4y^2=4$", true},
        {"$y^2=4x$", "$x=\\frac{y^2}{4}$", true},
        {"$y=\\pm x$", "$y=x$", false},
        {"$y=\\pm \\frac{1}{2}x$", "$y=\\frac12 x, y=-\\frac12 x$", true},
        {"$x+y-1=0$ or $x-y=0$", "$x=y, x+y=1$", true},
        {"$2^{n}-1$", "$a_n=2^n-1$", true},
        {"$a_{n}=2n-1$", "$2n-1$", true},
        {"$a_n = 2n+1$", "$a_n=2n-1$", false},
        {"$\\frac{n(n+1)(2n+1)}{6}$", "$\\frac{1}{6}n(n+1)(2n+1)$", true},
        {"$\\log_{2}{3}$", "$\\frac{\\ln 3}{\\ln 2}$", true},
        {"$\\lg 2$", "$\\log_{10}2$", true},
        {"$3 \\sqrt{2} \\mathrm{~cm}$", "$3\\sqrt2$", true},
        {"$\\frac{\\sqrt{6}-\\sqrt{2}}{4}$", "$\\sin 15^{\\circ}$", true},
        {"$\\frac{3}{5}$", "$0.6$", true},
        {"$0.6$", "$\\frac35$", true},
        {"$1.2$", "$\\frac{6}{5}$", true},
        {"$2\\dfrac{1}{2}$", "$2.5$", true},
        {"$2 \\frac{1}{2}$", "$\\frac{5}{2}$", true},
        {"$A$", "A. Paris", true},
        {"$\\mathrm{(B)}$", "B", true},
        {"$\\{x|-1<x<2\\}$", "$(-1,2)$", true},
        {"$\\{x \\mid x<-1 \\text{ or } x>2\\}$", "$(-\\infty,-1)\\cup(2,+\\infty)$", true},
        {"$\\left\\{x \\mid x \\geq 2\\right\\}$", "$[2,\\infty)$", true},
        {"$\\{x\\in\\mathbb{R}|x>2\\}$", "$x>2$", true},
        {"$7\\%$", "$0.07$", true},
        {"$7\\%$", "7 percent", true},
        {"$\\$32.50$", "$32.5$", true},
        {"$\\$1{,}250$", "1250", true},
        {"$1,250,000$", "1250000", true},
        {"$12{,}345{,}678$", "12345678", true},
        {"$4.5\\times 10^{-3}$", "0.0045", true},
        {"$4.5e-3$", "0.0045", true},
        {"$6.02\\cdot10^{23}$", "$6.02\\times10^{23}$", true},
        {"$x=2+\\sqrt{3}i$", "$2+i\\sqrt3$", true},
        {"$1\\pm 2i$", "$1+2i,1-2i$", true},
        {"$\\frac{-1\\pm\\sqrt{3}i}{2}$", "$-\\frac12\\pm\\frac{\\sqrt3}{2}i$", true},
        {"$\\begin{cases}x=1\\\\y=2\\end{cases}$", "$x=1,y=2$", true},
        {"$\\begin{cases}x=1\\\\y=2\\end{cases}$", "$(1,2)$", true},
        {"$\\left\\{\\begin{array}{l}x=1\\\\y=2\\end{array}\\right.$", "$(1,2)$", true},
        {"$\\begin{cases}x=1\\\\y=2\\end{cases}$", "$x=2,y=1$", false},
        {"$\\begin{aligned} x&=1\\\\ y&=2\\end{aligned}$", "$x=1,y=2$", true},
        {"$\\sqrt{a^2+b^2}$", "$(a^2+b^2)^{1/2}$", true},
        {"$\\frac{m}{n}$", "$m/n$", true},
        {"$e^{-x}$", "$\\frac1{e^x}$", true},
        {"$\\exp(-x)$", "$e^{-x}$", true},
        {"$x^2/2+C$", "$\\frac{x^2}{2}+C$", true},
        {"$\\arctan 1$", "$\\frac{\\pi}{4}$", true},
        {"$\\sec^2 x$", "$1+\\tan^2 x$", true},
        {"$\\cos 2x$", "$1-2\\sin^2x$", true},
        {"$\\cos^2 x$", "$\\cos(x^2)$", false},
        {"$\\sqrt[4]{16}$", "2", true},
        {"$\\overline{AB}$", "$AB$", true},
        {"$|AB| = 5$", "5", true},
        {"$\\vec{a}=(1,2)$", "$(1,2)$", true},
        {"$\\overrightarrow{AB}=(1,2)$", "$(1,2)$", true},
        {"$3:4:5$", "$3:4:5$", true},
        {"$3:4$", "$\\frac{3}{4}$", true},
        {"$1:\\sqrt2$", "$\\frac{\\sqrt2}{2}$", true},
        {"$(-\\infty,\\infty)$", "all real numbers", true},
        {"$\\varnothing$", "no solution", true},
        {"$\\frac{1}{2}, \\frac{1}{3}$", "$\\frac13,\\frac12$", true},
        {"$1\\frac{1}{2}$ hours", "1.5", true},
        {"$23^\\circ$C", "23", true},
        {"$23^{\\circ} \\mathrm{C}$", "23", true},
        {"$\\boxed{12}$", "12", true},
        {"$\\fbox{12}$", "12", true},
        {"$2\\cdot 3^{5}$", "486", true},
        {"$2^{10}$", "1024", true},
        {"$\\binom{10}{3}$", "120", true},
        {"${10 \\choose 3}$", "120", true},
        {"$\\dbinom{10}{3}$", "120", true},
        {"$10!$", "3628800", true},
    };
    expect(GRADE_EXTRACT_BOTH, cases, sizeof cases / sizeof cases[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals),
        cmocka_unit_test(sets),
        cmocka_unit_test(matrices),
        cmocka_unit_test(bases),
        cmocka_unit_test(repeating_decimals),
        cmocka_unit_test(mixed_numbers),
        cmocka_unit_test(percent),
        cmocka_unit_test(units_and_angles),
        cmocka_unit_test(equations),
        cmocka_unit_test(plus_minus),
        cmocka_unit_test(logarithms),
        cmocka_unit_test(lists),
        cmocka_unit_test(words),
        cmocka_unit_test(long_numbers),
        cmocka_unit_test(signs_of_other_scripts),
        cmocka_unit_test(algebra_and_numbers),
        cmocka_unit_test(formulas_in_dollars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
