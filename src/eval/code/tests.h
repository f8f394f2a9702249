// The tests of a programming question, from rows as LiveCodeBench publishes them.
//
// A row has question_content and starter_code (texts for the prompt), public_test_cases and private_test_cases (each a JSON
// string, or an array, of {"input", "output", "testtype"}, "stdin" or "functional"), and metadata (a JSON string or an
// object), whose func_name names the function that functional tests call. private_test_cases is also published as a
// base64 text of a compressed pickle, which this program does not read: a pickle runs whatever is in it. The error says
// how to turn it into JSON; docs/eval-code.md too.
#ifndef RLT_EVAL_CODE_TESTS_H
#define RLT_EVAL_CODE_TESTS_H

#include "base/json.h"
#include "base/mem.h"

#define CODE_MAX_TESTS 4096

typedef struct CodeTest {
    Str input, output;
} CodeTest;

typedef struct CodeTests { // everything in `arena`
    CodeTest *tests;       // [n], n >= 1, public ones first
    size_t n;
    char *fn_name; // NULL: programs read standard input; else each input is a line of JSON for each argument
    Arena *arena;
} CodeTests;

// `where` begins an error's message. On failure `tests` needs no free.
MUST_CHECK bool code_tests_read(json_t *row, const char *where, CodeTests *tests, Error *error);
void code_tests_free(CodeTests *tests);

#endif
