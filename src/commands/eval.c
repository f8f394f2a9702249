// rlt eval: a student's answers to a task's questions, graded; pass@1 with its interval.
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/generate_options.h"
#include "commands/grading.h"
#include "commands/model_bundle.h"
#include "commands/training.h"
#include "engine/generate.h"
#include "eval/stats.h"
#include "text/stop_text.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, NULL, 0, 0, NULL, "The student: a Hugging Face folder or a GGUF file."},
    BASE_OPTION,
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "JSONL rows with question, and what the task needs (countdown: numbers, target)."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "Folder for results.json and samples.jsonl."},
    {"task", OPTION_CHOICE, "countdown", 0, 0, GRADING_TASKS, "How an answer is graded."},
    {"limit", OPTION_INT, "0", 0, 1e9, NULL, "Only the first so many rows; 0: all."},
    {"samples", OPTION_INT, "1", 1, 1e4, NULL, "Answers a question; pass@1 is their mean."},
    {"temperature", OPTION_REAL, "0.7", 0, 100, NULL, "Of sampling; 0: greedy."},
    {"top_p", OPTION_REAL, "1", 0, 1, NULL, "Only the most probable tokens that make up this mass."},
    {"max_tokens", OPTION_INT, "1024", 1, 1e7, NULL, "New tokens an answer."},
    SLOT_OPTIONS,
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw."},
    DTYPE_OPTION,
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    DIALOGUE_OPTIONS,
    {0},
};

typedef struct Eval {
    const Options *options;
    Backend *backend;
    ModelBundle bundle;
    DialogueFormat format;
    Dialogue dialogue;
    Grading grading;
    Rows data;
    int32_t n, samples;
    Completion *completions; // [n * samples]
    int64_t n_right, n_tagged, n_tokens, n_truncated;
    int64_t questions_right_any;
} Eval;

static void eval_free(Eval *e) {
    if (e->completions != NULL) {
        for (int32_t i = 0; i < e->n * e->samples; i++) completion_free(&e->completions[i]);
    }
    mem_free(e->completions);
    rows_free(&e->data);
    dialogue_format_free(&e->format);
    model_bundle_close(&e->bundle);
    backend_destroy(e->backend);
}

static bool open_all(Eval *e, Error *error) {
    const Options *o = e->options;
    Dtype dtype = dtype_option(o, "dtype");
    RowsLimits limits = rows_limits_default();
    limits.required = ROW_QUESTION;
    e->grading = (Grading){options_text(o, "task"), &e->format};
    if (!backend_create(options_text(o, "backend"), &e->backend, error) ||
        !dialogue_format_from_options(&e->format, o, error) ||
        !rows_read(options_text(o, "data"), &limits, &e->data, error) ||
        !grading_check_rows(&e->grading, options_text(o, "data"), &e->data, error) ||
        !model_bundle_open_key(o, "model", &e->bundle, error) || !model_bundle_need_chat(&e->bundle, error) ||
        !model_bundle_load(&e->bundle, e->backend, dtype, error)) {
        return false;
    }
    e->dialogue = (Dialogue){e->bundle.tokenizer, &e->bundle.chat, &e->format};
    size_t limit = (size_t)options_int(o, "limit");
    e->n = (int32_t)(limit > 0 && limit < e->data.count ? limit : e->data.count);
    e->samples = (int32_t)options_int(o, "samples");
    return e->n > 0 || error_set(error, "%s: no rows", options_text(o, "data"));
}

static bool sample(Eval *e, Error *error) {
    const Options *o = e->options;
    Ids *ids = mem_alloc((size_t)e->n, sizeof *ids);
    GeneratePrompt *prompts = mem_alloc((size_t)e->n, sizeof *prompts);
    for (int32_t q = 0; q < e->n; q++) {
        const Row *row = &e->data.rows[q];
        dialogue_student_prompt(&e->dialogue, row->system.ptr, row->question, &ids[q]);
        prompts[q] = (GeneratePrompt){ids[q].data, ids[q].len, (uint32_t)q, 0, (uint32_t)e->samples};
    }
    StopText stop = stop_text(e->bundle.tokenizer, e->format.solution_close);
    GenerateSettings settings = {
        .sampling = {.temperature = (float)options_real(o, "temperature"), .top_p = (float)options_real(o, "top_p")},
        .seed = (uint64_t)options_int(o, "seed"),
        .max_tokens = (int32_t)options_int(o, "max_tokens"),
        .stop_ids = e->bundle.stop_ids.data,
        .n_stop_ids = e->bundle.stop_ids.len,
        .stop = stop_text_reached,
        .stop_context = &stop,
        .max_slots = (int32_t)options_int(o, "slots"),
        .cache_rows = (int32_t)options_int(o, "cache_rows"),
        .speculate = options_bool(o, "speculate"),
        .progress = progress_begin("eval", "answer", (uint64_t)e->n * (uint64_t)e->samples),
    };
    e->completions = mem_alloc((size_t)e->n * (size_t)e->samples, sizeof *e->completions);
    Pass *pass = pass_create(e->bundle.model, (PassSettings){0});
    bool ok = generate(e->bundle.model, pass, prompts, e->n, &settings, e->completions, NULL, error);
    pass_destroy(pass);
    progress_end(settings.progress);
    stop_text_free(&stop);
    for (int32_t q = 0; q < e->n; q++) ids_free(&ids[q]);
    mem_free(ids), mem_free(prompts);
    return ok;
}

