// sft.safetensors: ids [B, T], mask [B, T] (1: this position is a target), length [B], loss (mean over all targets),
// grad.<parameter>. sft_steps.safetensors: loss [5] over five AdamW steps on the same batch, final.<parameter>.
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "engine/trainer.h"
#include "oracle.h"

#define N_STEPS 5
#define LEARNING_RATE 1e-3f

// Every row is a root; every masked position a prediction.
static bool build_batch(const Golden *golden, const Model *model, const GoldenI32 *ids, const GoldenF32 *mask,
                        const GoldenI32 *length, Batch *batch, Error *error)
{
    if (!golden_shape(golden, "mask", mask->rows, mask->cols, ids->rows, ids->cols, error) ||
        !golden_shape(golden, "length", length->rows, length->cols, 1, ids->rows, error))
        return false;
    for (int32_t row = 0; row < ids->rows; row++) {
        const int32_t *row_ids = ids->at + (size_t)row * (size_t)ids->cols;
        const float *row_mask = mask->at + (size_t)row * (size_t)ids->cols;
        int32_t n = length->at[row];
        if (n < 1 || n > ids->cols)
            return error_set(error, "%s: length[%d] is %d, expected 1 to %d", golden->path, row, n, ids->cols);
        if (!golden_check_ids(golden, row_ids, n, model, error))
            return false;
        int32_t segment = batch_add_segment(batch, -1, row_ids, n);
        for (int32_t t = 1; t < ids->cols; t++) {
            if (row_mask[t] == 0)
                continue;
            if (t >= n)
                return error_set(error, "%s: mask[%d, %d] is a target beyond its row's length", golden->path, row, t);
            batch_predict(batch, segment, t, t + 1);
        }
    }
    if (batch->n_predictions == 0)
        return error_set(error, "%s: mask holds no target", golden->path);
    return true;
}

static bool read_batch(const Golden *golden, const Model *model, Batch *batch, Error *error)
{
    GoldenI32 ids = {0}, length = {0};
    GoldenF32 mask = {0};
    batch_init(batch);
    bool ok = golden_i32(golden, "ids", &ids, error) && golden_f32(golden, "mask", &mask, error) &&
              golden_i32(golden, "length", &length, error) &&
              build_batch(golden, model, &ids, &mask, &length, batch, error);
    mem_free(ids.at);
    mem_free(mask.at);
    mem_free(length.at);
    return ok;
}

// Mean negative log-prob of the predictions; context: the double that receives it.
static void mean_loss(void *context, const Batch *batch, const float *logp, const float *entropy, float *dlogp)
{
    (void)entropy;
    double loss = 0;
    for (int32_t i = 0; i < batch->n_predictions; i++) {
        loss -= (double)logp[i] / batch->n_predictions;
        dlogp[i] = -1.0f / (float)batch->n_predictions;
    }
    *(double *)context = loss;
}

static const TrainerSettings TRAINER = {
    .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 1e-4f, .clip_norm = 1.0f,
};

bool check_sft(Oracle *oracle, Error *error)
{
    Model *model = NULL;
    Golden golden = {0};
    Batch batch = {0};
    double want_loss;
    bool ok = oracle_load_model(oracle, NULL, &model, error) &&
              golden_open(oracle, "sft.safetensors", &golden, error) && read_batch(&golden, model, &batch, error) &&
              golden_scalar(&golden, "loss", &want_loss, error);
    if (ok) {
        Trainer *trainer = trainer_create(model, &TRAINER);
        double loss;
        trainer_accumulate(trainer, &batch, 1.0f, false, mean_loss, &loss);
        oracle_report(oracle, "sft", "loss", fabs(loss - want_loss), TOLERANCE_LOSS);
        ok = golden_check_gradients(oracle, &golden, "sft", "", model, trainer_grads(trainer), error);
        trainer_destroy(trainer);
    }
    batch_free(&batch);
    golden_close(&golden);
    model_destroy(model);
    return ok;
}

// How far rounding of the gradients alone can move a parameter. AdamW divides the gradient by its own size, so a step
// that is known to rounding / |gradient| moves the parameter by lr times that, and by at most lr. In F32, PyTorch's
// gradients (clipped: of norm 1 together) carry errors of about 1e-8 an element. That matters where a gradient is no
// larger: key biases are such a case, since softmax cancels them, all but what RoPE turns; there the golden values
// themselves differ from a computation in F64 by more than the tolerance.
#define GRADIENT_ROUNDING 1e-8

