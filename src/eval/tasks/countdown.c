#include "eval/tasks/countdown.h"

#include <assert.h>
#include <gmp.h>
#include <stdlib.h>
#include <string.h>

// ---- tokens

typedef enum TokenKind {
    TOKEN_NUMBER,
    TOKEN_OPERATOR, // ch: + - * / ( ) = and 'f' for \frac
    TOKEN_END,
} TokenKind;

typedef struct Token {
    TokenKind kind;
    char ch;
    Str digits; // of a number
} Token;

// What stands for a token or for white space (ch ' '). Longer spellings come before their beginnings.
static const struct Spelling {
    const char *text;
    char ch;
} SPELLINGS[] = {
    {"\\times", '*'}, {"\\cdot", '*'}, {"\\ast", '*'},  {"\\div", '/'},   {"\\dfrac", 'f'},
    {"\\tfrac", 'f'}, {"\\frac", 'f'}, {"\\left", ' '}, {"\\right", ' '}, {"\\displaystyle", ' '},
    {"\\,", ' '},     {"\\;", ' '},    {"\\:", ' '},    {"\\!", ' '},     {"\\ ", ' '},
    {"\\quad", ' '},  {"\\(", ' '},    {"\\)", ' '},    {"\\[", ' '},     {"\\]", ' '},
    {"$", ' '},       {"~", ' '},      {" ", ' '},      {"\t", ' '},      {"\n", ' '},
    {"\r", ' '},      {"\u00a0", ' '}, {"\u2009", ' '}, {"\u202f", ' '},  {"\u00d7", '*'},
    {"\u00b7", '*'},  {"\u22c5", '*'}, {"\u2217", '*'}, {"\u2219", '*'},  {"\u2022", '*'},
    {"\u00f7", '/'},  {"\u2215", '/'}, {"\u2044", '/'}, {"\u2212", '-'},  {"\u2013", '-'},
    {"x", '*'},       {"X", '*'},      {"+", '+'},      {"-", '-'},       {"*", '*'},
    {"/", '/'},       {"(", '('},      {")", ')'},      {"[", '('},       {"]", ')'},
    {"{", '('},       {"}", ')'},      {"=", '='},
};

typedef struct Parser {
    Str text;
    size_t at; // after `token`
    Token token;
    int depth;
    bool failed;    // not an expression
    bool undefined; // divided by zero, in any side
    // Numbers met in the present side.
    Str *used;
    int32_t n_used;
} Parser;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static void next_token(Parser *p) {
    while (p->at < p->text.len) {
        Str rest = {p->text.ptr + p->at, p->text.len - p->at};
        if (is_digit(rest.ptr[0])) {
            size_t n = 1;
            while (n < rest.len && is_digit(rest.ptr[n])) n++;
            p->at += n;
            p->token = (Token){TOKEN_NUMBER, 0, {rest.ptr, n}};
            return;
        }
        const struct Spelling *found = NULL;
        for (size_t i = 0; i < sizeof SPELLINGS / sizeof SPELLINGS[0] && found == NULL; i++)
            if (str_starts(rest, str_of(SPELLINGS[i].text))) found = &SPELLINGS[i];
        if (found == NULL) {
            p->failed = true;
            break;
        }
        p->at += strlen(found->text);
        if (found->ch == ' ') continue;
        p->token = (Token){TOKEN_OPERATOR, found->ch, {NULL, 0}};
        return;
    }
    p->token = (Token){TOKEN_END, 0, {NULL, 0}};
}

static bool at_operator(const Parser *p, char ch) { return p->token.kind == TOKEN_OPERATOR && p->token.ch == ch; }

static void expect(Parser *p, char ch) {
    if (at_operator(p, ch))
        next_token(p);
    else
        p->failed = true;
}

// ---- expressions: each reads one and sets `value`; on failure value is 0 and p->failed is set

static void parse_sum(Parser *p, mpq_t value);

static void divide(Parser *p, mpq_t value, const mpq_t by) {
    if (mpq_sgn(by) == 0)
        p->undefined = true;
    else
        mpq_div(value, value, by);
}

