// Split patterns: from the dialect of tokenizer.json files (Oniguruma, Ruby syntax) to PCRE2's.
//
// The two read most patterns alike, and the rest differently without a word: ".", "^", "\w", "{1,3}+" or "[a&&b]" would
// give other ids than the model was trained with. So only constructs that mean the same in both pass; the others are
// refused by name. A group may be optional but not repeated, which also keeps matching polynomial whatever the pattern.
#ifndef RLT_TEXT_PATTERN_H
#define RLT_TEXT_PATTERN_H

#include "base/buf.h"
#include "base/error.h"

#define PATTERN_MAX_BYTES 2048

// Patterns of the known split rules: "one digit", GPT-2's, Qwen2's, Llama-3's.
extern const char PATTERN_DIGIT[], PATTERN_GPT2[], PATTERN_QWEN2[], PATTERN_LLAMA3[];

// Appends the PCRE2 form of `pattern` (for PCRE2_UTF | PCRE2_UCP). `source` names the file in messages.
MUST_CHECK bool pattern_translate(Str pattern, const char *source, Buf *out, Error *error);

#endif
