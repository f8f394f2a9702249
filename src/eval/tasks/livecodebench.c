// Programs, from rows as LiveCodeBench publishes them (eval/code/tests.h), run on their tests in a sandbox.
#include <stdio.h>
#include <string.h>

#include "eval/task_parts.h"
#include "eval/tasks/tasks.h"

static void write_form(const CodeTests *tests, Str starter, Buf *text) {
    if (tests->fn_name == NULL) {
        buf_add_text(text, "\n\nWrite a Python program that reads standard input and prints to standard output.");
        return;
    }
    buf_printf(text, "\n\nWrite it in Python, as the function %s.", tests->fn_name);
    if (str_trim(starter).len == 0) return;
    buf_add_text(text, " Begin from this:\n```python\n");
    buf_add_str(text, starter);
    buf_add_text(text, str_ends(starter, STR("\n")) ? "```" : "\n```");
}

static bool read(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    Str question, starter;
    if (!task_need_text(row, where, "question_content", reader, &question, error) ||
        !task_text_or_none(row, where, "starter_code", reader, &starter, error) ||
        !task_text_or_none(row, where, "question_id", reader, &q->id, error)) {
        return false;
    }
    CodeTests *tests = arena_alloc(reader->arena, 1, sizeof *tests);
    if (!code_tests_read(row, where, tests, error)) return false;
    q->own = tests;
    Buf text;
    buf_init(&text, 0);
    buf_add_str(&text, question);
    write_form(tests, starter.ptr != NULL ? starter : STR(""), &text);
    q->text = task_keep(reader, buf_str(&text));
    buf_free(&text);
    return true;
}

static void release(TaskQuestion *q) {
    CodeTests tests = *(const CodeTests *)q->own;
    code_tests_free(&tests);
}

static bool grade(const TaskGrader *grader, const TaskQuestion *question, Str text, const ExtractSettings *settings,
                  TaskVerdict *verdict, Error *error) {
    CodeResult result;
    if (!code_grade(grader->sandbox, text, settings, question->own, &grader->limits, &result, error)) return false;
    Str code = code_find(text, settings);
    if (code.ptr != NULL) {
        size_t from = (size_t)(code.ptr - text.ptr);
        verdict->found = (Extracted){code, from, from + code.len, verdict->tagged ? EXTRACT_TAGS : EXTRACT_WHOLE};
    }
    verdict->right = result.verdict == CODE_RIGHT;
    verdict->name = code_verdict_name(result.verdict);
    snprintf(verdict->message, sizeof verdict->message, "%s", result.message);
    return true;
}

static const TaskFile files[] = {
    {"code_generation_lite, JSONL, private_test_cases as JSON (docs/eval-code.md)",
     "huggingface.co/datasets/livecodebench/code_generation_lite", "as stated there", NULL},
    {0},
};

const Task task_livecodebench = {
    .name = "livecodebench",
    .about = "programs in Python, run on their tests in a sandbox",
    .files = files,
    .before = "Answer with one program in a fenced block that begins with ```python.\n\n",
    .after = "\n\nReason step by step, then answer with one program in a fenced block that begins with ```python.",
    .prompt = "rlt",
    .read = read,
    .release = release,
    .grade = grade,
    .runs_programs = true,
};
