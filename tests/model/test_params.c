// The list of parameters, values in and out, starting from scratch, copies.
#include <math.h>
#include "tiny.h"

static const Param *find(const Model *model, const char *name)
{
    const ParamTable *table = model_params(model);
    for (int32_t i = 0; i < table->n_params; i++) {
        if (strcmp(table->params[i].name, name) == 0)
            return &table->params[i];
    }
    return NULL;
}

static void expect_shape(const Model *model, const char *name, int32_t rows, int32_t cols)
{
    const Param *param = find(model, name);
    assert_non_null(param);
    assert_int_equal(param->rows, rows);
    assert_int_equal(param->cols, cols);
}

// Names and shapes as Hugging Face's checkpoints have them (also held by the golden folders, which load by name).
static void test_list(void **state)
{
    (void)state;
    Backend *backend = open_backend("ref");
    ModelConfig config = tiny_config(MODEL_QWEN3);
    Model *model = tiny_model(backend, &config, DTYPE_F32, 1);
    assert_int_equal(model_params(model)->n_params, 2 + 3 * 11);
    expect_shape(model, "model.embed_tokens.weight", 37, 20);
    expect_shape(model, "model.layers.2.self_attn.q_proj.weight", 24, 20);
    expect_shape(model, "model.layers.2.self_attn.k_proj.weight", 12, 20);
    expect_shape(model, "model.layers.0.self_attn.q_norm.weight", 6, 1);
    expect_shape(model, "model.layers.1.mlp.down_proj.weight", 20, 26);
    expect_shape(model, "model.norm.weight", 20, 1);
    assert_null(find(model, "lm_head.weight"));
    assert_null(find(model, "model.layers.0.self_attn.q_proj.bias"));
    assert_int_equal(model_count_parameters(model),
                     37 * 20 + 20 + 3 * (2 * 20 + 2 * 6 + 2 * 24 * 20 + 2 * 12 * 20 + 3 * 26 * 20));
    model_destroy(model);

    config = tiny_config(MODEL_LLAMA);
    model = tiny_model(backend, &config, DTYPE_F32, 1);
    assert_int_equal(model_params(model)->n_params, 3 + 3 * 16);
    expect_shape(model, "lm_head.weight", 37, 20);
    expect_shape(model, "model.layers.0.self_attn.o_proj.bias", 20, 1);
    expect_shape(model, "model.layers.0.mlp.gate_proj.bias", 26, 1);
    model_destroy(model);
    backend_destroy(backend);
}

// Places do not overlap: weights first, then vectors, inside the arena.
static void test_places(void **state)
{
    (void)state;
    Backend *backend = open_backend("ref");
    ModelConfig config = tiny_config(MODEL_LLAMA);
    Model *model = tiny_model(backend, &config, DTYPE_BF16, 1);
    const ParamTable *table = model_params(model);
    for (int32_t i = 0; i < table->n_params; i++) {
        const Param *a = &table->params[i];
        assert_int_equal(a->offset_bytes % 64, 0);
        assert_true(a->offset_bytes + (size_t)a->rows * (size_t)a->cols * 4 <= table->f32_bytes);
        assert_true(a->offset_stored < table->stored_bytes);
        for (int32_t j = 0; j < table->n_params; j++) {
            const Param *b = &table->params[j];
            if (a->kind == PARAM_WEIGHT && b->kind == PARAM_VECTOR)
                assert_true(a->offset_bytes < b->offset_bytes && a->offset_stored < b->offset_stored);
            if (a->offset_bytes < b->offset_bytes)
                assert_true(a->offset_bytes + (size_t)a->rows * (size_t)a->cols * 4 <= b->offset_bytes);
        }
    }
    model_destroy(model);
    backend_destroy(backend);
}

static float *get_param(const Model *model, int32_t index, size_t *count)
{
    const Param *param = &model_params(model)->params[index];
    *count = (size_t)param->rows * (size_t)param->cols;
    float *values = mem_alloc(*count, sizeof *values);
    model_get_param(model, index, values);
    return values;
}

