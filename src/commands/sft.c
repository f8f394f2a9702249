// rlt sft: supervised fine-tuning. From-scratch training of a small model, the teacher's warm-up, students' distillation.
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/philox.h"
#include "commands/commands.h"
#include "commands/lora_options.h"
#include "commands/run_folder.h"
#include "commands/run_shape.h"
#include "commands/training.h"
#include "data/rows.h"
#include "engine/schedule.h"
#include "methods/sft.h"
#include "text/dialogue.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, "", 0, 0, NULL, "The model to go on from: a Hugging Face folder or a GGUF file; none: from scratch (scratch.*)."},
    LORA_OPTIONS,
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "JSONL of rows; what they need depends on `format`."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "The run's folder; the trained model is its model/."},
    {"format", OPTION_CHOICE, "student", 0, 0, "student|teacher|text",
     "What is learnt: student = question -> thought and solution; teacher = question and solution -> explanation; text = the whole of `text`."},
    {"thought", OPTION_CHOICE, "trace", 0, 0, "trace|none", "format=student: what stands in the thought: the row's reasoning_trace, or nothing (a control)."},
    {"epochs", OPTION_REAL, "1", 0, 1e6, NULL, "Passes over the data (when steps is 0)."},
    {"steps", OPTION_INT, "0", 0, 1e9, NULL, "Optimiser steps; 0: as many as the epochs give."},
    {"batch", OPTION_INT, "16", 1, 1e6, NULL, "Rows a step."},
    {"max_rows", OPTION_INT, "1024", 1, 1e7, NULL, "Tokens a micro-batch: bounds activation memory, changes no result beyond rounding."},
    {"other_weight", OPTION_REAL, "1", 0, 1, NULL, "format=text: weight in the loss of what lies outside a row's `answers` (byte ranges of its text)."},
    {"max_length", OPTION_INT, "0", 0, 1e7, NULL, "Rows with more tokens are left out, and counted; 0: the model's positions."},
    TRAINING_OPTIONS("1e-5", "cosine", "0.05", "1e-4"),
    {"scratch.tokenizer", OPTION_INPUT, "", 0, 0, NULL, "From scratch: a folder with tokenizer.json and chat_template.jinja."},
    {"scratch.family", OPTION_CHOICE, "qwen3", 0, 0, "llama|qwen2|qwen3", "From scratch: the architecture."},
    {"scratch.hidden", OPTION_INT, "128", 2, 65536, NULL, "From scratch: width."},
    {"scratch.layers", OPTION_INT, "4", 1, 512, NULL, "From scratch: layers."},
    {"scratch.heads", OPTION_INT, "4", 1, 1024, NULL, "From scratch: query heads."},
    {"scratch.kv_heads", OPTION_INT, "4", 1, 1024, NULL, "From scratch: key and value heads."},
    {"scratch.ffn", OPTION_INT, "384", 1, 1 << 20, NULL, "From scratch: width of the feed-forward part."},
    {"scratch.positions", OPTION_INT, "512", 1, 1 << 20, NULL, "From scratch: longest sequence."},
    {"scratch.rope_theta", OPTION_REAL, "10000", 1, 1e12, NULL, "From scratch: base of the rotary embedding."},
    {"scratch.tied", OPTION_BOOL, "true", 0, 0, NULL, "From scratch: the head is the embedding."},
    {"scratch.init_std", OPTION_REAL, "0.02", 0, 10, NULL, "From scratch: standard deviation of initial weights."},
    {0},
};

typedef struct Sft {
    const Options *options;
    Backend *backend;
    ModelBundle bundle;      // of `model`, when one is given
    Model *model;            // that is trained: of `model` (policy_load), or from scratch
    Tokenizer *tokenizer;    // bundle.tokenizer, or our own
    ChatTemplate chat;
    bool has_chat;
    bool scratch;
    DialogueFormat format;
    Rows data;
    Ids ids;                 // of every example, one after the other
    float *weights;          // of every id; NULL where all are 1
    int32_t cap_weights;
    SftExample *examples;
    int32_t n_examples;
    RunShape shape;
    Trainer *trainer;
    RunFolder *folder;
} Sft;

static void sft_free(Sft *s) {
    run_folder_close(s->folder);
    trainer_destroy(s->trainer);
    mem_free(s->examples);
    mem_free(s->weights);
    ids_free(&s->ids);
    rows_free(&s->data);
    dialogue_format_free(&s->format);
    model_destroy(s->model);
    if (s->scratch) tokenizer_destroy(s->tokenizer);
    model_bundle_close(&s->bundle);
    backend_destroy(s->backend);
}

// ---- the model

