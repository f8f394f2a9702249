// rlt collect: the teacher's explanation for every question, as rows that students train on.
//
// Each explanation is sampled until it closes and fits the student's budget, or `attempts` times; collect_pick.h says which
// attempt is taken. The text comes from a model here or from a server (collect_server.h). With `rewrite` it is not the
// teacher's prompt that is asked but a prompt of the user's about explanations that are there already.
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/collect_pick.h"
#include "commands/collect_server.h"
#include "commands/commands.h"
#include "commands/generate_options.h"
#include "commands/manifest.h"
#include "commands/model_bundle.h"
#include "commands/rewrite_prompt.h"
#include "commands/rl_options.h"
#include "commands/server.h"
#include "commands/training.h"
#include "data/rows.h"
#include "engine/generate.h"
#include "text/stop_text.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, "", 0, 0, NULL, "The teacher: a Hugging Face folder or a GGUF file."},
    BASE_OPTION,
    SERVER_OPTIONS,
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "JSONL rows with question and solution; with rewrite reasoning_trace, too."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "JSONL: each row with the explanation as reasoning_trace."},
    {"rewrite", OPTION_INPUT, "", 0, 0, NULL, "File with a prompt that asks to write an explanation anew: {question}, {solution} and {explanation} stand for a row's."},
    {"limit", OPTION_INT, "0", 0, 1e9, NULL, "Only the first so many rows; 0: all."},
    {"samples", OPTION_INT, "1", 1, 1e4, NULL, "Explanations a question, each a row."},
    {"attempts", OPTION_INT, "1", 1, 100, NULL,
     "Tries at an explanation that closes and fits the budget; where none does, the one of the best reward is kept, without a student the last."},
    {"student", OPTION_INPUT, "", 0, 0, NULL, "The student: counts tokens for budget, and gives rewards to choose by; a server's explanations get r_SS and r_match alone."},
    {"budget", OPTION_INT, "0", 0, 1e9, NULL, "Tokens of the student's training row: question, explanation and solution; 0: the student's positions, without a student no limit."},
    {"temperature", OPTION_REAL, "0.7", 0, 100, NULL, "Of sampling; 0: greedy."},
    {"max_tokens", OPTION_INT, "1024", 1, 1e7, NULL, "New tokens an explanation."},
    {"max_rows", OPTION_INT, "2048", 1, 1e7, NULL, "Tokens a batch of scoring; changes no bit of the result."},
    SLOT_OPTIONS,
    {"chunk", OPTION_INT, "512", 1, 1e6, NULL, "Questions between two writes: what an interruption can lose."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw."},
    {"resume", OPTION_BOOL, "false", 0, 0, NULL, "Goes on after the rows that `out`.partial holds."},
    DTYPE_OPTION,
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    REWARD_OPTIONS,
    REWARD_SUM_OPTIONS,
    DIALOGUE_OPTIONS,
    {0},
};

typedef struct Collect {
    const Options *options;
    Backend *backend;
    ModelBundle bundle;
    Pass *pass;
    DialogueFormat format;
    Dialogue dialogue;
    Rows data;
    size_t n_rows;
    int32_t samples, attempts;
    Buf rewrite;           // the prompt; data NULL: none
    char *partial;         // rows so far
    FileAppender *out;
    Picker *picker;
    CollectCounts counts;
    Remote *remote;        // in place of bundle, pass and dialogue; NULL: those
} Collect;

static void collect_free(Collect *c) {
    remote_close(c->remote);
    picker_close(c->picker);
    file_appender_close(c->out);
    mem_free(c->partial);
    buf_free(&c->rewrite);
    pass_destroy(c->pass);
    rows_free(&c->data);
    dialogue_format_free(&c->format);
    model_bundle_close(&c->bundle);
    backend_destroy(c->backend);
}

// ---- a chunk of questions, from the model

typedef struct Sampling {
    Collect *collect;
    size_t first; // rows first .. first + n - 1
    int32_t n;
    Ids *prompts; // [n]
    GenerateSettings settings;
    StopText stop;
    Attempts *attempts; // [n * samples]
    int32_t *open, n_open; // places that still have no good attempt, ascending
} Sampling;

static void make_prompt(const Collect *c, const Row *row, Ids *ids) {
    if (c->rewrite.data == NULL) {
        dialogue_teacher_prompt(&c->dialogue, row->question, row->solution, ids);
        return;
    }
    Buf text;
    buf_init(&text, 0);
    rewrite_prompt_fill(buf_str(&c->rewrite), row, &text);
    dialogue_student_prompt(&c->dialogue, "", buf_str(&text), ids); // a plain chat
    buf_free(&text);
}