// Every parameter keeps its own values: set all, then read all.
static void test_set_get(void **state)
{
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        ModelConfig config = tiny_config(MODEL_LLAMA);
        Model *model = tiny_model(backend, &config, DTYPE_F32, 5);
        Dev arena = param_arena_create(model);
        for (int32_t p = 0; p < model_params(model)->n_params; p++) {
            size_t count;
            float *values = get_param(model, p, &count);
            bool is_norm = model_params(model)->params[p].kind == PARAM_VECTOR &&
                           strstr(model_params(model)->params[p].name, "norm");
            for (size_t i = 0; i < count; i++) {
                float normal = test_normal(5, (uint32_t)p, (uint32_t)i);
                assert_true(values[i] == (is_norm ? 1.0f + 0.3f * normal : 0.3f * normal));
            }
            param_arena_set(model, arena, p, values);
            mem_free(values);
        }
        // A F32 model's arena and a param arena have the same places: the whole of one copied is the other.
        Model *other = tiny_model(backend, &config, DTYPE_F32, 6);
        RUN(backend, copy, model_arena(other), arena, model_params(other)->f32_bytes);
        for (int32_t p = 0; p < model_params(model)->n_params; p++) {
            size_t count;
            float *a = get_param(model, p, &count), *c = get_param(other, p, &count);
            float *from_arena = mem_alloc(count, sizeof *from_arena);
            param_arena_get(model, arena, p, from_arena);
            assert_memory_equal(a, c, count * sizeof *a);
            assert_memory_equal(a, from_arena, count * sizeof *a);
            mem_free(a);
            mem_free(c);
            mem_free(from_arena);
        }
        param_arena_destroy(model, arena);
        model_destroy(model);
        model_destroy(other);
        backend_destroy(backend);
    }
}

// Mean 0 and standard deviation as asked for, within 4 standard errors; the same bits on every backend and for each
// call.
static void test_init_random(void **state)
{
    (void)state;
    ModelConfig config = tiny_config(MODEL_LLAMA);
    config.hidden = 64;
    config.ffn = 96;
    Error error;
    float *first[64] = {0};
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        Model *model;
        assert_true(model_create(backend, &config, DTYPE_F32, &model, &error));
        model_init_random(model, 42, 0.02f);
        for (int32_t p = 0; p < model_params(model)->n_params; p++) {
            const Param *param = &model_params(model)->params[p];
            size_t count;
            float *values = get_param(model, p, &count);
            double mean = 0, squares = 0;
            for (size_t i = 0; i < count; i++) {
                mean += (double)values[i] / (double)count;
                squares += (double)values[i] * (double)values[i] / (double)count;
            }
            if (param->kind == PARAM_WEIGHT) {
                bool residual = strstr(param->name, "o_proj") || strstr(param->name, "down_proj");
                double std = residual ? 0.02 / sqrt(6.0) : 0.02;
                assert_true(fabs(mean) < 4 * std / sqrt((double)count));
                assert_true(fabs(sqrt(squares) / std - 1) < 4 / sqrt(2.0 * (double)count));
            } else {
                bool is_norm = strstr(param->name, "norm") != NULL;
                assert_true(mean == (is_norm ? 1.0 : 0.0) || fabs(mean - (is_norm ? 1.0 : 0.0)) < 1e-12);
                assert_true(values[0] == (is_norm ? 1.0f : 0.0f));
            }
            if (first[p]) {
                assert_memory_equal(first[p], values, count * sizeof *values);
                mem_free(values);
            } else {
                first[p] = values;
            }
        }
        model_destroy(model);
        backend_destroy(backend);
    }
    // Two parameters of one shape do not share draws.
    assert_true(memcmp(first[1 + 6 - 5], first[1 + 16 + 6 - 5], 64 * sizeof(float)) != 0);
    for (int p = 0; p < 64; p++)
        mem_free(first[p]);
}

// F32 -> BF16 rounds to nearest even (checked against the rounding by integers), -> F32 is exact.
static void test_copy(void **state)
{
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        ModelConfig config = tiny_config(MODEL_QWEN2);
        Model *source = tiny_model(backend, &config, DTYPE_F32, 9);
        Model *small = model_copy_as(source, DTYPE_BF16), *back = model_copy_as(small, DTYPE_F32);
        assert_int_equal(model_dtype(small), DTYPE_BF16);
        for (int32_t p = 0; p < model_params(source)->n_params; p++) {
            bool is_weight = model_params(source)->params[p].kind == PARAM_WEIGHT;
            size_t count;
            float *want = get_param(source, p, &count), *have = get_param(small, p, &count);
            float *again = get_param(back, p, &count);
            for (size_t i = 0; i < count; i++)
                assert_true(have[i] == (is_weight ? round_bf16(want[i]) : want[i]));
            assert_memory_equal(have, again, count * sizeof *have);
            mem_free(want);
            mem_free(have);
            mem_free(again);
        }
        model_destroy(source);
        model_destroy(small);
        model_destroy(back);
        backend_destroy(backend);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),        cmocka_unit_test(test_places), cmocka_unit_test(test_set_get),
        cmocka_unit_test(test_init_random), cmocka_unit_test(test_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