static ModelConfig scratch_config(const Options *o, const Tokenizer *tokenizer, const ChatTemplate *chat, bool has_chat) {
    ModelFamily kind = MODEL_LLAMA;
    bool known = model_family_by_name(str_of(options_text(o, "scratch.family")), &kind);
    assert(known), (void)known; // the choices of the key are the families' names
    int32_t hidden = (int32_t)options_int(o, "scratch.hidden"), heads = (int32_t)options_int(o, "scratch.heads");
    int32_t eos = has_chat ? tokenizer_id(tokenizer, str_trim(chat_turn_end(chat))) : -1;
    return (ModelConfig){
        .family = kind,
        .vocabulary = tokenizer_size(tokenizer),
        .hidden = hidden,
        .n_layers = (int32_t)options_int(o, "scratch.layers"),
        .n_heads = heads,
        .n_kv_heads = (int32_t)options_int(o, "scratch.kv_heads"),
        .head_dim = hidden / heads,
        .ffn = (int32_t)options_int(o, "scratch.ffn"),
        .max_positions = (int32_t)options_int(o, "scratch.positions"),
        .norm_eps = 1e-6f,
        .tied = options_bool(o, "scratch.tied"),
        .qkv_bias = kind == MODEL_QWEN2,
        .qk_norm = kind == MODEL_QWEN3,
        .rope = {.kind = ROPE_DEFAULT, .theta = options_real(o, "scratch.rope_theta")},
        .bos_id = -1,
        .eos_id = eos,
        .pad_id = -1,
    };
}

static bool make_scratch(Sft *s, Error *error) {
    const char *path = options_text(s->options, "scratch.tokenizer");
    if (*path == 0) return error_set(error, "rlt sft: give model=PATH, or scratch.tokenizer=DIR to train from scratch");
    if (lora_wanted(s->options)) return error_set(error, "key \"lora.rank\": expected model=PATH, a base for the adapters");
    s->scratch = true;
    if (!tokenizer_open(path, &s->tokenizer, &s->chat, &s->has_chat, error)) return false;
    ModelConfig config = scratch_config(s->options, s->tokenizer, &s->chat, s->has_chat);
    if (!model_config_check(&config, "scratch", error) || !model_create(s->backend, &config, DTYPE_F32, &s->model, error)) {
        return false;
    }
    model_init_random(s->model, (uint64_t)options_int(s->options, "seed"), (float)options_real(s->options, "scratch.init_std"));
    return true;
}

static bool open_model(Sft *s, Error *error) {
    const char *path = options_text(s->options, "model");
    if (*path == 0) return make_scratch(s, error);
    if (!model_bundle_open_key(s->options, "model", &s->bundle, error) ||
        !policy_check(s->options, &s->bundle, error) || !policy_load(s->options, &s->bundle, s->backend, &s->model, error)) {
        return false;
    }
    s->tokenizer = s->bundle.tokenizer;
    s->chat = s->bundle.chat;
    s->has_chat = s->bundle.has_chat;
    return true;
}

// ---- the data

// What the format needs of every row.
static unsigned needed_fields(const Options *o) {
    if (strcmp(options_text(o, "format"), "text") == 0) return ROW_TEXT;
    bool empty = strcmp(options_text(o, "thought"), "none") == 0 && strcmp(options_text(o, "format"), "student") == 0;
    return ROW_QUESTION | ROW_SOLUTION | (empty ? 0 : ROW_TRACE);
}

static bool is_span(json_t *span, size_t n_bytes) {
    json_t *from = json_array_get(span, 0), *to = json_array_get(span, 1);
    return json_array_size(span) == 2 && json_is_integer(from) && json_is_integer(to) && json_integer_value(from) >= 0 &&
           json_integer_value(from) < json_integer_value(to) && (uint64_t)json_integer_value(to) <= n_bytes;
}

// Where a row's answers count, they must be ranges of its text.
static bool check_answers(const Sft *s, const Row *row, Error *error) {
    json_t *answers = row_other(row, "answers"), *span;
    size_t k;
    if (row->text.ptr == NULL || answers == NULL || options_real(s->options, "other_weight") == 1) return true;
    const char *path = options_text(s->options, "data");
    if (!json_is_array(answers)) {
        return error_set(error, "%s:%zu: key \"answers\": expected an array of [from, to]", path, row->line);
    }
    json_array_foreach(answers, k, span) {
        if (is_span(span, row->text.len)) continue;
        return error_set(error, "%s:%zu: key \"answers\": element %zu: expected [from, to], a range of the text's %zu bytes", path,
                         row->line, k, row->text.len);
    }
    return true;
}