static void sampling_begin(Sampling *s) {
    Collect *c = s->collect;
    const Options *o = c->options;
    bool rewrite = c->rewrite.data != NULL;
    s->prompts = mem_alloc((size_t)s->n, sizeof *s->prompts);
    s->n_open = s->n * c->samples;
    s->open = mem_alloc((size_t)s->n_open, sizeof *s->open);
    s->attempts = mem_alloc((size_t)s->n_open, sizeof *s->attempts);
    s->stop = stop_text(c->bundle.tokenizer, c->format.explanation_close);
    s->settings = (GenerateSettings){
        .sampling = {.temperature = (float)options_real(o, "temperature"), .top_p = 1},
        .seed = (uint64_t)options_int(o, "seed"),
        .max_tokens = (int32_t)options_int(o, "max_tokens"),
        .stop_ids = c->bundle.stop_ids.data,
        .n_stop_ids = c->bundle.stop_ids.len,
        .stop = rewrite ? NULL : stop_text_reached,
        .stop_context = &s->stop,
        .max_slots = (int32_t)options_int(o, "slots"),
        .cache_rows = (int32_t)options_int(o, "cache_rows"),
        .speculate = options_bool(o, "speculate"),
    };
    for (int32_t q = 0; q < s->n; q++) make_prompt(c, &c->data.rows[s->first + (size_t)q], &s->prompts[q]);
    for (int32_t i = 0; i < s->n_open; i++) {
        s->open[i] = i;
        s->attempts[i].row = &c->data.rows[s->first + (size_t)(i / c->samples)];
        s->attempts[i].sample = i % c->samples;
    }
}

static void sampling_end(Sampling *s) {
    stop_text_free(&s->stop);
    for (int32_t q = 0; q < s->n; q++) ids_free(&s->prompts[q]);
    for (int32_t i = 0; i < s->n * s->collect->samples; i++) attempts_free(&s->attempts[i]);
    mem_free(s->prompts), mem_free(s->open), mem_free(s->attempts);
}

// Gives each open place the attempt that was made; those without a good one stay open.
static void take_attempts(Sampling *s, Completion *made) {
    const Collect *c = s->collect;
    int32_t still = 0;
    Buf text;
    buf_init(&text, 0);
    for (int32_t i = 0; i < s->n_open; i++) {
        buf_clear(&text);
        Explanation found = dialogue_find_explanation(&c->dialogue, made[i].ids, made[i].n, &text);
        bool closed = c->rewrite.data != NULL ? made[i].finish == FINISH_STOP : found.closed;
        if (!picker_add(c->picker, &s->attempts[s->open[i]], found.text, closed, made[i])) s->open[still++] = s->open[i];
    }
    buf_free(&text);
    s->n_open = still;
}

static bool sample_attempts(Sampling *s, Error *error) {
    const Collect *c = s->collect;
    size_t most = (size_t)s->n_open;
    GeneratePrompt *prompts = mem_alloc(most, sizeof *prompts);
    Completion *made = mem_alloc(most, sizeof *made);
    bool ok = true;
    for (int32_t attempt = 0; ok && s->n_open > 0 && attempt < c->attempts; attempt++) {
        int32_t n_prompts = 0;
        for (int32_t i = 0; i < s->n_open; i++) { // neighbours that are samples of one question share its prompt
            int32_t q = s->open[i] / c->samples, sample = s->open[i] % c->samples;
            if (i > 0 && sample > 0 && s->open[i - 1] == s->open[i] - 1) {
                prompts[n_prompts - 1].n_samples++;
                continue;
            }
            prompts[n_prompts++] = (GeneratePrompt){s->prompts[q].data, s->prompts[q].len, (uint32_t)(s->first + (size_t)q),
                                                    (uint32_t)sample, 1};
        }
        GenerateCounts counts;
        s->settings.step = (uint32_t)attempt;
        ok = generate(c->bundle.model, c->pass, prompts, n_prompts, &s->settings, made, &counts, error);
        if (ok) take_attempts(s, made);
    }
    mem_free(prompts), mem_free(made);
    return ok;
}

static bool collect_chunk(Collect *c, size_t first, int32_t n, Error *error) {
    Sampling s = {.collect = c, .first = first, .n = n};
    Buf lines;
    buf_init(&lines, 0);
    sampling_begin(&s);
    bool ok = sample_attempts(&s, error) && picker_choose(c->picker, s.attempts, n * c->samples, error);
    for (int32_t i = 0; ok && i < n * c->samples; i++) {
        collect_count(&c->counts, &s.attempts[i]);
        picker_write(c->picker, &s.attempts[i], &lines);
    }
    ok = ok && file_appender_add(c->out, buf_str(&lines), error);
    sampling_end(&s);
    buf_free(&lines);
    return ok;
}

// ---- all

// Whole rows that an interrupted run has left in the partial file, and their bytes.
static bool rows_done(const Collect *c, size_t *n, uint64_t *bytes, Error *error) {
    *n = 0;
    *bytes = 0;
    if (!options_bool(c->options, "resume") || !file_exists(c->partial)) return true;
    FileMap map;
    if (!file_map(c->partial, &map, error)) return false;
    size_t group = (size_t)c->samples, lines = 0;
    for (size_t i = 0; i < map.size; i++) {
        if (map.data[i] != '\n' || ++lines % group != 0) continue;
        *n = lines / group;
        *bytes = i + 1;
    }
    file_unmap(&map);
    return true;
}

