// Whole passes over a batch: log-probs, their backward, logits.
#include <assert.h>

#include "base/mem.h"
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

static void copy_row(Backend *be, Mat to, int32_t to_row, Mat from, int32_t from_row)
{
    size_t bytes = (size_t)from.cols * sizeof(float);
    RUN(be, copy, dev_offset(to.data, (size_t)to_row * bytes), dev_offset(from.data, (size_t)from_row * bytes), bytes);
}

// Rows of pass->normed: the prefix's last token is behind the batch's own.
static const int32_t *resolve_rows(Pass *pass, const int32_t *rows, int32_t n)
{
    assert(n <= pass->cap_pred_rows);
    for (int32_t i = 0; i < n; i++)
        pass->pred_rows[i] = rows[i] == BATCH_PREFIX_ROW ? pass->n_rows : rows[i];
    return pass->pred_rows;
}

void pass_forward(Pass *pass, Model *model, KvCache *cache, const Forest *forest, const int32_t *ids,
                  const int32_t *rows, int32_t n_rows)
{
    pass_begin(pass, model, forest, n_rows);
    Backend *be = model->backend;
    TopParams top = model_top(model);
    LayerRun run = pass_layer_run(pass, model, forest);
    int32_t n_layers = model->config.n_layers;

    bool any = forest->n_rows > 0; // else all that is asked for follows the prefix
    if (any && pass->places)
        tape_play_stream(pass, 0, pass->acts[0].x);
    else if (any)
        RUN(be, embed, pass->acts[0].x, top.embed, ids);
    tape_record_stream(pass, 0, pass->acts[0].x);
    for (int32_t layer = 0; any && layer < n_layers; layer++) {
        LayerParams params = model_layer(model, layer);
        prefix_load_kv(pass, layer);
        CachedKv cached = cache ? kv_cache_layer(cache, layer) : (CachedKv){0};
        Mat out = layer + 1 < n_layers ? pass->acts[layer + 1].x : pass->x_final;
        if (pass->places) {
            tape_play_layer(pass, layer);
            tape_play_stream(pass, layer + 1, out);
        } else {
            layer_forward(&run, &params, &pass->acts[layer], cache ? &cached : NULL, out);
        }
        tape_record_layer(pass, layer);
        tape_record_stream(pass, layer + 1, out);
        prefix_keep_kv(pass, layer);
    }
    pass->recorded = (Recording){0};
    pass->places = NULL;
    if (n_rows == 0)
        return;
    if (any)
        RUN(be, rmsnorm, pass->scratch.h, pass->rstd_final, pass->x_final, top.norm, model->config.norm_eps);
    if (pass->prefix)
        copy_row(be, pass->normed, forest->n_rows, pass->prefix->normed, 0);
    RUN(be, rows_gather, pass->head_x, pass->normed, pass->prefix ? resolve_rows(pass, rows, n_rows) : rows);
}

// A batch's forest holds nothing computed earlier but the prefix.
static void check_all_new(const Batch *batch, const Prefix *prefix)
{
    assert(batch->forest.n_kv == batch->forest.n_rows + batch->n_prefix);
    assert(batch->n_prefix == (prefix ? prefix->n_tokens : 0));
    (void)batch, (void)prefix;
}

void model_logprobs(Model *model, Pass *pass, const Batch *batch, float temperature, float *logp, float *entropy)
{
    model_logprobs_after(model, pass, NULL, batch, temperature, logp, entropy);
}

void model_logprobs_after(Model *model, Pass *pass, Prefix *prefix, const Batch *batch, float temperature, float *logp,
                          float *entropy)
{
    if (batch->n_predictions == 0)
        return;
    check_all_new(batch, prefix);
    pass->prefix = prefix;
    pass_take_batch(pass, batch);
    pass_forward(pass, model, NULL, &batch->forest, batch->ids, batch->pred_row, batch->n_predictions);
    Vec lse = pass->settings.backward ? pass->head_lse : VEC_NONE;
    RUN(model->backend, head_logprobs, logp, entropy, lse, pass->head_x, model_top(model).head, batch->pred_id,
        temperature);
    pass->prefix = NULL;
    pass->forward_of = batch;
}

void model_kl(Model *model, Pass *pass, const Batch *batch, Model *other, Pass *other_pass, const Batch *other_batch,
              float temperature, float *kl)
{
    assert(model->backend == other->backend && model->config.vocabulary == other->config.vocabulary);
    assert(pass != other_pass && batch->n_predictions == other_batch->n_predictions);
    if (batch->n_predictions == 0)
        return;
    check_all_new(batch, NULL);
    check_all_new(other_batch, NULL);
    pass_forward(pass, model, NULL, &batch->forest, batch->ids, batch->pred_row, batch->n_predictions);
    pass_forward(other_pass, other, NULL, &other_batch->forest, other_batch->ids, other_batch->pred_row,
                 other_batch->n_predictions);
    RUN(model->backend, head_kl, kl, pass->head_x, model_top(model).head, other_pass->head_x, model_top(other).head,
        temperature);
}

