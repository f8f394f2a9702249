// What the tests of tasks share: rows written to a file and read by a task, completions graded.
#ifndef RLT_TESTS_EVAL_TASK_TEST_H
#define RLT_TESTS_EVAL_TASK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "eval/task.h"

static inline bool read_rows(const Task *task, const char *rows, uint64_t seed, TaskQuestions *questions, Error *error) {
    char path[256];
    snprintf(path, sizeof path, "%s/task_rows_%d", TEST_SCRATCH, (int)getpid());
    assert_true(file_write_atomic(path, rows, strlen(rows), error));
    bool ok = task_questions_read(task, path, seed, false, questions, error);
    assert_true(path_remove(path, NULL));
    return ok;
}

static inline TaskQuestions must_read(const char *task, const char *rows) {
    Error error = {""};
    TaskQuestions questions;
    assert_non_null(task_by_name(task));
    if (!read_rows(task_by_name(task), rows, 1, &questions, &error)) fail_msg("%s", error.message);
    return questions;
}

// Refused, with a message that holds the text.
static inline void must_refuse(const char *task, const char *rows, const char *text) {
    Error error = {""};
    TaskQuestions questions;
    if (read_rows(task_by_name(task), rows, 1, &questions, &error)) fail_msg("accepted: %s", rows);
    if (strstr(error.message, text) == NULL) fail_msg("%s: expected \"%s\" in: %s", rows, text, error.message);
    assert_null(strchr(error.message, '\n'));
}

static inline TaskVerdict grade_text(const TaskQuestions *questions, size_t i, const char *text) {
    Error error = {""};
    static DialogueFormat format;
    static TaskGrader grader;
    if (format.thought_open == NULL) dialogue_format_init(&format);
    assert_true(i < questions->count);
    if (!task_grader_open(questions->task, &format, &grader, &error)) fail_msg("%s", error.message);
    TaskVerdict verdict;
    bool ok = task_grade(&grader, questions->task, &questions->list[i], str_of(text), &verdict, &error);
    task_grader_close(&grader);
    dialogue_format_free(&format);
    if (!ok) fail_msg("%s", error.message);
    return verdict;
}

static inline void expect_verdict(const TaskQuestions *questions, size_t i, const char *text, const char *name,
                                  const char *answer) {
    TaskVerdict v = grade_text(questions, i, text);
    if (strcmp(v.name, name) != 0) fail_msg("%s: got %s, expected %s", text, v.name, name);
    assert_int_equal(v.right, strcmp(name, "right") == 0);
    if (answer == NULL) {
        assert_null(v.found.answer.ptr);
        return;
    }
    if (!str_equal(v.found.answer, str_of(answer))) {
        fail_msg("%s: found \"%.*s\", expected \"%s\"", text, (int)v.found.answer.len, v.found.answer.ptr, answer);
    }
    assert_ptr_equal(v.found.answer.ptr, text + v.found.from); // its place in the text
    assert_int_equal(v.found.to - v.found.from, strlen(answer));
}

static inline void expect_prompt(const TaskQuestions *questions, const char *kind, const char *text) {
    Buf out;
    buf_init(&out, 0);
    task_prompt(questions->task, kind, &questions->list[0], &out);
    assert_string_equal(out.data, text);
    buf_free(&out);
}

#define STR_EQUAL(str, text) assert_true(str_equal((str), str_of(text)))

#endif
