// A step's completions in a file, so that a run that is interrupted after sampling does not sample that step again. They are
// what would be sampled again, to the bit: the file saves time and changes nothing.
//
// A safetensors file: `lengths` and `stopped` [n], `ids` and `logp` [sum of lengths]; metadata: step, build, the counts.
#ifndef RLT_COMMANDS_ROLLOUT_FILE_H
#define RLT_COMMANDS_ROLLOUT_FILE_H

#include "base/hash.h"
#include "engine/generate.h"

typedef struct RolloutKey { // what a file must agree with
    int64_t step;
    Sha256Hex build;    // of the program: another build may compute other bits, and samples anew
    int32_t n;          // completions
    int32_t vocabulary; // ids are below it
} RolloutKey;

// Written beside and renamed.
MUST_CHECK bool rollout_save(const char *path, const RolloutKey *key, const Completion *completions, const GenerateCounts *counts,
                             Error *error);
// *found false: there is none, or one of another build. completions [key->n] are freed with completion_free where found.
MUST_CHECK bool rollout_load(const char *path, const RolloutKey *key, Completion *completions, GenerateCounts *counts, bool *found,
                             Error *error);

#endif
