// Requests to a server that fails, stalls, cuts off and refuses by plan (mock_server.py): no row lost, none twice, in
// order. Skipped (exit 77) where python3 is not there.
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
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "remote/client.h"

#define KEY "sk-test-0123456789"

static char server_url[64]; // of the mock server, with /v1/

static RemoteSettings quick(void) {
    RemoteSettings settings = remote_settings_default();
    settings.url = server_url, settings.model = "m", settings.key_env = "RLT_TEST_KEY";
    settings.connect_s = 5, settings.request_s = 1; // the mock stalls for 3
    settings.pause_first_s = 0.02, settings.pause_max_s = 2;
    settings.response_max_bytes = 100000;
    settings.max_in_flight = 8;
    return settings;
}

typedef struct Job {
    const char *const *plans; // [n_plans], of request i plans[i % n_plans]
    size_t n_plans;
    const char *name;
    size_t n_made, n_taken, n_refused, end_after; // end_after > 0: take fails at that row
    char last_text[2048], last_refusal[OPENAI_MESSAGE_MAX];
    int32_t last_tries;
} Job;

static void make(void *context, size_t index, Buf *messages, int64_t *seed) {
    Job *job = context;
    assert_int_equal(index, job->n_made++);
    char user[256];
    snprintf(user, sizeof user, "%s %s-%zu", job->plans[index % job->n_plans], job->name, index);
    openai_write_messages(STR("system \"text\""), str_of(user), (Str){0}, messages);
    *seed = (int64_t)index;
}

static bool take(void *context, size_t index, const RemoteReply *reply, Error *error) {
    Job *job = context;
    assert_int_equal(index, job->n_taken++);
    job->last_tries = reply->tries;
    snprintf(job->last_refusal, sizeof job->last_refusal, "%s", reply->refusal);
    if (!reply->ok) {
        job->n_refused++;
    } else {
        snprintf(job->last_text, sizeof job->last_text, "%s", reply->answer.text.data);
        char expected[128];
        snprintf(expected, sizeof expected, "answer to %s-%zu", job->name, index);
        if (strcmp(job->plans[index % job->n_plans], "echo") != 0)
            assert_string_equal(reply->answer.text.data, expected);
        assert_string_equal(reply->answer.finish, "stop");
        assert_string_equal(reply->answer.reasoning.data, "hm");
        assert_int_equal(reply->answer.prompt_tokens, 3);
        assert_int_equal(reply->answer.completion_tokens, 4);
    }
    return job->end_after == 0 || job->n_taken < job->end_after || error_set(error, "full disk");
}

static bool run(const RemoteSettings *settings, Job *job, size_t n, Error *error) {
    Remote *remote;
    if (!remote_open(settings, &remote, error)) return false;
    const RemoteBatch batch = {.n = n, .make = make, .take = take, .context = job};
    bool ok = remote_run(remote, &batch, error);
    remote_close(remote);
    return ok;
}

static void one(Job *job, const char *const *plan, const char *name) {
    *job = (Job){.plans = plan, .n_plans = 1, .name = name};
}

static void loses_no_row_and_repeats_none(void **state) {
    (void)state;
    const char *const plans[] = {"ok",       "500+ok",   "slow",    "429+503+ok", "cut+ok",  "half+ok",
                                 "reset+ok", "stall+ok", "html+ok", "400",        "slow+ok", "502+cut+429+reset+ok",
                                 "ok",       "ok",       "408+ok",  "ok",         "ok"};
    Job job = {.plans = plans, .n_plans = sizeof plans / sizeof plans[0], .name = "mixed"};
    RemoteSettings settings = quick();
    settings.max_in_flight = 16;
    Error error;
    if (!run(&settings, &job, 170, &error)) fail_msg("%s", error.message);
    assert_int_equal(job.n_made, 170);
    assert_int_equal(job.n_taken, 170);
    assert_int_equal(job.n_refused, 10); // the 400s
}

// Every third answer is asked for again, twice: `make` is called anew, rows still come in order and once each, and a refused
// request is not asked for again.
typedef struct Again {
    Job job; // first: what make and take are given
    int32_t n_made[60], n_again[60];
} Again;

static void make_again(void *context, size_t index, Buf *messages, int64_t *seed) {
    Again *a = context;
    char user[256];
    snprintf(user, sizeof user, "%s %s-%zu", a->job.plans[index % a->job.n_plans], a->job.name, index);
    openai_write_messages((Str){0}, str_of(user), (Str){0}, messages);
    *seed = a->n_made[index]++;
}

