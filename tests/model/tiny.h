// Tiny models of random parameters for the tests of this folder. Sizes are no multiples of a vector's width, and norms
// and biases are random too, so that a forgotten one shows.
#ifndef RLT_TESTS_MODEL_TINY_H
#define RLT_TESTS_MODEL_TINY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// (cmocka's header needs those above)
#include <cmocka.h>
#include "base/mem.h"
#include "base/philox.h"
#include "model/lora.h"

static const ModelFamily ALL_FAMILIES[] = {MODEL_LLAMA, MODEL_QWEN2, MODEL_QWEN3};
#define N_FAMILIES 3

// Backends to test, as far as this processor has them.
static const char *const ALL_BACKENDS[] = {"ref", "cpu:portable", "cpu:avx2", "cpu:avx512"};
#define N_BACKENDS 4

static inline ModelConfig tiny_config(ModelFamily family)
{
    ModelConfig config = {
        .family = family, .vocabulary = 37, .hidden = 20, .n_layers = 3, .n_heads = 4, .n_kv_heads = 2, .head_dim = 6,
        .ffn = 26, .max_positions = 128, .norm_eps = 1e-6f, .rope = {.kind = ROPE_DEFAULT, .theta = 1000.0},
        .bos_id = -1, .eos_id = -1, .pad_id = -1,
    };
    config.tied = family != MODEL_LLAMA;
    config.qkv_bias = family != MODEL_QWEN3; // Llama: its attention_bias
    config.o_bias = config.mlp_bias = family == MODEL_LLAMA;
    config.qk_norm = family == MODEL_QWEN3;
    return config;
}

static inline float test_normal(uint64_t seed, uint32_t stream, uint32_t index)
{
    RngAddress address = {.seed = seed, .purpose = RNG_TEST, .question = stream, .position = index};
    float pair[2];
    rng_normal2(&address, pair);
    return pair[0];
}

static inline float test_uniform(uint64_t seed, uint32_t stream, uint32_t index)
{
    RngAddress address = {.seed = seed, .purpose = RNG_TEST, .question = stream, .position = index};
    return rng_uniform(&address);
}

static inline void fill_random_ids(int32_t *ids, int32_t n, int32_t vocabulary, uint64_t seed)
{
    for (int32_t i = 0; i < n; i++)
        ids[i] = (int32_t)(test_uniform(seed, 7, (uint32_t)i) * (float)vocabulary);
}

// NULL where this processor lacks the backend.
static inline Backend *open_backend(const char *name)
{
    Backend *backend;
    Error error;
    if (backend_create(name, &backend, &error))
        return backend;
    assert_true(strcmp(name, "cpu:avx2") == 0 || strcmp(name, "cpu:avx512") == 0);
    printf("without %s: %s\n", name, error.message);
    return NULL;
}

static inline Model *tiny_model(Backend *backend, const ModelConfig *config, Dtype dtype, uint64_t seed)
{
    Model *model;
    Error error;
    assert_true(model_create(backend, config, dtype, &model, &error));
    const ParamTable *table = model_params(model);
    for (int32_t p = 0; p < table->n_params; p++) {
        const Param *param = &table->params[p];
        size_t count = (size_t)param->rows * (size_t)param->cols;
        float *values = mem_alloc(count, sizeof *values);
        bool is_norm = param->kind == PARAM_VECTOR && strstr(param->name, "norm");
        for (size_t i = 0; i < count; i++) {
            float normal = test_normal(seed, (uint32_t)p, (uint32_t)i);
            values[i] = is_norm ? 1.0f + 0.3f * normal : 0.3f * normal;
        }
        model_set_param(model, p, values);
        mem_free(values);
    }
    return model;
}

// To BF16's 8 bits of significand, to nearest, ties to even, by integers.
static inline float round_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits += 0x7fff + ((bits >> 16) & 1);
    bits &= 0xffff0000u;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// An F32 model with the weights of `from` rounded to BF16's values; vectors as they are.
static inline Model *tiny_rounded(const Model *from)
{
    Model *to = model_copy_as(from, DTYPE_F32);
    for (int32_t p = 0; p < model_params(from)->n_params; p++) {
        const Param *param = &model_params(from)->params[p];
        size_t count = (size_t)param->rows * (size_t)param->cols;
        float *values = mem_alloc(count, sizeof *values);
        model_get_param(from, p, values);
        for (size_t i = 0; param->kind == PARAM_WEIGHT && i < count; i++)
            values[i] = round_bf16(values[i]);
        model_set_param(to, p, values);
        mem_free(values);
    }
    return to;
}

// Random A and B: B is as large as A, so that every gradient counts.
static inline Model *tiny_adapted(Model *base, unsigned targets, uint64_t seed)
{
    LoraConfig config = {.rank = 3, .alpha = 4, .targets = targets, .dropout = 0.3f, .rslora = true};
    Model *model;
    Error error;
    assert_true(model_adapt(base, &config, "base", &model, &error));
    for (int32_t p = 0; p < model_params(model)->n_params; p++) {
        const Param *param = &model_params(model)->params[p];
        float values[26 * 26];
        assert_true(param->rows * param->cols <= 26 * 26);
        for (int32_t i = 0; i < param->rows * param->cols; i++)
            values[i] = 0.2f * test_normal(seed, (uint32_t)p, (uint32_t)i);
        model_set_param(model, p, values);
    }
    return model;
}

#endif
