#include "eval/code/grade.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "eval/code/compare.h"
#include "eval/code/driver.h"
#include "eval/extract_impl.h"

#define CODE_MAX_BYTES ((size_t)1 << 20) // of a solution

CodeLimits code_limits_default(void) { return (CodeLimits){"/usr/bin/python3", 6, (size_t)4 << 30, (size_t)16 << 20}; }

const char *code_verdict_name(CodeVerdict verdict) {
    static const char *const names[] = {"right", "wrong_answer", "timeout", "runtime_error", "too_much_output", "no_code"};
    assert((size_t)verdict < sizeof names / sizeof names[0]);
    return names[verdict];
}

typedef struct Fence {
    size_t marks; // backticks; 0: the line is no fence
    Str info;     // what follows them
} Fence;

static Fence read_fence(Str line) {
    Str text = str_trim(line);
    Fence fence = {0};
    while (fence.marks < text.len && text.ptr[fence.marks] == '`') fence.marks++;
    if (fence.marks < 3) return (Fence){0};
    fence.info = str_trim((Str){text.ptr + fence.marks, text.len - fence.marks});
    return fence;
}

static bool is_python(Str info) {
    static const char *const names[] = {"python", "py", "python3"};
    size_t n = 0;
    while (n < info.len && info.ptr[n] != ' ' && info.ptr[n] != '{') n++;
    for (size_t i = 0; i < 3; i++) {
        if (n == strlen(names[i]) && strncasecmp(info.ptr, names[i], n) == 0) return true;
    }
    return false;
}

Str code_find(Str text, const ExtractSettings *settings) {
    Str region, last = {0}, last_python = {0};
    bool tagged;
    if (!extract_region(text, settings, &region, &tagged)) return last;
    Fence open = {0};
    size_t from = 0; // of the block's code
    for (size_t at = 0; at < region.len;) {
        const char *newline = memchr(region.ptr + at, '\n', region.len - at);
        size_t end = newline != NULL ? (size_t)(newline - region.ptr) : region.len;
        Fence fence = read_fence((Str){region.ptr + at, end - at});
        if (open.marks == 0 && fence.marks > 0) {
            open = fence;
            from = end < region.len ? end + 1 : end;
        } else if (open.marks > 0 && fence.marks >= open.marks && fence.info.len == 0) {
            last = (Str){region.ptr + from, at - from};
            if (is_python(open.info)) last_python = last;
            open.marks = 0;
        }
        at = end + 1;
    }
    return last_python.ptr != NULL ? last_python : last;
}

// The last line of standard error, "ValueError: ..." of a traceback.
static void read_message(Str errors, int exit_code, CodeResult *result) {
    errors = str_trim(errors);
    size_t from = errors.len;
    while (from > 0 && errors.ptr[from - 1] != '\n') from--;
    Str line = {errors.ptr + from, errors.len - from};
    if (line.len == 0) {
        snprintf(result->message, sizeof result->message, "exit code %d", exit_code);
        return;
    }
    Buf clean;
    buf_init(&clean, 0);
    buf_add_utf8_lossy(&clean, line);
    size_t n = clean.len < sizeof result->message - 1 ? clean.len : sizeof result->message - 1;
    while (n < clean.len && n > 0 && (clean.data[n] & 0xC0) == 0x80) n--; // between characters
    memcpy(result->message, clean.data, n);
    result->message[n] = '\0';
    buf_free(&clean);
}

static bool is_right(const CodeTests *tests, const CodeTest *test, Str output) {
    if (tests->fn_name == NULL) return code_same_output(output, test->output);
    json_t *value = NULL, *expected = NULL;
    bool same = json_parse(output, "result", &value, NULL) && json_parse(test->output, "output", &expected, NULL) &&
                code_same_value(value, expected);
    json_decref(value);
    json_decref(expected);
    return same;
}

static CodeVerdict judge(const CodeTests *tests, const CodeTest *test, const SandboxResult *run) {
    if (run->end == SANDBOX_TIMEOUT) return CODE_TIMEOUT;
    if (run->end == SANDBOX_TOO_MUCH_OUTPUT) return CODE_TOO_MUCH_OUTPUT;
    if (run->exit_code != 0) return CODE_RUNTIME_ERROR;
    return is_right(tests, test, buf_str(&run->output)) ? CODE_RIGHT : CODE_WRONG_ANSWER;
}

static bool run_tests(const Sandbox *sandbox, const SandboxJob *job, const CodeTests *tests, CodeResult *result, Error *error) {
    result->verdict = CODE_RIGHT;
    for (size_t i = 0; i < tests->n && result->verdict == CODE_RIGHT; i++) {
        SandboxJob one = *job;
        one.input = tests->tests[i].input;
        SandboxResult run;
        if (!sandbox_run(sandbox, &one, &run, error)) return false;
        result->verdict = judge(tests, &tests->tests[i], &run);
        result->n_run++;
        result->wall_s += run.wall_s;
        if (result->verdict == CODE_RUNTIME_ERROR) read_message(buf_str(&run.errors), run.exit_code, result);
        sandbox_result_free(&run);
    }
    return true;
}

bool code_grade(const Sandbox *sandbox, Str text, const ExtractSettings *settings, const CodeTests *tests,
                const CodeLimits *limits, CodeResult *result, Error *error) {
    *result = (CodeResult){.verdict = CODE_NO_CODE};
    Str code = code_find(text, settings);
    if (code.ptr == NULL || code.len > CODE_MAX_BYTES) return true;
    Buf driver;
    buf_init(&driver, 0);
    code_driver(tests->fn_name, &driver);
    const char *const argv[] = {limits->python, "-I", CODE_DRIVER_PATH, NULL}; // -I: nothing from the environment or /tmp
    const SandboxFile files[] = {{CODE_DRIVER_PATH, buf_str(&driver)}, {CODE_SOLUTION_PATH, code}};
    const SandboxJob job = {.argv = argv,
                            .files = files,
                            .n_files = 2,
                            .time_s = limits->test_time_s,
                            .memory_bytes = limits->memory_bytes,
                            .output_max_bytes = limits->output_max_bytes};
    bool ok = run_tests(sandbox, &job, tests, result, error);
    buf_free(&driver);
    return ok;
}
