#include "methods/answer.h"

#include <assert.h>
#include <string.h>

#include "text/stop_text.h"

typedef struct Sample {
    Answer answer;
    bool thought_over; // no limit of the thought applies any more
    bool ended;
} Sample;

typedef struct Request { // answers of one question that go on from the same ids
    int32_t question, first_sample, n_samples;
    int32_t first_completion;
    Ids ids; // owned where n_samples is 1 and something was sampled; else the question's own (data borrowed, cap 0)
} Request;

typedef struct Run {
    const AnswerSettings *settings;
    const AnswerQuestion *questions;
    int32_t n, max_context;
    Sample *samples; // [n * settings->samples]
    int32_t *n_open; // [n]: answers that have not ended
    Request *requests;
    int32_t n_requests;
    Completion *completions;
    StopText stop;
    bool failed; // settings->done said so
    Error *error;
} Run;

static Sample *sample_of(const Run *r, int32_t question, int32_t sample) {
    return &r->samples[(size_t)question * (size_t)r->settings->samples + (size_t)sample];
}

static int32_t min_i32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

// ---- what an answer that has stopped needs

static bool holds(const Buf *text, const char *part) {
    return str_find(buf_str(text), str_of(part), 0) >= 0;
}

static bool is_stop_id(const Run *r, int32_t id) {
    const GenerateSettings *g = &r->settings->generate;
    for (int32_t i = 0; i < g->n_stop_ids; i++) {
        if (g->stop_ids[i] == id) return true;
    }
    return false;
}

static void put_text(const Run *r, Answer *answer, const char *text) {
    int32_t before = answer->ids.len;
    tokenizer_encode(r->settings->dialogue->tokenizer, str_of(text), &answer->ids);
    answer->n_put += answer->ids.len - before;
}

static void close_thought(const Run *r, Answer *answer) {
    const DialogueFormat *f = r->settings->dialogue->format;
    Buf text;
    buf_init(&text, 0);
    buf_printf(&text, "%s%s%s%s", f->padding, f->thought_close, f->padding, f->solution_open);
    put_text(r, answer, text.data);
    answer->closed = true;
    buf_free(&text);
}

// Takes off the closing tag and whatever token begins before it and reaches into it.
static void cut_at(const Run *r, Answer *answer, size_t end) {
    Buf token;
    buf_init(&token, 0);
    int32_t n = 0;
    for (size_t at = 0; n < answer->ids.len; n++) {
        buf_clear(&token);
        tokenizer_decode(r->settings->dialogue->tokenizer, &answer->ids.data[n], 1, false, &token);
        at += token.len;
        if (at > end) break;
    }
    answer->ids.len = n;
    buf_free(&token);
}

static void go_on_thinking(const Run *r, Answer *answer, const Buf *text) {
    const DialogueFormat *f = r->settings->dialogue->format;
    cut_at(r, answer, (size_t)str_find(buf_str(text), str_of(f->thought_close), 0));
    put_text(r, answer, r->settings->wait_text);
    answer->n_waits++;
}

// After a round in which it sampled something: whether the answer has ended; if not, what it needs is put in.
static bool has_ended(const Run *r, Sample *sample, Finish finish, const Buf *text) {
    const AnswerSettings *s = r->settings;
    const DialogueFormat *f = s->dialogue->format;
    Answer *answer = &sample->answer;
    bool closed = holds(text, f->thought_close), thinking = !closed && holds(text, f->thought_open);
    if (finish == FINISH_STOP) {
        bool at_thought = s->thought_min > 0 && closed && !holds(text, f->solution_close) &&
                          !is_stop_id(r, answer->ids.data[answer->ids.len - 1]);
        if (!at_thought) return true;
        bool early = !sample->thought_over && answer->ids.len < s->thought_min && answer->n_waits < s->waits_max;
        if (early)
            go_on_thinking(r, answer, text);
        else
            sample->thought_over = true;
        return false;
    }
    if (answer->ids.len >= s->generate.max_tokens) return true;
    if (thinking) close_thought(r, answer);
    sample->thought_over = true;
    return false;
}

// New tokens that the next round may give; below 1: none.
static int32_t room(const Run *r, int32_t question, const Sample *sample) {
    const AnswerSettings *s = r->settings;
    int32_t n = sample->answer.ids.len;
    int32_t left = min_i32(s->generate.max_tokens - n, r->max_context - r->questions[question].n_ids - n);
    if (s->thought_max > 0 && !sample->thought_over)
        left = min_i32(left, s->thought_max - n > 1 ? s->thought_max - n : 1);
    return left;
}

static void end_sample(Run *r, int32_t question, Sample *sample, Finish finish) {
    sample->ended = true;
    sample->answer.finish = finish;
    if (--r->n_open[question] > 0) return;
    int32_t n = r->settings->samples;
    Answer *answers = mem_alloc((size_t)n, sizeof *answers);
    for (int32_t s = 0; s < n; s++)
        answers[s] = sample_of(r, question, s)->answer;
    if (!r->failed) r->failed = !r->settings->done(r->settings->context, question, answers, r->error);
    for (int32_t s = 0; s < n; s++)
        ids_free(&sample_of(r, question, s)->answer.ids);
    mem_free(answers);
}

