// Whatever the bytes, parted by a line "|": grading ends with one verdict, an answer is equal to itself, and what is
// equal both ways is so in whatever order.
#include <stdint.h>
#include <stdlib.h>
#include "eval/math/grade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static GradeResult grade(Str gold, Str pred, GradeExtract extract) {
    const GradeSettings settings = {.extract = extract, .tags = {"</think>", "<answer>", "</answer>", true}, .forms = true};
    GradeResult result;
    math_grade(gold, pred, &settings, &result);
    must(result.how <= MATH_UNPARSED);
    must(result.equal == (result.how <= MATH_ROUNDED));
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Str text = {(const char *)data, size};
    ptrdiff_t cut = str_find(text, STR("\n|\n"), 0);
    size_t from = cut < 0 ? size : (size_t)cut + 3;
    Str gold = {text.ptr, cut < 0 ? size : (size_t)cut}, pred = {text.ptr + from, size - from};
    if (cut < 0) pred = gold;
    GradeResult whole = grade(gold, pred, GRADE_EXTRACT_NONE), turned = grade(pred, gold, GRADE_EXTRACT_NONE);
    // Roundings look at gold alone; what ran out of work may run out on one side first.
    bool one_sided = whole.how == MATH_ROUNDED || turned.how == MATH_ROUNDED || whole.how == MATH_UNDECIDED ||
                     turned.how == MATH_UNDECIDED;
    must(one_sided || whole.equal == turned.equal);
    must(cut >= 0 || whole.equal || !whole.gold_parsed);
    GradeResult found = grade(gold, pred, GRADE_EXTRACT_BOTH);
    grade_result_free(&whole);
    grade_result_free(&turned);
    grade_result_free(&found);
    return 0;
}
