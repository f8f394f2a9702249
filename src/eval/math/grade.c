#include "eval/math/grade.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "eval/math/lexer.h"
#include "eval/math/parse.h"

#define TIDY_MAX_BYTES MATH_PARSE_MAX_BYTES // longer texts are compared byte by byte

bool grade_extract_by_name(Str name, GradeExtract *out) {
    static const char *const names[] = {"none", "pred", "both"};
    for (int i = 0; i < 3; i++) {
        if (!str_equal(name, str_of(names[i]))) continue;
        *out = (GradeExtract)i;
        return true;
    }
    return false;
}

// ---- Texts ----

// Spellings that mean the same whatever stands around them
static const struct {
    const char *from, *to;
} spellings[] = {
    {"\\dfrac", "\\frac"}, {"\\tfrac", "\\frac"}, {"\\left", ""}, {"\\right", ""}, {"\\!", ""},      {"\\,", ""},
    {"\\;", ""},           {"\\:", ""},           {"\\quad", ""}, {"\\text", ""},  {"\\mathrm", ""}, {"\\textbf", ""},
};

// Not within a longer command: \left is not the beginning of \leftarrow.
static size_t spelling_at(Str text, size_t at, const char **to) {
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        Str from = str_of(spellings[i].from);
        if (!str_starts((Str){text.ptr + at, text.len - at}, from)) continue;
        size_t after = at + from.len;
        bool letters = isalpha((unsigned char)from.ptr[from.len - 1]);
        if (letters && after < text.len && isalpha((unsigned char)text.ptr[after])) continue;
        *to = spellings[i].to;
        return from.len;
    }
    return 0;
}

// A space stays where it parts two letters or digits: "1 2" is not 12.
static void tidy(Str text, Buf *out) {
    text = latex_strip(text);
    buf_init(out, 0);
    if (text.len > TIDY_MAX_BYTES) {
        buf_add_str(out, text);
        return;
    }
    bool space = false;
    for (size_t i = 0; i < text.len;) {
        const char *to = "";
        size_t length = spelling_at(text, i, &to);
        if (length == 0 && isspace((unsigned char)text.ptr[i])) {
            space = true;
            i++;
            continue;
        }
        char next = length > 0 ? to[0] : text.ptr[i];
        if (space && next != 0) {
            if (out->len > 0 && isalnum((unsigned char)out->data[out->len - 1]) && isalnum((unsigned char)next)) {
                buf_add_char(out, ' ');
            }
            space = false;
        }
        if (length > 0)
            buf_add_text(out, to);
        else
            buf_add_char(out, text.ptr[i]);
        i += length > 0 ? length : 1;
    }
}

static bool same_text(Str a, Str b) {
    Buf x, y;
    tidy(a, &x), tidy(b, &y);
    bool same = x.len > 0 && str_equal(buf_str(&x), buf_str(&y));
    buf_free(&x), buf_free(&y);
    return same;
}

// ---- Grading ----

static Extracted whole(Str text) {
    return (Extracted){text, 0, text.len, EXTRACT_WHOLE};
}

static const Term *parse(Str text, Arena *arena, bool form, Buf *out) {
    const Term *term = NULL;
    if (text.ptr == NULL || !math_parse(text, arena, &term, NULL)) return NULL;
    if (form) term_write(term, out);
    return term;
}

void math_grade(Str gold, Str pred, const GradeSettings *settings, GradeResult *result) {
    *result = (GradeResult){.how = MATH_UNPARSED};
    buf_init(&result->gold_form, 0), buf_init(&result->pred_form, 0);
    ExtractSettings gold_tags = settings->tags;
    gold_tags.thought_optional = true; // a right answer need not have been thought
    result->gold = settings->extract == GRADE_EXTRACT_BOTH ? extract_answer(gold, &gold_tags) : whole(gold);
    result->pred = settings->extract != GRADE_EXTRACT_NONE ? extract_answer(pred, &settings->tags) : whole(pred);
    if (result->gold.answer.ptr == NULL || result->pred.answer.ptr == NULL) return;
    bool same = same_text(result->gold.answer, result->pred.answer);
    if (same) result->equal = true, result->how = MATH_SAME_TEXT;
    if (same && !settings->forms) return;
    Arena *arena = arena_create();
    const Term *g = parse(result->gold.answer, arena, settings->forms, &result->gold_form);
    const Term *p = parse(result->pred.answer, arena, settings->forms, &result->pred_form);
    result->gold_parsed = g != NULL;
    result->pred_parsed = p != NULL;
    if (!same && g != NULL && p != NULL) {
        MathVerdict verdict = math_equal(g, p);
        result->equal = verdict.equal;
        result->how = verdict.how;
    }
    arena_destroy(arena);
}

void grade_result_free(GradeResult *result) {
    buf_free(&result->gold_form);
    buf_free(&result->pred_form);
}
