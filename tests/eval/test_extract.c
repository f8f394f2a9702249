// Extraction: texts and what a reader takes for their answer, the expected spans written by hand; the bound on time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "eval/extract.h"

typedef struct Case {
    const char *text, *answer; // NULL: none
    ExtractRule rule;
} Case;

static void check(Str text, const ExtractSettings *settings, const char *answer, ExtractRule rule) {
    Extracted got = extract_answer(text, settings);
    bool same =
        answer == NULL ? got.answer.ptr == NULL : got.answer.ptr != NULL && str_equal(got.answer, str_of(answer));
    if (!same || got.rule != rule) {
        fail_msg("%.*s: got \"%.*s\" by %s, expected \"%s\" by %s", (int)text.len, text.ptr, (int)got.answer.len,
                 got.answer.ptr != NULL ? got.answer.ptr : "", extract_rule_name(got.rule), answer,
                 extract_rule_name(rule));
    }
    if (answer == NULL) return;
    assert_ptr_equal(text.ptr + got.from, got.answer.ptr);
    assert_int_equal(got.to - got.from, got.answer.len);
}

static void check_all(const Case *cases, size_t n, const ExtractSettings *settings) {
    for (size_t i = 0; i < n; i++) check(str_of(cases[i].text), settings, cases[i].answer, cases[i].rule);
}
#define CHECK_ALL(cases, settings) check_all(cases, sizeof(cases) / sizeof(cases)[0], settings)

static void takes_the_last_box(void **state) {
    (void)state;
    const Case cases[] = {
        {"so \\boxed{1} was wrong, it is $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}", EXTRACT_BOXED},
        {"\\fbox{7}", "7", EXTRACT_BOXED},
        {"\\boxed{ \\{1, 2\\} }", "\\{1, 2\\}", EXTRACT_BOXED},
        {"\\boxed{\\left\\{ 3 \\right.}", "\\left\\{ 3 \\right.", EXTRACT_BOXED},
        {"\\boxed {12.}", "12", EXTRACT_BOXED},
        {"\\boxed{$5$}", "5", EXTRACT_BOXED},
        {"\\boxed 5 is it", "5", EXTRACT_BOXED},
        {"$\\boxed -\\frac{1}{2}$", "-\\frac{1}{2}", EXTRACT_BOXED},
        {"\\boxed{\\boxed{5}}", "5", EXTRACT_BOXED},
        {"\\boxed{1 + \\fbox{2}}", "1 + \\fbox{2}", EXTRACT_BOXED},
        {"} { \\boxed{6} }", "6", EXTRACT_BOXED},
        {"\\boxed{opened \\boxed{8} here", "8", EXTRACT_BOXED},
        {"first \\boxed{3}, then \\boxed{}", "3", EXTRACT_BOXED},
        {"\\\\boxed{\\\\frac{1}{2}}", "\\\\frac{1}{2}", EXTRACT_BOXED},
        {"the answer is 4, that is \\boxed{5}. The answer is 4.", "5", EXTRACT_BOXED},
        {"it is \\boxed{42", "42", EXTRACT_LAST_NUMBER},
    };
    CHECK_ALL(cases, NULL);
}

static void joins_boxes_of_a_list(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\[ \\boxed{-2} \\quad \\text{and} \\quad \\boxed{1}. \\]",
         "\\boxed{-2} \\quad \\text{and} \\quad \\boxed{1}", EXTRACT_BOXED},
        {"$\\boxed{1}$, $\\boxed{2}$, and $\\boxed{3}$.", "\\boxed{1}$, $\\boxed{2}$, and $\\boxed{3}", EXTRACT_BOXED},
        {"\\boxed{1} for a, \\boxed{2} or \\boxed{3}", "\\boxed{2} or \\boxed{3}", EXTRACT_BOXED},
        {"\\boxed{1} \\boxed{2}", "2", EXTRACT_BOXED}, // side by side is no list, nor is the next line
        {"\\boxed{1},\n\\boxed{2}", "2", EXTRACT_BOXED},
    };
    CHECK_ALL(cases, NULL);
}

