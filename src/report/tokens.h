// Texts whose tokens are coloured by their values in the reward: explanations in r_KL, solutions in r_SS.
#ifndef RLT_REPORT_TOKENS_H
#define RLT_REPORT_TOKENS_H

#include "base/json.h"

#define TOKENS_MAX_ROWS 8      // drawn: the last ones that hold values
#define TOKENS_MAX_TOKENS 1000 // of a text; the rest is left out, and said so

// The page's style for what tokens_write appends.
extern const char TOKENS_STYLE[];

// rows[n]: objects, borrowed, of which some have explanation_tokens and kl_values, solution_tokens and ss_values: arrays of as
// many texts as numbers. Others are passed over; nothing is appended where none has any. Each value is told by colour, by a
// line under the token, as text on hover, and in a table that unfolds.
void tokens_write(Buf *out, json_t *const *rows, size_t n);

#endif
