// Decoding: a K/V cache, and new tokens over it.
#include <assert.h>

#include "base/mem.h"
#include "model/model_impl.h"

static size_t layer_side_bytes(const ModelConfig *config, int32_t n_rows) // K or V of one layer
{
    return cached_side_bytes(n_rows, config->n_kv_heads * config->head_dim);
}

size_t kv_cache_bytes(const ModelConfig *config, int32_t n_rows)
{
    return 2 * (size_t)config->n_layers * layer_side_bytes(config, n_rows);
}

KvCache *kv_cache_create(Model *model, int32_t n_rows)
{
    assert(n_rows > 0);
    KvCache *cache = mem_alloc(1, sizeof *cache);
    cache->backend = model->backend;
    cache->n_rows = n_rows;
    cache->width = model->config.n_kv_heads * model->config.head_dim;
    cache->head_dim = model->config.head_dim;
    cache->n_layers = model->config.n_layers;
    cache->side_bytes = layer_side_bytes(&model->config, n_rows);
    cache->memory = RUN(model->backend, alloc, kv_cache_bytes(&model->config, n_rows));
    return cache;
}

void kv_cache_destroy(KvCache *cache)
{
    if (!cache)
        return;
    RUN(cache->backend, release, cache->memory);
    mem_free(cache);
}

int32_t kv_cache_rows(const KvCache *cache)
{
    return cache->n_rows;
}

static Mat cache_side(const KvCache *cache, int32_t layer, size_t side)
{
    assert(layer >= 0 && layer < cache->n_layers);
    Dev data = dev_offset(cache->memory, (2 * (size_t)layer + side) * cache->side_bytes);
    return mat(data, cache->n_rows, cache->width);
}

Mat kv_cache_k(const KvCache *cache, int32_t layer)
{
    return cache_side(cache, layer, 0);
}


Mat kv_cache_v(const KvCache *cache, int32_t layer)
{
    return cache_side(cache, layer, 1);
}

CachedKv kv_cache_layer(const KvCache *cache, int32_t layer)
{
    Mat k = kv_cache_k(cache, layer), v = kv_cache_v(cache, layer);
    return (CachedKv){.k = k.data, .v = v.data, .rows = k.rows, .cols = k.cols, .head_dim = cache->head_dim};
}

void model_decode(Model *model, Pass *pass, KvCache *cache, const Forest *forest, const int32_t *ids,
                  const int32_t *rows, int32_t n, const SampleSettings *settings, const float *uniforms,
                  int32_t *out_ids, float *out_logp)
{
    assert(cache->backend == model->backend && cache->n_layers == model->config.n_layers &&
           cache->width == model->config.n_kv_heads * model->config.head_dim);
    assert(forest->n_kv == cache->n_rows);
    pass_forward(pass, model, cache, forest, ids, rows, n);
    if (n == 0)
        return;
    RUN(model->backend, head_sample, out_ids, out_logp, pass->head_x, model_top(model).head, settings, uniforms);
}
