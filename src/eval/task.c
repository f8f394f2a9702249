#include "eval/task.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "data/csv.h"
#include "data/row_source.h"
#include "eval/task_parts.h"
#include "eval/tasks/tasks.h"

const Task *const task_table[] = {
    &task_countdown, &task_aime24, &task_aime25,        &task_math500, &task_math,  &task_gsm8k,
    &task_olympiad,  &task_gpqa,   &task_livecodebench, &task_jsonl,   &task_exact, NULL,
};

const Task *task_by_name(const char *name) {
    for (size_t i = 0; task_table[i] != NULL; i++) {
        if (strcmp(task_table[i]->name, name) == 0) return task_table[i];
    }
    return NULL;
}

// ---- questions

typedef struct Loader {
    TaskQuestions *questions;
    TaskReader reader;
    bool keep_rows;
    size_t cap;
} Loader;

// An id that stays where rows are moved or left out.
static Str text_id(const TaskReader *reader, Str text) {
    Sha256Hex hash = sha256_bytes(text.ptr, text.len);
    return task_keep(reader, (Str){hash.text, 16});
}

static bool add_row(Loader *l, json_t *row, const char *where, Error *error) {
    TaskQuestions *all = l->questions;
    TaskQuestion q = {.gold = STR("")};
    if (!task_text_or_none(row, where, "system", &l->reader, &q.system, error) ||
        !all->task->read(row, where, &l->reader, &q, error)) {
        return false;
    }
    if (q.id.len == 0) q.id = text_id(&l->reader, q.text);
    if (all->count == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 256;
        all->list = mem_realloc(all->list, l->cap, sizeof *all->list);
    }
    if (l->keep_rows) q.row = json_incref(row);
    all->list[all->count++] = q;
    return true;
}

static bool load_csv(Loader *l, const char *path, const RowsLimits *limits, Error *error) {
    Csv *csv;
    if (!csv_open(path, limits, &csv, error)) return false;
    json_t *row;
    int status;
    bool ok = true;
    while (ok && (status = csv_next(csv, &row, error)) != 0) {
        ok = status == 1;
        if (!ok) break;
        ok = add_row(l, row, csv_where(csv), error);
        json_decref(row);
    }
    csv_close(csv);
    return ok;
}

static bool load_rows(Loader *l, const char *path, const RowsLimits *limits, Error *error) {
    RowSource *source;
    if (!row_source_open(path, limits, &source, error)) return false;
    json_t *row;
    RowSourceStatus status;
    bool ok = true;
    while (ok && (status = row_source_next(source, &row, error)) != ROW_SOURCE_END) {
        ok = status == ROW_SOURCE_ROW;
        if (!ok) break;
        ok = add_row(l, row, row_source_where(source), error);
        json_decref(row);
    }
    row_source_close(source);
    return ok;
}

bool task_questions_read(const Task *task, const char *path, uint64_t seed, bool keep_rows, TaskQuestions *questions,
                         Error *error) {
    *questions = (TaskQuestions){.task = task, .arena = arena_create()};
    Loader loader = {questions, {questions->arena, seed}, keep_rows, 0};
    RowsLimits limits = rows_limits_default();
    bool ok = (task->csv ? load_csv : load_rows)(&loader, path, &limits, error);
    if (ok && questions->count == 0) ok = error_set(error, "%s: no rows", path);
    if (!ok) task_questions_free(questions);
    return ok;
}

void task_questions_free(TaskQuestions *questions) {
    for (size_t i = 0; i < questions->count; i++) {
        if (questions->task->release != NULL) questions->task->release(&questions->list[i]);
        json_decref(questions->list[i].row);
    }
    mem_free(questions->list);
    arena_destroy(questions->arena);
    *questions = (TaskQuestions){0};
}

// ---- prompts

const char *task_prompt_kind(const Task *task, const char *name) {
    return strcmp(name, "task") == 0 ? task->prompt : name;
}

void task_prompt(const Task *task, const char *kind, const TaskQuestion *question, Buf *out) {
    kind = task_prompt_kind(task, kind);
    bool before = strcmp(kind, "rlt") == 0 || strcmp(kind, "skythought") == 0;
    if (before) buf_add_text(out, task->before);
    buf_add_str(out, question->text);
    if (strcmp(kind, "lighteval") == 0) buf_add_text(out, task->after);
}

// ---- grading

bool task_grader_open(const Task *task, const DialogueFormat *format, TaskGrader *grader, Error *error) {
    *grader = (TaskGrader){.format = format, .limits = code_limits_default()};
    return !task->runs_programs || sandbox_open(&grader->sandbox, error);
}

void task_grader_close(TaskGrader *grader) {
    sandbox_close(grader->sandbox);
    *grader = (TaskGrader){0};
}

bool task_grade(const TaskGrader *grader, const Task *task, const TaskQuestion *question, Str text,
                TaskVerdict *verdict, Error *error) {
    const DialogueFormat *f = grader->format;
    *verdict = (TaskVerdict){.name = "no_answer"};
    Str inside;
    verdict->tagged = dialogue_read_solution(f, text, &inside);
    ExtractSettings settings = {f->thought_close, f->solution_open, f->solution_close, false};
    settings.thought_optional = verdict->tagged || str_find(text, str_of(f->thought_open), 0) < 0;
    return task->grade(grader, question, text, &settings, verdict, error);
}