static void takes_what_is_announced(void **state) {
    (void)state;
    const Case cases[] = {
        {"so 3 + 4 = 7.\n#### 42", "42", EXTRACT_PHRASE},
        {"#### 1,200", "1,200", EXTRACT_PHRASE},
        {"The final answer is 12. I hope it is correct.", "12", EXTRACT_PHRASE},
        {"Final Answer: The final answer is $\\frac{3}{4}$. I hope so.", "\\frac{3}{4}", EXTRACT_PHRASE},
        {"ANSWER: x^2 + 1\n", "x^2 + 1", EXTRACT_PHRASE},
        {"**Answer:** 3.5", "3.5", EXTRACT_PHRASE},
        {"the answer is:\n\n**17**\n", "17", EXTRACT_PHRASE},
        {"The answer to the second question is 8.", "8", EXTRACT_PHRASE},
        {"Answer: 5. But no: the answer is 6.", "6", EXTRACT_PHRASE},
        {"The answer is 5. This answer is correct.", "5", EXTRACT_PHRASE},
        {"The answer is $x = 2$ or $x = 3$, as found.", "$x = 2$ or $x = 3$", EXTRACT_PHRASE},
        {"Final answer: the largest $n$ is 34.", "34", EXTRACT_PHRASE},
        {"The answer is the interval $[0, 1)$.", "[0, 1)", EXTRACT_PHRASE},
        {"The answer is $10,455$.", "10,455", EXTRACT_PHRASE},
        {"The answer is $18 a day.", "$18 a day", EXTRACT_PHRASE},
        {"the answer is \\[ y = 2.5 \\] as said", "y = 2.5", EXTRACT_PHRASE},
        {"Answer: north?\nit is 9", "north", EXTRACT_PHRASE},
        {"答案是 12。", "12", EXTRACT_PHRASE},
        {"I will answer in time. 9", "9", EXTRACT_LAST_NUMBER},
        {"The answer is not 4. It is 5", "5", EXTRACT_LAST_NUMBER},
    };
    CHECK_ALL(cases, NULL);
}

static void falls_back_to_math_and_numbers(void **state) {
    (void)state;
    const Case cases[] = {
        {"we see that $x = 3$ and so \\(y = 4\\)", "y = 4", EXTRACT_LAST_MATH},
        {"the roots are $2$ and $3$", "$2$ and $3$", EXTRACT_LAST_MATH},
        {"for all \\[ z > 1 \\] there", "z > 1", EXTRACT_LAST_MATH},
        {"$$ a = 1 $$", "a = 1", EXTRACT_LAST_MATH},
        {"the domain of $f$ has as many points: the total is 19.", "19", EXTRACT_LAST_NUMBER},
        {"apples at $5 and pears at $6 make 11 dollars", "11", EXTRACT_LAST_NUMBER},
        {"an open $ sign\n\nand then $ another makes 7", "7", EXTRACT_LAST_NUMBER},
        {"of 12,345,678 people", "12,345,678", EXTRACT_LAST_NUMBER},
        {"rows of 1,2,3 and -4.50 left", "-4.50", EXTRACT_LAST_NUMBER},
        {"a chance of 25% or so", "25%", EXTRACT_LAST_NUMBER},
        {"about 3 1/2 cups then", "3 1/2", EXTRACT_LAST_NUMBER},
        {"hence 7/8 of them", "7/8", EXTRACT_LAST_NUMBER},
        {"that makes (\\frac{2}{5}) tons", "\\frac{2}{5}", EXTRACT_LAST_NUMBER},
        {"from 10-3 it follows", "3", EXTRACT_LAST_NUMBER},
        {"it costs 2,74 in Paris", "2,74", EXTRACT_LAST_NUMBER},
        {"room B12 lies before x2.5 in the plan", "room B12 lies before x2.5 in the plan", EXTRACT_WHOLE},
        {"about 1.5e-3 of it all", "1.5e-3", EXTRACT_LAST_NUMBER},
        {"it falls by \xe2\x88\x92"
         "5 of all",
         "\xe2\x88\x92"
         "5",
         EXTRACT_LAST_NUMBER},
    };
    CHECK_ALL(cases, NULL);
}

