// GSM8K: school mathematics in words. A row's answer is a worked solution that ends in "#### 1,234".
#include "eval/task_parts.h"
#include "eval/tasks/tasks.h"

// What follows the last "####"; ptr NULL: there is none.
static Str final_answer(Str answer) {
    Str mark = STR("####"), found = {NULL, 0};
    for (ptrdiff_t at = str_find(answer, mark, 0); at >= 0; at = str_find(answer, mark, (size_t)at + mark.len)) {
        size_t from = (size_t)at + mark.len;
        found = str_trim((Str){answer.ptr + from, answer.len - from});
    }
    return found;
}

static bool read(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    Str answer;
    if (!task_need_text(row, where, "question", reader, &q->text, error) ||
        !task_need_text(row, where, "answer", reader, &answer, error)) {
        return false;
    }
    q->gold = final_answer(answer);
    return q->gold.len > 0 ||
           error_set(error, "%s: key \"answer\": expected #### and the final answer at its end", where);
}

static const TaskFile files[] = {
    {"GSM8K, test.jsonl, 1,319 rows", "github.com/openai/grade-school-math, grade_school_math/data", "MIT",
     "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14"},
    {"GSM8K, train.jsonl, 7,473 rows", "the same", "MIT",
     "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465"},
    {0},
};

const Task task_gsm8k = {.name = "gsm8k",
                         .about = "school mathematics in words",
                         .files = files,
                         .before = TASK_BOXED_BEFORE,
                         .after = TASK_ANSWER_AFTER,
                         .prompt = "rlt",
                         .read = read,
                         .grade = task_grade_math,
                         .same = task_same_math};
