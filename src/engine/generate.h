// Generation with continuous batching: any number of prompts and samples over one K/V cache.
//
// What all prompts begin with (a system prompt) is one segment of the cache, the trunk; the rest of a prompt but its last token
// is one below it, shared by the prompt's samples; a sample's segment begins with the prompt's last token. Every draw has an
// address (seed, step, question, sample, position), and rows do not see each other, so the result does not depend on slots,
// threads or order.
//
// With `speculate` a pass may verify several tokens of a sample at once: the next ones are guessed (engine/draft.h) from the
// prompt and from what the other samples have said, and a guess is kept where it is what the draw at its position gives.
// So the result is the same to the bit; only the number of passes changes.
#ifndef RLT_ENGINE_GENERATE_H
#define RLT_ENGINE_GENERATE_H

#include "base/log.h"
#include "model/model.h"

typedef enum Finish { FINISH_STOP, FINISH_LENGTH } Finish;
const char *finish_name(Finish finish); // "stop", "length"

typedef struct Completion {
    int32_t *ids;  // [n], the stop token included when one was sampled
    float *logp;   // [n], at the sampling temperature, whole vocabulary
    int32_t n;
    Finish finish;
} Completion;

typedef struct GeneratePrompt {
    const int32_t *ids; // [n_ids], n_ids >= 1
    int32_t n_ids;
    uint32_t question;  // address of its draws
    uint32_t first_sample, n_samples; // samples first_sample .. first_sample + n_samples - 1
} GeneratePrompt;

// Where the activations of a call's tokens are on a tape, for a backward over them: -1 where they are not, because it is full.
typedef struct GenerateTape {
    Tape *tape;
    int32_t **prompts; // [n_prompts][n_ids]
    int32_t **samples; // [completions][max_tokens]: of new tokens, the last of which is never computed
} GenerateTape;

typedef struct GenerateSettings {
    SampleSettings sampling;
    uint64_t seed;
    uint32_t step;
    int32_t max_tokens;      // new tokens a sample, >= 1
    const int32_t *prompt_max_tokens; // [n_prompts], >= 1: of each prompt's samples, where lower; NULL: max_tokens for all
    int32_t max_context;     // prompt and new tokens together; 0: the model's max_positions
    const int32_t *stop_ids; // [n_stop_ids]
    int32_t n_stop_ids;
    // Asked after each token; true ends the sample there (stop strings live above the engine). NULL: never.
    bool (*stop)(void *context, const int32_t *ids, int32_t n);
    void *stop_context;
    int32_t max_slots;       // samples in flight, >= 1
    int32_t cache_rows;      // K/V rows, raised to what one sample needs; 0: what all slots need at most
    KvCache *cache;          // borrowed, used where it has rows enough; NULL or too small: one is made for this call
    bool speculate;          // whether tokens are guessed ahead
    const GenerateTape *tape; // NULL: none; else the pass is one that records
    Arena *memory;           // where everything lies that is needed, completions too; NULL: nothing outlives the call but these
    // Called as each prompt's last sample ends, in that order of ending; may be NULL.
    void (*done)(void *context, int32_t prompt);
    void *done_context;
    Progress *progress;      // counts new tokens' samples done; may be NULL
} GenerateSettings;

// tokens_computed: those that the results stand on. Guesses that did not come true were computed besides: they are
// tokens_drafted - tokens_accepted. These two and `passes` depend on slots, the others do not.
typedef struct GenerateCounts {
    int64_t tokens_sampled, tokens_computed, tokens_naive;
    int64_t tokens_drafted, tokens_accepted, passes;
} GenerateCounts;

// completions: [sum of n_samples], by prompt then sample, filled here; each one's arrays are freed with completion_free,
// unless they lie in settings->memory.
// A prompt that leaves no room for one new token within max_context is an error naming its index.
MUST_CHECK bool generate(Model *model, Pass *pass, const GeneratePrompt *prompts, int32_t n_prompts, const GenerateSettings *settings,
                         Completion *completions, GenerateCounts *counts, Error *error);
void completion_free(Completion *completion);

// What a call takes of settings->memory, at most.
typedef struct GenerateSize {
    int32_t prompts, samples; // samples of each prompt
    int32_t prompt, max_tokens, slots;
    bool speculate, record;
} GenerateSize;
size_t generate_bytes(const GenerateSize *size);
int64_t generate_tape_rows(const GenerateSize *size); // of a tape that all of it finds room on

#endif
