// tokenizer.cases.json: encode (text, ids, decoded text) and chat (messages, rendered text, ids), all exact.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "oracle.h"
#include "text.h"

typedef struct CaseFile {
    Oracle *oracle;
    const char *where; // names the file in messages
    const OracleText *text;
} CaseFile;

static bool need_ids(json_t *object, const char *where, Ids *ids, Error *error)
{
    json_t *array;
    return json_need_array(object, where, "ids", &array, error) && oracle_read_ids(array, where, ids, error);
}

static bool equal_ids(const Ids *a, const Ids *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, (size_t)a->len * sizeof *a->data) == 0);
}

static bool check_encode(const CaseFile *file, json_t *item, size_t index, Error *error)
{
    Str text, decoded;
    Ids want = {0}, have = {0};
    bool ok = json_need_string(item, file->where, "text", &text, error) &&
              json_need_string(item, file->where, "decoded", &decoded, error) &&
              need_ids(item, file->where, &want, error);
    if (ok) {
        Buf out;
        buf_init(&out, 0);
        tokenizer_encode(file->text->tokenizer, text, &have);
        tokenizer_decode(file->text->tokenizer, want.data, want.len, false, &out);
        char what[64];
        snprintf(what, sizeof what, "encode case %zu, ids", index);
        oracle_report_exact(file->oracle, "tokenizer", what, equal_ids(&have, &want), text.ptr);
        snprintf(what, sizeof what, "encode case %zu, decoded text", index);
        oracle_report_exact(file->oracle, "tokenizer", what, str_equal(buf_str(&out), decoded), decoded.ptr);
        buf_free(&out);
    }
    ids_free(&want);
    ids_free(&have);
    return ok;
}

#define MESSAGES_MAX 64

static bool read_messages(json_t *item, const char *where, ChatMessage *messages, int *n_messages, Error *error)
{
    json_t *array, *message;
    size_t i;
    if (!json_need_array(item, where, "messages", &array, error))
        return false;
    if (json_array_size(array) > MESSAGES_MAX)
        return error_set(error, "%s: a chat of %zu messages, expected at most %d", where, json_array_size(array),
                         MESSAGES_MAX);
    json_array_foreach (array, i, message) {
        if (!json_need_string(message, where, "role", &messages[i].role, error) ||
            !json_need_string(message, where, "content", &messages[i].content, error))
            return false;
    }
    *n_messages = (int)json_array_size(array);
    return true;
}

static bool check_chat(const CaseFile *file, json_t *item, size_t index, Error *error)
{
    ChatMessage messages[MESSAGES_MAX];
    int n_messages = 0;
    Str text;
    bool open;
    Ids want = {0}, have = {0};
    bool ok = read_messages(item, file->where, messages, &n_messages, error) &&
              json_bool_or(item, file->where, "add_generation_prompt", false, &open, error) &&
              json_need_string(item, file->where, "text", &text, error) && need_ids(item, file->where, &want, error);
    if (ok) {
        Buf out;
        buf_init(&out, 0);
        chat_render(&file->text->chat, messages, n_messages, open, &out);
        tokenizer_encode(file->text->tokenizer, buf_str(&out), &have);
        char what[64];
        snprintf(what, sizeof what, "chat case %zu, text", index);
        oracle_report_exact(file->oracle, "tokenizer", what, str_equal(buf_str(&out), text), text.ptr);
        snprintf(what, sizeof what, "chat case %zu, ids", index);
        oracle_report_exact(file->oracle, "tokenizer", what, equal_ids(&have, &want), text.ptr);
        buf_free(&out);
    }
    ids_free(&want);
    ids_free(&have);
    return ok;
}

static bool each_case(const CaseFile *file, json_t *root, const char *key,
                      bool (*check)(const CaseFile *file, json_t *item, size_t index, Error *error), Error *error)
{
    json_t *array, *item;
    size_t i;
    if (!json_need_array(root, file->where, key, &array, error))
        return false;
    if (json_array_size(array) == 0)
        return error_set(error, "%s: %s is empty, expected cases", file->where, key);
    json_array_foreach (array, i, item) {
        if (!check(file, item, i, error))
            return false;
    }
    return true;
}

bool check_tokenizer(Oracle *oracle, Error *error)
{
    OracleText text = {0};
    json_t *root = NULL;
    CaseFile file = {.oracle = oracle, .where = "tokenizer.cases.json", .text = &text};
    bool ok = oracle_text_load(oracle->dir, &text, error) && oracle_read_json(oracle, file.where, &root, error) &&
              each_case(&file, root, "encode", check_encode, error) &&
              each_case(&file, root, "chat", check_chat, error);
    json_decref(root);
    oracle_text_free(&text);
    return ok;
}
