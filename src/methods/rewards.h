// The RLT reward, r = r_SS - r_KL + r_match (arXiv 2506.08388, section 3), from token log-probs alone; and the correctness reward.
#ifndef RLT_METHODS_REWARDS_H
#define RLT_METHODS_REWARDS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

#define REWARD_MAX_TERMS 8

typedef enum Reduction {
    REDUCE_MEAN, REDUCE_SUM, REDUCE_MIN, REDUCE_MAX, REDUCE_MEDIAN, REDUCE_FIRST_QUARTILE, REDUCE_LAST_QUARTILE
} Reduction;
typedef enum Normaliser { NORMALISE_NONE, NORMALISE_EXP, NORMALISE_EXP_NORM } Normaliser; // x, e^x, 1 - e^-x
// Of k = log pi_T - log pi_S of the sampled token: k, or k - 1 + e^-k. Exact: the sum over the whole vocabulary.
typedef enum KlEstimator { KL_K1, KL_K3, KL_EXACT } KlEstimator;

// sum_j coefficient_j * reduce_j(clip(normalise(x))) over the tokens' values.
typedef struct RewardTerm {
    Reduction reduce;
    double coefficient;
} RewardTerm;

typedef struct RewardSettings {
    RewardTerm ss[REWARD_MAX_TERMS], kl[REWARD_MAX_TERMS];
    int n_ss, n_kl;
    Normaliser normalise_logp, normalise_kl;
    double clip_logp;        // normalised log-probs below -clip_logp become -clip_logp; infinity: off
    double clip_kl;          // a normalised kl above it becomes it; infinity: off
    KlEstimator kl_estimator;
    bool without_entropy;    // k = -log pi_S: the teacher's own log-prob is left out; not with KL_EXACT
    double missing_tag;      // r_match where the closing tag is missing: -1
    double empty_logp, empty_kl; // what a reduction of no tokens gives: the penalty, never NaN
} RewardSettings;

// The paper's: r_SS = 1 mean + 0.01 min, r_KL = 3 mean + 0.03 max, k1, no normaliser, clips of 1e5, empty: -10 and 10.
RewardSettings reward_settings_paper(void);

typedef struct RewardParts {
    double r_ss, r_kl, match, reward;
    double ss_terms[REWARD_MAX_TERMS], kl_terms[REWARD_MAX_TERMS]; // reductions before their coefficients
    double kl_mean; // of the raw k1 values, for metrics; 0 of none
} RewardParts;

typedef struct RewardTokens { // borrowed
    const float *teacher_logp, *student_logp; // [n_o] of the explanation's tokens
    const float *exact_kl;                    // [n_o]; read with KL_EXACT only
    int32_t n_o;
    const float *solution_logp;               // [n_s] the student's of the solution's tokens
    int32_t n_s;
    bool closed;                              // the closing tag is there
} RewardTokens;

// ss_values[n_s], kl_values[n_o] (NULL: not wanted): the tokens' values that the reductions saw.
// scratch: [2 * max(n_o, n_s)].
RewardParts reward_rlt(const RewardSettings *settings, const RewardTokens *tokens, float *ss_values, float *kl_values, double *scratch);

// One reduction over n >= 1 values (scratch [n] is overwritten). Quartiles interpolate linearly between order statistics
// (PyTorch's default quantile); the median of an even number of values is the lower of the middle two (PyTorch's median).
double reward_reduce(Reduction reduce, const double *values, int32_t n, double *scratch);

// Names, for recipes: "mean", "first_quartile", ...; false when unknown.
bool reduction_by_name(const char *name, Reduction *out);
bool normaliser_by_name(const char *name, Normaliser *out);
bool kl_estimator_by_name(const char *name, KlEstimator *out);
// "1.0*mean + 0.01*min" -> terms.
MUST_CHECK bool reward_terms_parse(const char *text, const char *where, RewardTerm *terms, int *n_terms, Error *error);

// The RL baseline's: +1 right, -0.5 tagged but wrong, -1 untagged.
double reward_correctness(bool tagged, bool right);

// GRPO's advantages of one group: (r - mean) / (std + 1e-4), std with n - 1; all 0 for n == 1.
void group_advantages(const double *rewards, int32_t n, double *advantages);

#endif
