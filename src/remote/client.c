#include "remote/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/philox.h"

struct Remote {
    RemoteSettings settings; // its strings owned
    char *endpoint, *key;    // key NULL: none
};

typedef enum SlotState { SLOT_FREE, SLOT_WAITING, SLOT_RUNNING } SlotState;

typedef struct Slot { // a place for one request at a time
    CURL *easy;
    SlotState state;
    size_t index;
    int32_t tries; // begun
    double not_before_s;
    Buf body, response;
    size_t max_bytes;
    bool too_long;
    char said[CURL_ERROR_SIZE];
} Slot;

typedef struct Finished { // a reply that waits for those before it
    bool is_done;
    RemoteReply reply;
} Finished;

typedef struct Run {
    Remote *remote;
    const RemoteBatch *batch;
    CURLM *multi;
    struct curl_slist *headers;
    Slot *slots; // [n_slots]
    size_t n_slots;
    Finished *finished; // [window]: of index i at i % window
    size_t window;      // requests are begun at most so far beyond the last that was taken
    size_t n_begun, n_taken;
    double next_start_s, hold_until_s; // by the rate; by a Retry-After
} Run;

RemoteSettings remote_settings_default(void) {
    return (RemoteSettings){.key_env = "OPENAI_API_KEY",
                            .sampling = {.temperature = -1, .top_p = -1},
                            .max_in_flight = 32,
                            .max_tries = 8,
                            .connect_s = 10,
                            .request_s = 600,
                            .pause_first_s = 1,
                            .pause_max_s = 60,
                            .response_max_bytes = (size_t)16 << 20};
}

static bool read_key(const char *name, char **key, Error *error) {
    *key = NULL;
    const char *value = name != NULL && name[0] != '\0' ? getenv(name) : NULL;
    if (value == NULL || value[0] == '\0') return true;
    for (const char *c = value; *c != '\0'; c++) { // a line end would begin another header
        if (*c <= ' ' || *c == 0x7f)
            return error_set(error, "environment variable %s: expected printable characters alone", name);
    }
    *key = mem_strdup(value);
    return true;
}

static char *copy(const char *text) { return text != NULL ? mem_strdup(text) : NULL; }

bool remote_open(const RemoteSettings *settings, Remote **remote, Error *error) {
    const RemoteSettings *s = settings;
    assert(s->max_in_flight >= 1 && s->max_tries >= 1 && s->request_s > 0 && s->connect_s > 0 &&
           s->response_max_bytes > 0);
    *remote = NULL;
    bool is_http = s->url != NULL && (strncmp(s->url, "http://", 7) == 0 || strncmp(s->url, "https://", 8) == 0);
    if (!is_http)
        return error_set(error, "server: expected a URL with http:// or https://, found \"%s\"",
                         s->url != NULL ? s->url : "");
    if (s->model == NULL || s->model[0] == '\0')
        return error_set(error, "server %s: expected the name of a model", s->url);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) return error_set(error, "libcurl cannot be used");
    Remote *made = mem_alloc(1, sizeof *made);
    made->settings = *s;
    made->settings.url = copy(s->url), made->settings.model = copy(s->model), made->settings.key_env = NULL;
    made->settings.sampling.max_tokens_key = copy(s->sampling.max_tokens_key);
    made->settings.sampling.stop = copy(s->sampling.stop);
    Buf endpoint;
    buf_init(&endpoint, 0);
    Str url = str_of(s->url);
    while (url.len > 0 && url.ptr[url.len - 1] == '/') url.len--;
    buf_add_str(&endpoint, url);
    buf_add_text(&endpoint, "/chat/completions");
    made->endpoint = endpoint.data;
    bool ok = read_key(s->key_env, &made->key, error);
    if (ok)
        *remote = made;
    else
        remote_close(made);
    return ok;
}

