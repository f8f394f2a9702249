// Hugging Face's tokenizer.json: reading and writing.
#include <string.h>

#include "base/json.h"
#include "text/tokenizer_impl.h"

typedef struct Reader {
    const char *source;
    Tokenizer *t;
    const char *patterns[PRETOKENIZE_MAX_STEPS]; // borrowed from the JSON
    int n_patterns;
    Error *error;
} Reader;

static bool is_type(json_t *node, const char *type) {
    json_t *value = json_object_get(node, "type");
    return json_is_string(value) && strcmp(json_string_value(value), type) == 0;
}

static bool refuse(const Reader *r, const char *part, json_t *node) {
    json_t *type = json_object_get(node, "type");
    return error_set(r->error, "%s: %s of type \"%.64s\" is not known", r->source, part,
                     json_is_string(type) ? json_string_value(type) : "?");
}

// ---- normalizer: none, NFC, or a sequence of these

static bool read_normalizer(Reader *r, json_t *node) {
    if (node == NULL || json_is_null(node)) return true;
    if (is_type(node, "NFC")) {
        r->t->nfc = true;
        return true;
    }
    if (!is_type(node, "Sequence")) return refuse(r, "normalizer", node);
    json_t *list = json_object_get(node, "normalizers"), *item;
    size_t i;
    json_array_foreach(list, i, item) {
        if (!is_type(item, "NFC")) return refuse(r, "normalizer", item);
        r->t->nfc = true;
    }
    return true;
}

// ---- pre-tokenizer: Split (Isolated), Digits (individual), ByteLevel, or a sequence of these

static bool add_pattern(Reader *r, const char *pattern) {
    if (r->n_patterns == PRETOKENIZE_MAX_STEPS) return error_set(r->error, "%s: more than %d split rules", r->source, PRETOKENIZE_MAX_STEPS);
    r->patterns[r->n_patterns++] = pattern;
    return true;
}

static bool read_split(Reader *r, json_t *node) {
    json_t *pattern = json_object_get(json_object_get(node, "pattern"), "Regex"), *behaviour = json_object_get(node, "behavior");
    bool isolated = json_is_string(behaviour) && strcmp(json_string_value(behaviour), "Isolated") == 0;
    if (!json_is_string(pattern) || !isolated || json_is_true(json_object_get(node, "invert"))) {
        return error_set(r->error, "%s: pre_tokenizer Split: expected a Regex pattern, behavior Isolated, not inverted", r->source);
    }
    return add_pattern(r, json_string_value(pattern));
}

static bool read_pretokenizer_step(Reader *r, json_t *node) {
    if (is_type(node, "Split")) return read_split(r, node);
    if (is_type(node, "Digits")) {
        if (json_is_true(json_object_get(node, "individual_digits"))) return add_pattern(r, PATTERN_DIGIT);
        return error_set(r->error, "%s: pre_tokenizer Digits: expected individual_digits true", r->source);
    }
    if (is_type(node, "ByteLevel")) {
        if (json_is_true(json_object_get(node, "add_prefix_space"))) {
            return error_set(r->error, "%s: pre_tokenizer ByteLevel: add_prefix_space is not known", r->source);
        }
        return json_is_false(json_object_get(node, "use_regex")) || add_pattern(r, PATTERN_GPT2);
    }
    return refuse(r, "pre_tokenizer", node);
}

static bool read_pretokenizer(Reader *r, json_t *node) {
    bool ok = true;
    if (is_type(node, "Sequence")) {
        json_t *list = json_object_get(node, "pretokenizers"), *item;
        size_t i;
        json_array_foreach(list, i, item) {
            ok = read_pretokenizer_step(r, item);
            if (!ok) break;
        }
    } else {
        ok = read_pretokenizer_step(r, node);
    }
    return ok && pretokenizer_create(r->patterns, r->n_patterns, r->source, &r->t->pretokenizer, r->error);
}

// ---- vocabulary

static bool valid_id(json_t *value) {
    return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) < TOKENIZER_MAX_TOKENS;
}

// Largest id + 1 of vocabulary and added tokens; -1 with the error set.
static int32_t count_ids(const Reader *r, json_t *vocab, json_t *added) {
    const char *key;
    json_t *value;
    size_t i;
    int32_t n = 0;
    json_object_foreach(vocab, key, value) {
        if (!valid_id(value)) {
            error_set(r->error, "%s: vocab: expected ids from 0 to %d", r->source, TOKENIZER_MAX_TOKENS - 1);
            return -1;
        }
        if (json_integer_value(value) >= n) n = (int32_t)json_integer_value(value) + 1;
    }
    json_array_foreach(added, i, value) {
        json_t *id = json_object_get(value, "id");
        if (!valid_id(id) || !json_is_string(json_object_get(value, "content"))) {
            error_set(r->error, "%s: added_tokens: element %zu: expected an id and its content", r->source, i);
            return -1;
        }
        if (json_integer_value(id) >= n) n = (int32_t)json_integer_value(id) + 1;
    }
    return n;
}

