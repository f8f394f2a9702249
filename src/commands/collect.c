// rlt collect: the teacher's explanation for every question, as rows that students train on.
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/collect_server.h"
#include "commands/commands.h"
#include "commands/generate_options.h"
#include "commands/model_bundle.h"
#include "commands/server.h"
#include "commands/training.h"
#include "data/rows.h"
#include "engine/generate.h"
#include "text/stop_text.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, "", 0, 0, NULL, "The teacher: a Hugging Face folder or a GGUF file."},
    BASE_OPTION,
    SERVER_OPTIONS,
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "JSONL rows with question and solution."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "JSONL: each row with the explanation as reasoning_trace."},
    {"limit", OPTION_INT, "0", 0, 1e9, NULL, "Only the first so many rows; 0: all."},
    {"samples", OPTION_INT, "1", 1, 1e4, NULL, "Explanations a question, each a row."},
    {"attempts", OPTION_INT, "1", 1, 100, NULL,
     "Tries at an explanation that closes its tag; the last one is kept where none does. With a server: 1."},
    {"temperature", OPTION_REAL, "0.7", 0, 100, NULL, "Of sampling; 0: greedy."},
    {"max_tokens", OPTION_INT, "1024", 1, 1e7, NULL, "New tokens an explanation."},
    SLOT_OPTIONS,
    {"chunk", OPTION_INT, "512", 1, 1e6, NULL, "Questions between two writes: what an interruption can lose."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw."},
    {"resume", OPTION_BOOL, "false", 0, 0, NULL, "Goes on after the rows that `out`.partial holds."},
    DTYPE_OPTION,
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
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
    int32_t samples;
    char *partial;         // rows so far
    FileAppender *out;
    int64_t n_open;        // rows whose explanation does not close
    int64_t n_refused;     // rows that a server refused
    int64_t n_sampled;     // tokens
    Remote *remote;        // in place of bundle, pass and dialogue; NULL: those
} Collect;

static void collect_free(Collect *c) {
    remote_close(c->remote);
    file_appender_close(c->out);
    mem_free(c->partial);
    pass_destroy(c->pass);
    rows_free(&c->data);
    dialogue_format_free(&c->format);
    model_bundle_close(&c->bundle);
    backend_destroy(c->backend);
}

static void write_row(Collect *c, const Row *row, int32_t sample, const Completion *completion, Buf *out) {
    Buf text;
    buf_init(&text, 0);
    Explanation found = dialogue_find_explanation(&c->dialogue, completion->ids, completion->n, &text);
    c->n_open += !found.closed;
    collect_write_row(row, sample, found.text, found.closed, NULL, out);
    buf_free(&text);
}

// Samples explanations [n * samples] of rows first .. first + n - 1; those that do not close are tried again.
static bool sample_chunk(Collect *c, size_t first, int32_t n, Completion *completions, Error *error) {
    const Options *o = c->options;
    Ids *ids = mem_alloc((size_t)n, sizeof *ids);
    GeneratePrompt *prompts = mem_alloc((size_t)n * (size_t)c->samples, sizeof *prompts);
    Completion *again = mem_alloc((size_t)n * (size_t)c->samples, sizeof *again);
    int32_t *place = mem_alloc((size_t)n * (size_t)c->samples, sizeof *place);
    StopText stop = stop_text(c->bundle.tokenizer, c->format.explanation_close);
    GenerateSettings settings = {
        .sampling = {.temperature = (float)options_real(o, "temperature"), .top_p = 1},
        .seed = (uint64_t)options_int(o, "seed"),
        .max_tokens = (int32_t)options_int(o, "max_tokens"),
        .stop_ids = c->bundle.stop_ids.data,
        .n_stop_ids = c->bundle.stop_ids.len,
        .stop = stop_text_reached,
        .stop_context = &stop,
        .max_slots = (int32_t)options_int(o, "slots"),
        .cache_rows = (int32_t)options_int(o, "cache_rows"),
        .speculate = options_bool(o, "speculate"),
    };
    int32_t n_open = n * c->samples;
    for (int32_t q = 0; q < n; q++) {
        const Row *row = &c->data.rows[first + (size_t)q];
        dialogue_teacher_prompt(&c->dialogue, row->question, row->solution, &ids[q]);
    }
    for (int32_t i = 0; i < n_open; i++) place[i] = i;
    bool ok = true;
    for (int64_t attempt = 0; ok && n_open > 0 && attempt < options_int(o, "attempts"); attempt++) {
        int32_t n_prompts = 0;
        for (int32_t i = 0; i < n_open; i++) { // neighbours that are samples of one question share its prompt
            int32_t q = place[i] / c->samples, s = place[i] % c->samples;
            if (i > 0 && s > 0 && place[i - 1] == place[i] - 1) {
                prompts[n_prompts - 1].n_samples++;
                continue;
            }
            prompts[n_prompts++] = (GeneratePrompt){ids[q].data, ids[q].len, (uint32_t)(first + (size_t)q), (uint32_t)s, 1};
        }
        GenerateCounts counts;
        settings.step = (uint32_t)attempt;
        ok = generate(c->bundle.model, c->pass, prompts, n_prompts, &settings, again, &counts, error);
        c->n_sampled += counts.tokens_sampled;
        int32_t still = 0;
        Buf text;
        buf_init(&text, 0);
        for (int32_t i = 0; ok && i < n_open; i++) {
            completion_free(&completions[place[i]]);
            completions[place[i]] = again[i];
            buf_clear(&text);
            if (!dialogue_find_explanation(&c->dialogue, again[i].ids, again[i].n, &text).closed) place[still++] = place[i];
        }
        buf_free(&text);
        n_open = still;
    }
    stop_text_free(&stop);
    for (int32_t q = 0; q < n; q++) ids_free(&ids[q]);
    mem_free(ids), mem_free(prompts), mem_free(again), mem_free(place);
    return ok;
}

