// The questions and the grading of a task, for the correctness reward: those of rlt eval (eval/task.h).
#ifndef RLT_COMMANDS_GRADING_H
#define RLT_COMMANDS_GRADING_H

#include "eval/task.h"
#include "methods/rl.h"

typedef struct Grading { // the context of grade_completion; owned
    const Task *task;
    TaskQuestions questions;
    Row *rows; // [questions.count]: the question as it is asked, its right answer, and what else the row holds
    TaskGrader grader;
    bool failed; // a completion could not be graded (programs that cannot be run); `error` says why
    Error error;
} Grading;

// Reads the task's questions; `prompt` is the kind of prompt. `format`, borrowed, says which tags hold an answer. A
// failed one needs no closing, a zeroed one may be closed.
MUST_CHECK bool grading_open(const char *task, const char *prompt, const char *path, uint64_t seed,
                             const DialogueFormat *format, Grading *grading, Error *error);
void grading_close(Grading *grading);

// The questions as rl_step takes them: out[questions.count], borrowed from the grading.
void grading_questions(const Grading *grading, RlQuestion *out);

// A GradeFunction of methods/rl.h; graded is a TaskQuestion. An answer outside of solution tags is not right: the
// reward is for the form, too.
void grade_completion(void *context, const void *graded, Str completion, bool *tagged, bool *right);

#endif
