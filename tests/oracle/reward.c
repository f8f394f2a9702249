// reward.json: rows (prompts, question, solution, completion) with the ids of both contexts, log-probs of the
// explanation (teacher, student) and of the solution (student), and the reward's components under several options. The
// model of the folder is the teacher, student/ the student.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "methods/score_rlt.h"
#include "oracle.h"
#include "text.h"

typedef struct NamedOptions {
    Str name;
    RewardSettings settings;
} NamedOptions;

#define OPTIONS_MAX 32

typedef struct RewardFile {
    Oracle *oracle;
    const char *where;
    OracleText text;
    Model *teacher, *student;
    Pass *pass_teacher, *pass_student;
    float temperature;
    NamedOptions options[OPTIONS_MAX];
    int n_options;
} RewardFile;

// ---- options

static bool read_terms(json_t *item, const char *where, const char *reduce_key, const char *coefficient_key,
                       RewardTerm *terms, int *n_terms, Error *error)
{
    json_t *names, *coefficients, *name;
    size_t i;
    if (!json_need_array(item, where, reduce_key, &names, error) ||
        !json_need_array(item, where, coefficient_key, &coefficients, error))
        return false;
    if (json_array_size(names) != json_array_size(coefficients) || json_array_size(names) > REWARD_MAX_TERMS)
        return error_set(error, "%s: %s and %s, expected arrays of one length of at most %d", where, reduce_key,
                         coefficient_key, REWARD_MAX_TERMS);
    json_array_foreach (names, i, name) {
        json_t *coefficient = json_array_get(coefficients, i);
        if (!json_is_string(name) || !reduction_by_name(json_string_value(name), &terms[i].reduce) ||
            !json_is_number(coefficient))
            return error_set(error, "%s: element %zu of %s and %s, expected a reduction and a number", where, i,
                             reduce_key, coefficient_key);
        terms[i].coefficient = json_number_value(coefficient);
    }
    *n_terms = (int)json_array_size(names);
    return true;
}

static bool read_options(json_t *item, const char *where, NamedOptions *out, Error *error)
{
    Str logp, kl, estimator;
    RewardSettings *s = &out->settings;
    *s = reward_settings_paper(); // for what the file does not say: missing tag, no tokens
    if (!json_need_string(item, where, "name", &out->name, error) ||
        !json_need_string(item, where, "normalise_logp", &logp, error) ||
        !json_need_string(item, where, "normalise_kl", &kl, error) ||
        !json_need_string(item, where, "kl_estimator", &estimator, error) ||
        !json_number_or(item, where, "clip_logp", INFINITY, &s->clip_logp, error) ||
        !json_number_or(item, where, "clip_kl", INFINITY, &s->clip_kl, error))
        return false;
    bool entropy;
    if (!json_bool_or(item, where, "teacher_entropy", true, &entropy, error))
        return false;
    s->without_entropy = !entropy;
    if (!normaliser_by_name(logp.ptr, &s->normalise_logp) || !normaliser_by_name(kl.ptr, &s->normalise_kl) ||
        !kl_estimator_by_name(estimator.ptr, &s->kl_estimator))
        return error_set(error, "%s: options %s, a normaliser or estimator of another name", where, out->name.ptr);
    return read_terms(item, where, "reduce_logp", "coef_logp", s->ss, &s->n_ss, error) &&
           read_terms(item, where, "reduce_kl", "coef_kl", s->kl, &s->n_kl, error);
}

static bool read_all_options(RewardFile *file, json_t *root, Error *error)
{
    json_t *array, *item;
    size_t i;
    if (!json_need_array(root, file->where, "options", &array, error))
        return false;
    if (json_array_size(array) > OPTIONS_MAX)
        return error_set(error, "%s: %zu options, expected at most %d", file->where, json_array_size(array),
                         OPTIONS_MAX);
    json_array_foreach (array, i, item) {
        if (!read_options(item, file->where, &file->options[file->n_options++], error))
            return false;
    }
    return true;
}

