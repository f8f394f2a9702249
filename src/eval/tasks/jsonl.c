// Anyone's rows of a question and its answer, graded as mathematics (jsonl) or as text in solution tags (exact).
#include "eval/task_parts.h"
#include "eval/tasks/tasks.h"

#define QUESTIONS "question|problem|prompt"

static bool read(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    return task_need_text(row, where, QUESTIONS, reader, &q->text, error) &&
           task_need_text(row, where, "answer|solution|gold|final_answer", reader, &q->gold, error) &&
           task_text_or_none(row, where, "id|unique_id", reader, &q->id, error);
}

static bool read_exact(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    return task_need_text(row, where, QUESTIONS, reader, &q->text, error) &&
           task_need_text(row, where, "solution|answer", reader, &q->gold, error) &&
           task_text_or_none(row, where, "id", reader, &q->id, error);
}

static bool same_exact(Str a, Str b) { return str_equal(str_trim(a), str_trim(b)); }

static bool grade_exact(const TaskGrader *grader, const TaskQuestion *question, Str text,
                        const ExtractSettings *settings, TaskVerdict *verdict, Error *error) {
    (void)settings, (void)error;
    Str answer;
    if (!dialogue_read_solution(grader->format, text, &answer)) return true;
    size_t from = (size_t)(answer.ptr - text.ptr);
    verdict->found = (Extracted){answer, from, from + answer.len, EXTRACT_TAGS};
    verdict->right = same_exact(answer, question->gold);
    verdict->name = verdict->right ? "right" : "wrong";
    return true;
}

static const TaskFile files[] = {{0}};

const Task task_jsonl = {.name = "jsonl", .about = "your rows of question and answer, graded as mathematics",
                         .files = files, .before = TASK_BOXED_BEFORE, .after = TASK_ANSWER_AFTER, .prompt = "plain",
                         .read = read, .grade = task_grade_math, .same = task_same_math};
const Task task_exact = {.name = "exact", .about = "your rows of question and solution, the text in solution tags",
                         .files = files, .before = "", .after = "", .prompt = "plain", .read = read_exact,
                         .grade = grade_exact, .same = same_exact};
