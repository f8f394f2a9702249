// A replay: steps of a run that is there, computed again and compared with its records. The run's folder is only read,
// but for a folder replay.partial in it while a state is compared, which is removed again.
#ifndef RLT_COMMANDS_REPLAY_H
#define RLT_COMMANDS_REPLAY_H

#include "commands/checkpoint.h"

typedef struct Replay Replay;

// `step`: the last one to replay, counted from 0 as in metrics.jsonl.
MUST_CHECK bool replay_open(const char *folder, int64_t step, Replay **replay, Error *error);
void replay_close(Replay *replay); // NULL is fine
int64_t replay_step(const Replay *replay);
// The replay begins with `step` (0: from the run's inputs), where the run's files had these sizes. checkpoint: its path,
// NULL for none.
MUST_CHECK bool replay_begin(Replay *replay, int64_t step, const char *checkpoint, CheckpointSizes sizes, Error *error);
// What a step gives, against what its records say.
MUST_CHECK bool replay_metrics(Replay *replay, int64_t step, const Metric *metrics, size_t n, Error *error);
MUST_CHECK bool replay_sample(Replay *replay, Str lines, Error *error);
// The state after a step, against the checkpoint `path` of the same step, where it is there.
MUST_CHECK bool replay_checkpoint(Replay *replay, const char *path, const CheckpointParts *parts, Error *error);
// After the last step: the finished model too, where the run ended with that step. Prints what was the same.
MUST_CHECK bool replay_finish(Replay *replay, const char *model_path, const CheckpointParts *parts, Dtype dtype, Error *error);

#endif
