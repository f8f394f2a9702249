// rlt score: the RLT reward of explanations that are there already, its parts and per-token values; the best or worst of
// them; how the reward goes together with other columns.
//
// Rows are scored in chunks and appended to <out>.scored as they come; the end selects from there. An interrupted run goes
// on after the last whole row.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/manifest.h"
#include "commands/model_bundle.h"
#include "commands/rl_options.h"
#include "commands/score_select.h"
#include "commands/token_values.h"
#include "commands/training.h"
#include "data/rows.h"
#include "methods/score_rlt.h"

static const OptionRow rows[] = {
    {"teacher", OPTION_INPUT, NULL, 0, 0, NULL, "The teacher: a Hugging Face folder or a GGUF file."},
    {"student", OPTION_INPUT, NULL, 0, 0, NULL, "The frozen student; may be the teacher's own path."},
    BASE_OPTION,
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "Rows with question, solution, and completion (raw teacher output) or reasoning_trace."},
    {"out", OPTION_OUTPUT, "-", 0, 0, NULL, "JSONL: reward, r_ss, r_kl, match, teacher_logp, student_logp, solution_logp; -: standard output."},
    {"best", OPTION_BOOL, "false", 0, 0, NULL, "Of rows with one question and solution, only the one of the best reward."},
    {"top", OPTION_INT, "0", 0, 1e9, NULL, "Only the rows of the K best rewards (of those that best leaves), in the data's order; 0: all."},
    {"bottom", OPTION_INT, "0", 0, 1e9, NULL, "Only the rows of the K worst; not with top."},
    {"correlate", OPTION_TEXT, "", 0, 0, NULL, "Columns, joined by commas: prints Pearson's and Spearman's correlation of each with the reward and its parts."},
    {"tokens", OPTION_BOOL, "true", 0, 0, NULL, "Whether rows hold every token, its log-probs, and its value in r_KL or r_SS."},
    {"temperature", OPTION_REAL, "0.7", 0.01, 100, NULL, "Of every log-prob."},
    {"max_rows", OPTION_INT, "2048", 1, 1e7, NULL, "Tokens a batch; changes no bit of the result."},
    {"chunk", OPTION_INT, "256", 1, 1e6, NULL, "Rows between two writes: what an interruption can lose."},
    {"resume", OPTION_BOOL, "false", 0, 0, NULL, "Goes on after the rows that `out`.scored holds."},
    DTYPE_OPTION,
    {"student_dtype", OPTION_CHOICE, "same", 0, 0, "same|" DTYPES, "Type in which the student's weights are held; same: as dtype."},
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    REWARD_OPTIONS,
    REWARD_SUM_OPTIONS,
    DIALOGUE_OPTIONS,
    {0},
};

typedef struct Score {
    const Options *options;
    Backend *backend;
    ModelBundle teacher, student;
    bool same_model; // one path: loaded once
    DialogueFormat format;
    Dialogue teacher_dialogue, student_dialogue;
    Pass *teacher_pass, *student_pass;
    RltScorer scorer;
    RewardSum sum;
    Rows data;
    ScoredRow *scored;      // [count]
    size_t n_done;
    char *scored_path;      // NULL: rows are kept in `lines` until the end
    FileAppender *appender;
    Buf lines;
} Score;

static void score_free(Score *s) {
    file_appender_close(s->appender);
    mem_free(s->scored_path);
    buf_free(&s->lines);
    mem_free(s->scored);
    reward_sum_close(&s->sum);
    arena_destroy(s->scorer.memory);
    rows_free(&s->data);
    pass_destroy(s->teacher_pass);
    pass_destroy(s->student_pass);
    dialogue_format_free(&s->format);
    model_bundle_close(&s->teacher);
    model_bundle_close(&s->student);
    backend_destroy(s->backend);
}