static bool set_tokens(Reader *r, json_t *vocab, json_t *added) {
    const char *key;
    json_t *value;
    size_t i;
    Buf bytes;
    buf_init(&bytes, 0);
    json_object_foreach(vocab, key, value) {
        buf_clear(&bytes);
        // a text outside of the alphabet can only be an added token, whose own text follows below
        if (!alphabet_decode(str_of(key), &bytes)) buf_clear(&bytes), buf_add_text(&bytes, key);
        tokenizer_set(r->t, (int32_t)json_integer_value(value), buf_str(&bytes), false);
    }
    buf_free(&bytes);
    json_array_foreach(added, i, value) {
        json_t *content = json_object_get(value, "content");
        static const char *const flags[] = {"single_word", "lstrip", "rstrip"};
        for (int f = 0; f < 3; f++) {
            if (json_is_true(json_object_get(value, flags[f]))) {
                return error_set(r->error, "%s: added token \"%.64s\": %s is not known", r->source, json_string_value(content), flags[f]);
            }
        }
        Str text = {json_string_value(content), json_string_length(content)};
        int32_t id = (int32_t)json_integer_value(json_object_get(value, "id"));
        tokenizer_set(r->t, id, text, true);
        r->t->hidden[id] = json_is_true(json_object_get(value, "special"));
    }
    return true;
}

static int32_t side_id(const Reader *r, Str side, Buf *bytes) {
    buf_clear(bytes);
    return alphabet_decode(side, bytes) ? tokenizer_find_bytes(r->t, buf_str(bytes)) : -1;
}

// A merge is "left right" or ["left", "right"].
static bool merge_sides(json_t *merge, Str *left, Str *right) {
    if (json_is_array(merge)) {
        json_t *a = json_array_get(merge, 0), *b = json_array_get(merge, 1);
        if (json_array_size(merge) != 2 || !json_is_string(a) || !json_is_string(b)) return false;
        *left = (Str){json_string_value(a), json_string_length(a)};
        *right = (Str){json_string_value(b), json_string_length(b)};
        return true;
    }
    if (!json_is_string(merge)) return false;
    Str text = {json_string_value(merge), json_string_length(merge)};
    ptrdiff_t space = str_find(text, STR(" "), 0);
    if (space < 0) return false;
    *left = (Str){text.ptr, (size_t)space};
    *right = (Str){text.ptr + space + 1, text.len - (size_t)space - 1};
    return true;
}

static bool read_merges(Reader *r, json_t *merges) {
    size_t i, n = json_array_size(merges);
    json_t *merge;
    if (n > TOKENIZER_MAX_TOKENS) return error_set(r->error, "%s: more than %d merges", r->source, TOKENIZER_MAX_TOKENS);
    tokenizer_reserve_merges(r->t, (int32_t)n);
    Buf bytes;
    buf_init(&bytes, 0);
    bool ok = true;
    json_array_foreach(merges, i, merge) {
        Str a, b;
        int32_t left = -1, right = -1;
        if (merge_sides(merge, &a, &b)) left = side_id(r, a, &bytes), right = side_id(r, b, &bytes);
        ok = left >= 0 && right >= 0 && tokenizer_add_merge(r->t, left, right);
        if (!ok) {
            error_set(r->error, "%s: merge %zu: expected two tokens that make up a third", r->source, i);
            break;
        }
    }
    buf_free(&bytes);
    return ok;
}

static bool read_model(Reader *r, json_t *root) {
    json_t *model, *vocab, *merges, *added = json_object_get(root, "added_tokens");
    if (!json_need_object(root, r->source, "model", &model, r->error)) return false;
    if (json_object_get(model, "type") != NULL && !is_type(model, "BPE")) return refuse(r, "model", model);
    if (!json_need_object(model, r->source, "vocab", &vocab, r->error) || !json_need_array(model, r->source, "merges", &merges, r->error)) {
        return false;
    }
    if (json_is_true(json_object_get(model, "byte_fallback"))) return error_set(r->error, "%s: byte_fallback is not known", r->source);
    int32_t n = count_ids(r, vocab, added);
    if (n < 0) return false;
    r->t = tokenizer_new(n);
    r->t->ignore_merges = json_is_true(json_object_get(model, "ignore_merges"));
    return set_tokens(r, vocab, added) && tokenizer_index(r->t, r->source, r->error) && read_merges(r, merges);
}

