// Ends a sample when its text comes to contain a given string: what engine/generate.h's `stop` asks for.
#ifndef RLT_TEXT_STOP_TEXT_H
#define RLT_TEXT_STOP_TEXT_H

#include "text/tokenizer.h"

#define STOP_TEXT_MAX 16

typedef struct StopText {
    const Tokenizer *tokenizer; // borrowed
    Str texts[STOP_TEXT_MAX];   // borrowed
    int n;
    Buf tail;                   // scratch
} StopText;

// One text, or none ("").
StopText stop_text(const Tokenizer *tokenizer, const char *text);
void stop_text_free(StopText *stop);
// `context` is a StopText. Looks at the last tokens only: called after each one, that is enough.
bool stop_text_reached(void *context, const int32_t *ids, int32_t n);

#endif
