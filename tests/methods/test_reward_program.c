// A reward by a program: real programs that answer, die, stall and talk nonsense.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "methods/reward_program.h"

static Rows data;
static char path[512];

// Writes a shell script that is the program.
static const char *script(const char *text) {
    snprintf(path, sizeof path, TEST_SCRATCH "/reward_program_%d.sh", (int)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    assert_int_equal(fclose(file), 0);
    static char command[600];
    snprintf(command, sizeof command, "[\"sh\", \"%s\"]", path);
    return command;
}

static bool ask(RewardProgram *program, int32_t n, double *rewards, Error *error) {
    RewardQuery *queries = mem_alloc((size_t)n, sizeof *queries);
    for (int32_t i = 0; i < n; i++)
        queries[i] = (RewardQuery){&data.rows[(size_t)i % data.count], STR("a \"b\"\nc"), 10 + i, i == 1};
    bool ok = reward_program_ask(program, queries, n, rewards, error);
    mem_free(queries);
    return ok;
}

// Expects a failure whose message holds `expected`.
static void expect_failure(const char *command, double seconds, int32_t n, const char *expected) {
    RewardProgram *program;
    Error error = {0};
    double *rewards = mem_alloc((size_t)n, sizeof *rewards);
    bool ok = reward_program_open(command, seconds, &program, &error) && ask(program, n, rewards, &error);
    if (ok) fail_msg("%s: expected a failure", command);
    if (strstr(error.message, expected) == NULL) fail_msg("expected \"%s\" in: %s", expected, error.message);
    assert_null(strchr(error.message, '\n'));
    reward_program_close(program);
    mem_free(rewards);
}

// The reward is the number of tokens, read from the question by the program; it is one process over all batches.
static void answers_in_order(void **state) {
    (void)state;
    RewardProgram *program;
    Error error;
    const char *command = script("n=0; while read -r line; do n=$((n + 1)); "
                                 "t=$(printf %s \"$line\" | sed 's/.*\"tokens\":\\([0-9]*\\).*/\\1/'); "
                                 "echo \"{\\\"reward\\\": $t.5, \\\"n\\\": $n}\"; done");
    if (!reward_program_open(command, 20, &program, &error)) fail_msg("%s", error.message);
    double rewards[5];
    for (int batch = 0; batch < 2; batch++) {
        if (!ask(program, 5, rewards, &error)) fail_msg("%s", error.message);
        for (int i = 0; i < 5; i++)
            assert_true(rewards[i] == 10 + i + 0.5);
    }
    reward_program_close(program);
}

// What the program is sent, in full: it sends its question back as the text of an error.
static void what_is_asked(void **state) {
    (void)state;
    const char *expected = "{\"id\":0,\"row\":{\"question\":\"q0\",\"solution\":\"s0\",\"gold\":7},"
                           "\"completion\":\"a \\\"b\\\"\\nc\",\"tokens\":10,\"truncated\":false}";
    char check[1024];
    snprintf(check, sizeof check,
             "read -r line; [ \"$line\" = '%s' ] && echo '{\"reward\": 1}' || echo '{\"reward\": 0}'; cat", expected);
    RewardProgram *program;
    Error error;
    double reward = -1;
    if (!reward_program_open(script(check), 20, &program, &error) || !ask(program, 1, &reward, &error))
        fail_msg("%s", error.message);
    assert_true(reward == 1);
    reward_program_close(program);
}

// More than pipes hold in both directions: a program that reads all before it answers, and one that answers at length.
static void large_batches(void **state) {
    (void)state;
    enum { N = 5000 };
    double *rewards = mem_alloc(N, sizeof *rewards);
    RewardProgram *program;
    Error error;
    const char *commands[] = {"lines=$(head -n 5000); i=0; while [ $i -lt 5000 ]; do echo "
                              "\"{\\\"id\\\":$i,\\\"reward\\\":$i}\"; i=$((i+1)); done; cat",
                              "exec sed -u 's/.*/{\"reward\": 2}/'"};
    for (int k = 0; k < 2; k++) {
        if (!reward_program_open(script(commands[k]), 60, &program, &error) || !ask(program, N, rewards, &error))
            fail_msg("%s", error.message);
        for (int i = 0; i < N; i++)
            assert_true(rewards[i] == (k == 0 ? i : 2));
        reward_program_close(program);
    }
    mem_free(rewards);
}

static void failures(void **state) {
    (void)state;
    expect_failure("/nowhere/at/all", 5, 1, "program /nowhere/at/all: expected a program that can be started");
    expect_failure("[\"sh\", 3]", 5, 1, "reward.program: expected a path or an array of 1 to 64 strings");
    expect_failure("[]", 5, 1, "reward.program: expected a path or an array");
    expect_failure("[\"sh\"", 5, 1, "reward.program");
    expect_failure(script("read -r line; echo '{\"reward\": 1}'; exit 3"), 5, 3,
                   "program sh: ended after 1 of 3 lines");
    expect_failure(script("exit 0"), 5, 2, "program sh: ended after 0 of 2 lines");
    expect_failure(script("echo oops; cat > /dev/null"), 5, 1, "program sh: answer 1 of 1");
    expect_failure(script("echo '[1]'; cat > /dev/null"), 5, 1, "expected an object");
    expect_failure(script("echo '{\"reward\": \"high\"}'; cat > /dev/null"), 5, 1, "key \"reward\"");
    expect_failure(script("echo '{\"reward\": 1e999}'; cat > /dev/null"), 5, 1, "program sh: answer 1 of 1");
    expect_failure(script("printf '{\"reward\": 1}\\n{\"reward\": 1, \"id\": 0}\\n'; cat > /dev/null"), 5, 2,
                   "answer 2 of 2: key \"id\": expected 1");
    expect_failure(script("printf '{\"reward\": 1}\\n{\"reward\": 1}\\n'; cat > /dev/null"), 5, 1,
                   "more output than the expected 1 lines");
    expect_failure(script("head -c 100000 /dev/zero; cat > /dev/null"), 5, 1, "line 1 is longer than 65536 bytes");
}

static void stalls(void **state) {
    (void)state;
    double start = time_now_s();
    expect_failure(script("read -r line; echo '{\"reward\": 1}'; sleep 60"), 0.3, 2,
                   "no answer within 0.3 s after 1 of 2 lines");
    // a program that does not end by itself is ended, and so is what it started
    assert_true(time_now_s() - start < 20);
}

// An argument is no command line: nothing in it is read by a shell.
static void no_shell(void **state) {
    (void)state;
    remove(TEST_SCRATCH "/reward_injected");
    expect_failure("/bin/echo x; touch " TEST_SCRATCH "/reward_injected", 5, 1,
                   "expected a program that can be started");
    expect_failure("[\"/bin/echo\", \"; touch " TEST_SCRATCH "/reward_injected; $(touch " TEST_SCRATCH
                   "/reward_injected)\"]",
                   5, 1, "program /bin/echo");
    assert_int_equal(access(TEST_SCRATCH "/reward_injected", F_OK), -1);
}

static int set_up(void **state) {
    (void)state;
    char file[512];
    snprintf(file, sizeof file, TEST_SCRATCH "/reward_rows_%d.jsonl", (int)getpid());
    FILE *f = fopen(file, "w");
    if (f == NULL) return 1;
    for (int i = 0; i < 3; i++)
        fprintf(f, "{\"question\": \"q%d\", \"solution\": \"s%d\", \"gold\": %d}\n", i, i, 7 + i);
    fclose(f);
    RowsLimits limits = rows_limits_default();
    Error error;
    bool ok = rows_read(file, &limits, &data, &error);
    remove(file);
    return ok ? 0 : 1;
}

static int tear_down(void **state) {
    (void)state;
    remove(path);
    rows_free(&data);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_in_order), cmocka_unit_test(what_is_asked), cmocka_unit_test(large_batches),
        cmocka_unit_test(failures),         cmocka_unit_test(stalls),        cmocka_unit_test(no_shell),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
