// The JSON of OpenAI's chat completions, as servers of that kind (vLLM, SGLang, llama.cpp, OpenAI) take and give it.
#ifndef RLT_REMOTE_OPENAI_H
#define RLT_REMOTE_OPENAI_H

#include "base/buf.h"
#include "base/json.h"

typedef struct OpenaiSampling {
    double temperature, top_p;  // below 0: not sent, the server's own
    int64_t max_tokens;         // 0: not sent
    const char *max_tokens_key; // NULL: "max_tokens"; OpenAI's newer models want "max_completion_tokens"
} OpenaiSampling;

// {"model", "messages", "n": 1, ...} appended to `out`. messages: JSON text of an array. seed below 0: not sent.
void openai_write_request(const char *model, Str messages, const OpenaiSampling *sampling, int64_t seed, Buf *out);

// Appends [{"role": "system", ...}, {"role": "user", ...}]; system with ptr NULL or empty: left out.
void openai_write_messages(Str system, Str user, Buf *out);

typedef struct OpenaiAnswer { // owned; zeroed by a failure
    Buf text;                 // of choices[0].message.content; null is empty
    Buf reasoning;            // reasoning_content or reasoning, which servers that take thoughts apart give; else empty
    char finish[32];          // finish_reason: "stop", "length", ...; "" where it is null or missing
    int64_t prompt_tokens, completion_tokens; // of usage; -1: not said
} OpenaiAnswer;

// The body of a response with status 200. Anything else than one complete answer is an error that says what was expected.
MUST_CHECK bool openai_read_answer(Str body, OpenaiAnswer *answer, Error *error);
void openai_answer_free(OpenaiAnswer *answer); // fine on a zeroed one

#define OPENAI_MESSAGE_MAX 300

// What the body of another status says, on one line without control characters: error.message, message, detail, or its
// beginning.
void openai_read_error(Str body, char message[OPENAI_MESSAGE_MAX]);

#endif