static const RewardSettings *find_options(const RewardFile *file, Str name)
{
    for (int i = 0; i < file->n_options; i++) {
        if (str_equal(file->options[i].name, name))
            return &file->options[i].settings;
    }
    return NULL;
}

// ---- a row

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

// A row as the program sees it.
typedef struct RowRun {
    const RewardFile *file;
    const Row *row;
    Dialogue dialogue;
    Ids completion;        // as sampled
    Ids teacher, student;  // both contexts with the explanation, without the end of the turn
    int32_t n_explanation;
} RowRun;

static void replace(char **string, Str by)
{
    mem_free(*string);
    *string = mem_strndup(by.ptr, by.len);
}

static void build_contexts(RowRun *run)
{
    const Dialogue *d = &run->dialogue;
    const Row *row = run->row;
    Buf decoded;
    buf_init(&decoded, 0);
    tokenizer_encode(d->tokenizer, row->completion, &run->completion);
    Explanation found = dialogue_find_explanation(d, run->completion.data, run->completion.len, &decoded);
    buf_free(&decoded);
    run->n_explanation = found.n_ids;
    dialogue_teacher_prompt(d, row->question, row->solution, &run->teacher);
    ids_extend(&run->teacher, run->completion.data, found.n_ids);
    dialogue_student_before(d, NULL, row->question, &run->student);
    ids_extend(&run->student, run->completion.data, found.n_ids);
    int32_t from, to;
    dialogue_student_after(d, row->solution, &run->student, &from, &to);
}

// Compares ids[0, n) with the array under `key`.
static bool compare_ids(const RowRun *run, json_t *expected, const char *key, const char *name, const int32_t *ids,
                        int32_t n, Error *error)
{
    json_t *array;
    Ids want = {0};
    const char *where = run->file->where;
    bool ok = json_need_array(expected, where, key, &array, error) && oracle_read_ids(array, where, &want, error);
    if (ok) {
        bool equal = want.len == n && (n == 0 || memcmp(want.data, ids, (size_t)n * sizeof *ids) == 0);
        char what[128], detail[64];
        snprintf(what, sizeof what, "%s: %s", name, key);
        snprintf(detail, sizeof detail, "%d ids, expected %d", n, want.len);
        oracle_report_exact(run->file->oracle, "reward", what, equal, detail);
    }
    ids_free(&want);
    return ok;
}

static bool compare_floats(const RowRun *run, json_t *expected, const char *key, const char *name, const float *values,
                           int32_t n, Error *error)
{
    float *want;
    size_t count;
    if (!oracle_need_numbers(expected, run->file->where, key, &want, &count, error))
        return false;
    char what[128];
    snprintf(what, sizeof what, "%s: %s", name, key);
    if (count == (size_t)n)
        oracle_report(run->file->oracle, "reward", what, max_abs_difference(values, want, count), TOLERANCE_REWARD);
    else
        oracle_report_exact(run->file->oracle, "reward", what, false, "another number of values");
    mem_free(want);
    return true;
}

static bool compare_terms(const RowRun *run, json_t *expected, const char *key, const char *name, const double *values,
                          int32_t n, Error *error)
{
    float narrow[REWARD_MAX_TERMS];
    for (int32_t i = 0; i < n; i++)
        narrow[i] = (float)values[i];
    return compare_floats(run, expected, key, name, narrow, n, error);
}

static bool compare_scalar(const RowRun *run, json_t *expected, const char *key, const char *name, double value,
                           Error *error)
{
    double want;
    if (!json_need_number(expected, run->file->where, key, &want, error))
        return false;
    char what[128];
    snprintf(what, sizeof what, "%s: %s", name, key);
    oracle_report(run->file->oracle, "reward", what, fabs(value - want), TOLERANCE_REWARD);
    return true;
}

