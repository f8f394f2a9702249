#include "data/convert_rows.h"

#include <stdio.h>
#include <string.h>

// ---- columns

static const char *const TARGETS[CONVERT_COLUMNS] = {"question", "solution", "reasoning_trace", "system",
                                                     "conversations"};

// The member, NULL where it is missing or null.
static json_t *get(json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static Str text_of(const json_t *value) {
    return (Str){json_string_value(value), json_string_length(value)};
}

static void set_text(json_t *object, const char *key, Str text) {
    json_object_set_new(object, key, json_stringn(text.ptr != NULL ? text.ptr : "", text.len));
}

// Moves what stands under `key` aside.
static bool keep_original(json_t *object, const char *key, const char *where, Error *error) {
    json_t *old = json_object_get(object, key);
    if (old == NULL) return true;
    char kept[64];
    snprintf(kept, sizeof kept, "original_%s", key);
    if (json_object_get(object, kept) != NULL)
        return error_set(error, "%s: key \"%s\": has no place: \"%s\" is there too", where, key, kept);
    json_object_set(object, kept, old);
    json_object_del(object, key);
    return true;
}

// Renames the columns that the rules name. All are taken out before one is put in, so that two may change places.
static bool rename_columns(json_t *object, const ConvertRules *rules, const char *where, Error *error) {
    json_t *taken[CONVERT_COLUMNS] = {0};
    bool ok = true;
    for (int i = 0; ok && i < CONVERT_COLUMNS; i++) {
        const char *from = rules->columns[i];
        if (from == NULL) continue;
        taken[i] = json_incref(get(object, from));
        if (taken[i] == NULL) ok = error_set(error, "%s: key \"%s\": expected a value, found none", where, from);
    }
    for (int i = 0; ok && i < CONVERT_COLUMNS; i++) {
        if (taken[i] != NULL) json_object_del(object, rules->columns[i]);
    }
    for (int i = 0; ok && i < CONVERT_COLUMNS; i++) {
        if (taken[i] == NULL) continue;
        ok = keep_original(object, TARGETS[i], where, error);
        if (ok) json_object_set(object, TARGETS[i], taken[i]);
    }
    for (int i = 0; i < CONVERT_COLUMNS; i++)
        json_decref(taken[i]);
    return ok;
}

// ---- the answer's tags

static bool find_once(Str text, const char *tag, ptrdiff_t *at, const char *where, Error *error) {
    *at = str_find(text, str_of(tag), 0);
    if (*at < 0 || str_find(text, str_of(tag), (size_t)*at + strlen(tag)) < 0) return true;
    return error_set(error, "%s: the answer: expected %s once, found it again", where, tag);
}

// Takes `text` apart at one pair of tags. *found: the pair is there.
static bool cut_pair(Str text, const char *open, const char *close, Str *before, Str *inside, Str *after, bool *found,
                     const char *where, Error *error) {
    ptrdiff_t from, to;
    if (!find_once(text, open, &from, where, error) || !find_once(text, close, &to, where, error)) return false;
    *found = from >= 0 && to >= 0;
    if (from < 0 && to < 0) return true;
    if (!*found) return error_set(error, "%s: the answer: expected %s, found none", where, from < 0 ? open : close);
    size_t start = (size_t)from + strlen(open), end = (size_t)to + strlen(close);
    if ((size_t)to < start) return error_set(error, "%s: the answer: %s stands before %s", where, close, open);
    *before = (Str){text.ptr, (size_t)from};
    *inside = (Str){text.ptr + start, (size_t)to - start};
    *after = (Str){text.ptr + end, text.len - end};
    return true;
}

static bool need_blank(Str text, const char *which, const char *where, Error *error) {
    return str_trim(text).len == 0 || error_set(error, "%s: the answer: text %s", where, which);
}

// trace.ptr stays NULL where there is none.
static bool cut_answer(Str answer, const ConvertRules *rules, Str *trace, Str *solution, const char *where,
                       Error *error) {
    Str before, after = answer;
    bool thought, tagged;
    if (!cut_pair(answer, rules->thought_open, rules->thought_close, &before, trace, &after, &thought, where, error))
        return false;
    if (!thought && !rules->untagged)
        return error_set(error, "%s: the answer: expected %s, found none", where, rules->thought_open);
    if (thought && !need_blank(before, "before its thought", where, error)) return false;
    Str rest = after;
    if (!cut_pair(rest, rules->solution_open, rules->solution_close, &before, solution, &after, &tagged, where, error))
        return false;
    if (!tagged && !rules->untagged)
        return error_set(error, "%s: the answer: expected %s, found none", where, rules->solution_open);
    if (!tagged) *solution = rest;
    return !tagged || (need_blank(before, "before its solution", where, error) &&
                       need_blank(after, "after its solution", where, error));
}

// ---- the chat

typedef struct Chat {
    Str system, question, answer; // ptr NULL: none
    bool more_keys;               // a message says more than who and what
} Chat;

static json_t *either(json_t *object, const char *a, const char *b) {
    json_t *value = get(object, a);
    return value != NULL ? value : get(object, b);
}

static bool is_one_of(Str role, const char *a, const char *b) {
    return str_equal(role, str_of(a)) || str_equal(role, str_of(b));
}

static bool read_chat(json_t *messages, const char *where, Chat *chat, Error *error) {
    *chat = (Chat){0};
    for (size_t i = 0; i < json_array_size(messages); i++) {
        json_t *message = json_array_get(messages, i), *role = either(message, "role", "from"),
               *content = either(message, "content", "value");
        if (!json_is_string(role) || !json_is_string(content))
            return error_set(
                error, "%s: message %zu: expected strings \"role\" and \"content\" (or \"from\", \"value\")", where, i);
        Str who = text_of(role), *place = NULL;
        if (str_equal(who, STR("system")) && i == 0) place = &chat->system;
        if (is_one_of(who, "user", "human") && chat->question.ptr == NULL) place = &chat->question;
        if (is_one_of(who, "assistant", "gpt") && chat->question.ptr != NULL) place = &chat->answer;
        if (place == NULL || place->ptr != NULL || (place != &chat->answer && chat->answer.ptr != NULL))
            return error_set(error, "%s: message %zu: expected one question and one answer, found a turn of \"%.*s\"",
                             where, i, who.len < 40 ? (int)who.len : 40, who.ptr);
        *place = text_of(content);
        chat->more_keys = chat->more_keys || json_object_size(message) > 2;
    }
    return chat->answer.ptr != NULL || error_set(error, "%s: expected one question and one answer", where);
}

// Puts what the chat says where the row does not say it already, and otherwise says the same.
static bool put(json_t *object, const char *key, Str text, const char *where, Error *error) {
    if (text.ptr == NULL) return true;
    json_t *old = get(object, key);
    if (old != NULL && !(json_is_string(old) && str_equal(text_of(old), text)))
        return error_set(error, "%s: key \"%s\": differs from what the chat says", where, key);
    if (old == NULL) set_text(object, key, text);
    return true;
}

static bool use_chat(json_t *object, const ConvertRules *rules, const char *where, Error *error) {
    const char *key = get(object, "conversations") != NULL ? "conversations" : "messages";
    json_t *messages = get(object, key);
    if (messages == NULL)
        return error_set(
            error, "%s: expected keys \"question\" and \"solution\", or \"conversations\", or \"messages\"", where);
    char place[1200];
    snprintf(place, sizeof place, "%s: key \"%s\"", where, key);
    if (!json_is_array(messages)) return error_set(error, "%s: expected a list of messages", place);
    Chat chat;
    Str trace = {0}, solution = {0};
    bool ok = read_chat(messages, place, &chat, error) &&
              cut_answer(chat.answer, rules, &trace, &solution, place, error) &&
              put(object, "question", chat.question, where, error) && put(object, "solution", solution, where, error) &&
              put(object, "reasoning_trace", trace, where, error) && put(object, "system", chat.system, where, error);
    if (ok && !chat.more_keys) json_object_del(object, key);
    return ok;
}

// ---- the row

// Without the newlines at its ends; blanks stay, since they may indent code.
static Str drop_newlines(Str text) {
    while (text.len > 0 && (text.ptr[0] == '\n' || text.ptr[0] == '\r')) text.ptr++, text.len--;
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r')) text.len--;
    return text;
}

// Checks that a column is text and says something, and drops its padding.
static bool finish(json_t *object, const char *key, bool needed, bool trim, const char *where, Error *error) {
    json_t *value = get(object, key);
    if (value == NULL) return !needed || error_set(error, "%s: key \"%s\": expected a string, found none", where, key);
    if (!json_is_string(value)) return error_set(error, "%s: key \"%s\": expected a string", where, key);
    Str text = text_of(value), trimmed = drop_newlines(text);
    if (str_trim(text).len == 0) return error_set(error, "%s: key \"%s\": expected text, found none", where, key);
    if (trim && trimmed.len < text.len) {
        json_incref(value); // whose bytes `trimmed` points to
        set_text(object, key, trimmed);
        json_decref(value);
    }
    return true;
}

bool convert_row(json_t *object, const ConvertRules *rules, const char *where, Error *error) {
    if (!rename_columns(object, rules, where, error)) return false;
    json_t *prompt = get(object, "prompt");
    if (get(object, "question") == NULL && json_is_string(prompt)) {
        json_object_set(object, "question", prompt);
        json_object_del(object, "prompt");
    }
    bool complete = get(object, "question") != NULL && get(object, "solution") != NULL;
    return (complete || use_chat(object, rules, where, error)) &&
           finish(object, "question", true, false, where, error) &&
           finish(object, "solution", true, rules->trim, where, error) &&
           finish(object, "reasoning_trace", false, rules->trim, where, error);
}
