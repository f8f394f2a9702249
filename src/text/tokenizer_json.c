// Reading Hugging Face's tokenizer.json. What is not exactly known is refused: ids that differ silently spoil a model.
#include <string.h>

#include "base/json.h"
#include "text/tokenizer_impl.h"

typedef struct Reader {
    const char *source;
    Tokenizer *t;
    const char *patterns[PRETOKENIZE_MAX_STEPS]; // borrowed from the JSON
    int n_patterns;
    bool bytes; // a ByteLevel step was read
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

static bool read_normalizer_step(Reader *r, json_t *node) {
    if (!is_type(node, "NFC")) return refuse(r, "normalizer", node);
    r->t->nfc = true;
    return true;
}

static bool read_normalizer(Reader *r, json_t *node) {
    if (node == NULL || json_is_null(node)) return true;
    if (!is_type(node, "Sequence")) return read_normalizer_step(r, node);
    json_t *list, *item;
    size_t i;
    if (!json_need_array(node, r->source, "normalizers", &list, r->error)) return false;
    json_array_foreach(list, i, item) {
        if (!read_normalizer_step(r, item)) return false;
    }
    return true;
}

// ---- pre-tokenizer: Split (Isolated) and Digits (individual), then ByteLevel

static bool add_pattern(Reader *r, const char *pattern) {
    if (r->n_patterns == PRETOKENIZE_MAX_STEPS)
        return error_set(r->error, "%s: more than %d split rules", r->source, PRETOKENIZE_MAX_STEPS);
    r->patterns[r->n_patterns++] = pattern;
    return true;
}

static bool read_split(Reader *r, json_t *node) {
    json_t *pattern = json_object_get(json_object_get(node, "pattern"), "Regex");
    json_t *behaviour = json_object_get(node, "behavior");
    bool isolated = json_is_string(behaviour) && strcmp(json_string_value(behaviour), "Isolated") == 0;
    bool whole = json_is_string(pattern) && strlen(json_string_value(pattern)) == json_string_length(pattern); // no NUL
    if (!whole || !isolated || json_is_true(json_object_get(node, "invert"))) {
        return error_set(r->error, "%s: pre_tokenizer Split: expected a Regex pattern, behavior Isolated, not inverted",
                         r->source);
    }
    return add_pattern(r, json_string_value(pattern));
}

static bool read_byte_level(Reader *r, json_t *node) {
    if (!json_is_false(json_object_get(node, "add_prefix_space"))) {
        return error_set(r->error, "%s: pre_tokenizer ByteLevel: expected add_prefix_space false", r->source);
    }
    r->bytes = true;
    return json_is_false(json_object_get(node, "use_regex")) || add_pattern(r, PATTERN_GPT2);
}

static bool read_pretokenizer_step(Reader *r, json_t *node) {
    // after ByteLevel the text is in another alphabet
    if (r->bytes) return error_set(r->error, "%s: pre_tokenizer: expected ByteLevel to be the last step", r->source);
    if (is_type(node, "ByteLevel")) return read_byte_level(r, node);
    if (is_type(node, "Split")) return read_split(r, node);
    if (!is_type(node, "Digits")) return refuse(r, "pre_tokenizer", node);
    if (json_is_true(json_object_get(node, "individual_digits"))) return add_pattern(r, PATTERN_DIGIT);
    return error_set(r->error, "%s: pre_tokenizer Digits: expected individual_digits true", r->source);
}

static bool read_pretokenizer(Reader *r, json_t *node) {
    if (is_type(node, "Sequence")) {
        json_t *list, *item;
        size_t i;
        if (!json_need_array(node, r->source, "pretokenizers", &list, r->error)) return false;
        json_array_foreach(list, i, item) {
            if (!read_pretokenizer_step(r, item)) return false;
        }
    } else if (!read_pretokenizer_step(r, node)) {
        return false;
    }
    if (!r->bytes) return error_set(r->error, "%s: pre_tokenizer: expected ByteLevel: not a byte-level BPE", r->source);
    return pretokenizer_create(r->patterns, r->n_patterns, r->source, &r->t->pretokenizer, r->error);
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

static bool set_vocabulary(Reader *r, json_t *vocab) {
    const char *key;
    json_t *value;
    Buf bytes;
    buf_init(&bytes, 0);
    bool ok = true;
    json_object_foreach(vocab, key, value) {
        int32_t id = (int32_t)json_integer_value(value);
        if (r->t->tokens[id].ptr != NULL) {
            ok = error_set(r->error, "%s: vocab: two tokens of id %d", r->source, id);
            break;
        }
        buf_clear(&bytes);
        if (alphabet_decode(str_of(key), &bytes)) {
            tokenizer_set_plain(r->t, id, buf_str(&bytes));
        } else { // no merge makes it: an added token, listed again below
            tokenizer_set_text(r->t, id, str_of(key));
        }
    }
    buf_free(&bytes);
    return ok;
}

static bool check_flags(const Reader *r, json_t *token, const char *content) {
    static const char *const flags[] = {"single_word", "lstrip", "rstrip"};
    for (int f = 0; f < 3; f++) {
        if (!json_is_true(json_object_get(token, flags[f]))) continue;
        return error_set(r->error, "%s: added token \"%.64s\": %s is not known", r->source, content, flags[f]);
    }
    return true;
}

static void set_added(Reader *r, json_t *token, int32_t id) {
    json_t *content = json_object_get(token, "content");
    Str text = {json_string_value(content), json_string_length(content)};
    // true for ASCII, which is its own text in the alphabet
    bool same = r->t->tokens[id].ptr != NULL && str_equal(r->t->tokens[id], text);
    tokenizer_set_special(r->t, id, text, json_is_true(json_object_get(token, "special")));
    r->t->plain[id] = r->t->plain[id] && same;
    r->t->normalized[id] = json_is_true(json_object_get(token, "normalized"));
}

// The tokenizers library counts so, whatever ids the file gives: an added token has the vocabulary's id of its text,
// else the next one after the vocabulary's and the added ones' before.
static bool set_tokens(Reader *r, json_t *vocab, json_t *added) {
    if (!set_vocabulary(r, vocab)) return false;
    int32_t next = (int32_t)json_object_size(vocab);
    json_t *token;
    size_t i;
    json_array_foreach(added, i, token) {
        const char *content = json_string_value(json_object_get(token, "content"));
        json_t *known = json_object_get(vocab, content);
        int32_t id = (int32_t)json_integer_value(json_object_get(token, "id"));
        int32_t expected = known != NULL ? (int32_t)json_integer_value(known) : next;
        if (!check_flags(r, token, content)) return false;
        if (id != expected || (known == NULL && r->t->tokens[id].ptr != NULL)) {
            return error_set(r->error, "%s: added token \"%.64s\": id %d, expected %d", r->source, content, id,
                             expected);
        }
        set_added(r, token, id);
        if (id >= next) next = id + 1;
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
    if (n > TOKENIZER_MAX_TOKENS)
        return error_set(r->error, "%s: more than %d merges", r->source, TOKENIZER_MAX_TOKENS);
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

// Parts of a BPE model that would change ids.
static bool check_model(const Reader *r, json_t *model) {
    if (json_object_get(model, "type") != NULL && !is_type(model, "BPE")) return refuse(r, "model", model);
    static const char *const unknown[] = {"byte_fallback", "dropout", "continuing_subword_prefix",
                                          "end_of_word_suffix"};
    for (int i = 0; i < 4; i++) {
        json_t *value = json_object_get(model, unknown[i]);
        bool absent = value == NULL || json_is_null(value) || json_is_false(value) ||
                      (json_is_string(value) && json_string_length(value) == 0) ||
                      (json_is_number(value) && json_number_value(value) == 0);
        if (!absent) return error_set(r->error, "%s: model: %s is not known", r->source, unknown[i]);
    }
    return true;
}

// What stands for bytes that the vocabulary lacks: a token for each, or nothing.
static bool read_unknown(Reader *r, json_t *model, json_t *vocab) {
    json_t *unknown = json_object_get(model, "unk_token");
    if (unknown == NULL || json_is_null(unknown)) return true;
    json_t *id = json_is_string(unknown) ? json_object_get(vocab, json_string_value(unknown)) : NULL;
    if (id == NULL || json_is_true(json_object_get(model, "fuse_unk"))) {
        return error_set(r->error, "%s: model: unk_token: expected a token of the vocabulary, fuse_unk false",
                         r->source);
    }
    r->t->unknown = (int32_t)json_integer_value(id);
    return true;
}

static bool read_model(Reader *r, json_t *root) {
    json_t *model, *vocab, *merges, *added = json_object_get(root, "added_tokens");
    if (!json_need_object(root, r->source, "model", &model, r->error) || !check_model(r, model) ||
        !json_need_object(model, r->source, "vocab", &vocab, r->error) ||
        !json_need_array(model, r->source, "merges", &merges, r->error)) {
        return false;
    }
    int32_t n = count_ids(r, vocab, added);
    if (n < 0) return false;
    r->t = tokenizer_new(n);
    r->t->ignore_merges = json_is_true(json_object_get(model, "ignore_merges"));
    return read_normalizer(r, json_object_get(root, "normalizer")) && set_tokens(r, vocab, added) &&
           read_unknown(r, model, vocab) && tokenizer_index(r->t, r->source, r->error) && read_merges(r, merges);
}

bool tokenizer_from_json(Str json, const char *source, Tokenizer **out, Error *error) {
    json_t *root;
    Reader r = {.source = source, .error = error};
    if (!json_parse(json, source, &root, error)) return false;
    bool ok = json_is_object(root) || error_set(error, "%s: expected an object", source);
    ok = ok && read_model(&r, root) && read_pretokenizer(&r, json_object_get(root, "pre_tokenizer"));
    json_decref(root);
    if (!ok) {
        tokenizer_destroy(r.t);
        return false;
    }
    *out = r.t;
    return true;
}