static bool compare_sample(const RowRun *run, json_t *expected, const char *name, const RewardSettings *settings,
                           const RltSample *sample, Error *error)
{
    const RewardParts *parts = &sample->parts;
    int32_t n = sample->n_explanation;
    return compare_floats(run, expected, "teacher_logp", name, sample->own_teacher_logp, n, error) &&
           compare_floats(run, expected, "student_logp", name, sample->student_logp, n, error) &&
           compare_floats(run, expected, "solution_logp", name, sample->solution_logp, sample->n_solution, error) &&
           (!sample->exact_kl || compare_floats(run, expected, "exact_kl", name, sample->exact_kl, n, error)) &&
           compare_terms(run, expected, "logp_parts", name, parts->ss_terms, settings->n_ss, error) &&
           compare_terms(run, expected, "kl_parts", name, parts->kl_terms, settings->n_kl, error) &&
           compare_scalar(run, expected, "r_ss", name, parts->r_ss, error) &&
           compare_scalar(run, expected, "r_kl", name, parts->r_kl, error) &&
           compare_scalar(run, expected, "match", name, parts->match, error) &&
           compare_scalar(run, expected, "reward", name, parts->reward, error);
}

// Scores the row under one set of options.
static bool check_options(const RowRun *run, json_t *expected, const char *name, const RewardSettings *settings,
                          Error *error)
{
    const RewardFile *file = run->file;
    RltScorer scorer = {
        .memory = arena_create(), .student = file->student, .student_pass = file->pass_student, .student_dialogue = &run->dialogue,
        .teacher = file->teacher, .teacher_pass = file->pass_teacher, .teacher_dialogue = &run->dialogue,
        .rewards = *settings, .temperature = file->temperature, .max_rows = 4096,
    };
    RltSample sample = {.ids = run->completion.data, .n = run->completion.len};
    RltQuestion question = {.question = run->row->question, .solution = run->row->solution, .samples = &sample,
                            .n_samples = 1};
    bool ok = score_rlt(&scorer, &question, 1, error) && compare_sample(run, expected, name, settings, &sample, error);
    arena_destroy(scorer.memory);
    return ok;
}

static bool check_expected(const RowRun *run, json_t *expected, size_t index, Error *error)
{
    Str options;
    if (!json_need_string(expected, run->file->where, "options", &options, error))
        return false;
    const RewardSettings *settings = find_options(run->file, options);
    if (!settings)
        return error_set(error, "%s: row %zu expects values under options %s, which the file lacks", run->file->where,
                         index, options.ptr);
    char name[80];
    snprintf(name, sizeof name, "row %zu, %.40s", index, options.ptr);
    const int32_t *explanation = run->completion.data;
    return compare_ids(run, expected, "explanation_ids", name, explanation, run->n_explanation, error) &&
           compare_ids(run, expected, "teacher_ids", name, run->teacher.data, run->teacher.len, error) &&
           compare_ids(run, expected, "student_ids", name, run->student.data, run->student.len, error) &&
           check_options(run, expected, name, settings, error);
}

static bool check_row(const RewardFile *file, json_t *item, size_t index, Error *error)
{
    Row row;
    json_t *array, *expected;
    size_t i;
    if (!read_row(item, file->where, &row, error) || !json_need_array(item, file->where, "expected", &array, error))
        return false;
    DialogueFormat format;
    dialogue_format_init(&format);
    replace(&format.teacher_system, row.teacher_system);
    replace(&format.student_system, row.student_system);
    RowRun run = {.file = file, .row = &row, .dialogue = {file->text.tokenizer, &file->text.chat, &format}};
    build_contexts(&run);
    bool ok = true;
    json_array_foreach (array, i, expected) {
        ok = ok && check_expected(&run, expected, index, error);
    }
    ids_free(&run.completion);
    ids_free(&run.teacher);
    ids_free(&run.student);
    dialogue_format_free(&format);
    return ok;
}

static bool check_rows(RewardFile *file, json_t *root, Error *error)
{
    double temperature;
    json_t *rows, *row;
    size_t i;
    if (!json_need_number(root, file->where, "temperature", &temperature, error) ||
        !json_need_array(root, file->where, "rows", &rows, error) || !read_all_options(file, root, error))
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
