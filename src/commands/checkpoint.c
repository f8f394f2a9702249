#include "commands/checkpoint.h"

#include <string.h>

#include "base/mem.h"
#include "commands/model_bundle.h"
#include "formats/train_state.h"

#define MAX_ARENAS 4
#define MAX_NUMBERS (2 + CHECKPOINT_FILES)

static const char *const size_names[CHECKPOINT_FILES] = {"bytes.metrics", "bytes.timing", "bytes.samples"};

// The F32 policy itself is among the arenas: the model folder beside may be written in another type.
static int list_arenas(const CheckpointParts *parts, StateArena arenas[MAX_ARENAS]) {
    Model *policy = trainer_model(parts->trainer);
    int n = 0;
    arenas[n++] = (StateArena){"policy.", model_arena(policy)};
    arenas[n++] = (StateArena){"adam.m.", trainer_m(parts->trainer)};
    arenas[n++] = (StateArena){"adam.v.", trainer_v(parts->trainer)};
    if (parts->reference != NULL) arenas[n++] = (StateArena){"reference.", model_arena((Model *)parts->reference)};
    return n;
}

static int list_numbers(StateNumber numbers[MAX_NUMBERS]) {
    int n = 0;
    numbers[n++] = (StateNumber){"step", 0};
    numbers[n++] = (StateNumber){"optimiser_steps", 0};
    for (int i = 0; i < CHECKPOINT_FILES; i++) numbers[n++] = (StateNumber){size_names[i], 0};
    return n;
}

bool checkpoint_save(const char *path, const CheckpointParts *parts, const uint64_t sizes[CHECKPOINT_FILES], Error *error) {
    char *partial = mem_alloc(strlen(path) + sizeof ".partial", 1);
    strcpy(partial, path);
    strcat(partial, ".partial");
    char *state = path_join(partial, "state.safetensors");
    StateArena arenas[MAX_ARENAS];
    StateNumber numbers[MAX_NUMBERS];
    int n_arenas = list_arenas(parts, arenas), n_numbers = list_numbers(numbers);
    numbers[0].value = parts->step;
    numbers[1].value = trainer_steps(parts->trainer);
    for (int i = 0; i < CHECKPOINT_FILES; i++) numbers[2 + i].value = (int64_t)sizes[i];
    Model *policy = trainer_model(parts->trainer);
    bool ok = path_remove(partial, error) &&
              model_bundle_save(policy, DEV_NONE, parts->tokenizer, parts->chat, partial, DTYPE_F32, error) &&
              train_state_save(state, policy, arenas, n_arenas, numbers, n_numbers, error) && path_replace(partial, path, error);
    if (!ok) (void)!path_remove(partial, NULL);
    mem_free(partial);
    mem_free(state);
    return ok;
}

bool checkpoint_load(const char *path, const CheckpointParts *parts, int64_t *step, uint64_t sizes[CHECKPOINT_FILES],
                     Error *error) {
    char *state = path_join(path, "state.safetensors");
    StateArena arenas[MAX_ARENAS];
    StateNumber numbers[MAX_NUMBERS];
    int n_arenas = list_arenas(parts, arenas), n_numbers = list_numbers(numbers);
    bool ok = train_state_load(state, trainer_model(parts->trainer), arenas, n_arenas, numbers, n_numbers, error);
    mem_free(state);
    if (!ok) return false;
    *step = numbers[0].value;
    trainer_set_steps(parts->trainer, numbers[1].value);
    for (int i = 0; i < CHECKPOINT_FILES; i++) sizes[i] = (uint64_t)numbers[2 + i].value;
    return true;
}