// Weights of a text's tokens, ids start.. of s->ids: 1 where a token ends within one of the row's answers, else other_weight.
static void weigh_answers(Sft *s, const Row *row, int32_t start, const Ids *ends) {
    float other = (float)options_real(s->options, "other_weight");
    if (other == 1.0f) return;
    if (s->ids.cap > s->cap_weights) {
        s->cap_weights = s->ids.cap;
        s->weights = mem_realloc(s->weights, (size_t)s->cap_weights, sizeof *s->weights);
    }
    json_t *answers = row_other(row, "answers"), *span;
    for (int32_t i = start; i < s->ids.len; i++) s->weights[i] = json_is_array(answers) ? other : 1.0f;
    size_t k;
    json_array_foreach(answers, k, span) {
        json_int_t from = json_integer_value(json_array_get(span, 0)), to = json_integer_value(json_array_get(span, 1));
        for (int32_t i = 0; i < ends->len; i++) {
            if (ends->data[i] > from && ends->data[i] <= to) s->weights[start + i] = 1.0f;
        }
    }
}

static void add_text(Sft *s, const Row *row) {
    int32_t start = s->ids.len;
    Ids ends = {0};
    tokenizer_encode_offsets(s->tokenizer, row->text, &s->ids, &ends);
    int32_t end = s->has_chat ? tokenizer_id(s->tokenizer, str_trim(chat_turn_end(&s->chat))) : -1;
    if (end >= 0) ids_add(&s->ids, end);
    weigh_answers(s, row, start, &ends);
    ids_free(&ends);
}

// Appends one row's ids; returns its first trained position.
static int32_t add_example(Sft *s, const Dialogue *d, const Row *row) {
    const char *format = options_text(s->options, "format");
    int32_t from = 1;
    if (strcmp(format, "text") == 0) {
        add_text(s, row);
    } else if (strcmp(format, "teacher") == 0) {
        dialogue_teacher_example(d, row->question, row->solution, row->trace, &s->ids, &from);
    } else {
        bool empty = strcmp(options_text(s->options, "thought"), "none") == 0;
        dialogue_student_example(d, row->system.ptr, row->question, empty ? STR("") : row->trace, row->solution, &s->ids, &from);
    }
    return from;
}

static bool read_data(Sft *s, Error *error) {
    const char *path = options_text(s->options, "data");
    RowsLimits limits = rows_limits_default();
    limits.required = needed_fields(s->options);
    if (!rows_read(path, &limits, &s->data, error)) return false;
    if (limits.required != ROW_TEXT && !s->has_chat) {
        return s->scratch ? error_set(error, "%s: no chat_template.jinja", options_text(s->options, "scratch.tokenizer"))
                          : model_bundle_need_chat(&s->bundle, error);
    }
    Dialogue d = {s->tokenizer, &s->chat, &s->format};
    int64_t limit = options_int(s->options, "max_length");
    int32_t positions = model_config(s->model)->max_positions;
    if (limit == 0 || limit > positions) limit = positions;
    s->examples = mem_alloc(s->data.count, sizeof *s->examples);
    int32_t *starts = mem_alloc(s->data.count, sizeof *starts);
    bool ok = true;
    for (size_t r = 0; ok && r < s->data.count; r++) {
        ok = check_answers(s, &s->data.rows[r], error);
        int32_t start = s->ids.len, from = add_example(s, &d, &s->data.rows[r]);
        int32_t n = s->ids.len - start;
        if (n > limit || from >= n) {
            s->ids.len = start;
            continue;
        }
        starts[s->n_examples] = start;
        s->examples[s->n_examples++] = (SftExample){NULL, n, from, NULL};
    }
    for (int32_t i = 0; i < s->n_examples; i++) { // the arrays have stopped moving
        s->examples[i].ids = s->ids.data + starts[i];
        if (s->weights != NULL) s->examples[i].weights = s->weights + starts[i];
    }
    mem_free(starts);
    if (!ok) return false;
    if (s->n_examples == 0) return error_set(error, "%s: no row of at most %lld tokens to train on", path, (long long)limit);
    if ((size_t)s->n_examples < s->data.count) {
        log_warn("%s: %zu of %zu rows left out: over %lld tokens, or nothing to learn", path, s->data.count - (size_t)s->n_examples,
                 s->data.count, (long long)limit);
    }
    return true;
}

// ---- the loop

// The rows of a step: batch consecutive places of an endless sequence of epochs, each its own permutation.
static void step_order(const Sft *s, int64_t step, int32_t batch, int32_t *permutation, int64_t *permutation_epoch, int32_t *order) {
    for (int32_t i = 0; i < batch; i++) {
        int64_t place = step * batch + i, epoch = place / s->n_examples;
        if (epoch != *permutation_epoch) {
            rng_permutation((uint64_t)options_int(s->options, "seed"), (uint32_t)epoch, 0, permutation, s->n_examples);
            *permutation_epoch = epoch;
        }
        order[i] = permutation[place % s->n_examples];
    }
}

