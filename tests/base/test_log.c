// What the person at the terminal sees: levels, and progress on a terminal and elsewhere.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/log.h"
#include "base/mem.h"

// Standard error goes to `fd` while `work` runs.
static void with_stderr(int fd, void (*work)(void)) {
    fflush(stderr);
    int held = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    work();
    fflush(stderr);
    dup2(held, STDERR_FILENO);
    close(held);
}

static char seen[65536];

// To the end; a terminal whose other side is closed ends with an error (EIO) once its text is read.
static void read_seen(int fd) {
    size_t used = 0;
    ssize_t count;
    while ((count = read(fd, seen + used, sizeof seen - 1 - used)) > 0) used += (size_t)count;
    seen[used] = '\0';
}

static void capture(void (*work)(void)) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    with_stderr(ends[1], work);
    close(ends[1]);
    read_seen(ends[0]);
    close(ends[0]);
}

static void capture_terminal(void (*work)(void)) {
    int outer = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(outer >= 0);
    assert_int_equal(grantpt(outer), 0);
    assert_int_equal(unlockpt(outer), 0);
    int inner = open(ptsname(outer), O_RDWR | O_NOCTTY);
    assert_true(inner >= 0);
    struct termios raw;
    tcgetattr(inner, &raw);
    cfmakeraw(&raw); // newlines arrive as they are written
    tcsetattr(inner, TCSANOW, &raw);
    with_stderr(inner, work);
    close(inner);
    read_seen(outer);
    close(outer);
}

static void log_each(void) {
    log_info("step %d", 1);
    log_debug("detail %d", 2);
    log_warn("odd %d", 3);
}

static void test_levels(void **state) {
    (void)state;
    capture(log_each);
    assert_string_equal(seen, "step 1\nwarning: odd 3\n");
    log_set_level(LOG_DEBUG);
    capture(log_each);
    assert_string_equal(seen, "step 1\ndetail 2\nwarning: odd 3\n");
    log_set_level(LOG_QUIET);
    capture(log_each);
    assert_string_equal(seen, "warning: odd 3\n");
    log_set_level(LOG_INFO);
}

static void sleep_s(double seconds) {
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&pause, NULL);
}

static void work_short(void) {
    Progress *progress = progress_begin("train", "steps", 40);
    for (uint64_t i = 1; i <= 40; i++) progress_update(progress, i, i == 40 ? "loss 1.234" : NULL);
    progress_end(progress);
    progress_end(NULL);
}

static void test_progress_elsewhere(void **state) {
    (void)state;
    capture(work_short);
    // one plain line, at the end
    assert_ptr_equal(strchr(seen, '\n'), seen + strlen(seen) - 1);
    assert_null(strchr(seen, '\r'));
    assert_memory_equal(seen, "train: 40/40 steps, ", 20);
    assert_non_null(strstr(seen, ", loss 1.234\n"));
    log_set_level(LOG_QUIET);
    capture(work_short);
    assert_string_equal(seen, "");
    log_set_level(LOG_INFO);
}

static double rate_shown(void) {
    const char *at = strstr(seen, " steps, ");
    assert_non_null(at);
    return strtod(at + strlen(" steps, "), NULL);
}

static void work_resumed(void) {
    Progress *progress = progress_begin("train", "steps", 2000010);
    progress_resume(progress, 2000000);
    sleep_s(0.02);
    for (uint64_t i = 2000001; i <= 2000010; i++) progress_update(progress, i, NULL);
    progress_end(progress);
}

static void work_resumed_at_end(void) {
    Progress *progress = progress_begin("train", "steps", 40);
    progress_resume(progress, 40);
    progress_end(progress);
}

// Steps of an earlier run are no part of the rate: 10 in at least 20 ms.
static void test_progress_resumed(void **state) {
    (void)state;
    capture(work_resumed);
    assert_memory_equal(seen, "train: 2000010/2000010 steps, ", 30);
    assert_true(rate_shown() > 0 && rate_shown() <= 500);
    capture(work_resumed_at_end);
    assert_memory_equal(seen, "train: 40/40 steps, 0/s", 23);
}

static void work_long(void) {
    Progress *progress = progress_begin("collect", "rows", 1000);
    for (uint64_t i = 1; i <= 500; i++) {
        progress_update(progress, i, NULL);
        sleep_s(0.001);
    }
    log_info("a line between");
    progress_end(progress);
}

static void test_progress_on_terminal(void **state) {
    (void)state;
    double begin_s = time_now_s();
    capture_terminal(work_long);
    double took_s = time_now_s() - begin_s;
    int rewrites = 0;
    for (const char *at = seen; (at = strstr(at, "\r\033[Kcollect: ")) != NULL; at++) rewrites++;
    // At most 5 a second, the one at the start and the one at the end.
    assert_true(rewrites >= 3);
    assert_true(rewrites <= 5 * took_s + 2);
    assert_non_null(strstr(seen, "/1000 rows, "));
    assert_non_null(strstr(seen, "s left"));
    // The line that stands is wiped before another one is written.
    assert_non_null(strstr(seen, "\r\033[Ka line between\n"));
    const char *last = strrchr(seen, '\r');
    assert_memory_equal(last, "\r\033[Kcollect: 500/1000 rows, ", 28);
    assert_string_equal(seen + strlen(seen) - 1, "\n");
}

static void test_clock_and_memory(void **state) {
    (void)state;
    double before_s = time_now_s();
    sleep_s(0.02);
    double passed_s = time_now_s() - before_s;
    assert_true(passed_s >= 0.02 && passed_s < 5);
    uint64_t before = process_peak_bytes();
    size_t size = (size_t)64 << 20;
    char *block = mem_alloc(size, 1);
    memset(block, 1, size);
    assert_true(process_peak_bytes() >= size);
    assert_true(process_peak_bytes() >= before);
    mem_free(block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_progress_elsewhere),
        cmocka_unit_test(test_progress_resumed),
        cmocka_unit_test(test_progress_on_terminal),
        cmocka_unit_test(test_clock_and_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
