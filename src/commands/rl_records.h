// What a step of `rlt rl` leaves in its run's folder: a row of metrics.jsonl and of timing.jsonl, and some completions in
// samples.jsonl (docs/formats.md).
#ifndef RLT_COMMANDS_RL_RECORDS_H
#define RLT_COMMANDS_RL_RECORDS_H

#include "commands/run_folder.h"
#include "commands/training.h"
#include "methods/rl.h"

// All borrowed.
typedef struct RlRecords {
    RunFolder *folder;
    const Tokenizer *tokenizer;       // the policy's
    const Dialogue *student_dialogue; // NULL: the reward is not the teacher's
    const RewardSum *sum;
    int64_t n_samples; // completions a step
} RlRecords;

MUST_CHECK bool rl_record_metrics(const RlRecords *records, int64_t step, double rate, const RlMetrics *metrics,
                                  const StepCounts *work, Error *error);
// The first samples of the step's first questions, one each.
MUST_CHECK bool rl_record_samples(const RlRecords *records, int64_t step, const RlRollout *rollout, Error *error);

#endif