static void parse_number(Parser *p, mpq_t value) {
    Str digits = p->token.digits;
    char text[COUNTDOWN_ANSWER_MAX_BYTES + 1];
    memcpy(text, digits.ptr, digits.len);
    text[digits.len] = 0;
    mpq_set_str(value, text, 10);
    p->used[p->n_used++] = digits; // no more numbers than bytes
    next_token(p);
}

static void parse_bracket(Parser *p, mpq_t value) {
    next_token(p);
    parse_sum(p, value);
    expect(p, ')');
}

static void parse_frac(Parser *p, mpq_t value) { // \frac{a}{b}
    next_token(p);
    mpq_t by;
    mpq_init(by);
    if (at_operator(p, '(')) {
        parse_bracket(p, value);
        if (!p->failed && at_operator(p, '('))
            parse_bracket(p, by);
        else
            p->failed = true;
    } else {
        p->failed = true;
    }
    if (!p->failed) divide(p, value, by);
    mpq_clear(by);
}

static void parse_operand(Parser *p, mpq_t value) {
    if (p->failed || p->depth == COUNTDOWN_MAX_DEPTH) {
        p->failed = true;
        return;
    }
    p->depth++;
    if (p->token.kind == TOKEN_NUMBER) {
        parse_number(p, value);
    } else if (at_operator(p, '(')) {
        parse_bracket(p, value);
    } else if (at_operator(p, 'f')) {
        parse_frac(p, value);
    } else if (at_operator(p, '-') || at_operator(p, '+')) {
        bool negative = p->token.ch == '-';
        next_token(p);
        parse_operand(p, value);
        if (negative) mpq_neg(value, value);
    } else {
        p->failed = true;
    }
    p->depth--;
}

static void parse_product(Parser *p, mpq_t value) {
    parse_operand(p, value);
    mpq_t by;
    mpq_init(by);
    while (!p->failed) {
        bool times = at_operator(p, '*'), over = at_operator(p, '/');
        bool beside = at_operator(p, '(') || at_operator(p, 'f'); // 3(4 + 5)
        if (!times && !over && !beside) break;
        if (!beside) next_token(p);
        parse_operand(p, by);
        if (p->failed) break;
        if (over)
            divide(p, value, by);
        else
            mpq_mul(value, value, by);
    }
    mpq_clear(by);
}

static void parse_sum(Parser *p, mpq_t value) {
    parse_product(p, value);
    mpq_t by;
    mpq_init(by);
    while (!p->failed && (at_operator(p, '+') || at_operator(p, '-'))) {
        bool minus = p->token.ch == '-';
        next_token(p);
        parse_product(p, by);
        if (minus)
            mpq_sub(value, value, by);
        else
            mpq_add(value, value, by);
    }
    mpq_clear(by);
}

// ---- grading

static int compare_numbers(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// Whether the side's numbers are the given ones, each as often. Signs are operators, so given numbers are compared by
// absolute value.
static bool uses_given(const Parser *p, const CountdownProblem *problem) {
    if (p->n_used != problem->n) return false;
    int64_t used[COUNTDOWN_MAX_GIVEN], given[COUNTDOWN_MAX_GIVEN];
    for (int32_t i = 0; i < problem->n; i++) {
        int64_t value = 0;
        for (size_t k = 0; k < p->used[i].len; k++)
            if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
                __builtin_add_overflow(value, (int64_t)(p->used[i].ptr[k] - '0'), &value))
                return false;
        used[i] = value;
        given[i] = llabs(problem->numbers[i]);
    }
    qsort(used, (size_t)problem->n, sizeof *used, compare_numbers);
    qsort(given, (size_t)problem->n, sizeof *given, compare_numbers);
    return memcmp(used, given, (size_t)problem->n * sizeof *used) == 0;
}

// The contents of the last \boxed{...}, or the whole text.
static Str boxed_or_all(Str text) {
    static const Str open = STR("\\boxed{");
    Str found = text;
    for (ptrdiff_t at = str_find(text, open, 0); at >= 0; at = str_find(text, open, (size_t)at + open.len)) {
        size_t from = (size_t)at + open.len, end = from;
        for (int depth = 1; end < text.len; end++) {
            depth += (text.ptr[end] == '{') - (text.ptr[end] == '}');
            if (depth == 0) break;
        }
        if (end == text.len) break; // not closed
        found = (Str){text.ptr + from, end - from};
    }
    return found;
}

