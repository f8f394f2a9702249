// Files: whole reads and lines with limits, and that writes are never seen half done: not on a full disk, not on a
// crash between any two steps.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/mem.h"

#define SCRATCH TEST_SCRATCH "/file"

static Error error;

static int set_up(void **state) {
    (void)state;
    return path_remove(SCRATCH, &error) && dir_make(SCRATCH, &error) ? 0 : -1;
}

static void put(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void assert_content(const char *path, const char *text) {
    Buf content;
    assert_true(file_read(path, 1 << 20, &content, &error));
    assert_string_equal(buf_str(&content).ptr, text);
    buf_free(&content);
}

static void assert_message(const char *part) {
    if (strstr(error.message, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, error.message);
}

static void test_folders(void **state) {
    (void)state;
    assert_true(dir_make(SCRATCH "/a/b//c/", &error));
    assert_true(dir_make(SCRATCH "/a/b", &error));
    assert_true(dir_exists(SCRATCH "/a/b/c"));
    assert_false(file_exists(SCRATCH "/a"));
    put(SCRATCH "/a/z", "12345");
    put(SCRATCH "/a/B", "");
    assert_true(file_exists(SCRATCH "/a/z"));
    assert_false(dir_exists(SCRATCH "/a/z"));
    uint64_t size;
    assert_true(file_size(SCRATCH "/a/z", &size, &error));
    assert_int_equal(size, 5);
    assert_false(file_size(SCRATCH "/a", &size, &error));
    assert_message("expected a regular file");

    char **names;
    size_t count;
    assert_true(dir_list(SCRATCH "/a", &names, &count, &error));
    assert_int_equal(count, 3);
    assert_string_equal(names[0], "B");
    assert_string_equal(names[1], "b");
    assert_string_equal(names[2], "z");
    for (size_t i = 0; i < count; i++) mem_free(names[i]);
    mem_free(names);

    assert_false(dir_make(SCRATCH "/a/z/d", &error));
    assert_message("a/z: cannot make the folder: Not a directory");
    // A link is removed, not what it points to.
    assert_true(dir_make(SCRATCH "/other", &error));
    put(SCRATCH "/other/kept", "");
    assert_int_equal(symlink("../../other", SCRATCH "/a/b/link"), 0);
    assert_true(path_remove(SCRATCH "/a/b", &error));
    assert_false(dir_exists(SCRATCH "/a/b"));
    assert_true(file_exists(SCRATCH "/other/kept"));
    assert_true(path_remove(SCRATCH "/a/b", &error)); // not there: fine
    assert_false(dir_list(SCRATCH "/a/b", &names, &count, &error));
    assert_message("No such file");
}

static void test_join(void **state) {
    (void)state;
    const char *cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"}, {"", "b", "b"}, {"/", "b", "/b"},
    };
    for (size_t i = 0; i < 5; i++) {
        char *path = path_join(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        mem_free(path);
    }
}

static void test_read(void **state) {
    (void)state;
    Buf content;
    put(SCRATCH "/ten", "0123456789");
    assert_true(file_read(SCRATCH "/ten", 10, &content, &error));
    assert_true(str_equal(buf_str(&content), STR("0123456789")));
    buf_free(&content);
    assert_false(file_read(SCRATCH "/ten", 9, &content, &error));
    assert_message("/ten: expected at most 9 bytes");
    assert_null(content.data);
    assert_false(file_read(SCRATCH "/none", 9, &content, &error));
    assert_message("/none: No such file or directory");
    assert_false(file_read(SCRATCH, 9, &content, &error));
    put(SCRATCH "/empty", "");
    assert_true(file_read(SCRATCH "/empty", 0, &content, &error));
    assert_int_equal(content.len, 0);
    buf_free(&content);
    // Of endless input no more is read than the limit.
    assert_false(file_read("/dev/zero", 100000, &content, &error));
    assert_message("/dev/zero: expected at most 100000 bytes");
    assert_null(content.data);
    // A file that tells no size (or a wrong one) is read to its end.
    assert_true(file_read("/proc/self/status", 1 << 20, &content, &error));
    assert_true(str_starts(buf_str(&content), STR("Name:")));
    buf_free(&content);
}

static void test_map(void **state) {
    (void)state;
    FileMap map;
    put(SCRATCH "/m", "mapped");
    assert_true(file_map(SCRATCH "/m", &map, &error));
    assert_int_equal(map.size, 6);
    assert_memory_equal(map.data, "mapped", 6);
    file_unmap(&map);
    assert_null(map.data);
    put(SCRATCH "/e", "");
    assert_true(file_map(SCRATCH "/e", &map, &error));
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    file_unmap(&map);
    assert_false(file_map(SCRATCH "/none", &map, &error));
    assert_false(file_map(SCRATCH, &map, &error));
    assert_message("expected a regular file");
}

static void test_lines(void **state) {
    (void)state;
    put(SCRATCH "/l", "one\r\n\n\rthree\r \nlast");
    LineReader *reader;
    Str line;
    assert_true(line_reader_open(SCRATCH "/l", 100, &reader, &error));
    const char *expected[] = {"one", "", "\rthree\r ", "last"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(line_reader_next(reader, &line, &error), 1);
        assert_true(str_equal(line, str_of(expected[i])));
        assert_int_equal(line_reader_number(reader), i + 1);
    }
    assert_int_equal(line_reader_next(reader, &line, &error), 0);
    assert_int_equal(line_reader_next(reader, &line, &error), 0);
    assert_int_equal(line_reader_number(reader), 4);
    line_reader_close(reader);

    assert_false(line_reader_open(SCRATCH "/none", 100, &reader, &error));
    assert_message("/none: No such file");
    assert_true(line_reader_open("/dev/null", 100, &reader, &error));
    assert_int_equal(line_reader_next(reader, &line, &error), 0);
    line_reader_close(reader);
    line_reader_close(NULL);
}

// Lines of lengths around the limit and around the reader's own block of 64 KiB.
static void test_line_limit(void **state) {
    (void)state;
    const size_t lengths[] = {1, 999, 1000, 65534, 65535, 65536, 65537, 200000};
    Buf text;
    buf_init(&text, 0);
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < lengths[i]; j++) buf_add_char(&text, (char)('a' + i));
        buf_add_text(&text, i % 2 ? "\n" : "\r\n");
    }
    assert_true(file_write_atomic(SCRATCH "/long", text.data, text.len, &error));
    buf_free(&text);

    LineReader *reader;
    Str line;
    assert_true(line_reader_open(SCRATCH "/long", 200000, &reader, &error));
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(line_reader_next(reader, &line, &error), 1);
        assert_int_equal(line.len, lengths[i]);
        for (size_t j = 0; j < line.len; j++) assert_int_equal(line.ptr[j], 'a' + i);
    }
    assert_int_equal(line_reader_next(reader, &line, &error), 0);
    line_reader_close(reader);

    for (size_t limit = 998; limit <= 1000; limit++) {
        assert_true(line_reader_open(SCRATCH "/long", limit, &reader, &error));
        int rows = 0, result;
        while ((result = line_reader_next(reader, &line, &error)) == 1) rows++;
        assert_int_equal(result, -1);
        assert_int_equal(rows, limit == 998 ? 1 : limit == 999 ? 2 : 3);
        char part[80];
        snprintf(part, sizeof part, "/long:%d: expected a line of at most %zu bytes", rows + 1, limit);
        assert_message(part);
        line_reader_close(reader);
    }
    // Endless input without a newline ends at the limit.
    assert_true(line_reader_open("/dev/zero", 500000, &reader, &error));
    assert_int_equal(line_reader_next(reader, &line, &error), -1);
    line_reader_close(reader);
}

