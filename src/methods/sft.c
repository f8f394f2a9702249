#include "methods/sft.h"

#include <assert.h>
#include <string.h>

typedef struct SftLoss {
    const SftExample *examples;
    const int32_t *order; // of the micro-batch
    int32_t n;
    double per_weight;    // 1 / sum of the step's weights
    double sum;           // of -logp by weight so far
} SftLoss;

static double weight_of(const SftExample *e, int32_t token) { return e->weights != NULL ? e->weights[token] : 1; }

static void sft_loss(void *context, const Batch *batch, const float *logp, const float *entropy, float *dlogp) {
    (void)entropy;
    SftLoss *loss = context;
    int32_t at = 0;
    for (int32_t i = 0; i < loss->n; i++) {
        const SftExample *e = &loss->examples[loss->order[i]];
        for (int32_t t = e->from; t < e->n; t++, at++) {
            double weight = weight_of(e, t);
            loss->sum -= weight * logp[at];
            dlogp[at] = (float)(-weight * loss->per_weight);
        }
    }
    assert(at == batch->n_predictions);
}

PassSize sft_pass_size(int32_t longest, int32_t n, int32_t max_rows) {
    int64_t all = (int64_t)n * (longest - 1), most = longest - 1 > max_rows ? longest - 1 : max_rows; // one alone may exceed it
    int32_t rows = (int32_t)(all < most ? all : most);
    return (PassSize){.rows = rows, .predictions = rows, .segments = n < rows ? n : rows, .depth = 1, .longest = longest - 1,
                      .train = true};
}

double sft_accumulate(Trainer *trainer, const SftExample *examples, const int32_t *order, int32_t n, int32_t max_rows,
                      SftStep *out) {
    memset(out, 0, sizeof *out);
    double weights = 0;
    for (int32_t i = 0; i < n; i++) {
        const SftExample *e = &examples[order[i]];
        assert(e->from >= 1 && e->from < e->n);
        out->trained += e->n - e->from;
        for (int32_t t = e->from; t < e->n; t++) weights += weight_of(e, t);
    }
    SftLoss loss = {.examples = examples, .per_weight = 1.0 / weights};
    int32_t first = 0;
    Batch *batch = trainer_batch(trainer);
    for (int32_t i = 0; i < n; i++) {
        const SftExample *e = &examples[order[i]];
        // the last token predicts nothing and need not be computed
        int32_t segment = batch_add_segment(batch, -1, e->ids, e->n - 1);
        batch_set_address(batch, segment, (uint32_t)i, 0);
        batch_predict(batch, segment, e->from, e->n - 1);
        batch_predict_id(batch, segment, e->ids[e->n - 1]);
        bool full = i + 1 == n || batch->forest.n_rows + examples[order[i + 1]].n - 1 > max_rows;
        if (!full) continue;
        out->tokens += batch->forest.n_rows;
        loss.order = order + first;
        loss.n = i + 1 - first;
        first = i + 1;
        trainer_accumulate(trainer, batch, 1.0f, false, sft_loss, &loss);
        batch_clear(batch);
    }
    out->loss = loss.sum * loss.per_weight;
    return out->loss;
}

void sft_step(Trainer *trainer, const SftExample *examples, const int32_t *order, int32_t n, int32_t max_rows, float rate,
              SftStep *out) {
    sft_accumulate(trainer, examples, order, n, max_rows, out);
    out->grad_norm = trainer_step(trainer, rate);
}