static bool collect_by_model(Collect *c, size_t done, Progress *progress, Error *error) {
    size_t chunk = (size_t)options_int(c->options, "chunk");
    bool ok = true;
    while (ok && done < c->n_rows) {
        int32_t n = (int32_t)(c->n_rows - done < chunk ? c->n_rows - done : chunk);
        ok = collect_chunk(c, done, n, error);
        done += (size_t)n;
        progress_update(progress, done, NULL);
    }
    return ok;
}

static bool collect_by_server(Collect *c, size_t done, Progress *progress, Error *error) {
    ServerCollect part = {.remote = c->remote,
                          .picker = c->picker,
                          .seed = (uint64_t)options_int(c->options, "seed"),
                          .format = &c->format,
                          .rewrite = buf_str(&c->rewrite),
                          .rows = c->data.rows,
                          .first = done,
                          .n_rows = c->n_rows,
                          .samples = c->samples,
                          .attempts = c->attempts,
                          .out = c->out,
                          .progress = progress};
    bool ok = server_collect(&part, error);
    c->counts = part.counts;
    return ok;
}

static void warn_of_gaps(const Collect *c) {
    size_t n = c->n_rows * (size_t)c->samples;
    if (c->counts.open > 0) {
        log_warn("%lld of %zu explanations do not close within max_tokens; their rows say closed: false",
                 (long long)c->counts.open, n);
    }
    if (c->counts.too_long > 0) {
        log_warn("%lld of %zu explanations exceed the student's budget; their rows say fits: false",
                 (long long)c->counts.too_long, n);
    }
    if (c->counts.refused > 0) {
        log_warn("%lld of %zu explanations were refused by the server; their rows say refused and why",
                 (long long)c->counts.refused, n);
    }
}

static bool collect_all(Collect *c, Error *error) {
    const char *out = options_text(c->options, "out");
    size_t done;
    uint64_t bytes;
    bool finished;
    if (!manifest_begin_file(out, c->partial, c->options, c->backend, &finished, error)) return false;
    if (finished) {
        log_info("%s: finished already", out);
        return true;
    }
    if (!rows_done(c, &done, &bytes, error) || !file_appender_open(c->partial, bytes, &c->out, error)) return false;
    Progress *progress = progress_begin("collect", "question", c->n_rows);
    progress_resume(progress, done);
    bool ok = (c->remote != NULL ? collect_by_server : collect_by_model)(c, done, progress, error);
    progress_end(progress);
    ok = ok && file_appender_sync(c->out, error) && path_replace(c->partial, out, error);
    if (ok) warn_of_gaps(c);
    return ok && manifest_finish(out, false, error);
}

static bool open_model(Collect *c, Error *error) {
    const Options *o = c->options;
    Dtype dtype = dtype_option(o, "dtype");
    if (!model_bundle_open_key(o, "model", &c->bundle, error) || !model_bundle_need_chat(&c->bundle, error) ||
        !model_bundle_load(&c->bundle, c->backend, dtype, error)) {
        return false;
    }
    c->pass = pass_create(c->bundle.model, (PassSettings){0});
    c->dialogue = (Dialogue){c->bundle.tokenizer, &c->bundle.chat, &c->format};
    return true;
}

static bool open_all(Collect *c, Error *error) {
    const Options *o = c->options;
    bool server, rewrite = options_text(o, "rewrite")[0] != 0;
    RowsLimits limits = rows_limits_default();
    limits.required = ROW_QUESTION | ROW_SOLUTION | (rewrite ? ROW_TRACE : 0);
    if (!server_or_model(o, &server, error) || !dialogue_format_from_options(&c->format, o, error) ||
        (rewrite && !rewrite_prompt_read(options_text(o, "rewrite"), &c->rewrite, error)) ||
        !rows_read(options_text(o, "data"), &limits, &c->data, error)) {
        return false;
    }
    c->samples = (int32_t)options_int(o, "samples");
    c->attempts = (int32_t)options_int(o, "attempts");
    if (!backend_create(options_text(o, "backend"), &c->backend, error) ||
        !(server ? server_collect_open(o, &c->format, rewrite, &c->remote, error) : open_model(c, error)) ||
        !picker_open(o, &c->format, c->backend, server || rewrite ? NULL : &c->bundle, &c->picker, error)) {
        return false;
    }
    size_t limit = (size_t)options_int(o, "limit");
    c->n_rows = limit > 0 && limit < c->data.count ? limit : c->data.count;
    Buf partial;
    buf_init(&partial, 0);
    buf_printf(&partial, "%s.partial", options_text(o, "out"));
    c->partial = partial.data;
    return true;
}

static bool run(const Options *options, Error *error) {
    Collect c = {.options = options};
    dialogue_format_init(&c.format);
    bool ok = open_all(&c, error) && collect_all(&c, error);
    collect_free(&c);
    return ok;
}

const Command command_collect = {"collect", "the teacher's explanations for every question", "", rows, run};