void remote_close(Remote *remote) {
    if (remote == NULL) return;
    if (remote->key != NULL) explicit_bzero(remote->key, strlen(remote->key));
    mem_free(remote->key), mem_free(remote->endpoint);
    mem_free((char *)remote->settings.url), mem_free((char *)remote->settings.model);
    mem_free((char *)remote->settings.sampling.max_tokens_key), mem_free((char *)remote->settings.sampling.stop);
    mem_free(remote);
    curl_global_cleanup();
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context) {
    Slot *slot = context;
    size_t n = size * count; // size is 1
    if (n > slot->max_bytes - slot->response.len) {
        slot->too_long = true;
        return 0; // ends the transfer
    }
    buf_add(&slot->response, bytes, n);
    return n;
}

static long milliseconds(double seconds) { return seconds < 2e6 ? (long)ceil(seconds * 1000) : 2000000000L; }

static void set_up_slot(const Run *run, Slot *slot) {
    const RemoteSettings *s = &run->remote->settings;
    slot->easy = curl_easy_init();
    if (slot->easy == NULL) mem_out_of_memory(sizeof(CURL *));
    slot->max_bytes = s->response_max_bytes;
    buf_init(&slot->body, 0), buf_init(&slot->response, 0);
    CURL *easy = slot->easy;
    curl_easy_setopt(easy, CURLOPT_URL, run->remote->endpoint);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, run->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->said);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "rlt/" RLT_VERSION);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(s->connect_s));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(s->request_s));
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void add_header(Run *run, const char *line) {
    struct curl_slist *longer = curl_slist_append(run->headers, line);
    if (longer == NULL) mem_out_of_memory(strlen(line));
    run->headers = longer;
}

static void set_up(Run *run) {
    const Remote *remote = run->remote;
    run->multi = curl_multi_init();
    if (run->multi == NULL) mem_out_of_memory(sizeof(CURLM *));
    add_header(run, "Content-Type: application/json");
    add_header(run, "Expect:"); // no pause before a long body
    if (remote->key != NULL) {
        Buf line;
        buf_init(&line, 0);
        buf_printf(&line, "Authorization: Bearer %s", remote->key);
        add_header(run, line.data);
        explicit_bzero(line.data, line.len);
        buf_free(&line);
    }
    run->n_slots = (size_t)remote->settings.max_in_flight;
    if (run->n_slots > run->batch->n) run->n_slots = run->batch->n;
    run->window = 4 * run->n_slots;
    run->slots = mem_alloc(run->n_slots, sizeof *run->slots);
    run->finished = mem_alloc(run->window, sizeof *run->finished);
    for (size_t i = 0; i < run->n_slots; i++) set_up_slot(run, &run->slots[i]);
}

static void tear_down(Run *run) {
    for (size_t i = 0; i < run->n_slots; i++) {
        Slot *slot = &run->slots[i];
        if (slot->state == SLOT_RUNNING) curl_multi_remove_handle(run->multi, slot->easy);
        curl_easy_cleanup(slot->easy);
        buf_free(&slot->body), buf_free(&slot->response);
    }
    for (size_t i = 0; i < run->window; i++) openai_answer_free(&run->finished[i].reply.answer);
    mem_free(run->slots), mem_free(run->finished);
    curl_multi_cleanup(run->multi);
    for (struct curl_slist *at = run->headers; at != NULL; at = at->next) explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(run->headers);
}

static void make_request(Run *run, Slot *slot) {
    const RemoteSettings *s = &run->remote->settings;
    Buf messages;
    buf_init(&messages, 0);
    int64_t seed = -1;
    slot->tries = 0;
    slot->not_before_s = 0;
    slot->state = SLOT_WAITING;
    run->batch->make(run->batch->context, slot->index, &messages, &seed);
    buf_clear(&slot->body);
    openai_write_request(s->model, buf_str(&messages), &s->sampling, seed, &slot->body);
    buf_free(&messages);
}

static void take_request(Run *run, Slot *slot) {
    slot->index = run->n_begun++;
    make_request(run, slot);
}

