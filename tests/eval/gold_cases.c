// Every right answer of a task's file against itself, through the task's own reader, for people: gold_cases TASK FILE.
//
// Counts answers that parse and equal themselves, those that compare as texts only, and those that the task grades as
// right when a completion gives them in a box.
#include <stdio.h>
#include <string.h>

#include "eval/math/grade.h"
#include "eval/task.h"

typedef struct Counts {
    size_t equal, text_only, boxed;
} Counts;

static void count_self(const TaskQuestion *q, Counts *counts) {
    const GradeSettings settings = {.extract = GRADE_EXTRACT_NONE, .forms = true};
    GradeResult result;
    math_grade(q->gold, q->gold, &settings, &result);
    counts->equal += result.equal;
    counts->text_only += !result.gold_parsed;
    if (!result.equal) printf("not itself: %.*s\n", (int)q->gold.len, q->gold.ptr);
    if (!result.gold_parsed) printf("text only: %.*s\n", (int)q->gold.len, q->gold.ptr);
    grade_result_free(&result);
}

static bool count_boxed(const TaskGrader *grader, const Task *task, const TaskQuestion *q, Counts *counts, Error *error) {
    Buf text;
    buf_init(&text, 0);
    buf_printf(&text, "So the final answer is \\boxed{%.*s}.", (int)q->gold.len, q->gold.ptr);
    TaskVerdict verdict;
    bool ok = task_grade(grader, task, q, buf_str(&text), &verdict, error);
    if (ok) {
        counts->boxed += verdict.right;
        if (!verdict.right) {
            printf("not right in a box: %.*s, read as %.*s\n", (int)q->gold.len, q->gold.ptr,
                   (int)verdict.found.answer.len, verdict.found.answer.ptr);
        }
    }
    buf_free(&text);
    return ok;
}

int main(int argc, char **argv) {
    const Task *task = argc == 3 ? task_by_name(argv[1]) : NULL;
    if (task == NULL) {
        fprintf(stderr, "usage: gold_cases TASK FILE (TASK: %s)\n", TASK_NAMES);
        return 2;
    }
    Error error;
    TaskQuestions questions = {0};
    TaskGrader grader = {0};
    DialogueFormat format;
    dialogue_format_init(&format);
    Counts counts = {0};
    bool ok = task_questions_read(task, argv[2], 1, false, &questions, &error) &&
              task_grader_open(task, &format, &grader, &error);
    for (size_t i = 0; ok && i < questions.count; i++) {
        count_self(&questions.list[i], &counts);
        ok = count_boxed(&grader, task, &questions.list[i], &counts, &error);
    }
    if (ok) {
        printf("%s: %zu answers, %zu equal themselves, %zu (%.2f%%) as texts only, %zu right in a box\n", argv[2],
               questions.count, counts.equal, counts.text_only, 100 * (double)counts.text_only / (double)questions.count,
               counts.boxed);
    } else {
        fprintf(stderr, "gold_cases: %s\n", error.message);
    }
    task_grader_close(&grader);
    task_questions_free(&questions);
    dialogue_format_free(&format);
    return ok ? 0 : 1;
}