static bool ask_again(void *context, size_t index, const RemoteReply *reply) {
    Again *a = context;
    assert_true(reply->ok && reply->tries >= 1);
    if (index % 3 != 0 || a->n_again[index] == 2) return false;
    a->n_again[index]++;
    return true;
}

static void asks_again(void **state) {
    (void)state;
    const char *const plans[] = {"ok", "500+ok", "400", "reset+ok", "ok"};
    Again again = {.job = {.plans = plans, .n_plans = 5, .name = "again"}};
    RemoteSettings settings = quick();
    Remote *remote;
    Error error;
    if (!remote_open(&settings, &remote, &error)) fail_msg("%s", error.message);
    const RemoteBatch batch = {.n = 60, .make = make_again, .take = take, .context = &again, .again = ask_again};
    bool ok = remote_run(remote, &batch, &error);
    remote_close(remote);
    if (!ok) fail_msg("%s", error.message);
    assert_int_equal(again.job.n_taken, 60);
    assert_int_equal(again.job.n_refused, 12);
    for (int i = 0; i < 60; i++) {
        bool refused = i % 5 == 2;
        assert_int_equal(again.n_made[i], !refused && i % 3 == 0 ? 3 : 1);
    }
}

static void sends_what_was_asked(void **state) {
    (void)state;
    const char *const plan[] = {"echo"};
    Job job;
    one(&job, plan, "echo");
    RemoteSettings settings = quick();
    settings.sampling = (OpenaiSampling){.temperature = 0.5, .top_p = 0.25, .max_tokens = 77};
    Error error;
    if (!run(&settings, &job, 1, &error)) fail_msg("%s", error.message);
    json_t *got;
    assert_true(json_parse(str_of(job.last_text), "echo", &got, &error));
    const json_t *request = json_object_get(got, "request"), *messages = json_object_get(request, "messages");
    assert_string_equal(json_string_value(json_object_get(got, "path")), "/v1/chat/completions");
    assert_string_equal(json_string_value(json_object_get(got, "authorization")), "Bearer " KEY);
    assert_string_equal(json_string_value(json_object_get(request, "model")), "m");
    assert_true(json_real_value(json_object_get(request, "temperature")) == 0.5);
    assert_true(json_real_value(json_object_get(request, "top_p")) == 0.25);
    assert_int_equal(json_integer_value(json_object_get(request, "max_tokens")), 77);
    assert_int_equal(json_integer_value(json_object_get(request, "n")), 1);
    assert_int_equal(json_integer_value(json_object_get(request, "seed")), 0);
    assert_int_equal(json_array_size(messages), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(messages, 0), "content")), "system \"text\"");
    assert_string_equal(json_string_value(json_object_get(json_array_get(messages, 1), "role")), "user");
    json_decref(got);
}

static void expect_failure(const char *plan, const char *name, int32_t max_tries, const char *says) {
    Job job;
    one(&job, &plan, name);
    RemoteSettings settings = quick();
    settings.max_tries = max_tries;
    Error error;
    if (run(&settings, &job, 3, &error)) fail_msg("%s: expected a failure", plan);
    if (strstr(error.message, says) == NULL)
        fail_msg("%s: says \"%s\", expected \"%s\" in it", plan, error.message, says);
    if (strstr(error.message, KEY) != NULL || strchr(error.message, '\n') != NULL)
        fail_msg("%s: says \"%s\"", plan, error.message);
    assert_int_equal(job.n_taken, 0);
}

static void ends_where_the_server_cannot_be_used(void **state) {
    (void)state;
    expect_failure("401", "no-key", 5, "try 1: status 401: planned 401 for Bearer ******");
    expect_failure("404", "no-model", 5, "try 1: status 404");
    expect_failure("moved", "moved", 5, "status 307"); // not followed
    expect_failure("500", "broken", 3, "try 3: status 500: planned 500");
    expect_failure("html", "html", 2, "try 2: response: not JSON");
    RemoteSettings settings = quick();
    settings.url = "http://127.0.0.1:1", settings.max_tries = 2;
    const char *plan = "ok";
    Job job;
    one(&job, &plan, "nobody");
    Error error;
    assert_false(run(&settings, &job, 1, &error));
    assert_non_null(strstr(error.message, "127.0.0.1"));
    settings.url = "file:///etc/passwd";
    assert_false(run(&settings, &job, 1, &error));
    settings = quick(), settings.model = "";
    assert_false(run(&settings, &job, 1, &error));
    setenv("RLT_BAD_KEY", "a\nX-Other: b", 1);
    settings = quick(), settings.key_env = "RLT_BAD_KEY";
    assert_false(run(&settings, &job, 1, &error));
    assert_null(strstr(error.message, "Other"));
}