static void take(Run *r, int32_t question, Sample *sample, const Completion *c) {
    Buf text;
    buf_init(&text, 0);
    ids_extend(&sample->answer.ids, c->ids, c->n);
    tokenizer_decode(r->settings->dialogue->tokenizer, sample->answer.ids.data, sample->answer.ids.len, false, &text);
    if (has_ended(r, sample, c->finish, &text))
        end_sample(r, question, sample, c->finish);
    else if (room(r, question, sample) < 1)
        end_sample(r, question, sample, FINISH_LENGTH);
    buf_free(&text);
}

// ---- rounds

static bool stop(void *context, const int32_t *ids, int32_t n) {
    Run *r = context;
    return r->failed || stop_text_reached(&r->stop, ids, n);
}

static void request_done(void *context, int32_t prompt) {
    Run *r = context;
    const Request *request = &r->requests[prompt];
    for (int32_t s = 0; s < request->n_samples; s++) {
        Completion *c = &r->completions[request->first_completion + s];
        take(r, request->question, sample_of(r, request->question, request->first_sample + s), c);
        completion_free(c);
    }
}

static Request go_on(const Run *r, int32_t question, int32_t sample) {
    const AnswerQuestion *q = &r->questions[question];
    const Ids *so_far = &sample_of(r, question, sample)->answer.ids;
    Request request = {question, sample, 1, 0, {0}};
    ids_extend(&request.ids, q->ids, q->n_ids);
    ids_extend(&request.ids, so_far->data, so_far->len);
    return request;
}

// A prompt is shared by the answers that begin with it; later each goes on by itself.
static void make_requests(Run *r, bool first) {
    r->n_requests = 0;
    for (int32_t q = 0; q < r->n; q++) {
        if (first) {
            r->requests[r->n_requests++] = (Request){.question = q, .n_samples = r->settings->samples};
            continue;
        }
        for (int32_t s = 0; s < r->settings->samples; s++) {
            if (!sample_of(r, q, s)->ended) r->requests[r->n_requests++] = go_on(r, q, s);
        }
    }
}

static bool run_round(Run *r, Model *model, Pass *pass, uint32_t round, Error *error) {
    make_requests(r, round == 0);
    size_t n = (size_t)r->n_requests;
    GeneratePrompt *prompts = mem_alloc(n, sizeof *prompts);
    int32_t *limits = mem_alloc(n, sizeof *limits), n_completions = 0;
    for (int32_t i = 0; i < r->n_requests; i++) {
        Request *request = &r->requests[i];
        const AnswerQuestion *q = &r->questions[request->question];
        bool own = request->ids.len > 0;
        prompts[i] = (GeneratePrompt){own ? request->ids.data : q->ids, own ? request->ids.len : q->n_ids, q->address,
                                      (uint32_t)request->first_sample, (uint32_t)request->n_samples};
        limits[i] = room(r, request->question, sample_of(r, request->question, request->first_sample));
        if (limits[i] < 1) limits[i] = 1; // a prompt without room is generate's error
        request->first_completion = n_completions;
        n_completions += request->n_samples;
    }
    r->completions = mem_alloc((size_t)n_completions, sizeof *r->completions);
    GenerateSettings settings = r->settings->generate;
    settings.step = round;
    settings.prompt_max_tokens = limits;
    settings.stop = stop, settings.stop_context = r;
    settings.done = request_done, settings.done_context = r;
    bool ok = generate(model, pass, prompts, r->n_requests, &settings, r->completions, NULL, error) && !r->failed;
    for (int32_t i = 0; i < n_completions; i++)
        completion_free(&r->completions[i]);
    for (int32_t i = 0; i < r->n_requests; i++)
        ids_free(&r->requests[i].ids);
    mem_free(r->completions), mem_free(prompts), mem_free(limits);
    return ok;
}

static bool any_open(const Run *r) {
    for (int32_t q = 0; q < r->n; q++) {
        if (r->n_open[q] > 0) return true;
    }
    return false;
}

bool answer_questions(Model *model, Pass *pass, const AnswerQuestion *questions, int32_t n,
                      const AnswerSettings *settings, Error *error) {
    assert(settings->samples >= 1 && settings->thought_max >= 0 && settings->thought_min >= 0);
    size_t n_samples = (size_t)n * (size_t)settings->samples;
    int32_t limit = model_config(model)->max_positions, asked = settings->generate.max_context;
    Run r = {.settings = settings, .questions = questions, .n = n, .error = error};
    r.max_context = asked > 0 ? min_i32(asked, limit) : limit;
    r.samples = mem_alloc(n_samples, sizeof *r.samples);
    r.requests = mem_alloc(n_samples, sizeof *r.requests);
    r.n_open = mem_alloc((size_t)n, sizeof *r.n_open);
    for (int32_t q = 0; q < n; q++)
        r.n_open[q] = settings->samples;
    const DialogueFormat *f = settings->dialogue->format;
    r.stop = stop_text(settings->dialogue->tokenizer, f->solution_close);
    if (settings->thought_min > 0 && r.stop.n < STOP_TEXT_MAX) r.stop.texts[r.stop.n++] = str_of(f->thought_close);
    bool ok = true;
    for (uint32_t round = 0; ok && any_open(&r); round++)
        ok = run_round(&r, model, pass, round, error);
    for (size_t i = 0; i < n_samples; i++)
        ids_free(&r.samples[i].answer.ids);
    stop_text_free(&r.stop);
    mem_free(r.samples), mem_free(r.requests), mem_free(r.n_open);
    return ok;
}