static void grade_one(Eval *e, int32_t q, int32_t s, Buf *line, bool *right) {
    const Row *row = &e->data.rows[q];
    const Completion *c = &e->completions[q * e->samples + s];
    Buf text;
    buf_init(&text, 0);
    tokenizer_decode(e->bundle.tokenizer, c->ids, c->n, false, &text);
    bool tagged;
    const char *verdict = grade_verdict(&e->grading, row, buf_str(&text), &tagged, right);
    e->n_right += *right;
    e->n_tagged += tagged;
    e->n_tokens += c->n;
    e->n_truncated += c->finish == FINISH_LENGTH;
    JsonWriter w = json_writer(line);
    jw_object_begin(&w);
    jw_kint(&w, "row", q);
    jw_kint(&w, "sample", s);
    jw_kstring(&w, "question", row->question);
    jw_kstring(&w, "output", buf_str(&text));
    jw_kstring(&w, "verdict", str_of(verdict));
    jw_kbool(&w, "right", *right);
    jw_kint(&w, "tokens", c->n);
    jw_kstring(&w, "finish", str_of(finish_name(c->finish)));
    jw_object_end(&w);
    buf_add_char(line, '\n');
    buf_free(&text);
}

static bool write_samples(Eval *e, const char *folder, Error *error) {
    char *path = path_join(folder, "samples.jsonl");
    FileWriter *writer;
    bool ok = file_writer_open(path, &writer, error);
    mem_free(path);
    if (!ok) return false;
    Buf line;
    buf_init(&line, 0);
    for (int32_t q = 0; q < e->n; q++) {
        bool any = false;
        for (int32_t s = 0; s < e->samples; s++) {
            bool right;
            buf_clear(&line);
            grade_one(e, q, s, &line, &right);
            file_writer_add_str(writer, buf_str(&line));
            any |= right;
        }
        e->questions_right_any += any;
    }
    buf_free(&line);
    return file_writer_commit(writer, error);
}

// The interval is Wilson's over questions; with several samples a question, over their mean as if each question were one
// draw, which is wider than the truth, never narrower.
static bool write_results(const Eval *e, const char *folder, Error *error) {
    double all = (double)e->n * e->samples, mean = (double)e->n_right / all;
    Interval interval = stats_wilson95((int64_t)(mean * e->n + 0.5), e->n);
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_object_begin(&w);
    jw_kstring(&w, "task", str_of(e->grading.task));
    jw_kint(&w, "n", e->n);
    jw_kint(&w, "samples", e->samples);
    jw_kf64(&w, "pass_at_1", mean);
    jw_kf64(&w, "low", interval.low);
    jw_kf64(&w, "high", interval.high);
    jw_kf64(&w, "right_in_any_sample", (double)e->questions_right_any / e->n);
    jw_kf64(&w, "tagged", (double)e->n_tagged / all);
    jw_kf64(&w, "truncated", (double)e->n_truncated / all);
    jw_kf64(&w, "mean_tokens", (double)e->n_tokens / all);
    jw_object_end(&w);
    buf_add_char(&text, '\n');
    char *path = path_join(folder, "results.json");
    bool ok = file_write_atomic(path, text.data, text.len, error);
    mem_free(path);
    buf_free(&text);
    if (ok) {
        printf("%s: pass@1 %.1f%% (95%% interval %.1f%% - %.1f%%, n = %d), tagged %.1f%%, %.0f tokens an answer\n", e->grading.task,
               100 * mean, 100 * interval.low, 100 * interval.high, e->n, 100 * (double)e->n_tagged / all, (double)e->n_tokens / all);
    }
    return ok;
}

static bool run(const Options *options, Error *error) {
    Eval e = {.options = options};
    const char *folder = options_text(options, "out");
    dialogue_format_init(&e.format);
    bool ok = open_all(&e, error) && dir_make(folder, error) && sample(&e, error) && write_samples(&e, folder, error) &&
              write_results(&e, folder, error);
    eval_free(&e);
    return ok;
}

const Command command_eval = {"eval", "a student's answers, graded, with an interval", "", rows, run};
