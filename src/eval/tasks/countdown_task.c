// Countdown: an expression over given numbers that reaches a target. Rows have numbers (or nums) and target, or input
// "30,100,93" and output "23" as d1 publishes them; question where the wording is given.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/task_parts.h"
#include "eval/tasks/countdown.h"
#include "eval/tasks/tasks.h"

// A whole number with nothing but spaces around it.
static bool read_number(Str text, int64_t *out) {
    char digits[32];
    text = str_trim(text);
    if (text.len == 0 || text.len >= sizeof digits) return false;
    memcpy(digits, text.ptr, text.len);
    digits[text.len] = '\0';
    char *end;
    errno = 0;
    *out = strtoll(digits, &end, 10);
    return errno == 0 && end == digits + text.len && *out != INT64_MIN;
}

static bool read_pair(json_t *row, const char *where, CountdownProblem *problem, Error *error) {
    Str input, output;
    if (!json_need_string(row, where, "input", &input, error) ||
        !json_need_string(row, where, "output", &output, error)) {
        return false;
    }
    *problem = (CountdownProblem){0};
    for (size_t from = 0; from <= input.len;) {
        const char *comma = from < input.len ? memchr(input.ptr + from, ',', input.len - from) : NULL;
        size_t to = comma != NULL ? (size_t)(comma - input.ptr) : input.len;
        if (problem->n == COUNTDOWN_MAX_GIVEN ||
            !read_number((Str){input.ptr + from, to - from}, &problem->numbers[problem->n++])) {
            return error_set(error, "%s: key \"input\": expected 1 to %d whole numbers between commas", where,
                             COUNTDOWN_MAX_GIVEN);
        }
        from = to + 1;
    }
    return read_number(output, &problem->target) ||
           error_set(error, "%s: key \"output\": expected a whole number", where);
}

static bool read_problem(json_t *row, const char *where, CountdownProblem *problem, Error *error) {
    if (json_object_get(row, "input") != NULL && json_object_get(row, "target") == NULL) {
        return read_pair(row, where, problem, error);
    }
    json_t *nums = json_object_get(row, "nums");
    if (nums == NULL || json_object_get(row, "numbers") != NULL) {
        return countdown_problem_read(row, where, problem, error);
    }
    json_t *renamed = json_pack("{s:O, s:O?}", "numbers", nums, "target", json_object_get(row, "target"));
    bool ok = countdown_problem_read(renamed, where, problem, error);
    json_decref(renamed);
    return ok;
}

static Str write_question(const CountdownProblem *problem, const TaskReader *reader) {
    Buf text;
    buf_init(&text, 0);
    buf_add_text(&text, "Use each of the numbers");
    for (int32_t i = 0; i < problem->n; i++) {
        buf_printf(&text, "%s %lld", i > 0 ? "," : "", (long long)problem->numbers[i]);
    }
    buf_printf(&text,
               " exactly once, with + - * / and brackets, to make an expression whose value is %lld. The answer is the "
               "expression.",
               (long long)problem->target);
    Str kept = task_keep(reader, buf_str(&text));
    buf_free(&text);
    return kept;
}

static bool read(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    CountdownProblem *problem = arena_alloc(reader->arena, 1, sizeof *problem);
    if (!read_problem(row, where, problem, error) ||
        !task_text_or_none(row, where, "question", reader, &q->text, error) ||
        !task_text_or_none(row, where, "solution", reader, &q->gold, error)) {
        return false;
    }
    if (q->text.ptr == NULL) q->text = write_question(problem, reader);
    if (q->gold.ptr == NULL) q->gold = STR("");
    q->own = problem;
    return true;
}

// Without tags an expression counts where it is marked as the answer, or is all that was written. The last number of a
// text is no answer here.
static bool grade(const TaskGrader *grader, const TaskQuestion *question, Str text, const ExtractSettings *settings,
                  TaskVerdict *verdict, Error *error) {
    (void)error;
    const CountdownProblem *problem = question->own;
    Str answer;
    bool whole = false;
    Extracted found;
    if (dialogue_read_solution(grader->format, text, &answer)) {
        size_t from = (size_t)(answer.ptr - text.ptr);
        found = (Extracted){answer, from, from + answer.len, EXTRACT_TAGS};
    } else {
        found = extract_answer(text, settings);
        whole = found.rule == EXTRACT_WHOLE;
        if (found.answer.ptr == NULL || found.rule == EXTRACT_LAST_NUMBER) return true;
    }
    CountdownVerdict result = countdown_grade(found.answer, problem);
    if (result == COUNTDOWN_NO_ANSWER || (whole && result == COUNTDOWN_UNPARSABLE)) return true;
    verdict->found = found;
    verdict->right = result == COUNTDOWN_RIGHT;
    verdict->name = countdown_verdict_name(result);
    return true;
}

static const TaskFile files[] = {
    {"made by `rlt data countdown`", "this program", "yours", NULL},
    {"countdown_cd3_test.jsonl, 256 rows", "github.com/dllm-reasoning/d1, dataset", "Apache-2.0",
     "9916f614621e26fb2b035ed4ea641e35e4fff0d533bb9b9c7bcaaa61017d88c6"},
    {"Countdown-Tasks-3to4, Parquet", "huggingface.co/datasets/Jiayi-Pan/Countdown-Tasks-3to4", "as stated there",
     NULL},
    {0},
};

const Task task_countdown = {
    .name = "countdown",
    .about = "an expression over given numbers that reaches a target",
    .files = files,
    .before = "Put the expression inside \\boxed{}. ",
    .after = "\n\nReason step by step. On the last line, give the expression inside \\boxed{}.",
    .prompt = "plain",
    .read = read,
    .grade = grade,
};
