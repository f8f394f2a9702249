// The prompt that asks a model to write an explanation anew: a file of text in which {question}, {solution} and
// {explanation} stand for those of a row.
#ifndef RLT_COMMANDS_REWRITE_PROMPT_H
#define RLT_COMMANDS_REWRITE_PROMPT_H

#include "data/rows.h"

#define REWRITE_PROMPT_MAX_BYTES ((size_t)1 << 20)

// At least {explanation} has to be there. The text is freed with buf_free.
MUST_CHECK bool rewrite_prompt_read(const char *path, Buf *prompt, Error *error);
// Appends the prompt for a row with reasoning_trace. What is put in is not looked through again.
void rewrite_prompt_fill(Str prompt, const Row *row, Buf *out);

#endif
