// Programs in the sandbox: verdicts of right, wrong and failing solutions, and that hostile ones end in time, reach nothing
// and leave nothing running. Skipped (exit 77), with the reason, where bwrap or /usr/bin/python3 cannot be used.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/code/grade.h"

static Sandbox *sandbox; // opened by main: cmocka's group setup cannot skip

static CodeTests one_test(CodeTest *test, const char *input, const char *output, char *fn_name) {
    *test = (CodeTest){str_of(input), str_of(output)};
    return (CodeTests){.tests = test, .n = 1, .fn_name = fn_name};
}

// Runs `code`, a whole program.
static CodeResult grade(const char *code, const char *input, const char *output, char *fn_name, CodeLimits limits) {
    CodeTest test;
    CodeTests tests = one_test(&test, input, output, fn_name);
    Buf text;
    buf_init(&text, 0);
    buf_printf(&text, "```python\n%s\n```\n", code);
    CodeResult result;
    Error error;
    if (!code_grade(sandbox, buf_str(&text), NULL, &tests, &limits, &result, &error)) fail_msg("%s", error.message);
    buf_free(&text);
    return result;
}

static CodeLimits tight(void) {
    CodeLimits limits = code_limits_default();
    limits.memory_bytes = (size_t)512 << 20;
    limits.output_max_bytes = (size_t)1 << 20;
    limits.test_time_s = 5; // some 0.1 s are needed; a loaded machine takes longer
    return limits;
}

static void expect(const char *code, const char *input, const char *output, char *fn_name, CodeVerdict verdict, const char *says) {
    CodeResult got = grade(code, input, output, fn_name, tight());
    if (got.verdict != verdict || strstr(got.message, says) == NULL)
        fail_msg("%s: got %s (%s), expected %s (%s)", code, code_verdict_name(got.verdict), got.message, code_verdict_name(verdict), says);
    assert_int_equal(got.n_run, 1);
}

static void grades_programs(void **state) {
    (void)state;
    expect("a, b = map(int, input().split())\nprint(a + b)", "1 2\n", "3\n", NULL, CODE_RIGHT, "");
    expect("a, b = map(int, input().split())\nprint(a - b)", "1 2\n", "3\n", NULL, CODE_WRONG_ANSWER, "");
    expect("if __name__ == '__main__':\n    print(sum(map(int, sys.stdin)))", "1\n2", "3", NULL, CODE_RIGHT, "");
    expect("print(3)\nsys.exit()", "", "3", NULL, CODE_RIGHT, "");
    expect("print(pow(2, 3, 5), sqrt(4), Counter('a'))", "", "3 2.0 Counter({'a': 1})", NULL, CODE_RIGHT, "");
    expect("def f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(20000))", "", "20000", NULL, CODE_RIGHT, "");
    expect("print(1)\nraise ValueError('no')", "", "1", NULL, CODE_RUNTIME_ERROR, "ValueError: no");
    expect("print(", "", "1", NULL, CODE_RUNTIME_ERROR, "SyntaxError");
    expect("import os\nos.kill(os.getpid(), 9)", "", "", NULL, CODE_RUNTIME_ERROR, "exit code 137");
    expect("from __future__ import annotations\nprint(1)", "", "1", NULL, CODE_RIGHT, "");
}

static void calls_functions(void **state) {
    (void)state;
    char add[] = "add", twice[] = "twice";
    const char *in_class = "class Solution:\n    def add(self, a: List[int], b: int) -> List[int]:\n        print('noise')\n"
                           "        return [x + b for x in a]";
    expect(in_class, "[1, 2]\n3", "[4, 5]", add, CODE_RIGHT, "");
    expect(in_class, "[1, 2]\n3", "[4, 6]", add, CODE_WRONG_ANSWER, "");
    expect("def twice(x):\n    return (x, x)", "\"a\"", "[\"a\", \"a\"]", twice, CODE_RIGHT, "");
    expect(in_class, "[1]", "[1]", twice, CODE_RUNTIME_ERROR, "AttributeError");
    expect("def twice(x):\n    return {x}", "1", "[1]", twice, CODE_RUNTIME_ERROR, "TypeError");
    expect("import os\ndef twice(x):\n    os.write(1, b'2')\n    return 1", "1", "2", twice, CODE_WRONG_ANSWER, "");
}

