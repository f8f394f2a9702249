// reward.json: rows (prompts, question, solution, completion) with the ids of both contexts, log-probs of the
// explanation (teacher, student) and of the solution (student), and the reward's components under several options. The
// model of the folder is the teacher, student/ the student.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "oracle.h"
#include "text.h"

typedef struct RewardFile {
    Oracle *oracle;
    const char *where;
    OracleText text;
    Model *teacher, *student;
    Pass *pass_teacher, *pass_student;
    float temperature;
} RewardFile;

// One row's contexts as the program builds them.
typedef struct Contexts {
    Ids teacher, student;          // both end-to-end, without the end of the turn
    int32_t teacher_from;          // first id of the explanation
    int32_t student_from;
    int32_t n_explanation;
    int32_t solution_from, solution_to; // in student
    bool closed;
} Contexts;

static void contexts_free(Contexts *c)
{
    ids_free(&c->teacher);
    ids_free(&c->student);
}

static void replace(char **string, Str by)
{
    mem_free(*string);
    *string = mem_strndup(by.ptr, by.len);
}

typedef struct Row {
    Str teacher_system, student_system, question, solution, completion;
} Row;

static bool read_row(json_t *item, const char *where, Row *row, Error *error)
{
    return json_need_string(item, where, "teacher_system", &row->teacher_system, error) &&
           json_need_string(item, where, "student_system", &row->student_system, error) &&
           json_need_string(item, where, "question", &row->question, error) &&
           json_need_string(item, where, "solution", &row->solution, error) &&
           json_need_string(item, where, "completion", &row->completion, error);
}

static void build_contexts(const RewardFile *file, const Row *row, Contexts *out)
{
    DialogueFormat format;
    dialogue_format_init(&format);
    replace(&format.teacher_system, row->teacher_system);
    replace(&format.student_system, row->student_system);
    Dialogue dialogue = {file->text.tokenizer, &file->text.chat, &format};
    Ids completion = {0};
    Buf decoded;
    buf_init(&decoded, 0);
    tokenizer_encode(file->text.tokenizer, row->completion, &completion);
    Explanation explanation = dialogue_find_explanation(&dialogue, completion.data, completion.len, &decoded);

    *out = (Contexts){.n_explanation = explanation.n_ids, .closed = explanation.closed};
    dialogue_teacher_prompt(&dialogue, row->question, row->solution, &out->teacher);
    out->teacher_from = out->teacher.len;
    ids_extend(&out->teacher, completion.data, explanation.n_ids);
    dialogue_student_before(&dialogue, NULL, row->question, &out->student);
    out->student_from = out->student.len;
    ids_extend(&out->student, completion.data, explanation.n_ids);
    int32_t before = out->student.len;
    dialogue_student_after(&dialogue, row->solution, &out->student, &out->solution_from, &out->solution_to);
    out->solution_from += before;
    out->solution_to += before;

    buf_free(&decoded);
    ids_free(&completion);
    dialogue_format_free(&format);
}

// Compares ids[0, n) with the array under `key`.
static bool compare_ids(const RewardFile *file, json_t *expected, const char *key, const char *name, const int32_t *ids,
                        int32_t n, Error *error)
{
    json_t *array;
    Ids want = {0};
    bool ok = json_need_array(expected, file->where, key, &array, error) &&
              oracle_read_ids(array, file->where, &want, error);
    if (ok) {
        bool equal = want.len == n && (n == 0 || memcmp(want.data, ids, (size_t)n * sizeof *ids) == 0);
        char what[96], detail[96];
        snprintf(what, sizeof what, "%s %s", name, key);
        snprintf(detail, sizeof detail, "%d ids, expected %d", n, want.len);
        oracle_report_exact(file->oracle, "reward", what, equal, detail);
    }
    ids_free(&want);
    return ok;
}

