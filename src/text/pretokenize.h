// Cutting text into pieces before merging: regular expressions applied one after the other, each match a piece and each
// gap between matches a piece (Hugging Face's "Isolated").
#ifndef RLT_TEXT_PRETOKENIZE_H
#define RLT_TEXT_PRETOKENIZE_H

#include "base/buf.h"
#include "base/error.h"
#include "text/pattern.h"

#define PRETOKENIZE_MAX_STEPS 4

typedef struct Pretokenizer Pretokenizer;
// Patterns as in pattern.h. One that matches nothing ("") is refused: what lies between would be cut differently.
MUST_CHECK bool pretokenizer_create(const char *const *patterns, int n, const char *source, Pretokenizer **out,
                                    Error *error);
void pretokenizer_destroy(Pretokenizer *p);
int pretokenizer_steps(const Pretokenizer *p);
const char *pretokenizer_pattern(const Pretokenizer *p, int step);
// Calls piece() for every piece of `text` (valid UTF-8), in order.
void pretokenize(const Pretokenizer *p, Str text, void (*piece)(void *context, Str piece), void *context);

#endif
