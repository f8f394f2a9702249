#include "commands/collect_server.h"

#include <string.h>

#include "commands/server.h"

void collect_write_row(const Row *row, int32_t sample, Str trace, bool closed, const char *refusal, Buf *out) {
    Buf clean;
    buf_init(&clean, 0);
    buf_add_utf8_lossy(&clean, trace);
    Row copy = *row;
    copy.trace = buf_str(&clean);
    copy.other = row->other != NULL ? json_deep_copy(row->other) : json_object();
    json_object_set_new(copy.other, "sample", json_integer(sample));
    json_object_set_new(copy.other, "closed", json_boolean(closed));
    if (refusal != NULL) json_object_set_new(copy.other, "refused", json_string(refusal));
    row_write(&copy, out);
    json_decref(copy.other);
    buf_free(&clean);
}

// Requests are numbered by question, then sample.
static void make(void *context, size_t index, Buf *messages, int64_t *seed) {
    const ServerCollect *c = context;
    size_t row = c->first + index / (size_t)c->samples;
    int32_t sample = (int32_t)(index % (size_t)c->samples);
    Buf lead;
    buf_init(&lead, 0);
    dialogue_teacher_lead(c->format, c->rows[row].solution, &lead);
    openai_write_messages(str_of(c->format->teacher_system), c->rows[row].question, buf_str(&lead), messages);
    *seed = server_seed(c->seed, row, sample);
    buf_free(&lead);
}

// The explanation up to its closing tag. Most servers leave the text out at which they stopped: an end that they call
// "stop" closes it, too.
static Str find_trace(const DialogueFormat *format, const OpenaiAnswer *answer, bool *closed) {
    Str text = buf_str(&answer->text);
    ptrdiff_t close = str_find(text, str_of(format->explanation_close), 0);
    *closed = close >= 0 || strcmp(answer->finish, "stop") == 0;
    if (close >= 0) text.len = (size_t)close;
    return str_trim(text);
}

static bool take(void *context, size_t index, const RemoteReply *reply, Error *error) {
    ServerCollect *c = context;
    size_t row = c->first + index / (size_t)c->samples;
    int32_t sample = (int32_t)(index % (size_t)c->samples);
    bool closed = false;
    Str trace = reply->ok ? find_trace(c->format, &reply->answer, &closed) : STR("");
    c->n_open += reply->ok && !closed;
    c->n_refused += !reply->ok;
    Buf line;
    buf_init(&line, 0);
    collect_write_row(&c->rows[row], sample, trace, closed, reply->ok ? NULL : reply->refusal, &line);
    bool ok = file_appender_add(c->out, buf_str(&line), error);
    buf_free(&line);
    if (sample == c->samples - 1) progress_update(c->progress, row + 1, NULL);
    return ok;
}

bool server_collect_open(const Options *options, const DialogueFormat *format, Remote **remote, Error *error) {
    RemoteSettings settings = server_settings(options);
    settings.sampling = (OpenaiSampling){.temperature = options_real(options, "temperature"),
                                         .top_p = 1,
                                         .max_tokens = options_int(options, "max_tokens"),
                                         .stop = format->explanation_close,
                                         .continue_last = true};
    return remote_open(&settings, remote, error);
}

bool server_collect(ServerCollect *collect, Error *error) {
    const RemoteBatch batch = {(collect->n_rows - collect->first) * (size_t)collect->samples, make, take, collect};
    return remote_run(collect->remote, &batch, error);
}
