// Where the answers of `rlt eval` come from: a model of our own, or a server.
#include <string.h>

#include "base/mem.h"
#include "commands/eval_run.h"
#include "commands/model_bundle.h"
#include "commands/server.h"
#include "methods/answer.h"

// ---- a model

typedef struct ModelRun {
    EvalRun *run;
    ModelBundle bundle;
    Pass *pass;
    Dialogue dialogue;
    AnswerQuestion *questions; // [run->n_todo]
    Ids *ids;                  // [run->n_todo]
} ModelRun;

static bool open_model(ModelRun *m, Error *error) {
    const Options *o = m->run->options;
    Dtype dtype = dtype_option(o, "dtype");
    if (!model_bundle_open_key(o, "model", &m->bundle, error) || !model_bundle_need_chat(&m->bundle, error) ||
        !model_bundle_load(&m->bundle, m->run->backend, dtype, error)) {
        return false;
    }
    m->pass = pass_create(m->bundle.model, (PassSettings){0});
    m->dialogue = (Dialogue){m->bundle.tokenizer, &m->bundle.chat, &m->run->format};
    return true;
}

static void make_questions(ModelRun *m) {
    EvalRun *run = m->run;
    m->ids = mem_alloc((size_t)run->n_todo, sizeof *m->ids);
    m->questions = mem_alloc((size_t)run->n_todo, sizeof *m->questions);
    Buf prompt;
    buf_init(&prompt, 0);
    for (int32_t i = 0; i < run->n_todo; i++) {
        const TaskQuestion *q = &run->questions.list[run->todo[i]];
        buf_clear(&prompt);
        task_prompt(run->task, run->prompt, q, &prompt);
        dialogue_student_prompt(&m->dialogue, q->system.ptr, buf_str(&prompt), &m->ids[i]);
        m->questions[i] = (AnswerQuestion){m->ids[i].data, m->ids[i].len, (uint32_t)run->todo[i]};
    }
    buf_free(&prompt);
}

static bool question_done(void *context, int32_t question, const Answer *answers, Error *error) {
    ModelRun *m = context;
    int32_t n = m->run->samples;
    EvalAnswer *graded = mem_alloc((size_t)n, sizeof *graded);
    Buf raw;
    buf_init(&raw, 0);
    for (int32_t s = 0; s < n; s++) {
        const Answer *a = &answers[s];
        graded[s] = (EvalAnswer){.tokens = a->ids.len, .put = a->n_put, .waits = a->n_waits, .closed = a->closed,
                                 .finish = finish_name(a->finish)};
        buf_init(&graded[s].text, 0);
        buf_clear(&raw);
        tokenizer_decode(m->bundle.tokenizer, a->ids.data, a->ids.len, false, &raw);
        buf_add_utf8_lossy(&graded[s].text, buf_str(&raw)); // so that the places of an answer are those of the row's text
    }
    bool ok = eval_gather_add(m->run, m->run->todo[question], graded, error);
    for (int32_t s = 0; s < n; s++) buf_free(&graded[s].text);
    buf_free(&raw);
    mem_free(graded);
    return ok;
}

static bool answer_all(ModelRun *m, Error *error) {
    const Options *o = m->run->options;
    const AnswerSettings settings = {
        .generate = {.sampling = {.temperature = (float)options_real(o, "temperature"),
                                  .top_p = (float)options_real(o, "top_p")},
                     .seed = (uint64_t)options_int(o, "seed"),
                     .max_tokens = (int32_t)options_int(o, "max_tokens"),
                     .stop_ids = m->bundle.stop_ids.data,
                     .n_stop_ids = m->bundle.stop_ids.len,
                     .max_slots = (int32_t)options_int(o, "slots"),
                     .cache_rows = (int32_t)options_int(o, "cache_rows"),
                     .speculate = options_bool(o, "speculate")},
        .dialogue = &m->dialogue,
        .samples = m->run->samples,
        .thought_max = (int32_t)options_int(o, "thought_max"),
        .thought_min = (int32_t)options_int(o, "thought_min"),
        .waits_max = (int32_t)options_int(o, "waits"),
        .wait_text = options_text(o, "wait_text"),
        .done = question_done,
        .context = m,
    };
    return answer_questions(m->bundle.model, m->pass, m->questions, m->run->n_todo, &settings, error);
}

