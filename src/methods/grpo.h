// GRPO (Shao et al. 2024, as in DESIGN section 1): groups of completions, normalised advantages, a token-level policy gradient
// with a k3 penalty to a reference model.
//
//   loss = mean over sequences of the mean over their tokens of [ -ratio A + beta k3 ],
//   ratio = exp(log pi - log pi_old), k3 = e^d - d - 1, d = log pi_ref - log pi.
// With one update a batch ratio is 1; with more, -min(ratio A, clip(ratio, 1 - eps, 1 + eps) A).
#ifndef RLT_METHODS_GRPO_H
#define RLT_METHODS_GRPO_H

#include "engine/trainer.h"

typedef struct GrpoSequence {
    const int32_t *ids;    // [n] completion
    int32_t n;             // 0: the sequence counts in the mean, with no tokens
    double advantage;
    const float *old_logp; // [n] at the policy's temperature, from the rollout
    const float *ref_logp; // [n]; NULL: no reference (beta 0)
    const int32_t *places; // [n - 1] on the trainer's tape of all tokens but the last, or NULL
} GrpoSequence;

typedef struct GrpoGroup {
    const int32_t *prompt; // shared
    int32_t n_prompt;
    const int32_t *places; // [n_prompt], or NULL
    const GrpoSequence *sequences;
    int32_t n_sequences;
} GrpoGroup;

typedef struct GrpoSettings {
    float temperature;
    double beta, clip_epsilon;
    int32_t max_rows; // tokens a micro-batch, prompt included; a group is split over several when it is larger, its prompt
                      // being computed once all the same. Changes no bit
    bool want_entropy;
} GrpoSettings;

typedef struct GrpoStep {
    double loss, policy_loss, kl; // means over sequences of means over tokens; kl is k3 to the reference
    double entropy;               // mean over sequences of mean over tokens (when wanted)
    double clip_fraction;         // of tokens whose ratio was clipped
    double ratio_error;           // max |log pi - log pi_old|: 0 to the bit in the first update of a batch
    int64_t tokens_computed, tokens_naive;
    int64_t tokens_played; // of tokens_computed: whose forward came from a tape
    double grad_norm;
} GrpoStep;

// Adds the gradient of the whole batch's loss (all groups).
void grpo_accumulate(Trainer *trainer, const GrpoGroup *groups, int32_t n_groups, const GrpoSettings *settings, GrpoStep *out);

// The loss of one token and its derivative by log pi.
typedef struct GrpoToken {
    double policy, kl, dlogp;
    bool clipped;
} GrpoToken;
GrpoToken grpo_token(double logp, double old_logp, double ref_logp, bool has_ref, double advantage, const GrpoSettings *settings);

#endif
