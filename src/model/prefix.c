// A prefix that batches go on from. Its tokens have a pass of their own; its K and V, and their gradients, are copied
// into the matrices of each batch's pass and back, so that attention finds all K/V rows in one matrix.
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "model/model_impl.h"

Prefix *prefix_create(Model *model, PassSettings settings)
{
    Prefix *prefix = mem_alloc(1, sizeof *prefix);
    int32_t hidden = model->config.hidden;
    size_t bytes = ((size_t)hidden * sizeof(float) + 63) / 64 * 64;
    prefix->backend = model->backend;
    prefix->pass = pass_create(model, settings);
    prefix->pass->keeper = prefix;
    prefix->normed = mat(RUN(model->backend, alloc, 2 * bytes), 1, hidden);
    prefix->dnormed = mat(dev_offset(prefix->normed.data, bytes), 1, hidden);
    if (settings.backward)
        prefix->place_of_id = mem_alloc((size_t)model->config.vocabulary, sizeof *prefix->place_of_id);
    prefix->dembed.cols = hidden;
    return prefix;
}

void prefix_destroy(Prefix *prefix)
{
    if (!prefix)
        return;
    kv_cache_destroy(prefix->kv);
    kv_cache_destroy(prefix->dkv);
    RUN(prefix->backend, release, prefix->normed.data);
    RUN(prefix->backend, release, prefix->dembed.data);
    mem_free(prefix->place_of_id);
    mem_free(prefix->place_ids);
    mem_free(prefix->places);
    pass_destroy(prefix->pass);
    mem_free(prefix);
}

Pass *prefix_pass(Prefix *prefix)
{
    return prefix->pass;
}

Prefix *pass_prefix(Model *model, Pass *pass)
{
    if (!pass->own_prefix) {
        pass->own_prefix = prefix_create(model, pass->settings);
        pass->own_prefix->pass->rank = pass->rank; // a pass may be shared by a model and its adapted one
    }
    return pass->own_prefix;
}

static KvCache *with_rows(Model *model, KvCache *cache, int32_t n_rows)
{
    if (cache && cache->n_rows >= n_rows)
        return cache;
    kv_cache_destroy(cache);
    return kv_cache_create(model, n_rows);
}

void prefix_forward(Model *model, Prefix *prefix, const Batch *batch)
{
    assert(batch->forest.n_segments == 1 && batch->n_prefix == 0 && batch->n_predictions == 0);
    Backend *be = model->backend;
    Pass *pass = prefix->pass;
    prefix->n_tokens = batch->forest.n_rows;
    prefix->kv = with_rows(model, prefix->kv, prefix->n_tokens);
    int32_t last = prefix->n_tokens - 1;
    pass_take_batch(pass, batch);
    pass_forward(pass, model, NULL, &batch->forest, batch->ids, &last, 1);
    RUN(be, copy, prefix->normed.data, pass->head_x.data, (size_t)pass->head_x.cols * sizeof(float));
    if (!pass->settings.backward)
        return;
    pass->forward_of = batch;
    prefix->dkv = with_rows(model, prefix->dkv, prefix->n_tokens);
    RUN(be, zero, prefix->dkv->memory, kv_cache_bytes(&model->config, prefix->dkv->n_rows));
    RUN(be, zero, prefix->dnormed.data, (size_t)prefix->dnormed.cols * sizeof(float));
}

// The first n rows.
static void copy_rows(Backend *be, Mat to, Mat from, int32_t n)
{
    RUN(be, copy, to.data, from.data, (size_t)n * (size_t)from.cols * sizeof(float));
}

void prefix_load_kv(const Pass *pass, int32_t layer)
{
    if (!pass->prefix)
        return;
    const LayerActs *acts = &pass->acts[layer];
    copy_rows(pass->backend, acts->k_all, kv_cache_k(pass->prefix->kv, layer), pass->n_prefix);
    copy_rows(pass->backend, acts->v_all, kv_cache_v(pass->prefix->kv, layer), pass->n_prefix);
}

void prefix_keep_kv(const Pass *pass, int32_t layer)
{
    if (!pass->keeper)
        return;
    const LayerActs *acts = &pass->acts[layer];
    copy_rows(pass->backend, kv_cache_k(pass->keeper->kv, layer), acts->k, pass->n_rows);
    copy_rows(pass->backend, kv_cache_v(pass->keeper->kv, layer), acts->v, pass->n_rows);
}

void prefix_begin_kv_gradients(const Pass *pass, int32_t layer)
{
    Backend *be = pass->backend;
    const LayerScratch *s = &pass->scratch;
    const Prefix *from = pass->keeper ? pass->keeper : pass->prefix;
    int32_t n = pass->keeper ? pass->n_rows : pass->n_prefix; // rows that have gradients already
    if (from) {
        copy_rows(be, s->dk_all, kv_cache_k(from->dkv, layer), n);
        copy_rows(be, s->dv_all, kv_cache_v(from->dkv, layer), n);
    }
    if (pass->keeper)
        return;
    RUN(be, zero, s->dk.data, (size_t)s->dk.rows * (size_t)s->dk.cols * sizeof(float));
    RUN(be, zero, s->dv.data, (size_t)s->dv.rows * (size_t)s->dv.cols * sizeof(float));
}