bool eval_by_model(EvalRun *run, Error *error) {
    ModelRun m = {.run = run};
    bool ok = open_model(&m, error);
    if (ok) {
        make_questions(&m);
        ok = answer_all(&m, error);
    }
    for (int32_t i = 0; m.ids != NULL && i < run->n_todo; i++) ids_free(&m.ids[i]);
    mem_free(m.ids), mem_free(m.questions);
    pass_destroy(m.pass);
    model_bundle_close(&m.bundle);
    return ok;
}

// ---- a server

typedef struct ServerRun {
    EvalRun *run;
    EvalAnswer *answers; // [samples] of the question whose answers come
    char (*notes)[OPENAI_MESSAGE_MAX]; // [samples]: their finish or refusal
} ServerRun;

static int32_t question_of(const EvalRun *run, size_t index) { return run->todo[index / (size_t)run->samples]; }

static void make_request(void *context, size_t index, Buf *messages, int64_t *seed) {
    const EvalRun *run = ((ServerRun *)context)->run;
    int32_t q = question_of(run, index), sample = (int32_t)(index % (size_t)run->samples);
    const TaskQuestion *question = &run->questions.list[q];
    Buf prompt;
    buf_init(&prompt, 0);
    task_prompt(run->task, run->prompt, question, &prompt);
    Str system = question->system.ptr != NULL ? question->system : str_of(run->format.student_system);
    openai_write_messages(system, buf_str(&prompt), STR(""), messages);
    *seed = server_seed((uint64_t)options_int(run->options, "seed"), (size_t)q, sample, 0);
    buf_free(&prompt);
}

static void read_reply(ServerRun *s, const RemoteReply *reply, int32_t sample) {
    EvalAnswer *answer = &s->answers[sample];
    char *note = s->notes[sample];
    buf_clear(&answer->text);
    *answer = (EvalAnswer){.text = answer->text, .tokens = -1, .finish = note};
    if (!reply->ok) {
        snprintf(note, OPENAI_MESSAGE_MAX, "%s", reply->refusal);
        answer->refusal = note;
        answer->finish = "refused";
        return;
    }
    Buf raw;
    buf_init(&raw, 0);
    server_completion(&reply->answer, &s->run->format, &raw);
    buf_add_utf8_lossy(&answer->text, buf_str(&raw));
    buf_free(&raw);
    answer->tokens = reply->answer.completion_tokens;
    snprintf(note, OPENAI_MESSAGE_MAX, "%s", reply->answer.finish[0] != '\0' ? reply->answer.finish : "unknown");
}

static bool take_reply(void *context, size_t index, const RemoteReply *reply, Error *error) {
    ServerRun *s = context;
    int32_t sample = (int32_t)(index % (size_t)s->run->samples);
    read_reply(s, reply, sample);
    return sample < s->run->samples - 1 || eval_gather_add(s->run, question_of(s->run, index), s->answers, error);
}

bool eval_by_server(EvalRun *run, Error *error) {
    const Options *o = run->options;
    RemoteSettings settings = server_settings(o);
    settings.sampling = (OpenaiSampling){.temperature = options_real(o, "temperature"),
                                         .top_p = options_real(o, "top_p"),
                                         .max_tokens = options_int(o, "max_tokens")};
    Remote *remote;
    if (!remote_open(&settings, &remote, error)) return false;
    size_t n = (size_t)run->samples;
    ServerRun s = {run, mem_alloc(n, sizeof *s.answers), mem_alloc(n, sizeof *s.notes)};
    for (size_t i = 0; i < n; i++) buf_init(&s.answers[i].text, 0);
    const RemoteBatch batch = {(size_t)run->n_todo * n, make_request, take_reply, &s, NULL};
    bool ok = remote_run(remote, &batch, error);
    for (size_t i = 0; i < n; i++) buf_free(&s.answers[i].text);
    mem_free(s.answers), mem_free(s.notes);
    remote_close(remote);
    return ok;
}
