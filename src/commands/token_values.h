// The values that a reward reduces, token by token, in rows of samples.jsonl and of `rlt score` (docs/formats.md).
#ifndef RLT_COMMANDS_TOKEN_VALUES_H
#define RLT_COMMANDS_TOKEN_VALUES_H

#include "base/json.h"
#include "methods/score_rlt.h"

// Keys of a row, which is an open object: explanation_tokens (each as text) with kl_values, solution_tokens with ss_values.
// teacher: the tokenizer of the explanation's ids. sample: scored with want_tokens.
void token_values_write(const Tokenizer *teacher, const Dialogue *student, Str solution, const RltSample *sample, JsonWriter *w);

#endif