void prefix_end_kv_gradients(const Pass *pass, int32_t layer)
{
    if (!pass->prefix)
        return;
    copy_rows(pass->backend, kv_cache_k(pass->prefix->dkv, layer), pass->scratch.dk_all, pass->n_prefix);
    copy_rows(pass->backend, kv_cache_v(pass->prefix->dkv, layer), pass->scratch.dv_all, pass->n_prefix);
}

static Mat first_rows(Mat m, int32_t n)
{
    return mat(m.data, n, m.cols);
}

static void grow_places(Prefix *prefix, int32_t cap)
{
    if (cap <= prefix->cap_places)
        return;
    Backend *be = prefix->backend;
    Mat old = prefix->dembed;
    prefix->cap_places = cap;
    prefix->place_ids = mem_realloc(prefix->place_ids, (size_t)prefix->cap_places, sizeof *prefix->place_ids);
    size_t floats = (size_t)prefix->cap_places * (size_t)old.cols;
    prefix->dembed = mat(RUN(be, alloc, floats * sizeof(float)), prefix->cap_places, old.cols);
    if (prefix->n_places > 0)
        copy_rows(be, prefix->dembed, old, prefix->n_places);
    RUN(be, release, old.data);
}

// Rows for `more` ids that may be new; what is there stays.
static void reserve_places(Prefix *prefix, int32_t more)
{
    if (prefix->n_places + more > prefix->cap_places)
        grow_places(prefix, 2 * prefix->n_places + more);
}

// Ids that occur, at most, and room for a batch's on top (reserve_places).
static int32_t most_places(const ModelConfig *config, const PassSize *size)
{
    int32_t all = size->prefix_rows + size->prefix, batch = size->rows > size->prefix ? size->rows : size->prefix;
    return (all < config->vocabulary ? all : config->vocabulary) + batch;
}

size_t prefix_bytes(const ModelConfig *config, PassSettings settings, const PassSize *size)
{
    size_t kv = kv_cache_bytes(config, size->prefix), row = (size_t)config->hidden * sizeof(float);
    if (!settings.backward)
        return kv + 2 * row;
    size_t ids = (size_t)config->vocabulary + (size_t)most_places(config, size) + (size_t)size->rows;
    return 2 * kv + 2 * row + ids * sizeof(int32_t) + (size_t)most_places(config, size) * row;
}

void prefix_reserve(Model *model, Prefix *prefix, const PassSize *size)
{
    prefix->kv = with_rows(model, prefix->kv, size->prefix);
    if (!prefix->pass->settings.backward)
        return;
    prefix->dkv = with_rows(model, prefix->dkv, size->prefix);
    grow_places(prefix, most_places(&model->config, size));
    memset(prefix->place_ids, 0, (size_t)prefix->cap_places * sizeof *prefix->place_ids); // in memory before the pass
    memset(prefix->place_of_id, 0, (size_t)model->config.vocabulary * sizeof *prefix->place_of_id);
    if (size->rows > prefix->cap_rows) {
        prefix->cap_rows = size->rows > size->prefix ? size->rows : size->prefix;
        prefix->places = mem_realloc(prefix->places, (size_t)prefix->cap_rows, sizeof *prefix->places);
        memset(prefix->places, 0, (size_t)prefix->cap_rows * sizeof *prefix->places);
    }
}

void prefix_add_embedding(Prefix *prefix, Mat dx, const int32_t *ids)
{
    int32_t n = dx.rows, had = prefix->n_places;
    reserve_places(prefix, n);
    if (n > prefix->cap_rows) {
        prefix->cap_rows = n;
        prefix->places = mem_realloc(prefix->places, (size_t)n, sizeof *prefix->places);
    }
    for (int32_t i = 0; i < n; i++) {
        int32_t *place = &prefix->place_of_id[ids[i]];
        if (*place == 0) {
            prefix->place_ids[prefix->n_places++] = ids[i];
            *place = prefix->n_places;
        }
        prefix->places[i] = *place - 1;
    }
    size_t row = (size_t)dx.cols * sizeof(float);
    RUN(prefix->backend, zero, dev_offset(prefix->dembed.data, (size_t)had * row),
        (size_t)(prefix->n_places - had) * row);
    RUN(prefix->backend, rows_scatter_add, first_rows(prefix->dembed, prefix->n_places), dx, prefix->places);
}

void prefix_flush_embedding(Prefix *prefix, Weight dw)
{
    if (prefix->n_places > 0)
        RUN(prefix->backend, embed_backward, dw, first_rows(prefix->dembed, prefix->n_places), prefix->place_ids);
    for (int32_t i = 0; i < prefix->n_places; i++)
        prefix->place_of_id[prefix->place_ids[i]] = 0;
    prefix->n_places = 0;
}
