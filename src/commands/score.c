// rlt score: the RLT reward of explanations that are there already, its parts and per-token values.
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/model_bundle.h"
#include "commands/rl_options.h"
#include "commands/training.h"
#include "data/rows.h"
#include "methods/score_rlt.h"

static const OptionRow rows[] = {
    {"teacher", OPTION_INPUT, NULL, 0, 0, NULL, "The teacher: a Hugging Face folder or a GGUF file."},
    {"student", OPTION_INPUT, NULL, 0, 0, NULL, "The frozen student; may be the teacher's own path."},
    BASE_OPTION,
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "Rows with question, solution, and completion (raw teacher output) or reasoning_trace."},
    {"out", OPTION_OUTPUT, "-", 0, 0, NULL, "JSONL: reward, r_ss, r_kl, match, teacher_logp, student_logp, solution_logp; -: standard output."},
    {"temperature", OPTION_REAL, "0.7", 0.01, 100, NULL, "Of every log-prob."},
    {"max_rows", OPTION_INT, "2048", 1, 1e7, NULL, "Tokens a batch; changes no bit of the result."},
    {"top", OPTION_INT, "0", 0, 1e9, NULL, "Only the rows of the K best rewards, in the data's order; 0: all."},
    {"dtype", OPTION_CHOICE, "f32", 0, 0, "f32|bf16", "Type in which the weights are held."},
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    REWARD_OPTIONS,
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
    Rows data;
    Ids *ids;               // [count] completions
    RltSample *samples;     // [count]
    RltQuestion *questions; // [count]
} Score;

static void score_free(Score *s) {
    for (size_t i = 0; i < s->data.count; i++) {
        if (s->ids != NULL) ids_free(&s->ids[i]);
        if (s->samples != NULL) rlt_sample_free(&s->samples[i]);
    }
    mem_free(s->ids), mem_free(s->samples), mem_free(s->questions);
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
    Dtype dtype = strcmp(options_text(s->options, "dtype"), "bf16") == 0 ? DTYPE_BF16 : DTYPE_F32;
    s->same_model = strcmp(teacher, student) == 0;
    if (!model_bundle_open_key(s->options, "teacher", &s->teacher, error) || !model_bundle_need_chat(&s->teacher, error) ||
        !model_bundle_load(&s->teacher, s->backend, dtype, error)) {
        return false;
    }
    if (!s->same_model && (!model_bundle_open_key(s->options, "student", &s->student, error) || !model_bundle_need_chat(&s->student, error) ||
                           !model_bundle_load(&s->student, s->backend, dtype, error))) {
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
    s->scorer = (RltScorer){.student = judge->model, .student_pass = s->student_pass, .student_dialogue = &s->student_dialogue,
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

static bool read_data(Score *s, Error *error) {
    RowsLimits limits = rows_limits_default();
    limits.required = ROW_QUESTION | ROW_SOLUTION;
    limits.one_of = ROW_COMPLETION | ROW_TRACE;
    if (!rows_read(options_text(s->options, "data"), &limits, &s->data, error)) return false;
    size_t n = s->data.count;
    s->ids = mem_alloc(n, sizeof *s->ids);
    s->samples = mem_alloc(n, sizeof *s->samples);
    s->questions = mem_alloc(n, sizeof *s->questions);
    for (size_t i = 0; i < n; i++) {
        const Row *row = &s->data.rows[i];
        completion_ids(s, row, &s->ids[i]);
        s->samples[i] = (RltSample){.ids = s->ids[i].data, .n = s->ids[i].len};
        s->questions[i] = (RltQuestion){row->question, row->solution, row->system.ptr, &s->samples[i], 1};
    }
    return true;
}

static int compare_descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// The smallest reward that is kept.
static double threshold(const Score *s) {
    size_t top = (size_t)options_int(s->options, "top"), n = s->data.count;
    if (top == 0 || top >= n) return -INFINITY;
    double *rewards = mem_alloc(n, sizeof *rewards);
    for (size_t i = 0; i < n; i++) rewards[i] = s->samples[i].parts.reward;
    qsort(rewards, n, sizeof *rewards, compare_descending);
    double least = rewards[top - 1];
    mem_free(rewards);
    return least;
}

static void write_row(const Row *row, const RltSample *sample, Buf *out) {
    Buf fields; // the row as it was, then what is new: both objects, joined
    buf_init(&fields, 0);
    row_write(row, &fields);
    buf_add(out, fields.data, fields.len - 2); // without "}\n"
    buf_free(&fields);
    JsonWriter w = json_writer(out);
    w.need_comma = true;
    jw_kf64(&w, "reward", sample->parts.reward);
    jw_kf64(&w, "r_ss", sample->parts.r_ss);
    jw_kf64(&w, "r_kl", sample->parts.r_kl);
    jw_kf64(&w, "match", sample->parts.match);
    jw_kf32_array(&w, "teacher_logp", sample->own_teacher_logp, (size_t)sample->n_explanation);
    jw_kf32_array(&w, "student_logp", sample->student_logp, (size_t)sample->n_explanation);
    jw_kf32_array(&w, "solution_logp", sample->solution_logp, (size_t)sample->n_solution);
    jw_object_end(&w);
    buf_add_char(out, '\n');
}

static bool write_all(const Score *s, Error *error) {
    FileWriter *writer;
    if (!file_writer_open(options_text(s->options, "out"), &writer, error)) return false;
    double least = threshold(s);
    size_t left = options_int(s->options, "top") > 0 ? (size_t)options_int(s->options, "top") : s->data.count;
    Buf line;
    buf_init(&line, 0);
    for (size_t i = 0; i < s->data.count && left > 0; i++) {
        if (s->samples[i].parts.reward < least) continue;
        buf_clear(&line);
        write_row(&s->data.rows[i], &s->samples[i], &line);
        file_writer_add_str(writer, buf_str(&line));
        left--;
    }
    buf_free(&line);
    return file_writer_commit(writer, error);
}

static bool run(const Options *options, Error *error) {
    Score s = {.options = options};
    dialogue_format_init(&s.format);
    bool ok = dialogue_format_from_options(&s.format, options, error) &&
              backend_create(options_text(options, "backend"), &s.backend, error) && open_models(&s, error) &&
              read_data(&s, error) && score_rlt(&s.scorer, s.questions, (int32_t)s.data.count, error) && write_all(&s, error);
    score_free(&s);
    return ok;
}

const Command command_score = {"score", "the RLT reward of existing explanations", "", rows, run};
