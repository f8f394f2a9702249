#include "commands/grading.h"

bool grading_open(const char *task, const char *path, uint64_t seed, const DialogueFormat *format, Grading *grading,
                  Error *error) {
    *grading = (Grading){.task = task_by_name(task)};
    bool ok = task_questions_read(grading->task, path, seed, &grading->questions, error) &&
              task_grader_open(grading->task, format, &grading->grader, error);
    if (!ok) grading_close(grading);
    return ok;
}

void grading_close(Grading *grading) {
    task_grader_close(&grading->grader);
    task_questions_free(&grading->questions);
}

void grading_questions(const Grading *grading, const char *prompt, RlQuestion *out) {
    Buf text;
    buf_init(&text, 0);
    for (size_t i = 0; i < grading->questions.count; i++) {
        const TaskQuestion *q = &grading->questions.list[i];
        buf_clear(&text);
        task_prompt(grading->task, prompt, q, &text);
        Str kept = {arena_strndup(grading->questions.arena, text.data, text.len), text.len};
        out[i] = (RlQuestion){kept, q->gold, q->system.ptr, q, (uint32_t)i};
    }
    buf_free(&text);
}

void grade_completion(void *context, const void *row, Str completion, bool *tagged, bool *right) {
    Grading *g = context;
    TaskVerdict verdict = {0};
    if (!g->failed) g->failed = !task_grade(&g->grader, g->task, row, completion, &verdict, &g->error);
    *tagged = verdict.tagged;
    *right = verdict.right && verdict.tagged;
}
