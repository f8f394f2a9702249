// Errors: one line, cut and never overrun, errno kept, NULL allowed.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/error.h"

static void test_set(void **state) {
    (void)state;
    Error error;
    assert_false(error_set(&error, "%s:%d: expected a number", "rows.jsonl", 12));
    assert_string_equal(error.message, "rows.jsonl:12: expected a number");
    assert_false(error_set(NULL, "nobody listens: %d", 1));
}

static void test_errno(void **state) {
    (void)state;
    Error error;
    errno = ENOENT;
    assert_false(error_set_errno(&error, "%s", "a/b"));
    assert_string_equal(error.message, "a/b: No such file or directory");
    errno = ENOSPC;
    assert_false(error_set_errno(NULL, "x"));
}

static void test_prefix(void **state) {
    (void)state;
    Error error;
    error_set(&error, "key \"lr\": expected a number");
    assert_false(error_prefix(&error, "recipe.yaml:%d", 3));
    assert_string_equal(error.message, "recipe.yaml:3: key \"lr\": expected a number");
    assert_false(error_prefix(NULL, "x"));
}

// The old message may be an argument of the new one.
static void test_message_of_itself(void **state) {
    (void)state;
    Error error;
    error_set(&error, "inner");
    error_set(&error, "outer(%s)", error.message);
    assert_string_equal(error.message, "outer(inner)");
}

static void test_one_line(void **state) {
    (void)state;
    Error error;
    error_set(&error, "near '%s'", "a\nb\r\n\x1b[31mc\tä");
    assert_string_equal(error.message, "near 'a b   [31mc ä'");
}

static void test_cut(void **state) {
    (void)state;
    struct { Error error; char guard[16]; } room;
    memset(&room, '#', sizeof room);
    char big[3 * ERROR_MESSAGE_MAX];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    error_set(&room.error, "%s", big);
    assert_int_equal(strlen(room.error.message), ERROR_MESSAGE_MAX - 1);
    errno = EIO;
    error_set_errno(&room.error, "%s", big);
    assert_int_equal(strlen(room.error.message), ERROR_MESSAGE_MAX - 1);
    error_prefix(&room.error, "%s", "front");
    assert_int_equal(strlen(room.error.message), ERROR_MESSAGE_MAX - 1);
    assert_memory_equal(room.error.message, "front: xxx", 10);
    assert_memory_equal(room.guard, "################", 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),      cmocka_unit_test(test_errno),
        cmocka_unit_test(test_prefix),   cmocka_unit_test(test_message_of_itself),
        cmocka_unit_test(test_one_line), cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
