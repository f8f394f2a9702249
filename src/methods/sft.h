// Supervised fine-tuning: next-token loss on the trained part of each example (from scratch, teacher warm-up, distillation).
//
// Loss of a step = mean over all trained tokens of its examples of -log p (temperature 1).
#ifndef RLT_METHODS_SFT_H
#define RLT_METHODS_SFT_H

#include "engine/trainer.h"

// One example: loss on ids[from..n). from >= 1.
typedef struct SftExample {
    const int32_t *ids;
    int32_t n, from;
} SftExample;

typedef struct SftStep {
    double loss;          // mean over trained tokens, nats
    int64_t tokens;       // tokens computed
    int64_t trained;      // tokens in the loss
    double grad_norm;     // before clipping
} SftStep;

// Accumulates the gradient of one step over examples[order[0..n)], in micro-batches of about max_rows tokens, and takes
// the optimiser's step at `rate`. The split into micro-batches does not depend on anything but lengths and max_rows.
void sft_step(Trainer *trainer, const SftExample *examples, const int32_t *order, int32_t n, int32_t max_rows, float rate,
              SftStep *out);

// The gradient alone (no optimiser step), for tests; returns the loss.
double sft_accumulate(Trainer *trainer, const SftExample *examples, const int32_t *order, int32_t n, int32_t max_rows,
                      SftStep *out);

#endif