static void test_writer(void **state) {
    (void)state;
    FileWriter *writer;
    put(SCRATCH "/w", "old");
    assert_true(file_writer_open(SCRATCH "/w", &writer, &error));
    file_writer_add_str(writer, STR("new "));
    char *big = mem_alloc(700000, 1);
    memset(big, 'x', 700000);
    file_writer_add(writer, big, 700000); // larger than the writer's block
    file_writer_add(writer, "", 0);
    file_writer_add_str(writer, STR(" end"));
    assert_content(SCRATCH "/w", "old");
    assert_true(file_exists(SCRATCH "/w.partial"));
    assert_true(file_writer_commit(writer, &error));
    Buf content;
    assert_true(file_read(SCRATCH "/w", 1 << 20, &content, &error));
    assert_int_equal(content.len, 700008);
    assert_true(str_starts(buf_str(&content), STR("new xxx")));
    assert_true(str_ends(buf_str(&content), STR("xxx end")));
    buf_free(&content);
    mem_free(big);
    assert_false(file_exists(SCRATCH "/w.partial"));

    assert_true(file_writer_open(SCRATCH "/w2", &writer, &error));
    file_writer_add_str(writer, STR("x"));
    file_writer_abort(writer);
    file_writer_abort(NULL);
    assert_false(file_exists(SCRATCH "/w2"));
    assert_false(file_exists(SCRATCH "/w2.partial"));

    assert_false(file_writer_open(SCRATCH "/no/w", &writer, &error));
    assert_message("/no/w: cannot write: No such file");
    assert_true(dir_make(SCRATCH "/dir", &error));
    assert_false(file_writer_open(SCRATCH "/dir", &writer, &error));
    assert_message("/dir: expected a file, found a folder");
}

