// One step of reinforcement learning: rollout, reward, reference, update. The teacher's (RLT) and the correctness baseline
// differ in the prompt, in what ends a completion and in the reward: a row of a table each.
#ifndef RLT_METHODS_RL_H
#define RLT_METHODS_RL_H

#include "engine/generate.h"
#include "methods/grpo.h"
#include "methods/reward_sum.h"
#include "methods/score_rlt.h"

typedef struct RlQuestion {
    Str question, solution;
    const char *system; // the student's system prompt, NULL: the format's
    const Row *row;
    const Ids *prompt;     // what RlReward.prompt gives
    const RltTexts *texts; // reward "teacher": what the student reads
    uint32_t index;     // in the data: the address of its draws
    const void *graded; // reward "correctness": what the grader knows the question by
} RlQuestion;

// Grades a completion of the student format: whether it has a solution in tags and whether that is right.
typedef void (*GradeFunction)(void *context, const void *graded, Str completion, bool *tagged, bool *right);

typedef struct Rl Rl;
typedef struct RlRollout RlRollout;

typedef struct RlReward {
    const char *name; // "teacher", "correctness"
    void (*prompt)(const Rl *rl, const RlQuestion *question, Ids *ids);
    const char *(*stop_text)(const Rl *rl); // a completion ends when its text comes to contain this
    bool (*reward)(Rl *rl, RlRollout *rollout, Error *error);
} RlReward;
const RlReward *rl_reward_by_name(const char *name); // NULL when unknown

// Completions of a step that were sampled before, and keeping those that are: an interrupted step is not sampled twice.
typedef struct RolloutKeeper {
    bool (*load)(void *context, int64_t step, Completion *completions, int32_t n, GenerateCounts *counts, bool *found, Error *error);
    bool (*save)(void *context, int64_t step, const Completion *completions, int32_t n, const GenerateCounts *counts, Error *error);
    void *context;
} RolloutKeeper;

struct Rl { // set up by the caller; everything is borrowed
    Arena *memory;               // a step's: cleared by the next. rl_step_bytes says what it takes
    Trainer *trainer;            // the policy
    Pass *decode_pass;           // forward only; one that records where there is a tape
    Tape *tape;                  // of the rollout, for the update; NULL: none
    Model *reference;            // NULL when beta is 0
    Pass *reference_pass;
    Dev sync_scratch;            // model_blend's, of the reference
    bool reference_is_start;     // whether it holds the policy's weights as they are before step 0
    const Dialogue *dialogue;    // the policy's
    RltScorer *scorer;           // reward "teacher"
    GradeFunction grade;         // reward "correctness"
    void *grade_context;
    const RlReward *reward;
    RewardSum sum;               // what is added to that reward
    int32_t n_kept_tokens;       // reward "teacher": so many samples of each question keep their tokens' values
    GenerateSettings generate;   // step, stop are set by rl_step
    const RolloutKeeper *keeper; // NULL: none
    int32_t group_size;
    GrpoSettings grpo;
    int32_t updates;             // optimiser steps a batch, 1 for the paper
    int32_t sync_every;          // reference: every so many steps, ref = (1 - share) ref + share policy; 0: never
    float sync_policy_share;     // 0.9
};

typedef struct RlSample {
    Completion completion;
    double reward, advantage;
    double added[N_ADDED_REWARDS]; // before their weights
    RltSample rlt;      // reward "teacher"
    bool closed, right; // closing tag (teacher) or solution tags (correctness); right: correctness only
} RlSample;

// A step's rollouts: samples[q * group_size + s]. All of it lies in the step's memory.
struct RlRollout {
    const RlQuestion *questions;
    int32_t n_questions, group_size;
    const GeneratePrompt *prompts; // [n_questions]
    RlSample *samples;
    int32_t **prompt_places, **sample_places; // on the tape: GenerateTape; NULL: none
};

typedef struct RlMetrics {
    double reward, reward_std; // over all samples; the mean over groups of the std within
    double added[N_ADDED_REWARDS];        // means
    double r_ss, r_kl, match, kl_student; // means; kl_student: mean k1 per token to the student
    double closed, right, truncated;      // fractions
    double length;                        // mean tokens
    GrpoStep grpo;                        // of the last update
    GenerateCounts generate;
    ScoreCounts reward_counts, reference_counts;
    bool reference_equal; // its weights are the policy's: the rollout's log-probs are its own, and it was not run
    double rollout_s, reward_s, reference_s, update_s; // seconds
} RlMetrics;

// One step over questions[n]; `step` counts from 0 and is part of the draws' addresses. The rollout is
// there, for the caller's records, until the next step.
MUST_CHECK bool rl_step(Rl *rl, int64_t step, float rate, const RlQuestion *questions, int32_t n, RlRollout *rollout,
                        RlMetrics *metrics, Error *error);

// What a step takes of Rl.memory, at most; `added` rewards and what a keeper has loaded besides.
typedef struct RlSize {
    GenerateSize generate; // record: with a tape
    int32_t student_text; // as of RltSize; 0: reward "correctness"
    size_t token_bytes, stop_bytes; // of the longest token, of the text that ends a completion
} RlSize;
size_t rl_step_bytes(const RlSize *size);

#endif
