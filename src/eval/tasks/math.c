// MATH-500, and MATH as a whole. Rows have problem, and answer or a worked solution whose last \boxed{} is the answer.
#include "eval/task_parts.h"
#include "eval/tasks/tasks.h"

static bool read(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    Str solution;
    if (!task_need_text(row, where, "problem|question", reader, &q->text, error) ||
        !task_text_or_none(row, where, "answer", reader, &q->gold, error) ||
        !task_text_or_none(row, where, "unique_id|idx", reader, &q->id, error)) {
        return false;
    }
    if (q->gold.ptr != NULL) return true;
    if (!task_need_text(row, where, "solution", reader, &solution, error)) return false;
    q->gold = task_boxed(solution);
    return q->gold.ptr != NULL ||
           error_set(error, "%s: expected an answer, or a solution with a \\boxed{} that closes", where);
}

static const TaskFile files_500[] = {
    {"MATH-500, test.jsonl, 500 rows", "github.com/openai/prm800k, prm800k/math_splits", "MIT",
     "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132"},
    {0},
};
static const TaskFile files_all[] = {
    {"MATH, test.jsonl, 5,000 rows", "github.com/ZubinGou/math-evaluation-harness, data/math", "MIT",
     "3371949f33dd702d04b43fddd7d53a028de0aaca0e76abb1b875a050297b3aa4"},
    {0},
};

const Task task_math500 = {.name = "math500", .about = "MATH-500", .files = files_500, .before = TASK_BOXED_BEFORE,
                           .after = TASK_ANSWER_AFTER, .prompt = "rlt", .read = read, .grade = task_grade_math,
                           .same = task_same_math};
const Task task_math = {.name = "math", .about = "MATH, with worked solutions", .files = files_all,
                        .before = TASK_BOXED_BEFORE, .after = TASK_ANSWER_AFTER, .prompt = "rlt", .read = read,
                        .grade = task_grade_math, .same = task_same_math};
