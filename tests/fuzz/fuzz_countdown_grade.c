// Whatever the bytes: grading ends, gives one of its verdicts, the same whatever the order of the given numbers and
// whether the answer stands alone or in tags.
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "eval/tasks/countdown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 2 * COUNTDOWN_ANSWER_MAX_BYTES) return 0;
    const CountdownProblem problem = {{12, 3, 5}, 3, 45}, turned = {{5, 12, 3}, 3, 45};
    Str text = {(const char *)data, size};
    CountdownVerdict verdict = countdown_grade(text, &problem);
    must(verdict >= COUNTDOWN_RIGHT && verdict <= COUNTDOWN_NO_ANSWER);
    must(countdown_grade(text, &turned) == verdict);
    const AnswerTags tags = {"</t>", "<s>", "</s>"};
    Buf tagged;
    buf_init(&tagged, 0);
    buf_add_text(&tagged, "<s>");
    buf_add_str(&tagged, text);
    buf_add_text(&tagged, "</s>");
    bool found;
    CountdownVerdict in_tags = countdown_grade_tagged(buf_str(&tagged), &tags, &problem, &found);
    bool has_tags = str_find(text, STR("<s>"), 0) >= 0 || str_find(text, STR("</"), 0) >= 0;
    must(has_tags || (found && in_tags == verdict));
    countdown_grade_tagged(text, &tags, &problem, &found);
    buf_free(&tagged);
    return 0;
}
