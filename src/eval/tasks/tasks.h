// The tasks, for the table in eval/task.c.
#ifndef RLT_EVAL_TASKS_TASKS_H
#define RLT_EVAL_TASKS_TASKS_H

#include "eval/task.h"

extern const Task task_countdown, task_aime24, task_aime25, task_math500, task_math, task_gsm8k, task_olympiad,
    task_gpqa, task_livecodebench, task_jsonl, task_exact;

#endif
