// One checkpoint: a folder that Transformers loads (the model and its text files) with state.safetensors beside: the
// optimiser's moments, the reference model, the step, and how long the run's files were.
#ifndef RLT_COMMANDS_CHECKPOINT_H
#define RLT_COMMANDS_CHECKPOINT_H

#include "commands/run_folder.h"

typedef struct CheckpointSizes { // bytes of the run's files at that step
    MetricsSizes metrics;
    uint64_t samples;
} CheckpointSizes;

// Written to "<path>.partial" and renamed: a folder with its own name is whole.
MUST_CHECK bool checkpoint_save(const char *path, const CheckpointParts *parts, const CheckpointSizes *sizes, Error *error);
// Model, moments and reference to the same bits.
MUST_CHECK bool checkpoint_load(const char *path, const CheckpointParts *parts, int64_t *step, CheckpointSizes *sizes,
                                Error *error);
// What checkpoint_load says of the sizes, and nothing else.
MUST_CHECK bool checkpoint_sizes(const char *path, const CheckpointParts *parts, CheckpointSizes *sizes, Error *error);
// The finished model alone, written beside and renamed.
MUST_CHECK bool checkpoint_save_model(const char *path, const CheckpointParts *parts, Dtype dtype, Error *error);

#endif
