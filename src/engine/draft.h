// Drafts for speculative decoding without a second model: what came after the same last tokens before.
//
// A DraftTable remembers, for contexts of one to a few tokens, the token that mostly followed. Its text is a prompt (which
// may hold the solution) and what its samples have said so far, or what all prompts' samples have said. DraftOdds
// counts how often guesses of each kind came true, so that a guess has a probability.
//
// A draft is only ever a proposal: which one is made never changes what is sampled, only how many passes that takes.
// Tables are of a bounded size and forget: a lost entry is a lost guess. Not thread-safe. The same calls give the same
// drafts.
#ifndef RLT_ENGINE_DRAFT_H
#define RLT_ENGINE_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

#define DRAFT_CONTEXT 8 // tokens of the longest context
#define DRAFT_ORDERS 5  // lengths of contexts: 1, 2, 3, 5, 8
#define DRAFT_TABLES 2  // that a guess may come from: the prompt's own, and all prompts'
#define DRAFT_SCORES 4  // classes of how often the token followed
#define DRAFT_MAX 16    // tokens of a draft

// The last tokens of a sequence; {0} is the beginning.
typedef struct DraftContext {
    int32_t last[DRAFT_CONTEXT]; // the newest first
    int32_t n;                   // min(DRAFT_CONTEXT, tokens so far)
} DraftContext;
void draft_context_push(DraftContext *context, int32_t id);

typedef struct DraftTable DraftTable;
DraftTable *draft_table_create(Arena *arena, int64_t tokens); // room for a text of about so many tokens, within a limit
size_t draft_table_bytes(int64_t tokens);                     // of the arena
void draft_table_clear(DraftTable *table);                    // remembers nothing any more
// `id` has followed `context`.
void draft_table_add(DraftTable *table, const DraftContext *context, int32_t id);

typedef struct DraftOdds {
    float hits[DRAFT_TABLES][DRAFT_ORDERS][DRAFT_SCORES], tries[DRAFT_TABLES][DRAFT_ORDERS][DRAFT_SCORES];
} DraftOdds;
void draft_odds_init(DraftOdds *odds);

// The most probable guess at what follows, by what the tables say (either may be NULL). False: none.
bool draft_guess(DraftTable *const tables[DRAFT_TABLES], const DraftOdds *odds, const DraftContext *context, int32_t *id,
                 float *probability);
// `id` has followed `context`: counts what the tables would have guessed, then adds it to them and to the context.
void draft_observe(DraftTable *const tables[DRAFT_TABLES], DraftOdds *odds, DraftContext *context, int32_t id);

typedef struct Draft {
    int32_t ids[DRAFT_MAX];
    float reach[DRAFT_MAX]; // probability that the draft holds up to and with this token: never increases
    int32_t n;
} Draft;
// At most `max` tokens, ending where `reach` falls below `least`.
void draft_make(DraftTable *const tables[DRAFT_TABLES], const DraftOdds *odds, DraftContext context, int32_t max, float least,
                Draft *draft);

typedef struct DraftToken { // scratch
    float reach;
    int32_t draft, place;
} DraftToken;
// Cuts the drafts of a pass (one for each of n_drafts samples) to what it is expected to pay for. A pass over r tokens costs
// as much as the arithmetic of `free_rows` + r tokens (it reads all weights once), so a token pays while its `reach` is above
// (expected tokens) / (free_rows + rows), the best ones first. `tokens`: scratch of n_drafts * DRAFT_MAX.
void draft_cut(Draft *drafts, int32_t n_drafts, float free_rows, DraftToken *tokens);

#endif
