// Whatever a row holds: every task reads it or refuses it with one line that begins with its place; of what it reads,
// question and answer are texts, a prompt can be made of each kind, and any text gets a verdict whose answer lies in it.
#include <stdlib.h>
#include <string.h>

#include "eval/task.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void grade(const TaskGrader *grader, const Task *task, const TaskQuestion *q, Str text) {
    TaskVerdict verdict;
    Error error;
    must(task_grade(grader, task, q, text, &verdict, &error));
    must(verdict.name != NULL && (!verdict.right || verdict.found.answer.ptr != NULL));
    if (verdict.found.answer.ptr == NULL) return;
    must(verdict.found.from <= verdict.found.to && verdict.found.to <= text.len);
    must(verdict.found.answer.ptr == text.ptr + verdict.found.from);
}

static void use(const Task *task, const TaskQuestion *q, const DialogueFormat *format, Str raw) {
    static const char *const kinds[] = {"task", "plain", "rlt", "lighteval"};
    Buf text;
    buf_init(&text, 0);
    for (int i = 0; i < 4; i++) {
        buf_clear(&text);
        task_prompt(task, kinds[i], q, &text);
        must(text.len >= q->text.len);
    }
    buf_free(&text);
    if (task->runs_programs) return;
    const TaskGrader grader = {.format = format};
    grade(&grader, task, q, raw);
    grade(&grader, task, q, q->gold);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    DialogueFormat format;
    dialogue_format_init(&format);
    char path[FUZZ_PATH_MAX];
    int fd = fuzz_file(data, size, path);
    for (size_t i = 0; task_table[i] != NULL; i++) {
        TaskQuestions questions;
        Error error = {""};
        if (!task_questions_read(task_table[i], path, 1, true, &questions, &error)) {
            must(error.message[0] != '\0' && strchr(error.message, '\n') == NULL);
            continue;
        }
        must(questions.count >= 1);
        for (size_t k = 0; k < questions.count && k < 4; k++) {
            must(questions.list[k].text.ptr != NULL && questions.list[k].gold.ptr != NULL && questions.list[k].id.len > 0);
            use(task_table[i], &questions.list[k], &format, (Str){(const char *)data, size});
        }
        task_questions_free(&questions);
    }
    fuzz_file_close(fd);
    dialogue_format_free(&format);
    return 0;
}
