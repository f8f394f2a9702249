// Options of the RLT reward, shared by `rlt rl`, `rlt score` and `rlt collect`.
#ifndef RLT_COMMANDS_RL_OPTIONS_H
#define RLT_COMMANDS_RL_OPTIONS_H

#include "commands/options.h"
#include "methods/reward_sum.h"
#include "methods/rewards.h"

#define REWARD_OPTIONS                                                                                                            \
    {"reward.ss", OPTION_TEXT, "1.0*mean + 0.01*min", 0, 0, NULL, "r_SS: reductions of the solution's log-probs."},               \
    {"reward.kl", OPTION_TEXT, "3.0*mean + 0.03*max", 0, 0, NULL, "r_KL: reductions of the explanation's kl."},                   \
    {"reward.kl_estimator", OPTION_CHOICE, "k1", 0, 0, "k1|k3|exact", "k = log pi_T - log pi_S, k - 1 + e^-k, or the sum over the whole vocabulary."}, \
    {"reward.teacher_entropy", OPTION_BOOL, "true", 0, 0, NULL, "false: k = -log pi_S, without the teacher's own log-prob."}, \
    {"reward.normalise_logp", OPTION_CHOICE, "none", 0, 0, "none|exp|exp_norm", "Of each log-prob, before its clip and reduction."},        \
    {"reward.normalise_kl", OPTION_CHOICE, "none", 0, 0, "none|exp|exp_norm", "Of each kl, before its clip and reduction."},                \
    {"reward.clip_logp", OPTION_REAL, "1e5", 0, 1e30, NULL, "Values of log-probs below minus this are raised to it."},                      \
    {"reward.clip_kl", OPTION_REAL, "1e5", 0, 1e30, NULL, "A kl above this is lowered to it."},                                   \
    {"reward.missing_tag", OPTION_REAL, "-1", -1e6, 1e6, NULL, "r_match where the closing tag is missing."},                      \
    {"reward.empty_logp", OPTION_REAL, "-10", -1e6, 1e6, NULL, "What a reduction of no log-probs gives."},                        \
    {"reward.empty_kl", OPTION_REAL, "10", -1e6, 1e6, NULL, "What a reduction of no kl gives."}

// Rewards that are added to the method's own.
#define REWARD_SUM_OPTIONS                                                                                                        \
    {"reward.weight", OPTION_REAL, "1", -1e6, 1e6, NULL, "Of the method's own reward in the sum."},                               \
    {"reward.length_weight", OPTION_REAL, "0", -1e6, 1e6, NULL, "Of the length reward: 0 up to length_from tokens, then down to -1 at length_to."}, \
    {"reward.length_from", OPTION_INT, "0", 0, 1e9, NULL, "Tokens of a completion that cost nothing."},                          \
    {"reward.length_to", OPTION_INT, "0", 0, 1e9, NULL, "Tokens of a completion that cost -1; 0: max_tokens."},                   \
    {"reward.format_weight", OPTION_REAL, "0", -1e6, 1e6, NULL, "Of the format reward: 1 for tags as asked for and something in them, else 0."}, \
    {"reward.program_weight", OPTION_REAL, "1", -1e6, 1e6, NULL, "Of the reward that reward.program gives."},                    \
    {"reward.program", OPTION_PROGRAM, "", 0, 0, NULL, "A program that gives a reward: its path, or a JSON array of it and its arguments."}, \
    {"reward.program_seconds", OPTION_REAL, "60", 0.01, 1e6, NULL, "The longest wait for one of the program's answers."}

MUST_CHECK bool reward_settings_from_options(const Options *options, RewardSettings *settings, Error *error);
// Starts the program where there is one; freed with reward_sum_close. max_tokens: what reward.length_to 0 stands for;
// 0: nothing.
MUST_CHECK bool reward_sum_open(const Options *options, int64_t max_tokens, const DialogueFormat *format, bool is_teacher,
                                RewardSum *sum, Error *error);
void reward_sum_close(RewardSum *sum); // a zeroed one is fine
// Appends each added reward that has a weight as key "length_reward" and the like.
void reward_sum_write(const RewardSum *sum, const double *added, JsonWriter *w);

#endif