static void begin_try(Run *run, Slot *slot) {
    buf_clear(&slot->response);
    slot->too_long = false;
    slot->said[0] = '\0';
    slot->tries++;
    slot->state = SLOT_RUNNING;
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body.len);
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body.data); // not copied: stays until the try ends
    CURLMcode code = curl_multi_add_handle(run->multi, slot->easy);
    assert(code == CURLM_OK);
    (void)code;
}

// Begins what may begin now; the time until which nothing more can.
static double begin_ready(Run *run, double now_s) {
    double rate = run->remote->settings.requests_per_s, next_s = now_s + 1;
    for (size_t i = 0; i < run->n_slots; i++) {
        Slot *slot = &run->slots[i];
        if (slot->state == SLOT_FREE && run->n_begun < run->batch->n && run->n_begun < run->n_taken + run->window)
            take_request(run, slot);
        if (slot->state != SLOT_WAITING) continue;
        double at_s = fmax(slot->not_before_s, fmax(run->hold_until_s, run->next_start_s));
        if (at_s > now_s) {
            next_s = fmin(next_s, at_s);
            continue;
        }
        if (rate > 0) run->next_start_s = now_s + 1 / rate;
        begin_try(run, slot);
    }
    return next_s;
}

// Off a text that goes into a message: servers quote keys that they refuse.
static void hide_key(const Remote *remote, char *text) {
    size_t n = remote->key != NULL ? strlen(remote->key) : 0;
    for (char *at = text; n > 0 && (at = strstr(at, remote->key)) != NULL; at += n) memset(at, '*', n);
}

static bool is_passing(long status) {
    return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

// The server, not the request.
static bool is_fatal(long status) {
    return status < 400 || status == 401 || status == 402 || status == 403 || status == 404 || status == 405;
}

// The pause doubles with each try; from half of it to all of it, so that requests that failed together come back apart.
static void pause_slot(Run *run, Slot *slot, long status, double now_s) {
    const RemoteSettings *s = &run->remote->settings;
    curl_off_t after_s = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RETRY_AFTER, &after_s); // seconds, of a date too
    double asked_s = fmin((double)after_s, s->pause_max_s);
    double pause_s = fmin(s->pause_first_s * exp2(slot->tries - 1), s->pause_max_s);
    RngAddress address = {.purpose = RNG_DATA, .question = (uint32_t)slot->index, .sample = (uint32_t)slot->tries};
    pause_s *= 0.5 + 0.5 * (double)rng_uniform(&address);
    slot->not_before_s = now_s + fmax(pause_s, asked_s);
    if (asked_s > 0 && (status == 429 || status == 503)) run->hold_until_s = fmax(run->hold_until_s, now_s + asked_s);
    slot->state = SLOT_WAITING;
}

static void put_reply(Run *run, Slot *slot, RemoteReply *reply) {
    const RemoteBatch *batch = run->batch;
    reply->tries = slot->tries;
    if (reply->ok && batch->again != NULL && batch->again(batch->context, slot->index, reply)) {
        openai_answer_free(&reply->answer);
        make_request(run, slot);
        return;
    }
    Finished *place = &run->finished[slot->index % run->window];
    assert(!place->is_done && slot->index >= run->n_taken);
    *place = (Finished){true, *reply};
    slot->state = SLOT_FREE;
}

