// Whatever the bytes: what is found lies in the text, after the thought and in the tags; text in front of the closing
// thought tag changes nothing; a chosen letter is one of the choices.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "eval/extract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void check_span(Str text, Extracted found) {
    must((found.answer.ptr == NULL) == (found.rule == EXTRACT_NONE));
    if (found.answer.ptr == NULL) return;
    must(found.from < found.to && found.to <= text.len && text.ptr + found.from == found.answer.ptr);
    must(found.to - found.from == found.answer.len);
    must(extract_rule_name(found.rule)[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 100000) return 0;
    Str text = {(const char *)data, size};
    check_span(text, extract_answer(text, NULL));
    const ExtractSettings settings = {"</t>", "<s>", "</s>", true};
    Extracted plain = extract_answer(text, &settings);
    check_span(text, plain);
    Extracted where;
    char letter = extract_choice(text, &settings, 4, &where);
    check_span(text, where);
    must((letter == 0) == (where.answer.ptr == NULL));
    must(letter == 0 || (letter >= 'A' && letter <= 'D' && (*where.answer.ptr & ~0x20) == letter));

    static const char before[] = "<s>9</s> \\boxed{8} $7$ the answer is D. {</t>";
    size_t n = sizeof before - 1;
    Buf thought;
    buf_init(&thought, 0);
    buf_add(&thought, before, n);
    buf_add_str(&thought, text);
    Extracted later = extract_answer(buf_str(&thought), &settings);
    must(later.rule == plain.rule);
    must(plain.rule == EXTRACT_NONE || (later.from == plain.from + n && str_equal(later.answer, plain.answer)));
    must(extract_choice(buf_str(&thought), &settings, 4, NULL) == letter);
    buf_free(&thought);
    return 0;
}
