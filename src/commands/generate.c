// rlt generate: samples of any number of prompts.
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/generate_options.h"
#include "commands/model_bundle.h"
#include "engine/generate.h"
#include "text/stop_text.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, NULL, 0, 0, NULL, "A Hugging Face folder or a GGUF file."},
    BASE_OPTION,
    {"prompts", OPTION_INPUT, "", 0, 0, NULL, "JSONL with prompt (raw text) or messages (chat) in each row."},
    {"prompt", OPTION_TEXT, "", 0, 0, NULL, "One prompt in place of `prompts`."},
    {"chat", OPTION_BOOL, "false", 0, 0, NULL, "Whether `prompt` is a user's message, to be put into the model's chat template."},
    {"out", OPTION_OUTPUT, "-", 0, 0, NULL, "JSONL: prompt_index, sample, ids, text, logp, finish; -: standard output."},
    {"samples", OPTION_INT, "1", 1, 1e6, NULL, "Completions a prompt."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw."},
    {"temperature", OPTION_REAL, "1", 0, 100, NULL, "0: greedy."},
    {"top_k", OPTION_INT, "0", 0, 1e7, NULL, "Only the k most probable tokens; 0: all."},
    {"top_p", OPTION_REAL, "1", 0, 1, NULL, "Only the most probable tokens that make up this mass."},
    {"min_p", OPTION_REAL, "0", 0, 1, NULL, "Only tokens at least this probable, relative to the best."},
    {"max_tokens", OPTION_INT, "256", 1, 1e7, NULL, "New tokens a completion."},
    {"stop", OPTION_TEXT, "", 0, 0, NULL, "Ends a completion whose text comes to contain this."},
    SLOT_OPTIONS,
    DTYPE_OPTION,
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    {0},
};

typedef struct Prompts {
    Ids *ids;
    int32_t n, cap;
} Prompts;

static Ids *add_prompt(Prompts *p) {
    if (p->n == p->cap) {
        p->cap = p->cap * 2 + 16;
        p->ids = mem_realloc(p->ids, (size_t)p->cap, sizeof *p->ids);
    }
    p->ids[p->n] = (Ids){0};
    return &p->ids[p->n++];
}

static bool add_chat(const ModelBundle *bundle, const ChatMessage *messages, int n, Ids *ids, Error *error) {
    if (!model_bundle_need_chat(bundle, error)) return false;
    Buf text;
    buf_init(&text, 0);
    chat_render(&bundle->chat, messages, n, true, &text);
    tokenizer_encode(bundle->tokenizer, buf_str(&text), ids);
    buf_free(&text);
    return true;
}

static bool add_messages(const ModelBundle *bundle, json_t *array, const char *where, Ids *ids, Error *error) {
    size_t n = json_array_size(array);
    ChatMessage *messages = mem_alloc(n, sizeof *messages);
    bool ok = n > 0 || error_set(error, "%s: key \"messages\": expected at least one message", where);
    for (size_t i = 0; ok && i < n; i++) {
        json_t *message = json_array_get(array, i);
        ok = json_need_string(message, where, "role", &messages[i].role, error) &&
             json_need_string(message, where, "content", &messages[i].content, error);
    }
    ok = ok && add_chat(bundle, messages, (int)n, ids, error);
    mem_free(messages);
    return ok;
}

static bool add_row(const ModelBundle *bundle, Str line, const char *where, Ids *ids, Error *error) {
    json_t *row;
    if (!json_parse(line, where, &row, error)) return false;
    bool ok;
    json_t *messages = json_object_get(row, "messages");
    Str prompt;
    if (messages != NULL) {
        ok = json_need_array(row, where, "messages", &messages, error) && add_messages(bundle, messages, where, ids, error);
    } else {
        ok = json_is_object(row) || error_set(error, "%s: expected an object", where);
        ok = ok && json_need_string(row, where, "prompt", &prompt, error);
        if (ok) tokenizer_encode(bundle->tokenizer, prompt, ids);
    }
    json_decref(row);
    if (ok && ids->len == 0) ok = error_set(error, "%s: an empty prompt", where);
    return ok;
}

static bool read_prompts(const ModelBundle *bundle, const char *path, Prompts *prompts, Error *error) {
    LineReader *reader;
    if (!line_reader_open(path, JSON_LINE_MAX_BYTES, &reader, error)) return false;
    Str line;
    int got;
    bool ok = true;
    while (ok && (got = line_reader_next(reader, &line, error)) != 0) {
        if (got < 0) {
            ok = false;
            break;
        }
        if (str_trim(line).len == 0) continue;
        char where[512];
        snprintf(where, sizeof where, "%.400s:%zu", path, line_reader_number(reader));
        ok = add_row(bundle, line, where, add_prompt(prompts), error);
    }
    line_reader_close(reader);
    return ok;
}