static bool collect_chunk(Collect *c, size_t first, int32_t n, Error *error) {
    Completion *completions = mem_alloc((size_t)n * (size_t)c->samples, sizeof *completions);
    bool ok = sample_chunk(c, first, n, completions, error);
    Buf lines;
    buf_init(&lines, 0);
    for (int32_t i = 0; i < n * c->samples; i++) {
        if (ok) write_row(c, &c->data.rows[first + (size_t)(i / c->samples)], i % c->samples, &completions[i], &lines);
        completion_free(&completions[i]);
    }
    ok = ok && file_appender_add(c->out, buf_str(&lines), error);
    buf_free(&lines);
    mem_free(completions);
    return ok;
}

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

static bool collect_chunks(Collect *c, size_t done, Progress *progress, Error *error) {
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
                          .seed = (uint64_t)options_int(c->options, "seed"),
                          .format = &c->format,
                          .rows = c->data.rows,
                          .first = done,
                          .n_rows = c->n_rows,
                          .samples = c->samples,
                          .out = c->out,
                          .progress = progress};
    bool ok = server_collect(&part, error);
    c->n_open += part.n_open;
    c->n_refused += part.n_refused;
    return ok;
}

static void warn_of_gaps(const Collect *c) {
    size_t n = c->n_rows * (size_t)c->samples;
    if (c->n_open > 0) {
        log_warn("%lld of %zu explanations do not close within max_tokens; their rows say closed: false",
                 (long long)c->n_open, n);
    }
    if (c->n_refused > 0) {
        log_warn("%lld of %zu explanations were refused by the server; their rows say refused and why",
                 (long long)c->n_refused, n);
    }
}

static bool collect_all(Collect *c, Error *error) {
    size_t done;
    uint64_t bytes;
    if (!rows_done(c, &done, &bytes, error) || !file_appender_open(c->partial, bytes, &c->out, error)) return false;
    Progress *progress = progress_begin("collect", "question", c->n_rows);
    progress_resume(progress, done);
    bool ok = (c->remote != NULL ? collect_by_server : collect_chunks)(c, done, progress, error);
    progress_end(progress);
    ok = ok && file_appender_sync(c->out, error) && path_replace(c->partial, options_text(c->options, "out"), error);
    if (ok) warn_of_gaps(c);
    return ok;
}

static bool open_model(Collect *c, Error *error) {
    const Options *o = c->options;
    Dtype dtype = dtype_option(o, "dtype");
    if (!backend_create(options_text(o, "backend"), &c->backend, error) ||
        !model_bundle_open_key(o, "model", &c->bundle, error) || !model_bundle_need_chat(&c->bundle, error) ||
        !model_bundle_load(&c->bundle, c->backend, dtype, error)) {
        return false;
    }
    c->pass = pass_create(c->bundle.model, (PassSettings){0});
    c->dialogue = (Dialogue){c->bundle.tokenizer, &c->bundle.chat, &c->format};
    return true;
}

static bool open_all(Collect *c, Error *error) {
    const Options *o = c->options;
    RowsLimits limits = rows_limits_default();
    limits.required = ROW_QUESTION | ROW_SOLUTION;
    bool server;
    if (!server_or_model(o, &server, error)) return false;
    if (server && options_int(o, "attempts") > 1) return error_set(error, "key attempts: expected 1 with a server");
    if (!dialogue_format_from_options(&c->format, o, error) ||
        !rows_read(options_text(o, "data"), &limits, &c->data, error) ||
        !(server ? server_collect_open(o, &c->format, &c->remote, error) : open_model(c, error))) {
        return false;
    }
    c->samples = (int32_t)options_int(o, "samples");
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