static void refuses_single_rows(void **state) {
    (void)state;
    const char *const plans[] = {"ok", "422"}, *const huge[] = {"huge"};
    Job job = {.plans = plans, .n_plans = 2, .name = "row"};
    RemoteSettings settings = quick();
    Error error;
    assert_true(run(&settings, &job, 2, &error));
    assert_int_equal(job.n_refused, 1);
    assert_string_equal(job.last_refusal, "status 422: planned 422 for Bearer ******************");
    one(&job, huge, "huge");
    assert_true(run(&settings, &job, 1, &error));
    assert_string_equal(job.last_refusal, "a response of more than 100000 bytes");
    assert_int_equal(job.last_tries, 1);
}

static void waits_as_the_server_asks(void **state) {
    (void)state;
    const char *const late[] = {"late1+ok"}, *const plans[] = {"after1+ok", "slow", "echo"};
    Job job;
    one(&job, late, "late");
    RemoteSettings settings = quick();
    Error error;
    double start_s = time_now_s();
    assert_true(run(&settings, &job, 1, &error));
    assert_true(time_now_s() - start_s >= 1); // 0.02 s without the header
    assert_int_equal(job.last_tries, 2);
    // after a 429 nothing else begins either: the third request, whose place is free after 0.3 s
    job = (Job){.plans = plans, .n_plans = 3, .name = "after"};
    settings.max_in_flight = 2;
    start_s = time_now_s();
    assert_true(run(&settings, &job, 3, &error));
    json_t *got;
    assert_true(json_parse(str_of(job.last_text), "echo", &got, &error));
    double began_s = json_real_value(json_object_get(got, "at")) - start_s; // both by the system's monotonic clock
    if (began_s < 0.95 || began_s > 30) fail_msg("the third request came after %.3f s", began_s);
    json_decref(got);
}

static void keeps_to_the_rate(void **state) {
    (void)state;
    const char *const plans[] = {"ok"};
    Job job;
    one(&job, plans, "rate");
    RemoteSettings settings = quick();
    settings.requests_per_s = 20;
    Error error;
    double start_s = time_now_s();
    assert_true(run(&settings, &job, 11, &error));
    assert_true(time_now_s() - start_s >= 0.5);              // ten pauses of 1/20 s
    settings.requests_per_s = 0, settings.max_in_flight = 1; // one at a time: no pause between them
    one(&job, plans, "alone");
    start_s = time_now_s();
    assert_true(run(&settings, &job, 30, &error));
    assert_true(time_now_s() - start_s < 10); // 30 s were each followed by an idle second
}

static void ends_when_a_row_cannot_be_kept(void **state) {
    (void)state;
    const char *const plans[] = {"ok"};
    Job job;
    one(&job, plans, "disk");
    job.end_after = 5;
    RemoteSettings settings = quick();
    Error error;
    assert_false(run(&settings, &job, 100, &error));
    assert_string_equal(error.message, "full disk");
    assert_int_equal(job.n_taken, 5);
}

// Starts the server; its standard input is `*input`, whose end ends it.
static pid_t start_server(int *input) {
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(to[0], 0), dup2(from[1], 1);
        close(to[0]), close(to[1]), close(from[0]), close(from[1]);
        execlp("python3", "python3", TEST_DATA "/remote/mock_server.py", (char *)NULL);
        _exit(127);
    }
    close(to[0]), close(from[1]);
    *input = to[1];
    FILE *said = fdopen(from[0], "r");
    int port = 0;
    bool ok = said != NULL && fscanf(said, "%d", &port) == 1;
    if (said != NULL) fclose(said);
    snprintf(server_url, sizeof server_url, "http://127.0.0.1:%d/v1/", port);
    return ok ? pid : -1;
}

int main(void) {
    int input;
    if (start_server(&input) < 0) {
        printf("skipped: python3 is not there to be the server\n");
        return 77;
    }
    setenv("RLT_TEST_KEY", KEY, 1);
    setenv("no_proxy", "127.0.0.1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loses_no_row_and_repeats_none),
        cmocka_unit_test(asks_again),
        cmocka_unit_test(sends_what_was_asked),
        cmocka_unit_test(ends_where_the_server_cannot_be_used),
        cmocka_unit_test(refuses_single_rows),
        cmocka_unit_test(waits_as_the_server_asks),
        cmocka_unit_test(keeps_to_the_rate),
        cmocka_unit_test(ends_when_a_row_cannot_be_kept),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    close(input);
    wait(NULL);
    return failed;
}
