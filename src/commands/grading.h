// How a task's answers are graded, by the task's name: for the correctness reward and for evaluation.
#ifndef RLT_COMMANDS_GRADING_H
#define RLT_COMMANDS_GRADING_H

#include "data/rows.h"
#include "text/dialogue.h"

#define GRADING_TASKS "countdown|exact"

typedef struct Grading { // the context of grade_completion; borrowed
    const char *task;
    const DialogueFormat *format; // whose solution tags hold the answer
} Grading;

// Every row has what the task needs ("countdown": numbers and target); the message names file and line.
MUST_CHECK bool grading_check_rows(const Grading *grading, const char *path, const Rows *rows, Error *error);

// Grades a completion of the student format; the form of a GradeFunction of methods/rl.h, row is a Row.
// "countdown": exact arithmetic over the row's numbers. "exact": the text in the tags equals the row's solution, white space
// at the ends aside.
void grade_completion(void *context, const void *row, Str completion, bool *tagged, bool *right);

// As grade_completion, with the verdict's name ("right", "wrong_value", "no_answer", ...).
const char *grade_verdict(const Grading *grading, const Row *row, Str completion, bool *tagged, bool *right);

#endif