// From pass->dnormed to dx, the gradient of the residual stream after the last layer.
static void norm_backward(Model *model, Pass *pass, Dev grads)
{
    Mat dnormed = pass->scratch.dh; // [T, C]
    RUN(model->backend, zero, pass->dx.data, (size_t)dnormed.rows * (size_t)dnormed.cols * sizeof(float));
    RUN(model->backend, rmsnorm_backward, pass->dx, arena_top(model, grads).norm, dnormed, pass->x_final,
        model_top(model).norm, pass->rstd_final);
}

// From d loss / d logp to pass->dnormed; the part of the prefix's last token goes to the prefix.
static void head_backward(Model *model, Pass *pass, const Batch *batch, float temperature, const float *dlogp,
                          Dev grads)
{
    Backend *be = model->backend;
    TopParams top = model_top(model), top_grads = arena_top(model, grads);
    Mat dnormed = pass->dnormed;
    RUN(be, head_logprobs_backward, pass->head_dx, top_grads.head, dlogp, pass->head_lse, pass->head_x, top.head,
        batch->pred_id, temperature);
    RUN(be, zero, dnormed.data, (size_t)dnormed.rows * (size_t)dnormed.cols * sizeof(float));
    if (!pass->prefix) {
        RUN(be, rows_scatter_add, dnormed, pass->head_dx, batch->pred_row);
        return;
    }
    copy_row(be, dnormed, pass->n_rows, pass->prefix->dnormed, 0); // the sum goes on
    RUN(be, rows_scatter_add, dnormed, pass->head_dx, pass->pred_rows);
    copy_row(be, pass->prefix->dnormed, 0, dnormed, pass->n_rows);
}

// From pass->dnormed to the gradients of everything below the head.
static void layers_backward(Model *model, Pass *pass, const Batch *batch, Dev grads)
{
    norm_backward(model, pass, grads);
    LayerRun run = pass_layer_run(pass, model, &batch->forest);
    int32_t last = model->config.n_layers - 1;
    for (int32_t layer = last; layer >= 0; layer--) {
        LayerParams params = model_layer(model, layer), layer_grads = arena_layer(model, grads, layer);
        const LayerActs *acts = &pass->acts[layer];
        if (pass->settings.checkpointing && layer != last) { // the last layer's are still there
            prefix_load_kv(pass, layer);
            layer_forward(&run, &params, acts, NULL, MAT_NONE);
        }
        prefix_begin_kv_gradients(pass, layer);
        layer_backward(&run, &params, &layer_grads, acts, pass->dx);
        prefix_end_kv_gradients(pass, layer);
    }
    Weight dembed = arena_top(model, grads).embed;
    Prefix *prefix = pass->keeper ? pass->keeper : pass->prefix;
    if (dev_is_none(dembed.data))
        return;
    if (prefix)
        prefix_add_embedding(prefix, pass->dx, batch->ids);
    else
        RUN(model->backend, embed_backward, dembed, pass->dx, batch->ids);
}

void model_backward(Model *model, Pass *pass, const Batch *batch, float temperature, const float *dlogp, Dev grads)
{
    model_backward_after(model, pass, NULL, batch, temperature, dlogp, grads);
}

void model_backward_after(Model *model, Pass *pass, Prefix *prefix, const Batch *batch, float temperature,
                          const float *dlogp, Dev grads)
{
    if (batch->n_predictions == 0)
        return;
    assert(pass->settings.backward);
    assert(pass->forward_of == batch && pass->n_rows == batch->forest.n_rows &&
           pass->n_predictions == batch->n_predictions);
    pass->forward_of = NULL; // the backward overwrites activations
    pass->prefix = prefix;
    head_backward(model, pass, batch, temperature, dlogp, grads);
    if (batch->forest.n_rows > 0)
        layers_backward(model, pass, batch, grads);
    pass->prefix = NULL;
}

void prefix_backward(Model *model, Prefix *prefix, const Batch *batch, Dev grads)
{
    Pass *pass = prefix->pass;
    assert(pass->settings.backward && pass->forward_of == batch && pass->n_rows == batch->forest.n_rows);
    pass->forward_of = NULL;
    Mat dnormed = pass->dnormed;
    RUN(model->backend, zero, dnormed.data, (size_t)dnormed.rows * (size_t)dnormed.cols * sizeof(float));
    copy_row(model->backend, dnormed, pass->n_rows - 1, prefix->dnormed, 0);
    layers_backward(model, pass, batch, grads);
    prefix_flush_embedding(prefix, arena_top(model, grads).embed);
}

void model_logits(Model *model, Pass *pass, const Batch *batch, const int32_t *rows, int32_t n, float *logits)
{
    if (n == 0)
        return;
    check_all_new(batch, NULL);
    pass_forward(pass, model, NULL, &batch->forest, batch->ids, rows, n);
    RUN(model->backend, head_logits, logits, pass->head_x, model_top(model).head);
}
