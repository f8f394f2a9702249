#include "commands/collect_server.h"

#include <string.h>

#include "base/mem.h"
#include "commands/rewrite_prompt.h"
#include "commands/server.h"

void collect_count(CollectCounts *counts, const Attempts *attempts) {
    counts->refused += attempts->n == 0;
    counts->open += attempts->n > 0 && !attempts->list[0].closed;
    counts->too_long += attempts->n > 0 && attempts->list[0].closed && !attempts->list[0].fits;
}

// Requests are numbered by question, then sample.
static void make(void *context, size_t index, Buf *messages, int64_t *seed) {
    const ServerCollect *c = context;
    size_t row = c->first + index / (size_t)c->samples;
    int32_t sample = (int32_t)(index % (size_t)c->samples);
    Buf text;
    buf_init(&text, 0);
    if (c->rewrite.len > 0) {
        rewrite_prompt_fill(c->rewrite, &c->rows[row], &text);
        openai_write_messages(STR(""), buf_str(&text), STR(""), messages);
    } else {
        dialogue_teacher_lead(c->format, c->rows[row].solution, &text);
        openai_write_messages(str_of(c->format->teacher_system), c->rows[row].question, buf_str(&text), messages);
    }
    *seed = server_seed(c->seed, row, sample, c->waiting[index].n_made);
    buf_free(&text);
}

// The explanation up to its closing tag. Most servers leave the text out at which they stopped: an end that they call
// "stop" closes it, too.
static Str find_trace(const ServerCollect *c, const OpenaiAnswer *answer, bool *closed) {
    Str text = buf_str(&answer->text);
    ptrdiff_t close = c->rewrite.len > 0 ? -1 : str_find(text, str_of(c->format->explanation_close), 0);
    *closed = close >= 0 || strcmp(answer->finish, "stop") == 0;
    if (close >= 0) text.len = (size_t)close;
    return str_trim(text);
}

static bool again(void *context, size_t index, const RemoteReply *reply) {
    ServerCollect *c = context;
    Attempts *attempts = &c->waiting[index];
    bool closed;
    Str trace = find_trace(c, &reply->answer, &closed);
    attempts->row = &c->rows[c->first + index / (size_t)c->samples];
    attempts->sample = (int32_t)(index % (size_t)c->samples);
    bool good = picker_add(c->picker, attempts, trace, closed, (Completion){0});
    return !good && attempts->n_made < c->attempts;
}

static bool take(void *context, size_t index, const RemoteReply *reply, Error *error) {
    ServerCollect *c = context;
    Attempts *attempts = &c->waiting[index];
    size_t row = c->first + index / (size_t)c->samples;
    attempts->row = &c->rows[row];
    attempts->sample = (int32_t)(index % (size_t)c->samples);
    if (!reply->ok && attempts->n == 0) attempts->refusal = reply->refusal; // an earlier attempt stands else
    Buf line;
    buf_init(&line, 0);
    bool ok = picker_choose(c->picker, attempts, 1, error);
    if (ok) {
        collect_count(&c->counts, attempts);
        picker_write(c->picker, attempts, &line);
        ok = file_appender_add(c->out, buf_str(&line), error);
    }
    buf_free(&line);
    attempts_free(attempts);
    if (attempts->sample == c->samples - 1) progress_update(c->progress, row + 1, NULL);
    return ok;
}

bool server_collect_open(const Options *options, const DialogueFormat *format, bool rewrite, Remote **remote,
                         Error *error) {
    RemoteSettings settings = server_settings(options);
    settings.sampling = (OpenaiSampling){.temperature = options_real(options, "temperature"),
                                         .top_p = 1,
                                         .max_tokens = options_int(options, "max_tokens"),
                                         .stop = rewrite ? NULL : format->explanation_close,
                                         .continue_last = !rewrite};
    return remote_open(&settings, remote, error);
}

bool server_collect(ServerCollect *collect, Error *error) {
    size_t n = (collect->n_rows - collect->first) * (size_t)collect->samples;
    collect->waiting = mem_alloc(n, sizeof *collect->waiting);
    const RemoteBatch batch = {.n = n, .make = make, .again = again, .take = take, .context = collect};
    bool ok = remote_run(collect->remote, &batch, error);
    for (size_t i = 0; i < n; i++)
        attempts_free(&collect->waiting[i]); // of a run that failed
    mem_free(collect->waiting);
    collect->waiting = NULL;
    return ok;
}
