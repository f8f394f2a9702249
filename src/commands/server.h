// Options of the commands that can take a server in place of a model of their own.
#ifndef RLT_COMMANDS_SERVER_H
#define RLT_COMMANDS_SERVER_H

#include "commands/options.h"
#include "remote/client.h"
#include "text/dialogue.h"

#define SERVER_OPTIONS                                                                                                            \
    {"server", OPTION_TEXT, "", 0, 0, NULL, "In place of model: the URL of an OpenAI-compatible server (http://localhost:8000/v1)."}, \
    {"server_model", OPTION_TEXT, "", 0, 0, NULL, "The model's name on the server."},                                             \
    {"key_env", OPTION_TEXT, "OPENAI_API_KEY", 0, 0, NULL, "Environment variable with the server's key; unset: none is sent."},   \
    {"in_flight", OPTION_INT, "32", 1, 10000, NULL, "Requests to the server at once."},                                           \
    {"requests_per_second", OPTION_REAL, "0", 0, 1e6, NULL, "At most so many requests begun; 0: no limit."},                      \
    {"request_tries", OPTION_INT, "8", 1, 1000, NULL, "Tries at one request, where it fails in passing."},                        \
    {"request_seconds", OPTION_REAL, "600", 0.01, 1e6, NULL, "Limit of time of one request, its generation included."}

// Whether a server is asked for; fails where both or neither of model and server are given, or its model has no name.
MUST_CHECK bool server_or_model(const Options *options, bool *server, Error *error);

// Of SERVER_OPTIONS; sampling is the caller's to set. Strings are borrowed from `options`.
RemoteSettings server_settings(const Options *options);

// A seed for one answer, of the run's seed: the same in every run. 31 bits, since servers differ in what they take.
int64_t server_seed(uint64_t seed, size_t row, int32_t sample, int32_t attempt);

// What the model would have written by itself: a thought that the server took apart stands again in its tags.
void server_completion(const OpenaiAnswer *answer, const DialogueFormat *format, Buf *text);

#endif
