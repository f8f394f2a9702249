// Whatever a server sends: an answer or an error of one line; what is read of an answer is UTF-8 and can be sent again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "remote/openai.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void check_line(const char *line, size_t max) {
    size_t n = strnlen(line, max);
    must(n < max);
    for (size_t i = 0; i < n; i++) must((unsigned char)line[i] >= ' ');
    for (size_t at = 0, step; at < n; at += step) must((step = utf8_sequence(line + at, n - at)) > 0);
}

static void check_answer(const OpenaiAnswer *answer) {
    must(strnlen(answer->finish, sizeof answer->finish) < sizeof answer->finish);
    must(answer->prompt_tokens >= -1 && answer->completion_tokens >= -1);
    Buf messages, request;
    buf_init(&messages, 0), buf_init(&request, 0);
    openai_write_messages(buf_str(&answer->reasoning), buf_str(&answer->text), &messages);
    const OpenaiSampling sampling = {0.7, 0.95, 100, "max_completion_tokens"};
    openai_write_request("a \"model\"", buf_str(&messages), &sampling, 1, &request);
    json_t *json;
    must(json_parse(buf_str(&request), "request", &json, NULL));
    json_t *sent = json_object_get(json, "messages"), *last = json_array_get(sent, json_array_size(sent) - 1);
    json_t *content = json_object_get(last, "content");
    must(json_string_length(content) == answer->text.len);
    must(answer->text.len == 0 || memcmp(json_string_value(content), answer->text.data, answer->text.len) == 0);
    json_decref(json);
    buf_free(&messages), buf_free(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Str body = {(const char *)data, size};
    char message[OPENAI_MESSAGE_MAX];
    openai_read_error(body, message);
    check_line(message, sizeof message);
    OpenaiAnswer answer;
    Error error;
    if (openai_read_answer(body, &answer, &error)) {
        check_answer(&answer);
        openai_answer_free(&answer);
    } else {
        must(answer.text.data == NULL && strchr(error.message, '\n') == NULL);
    }
    return 0;
}