// Devices are named through a link in the scratch folder: a writer that goes wrong then replaces the link, never the
// device of the machine.
static void link_to(const char *device, const char *path) { assert_int_equal(symlink(device, path), 0); }

// In place: a device, a pipe, standard output.
static void test_writer_in_place(void **state) {
    (void)state;
    FileWriter *writer;
    link_to("/dev/null", SCRATCH "/null");
    assert_true(file_write_atomic(SCRATCH "/null", "x", 1, &error));
    struct stat info;
    assert_int_equal(stat(SCRATCH "/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode)); // not replaced by a file

    int held = dup(STDOUT_FILENO);
    int fd = open(SCRATCH "/stdout", O_WRONLY | O_CREAT, 0666);
    fflush(stdout);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    printf("first ");
    bool ok = file_writer_open("-", &writer, &error);
    if (ok) {
        file_writer_add_str(writer, STR("second"));
        ok = file_writer_commit(writer, &error);
    }
    dup2(held, STDOUT_FILENO);
    close(held);
    close(fd);
    assert_true(ok);
    assert_content(SCRATCH "/stdout", "first second");
}

// ENOSPC from the kernel: /dev/full itself, and a partial file that is a link to it.
static void test_full_disk(void **state) {
    (void)state;
    link_to("/dev/full", SCRATCH "/full");
    assert_false(file_write_atomic(SCRATCH "/full", "x", 1, &error));
    assert_message("/full: cannot write: No space left on device");

    put(SCRATCH "/keep", "old");
    link_to("/dev/full", SCRATCH "/keep.partial");
    assert_false(file_write_atomic(SCRATCH "/keep", "new", 3, &error));
    assert_message("/keep: cannot write: No space left on device");
    assert_content(SCRATCH "/keep", "old");
    assert_int_not_equal(access(SCRATCH "/keep.partial", F_OK), 0);
}

// A regular file that may grow no further: the first write goes through in part.
static void test_file_limit(void **state) {
    (void)state;
    put(SCRATCH "/limited", "old");
    put(SCRATCH "/rows", "");
    FileAppender *appender;
    assert_true(file_appender_open(SCRATCH "/rows", 0, &appender, &error));
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN); // write then fails with EFBIG
    struct rlimit held, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &held), 0);
    small = held;
    small.rlim_cur = 100000;
    char *big = mem_alloc(150000, 1);
    memset(big, 'y', 150000);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    Error write_error, append_error;
    bool written = file_write_atomic(SCRATCH "/limited", big, 150000, &write_error);
    bool row_1 = file_appender_add(appender, STR("row 1\n"), &append_error);
    bool row_2 = file_appender_add(appender, (Str){big, 150000}, &append_error);
    bool row_3 = file_appender_add(appender, STR("row 3\n"), &error);
    setrlimit(RLIMIT_FSIZE, &held);
    signal(SIGXFSZ, handler);
    mem_free(big);

    assert_false(written);
    assert_non_null(strstr(write_error.message, "/limited: cannot write: File too large"));
    assert_content(SCRATCH "/limited", "old");
    assert_false(file_exists(SCRATCH "/limited.partial"));

    assert_true(row_1);
    assert_false(row_2);
    assert_non_null(strstr(append_error.message, "/rows: cannot write: File too large"));
    assert_true(row_3); // no half row stands before it
    assert_int_equal(file_appender_size(appender), 12);
    file_appender_close(appender);
    assert_content(SCRATCH "/rows", "row 1\nrow 3\n");
}

