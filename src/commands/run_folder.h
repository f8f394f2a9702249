// The folder of one run: what was asked (recipe.yaml), what it ran on (manifest.json), what happened (metrics.jsonl,
// timing.jsonl, samples.jsonl), and checkpoints/.
//
// metrics.jsonl and samples.jsonl hold nothing that depends on time, threads or machine: a resumed run, or one with other
// threads, writes the same bytes. Seconds and rates are in timing.jsonl.
#ifndef RLT_COMMANDS_RUN_FOLDER_H
#define RLT_COMMANDS_RUN_FOLDER_H

#include "base/file.h"
#include "commands/options.h"
#include "compute/compute.h"
#include "engine/trainer.h"
#include "report/metrics.h"
#include "text/chat.h"
#include "text/tokenizer.h"

typedef struct RunFolder RunFolder;

// Makes the folder and writes recipe.yaml and manifest.json. When the folder holds an earlier run, its settings and inputs
// must be the same: with resume it goes on from its newest whole checkpoint; without, it is an error that says so unless
// the folder has no checkpoint and no model yet. With the key `replay` of 0 or more nothing is written: steps up to that
// one are computed again and compared with the records (replay.h).
MUST_CHECK bool run_folder_open(const char *path, const Options *options, const Backend *backend, RunFolder **folder, Error *error);
void run_folder_close(RunFolder *folder); // NULL is fine
const char *run_folder_path(const RunFolder *folder);

// A step's rows of metrics.jsonl and timing.jsonl (see report/metrics.h), and its TensorBoard scalars.
MUST_CHECK bool run_folder_metrics(RunFolder *folder, int64_t step, const Metric *metrics, size_t n, const Metric *timing,
                                   size_t n_timing, Error *error);
MUST_CHECK bool run_folder_sample(RunFolder *folder, Str json_line, Error *error); // newline included

// Where a step's completions are kept until a checkpoint holds what came of them (rollout_file.h); to be freed. NULL: they
// are not kept, in a replay.
char *run_folder_rollout(const RunFolder *folder, int64_t step);

// What a checkpoint holds beside the run's files.
typedef struct CheckpointParts {
    Trainer *trainer;
    Model *reference;            // NULL: none
    const Tokenizer *tokenizer;
    const ChatTemplate *chat;    // NULL: none
    int64_t step;                // steps done; also names the folder: checkpoints/step-00000040
} CheckpointParts;
// Writes beside and renames; then removes the oldest beyond `keep`.
MUST_CHECK bool run_folder_checkpoint(RunFolder *folder, const CheckpointParts *parts, int keep, Error *error);
// When the run resumes: loads model, moments, reference and step, and cuts the run's files to where they were. Otherwise
// *step = 0 and nothing changes.
MUST_CHECK bool run_folder_restore(RunFolder *folder, const CheckpointParts *parts, int64_t *step, Error *error);
// The end of the loop over steps: `steps`, or in a replay the step after the one that is asked for.
int64_t run_folder_end(const RunFolder *folder, int64_t steps);
// report.html, then the finished model: model/ in the folder, written beside and renamed; then the manifest's outputs.
MUST_CHECK bool run_folder_finish(RunFolder *folder, const CheckpointParts *parts, Dtype dtype, Error *error);
// Whether model/ is there (a finished run).
bool run_folder_finished(const RunFolder *folder);

#endif
