// The reward of a completion as a weighted sum: the method's own (RLT or correctness), and rewards of its length, of
// its form and of an external program. A reward is a function and a row of the table in reward_sum.c.
#ifndef RLT_METHODS_REWARD_SUM_H
#define RLT_METHODS_REWARD_SUM_H

#include "methods/reward_program.h"
#include "text/dialogue.h"

typedef enum AddedReward { ADDED_LENGTH, ADDED_FORMAT, ADDED_PROGRAM, N_ADDED_REWARDS } AddedReward;
const char *added_reward_name(AddedReward which); // "length"

typedef struct RewardSum {
    double own_weight;               // of the method's own reward; 1 alone is that reward, to the bit
    double weights[N_ADDED_REWARDS]; // 0: not computed
    int32_t length_from, length_to;  // tokens, from < to
    const DialogueFormat *format;
    bool is_teacher;        // completions are explanations, else whole answers of a student
    RewardProgram *program; // borrowed
} RewardSum;

bool reward_sum_is_plain(const RewardSum *sum); // nothing is added

// values[n * N_ADDED_REWARDS]: of each query each reward with a weight, 0 for the others.
MUST_CHECK bool reward_sum_added(const RewardSum *sum, const RewardQuery *queries, int32_t n, double *values,
                                 Error *error);
// own_weight * own + sum of weights * values[N_ADDED_REWARDS].
double reward_sum_total(const RewardSum *sum, double own, const double *values);

// A completion as ids, with its own reward; results after.
typedef struct SummedReward {
    const int32_t *ids;
    int32_t n_ids;
    const Row *row;
    bool truncated;
    double own;
    double added[N_ADDED_REWARDS], total;
} SummedReward;
MUST_CHECK bool reward_sum_completions(const RewardSum *sum, const Tokenizer *tokenizer, SummedReward *completions,
                                       int32_t n, Error *error);

#endif
