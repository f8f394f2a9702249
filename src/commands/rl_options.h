// Options of the RLT reward, shared by `rlt rl`, `rlt score` and `rlt collect`.
#ifndef RLT_COMMANDS_RL_OPTIONS_H
#define RLT_COMMANDS_RL_OPTIONS_H

#include "commands/options.h"
#include "methods/rewards.h"

#define REWARD_OPTIONS                                                                                                            \
    {"reward.ss", OPTION_TEXT, "1.0*mean + 0.01*min", 0, 0, NULL, "r_SS: reductions of the solution's log-probs."},               \
    {"reward.kl", OPTION_TEXT, "3.0*mean + 0.03*max", 0, 0, NULL, "r_KL: reductions of the explanation's kl."},                   \
    {"reward.kl_estimator", OPTION_CHOICE, "k1", 0, 0, "k1|k3", "k = log pi_T - log pi_S, or k - 1 + e^-k."},                     \
    {"reward.normalise_logp", OPTION_CHOICE, "none", 0, 0, "none|exp|exp_norm", "Of each log-prob before its reduction."},        \
    {"reward.normalise_kl", OPTION_CHOICE, "none", 0, 0, "none|exp|exp_norm", "Of each kl before its reduction."},                \
    {"reward.clip_logp", OPTION_REAL, "1e5", 0, 1e30, NULL, "Log-probs below minus this are raised to it."},                      \
    {"reward.clip_kl", OPTION_REAL, "1e5", 0, 1e30, NULL, "A kl above this is lowered to it."},                                   \
    {"reward.missing_tag", OPTION_REAL, "-1", -1e6, 1e6, NULL, "r_match where the closing tag is missing."},                      \
    {"reward.empty_logp", OPTION_REAL, "-10", -1e6, 1e6, NULL, "What a reduction of no log-probs gives."},                        \
    {"reward.empty_kl", OPTION_REAL, "10", -1e6, 1e6, NULL, "What a reduction of no kl gives."}

MUST_CHECK bool reward_settings_from_options(const Options *options, RewardSettings *settings, Error *error);

#endif
