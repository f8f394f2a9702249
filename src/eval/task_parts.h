// What the files of src/eval/tasks/ share. Strings that stay are copied into the reader's arena.
#ifndef RLT_EVAL_TASK_PARTS_H
#define RLT_EVAL_TASK_PARTS_H

#include "eval/task.h"

#define TASK_BOXED_BEFORE "Put your final answer inside \\boxed{}. "
#define TASK_BOXED_AFTER "\n\nReason step by step. On the last line, give the final answer inside \\boxed{}."
#define TASK_ANSWER_AFTER                                                                                              \
    "\n\nReason step by step. On the last line, write \"ANSWER: \" and after it the final answer alone."

Str task_keep(const TaskReader *reader, Str text);

// The first of the keys (separated by '|') that the row has, as text: a string, or a number as it is written. Fails
// with all of them named where the row has none, or the value is of another type.
MUST_CHECK bool task_need_text(json_t *row, const char *where, const char *keys, const TaskReader *reader, Str *out,
                               Error *error);
// The same, *out = {NULL, 0} where the row has none of them or it is null.
MUST_CHECK bool task_text_or_none(json_t *row, const char *where, const char *keys, const TaskReader *reader, Str *out,
                                  Error *error);

// The inside of the last \boxed{} of a worked solution; ptr NULL: none.
Str task_boxed(Str solution);

// Grading by mathematical equivalence, and the same for votes.
bool task_grade_math(const TaskGrader *grader, const TaskQuestion *question, Str text, const ExtractSettings *settings,
                     TaskVerdict *verdict, Error *error);
bool task_same_math(Str a, Str b);

#endif