static void test_appender(void **state) {
    (void)state;
    FileAppender *appender;
    assert_true(file_appender_open(SCRATCH "/a.jsonl", 0, &appender, &error));
    assert_true(file_appender_add(appender, STR("1\n"), &error));
    assert_content(SCRATCH "/a.jsonl", "1\n"); // written through
    assert_true(file_appender_add(appender, STR("2\n"), &error));
    assert_true(file_appender_sync(appender, &error));
    assert_int_equal(file_appender_size(appender), 4);
    file_appender_close(appender);

    assert_true(file_appender_open(SCRATCH "/a.jsonl", 2, &appender, &error));
    assert_int_equal(file_appender_size(appender), 2);
    assert_true(file_appender_add(appender, STR("two\n"), &error));
    file_appender_close(appender);
    assert_content(SCRATCH "/a.jsonl", "1\ntwo\n");

    assert_false(file_appender_open(SCRATCH "/a.jsonl", 7, &appender, &error));
    assert_message("/a.jsonl: expected at least 7 bytes, found 6");
    assert_content(SCRATCH "/a.jsonl", "1\ntwo\n");
    link_to("/dev/null", SCRATCH "/null");
    assert_false(file_appender_open(SCRATCH "/null", 0, &appender, &error));
    assert_message("/null: expected a regular file");
    file_appender_close(NULL);
}

static void make_version(const char *dir, const char *version) {
    char path[200];
    assert_true(dir_make(dir, &error));
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%d", dir, i);
        put(path, version);
    }
}

static void assert_version(const char *dir, const char *version) {
    char path[200];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%d", dir, i);
        assert_content(path, version);
    }
}

static void test_replace(void **state) {
    (void)state;
    make_version(SCRATCH "/new", "1");
    assert_true(path_replace(SCRATCH "/new", SCRATCH "/ck", &error)); // nothing there yet
    assert_version(SCRATCH "/ck", "1");
    make_version(SCRATCH "/ck.partial", "2"); // the usual place beside
    assert_true(path_replace(SCRATCH "/ck.partial", SCRATCH "/ck", &error));
    assert_version(SCRATCH "/ck", "2");
    assert_false(dir_exists(SCRATCH "/ck.partial"));
    assert_false(dir_exists(SCRATCH "/ck.old"));
    assert_false(path_replace(SCRATCH "/none", SCRATCH "/ck", &error));
    assert_message("/none: No such file");
    assert_version(SCRATCH "/ck", "2");
    put(SCRATCH "/f1", "1");
    put(SCRATCH "/f2", "2");
    assert_true(path_replace(SCRATCH "/f2", SCRATCH "/f1", &error));
    assert_content(SCRATCH "/f1", "2");
}

// The two states that a crash between the steps of path_replace leaves.
static void test_recover(void **state) {
    (void)state;
    make_version(SCRATCH "/ck.old", "old"); // moved aside, the new one not yet renamed
    assert_true(path_recover(SCRATCH "/ck", &error));
    assert_version(SCRATCH "/ck", "old");
    assert_false(dir_exists(SCRATCH "/ck.old"));

    make_version(SCRATCH "/ck.old", "older"); // renamed, the old one not yet removed
    assert_true(path_recover(SCRATCH "/ck", &error));
    assert_version(SCRATCH "/ck", "old");
    assert_false(dir_exists(SCRATCH "/ck.old"));
    assert_true(path_recover(SCRATCH "/ck", &error));
    assert_true(path_recover(SCRATCH "/none", &error));

    // path_replace after such a crash keeps the old folder until the new one has the name
    make_version(SCRATCH "/cut.old", "old");
    assert_false(path_replace(SCRATCH "/none", SCRATCH "/cut", &error));
    assert_version(SCRATCH "/cut.old", "old");
    make_version(SCRATCH "/new", "new");
    assert_true(path_replace(SCRATCH "/new", SCRATCH "/cut", &error));
    assert_version(SCRATCH "/cut", "new");
    assert_false(dir_exists(SCRATCH "/cut.old"));
}