static void add_rounding_reach(const Trainer *trainer, float *reach)
{
    const Model *model = trainer_model(trainer);
    const ParamTable *table = model_params(model);
    Dev grads = trainer_grads(trainer);
    double norm = sqrt(RUN(model_backend(model), sum_squares, grads, table->f32_bytes / sizeof(float)));
    double scale = fmin(1.0, (double)TRAINER.clip_norm / norm);
    for (int32_t p = 0; p < table->n_params; p++) {
        size_t count = (size_t)table->params[p].rows * (size_t)table->params[p].cols;
        float *grad = mem_alloc(count, sizeof *grad);
        param_arena_get(model, grads, p, grad);
        for (size_t i = 0; i < count; i++) {
            double size = fabs((double)grad[i]) * scale;
            if (size > 0) // an exact 0 has no rounding
                reach[i] += LEARNING_RATE * (float)fmin(1.0, GRADIENT_ROUNDING / size);
        }
        reach += count;
        mem_free(grad);
    }
}

// loss[i] is before step i. Activations are recomputed here, so that this is tested too.
static void take_steps(Model *model, const Batch *batch, double *loss, float *reach)
{
    TrainerSettings settings = TRAINER;
    settings.checkpointing = true;
    Trainer *trainer = trainer_create(model, &settings);
    for (int step = 0; step < N_STEPS; step++) {
        trainer_accumulate(trainer, batch, 1.0f, false, mean_loss, &loss[step]);
        add_rounding_reach(trainer, reach);
        trainer_step(trainer, LEARNING_RATE);
    }
    trainer_destroy(trainer);
}

// The parameters as one vector, and each by itself beyond the reach of rounding.
static bool compare_final(Oracle *oracle, const Golden *golden, Model *model, const float *reach, Error *error)
{
    ArenaDifference difference;
    if (!golden_compare_arena(golden, "final.", model, model_arena(model), reach, &difference, error))
        return false;
    oracle_report(oracle, "sft_steps", "final.* together, in parts of their norm", difference.together,
                  TOLERANCE_STEP_PARAM);
    char what[192];
    snprintf(what, sizeof what, "final.* (%d) in parts of each one's norm, beyond the gradients' rounding, worst %s",
             model_params(model)->n_params, difference.worst_name);
    oracle_report(oracle, "sft_steps", what, difference.worst, TOLERANCE_STEP_PARAM);
    return true;
}

static bool compare_steps(Oracle *oracle, const Golden *golden, Model *model, const Batch *batch, Error *error)
{
    GoldenF32 want;
    if (!golden_f32(golden, "loss", &want, error))
        return false;
    bool ok = golden_shape(golden, "loss", want.rows, want.cols, 1, N_STEPS, error);
    if (ok) {
        double loss[N_STEPS];
        float *reach = mem_alloc((size_t)model_count_parameters(model), sizeof *reach);
        take_steps(model, batch, loss, reach);
        for (int step = 0; step < N_STEPS; step++) {
            char what[32];
            snprintf(what, sizeof what, "loss of step %d", step + 1);
            oracle_report(oracle, "sft_steps", what, fabs(loss[step] - (double)want.at[step]), TOLERANCE_STEP_LOSS);
        }
        ok = compare_final(oracle, golden, model, reach, error);
        mem_free(reach);
    }
    mem_free(want.at);
    return ok;
}

bool check_sft_steps(Oracle *oracle, Error *error)
{
    Model *model = NULL;
    Golden sft = {0}, golden = {0};
    Batch batch = {0};
    bool ok = oracle_load_model(oracle, NULL, &model, error) && golden_open(oracle, "sft.safetensors", &sft, error) &&
              golden_open(oracle, "sft_steps.safetensors", &golden, error) &&
              read_batch(&sft, model, &batch, error) && compare_steps(oracle, &golden, model, &batch, error);
    batch_free(&batch);
    golden_close(&sft);
    golden_close(&golden);
    model_destroy(model);
    return ok;
}
