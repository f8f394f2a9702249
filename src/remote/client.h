// Many requests to an OpenAI-compatible server at once: POST <url>/chat/completions, through libcurl.
//
// What fails in passing is tried again after a growing pause: no connection, a time limit, a connection cut off, a body
// that is no whole answer, status 408, 409, 425, 429 and 5xx. Retry-After is honoured, with 429 and 503 for all
// requests. Redirects are not followed: they would take the key elsewhere.
//
// The key is read from the environment once, kept in memory, sent as "Authorization: Bearer", and stands in no message.
#ifndef RLT_REMOTE_CLIENT_H
#define RLT_REMOTE_CLIENT_H

#include "remote/openai.h"

typedef struct RemoteSettings {
    const char *url;     // "http://localhost:8000/v1", with or without a last /
    const char *model;   // as the server names it
    const char *key_env; // the environment variable that holds the key; unset or empty there: none is sent
    OpenaiSampling sampling;
    int32_t max_in_flight;       // requests at once
    double requests_per_s;       // at most so many begun; 0: no limit
    int32_t max_tries;           // of each request
    double connect_s, request_s; // limits of time: of a connection; of a whole request, its generation included
    // Before the second try, doubled with each further one up to the maximum, to which a longer Retry-After is cut too.
    double pause_first_s, pause_max_s;
    size_t response_max_bytes;
} RemoteSettings;
// No url and model; key_env OPENAI_API_KEY; sampling of the server; 32 at once, no rate, 8 tries, 10 s and 600 s, 1 s
// to 60 s, 16 MiB.
RemoteSettings remote_settings_default(void);

typedef struct Remote Remote;
MUST_CHECK bool remote_open(const RemoteSettings *settings, Remote **remote, Error *error); // strings are copied
void remote_close(Remote *remote);                                                          // NULL is fine

typedef struct RemoteReply {
    bool ok;
    OpenaiAnswer answer;              // owned by the client, until the callback returns
    // Where not ok: why this one request cannot be answered (status 400, 413, 422, too long a response).
    char refusal[OPENAI_MESSAGE_MAX];
    int32_t tries;
} RemoteReply;

typedef struct RemoteBatch {
    size_t n;
    // Appends the messages of request `index`, JSON text of an array, and sets its seed (-1: none). Called first for each
    // index in order.
    void (*make)(void *context, size_t index, Buf *messages, int64_t *seed);
    // Receives the replies in order, each index exactly once. false, with the error set, ends the run.
    bool (*take)(void *context, size_t index, const RemoteReply *reply, Error *error);
    void *context;
    // Whether an answer is to be asked for again: `make` is then called once more for this index. Called as answers come, in
    // no order. NULL: never.
    bool (*again)(void *context, size_t index, const RemoteReply *reply);
} RemoteBatch;

// Fails where the server cannot be used: a wrong key, url or model (401, 403, 404), or a request that failed max_tries
// times; the message says which and what the server said. What was taken before stays taken, in order and without gaps.
MUST_CHECK bool remote_run(Remote *remote, const RemoteBatch *batch, Error *error);

#endif
