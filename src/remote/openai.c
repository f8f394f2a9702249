#include "remote/openai.h"

#include <stdio.h>
#include <string.h>

void openai_write_request(const char *model, Str messages, const OpenaiSampling *sampling, int64_t seed, Buf *out) {
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kstring(&w, "model", str_of(model));
    jw_key(&w, "messages");
    buf_add_str(out, messages);
    w.need_comma = true;
    jw_kint(&w, "n", 1);
    if (sampling->temperature >= 0) jw_kf64(&w, "temperature", sampling->temperature);
    if (sampling->top_p >= 0) jw_kf64(&w, "top_p", sampling->top_p);
    if (sampling->max_tokens > 0) {
        jw_kint(&w, sampling->max_tokens_key != NULL ? sampling->max_tokens_key : "max_tokens", sampling->max_tokens);
    }
    if (seed >= 0) jw_kint(&w, "seed", seed);
    jw_object_end(&w);
}

static void write_message(JsonWriter *w, const char *role, Str content) {
    jw_object_begin(w);
    jw_kstring(w, "role", str_of(role));
    jw_kstring(w, "content", content);
    jw_object_end(w);
}

void openai_write_messages(Str system, Str user, Buf *out) {
    JsonWriter w = json_writer(out);
    jw_array_begin(&w);
    if (system.len > 0) write_message(&w, "system", system);
    write_message(&w, "user", user);
    jw_array_end(&w);
}

static void add_string(Buf *buf, const json_t *value) {
    if (json_is_string(value)) buf_add(buf, json_string_value(value), json_string_length(value));
}

static int64_t count_of(const json_t *usage, const char *key) {
    const json_t *value = json_object_get(usage, key);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value) : -1;
}

static bool read_choice(json_t *choice, OpenaiAnswer *answer, Error *error) {
    json_t *message, *content;
    if (!json_need_object(choice, "response: choices[0]", "message", &message, error)) return false;
    content = json_object_get(message, "content");
    if (content != NULL && !json_is_null(content) && !json_is_string(content)) {
        return error_set(error, "response: choices[0]: message: key \"content\": expected a string or null");
    }
    const json_t *reasoning = json_object_get(message, "reasoning_content");
    if (!json_is_string(reasoning)) reasoning = json_object_get(message, "reasoning");
    if (!json_is_string(content) && !json_is_string(reasoning)) {
        return error_set(error, "response: choices[0]: message: expected a text as content");
    }
    add_string(&answer->text, content);
    add_string(&answer->reasoning, reasoning);
    const char *finish = json_string_value(json_object_get(choice, "finish_reason"));
    if (finish != NULL) snprintf(answer->finish, sizeof answer->finish, "%s", finish);
    return true;
}

bool openai_read_answer(Str body, OpenaiAnswer *answer, Error *error) {
    *answer = (OpenaiAnswer){.prompt_tokens = -1, .completion_tokens = -1};
    json_t *response, *choices;
    if (!json_parse(body, "response", &response, error)) return false;
    buf_init(&answer->text, 0), buf_init(&answer->reasoning, 0);
    bool ok = json_is_object(response) || error_set(error, "response: expected an object");
    ok = ok && json_need_array(response, "response", "choices", &choices, error);
    if (ok && json_array_size(choices) != 1) ok = error_set(error, "response: expected one choice, found %zu", json_array_size(choices));
    ok = ok && read_choice(json_array_get(choices, 0), answer, error);
    if (ok) {
        const json_t *usage = json_object_get(response, "usage");
        answer->prompt_tokens = count_of(usage, "prompt_tokens");
        answer->completion_tokens = count_of(usage, "completion_tokens");
    } else {
        openai_answer_free(answer);
    }
    json_decref(response);
    return ok;
}

void openai_answer_free(OpenaiAnswer *answer) {
    buf_free(&answer->text);
    buf_free(&answer->reasoning);
    *answer = (OpenaiAnswer){0};
}

// The text of an error in any of the forms that servers use; NULL: none of them.
static const char *find_message(const json_t *body) {
    const json_t *inner = json_object_get(body, "error");
    const json_t *places[] = {json_object_get(inner, "message"), inner, json_object_get(body, "message"), json_object_get(body, "detail")};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (json_is_string(places[i])) return json_string_value(places[i]);
    }
    return NULL;
}

void openai_read_error(Str body, char message[OPENAI_MESSAGE_MAX]) {
    json_t *json = NULL;
    Buf text;
    buf_init(&text, 0);
    const char *said = json_parse(body, "response", &json, NULL) ? find_message(json) : NULL;
    Str shown = said != NULL ? str_of(said) : body;
    if (shown.len > 2 * OPENAI_MESSAGE_MAX) shown.len = 2 * OPENAI_MESSAGE_MAX;
    buf_add_utf8_lossy(&text, shown);
    size_t n = text.len < OPENAI_MESSAGE_MAX - 1 ? text.len : OPENAI_MESSAGE_MAX - 1;
    while (n < text.len && n > 0 && (text.data[n] & 0xC0) == 0x80) n--; // between characters
    for (size_t i = 0; i < n; i++) message[i] = (unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f ? ' ' : text.data[i];
    message[n] = '\0';
    buf_free(&text);
    json_decref(json);
}