bool tokenizer_from_json(Str json, const char *source, Tokenizer **out, Error *error) {
    json_t *root;
    Reader r = {.source = source, .error = error};
    if (!json_parse(json, source, &root, error)) return false;
    bool ok = json_is_object(root) || error_set(error, "%s: expected an object", source);
    ok = ok && read_model(&r, root) && read_normalizer(&r, json_object_get(root, "normalizer")) &&
         read_pretokenizer(&r, json_object_get(root, "pre_tokenizer"));
    json_decref(root);
    if (!ok) {
        tokenizer_destroy(r.t);
        return false;
    }
    *out = r.t;
    return true;
}

// ---- writing

static void write_added(JsonWriter *w, const Tokenizer *t) {
    jw_key(w, "added_tokens");
    jw_array_begin(w);
    for (int32_t id = 0; id < t->n; id++) {
        if (!t->special[id]) continue;
        jw_object_begin(w);
        jw_kint(w, "id", id);
        jw_kstring(w, "content", t->tokens[id]);
        jw_kbool(w, "single_word", false);
        jw_kbool(w, "lstrip", false);
        jw_kbool(w, "rstrip", false);
        jw_kbool(w, "normalized", false);
        jw_kbool(w, "special", t->hidden[id]);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void write_pretokenizer(JsonWriter *w, const Tokenizer *t) {
    jw_key(w, "pre_tokenizer");
    jw_object_begin(w);
    jw_kstring(w, "type", STR("Sequence"));
    jw_key(w, "pretokenizers");
    jw_array_begin(w);
    for (int i = 0; i < pretokenizer_steps(t->pretokenizer); i++) {
        jw_object_begin(w);
        jw_kstring(w, "type", STR("Split"));
        jw_key(w, "pattern");
        jw_object_begin(w);
        jw_kstring(w, "Regex", str_of(pretokenizer_pattern(t->pretokenizer, i)));
        jw_object_end(w);
        jw_kstring(w, "behavior", STR("Isolated"));
        jw_kbool(w, "invert", false);
        jw_object_end(w);
    }
    jw_object_begin(w);
    jw_kstring(w, "type", STR("ByteLevel"));
    jw_kbool(w, "add_prefix_space", false);
    jw_kbool(w, "trim_offsets", false);
    jw_kbool(w, "use_regex", false);
    jw_object_end(w);
    jw_array_end(w);
    jw_object_end(w);
}

static void write_model(JsonWriter *w, const Tokenizer *t) {
    Buf text;
    buf_init(&text, 0);
    jw_key(w, "model");
    jw_object_begin(w);
    jw_kstring(w, "type", STR("BPE"));
    static const char *const nulls[] = {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"};
    for (int i = 0; i < 4; i++) jw_key(w, nulls[i]), jw_null(w);
    jw_kbool(w, "fuse_unk", false);
    jw_kbool(w, "byte_fallback", false);
    jw_kbool(w, "ignore_merges", t->ignore_merges);
    jw_key(w, "vocab");
    jw_object_begin(w);
    for (int32_t id = 0; id < t->n; id++) {
        if (t->tokens[id].ptr == NULL || t->special[id]) continue;
        buf_clear(&text);
        alphabet_encode(t->tokens[id], &text);
        jw_kint(w, text.data, id);
    }
    jw_object_end(w);
    jw_key(w, "merges");
    jw_array_begin(w);
    for (int32_t i = 0; i < t->n_merges; i++) {
        jw_array_begin(w);
        for (int side = 0; side < 2; side++) {
            buf_clear(&text);
            alphabet_encode(t->tokens[t->merge_order[2 * i + side]], &text);
            jw_string(w, buf_str(&text));
        }
        jw_array_end(w);
    }
    jw_array_end(w);
    jw_object_end(w);
    buf_free(&text);
}

void tokenizer_to_json(const Tokenizer *t, Buf *out) {
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kstring(&w, "version", STR("1.0"));
    jw_key(&w, "truncation"), jw_null(&w);
    jw_key(&w, "padding"), jw_null(&w);
    write_added(&w, t);
    jw_key(&w, "normalizer");
    if (t->nfc) {
        jw_object_begin(&w);
        jw_kstring(&w, "type", STR("NFC"));
        jw_object_end(&w);
    } else {
        jw_null(&w);
    }
    write_pretokenizer(&w, t);
    jw_key(&w, "post_processor"), jw_null(&w);
    jw_key(&w, "decoder");
    jw_object_begin(&w);
    jw_kstring(&w, "type", STR("ByteLevel"));
    jw_kbool(&w, "add_prefix_space", false);
    jw_kbool(&w, "trim_offsets", false);
    jw_kbool(&w, "use_regex", false);
    jw_object_end(&w);
    write_model(&w, t);
    jw_object_end(&w);
    buf_add_char(out, '\n');
}
