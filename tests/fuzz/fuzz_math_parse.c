// Whatever the bytes: an answer parses or says why not, within its limits, and gives the same term each time.
#include <stdint.h>
#include <stdlib.h>
#include "base/mem.h"
#include "eval/math/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static int32_t nodes;

static void check(const Term *t, int32_t depth) {
    must(depth <= TERM_MAX_DEPTH && ++nodes <= TERM_MAX_NODES);
    must(t->n >= 0 && t->digits.len <= TERM_MAX_DIGITS);
    must(t->kind != TERM_NUMBER || (t->digits.len > 0 || t->repeat.len > 0));
    must(t->kind != TERM_NUMBER || (t->decimals >= 0 && t->n == 0));
    must(t->kind != TERM_RELATION || (t->n >= 2 && t->relations != NULL));
    must(t->kind != TERM_MATRIX || (t->rows > 0 && t->n > 0 && t->n % t->rows == 0));
    must((t->kind != TERM_SYMBOL && t->kind != TERM_CONSTANT) || t->name.len > 0);
    for (int32_t i = 0; i < t->n; i++) check(t->args[i], depth + 1);
}

static bool parse(Str text, Buf *line) {
    Arena *arena = arena_create();
    const Term *term;
    Error error = {.message = ""};
    bool ok = math_parse(text, arena, &term, &error);
    must(ok || error.message[0] != '\0');
    nodes = 0;
    if (ok) {
        check(term, 1);
        term_write(term, line);
    }
    arena_destroy(arena);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Str text = {(const char *)data, size};
    Buf once, again;
    buf_init(&once, 0);
    buf_init(&again, 0);
    must(parse(text, &once) == parse(text, &again));
    must(str_equal(buf_str(&once), buf_str(&again)));
    buf_free(&once);
    buf_free(&again);
    return 0;
}
