// Whole passes over a batch: log-probs, their backward, logits.
#include <assert.h>

#include "model/model_impl.h"

LayerRun pass_layer_run(const Pass *pass, const Model *model, const Forest *forest)
{
    return (LayerRun){
        .backend = model->backend,
        .config = &model->config,
        .rope = model->rope,
        .forest = forest,
        .positions = pass->positions,
        .scratch = pass->scratch,
        .dropout = {.rate = pass->dropout.rate, .factor = 1 / (1 - pass->dropout.rate), .row_keys = pass->row_keys},
    };
}

void pass_forward(Pass *pass, Model *model, KvCache *cache, const Forest *forest, const int32_t *ids,
                  const int32_t *rows, int32_t n_rows)
{
    pass_begin(pass, model, forest, n_rows);
    Backend *be = model->backend;
    TopParams top = model_top(model);
    LayerRun run = pass_layer_run(pass, model, forest);
    int32_t n_layers = model->config.n_layers;

    RUN(be, embed, pass->acts[0].x, top.embed, ids);
    for (int32_t layer = 0; layer < n_layers; layer++) {
        LayerParams params = model_layer(model, layer);
        Mat k = cache ? kv_cache_k(cache, layer) : MAT_NONE, v = cache ? kv_cache_v(cache, layer) : MAT_NONE;
        Mat out = layer + 1 < n_layers ? pass->acts[layer + 1].x : pass->x_final;
        layer_forward(&run, &params, &pass->acts[layer], k, v, out);
    }
    if (n_rows == 0)
        return;
    RUN(be, rmsnorm, pass->scratch.h, pass->rstd_final, pass->x_final, top.norm, model->config.norm_eps);
    RUN(be, rows_gather, pass->head_x, pass->scratch.h, rows);
}

// A batch's forest holds nothing computed earlier.
static void check_all_new(const Forest *forest)
{
    assert(forest->n_kv == forest->n_rows);
    (void)forest;
}

void model_logprobs(Model *model, Pass *pass, const Batch *batch, float temperature, float *logp, float *entropy)
{
    if (batch->n_predictions == 0)
        return;
    check_all_new(&batch->forest);
    pass_address_rows(pass, batch);
    pass_forward(pass, model, NULL, &batch->forest, batch->ids, batch->pred_row, batch->n_predictions);
    Vec lse = pass->settings.backward ? pass->head_lse : VEC_NONE;
    RUN(model->backend, head_logprobs, logp, entropy, lse, pass->head_x, model_top(model).head, batch->pred_id,
        temperature);
    pass->forward_of = batch;
}

void model_kl(Model *model, Pass *pass, const Batch *batch, Model *other, Pass *other_pass, const Batch *other_batch,
              float temperature, float *kl)
{
    assert(model->backend == other->backend && model->config.vocabulary == other->config.vocabulary);
    assert(pass != other_pass && batch->n_predictions == other_batch->n_predictions);
    if (batch->n_predictions == 0)
        return;
    check_all_new(&batch->forest);
    check_all_new(&other_batch->forest);
    pass_forward(pass, model, NULL, &batch->forest, batch->ids, batch->pred_row, batch->n_predictions);
    pass_forward(other_pass, other, NULL, &other_batch->forest, other_batch->ids, other_batch->pred_row,
                 other_batch->n_predictions);
    RUN(model->backend, head_kl, kl, pass->head_x, model_top(model).head, other_pass->head_x, model_top(other).head,
        temperature);
}

// From d loss / d logp to dx, the gradient of the residual stream after the last layer.
static void head_backward(Model *model, Pass *pass, const Batch *batch, float temperature, const float *dlogp,
                          Dev grads)
{
    Backend *be = model->backend;
    TopParams top = model_top(model), top_grads = arena_top(model, grads);
    Mat dnormed = pass->scratch.dh; // [T, C]
    size_t bytes = (size_t)dnormed.rows * (size_t)dnormed.cols * sizeof(float);
    RUN(be, head_logprobs_backward, pass->head_dx, top_grads.head, dlogp, pass->head_lse, pass->head_x, top.head,
        batch->pred_id, temperature);
    RUN(be, zero, dnormed.data, bytes);
    RUN(be, rows_scatter_add, dnormed, pass->head_dx, batch->pred_row);
    RUN(be, zero, pass->dx.data, bytes);
    RUN(be, rmsnorm_backward, pass->dx, top_grads.norm, dnormed, pass->x_final, top.norm, pass->rstd_final);
}

void model_backward(Model *model, Pass *pass, const Batch *batch, float temperature, const float *dlogp, Dev grads)
{
    if (batch->n_predictions == 0)
        return;
    assert(pass->settings.backward && model->dtype == DTYPE_F32);
    assert(pass->forward_of == batch && pass->n_rows == batch->forest.n_rows &&
           pass->n_predictions == batch->n_predictions);
    pass->forward_of = NULL; // the backward overwrites activations
    head_backward(model, pass, batch, temperature, dlogp, grads);

    LayerRun run = pass_layer_run(pass, model, &batch->forest);
    int32_t last = model->config.n_layers - 1;
    for (int32_t layer = last; layer >= 0; layer--) {
        LayerParams params = model_layer(model, layer), layer_grads = arena_layer(model, grads, layer);
        const LayerActs *acts = &pass->acts[layer];
        if (pass->settings.checkpointing && layer != last) // the last layer's are still there
            layer_forward(&run, &params, acts, MAT_NONE, MAT_NONE, MAT_NONE);
        layer_backward(&run, &params, &layer_grads, acts, pass->dx);
    }
    Weight dembed = arena_top(model, grads).embed;
    if (!dev_is_none(dembed.data))
        RUN(model->backend, embed_backward, dembed, pass->dx, batch->ids);
}

void model_logits(Model *model, Pass *pass, const Batch *batch, const int32_t *rows, int32_t n, float *logits)
{
    if (n == 0)
        return;
    check_all_new(&batch->forest);
    pass_forward(pass, model, NULL, &batch->forest, batch->ids, rows, n);
    RUN(model->backend, head_logits, logits, pass->head_x, model_top(model).head);
}
