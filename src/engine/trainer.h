// A training step: batches forward and backward with a loss over token log-probs, then clipping and AdamW.
//
// trainer_accumulate any number of times, then trainer_step. All sums have a fixed order, so a step is a function of
// parameters, batches and settings to the bit.
#ifndef RLT_ENGINE_TRAINER_H
#define RLT_ENGINE_TRAINER_H

#include "model/model.h"

typedef struct TrainerSettings {
    float beta1, beta2, eps, weight_decay;
    float clip_norm;      // global gradient norm; 0: off
    bool checkpointing;   // activation checkpointing
    float dropout;        // of adapters, in trainer_accumulate alone; 0: none
    uint64_t seed;        // of dropout; the step of its draws is trainer_steps, the rest batch_set_address
} TrainerSettings;

typedef struct Trainer Trainer;
Trainer *trainer_create(Model *model, const TrainerSettings *settings); // model in F32, borrowed
void trainer_destroy(Trainer *trainer);                                  // NULL is fine

// Batches up to `size` (and the optimiser) allocate nothing from here on.
void trainer_reserve(Trainer *trainer, const PassSize *size);
// An empty batch to fill and give to trainer_accumulate: the trainer's, so that it is made once.
Batch *trainer_batch(Trainer *trainer);
Batch *trainer_prefix_batch(Trainer *trainer); // the same, for trainer_begin_prefix

// A loss over token log-probs: given logp[n] of the batch's predictions (nats, at `temperature`), writes d loss / d logp into dlogp[n].
typedef void (*LossFunction)(void *context, const Batch *batch, const float *logp, const float *entropy, float *dlogp);
// Adds the batch's gradient. entropy is NULL unless wanted. A batch of batch_clear_after goes on from the prefix.
void trainer_accumulate(Trainer *trainer, const Batch *batch, float temperature, bool want_entropy, LossFunction loss, void *context);
// Sequences that share their beginning: it is computed once forward and once backward for all batches in between. `prefix`:
// one root that predicts nothing, the same object for both calls. However the sequences are cut into batches, the gradient is
// the same to the bit, as long as their order is.
void trainer_begin_prefix(Trainer *trainer, const Batch *prefix);
void trainer_end_prefix(Trainer *trainer, const Batch *prefix);
// What follows takes its forwards from a tape where it can (pass_play); NULL ends it. A step clears nothing: end it before.
void trainer_play(Trainer *trainer, const Tape *tape);
bool trainer_plays(const Trainer *trainer, const Batch *batch); // whether the forward of this one would be
// One AdamW step with what has been accumulated, then zeroes it. Returns the gradient's norm before clipping. A norm that
// is not finite skips the update (the moments too) and is returned as it is.
double trainer_step(Trainer *trainer, float rate);

int64_t trainer_steps(const Trainer *trainer); // steps taken
Model *trainer_model(const Trainer *trainer);
Pass *trainer_pass(const Trainer *trainer);
// State, for checkpoints: the moments' arenas and the number of steps.
Dev trainer_m(const Trainer *trainer);
Dev trainer_v(const Trainer *trainer);
Dev trainer_grads(const Trainer *trainer);
void trainer_set_steps(Trainer *trainer, int64_t steps);

#endif