// Compares the log-probs of ids [from, to) of a sequence with the array under `key`.
static bool compare_logp(const RewardFile *file, json_t *expected, const char *key, const char *name, Model *model,
                         Pass *pass, const Ids *ids, int32_t from, int32_t to, Error *error)
{
    float *want;
    size_t count;
    if (!oracle_need_numbers(expected, file->where, key, &want, &count, error))
        return false;
    char what[96];
    snprintf(what, sizeof what, "%s %s", name, key);
    if (count != (size_t)(to - from)) {
        oracle_report_exact(file->oracle, "reward", what, false, "another number of tokens");
    } else if (count > 0) {
        Batch batch;
        batch_init(&batch);
        batch_predict(&batch, batch_add_segment(&batch, -1, ids->data, ids->len), from, to);
        float *logp = mem_alloc(count, sizeof *logp);
        model_logprobs(model, pass, &batch, file->temperature, logp, NULL);
        oracle_report(file->oracle, "reward", what, max_abs_difference(logp, want, count), TOLERANCE_REWARD);
        mem_free(logp);
        batch_free(&batch);
    }
    mem_free(want);
    return true;
}

static bool check_expected(const RewardFile *file, json_t *expected, const char *name, const Contexts *c, Error *error)
{
    const int32_t *explanation = c->teacher.data + c->teacher_from;
    return compare_ids(file, expected, "explanation_ids", name, explanation, c->n_explanation, error) &&
           compare_ids(file, expected, "teacher_ids", name, c->teacher.data, c->teacher.len, error) &&
           compare_ids(file, expected, "student_ids", name, c->student.data, c->student.len, error) &&
           compare_logp(file, expected, "teacher_logp", name, file->teacher, file->pass_teacher, &c->teacher,
                        c->teacher_from, c->teacher_from + c->n_explanation, error) &&
           compare_logp(file, expected, "student_logp", name, file->student, file->pass_student, &c->student,
                        c->student_from, c->student_from + c->n_explanation, error) &&
           compare_logp(file, expected, "solution_logp", name, file->student, file->pass_student, &c->student,
                        c->solution_from, c->solution_to, error);
}

static bool check_row(const RewardFile *file, json_t *item, size_t index, Error *error)
{
    Row row;
    json_t *array, *expected;
    size_t i;
    if (!read_row(item, file->where, &row, error) || !json_need_array(item, file->where, "expected", &array, error))
        return false;
    Contexts contexts;
    build_contexts(file, &row, &contexts);
    bool ok = true;
    json_array_foreach (array, i, expected) {
        Str options;
        char name[80];
        ok = ok && json_need_string(expected, file->where, "options", &options, error);
        if (!ok)
            break;
        snprintf(name, sizeof name, "row %zu %.*s", index, (int)(options.len < 40 ? options.len : 40), options.ptr);
        ok = check_expected(file, expected, name, &contexts, error);
    }
    contexts_free(&contexts);
    return ok;
}

static bool check_rows(RewardFile *file, json_t *root, Error *error)
{
    double temperature;
    json_t *rows, *row;
    size_t i;
    if (!json_need_number(root, file->where, "temperature", &temperature, error) ||
        !json_need_array(root, file->where, "rows", &rows, error))
        return false;
    if (json_array_size(rows) == 0)
        return error_set(error, "%s: rows is empty", file->where);
    file->temperature = (float)temperature;
    file->pass_teacher = pass_create(file->teacher, (PassSettings){0});
    file->pass_student = pass_create(file->student, (PassSettings){0});
    bool ok = true;
    json_array_foreach (rows, i, row) {
        ok = ok && check_row(file, row, i, error);
    }
    pass_destroy(file->pass_teacher);
    pass_destroy(file->pass_student);
    return ok;
}

bool check_reward(Oracle *oracle, Error *error)
{
    RewardFile file = {.oracle = oracle, .where = "reward.json"};
    json_t *root = NULL;
    bool ok = oracle_text_load(oracle->dir, &file.text, error) &&
              oracle_load_model(oracle, NULL, &file.teacher, error) &&
              oracle_load_model(oracle, "student", &file.student, error) &&
              oracle_read_json(oracle, file.where, &root, error) && check_rows(&file, root, error);
    json_decref(root);
    model_destroy(file.teacher);
    model_destroy(file.student);
    oracle_text_free(&file.text);
    return ok;
}
