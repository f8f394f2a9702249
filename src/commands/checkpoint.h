// One checkpoint: a folder that Transformers loads (the model and its text files) with state.safetensors beside: the
// optimiser's moments, the reference model, the step, and how long the run's files were.
#ifndef RLT_COMMANDS_CHECKPOINT_H
#define RLT_COMMANDS_CHECKPOINT_H

#include "commands/run_folder.h"

#define CHECKPOINT_FILES 3

// Written to "<path>.partial" and renamed: a folder with its own name is whole.
MUST_CHECK bool checkpoint_save(const char *path, const CheckpointParts *parts, const uint64_t sizes[CHECKPOINT_FILES], Error *error);
// Model, moments and reference to the same bits.
MUST_CHECK bool checkpoint_load(const char *path, const CheckpointParts *parts, int64_t *step, uint64_t sizes[CHECKPOINT_FILES],
                                Error *error);

#endif
