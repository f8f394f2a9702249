#include "methods/sft.h"

#include <assert.h>
#include <string.h>

typedef struct SftLoss {
    double per_token; // 1 / trained tokens of the step
    double sum;       // of -logp so far
} SftLoss;

static void sft_loss(void *context, const Batch *batch, const float *logp, const float *entropy, float *dlogp) {
    (void)entropy;
    SftLoss *loss = context;
    for (int32_t i = 0; i < batch->n_predictions; i++) {
        loss->sum -= logp[i];
        dlogp[i] = (float)-loss->per_token;
    }
}

double sft_accumulate(Trainer *trainer, const SftExample *examples, const int32_t *order, int32_t n, int32_t max_rows,
                      SftStep *out) {
    memset(out, 0, sizeof *out);
    for (int32_t i = 0; i < n; i++) {
        const SftExample *e = &examples[order[i]];
        assert(e->from >= 1 && e->from < e->n);
        out->trained += e->n - e->from;
    }
    SftLoss loss = {1.0 / (double)out->trained, 0};
    Batch batch;
    batch_init(&batch);
    for (int32_t i = 0; i < n; i++) {
        const SftExample *e = &examples[order[i]];
        // the last token predicts nothing and need not be computed
        int32_t segment = batch_add_segment(&batch, -1, e->ids, e->n - 1);
        batch_predict(&batch, segment, e->from, e->n - 1);
        batch_predict_id(&batch, segment, e->ids[e->n - 1]);
        bool full = i + 1 == n || batch.forest.n_rows + examples[order[i + 1]].n - 1 > max_rows;
        if (!full) continue;
        out->tokens += batch.forest.n_rows;
        trainer_accumulate(trainer, &batch, 1.0f, false, sft_loss, &loss);
        batch_clear(&batch);
    }
    batch_free(&batch);
    out->loss = loss.sum * loss.per_token;
    return out->loss;
}

void sft_step(Trainer *trainer, const SftExample *examples, const int32_t *order, int32_t n, int32_t max_rows, float rate,
              SftStep *out) {
    sft_accumulate(trainer, examples, order, n, max_rows, out);
    out->grad_norm = trainer_step(trainer, rate);
}