static void takes_expressions_whole(void **state) {
    (void)state;
    const Case cases[] = {
        {"\\frac{1}{2}", "\\frac{1}{2}", EXTRACT_WHOLE},
        {" x^2 + 1 ", "x^2 + 1", EXTRACT_WHOLE},
        {"(1, 2)", "(1, 2)", EXTRACT_WHOLE},
        {"2\\sqrt{3}", "2\\sqrt{3}", EXTRACT_WHOLE},
        {"28 percent", "28 percent", EXTRACT_WHOLE},
        {"sin(x)/2", "sin(x)/2", EXTRACT_WHOLE},
        {"the sum is 55", "55", EXTRACT_LAST_NUMBER},
        {"Paris", "Paris", EXTRACT_WHOLE},
        {"", NULL, EXTRACT_NONE},
        {" \n ", NULL, EXTRACT_NONE},
    };
    CHECK_ALL(cases, NULL);
}

static void looks_after_the_thought_and_into_tags(void **state) {
    (void)state;
    ExtractSettings settings = {"</t>", "<s>", "</s>", false};
    const Case strict[] = {
        {"\\boxed{1} and the answer is 2", NULL, EXTRACT_NONE}, // a thought without end
        {"\\boxed{1}</t>it is \\boxed{2}", "2", EXTRACT_BOXED},
        {"\\boxed{1}</t>", NULL, EXTRACT_NONE},
        {"a</t>\\boxed{1}</t>it is 7", "7", EXTRACT_LAST_NUMBER},
        {"</t><s>\\boxed{1}</s><s> so \\boxed{2}</s> or \\boxed{3}", "2", EXTRACT_TAGS},
        {"</t><s> x = 4 </s>", "x = 4", EXTRACT_TAGS},
        {"<s>1</s></t>9", "9", EXTRACT_WHOLE},
        {"</t><s>1</s> then <s>2", "1", EXTRACT_TAGS},
        {"</t><s>1<s>2</s>", "2", EXTRACT_TAGS},
        {"</t><s>1</s>2</s>", "1", EXTRACT_TAGS},
        {"</t><s></s> 5", NULL, EXTRACT_NONE},
    };
    CHECK_ALL(strict, &settings);
    settings.thought_optional = true;
    const Case optional[] = {{"the answer is 2", "2", EXTRACT_PHRASE}, {"1</t>2", "2", EXTRACT_WHOLE}};
    CHECK_ALL(optional, &settings);
    settings = (ExtractSettings){"", NULL, "</s>", false};
    check(STR("1</s>"), &settings, "1</s>", EXTRACT_WHOLE);
}

