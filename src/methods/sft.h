// Supervised fine-tuning: next-token loss on the trained part of each example (from scratch, teacher warm-up, distillation).
//
// Loss of a step = weighted mean over all trained tokens of its examples of -log p (temperature 1); weights are 1 unless an
// example brings its own.
#ifndef RLT_METHODS_SFT_H
#define RLT_METHODS_SFT_H

#include "engine/trainer.h"

// One example: loss on ids[from..n). from >= 1.
typedef struct SftExample {
    const int32_t *ids;
    int32_t n, from;
    const float *weights; // [n], of ids[from..n) (earlier ones are not looked at); NULL: all 1. Their sum is positive
} SftExample;

typedef struct SftStep {
    double loss;          // weighted mean over trained tokens, nats
    int64_t tokens;       // tokens computed
    int64_t trained;      // tokens in the loss
    double grad_norm;     // before clipping
} SftStep;

// Accumulates the gradient of one step over examples[order[0..n)], in micro-batches of about max_rows tokens, and takes
// the optimiser's step at `rate`. The split into micro-batches does not depend on anything but lengths and max_rows.
void sft_step(Trainer *trainer, const SftExample *examples, const int32_t *order, int32_t n, int32_t max_rows, float rate,
              SftStep *out);

// The largest pass of steps of n examples that have at most `longest` tokens, for trainer_reserve and plans.
PassSize sft_pass_size(int32_t longest, int32_t n, int32_t max_rows);

// The gradient alone (no optimiser step), for tests; returns the loss.
double sft_accumulate(Trainer *trainer, const SftExample *examples, const int32_t *order, int32_t n, int32_t max_rows,
                      SftStep *out);

#endif