static bool gather_prompts(const Options *o, const ModelBundle *bundle, Prompts *prompts, Error *error) {
    if (options_given(o, "prompts")) return read_prompts(bundle, options_text(o, "prompts"), prompts, error);
    if (!options_given(o, "prompt")) return error_set(error, "rlt generate: give prompts=FILE or prompt=TEXT");
    Str text = str_of(options_text(o, "prompt"));
    Ids *ids = add_prompt(prompts);
    if (!options_bool(o, "chat")) {
        tokenizer_encode(bundle->tokenizer, text, ids);
        return true;
    }
    ChatMessage message = {STR("user"), text};
    return add_chat(bundle, &message, 1, ids, error);
}

static void write_completion(const ModelBundle *bundle, int32_t prompt, int32_t sample, const Completion *c, Buf *line) {
    Buf text;
    buf_init(&text, 0);
    tokenizer_decode(bundle->tokenizer, c->ids, c->n, true, &text);
    JsonWriter w = json_writer(line);
    jw_object_begin(&w);
    jw_kint(&w, "prompt_index", prompt);
    jw_kint(&w, "sample", sample);
    jw_kint_array(&w, "ids", c->ids, (size_t)c->n);
    jw_kstring(&w, "text", buf_str(&text));
    jw_kf32_array(&w, "logp", c->logp, (size_t)c->n);
    jw_kstring(&w, "finish", str_of(finish_name(c->finish)));
    jw_object_end(&w);
    buf_add_char(line, '\n');
    buf_free(&text);
}

static bool write_all(const Options *o, const ModelBundle *bundle, const Completion *completions, int32_t n_prompts, int32_t samples,
                      Error *error) {
    FileWriter *writer;
    if (!file_writer_open(options_text(o, "out"), &writer, error)) return false;
    Buf line;
    buf_init(&line, 0);
    for (int32_t i = 0; i < n_prompts * samples; i++) {
        buf_clear(&line);
        write_completion(bundle, i / samples, i % samples, &completions[i], &line);
        file_writer_add_str(writer, buf_str(&line));
    }
    buf_free(&line);
    return file_writer_commit(writer, error);
}

static bool generate_all(const Options *o, ModelBundle *bundle, const Prompts *prompts, Error *error) {
    int32_t samples = (int32_t)options_int(o, "samples"), n = prompts->n;
    GeneratePrompt *requests = mem_alloc((size_t)n, sizeof *requests);
    for (int32_t i = 0; i < n; i++) {
        requests[i] = (GeneratePrompt){prompts->ids[i].data, prompts->ids[i].len, (uint32_t)i, 0, (uint32_t)samples};
    }
    Completion *completions = mem_alloc((size_t)n * (size_t)samples, sizeof *completions);
    StopText stop = stop_text(bundle->tokenizer, options_text(o, "stop"));
    GenerateSettings settings = {
        .sampling = {(float)options_real(o, "temperature"), (int32_t)options_int(o, "top_k"), (float)options_real(o, "top_p"),
                     (float)options_real(o, "min_p")},
        .seed = (uint64_t)options_int(o, "seed"),
        .max_tokens = (int32_t)options_int(o, "max_tokens"),
        .stop_ids = bundle->stop_ids.data,
        .n_stop_ids = bundle->stop_ids.len,
        .stop = stop_text_reached,
        .stop_context = &stop,
        .max_slots = (int32_t)options_int(o, "slots"),
        .cache_rows = (int32_t)options_int(o, "cache_rows"),
        .speculate = options_bool(o, "speculate"),
    };
    Pass *pass = pass_create(bundle->model, (PassSettings){0});
    GenerateCounts counts;
    double start = time_now_s();
    settings.progress = progress_begin("generate", "sample", (uint64_t)n * (uint64_t)samples);
    bool ok = generate(bundle->model, pass, requests, n, &settings, completions, &counts, error);
    progress_end(settings.progress);
    double seconds = time_now_s() - start;
    if (ok) {
        log_info("%lld tokens sampled in %.2f s (%.1f tokens/s), %lld computed of %lld, %lld guessed ahead, %lld of them right",
                 (long long)counts.tokens_sampled, seconds, (double)counts.tokens_sampled / seconds,
                 (long long)counts.tokens_computed, (long long)counts.tokens_naive, (long long)counts.tokens_drafted,
                 (long long)counts.tokens_accepted);
        ok = write_all(o, bundle, completions, n, samples, error);
    }
    for (int32_t i = 0; i < n * samples; i++) completion_free(&completions[i]);
    stop_text_free(&stop);
    pass_destroy(pass);
    mem_free(completions);
    mem_free(requests);
    return ok;
}

static bool run(const Options *options, Error *error) {
    ModelBundle bundle = {0};
    Backend *backend = NULL;
    Prompts prompts = {0};
    Dtype dtype = dtype_option(options, "dtype");
    bool ok = backend_create(options_text(options, "backend"), &backend, error) &&
              model_bundle_open_key(options, "model", &bundle, error) &&
              gather_prompts(options, &bundle, &prompts, error) && model_bundle_load(&bundle, backend, dtype, error) &&
              generate_all(options, &bundle, &prompts, error);
    for (int32_t i = 0; i < prompts.n; i++) ids_free(&prompts.ids[i]);
    mem_free(prompts.ids);
    model_bundle_close(&bundle);
    backend_destroy(backend);
    return ok;
}

const Command command_generate = {"generate", "samples of any number of prompts", "", rows, run};