static bool open_models(Score *s, Error *error) {
    const char *teacher = options_text(s->options, "teacher"), *student = options_text(s->options, "student");
    Dtype dtype = dtype_option(s->options, "dtype");
    Dtype student_dtype = dtype_option(s->options, "student_dtype");
    s->same_model = strcmp(teacher, student) == 0 && student_dtype == dtype;
    if (!model_bundle_open_key(s->options, "teacher", &s->teacher, error) || !model_bundle_need_chat(&s->teacher, error) ||
        !model_bundle_load(&s->teacher, s->backend, dtype, error)) {
        return false;
    }
    if (!s->same_model && (!model_bundle_open_key(s->options, "student", &s->student, error) || !model_bundle_need_chat(&s->student, error) ||
                           !model_bundle_load(&s->student, s->backend, student_dtype, error))) {
        return false;
    }
    const ModelBundle *judge = s->same_model ? &s->teacher : &s->student;
    if (tokenizer_size(judge->tokenizer) != tokenizer_size(s->teacher.tokenizer)) {
        return error_set(error, "%s: its tokenizer has %d ids, the teacher's %d: the explanation's ids must mean the same to both",
                         student, tokenizer_size(judge->tokenizer), tokenizer_size(s->teacher.tokenizer));
    }
    s->teacher_dialogue = (Dialogue){s->teacher.tokenizer, &s->teacher.chat, &s->format};
    s->student_dialogue = (Dialogue){judge->tokenizer, &judge->chat, &s->format};
    s->teacher_pass = pass_create(s->teacher.model, (PassSettings){0});
    s->student_pass = pass_create(judge->model, (PassSettings){0});
    s->scorer = (RltScorer){.memory = arena_create(), .student = judge->model, .student_pass = s->student_pass, .student_dialogue = &s->student_dialogue,
                            .teacher = s->teacher.model, .teacher_pass = s->teacher_pass,
                            .teacher_dialogue = &s->teacher_dialogue,
                            .temperature = (float)options_real(s->options, "temperature"),
                            .max_rows = (int32_t)options_int(s->options, "max_rows")};
    return reward_settings_from_options(s->options, &s->scorer.rewards, error);
}

// A row's completion: as it is, or a trace with the padding and the closing tag that a teacher would have written.
static void completion_ids(const Score *s, const Row *row, Ids *ids) {
    Buf text;
    buf_init(&text, 0);
    if (row->completion.ptr != NULL) {
        buf_add_str(&text, row->completion);
    } else {
        buf_add_str(&text, row->trace);
        buf_add_text(&text, s->format.padding);
        buf_add_text(&text, s->format.explanation_close);
    }
    tokenizer_encode(s->teacher.tokenizer, buf_str(&text), ids);
    buf_free(&text);
}

// Rows that have been scored before are scored anew.
static void drop_old_scores(Row *row) {
    static const char *const keys[] = {"reward",       "r_ss",         "r_kl",     "match",         "length_reward", "format_reward",
                                       "program_reward", "teacher_logp", "student_logp", "exact_kl", "solution_logp",
                                       "explanation_tokens", "kl_values", "solution_tokens", "ss_values"};
    for (size_t i = 0; row->other != NULL && i < sizeof keys / sizeof *keys; i++) json_object_del(row->other, keys[i]);
}

static bool read_data(Score *s, Error *error) {
    RowsLimits limits = rows_limits_default();
    limits.required = ROW_QUESTION | ROW_SOLUTION;
    limits.one_of = ROW_COMPLETION | ROW_TRACE;
    if (!rows_read(options_text(s->options, "data"), &limits, &s->data, error)) return false;
    if (!score_check_columns(options_text(s->options, "correlate"), options_text(s->options, "data"), &s->data, error)) return false;
    s->scored = mem_alloc(s->data.count, sizeof *s->scored);
    for (size_t i = 0; i < s->data.count; i++) {
        s->scored[i].row = &s->data.rows[i];
        drop_old_scores(&s->data.rows[i]);
    }
    return true;
}

// ---- a chunk

typedef struct Chunk { // rows first .. first + n - 1
    size_t first;
    int32_t n, n_questions;
    Ids *ids;               // [n] completions
    RltSample *samples;     // [n]
    RltQuestion *questions; // [n_questions]: of rows that follow one another with one question
    SummedReward *sums;     // [n]
} Chunk;

static bool equal(Str a, Str b) { return (a.ptr == NULL) == (b.ptr == NULL) && str_equal(a, b); }

static bool same_question(const Row *a, const Row *b) {
    return equal(a->question, b->question) && equal(a->solution, b->solution) && equal(a->system, b->system);
}

