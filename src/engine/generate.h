// Generation with continuous batching: any number of prompts and samples over one K/V cache.
//
// A prompt's tokens but the last are one segment of the cache, shared by its samples; a sample's segment begins with the
// prompt's last token. Every draw has an address (seed, step, question, sample, position), and rows do not see each other, so the
// result does not depend on slots, threads or order.
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
    // Called as each prompt's last sample ends, in that order of ending; may be NULL.
    void (*done)(void *context, int32_t prompt);
    void *done_context;
    Progress *progress;      // counts new tokens' samples done; may be NULL
} GenerateSettings;

typedef struct GenerateCounts {
    int64_t tokens_sampled, tokens_computed, tokens_naive, passes;
} GenerateCounts;

// completions: [sum of n_samples], by prompt then sample, filled here; each one's arrays are freed with completion_free.
// A prompt that leaves no room for one new token within max_context is an error naming its index.
MUST_CHECK bool generate(Model *model, Pass *pass, const GeneratePrompt *prompts, int32_t n_prompts, const GenerateSettings *settings,
                         Completion *completions, GenerateCounts *counts, Error *error);
void completion_free(Completion *completion);

#endif
