// AIME 2024 and 2025: 30 problems each, whose answers are whole numbers from 0 to 999.
//
// Published in several forms that differ in the names of their columns: problem, Problem or question; answer or Answer,
// a text ("073") or a number.
#include "eval/task_parts.h"
#include "eval/tasks/tasks.h"

static bool is_answer(Str text) {
    if (text.len < 1 || text.len > 3) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
    }
    return true;
}

static bool read(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    if (!task_need_text(row, where, "problem|Problem|question", reader, &q->text, error) ||
        !task_need_text(row, where, "answer|Answer", reader, &q->gold, error) ||
        !task_text_or_none(row, where, "id|ID|problem_idx", reader, &q->id, error)) {
        return false;
    }
    q->gold = str_trim(q->gold);
    return is_answer(q->gold) || error_set(error, "%s: key \"answer\": expected a whole number from 0 to 999", where);
}

static const TaskFile files_2024[] = {
    {"AIME 2024 I and II, test.jsonl, 30 rows",
     "github.com/hkust-nlp/simpleRL-reason, examples/simplelr_math_eval/data/aime24", "MIT; texts (c) MAA",
     "af2b8bd2aa911b6333ad0df32f3ca05c7ae8ed10f1731f4372c8ae26990bf7ac"},
    {"the same, Parquet", "huggingface.co/datasets/HuggingFaceH4/aime_2024", "as stated there; texts (c) MAA", NULL},
    {0},
};
static const TaskFile files_2025[] = {
    {"AIME 2025 I and II, JSONL", "huggingface.co/datasets/opencompass/AIME2025", "as stated there; texts (c) MAA",
     NULL},
    {0},
};

const Task task_aime24 = {.name = "aime24",
                          .about = "AIME 2024",
                          .files = files_2024,
                          .before = TASK_BOXED_BEFORE,
                          .after = TASK_BOXED_AFTER,
                          .prompt = "rlt",
                          .read = read,
                          .grade = task_grade_math,
                          .same = task_same_math};
const Task task_aime25 = {.name = "aime25",
                          .about = "AIME 2025",
                          .files = files_2025,
                          .before = TASK_BOXED_BEFORE,
                          .after = TASK_BOXED_AFTER,
                          .prompt = "rlt",
                          .read = read,
                          .grade = task_grade_math,
                          .same = task_same_math};
