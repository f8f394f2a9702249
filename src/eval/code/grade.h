// Grading programs: the last code block of an answer, run on a question's tests. docs/eval-code.md.
//
// Expected outputs never enter the sandbox: each test is a process of its own whose output is compared outside.
#ifndef RLT_EVAL_CODE_GRADE_H
#define RLT_EVAL_CODE_GRADE_H

#include "eval/code/sandbox.h"
#include "eval/code/tests.h"
#include "eval/extract.h"

typedef struct CodeLimits {
    const char *python; // absolute, below /usr, since nothing else is in the sandbox
    double test_time_s; // of each test, the start of Python included (about 0.1 s)
    size_t memory_bytes;
    size_t output_max_bytes;
} CodeLimits;
CodeLimits code_limits_default(void); // /usr/bin/python3, 6 s, 4 GiB, 16 MiB

typedef enum CodeVerdict {
    CODE_RIGHT,
    CODE_WRONG_ANSWER,
    CODE_TIMEOUT,
    CODE_RUNTIME_ERROR, // an exception, a signal, too much memory, no such function
    CODE_TOO_MUCH_OUTPUT,
    CODE_NO_CODE,       // no complete fenced block
} CodeVerdict;
const char *code_verdict_name(CodeVerdict verdict); // "right", "wrong_answer", ...

typedef struct CodeResult {
    CodeVerdict verdict;
    size_t n_run;      // tests run: it ends at the first that fails, which is then the last of them
    double wall_s;     // of all tests
    char message[256]; // of a runtime error, the last line of its standard error; else empty
} CodeResult;

// The code of the last complete fenced block (``` to ```) of the part of `text` that extract.h looks at: of those marked
// python, py or python3 if there are any, else of all. ptr NULL: none.
Str code_find(Str text, const ExtractSettings *settings);

// Fails where the sandbox fails, never for what the program does. May be called from several threads at once.
MUST_CHECK bool code_grade(const Sandbox *sandbox, Str text, const ExtractSettings *settings, const CodeTests *tests,
                           const CodeLimits *limits, CodeResult *result, Error *error);

#endif