// After a try: a reply, another try, or (false) the end.
static bool end_try(Run *run, Slot *slot, CURLcode code, Error *error) {
    const Remote *remote = run->remote;
    RemoteReply reply = {0};
    char why[OPENAI_MESSAGE_MAX];
    long status = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    Error unread;
    if (slot->too_long) {
        snprintf(reply.refusal, sizeof reply.refusal, "a response of more than %zu bytes", slot->max_bytes);
        put_reply(run, slot, &reply);
        return true;
    }
    if (code == CURLE_OK && status == 200) {
        reply.ok = openai_read_answer(buf_str(&slot->response), &reply.answer, &unread);
        if (reply.ok) {
            put_reply(run, slot, &reply);
            return true;
        }
        snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, unread.message);
    } else if (code == CURLE_OK) {
        char said[OPENAI_MESSAGE_MAX];
        openai_read_error(buf_str(&slot->response), said);
        snprintf(why, sizeof why, "status %ld: %.*s", status, (int)sizeof why - 32, said);
    } else {
        snprintf(why, sizeof why, "%s", slot->said[0] != '\0' ? slot->said : curl_easy_strerror(code));
        status = 0;
    }
    hide_key(remote, why);
    bool passing = status == 0 || status == 200 || is_passing(status);
    if (!passing && !is_fatal(status)) {
        memcpy(reply.refusal, why, sizeof reply.refusal);
        put_reply(run, slot, &reply);
        return true;
    }
    if (passing && slot->tries < remote->settings.max_tries) {
        log_debug("server: request %zu, try %d: %s", slot->index, slot->tries, why);
        pause_slot(run, slot, status, time_now_s());
        return true;
    }
    return error_set(error, "server %s: request %zu (of %zu), try %d: %s", remote->endpoint, slot->index + 1,
                     run->batch->n, slot->tries, why);
}

static bool read_ended(Run *run, bool *any, Error *error) {
    int left;
    *any = false;
    for (CURLMsg *message; (message = curl_multi_info_read(run->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode code = message->data.result; // the message is gone once its handle is removed
        CURL *easy = message->easy_handle;
        Slot *slot;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&slot);
        curl_multi_remove_handle(run->multi, easy);
        slot->state = SLOT_FREE;
        *any = true;
        if (!end_try(run, slot, code, error)) return false;
    }
    return true;
}

static bool take_in_order(Run *run, Error *error) {
    while (run->n_taken < run->batch->n) {
        Finished *next = &run->finished[run->n_taken % run->window];
        if (!next->is_done) return true;
        next->is_done = false;
        bool ok = run->batch->take(run->batch->context, run->n_taken++, &next->reply, error);
        openai_answer_free(&next->reply.answer);
        if (!ok) return false;
    }
    return true;
}

static bool go(Run *run, Error *error) {
    while (run->n_taken < run->batch->n) {
        int running;
        bool any;
        double next_s = begin_ready(run, time_now_s());
        CURLMcode code = curl_multi_perform(run->multi, &running);
        bool taken = read_ended(run, &any, error);
        // what ended before a failure is handed over all the same
        Error own;
        if (!take_in_order(run, taken ? error : &own) || !taken) return false;
        if (any) continue; // there are free places now
        double wait_s = fmin(1, fmax(0, next_s - time_now_s()));
        if (code == CURLM_OK) code = curl_multi_poll(run->multi, NULL, 0, (int)ceil(wait_s * 1000), NULL);
        if (code != CURLM_OK)
            return error_set(error, "server %s: %s", run->remote->endpoint, curl_multi_strerror(code));
    }
    return true;
}

// A TLS library may write to a connection that the server has closed: the signal of that is held back from this thread,
// and one that came is taken off before the mask is put back.
static void hold_sigpipe(sigset_t *before) {
    sigset_t pipe;
    sigemptyset(&pipe), sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, before);
}

static void release_sigpipe(const sigset_t *before) {
    sigset_t pipe;
    sigemptyset(&pipe), sigaddset(&pipe, SIGPIPE);
    const struct timespec at_once = {0};
    if (!sigismember(before, SIGPIPE)) {
        while (sigtimedwait(&pipe, NULL, &at_once) == SIGPIPE) {
        }
    }
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

bool remote_run(Remote *remote, const RemoteBatch *batch, Error *error) {
    if (batch->n == 0) return true;
    Run run = {.remote = remote, .batch = batch};
    sigset_t before;
    hold_sigpipe(&before);
    set_up(&run);
    bool ok = go(&run, error);
    tear_down(&run);
    release_sigpipe(&before);
    return ok;
}
