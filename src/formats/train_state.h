// The state of a training run in one safetensors file: param arenas by name, numbers and texts as metadata.
#ifndef RLT_FORMATS_TRAIN_STATE_H
#define RLT_FORMATS_TRAIN_STATE_H

#include "model/model.h"

typedef struct StateArena {
    const char *prefix; // tensors are named prefix + parameter name, e.g. "adam.m." + "model.norm.weight"
    Dev arena;          // F32 param arena beside the model, or the model's own
} StateArena;

typedef struct StateNumber {
    const char *name;
    int64_t value;      // written as text; filled by train_state_load
} StateNumber;

// Written beside and renamed.
MUST_CHECK bool train_state_save(const char *path, const Model *model, const StateArena *arenas, int n_arenas,
                                 const StateNumber *numbers, int n_numbers, Error *error);
// To the same bits. Every tensor and number asked for must be there, with the model's shapes.
MUST_CHECK bool train_state_load(const char *path, const Model *model, const StateArena *arenas, int n_arenas,
                                 StateNumber *numbers, int n_numbers, Error *error);

#endif