static void ends_at_the_first_failure(void **state) {
    (void)state;
    CodeTest three[] = {{STR("1"), STR("1")}, {STR("2"), STR("3")}, {STR("4"), STR("4")}};
    CodeTests tests = {.tests = three, .n = 3};
    CodeLimits limits = tight();
    CodeResult result;
    Error error;
    assert_true(code_grade(sandbox, STR("```\nprint(input())\n```"), NULL, &tests, &limits, &result, &error));
    assert_int_equal(result.verdict, CODE_WRONG_ANSWER);
    assert_int_equal(result.n_run, 2);
    assert_true(code_grade(sandbox, STR("no code"), NULL, &tests, &limits, &result, &error));
    assert_int_equal(result.verdict, CODE_NO_CODE);
    assert_int_equal(result.n_run, 0);
}

static void bounds_hostile_programs(void **state) {
    (void)state;
    const struct {
        const char *code;
        CodeVerdict verdict;
    } cases[] = {
        {"while True: pass", CODE_TIMEOUT},
        {"import time\ntime.sleep(100)", CODE_TIMEOUT},
        {"import os\nos.close(0); os.close(1); os.close(2)\nwhile True: pass", CODE_TIMEOUT},
        {"import signal\nfor s in (15, 1, 2): signal.signal(s, signal.SIG_IGN)\nwhile True: pass", CODE_TIMEOUT},
        {"while True: print('x' * 10000)", CODE_TOO_MUCH_OUTPUT},
        {"x = bytearray(1 << 30)", CODE_RUNTIME_ERROR},
        {"import os\nwhile True: os.fork()", CODE_RUNTIME_ERROR}, // no more processes: an exception, its children die with it
        {"f = open('/tmp/x', 'wb')\nwhile True: f.write(bytes(1 << 20))", CODE_RUNTIME_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CodeLimits limits = tight();
        if (cases[i].verdict == CODE_TIMEOUT) limits.test_time_s = 1;
        double start_s = time_now_s();
        CodeResult got = grade(cases[i].code, "", "", NULL, limits);
        double took_s = time_now_s() - start_s;
        bool in_time = cases[i].verdict == CODE_RUNTIME_ERROR && got.verdict == CODE_TIMEOUT; // a slow machine
        if (got.verdict != cases[i].verdict && !in_time)
            fail_msg("%s: got %s (%s)", cases[i].code, code_verdict_name(got.verdict), got.message);
        if (took_s > limits.test_time_s + 3) fail_msg("%s: took %.1f s", cases[i].code, took_s);
    }
    // a flood of standard error is no failure
    expect("import sys\nfor i in range(20000): print('e' * 100, file=sys.stderr)\nprint(1)", "", "1", NULL, CODE_RIGHT, "");
}

static void reaches_nothing(void **state) {
    (void)state;
    const char *const programs[] = {
        // each prints "closed" where it is kept out
        "import socket\ntry:\n    socket.create_connection(('1.1.1.1', 53), 1)\n    print('open')\nexcept OSError:\n    print('closed')",
        "import os\nprint('open' if set(os.listdir('/')) - set('bin dev driver.py lib lib64 proc solution.py tmp usr'.split()) else 'closed')",
        "try:\n    open('/usr/bin/zz', 'w')\n    print('open')\nexcept OSError:\n    print('closed')",
        "try:\n    open('/solution.py', 'w')\n    print('open')\nexcept OSError:\n    print('closed')",
        "import os\nprint('open' if 'OPEN_SECRET' in os.environ or b'OPEN_SECRET' in open('/proc/1/environ', 'rb').read() else 'closed')",
        "import os\nprint('open' if len([p for p in os.listdir('/proc') if p.isdigit()]) > 2 else 'closed')",
        "import os\nprint('open' if os.path.exists('/tmp/left') else 'closed')\nopen('/tmp/left', 'w')",
        "import os\nprint('open' if os.getuid() == 0 else 'closed')",
        "import os\nfds = []\nfor fd in range(3, 256):\n    try: os.fstat(fd); fds.append(fd)\n    except OSError: pass\n"
        "print('open' if fds else 'closed')",
    };
    assert_int_equal(setenv("OPEN_SECRET", "1", 1), 0);
    int rounds[2];
    assert_int_equal(pipe(rounds), 0); // not closed on exec: the sandbox must close it
    for (int round = 0; round < 2; round++) { // the second sees what the first left
        for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) expect(programs[i], "", "closed", NULL, CODE_RIGHT, "");
    }
    close(rounds[0]), close(rounds[1]);
}