static bool record(Sft *s, int64_t step, double rate, const SftStep *out, double seconds, const StepCounts *work, Error *error) {
    Metric metrics[] = {{"loss", out->loss}, {"grad_norm", out->grad_norm}, {"learning_rate", rate},
                        {"tokens", (double)out->tokens}, {"tokens_trained", (double)out->trained}};
    Metric timing[] = {{"seconds", seconds}, {"tokens_per_s", (double)out->tokens / seconds},
                       {"allocations", (double)work->allocations}, {"page_faults", (double)work->page_faults}};
    return run_folder_metrics(s->folder, step, metrics, 5, timing, 4, error);
}

// What the run takes, from its shape: checked before anything is written, reserved whole before the first step.
static bool check_memory(Sft *s, Error *error) {
    int32_t longest = 0;
    for (int32_t i = 0; i < s->n_examples; i++) longest = s->examples[i].n > longest ? s->examples[i].n : longest;
    if (!sft_shape(s->options, model_config(s->model), longest, &s->shape, error)) return false;
    uint64_t resident = process_resident_bytes(), loaded = model_memory(s->model);
    s->shape.other_bytes = resident > loaded ? resident - loaded : 0; // program, tokenizer, data
    return memory_plan_check(s->backend, &s->shape, loaded, "sft", error);
}

static void reserve(Sft *s) {
    TrainerSettings settings = training_settings(s->options);
    PassSize size = run_train_size(&s->shape);
    s->trainer = trainer_create(s->model, &settings);
    trainer_reserve(s->trainer, &size);
}

static bool train(Sft *s, Error *error) {
    const Options *o = s->options;
    int32_t batch = (int32_t)options_int(o, "batch"), max_rows = (int32_t)options_int(o, "max_rows");
    int64_t steps = sft_steps(o, s->n_examples);
    Schedule schedule = training_schedule(o, steps);
    CheckpointParts parts = {.trainer = s->trainer, .tokenizer = s->tokenizer, .chat = s->has_chat ? &s->chat : NULL};
    int64_t step, epoch = -1, every = options_int(o, "checkpoint_every");
    if (!run_folder_restore(s->folder, &parts, &step, error)) return false;
    int32_t *permutation = mem_alloc((size_t)s->n_examples, sizeof *permutation), *order = mem_alloc((size_t)batch, sizeof *order);
    Progress *progress = progress_begin("sft", "step", (uint64_t)steps);
    progress_resume(progress, (uint64_t)step);
    bool ok = true;
    for (int64_t end = run_folder_end(s->folder, steps); ok && step < end; step++) {
        double start = time_now_s();
        StepCounts work = step_counts_begin();
        step_order(s, step, batch, permutation, &epoch, order);
        SftStep out;
        float rate = schedule_rate(&schedule, step);
        sft_step(s->trainer, s->examples, order, batch, max_rows, rate, &out);
        step_counts_end(&work);
        ok = record(s, step, rate, &out, time_now_s() - start, &work, error);
        char note[64];
        snprintf(note, sizeof note, "loss %.4f, %.0f tokens/s", out.loss, (double)out.tokens / (time_now_s() - start));
        progress_update(progress, (uint64_t)step + 1, note);
        parts.step = step + 1;
        if (ok && every > 0 && (step + 1) % every == 0 && step + 1 < steps) {
            ok = run_folder_checkpoint(s->folder, &parts, (int)options_int(o, "keep"), error);
        }
    }
    progress_end(progress);
    mem_free(permutation);
    mem_free(order);
    return ok && run_folder_finish(s->folder, &parts, training_save_dtype(o), error);
}

static bool run(const Options *options, Error *error) {
    Sft s = {.options = options};
    dialogue_format_init(&s.format);
    bool ok = backend_create(options_text(options, "backend"), &s.backend, error) &&
              dialogue_format_from_options(&s.format, options, error) && open_model(&s, error) && read_data(&s, error) &&
              check_memory(&s, error) &&
              run_folder_open(options_text(options, "out"), options, s.backend, &s.folder, error);
    if (ok && run_folder_finished(s.folder)) {
        log_info("%s: finished already", options_text(options, "out"));
    } else if (ok) {
        reserve(&s);
        ok = train(&s, error);
    }
    sft_free(&s);
    return ok;
}

const Command command_sft = {"sft", "supervised fine-tuning: from scratch, teacher warm-up, distillation", "", rows, run};
