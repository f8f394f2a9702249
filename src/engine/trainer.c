#include "engine/trainer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct Trainer {
    Model *model;
    TrainerSettings settings;
    Pass *pass;
    Dev grads, m, v;
    int64_t steps;
    float *entropy, *dlogp; // [cap]
    int32_t cap;
};

Trainer *trainer_create(Model *model, const TrainerSettings *settings) {
    assert(model_dtype(model) == DTYPE_F32);
    Trainer *t = mem_alloc(1, sizeof *t);
    t->model = model;
    t->settings = *settings;
    t->pass = pass_create(model, (PassSettings){.backward = true, .checkpointing = settings->checkpointing,
                                                .dropout = settings->dropout > 0});
    t->grads = param_arena_create(model);
    t->m = param_arena_create(model);
    t->v = param_arena_create(model);
    return t;
}

static void reserve_predictions(Trainer *t, int32_t n) {
    if (n <= t->cap) return;
    float **arrays[] = {&t->entropy, &t->dlogp};
    for (int i = 0; i < 2; i++) {
        *arrays[i] = mem_realloc(*arrays[i], (size_t)n, sizeof(float));
        memset(*arrays[i], 0, (size_t)n * sizeof(float)); // in memory before the step
    }
    t->cap = n;
}

void trainer_reserve(Trainer *t, const PassSize *size) {
    model_reserve(t->model, t->pass, size);
    reserve_predictions(t, size->predictions);
}

Batch *trainer_batch(Trainer *t) { return pass_batch(t->pass); }
Batch *trainer_prefix_batch(Trainer *t) { return pass_batch(prefix_pass(pass_prefix(t->model, t->pass))); }

void trainer_destroy(Trainer *t) {
    if (t == NULL) return;
    pass_destroy(t->pass);
    param_arena_destroy(t->model, t->grads);
    param_arena_destroy(t->model, t->m);
    param_arena_destroy(t->model, t->v);
    mem_free(t->entropy);
    mem_free(t->dlogp);
    mem_free(t);
}

void trainer_play(Trainer *t, const Tape *tape) {
    pass_play(t->pass, tape);
    pass_play(prefix_pass(pass_prefix(t->model, t->pass)), tape);
}

bool trainer_plays(const Trainer *t, const Batch *batch) { return t->settings.dropout == 0 && pass_plays(t->pass, batch); }

static PassDropout dropout_of_step(const Trainer *t) {
    return (PassDropout){t->settings.dropout, t->settings.seed, (uint32_t)t->steps};
}

void trainer_begin_prefix(Trainer *t, const Batch *batch) {
    Prefix *prefix = pass_prefix(t->model, t->pass);
    pass_set_dropout(prefix_pass(prefix), dropout_of_step(t));
    prefix_forward(t->model, prefix, batch);
}

void trainer_end_prefix(Trainer *t, const Batch *batch) {
    Prefix *prefix = pass_prefix(t->model, t->pass);
    prefix_backward(t->model, prefix, batch, t->grads);
    pass_set_dropout(prefix_pass(prefix), (PassDropout){0});
}

void trainer_accumulate(Trainer *t, const Batch *batch, float temperature, bool want_entropy, LossFunction loss, void *context) {
    int32_t n = batch->n_predictions;
    if (n == 0) return;
    if (n > t->cap) reserve_predictions(t, n + n / 4);
    float *logp = pass_logp(t->pass, n);
    Prefix *prefix = batch->n_prefix > 0 ? pass_prefix(t->model, t->pass) : NULL;
    pass_set_dropout(t->pass, dropout_of_step(t));
    model_logprobs_after(t->model, t->pass, prefix, batch, temperature, logp, want_entropy ? t->entropy : NULL);
    loss(context, batch, logp, want_entropy ? t->entropy : NULL, t->dlogp);
    model_backward_after(t->model, t->pass, prefix, batch, temperature, t->dlogp, t->grads);
    pass_set_dropout(t->pass, (PassDropout){0});
}

double trainer_step(Trainer *t, float rate) {
    Backend *be = model_backend(t->model);
    size_t bytes = model_params(t->model)->f32_bytes, n = bytes / sizeof(float);
    double norm = sqrt(RUN(be, sum_squares, t->grads, n));
    if (isfinite(norm)) {
        const TrainerSettings *s = &t->settings;
        // PyTorch's clip_grad_norm_: the coefficient is max_norm / (norm + 1e-6), at most 1
        double scale = s->clip_norm > 0 ? fmin(1.0, s->clip_norm / (norm + 1e-6)) : 1.0;
        AdamwSettings adamw = {rate, s->beta1, s->beta2, s->eps, s->weight_decay, (float)scale, ++t->steps};
        RUN(be, adamw, model_arena(t->model), t->grads, t->m, t->v, n, &adamw);
    }
    RUN(be, zero, t->grads, bytes);
    return norm;
}

int64_t trainer_steps(const Trainer *t) { return t->steps; }
Model *trainer_model(const Trainer *t) { return t->model; }
Pass *trainer_pass(const Trainer *t) { return t->pass; }
Dev trainer_m(const Trainer *t) { return t->m; }
Dev trainer_v(const Trainer *t) { return t->v; }
Dev trainer_grads(const Trainer *t) { return t->grads; }
void trainer_set_steps(Trainer *t, int64_t steps) { t->steps = steps; }
