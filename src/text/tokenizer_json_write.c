// Writing Hugging Face's tokenizer.json.
#include <string.h>

#include "base/json.h"
#include "text/tokenizer_impl.h"

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
        jw_kbool(w, "normalized", t->normalized[id]);
        jw_kbool(w, "special", t->hidden[id]);
        jw_object_end(w);
    }
    jw_array_end(w);
}

static void write_split(JsonWriter *w, const char *pattern) {
    jw_object_begin(w);
    if (strcmp(pattern, PATTERN_DIGIT) == 0) {
        jw_kstring(w, "type", STR("Digits"));
        jw_kbool(w, "individual_digits", true);
    } else {
        jw_kstring(w, "type", STR("Split"));
        jw_key(w, "pattern");
        jw_object_begin(w);
        jw_kstring(w, "Regex", str_of(pattern));
        jw_object_end(w);
        jw_kstring(w, "behavior", STR("Isolated"));
        jw_kbool(w, "invert", false);
    }
    jw_object_end(w);
}

static void write_byte_level(JsonWriter *w, bool use_regex) {
    jw_object_begin(w);
    jw_kstring(w, "type", STR("ByteLevel"));
    jw_kbool(w, "add_prefix_space", false);
    jw_kbool(w, "trim_offsets", false);
    jw_kbool(w, "use_regex", use_regex);
    jw_object_end(w);
}

static void write_pretokenizer(JsonWriter *w, const Tokenizer *t) {
    int n = pretokenizer_steps(t->pretokenizer);
    // ByteLevel's own pattern
    bool own = n > 0 && strcmp(pretokenizer_pattern(t->pretokenizer, n - 1), PATTERN_GPT2) == 0;
    jw_key(w, "pre_tokenizer");
    jw_object_begin(w);
    jw_kstring(w, "type", STR("Sequence"));
    jw_key(w, "pretokenizers");
    jw_array_begin(w);
    for (int i = 0; i < n - own; i++) write_split(w, pretokenizer_pattern(t->pretokenizer, i));
    write_byte_level(w, own);
    jw_array_end(w);
    jw_object_end(w);
}

// In the alphabet; a special by its own text.
static void token_text(const Tokenizer *t, int32_t id, Buf *text) {
    buf_clear(text);
    if (t->plain[id]) {
        alphabet_encode(t->tokens[id], text);
    } else {
        buf_add_str(text, t->tokens[id]);
    }
}

static void write_token(JsonWriter *w, const Tokenizer *t, int32_t id) {
    Buf text;
    buf_init(&text, 0);
    token_text(t, id, &text);
    jw_string(w, buf_str(&text));
    buf_free(&text);
}

// Specials stand in the vocabulary too: so they keep their ids wherever these are.
static void write_vocabulary(JsonWriter *w, const Tokenizer *t) {
    Buf text;
    buf_init(&text, 0);
    jw_key(w, "vocab");
    jw_object_begin(w);
    for (int32_t id = 0; id < t->n; id++) {
        if (t->tokens[id].ptr == NULL) continue;
        token_text(t, id, &text);
        jw_kint(w, text.len > 0 ? text.data : "", id);
    }
    jw_object_end(w);
    buf_free(&text);
}

static void write_merges(JsonWriter *w, const Tokenizer *t) {
    jw_key(w, "merges");
    jw_array_begin(w);
    for (int32_t i = 0; i < t->n_merges; i++) {
        jw_array_begin(w);
        write_token(w, t, t->merge_order[2 * i]);
        write_token(w, t, t->merge_order[2 * i + 1]);
        jw_array_end(w);
    }
    jw_array_end(w);
}

static void write_model(JsonWriter *w, const Tokenizer *t) {
    jw_key(w, "model");
    jw_object_begin(w);
    jw_kstring(w, "type", STR("BPE"));
    static const char *const nulls[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    for (int i = 0; i < 3; i++) jw_key(w, nulls[i]), jw_null(w);
    jw_key(w, "unk_token");
    if (t->unknown >= 0) {
        write_token(w, t, t->unknown);
    } else {
        jw_null(w);
    }
    jw_kbool(w, "fuse_unk", false);
    jw_kbool(w, "byte_fallback", false);
    jw_kbool(w, "ignore_merges", t->ignore_merges);
    write_vocabulary(w, t);
    write_merges(w, t);
    jw_object_end(w);
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
    write_byte_level(&w, false);
    write_model(&w, t);
    jw_object_end(&w);
    buf_add_char(out, '\n');
}