static void chooses_letters(void **state) {
    (void)state;
    const struct {
        const char *text;
        char letter;
    } cases[] = {
        {"A", 'A'},
        {"c", 'C'},
        {"(D)", 'D'},
        {"**B**", 'B'},
        {"C. because", 'C'},
        {"The answer is A.", 'A'},
        {"the correct answer is (b)", 'B'},
        {"Answer: c", 'C'},
        {"The answer is a number. So \\boxed{D}", 'D'},
        {"\\boxed{\\text{(C)}}", 'C'},
        {"\\boxed{\\textbf{B}}", 'B'},
        {"\\boxed{42}. Answer: D", 'D'},
        {"A cat sat there. I chose C in the end", 'C'},
        {"A cat sat on a mat", 0},
        {"B is correct. Or maybe C. Let me finalize B", 'B'},
        {"A is right", 'A'},
        {"The answer is definitely option B, not A.", 'B'},
        {"Answer: \"C\"", 'C'},
        {"long reasons about B and A\n\n**C**", 'C'},
        {"Because B is valid", 'B'},
        {"the answer is A good one", 0},
        {"Vitamin C helps; E is no choice (D) here, said A", 'D'},
        {"E", 0},
        {"no letter", 0},
        {"", 0},
        {"ANSWER: D\n", 'D'},
        {"**Answer: A**", 'A'},
        {"The answer is $\\boxed{A}$.", 'A'},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Extracted where;
        char got = extract_choice(str_of(cases[i].text), NULL, 4, &where);
        if (got != cases[i].letter) fail_msg("%s: got '%c', expected '%c'", cases[i].text, got, cases[i].letter);
        assert_int_equal(where.rule == EXTRACT_NONE, got == 0);
        if (got != 0) assert_int_equal(cases[i].text[where.from] & ~0x20, got);
    }
    assert_int_equal(extract_choice(STR("answer: E"), NULL, 10, NULL), 'E');
    const ExtractSettings settings = {.thought_close = "</t>"};
    assert_int_equal(extract_choice(STR("A</t>B"), &settings, 4, NULL), 'B');
    assert_int_equal(extract_choice(STR("A"), &settings, 4, NULL), 0);
}

// Processor time of reading `size` bytes of a pattern over and over: a busy machine is no quadratic rule.
static double extract_s(const char *pattern, size_t size) {
    const ExtractSettings settings = {"</t>", "<s>", "</s>", true};
    Buf text;
    buf_init(&text, 0);
    while (text.len < size) buf_add_text(&text, pattern);
    clock_t start = clock();
    extract_answer(buf_str(&text), &settings);
    extract_choice(buf_str(&text), &settings, 4, NULL);
    double took_s = (double)(clock() - start) / CLOCKS_PER_SEC;
    buf_free(&text);
    return took_s;
}

// 1 MB of each pattern in well under a second: what is quadratic takes minutes.
static void is_linear(void **state) {
    (void)state;
    const char *const patterns[] = {
        "{",
        "}",
        "{}",
        "\\boxed{",
        "\\boxed ",
        "\\boxed{}",
        "\\boxed{1}, ",
        "\\",
        "$",
        "$$ ",
        "$1",
        "\\(",
        "\\[ \\( $",
        "$ \\) ",
        "the answer is ",
        "answer",
        "answer to ",
        "#### ",
        "####",
        " ",
        "\n",
        "1",
        "1,000",
        "1 1/",
        "(A",
        "A ",
        "*",
        ".",
        "-",
        "<s>",
        "</s>",
        "</s><s>",
        "</t>",
        "\xe7\xad\x94\xe6\xa1\x88\xe6\x98\xaf",
        "\\frac{1}{",
        "answer: $",
        "is ",
        "\\boxed{1}\n",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        double quarter_s = extract_s(patterns[i], 250000), whole_s = extract_s(patterns[i], 1000000);
        // four times as long where the rules are linear, 16 times where one is quadratic; the constant is the clock's
        if (whole_s > 8 * quarter_s + 0.1)
            fail_msg("\"%s\": 250 kB took %.2f s, 1 MB %.2f s", patterns[i], quarter_s, whole_s);
        if (whole_s > 2) fail_msg("1 MB of \"%s\" took %.1f s", patterns[i], whole_s); // 0.01 .. 0.1 s without sanitizers
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_last_box),      cmocka_unit_test(joins_boxes_of_a_list),
        cmocka_unit_test(takes_what_is_announced), cmocka_unit_test(falls_back_to_math_and_numbers),
        cmocka_unit_test(takes_expressions_whole), cmocka_unit_test(looks_after_the_thought_and_into_tags),
        cmocka_unit_test(chooses_letters),         cmocka_unit_test(is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