static Chunk chunk_make(const Score *s, size_t first, int32_t n) {
    Chunk c = {first, n, 0, mem_alloc((size_t)n, sizeof(Ids)), mem_alloc((size_t)n, sizeof(RltSample)),
               mem_alloc((size_t)n, sizeof(RltQuestion)), mem_alloc((size_t)n, sizeof(SummedReward))};
    for (int32_t i = 0; i < n; i++) {
        const Row *row = &s->data.rows[first + (size_t)i];
        completion_ids(s, row, &c.ids[i]);
        c.samples[i] = (RltSample){.ids = c.ids[i].data, .n = c.ids[i].len, .want_tokens = options_bool(s->options, "tokens")};
        if (i > 0 && same_question(row, row - 1)) {
            c.questions[c.n_questions - 1].n_samples++;
        } else {
            c.questions[c.n_questions++] = (RltQuestion){row->question, row->solution, row->system.ptr, NULL, &c.samples[i], 1};
        }
    }
    return c;
}

static void chunk_free(Chunk *c) {
    for (int32_t i = 0; i < c->n; i++) {
        ids_free(&c->ids[i]);
    }
    mem_free(c->ids), mem_free(c->samples), mem_free(c->questions), mem_free(c->sums);
}

static void write_row(const Score *s, const Row *row, const RltSample *sample, const SummedReward *sum, Buf *out) {
    Buf fields; // the row as it was, then what is new: both objects, joined
    buf_init(&fields, 0);
    row_write(row, &fields);
    buf_add(out, fields.data, fields.len - 2); // without "}\n"
    buf_free(&fields);
    JsonWriter w = json_writer(out);
    w.need_comma = true;
    jw_kf64(&w, "reward", sum->total);
    jw_kf64(&w, "r_ss", sample->parts.r_ss);
    jw_kf64(&w, "r_kl", sample->parts.r_kl);
    jw_kf64(&w, "match", sample->parts.match);
    reward_sum_write(&s->sum, sum->added, &w);
    if (options_bool(s->options, "tokens")) {
        size_t n_o = (size_t)sample->n_explanation;
        jw_kf32_array(&w, "teacher_logp", sample->own_teacher_logp, n_o);
        jw_kf32_array(&w, "student_logp", sample->student_logp, n_o);
        if (sample->exact_kl != NULL) jw_kf32_array(&w, "exact_kl", sample->exact_kl, n_o);
        jw_kf32_array(&w, "solution_logp", sample->solution_logp, (size_t)sample->n_solution);
        token_values_write(s->teacher.tokenizer, &s->student_dialogue, row->solution, sample, &w);
    }
    jw_object_end(&w);
    buf_add_char(out, '\n');
}

static bool score_chunk(Score *s, Chunk *c, Error *error) {
    if (!score_rlt(&s->scorer, c->questions, c->n_questions, error)) return false;
    for (int32_t i = 0; i < c->n; i++) {
        c->sums[i] = (SummedReward){.ids = c->ids[i].data, .n_ids = c->ids[i].len, .row = s->scored[c->first + (size_t)i].row,
                                    .own = c->samples[i].parts.reward};
    }
    if (!reward_sum_completions(&s->sum, s->teacher.tokenizer, c->sums, c->n, error)) return false;
    for (int32_t i = 0; i < c->n; i++) {
        ScoredRow *to = &s->scored[c->first + (size_t)i];
        const RewardParts *parts = &c->samples[i].parts;
        to->values[SCORED_REWARD] = c->sums[i].total;
        to->values[SCORED_R_SS] = parts->r_ss, to->values[SCORED_R_KL] = parts->r_kl, to->values[SCORED_MATCH] = parts->match;
    }
    return true;
}

static bool add_chunk(Score *s, const Chunk *c, Error *error) {
    Buf own, *lines = s->appender != NULL ? &own : &s->lines;
    buf_init(&own, 0);
    for (int32_t i = 0; i < c->n; i++) write_row(s, s->scored[c->first + (size_t)i].row, &c->samples[i], &c->sums[i], lines);
    bool ok = s->appender == NULL || file_appender_add(s->appender, buf_str(&own), error);
    buf_free(&own);
    return ok;
}

