// Cutting text into pieces before merging: regular expressions applied one after the other, each match a piece and each gap
// between matches a piece (Hugging Face's "Isolated").
#ifndef RLT_TEXT_PRETOKENIZE_H
#define RLT_TEXT_PRETOKENIZE_H

#include "base/buf.h"
#include "base/error.h"

#define PRETOKENIZE_MAX_STEPS 4
#define PRETOKENIZE_PATTERN_MAX_BYTES 2048

typedef struct Pretokenizer Pretokenizer;
// Patterns in PCRE2's syntax, which those of tokenizer.json files share with Oniguruma.
MUST_CHECK bool pretokenizer_create(const char *const *patterns, int n, const char *source, Pretokenizer **out, Error *error);
void pretokenizer_destroy(Pretokenizer *p);
int pretokenizer_steps(const Pretokenizer *p);
const char *pretokenizer_pattern(const Pretokenizer *p, int step);
// Calls piece() for every piece of `text` (valid UTF-8), in order.
void pretokenize(const Pretokenizer *p, Str text, void (*piece)(void *context, Str piece), void *context);

// Patterns of the known split rules: "one digit", GPT-2's, Qwen2's, Llama-3's.
extern const char PATTERN_DIGIT[], PATTERN_GPT2[], PATTERN_QWEN2[], PATTERN_LLAMA3[];

#endif
