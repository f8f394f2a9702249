#include "commands/model_bundle.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#define TOKENIZER_JSON_MAX_BYTES ((size_t)128 << 20)
#define CHAT_TEMPLATE_MAX_BYTES ((size_t)1 << 20)

// GGUF's tokenizer.ggml.pre -> our split rule.
static bool split_of_pre(Str pre, const char *source, TokenizerSpec *spec, Error *error) {
    static const struct { const char *pre; SplitRule split; bool nfc; } known[] = {
        {"gpt-2", SPLIT_GPT2, false},    {"smollm", SPLIT_SMOLLM, false}, {"qwen2", SPLIT_QWEN2, true},
        {"llama-bpe", SPLIT_LLAMA3, false}, {"llama3", SPLIT_LLAMA3, false},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!str_equal(pre, str_of(known[i].pre))) continue;
        spec->split = known[i].split;
        spec->nfc = known[i].nfc;
        return true;
    }
    return error_set(error, "%s: tokenizer.ggml.pre \"%.*s\": expected gpt-2, smollm, qwen2, llama-bpe or llama3", source,
                     (int)(pre.len < 64 ? pre.len : 64), pre.ptr);
}

static bool open_tokenizer(ModelBundle *bundle, const char *path, Error *error) {
    GgufVocabulary vocabulary;
    if (!model_file_vocabulary(bundle->file, &vocabulary)) {
        Str json = model_file_tokenizer_json(bundle->file);
        if (json.len == 0) return error_set(error, "%s: no tokenizer.json", path);
        return tokenizer_from_json(json, path, &bundle->tokenizer, error);
    }
    TokenizerSpec spec = {.tokens = vocabulary.tokens, .n_tokens = vocabulary.n_tokens, .merges = vocabulary.merges,
                          .n_merges = vocabulary.n_merges, .special = vocabulary.special, .source = path};
    return split_of_pre(vocabulary.pre, path, &spec, error) && tokenizer_from_spec(&spec, &bundle->tokenizer, error);
}

Dtype dtype_option(const Options *options, const char *key) {
    const char *name = options_text(options, key);
    if (strcmp(name, "same") == 0) name = options_text(options, "dtype");
    return strcmp(name, "bf16") == 0 ? DTYPE_BF16 : strcmp(name, "q8_0") == 0 ? DTYPE_Q8_0 : DTYPE_F32;
}

static void add_stop_id(ModelBundle *bundle, int32_t id) {
    for (int32_t i = 0; i < bundle->stop_ids.len; i++) {
        if (bundle->stop_ids.data[i] == id) return;
    }
    if (id >= 0) ids_add(&bundle->stop_ids, id);
}

bool model_bundle_open_over(const char *path, const char *base, ModelBundle *bundle, Error *error) {
    *bundle = (ModelBundle){0};
    if (!model_file_open_over(path, base, &bundle->file, error)) return false;
    if (!open_tokenizer(bundle, path, error)) {
        model_bundle_close(bundle);
        return false;
    }
    Error why;
    Str jinja = model_file_chat_template(bundle->file);
    if (jinja.len == 0) {
        snprintf(bundle->chat_error, sizeof bundle->chat_error, "%.400s: no chat template", path);
    } else {
        bundle->has_chat = chat_recognise(jinja, path, &bundle->chat, &why);
        if (!bundle->has_chat) snprintf(bundle->chat_error, sizeof bundle->chat_error, "%.500s", why.message);
    }
    int32_t count;
    const int32_t *eos = model_file_eos_ids(bundle->file, &count);
    for (int32_t i = 0; i < count; i++) add_stop_id(bundle, eos[i]);
    if (bundle->has_chat) {
        Str end = str_trim(chat_turn_end(&bundle->chat));
        add_stop_id(bundle, tokenizer_id(bundle->tokenizer, end));
    }
    return true;
}

bool model_bundle_open(const char *path, ModelBundle *bundle, Error *error) { return model_bundle_open_over(path, "", bundle, error); }

bool model_bundle_open_key(const Options *options, const char *key, ModelBundle *bundle, Error *error) {
    return model_bundle_open_over(options_text(options, key), options_text(options, "base"), bundle, error);
}