// A process that replaces without end is killed at 30 different moments: what is found is always one whole version.
static void test_killed(void **state) {
    (void)state;
    make_version(SCRATCH "/ck", "0");
    put(SCRATCH "/one", "0");
    for (int round = 0; round < 30; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (int i = 1;; i++) {
                char version[32];
                snprintf(version, sizeof version, "%d", i);
                if (!path_remove(SCRATCH "/next", &error)) _exit(1);
                make_version(SCRATCH "/next", version);
                if (!path_replace(SCRATCH "/next", SCRATCH "/ck", &error)) _exit(1);
                if (!file_write_atomic(SCRATCH "/one", version, strlen(version), &error)) _exit(1);
            }
        }
        struct timespec pause = {0, 1000000 + round * 700000};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status)); // it did not end by an error of its own

        assert_true(path_recover(SCRATCH "/ck", &error));
        Buf version, single;
        assert_true(file_read(SCRATCH "/ck/0", 100, &version, &error));
        assert_true(version.len > 0);
        assert_version(SCRATCH "/ck", version.data);
        assert_true(file_read(SCRATCH "/one", 100, &single, &error));
        assert_true(single.len > 0);
        buf_free(&version);
        buf_free(&single);
    }
}

static void exit_with_7(size_t bytes) {
    (void)bytes;
    _exit(7);
}

// Each allocation in turn fails; the handler ends the process, and the file is the old or the new one, whole.
static void test_out_of_memory(void **state) {
    (void)state;
    put(SCRATCH "/safe", "old");
    long failed = 0, old_seen = 0;
    for (int status = 7; status == 7; failed++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            mem_set_oom_handler(exit_with_7);
            mem_fail_after(failed + 1);
            _exit(file_write_atomic(SCRATCH "/safe", "new", 3, NULL) ? 0 : 1);
        }
        int raw;
        assert_int_equal(waitpid(child, &raw, 0), child);
        assert_true(WIFEXITED(raw));
        status = WEXITSTATUS(raw);
        assert_true(status == 7 || status == 0);
        Buf content;
        assert_true(file_read(SCRATCH "/safe", 100, &content, &error));
        bool is_old = str_equal(buf_str(&content), STR("old"));
        assert_true(is_old || str_equal(buf_str(&content), STR("new")));
        assert_true(status == 7 || !is_old);
        buf_free(&content);
        old_seen += is_old;
    }
    assert_true(old_seen >= 3); // a name or two and the writer itself
}

// A lock is for one process, and ends with it.
static void test_lock(void **state) {
    (void)state;
    assert_true(dir_make(SCRATCH "/locked", &error));
    int ready[2], lock = -1;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool held = dir_lock(SCRATCH "/locked", &lock, NULL);
        if (!held || write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_false(dir_lock(SCRATCH "/locked", &lock, &error));
    assert_string_equal(error.message, SCRATCH "/locked: another process is writing there");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_true(dir_lock(SCRATCH "/locked", &lock, &error)); // waits for the killed one to go
    assert_int_equal(waitpid(child, NULL, 0), child);
    dir_unlock(lock);
    assert_true(dir_lock(SCRATCH "/locked", &lock, &error));
    dir_unlock(lock);
    close(ready[0]), close(ready[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_folders, set_up),         cmocka_unit_test(test_join),
        cmocka_unit_test_setup(test_read, set_up),            cmocka_unit_test_setup(test_map, set_up),
        cmocka_unit_test_setup(test_lines, set_up),           cmocka_unit_test_setup(test_line_limit, set_up),
        cmocka_unit_test_setup(test_writer, set_up),          cmocka_unit_test_setup(test_writer_in_place, set_up),
        cmocka_unit_test_setup(test_full_disk, set_up),       cmocka_unit_test_setup(test_file_limit, set_up),
        cmocka_unit_test_setup(test_appender, set_up),        cmocka_unit_test_setup(test_replace, set_up),
        cmocka_unit_test_setup(test_recover, set_up),         cmocka_unit_test_setup(test_killed, set_up),
        cmocka_unit_test_setup(test_out_of_memory, set_up),   cmocka_unit_test_setup(test_lock, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