// Whether a process of this machine has `mark` in its command line.
static bool runs(const char *mark) {
    char **names;
    size_t count;
    Error error;
    bool found = false;
    assert_true(dir_list("/proc", &names, &count, &error));
    for (size_t i = 0; i < count; i++) {
        char path[300], line[4096];
        snprintf(path, sizeof path, "/proc/%s/cmdline", names[i]);
        FILE *file = names[i][0] >= '0' && names[i][0] <= '9' ? fopen(path, "r") : NULL;
        size_t n = file != NULL ? fread(line, 1, sizeof line, file) : 0;
        found |= n > 0 && memmem(line, n, mark, strlen(mark)) != NULL;
        if (file != NULL) fclose(file);
        mem_free(names[i]);
    }
    mem_free(names);
    return found;
}

static void leaves_nothing_running(void **state) {
    (void)state;
    char mark[64], code[512];
    snprintf(mark, sizeof mark, "left-by-%d", (int)getpid());
    // two children that leave their group and session, hold the output and would sleep on
    snprintf(code, sizeof code,
             "import os, sys, time\nfor i in range(2):\n    if os.fork() == 0:\n        os.setsid()\n"
             "        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)', '%s'])\ntime.sleep(0.5)\nprint(1)", mark);
    double start_s = time_now_s();
    expect(code, "", "1", NULL, CODE_RIGHT, "");
    assert_true(time_now_s() - start_s < 10);
    assert_false(runs(mark));
    strcat(code, "\ntime.sleep(60)");
    CodeLimits limits = tight();
    limits.test_time_s = 1.5;
    assert_int_equal(grade(code, "", "1", NULL, limits).verdict, CODE_TIMEOUT);
    assert_false(runs(mark));
}

static void *grade_many(void *state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        CodeResult got = grade("print(int(input()) * 2)", "21", "42", NULL, code_limits_default());
        if (got.verdict != CODE_RIGHT) return "a right program failed";
    }
    return NULL;
}

static void runs_from_several_threads(void **state) {
    (void)state;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, grade_many, NULL), 0);
    for (int i = 0; i < 3; i++) {
        void *said;
        pthread_join(threads[i], &said);
        if (said != NULL) fail_msg("%s", (char *)said);
    }
}

int main(void) {
    Error error;
    if (!sandbox_open(&sandbox, &error)) {
        printf("skipped: %s\n", error.message);
        return 77;
    }
    if (access("/usr/bin/python3", X_OK) != 0) {
        printf("skipped: /usr/bin/python3 is not there\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grades_programs),         cmocka_unit_test(calls_functions), cmocka_unit_test(ends_at_the_first_failure),
        cmocka_unit_test(bounds_hostile_programs), cmocka_unit_test(reaches_nothing), cmocka_unit_test(leaves_nothing_running),
        cmocka_unit_test(runs_from_several_threads),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sandbox_close(sandbox);
    return failed;
}