static CountdownVerdict grade_sides(Parser *p, const CountdownProblem *problem) {
    bool numbers_right = false, values_right = true;
    mpq_t value, target;
    mpq_init(value);
    mpq_init(target);
    mpz_set_si(mpq_numref(target), problem->target);
    for (bool more = true; more && !p->failed;) {
        p->n_used = 0;
        parse_sum(p, value);
        numbers_right = numbers_right || uses_given(p, problem);
        values_right = values_right && !p->undefined && mpq_equal(value, target);
        more = at_operator(p, '=');
        if (more) next_token(p);
    }
    bool whole = !p->failed && p->token.kind == TOKEN_END;
    mpq_clear(value);
    mpq_clear(target);
    if (!whole) return COUNTDOWN_UNPARSABLE;
    if (!numbers_right) return COUNTDOWN_WRONG_NUMBERS;
    return values_right ? COUNTDOWN_RIGHT : COUNTDOWN_WRONG_VALUE;
}

CountdownVerdict countdown_grade(Str answer, const CountdownProblem *problem) {
    assert(problem->n >= 1 && problem->n <= COUNTDOWN_MAX_GIVEN);
    Str text = str_trim(boxed_or_all(answer));
    if (text.len == 0) return COUNTDOWN_NO_ANSWER;
    if (text.ptr[text.len - 1] == '.') text.len--; // a sentence's end
    if (text.len > COUNTDOWN_ANSWER_MAX_BYTES) return COUNTDOWN_UNPARSABLE;
    Str used[COUNTDOWN_ANSWER_MAX_BYTES];
    Parser parser = {.text = text, .used = used};
    next_token(&parser);
    return grade_sides(&parser, problem);
}

CountdownVerdict countdown_grade_tagged(Str completion, const AnswerTags *tags, const CountdownProblem *problem,
                                        bool *tagged) {
    Str text = completion, open = str_of(tags->open), close = str_of(tags->close);
    assert(open.len > 0 && close.len > 0);
    *tagged = false;
    if (tags->thought_close != NULL && tags->thought_close[0] != 0) {
        Str thought = str_of(tags->thought_close);
        ptrdiff_t at = str_find_last(text, thought, text.len);
        if (at >= 0) text = (Str){text.ptr + at + thought.len, text.len - (size_t)at - thought.len};
    }
    ptrdiff_t end = str_find_last(text, close, text.len);
    ptrdiff_t begin = end < 0 ? -1 : str_find_last(text, open, (size_t)end);
    if (begin < 0) return COUNTDOWN_NO_ANSWER;
    *tagged = true;
    size_t from = (size_t)begin + open.len;
    return countdown_grade((Str){text.ptr + from, (size_t)end - from}, problem);
}

void countdown_grade_row(void *context, const void *row, Str completion, bool *tagged, bool *right) {
    *right = countdown_grade_tagged(completion, context, row, tagged) == COUNTDOWN_RIGHT;
}

const char *countdown_verdict_name(CountdownVerdict verdict) {
    static const char *const names[] = {"right", "wrong_value", "wrong_numbers", "unparsable", "no_answer"};
    assert((size_t)verdict < sizeof names / sizeof names[0]);
    return names[verdict];
}

bool countdown_problem_read(json_t *row, const char *where, CountdownProblem *problem, Error *error) {
    json_t *numbers;
    if (!json_need_array(row, where, "numbers", &numbers, error)) return false;
    size_t n = json_array_size(numbers);
    if (n < 1 || n > COUNTDOWN_MAX_GIVEN)
        return error_set(error, "%s: key \"numbers\": expected 1 to %d numbers", where, COUNTDOWN_MAX_GIVEN);
    memset(problem, 0, sizeof *problem);
    problem->n = (int32_t)n;
    for (size_t i = 0; i < n; i++) {
        json_t *number = json_array_get(numbers, i);
        if (!json_is_integer(number) || json_integer_value(number) == INT64_MIN)
            return error_set(error, "%s: key \"numbers\": item %zu: expected a whole number", where, i);
        problem->numbers[i] = json_integer_value(number);
    }
    return json_need_int(row, where, "target", INT64_MIN + 1, INT64_MAX, &problem->target, error);
}