static bool score_all(Score *s, Error *error) {
    size_t chunk = (size_t)options_int(s->options, "chunk");
    Progress *progress = progress_begin("score", "row", s->data.count);
    progress_resume(progress, s->n_done);
    bool ok = true;
    while (ok && s->n_done < s->data.count) {
        size_t left = s->data.count - s->n_done;
        Chunk c = chunk_make(s, s->n_done, (int32_t)(left < chunk ? left : chunk));
        ok = (score_chunk(s, &c, error) && add_chunk(s, &c, error)) ||
             error_prefix(error, "%s: rows %zu to %zu", options_text(s->options, "data"), c.first + 1, c.first + (size_t)c.n);
        s->n_done += (size_t)c.n;
        chunk_free(&c);
        arena_clear(s->scorer.memory);
        progress_update(progress, s->n_done, NULL);
    }
    progress_end(progress);
    return ok;
}

// ---- from start to end

// Rows can lie beside `out`, and a record too, unless it is standard output, a device or a pipe.
static bool open_scored(Score *s, bool *finished, Error *error) {
    const char *out = options_text(s->options, "out");
    struct stat status;
    bool there = strcmp(out, "-") != 0 && stat(out, &status) == 0;
    *finished = false;
    if (strcmp(out, "-") == 0 || (there && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) return true;
    Buf path;
    buf_init(&path, 0);
    buf_printf(&path, "%s.scored", out);
    s->scored_path = path.data;
    uint64_t bytes = 0;
    if (!manifest_begin_file(out, s->scored_path, s->options, s->backend, finished, error)) return false;
    if (*finished) {
        log_info("%s: finished already", out);
        return true;
    }
    if (options_bool(s->options, "resume") && file_exists(s->scored_path) &&
        !score_read_done(s->scored_path, s->scored, s->data.count, &s->n_done, &bytes, error)) {
        return false;
    }
    return file_appender_open(s->scored_path, bytes, &s->appender, error);
}

static bool select_and_write(Score *s, Error *error) {
    const Options *o = s->options;
    ScoreSelection selection = {options_bool(o, "best"), (size_t)options_int(o, "top"), (size_t)options_int(o, "bottom")};
    const char *out = options_text(o, "out");
    score_select(&selection, s->scored, s->data.count);
    if (s->scored_path == NULL) return score_write_selected(buf_str(&s->lines), s->scored, s->data.count, out, error);
    FileMap map;
    if (!file_appender_sync(s->appender, error) || !file_map(s->scored_path, &map, error)) return false;
    bool ok = score_write_selected((Str){(const char *)map.data, map.size}, s->scored, s->data.count, out, error);
    file_unmap(&map);
    return ok;
}

// All is there: what is printed, then the end of what a resumed run would go on with.
static bool score_finish(Score *s, Error *error) {
    Buf correlations;
    buf_init(&correlations, 0);
    score_correlate(options_text(s->options, "correlate"), s->scored, s->data.count, &correlations);
    bool ok = select_and_write(s, error);
    if (ok) fputs(correlations.len > 0 ? correlations.data : "", stdout);
    buf_free(&correlations);
    if (!ok || s->scored_path == NULL) return ok;
    return path_remove(s->scored_path, error) && manifest_finish(options_text(s->options, "out"), false, error);
}

static bool check_options(const Options *o, Error *error) {
    if (options_int(o, "top") > 0 && options_int(o, "bottom") > 0) return error_set(error, "key bottom: not together with top");
    if (options_text(o, "correlate")[0] != 0 && strcmp(options_text(o, "out"), "-") == 0) {
        return error_set(error, "key out: expected a file with correlate, which prints to standard output");
    }
    return true;
}

static bool run(const Options *options, Error *error) {
    Score s = {.options = options};
    bool finished;
    dialogue_format_init(&s.format);
    buf_init(&s.lines, 0);
    bool ok = check_options(options, error) && dialogue_format_from_options(&s.format, options, error) && read_data(&s, error) &&
              reward_sum_open(options, 0, &s.format, true, &s.sum, error) &&
              backend_create(options_text(options, "backend"), &s.backend, error) && open_models(&s, error) &&
              open_scored(&s, &finished, error) && (finished || (score_all(&s, error) && score_finish(&s, error)));
    score_free(&s);
    return ok;
}

const Command command_score = {"score", "the RLT reward of existing explanations", "", rows, run};
