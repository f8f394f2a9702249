#include "commands/checkpoint.h"

#include <string.h>

#include "base/mem.h"
#include "commands/model_bundle.h"
#include "formats/train_state.h"

#define MAX_ARENAS 4
enum { STEP, OPTIMISER_STEPS, BYTES_METRICS, BYTES_TIMING, BYTES_SAMPLES, N_NUMBERS };

// The F32 master itself is among the arenas: the model folder beside may be written in another type.
static int list_arenas(const CheckpointParts *parts, Dev reference, StateArena arenas[MAX_ARENAS]) {
    Model *policy = trainer_master(parts->trainer);
    int n = 0;
    arenas[n++] = (StateArena){"policy.", model_arena(policy)};
    arenas[n++] = (StateArena){"adam.m.", trainer_m(parts->trainer)};
    arenas[n++] = (StateArena){"adam.v.", trainer_v(parts->trainer)};
    if (parts->reference != NULL) arenas[n++] = (StateArena){"reference.", reference};
    return n;
}

// The reference as an arena of floats: its own, or, where it is held in another type, one for the moment. Widened values
// come back to the same bits.
static bool is_small(const CheckpointParts *parts) { return parts->reference != NULL && model_dtype(parts->reference) != DTYPE_F32; }

static Dev reference_arena(const CheckpointParts *parts) {
    if (parts->reference == NULL) return DEV_NONE;
    return is_small(parts) ? param_arena_create(parts->reference) : model_arena(parts->reference);
}

static void reference_arena_release(const CheckpointParts *parts, Dev arena) {
    if (is_small(parts)) param_arena_destroy(parts->reference, arena);
}

static void list_numbers(StateNumber numbers[N_NUMBERS]) {
    static const char *const names[N_NUMBERS] = {"step", "optimiser_steps", "bytes.metrics", "bytes.timing", "bytes.samples"};
    for (int i = 0; i < N_NUMBERS; i++) numbers[i] = (StateNumber){names[i], 0};
}

bool checkpoint_save(const char *path, const CheckpointParts *parts, const CheckpointSizes *sizes, Error *error) {
    char *partial = mem_alloc(strlen(path) + sizeof ".partial", 1);
    strcpy(partial, path);
    strcat(partial, ".partial");
    char *state = path_join(partial, "state.safetensors");
    StateArena arenas[MAX_ARENAS];
    StateNumber numbers[N_NUMBERS];
    Dev reference = reference_arena(parts);
    if (is_small(parts)) model_to_arena(parts->reference, reference);
    int n_arenas = list_arenas(parts, reference, arenas);
    list_numbers(numbers);
    numbers[STEP].value = parts->step;
    numbers[OPTIMISER_STEPS].value = trainer_steps(parts->trainer);
    numbers[BYTES_METRICS].value = (int64_t)sizes->metrics.rows;
    numbers[BYTES_TIMING].value = (int64_t)sizes->metrics.timing;
    numbers[BYTES_SAMPLES].value = (int64_t)sizes->samples;
    Model *policy = trainer_master(parts->trainer);
    bool ok = path_remove(partial, error) &&
              model_bundle_save(policy, DEV_NONE, parts->tokenizer, parts->chat, partial, DTYPE_F32, error) &&
              train_state_save(state, policy, arenas, n_arenas, numbers, N_NUMBERS, error) && path_replace(partial, path, error);
    reference_arena_release(parts, reference);
    if (!ok) (void)!path_remove(partial, NULL);
    mem_free(partial);
    mem_free(state);
    return ok;
}

// The numbers of a checkpoint, and its arenas where n_arenas is not 0.
static bool load(const char *path, const CheckpointParts *parts, StateArena *arenas, int n_arenas, StateNumber numbers[N_NUMBERS],
                 Error *error) {
    char *state = path_join(path, "state.safetensors");
    list_numbers(numbers);
    bool ok = train_state_load(state, trainer_master(parts->trainer), arenas, n_arenas, numbers, N_NUMBERS, error);
    mem_free(state);
    return ok;
}

static CheckpointSizes sizes_of(const StateNumber numbers[N_NUMBERS]) {
    return (CheckpointSizes){{(uint64_t)numbers[BYTES_METRICS].value, (uint64_t)numbers[BYTES_TIMING].value},
                             (uint64_t)numbers[BYTES_SAMPLES].value};
}

bool checkpoint_load(const char *path, const CheckpointParts *parts, int64_t *step, CheckpointSizes *sizes, Error *error) {
    StateArena arenas[MAX_ARENAS];
    StateNumber numbers[N_NUMBERS];
    Dev reference = reference_arena(parts);
    int n_arenas = list_arenas(parts, reference, arenas);
    bool ok = load(path, parts, arenas, n_arenas, numbers, error);
    if (ok && is_small(parts)) model_from_arena(parts->reference, reference);
    reference_arena_release(parts, reference);
    if (!ok) return false;
    *step = numbers[STEP].value;
    trainer_restored(parts->trainer, numbers[OPTIMISER_STEPS].value);
    *sizes = sizes_of(numbers);
    return true;
}

bool checkpoint_sizes(const char *path, const CheckpointParts *parts, CheckpointSizes *sizes, Error *error) {
    StateNumber numbers[N_NUMBERS];
    if (!load(path, parts, NULL, 0, numbers, error)) return false;
    *sizes = sizes_of(numbers);
    return true;
}

bool checkpoint_save_model(const char *path, const CheckpointParts *parts, Dtype dtype, Error *error) {
    return model_bundle_save(trainer_master(parts->trainer), DEV_NONE, parts->tokenizer, parts->chat, path, dtype, error);
}