bool model_bundle_load(ModelBundle *bundle, Backend *backend, Dtype dtype, Error *error) {
    return model_load(bundle->file, backend, dtype, &bundle->model, error);
}

void model_bundle_close(ModelBundle *bundle) {
    model_destroy(bundle->model);
    tokenizer_destroy(bundle->tokenizer);
    model_file_close(bundle->file);
    ids_free(&bundle->stop_ids);
    *bundle = (ModelBundle){0};
}

bool model_bundle_need_chat(const ModelBundle *bundle, Error *error) {
    return bundle->has_chat || error_set(error, "%s", bundle->chat_error);
}

// ---- saving

typedef struct TextFiles {
    Buf tokenizer, config, jinja;
    ExtraFile files[3];
    int n;
} TextFiles;

static void tokenizer_config(const Tokenizer *tokenizer, const ChatTemplate *chat, Buf *out) {
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kstring(&w, "tokenizer_class", STR("PreTrainedTokenizerFast"));
    jw_kbool(&w, "clean_up_tokenization_spaces", false);
    if (chat != NULL) {
        Str end = str_trim(chat_turn_end(chat));
        if (tokenizer_id(tokenizer, end) >= 0) jw_kstring(&w, "eos_token", end);
    }
    jw_object_end(&w);
    buf_add_char(out, '\n');
}

static void text_files_make(TextFiles *t, const Tokenizer *tokenizer, const ChatTemplate *chat) {
    buf_init(&t->tokenizer, 0), buf_init(&t->config, 0), buf_init(&t->jinja, 0);
    tokenizer_to_json(tokenizer, &t->tokenizer);
    tokenizer_config(tokenizer, chat, &t->config);
    t->files[0] = (ExtraFile){"tokenizer.json", buf_str(&t->tokenizer)};
    t->files[1] = (ExtraFile){"tokenizer_config.json", buf_str(&t->config)};
    t->n = 2;
    if (chat == NULL) return;
    chat_jinja(chat, &t->jinja);
    t->files[t->n++] = (ExtraFile){"chat_template.jinja", buf_str(&t->jinja)};
}

static void text_files_free(TextFiles *t) {
    buf_free(&t->tokenizer), buf_free(&t->config), buf_free(&t->jinja);
}

bool model_bundle_save(const Model *model, Dev arena, const Tokenizer *tokenizer, const ChatTemplate *chat, const char *path,
                       Dtype dtype, Error *error) {
    TextFiles t;
    text_files_make(&t, tokenizer, chat);
    bool ok = dev_is_none(arena) ? model_save(model, path, dtype, t.files, t.n, error)
                                 : model_save_arena(model, arena, path, t.files, t.n, error);
    text_files_free(&t);
    return ok;
}

bool tokenizer_save(const Tokenizer *tokenizer, const ChatTemplate *chat, const char *path, Error *error) {
    if (!dir_make(path, error)) return false;
    TextFiles t;
    text_files_make(&t, tokenizer, chat);
    bool ok = true;
    for (int i = 0; ok && i < t.n; i++) {
        char *name = path_join(path, t.files[i].name);
        ok = file_write_atomic(name, t.files[i].bytes.ptr, t.files[i].bytes.len, error);
        mem_free(name);
    }
    text_files_free(&t);
    return ok;
}

bool tokenizer_open(const char *path, Tokenizer **tokenizer, ChatTemplate *chat, bool *has_chat, Error *error) {
    char *json_path = path_join(path, "tokenizer.json"), *jinja_path = path_join(path, "chat_template.jinja");
    Buf json = {0}, jinja = {0};
    *tokenizer = NULL;
    *has_chat = false;
    bool ok = file_read(json_path, TOKENIZER_JSON_MAX_BYTES, &json, error) &&
              tokenizer_from_json(buf_str(&json), json_path, tokenizer, error);
    if (ok && file_exists(jinja_path)) {
        ok = file_read(jinja_path, CHAT_TEMPLATE_MAX_BYTES, &jinja, error) &&
             chat_recognise(buf_str(&jinja), jinja_path, chat, error);
        *has_chat = ok;
    }
    if (!ok) {
        tokenizer_destroy(*tokenizer);
        *tokenizer = NULL;
    }
    buf_free(&json), buf_free(&jinja);
    mem_free(json_path), mem_free(jinja_path);
    return ok;
}
