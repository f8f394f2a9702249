#include "commands/grading.h"

#include <string.h>

#include "eval/tasks/countdown.h"

static bool read_problem(const Row *row, const char *path, CountdownProblem *problem, Error *error) {
    char where[512];
    snprintf(where, sizeof where, "%.400s:%zu", path, row->line);
    return countdown_problem_read(row->other, where, problem, error);
}

bool grading_check_rows(const Grading *grading, const char *path, const Rows *rows, Error *error) {
    if (strcmp(grading->task, "countdown") != 0) return true;
    CountdownProblem problem;
    for (size_t i = 0; i < rows->count; i++) {
        if (!read_problem(&rows->rows[i], path, &problem, error)) return false;
    }
    return true;
}

const char *grade_verdict(const Grading *grading, const Row *row, Str completion, bool *tagged, bool *right) {
    const DialogueFormat *f = grading->format;
    if (strcmp(grading->task, "countdown") == 0) {
        CountdownProblem problem;
        if (!read_problem(row, "", &problem, NULL)) problem = (CountdownProblem){0}; // checked when the rows were read
        AnswerTags tags = {f->thought_close, f->solution_open, f->solution_close};
        CountdownVerdict verdict = countdown_grade_tagged(completion, &tags, &problem, tagged);
        *right = verdict == COUNTDOWN_RIGHT;
        return countdown_verdict_name(verdict);
    }
    Str answer;
    *tagged = dialogue_read_solution(f, completion, &answer);
    *right = *tagged && str_equal(str_trim(answer), str_trim(row->solution));
    return *right ? "right" : *tagged ? "wrong" : "no_answer";
}

void grade_completion(void *context, const void *row, Str completion, bool *tagged, bool *right) {
    grade_verdict(context, row, completion, tagged, right);
}
