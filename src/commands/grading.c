#include "commands/grading.h"

#include "base/mem.h"

static Row make_row(const Grading *grading, const char *prompt, const TaskQuestion *q, size_t line) {
    static const char *const known[] = {"question", "prompt", "solution", "system"}; // which a row has by itself
    Buf text;
    buf_init(&text, 0);
    task_prompt(grading->task, prompt, q, &text);
    Str question = {arena_strndup(grading->questions.arena, text.data, text.len), text.len};
    buf_free(&text);
    json_t *other = json_copy(q->row);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) json_object_del(other, known[i]);
    return (Row){.question = question, .solution = q->gold, .system = q->system, .other = other, .line = line};
}

bool grading_open(const char *task, const char *prompt, const char *path, uint64_t seed, const DialogueFormat *format,
                  Grading *grading, Error *error) {
    *grading = (Grading){.task = task_by_name(task)};
    bool ok = task_questions_read(grading->task, path, seed, true, &grading->questions, error) &&
              task_grader_open(grading->task, format, &grading->grader, error);
    if (!ok) {
        grading_close(grading);
        return false;
    }
    grading->rows = mem_alloc(grading->questions.count, sizeof *grading->rows);
    for (size_t i = 0; i < grading->questions.count; i++) {
        grading->rows[i] = make_row(grading, prompt, &grading->questions.list[i], i + 1);
    }
    return true;
}

void grading_close(Grading *grading) {
    for (size_t i = 0; grading->rows != NULL && i < grading->questions.count; i++) row_release(&grading->rows[i]);
    mem_free(grading->rows);
    task_grader_close(&grading->grader);
    task_questions_free(&grading->questions);
    *grading = (Grading){0};
}

void grading_questions(const Grading *grading, RlQuestion *out) {
    for (size_t i = 0; i < grading->questions.count; i++) {
        const Row *row = &grading->rows[i];
        out[i] = (RlQuestion){.question = row->question, .solution = row->solution, .system = row->system.ptr, .row = row,
                              .index = (uint32_t)i, .graded = &grading->questions.list[i]};
    }
}

void grade_completion(void *context, const void *graded, Str completion, bool *tagged, bool *right) {
    Grading *g = context;
    TaskVerdict verdict = {0};
    if (!g->failed) g->failed = !task_grade(&g->grader, g->task, graded, completion, &verdict, &g->error);
    *tagged = verdict.tagged;
    *right = verdict.right && verdict.tagged;
}
