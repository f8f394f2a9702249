// Passes: no allocation once reserved, logits beside log-probs and entropies, and the table of positions as it grows.
#include <math.h>
#include "model/model_impl.h"
#include "tiny.h"

static int n_allocations; // of the counting backend below

static Backend *counted; // the backend that does the work

static Dev counting_alloc(Backend *backend, size_t bytes)
{
    n_allocations++;
    return counted->ops->alloc(backend, bytes);
}

static void fill_batch(Batch *batch, int32_t n_prompt, int32_t n_leaves, int32_t n_leaf)
{
    int32_t ids[256];
    fill_random_ids(ids, 256, 37, 50);
    batch_clear(batch);
    int32_t root = batch_add_segment(batch, -1, ids, n_prompt);
    for (int32_t i = 0; i < n_leaves; i++)
        batch_predict(batch, batch_add_segment(batch, root, ids + 20 * (i + 1), n_leaf), 0, n_leaf);
}

static void run_once(Model *model, Pass *pass, const Batch *batch, Dev grads)
{
    float logp[128], dlogp[128];
    for (int i = 0; i < 128; i++)
        dlogp[i] = 0.5f;
    model_logprobs(model, pass, batch, 1.0f, logp, NULL);
    model_backward(model, pass, batch, 1.0f, dlogp, grads);
}

static void test_reserved_passes_do_not_allocate(void **state)
{
    (void)state;
    counted = open_backend("ref");
    BackendOps ops = *counted->ops;
    ops.alloc = counting_alloc;
    Backend counting = {&ops, counted->state};
    ModelConfig config = tiny_config(MODEL_QWEN3);
    Batch batch;
    batch_init(&batch);
    for (int checkpointing = 0; checkpointing < 2; checkpointing++) {
        Model *model = tiny_model(&counting, &config, DTYPE_F32, 51);
        Pass *pass = pass_create(model, (PassSettings){.backward = true, .checkpointing = checkpointing == 1});
        Dev grads = param_arena_create(model);
        fill_batch(&batch, 3, 1, 1);
        run_once(model, pass, &batch, grads); // the table of positions, and a small arena
        pass_reserve(pass, 10 + 4 * 11, 4 * 11);
        n_allocations = 0;
        fill_batch(&batch, 10, 4, 11);
        run_once(model, pass, &batch, grads);
        fill_batch(&batch, 7, 3, 2);
        run_once(model, pass, &batch, grads);
        assert_int_equal(n_allocations, 0);
        fill_batch(&batch, 11, 4, 11); // one row more than reserved
        run_once(model, pass, &batch, grads);
        assert_int_equal(n_allocations, 1);
        param_arena_destroy(model, grads);
        pass_destroy(pass);
        model_destroy(model);
    }
    batch_free(&batch);
    backend_destroy(counted);
}

// Log-probs and entropies against log-softmax in double over model_logits. 1e-5: the logits go up to about 20, whose ulp is
// 2e-6, and are divided by the temperature in F32.
static void test_logits_agree(void **state)
{
    (void)state;
    const float temperature = 0.7f;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        ModelConfig config = tiny_config(MODEL_LLAMA);
        Model *model = tiny_model(backend, &config, DTYPE_F32, 52);
        Pass *pass = pass_create(model, (PassSettings){0});
        Batch batch;
        batch_init(&batch);
        fill_batch(&batch, 6, 3, 4);
        float logp[12], entropy[12], logits[12 * 37];
        model_logprobs(model, pass, &batch, temperature, logp, entropy);
        model_logits(model, pass, &batch, batch.pred_row, 12, logits);
        for (int p = 0; p < 12; p++) {
            double sum = 0, want_entropy = 0, scaled[37];
            for (int v = 0; v < 37; v++) {
                scaled[v] = (double)logits[p * 37 + v] / (double)temperature;
                sum += exp(scaled[v]);
            }
            for (int v = 0; v < 37; v++)
                want_entropy -= exp(scaled[v]) / sum * (scaled[v] - log(sum));
            assert_true(fabs((double)logp[p] - (scaled[batch.pred_id[p]] - log(sum))) < 1e-5);
            assert_true(fabs((double)entropy[p] - want_entropy) < 1e-5);
        }
        batch_free(&batch);
        pass_destroy(pass);
        model_destroy(model);
        backend_destroy(backend);
    }
}

#define N_LONG 1100

// The table grows at position 1024: the same bits from a model whose table grew and from one that began with it, and
// for short sequences before and after.
static void test_long_positions(void **state)
{
    (void)state;
    Backend *backend = open_backend("ref");
    ModelConfig config = tiny_config(MODEL_QWEN2);
    config.n_layers = 1;
    int32_t ids[N_LONG];
    fill_random_ids(ids, N_LONG, config.vocabulary, 53);
    Batch short_batch, long_batch;
    batch_init(&short_batch);
    batch_init(&long_batch);
    batch_predict(&short_batch, batch_add_segment(&short_batch, -1, ids, 20), 1, 20);
    batch_predict(&long_batch, batch_add_segment(&long_batch, -1, ids, N_LONG), N_LONG - 50, N_LONG);
    Model *grown = tiny_model(backend, &config, DTYPE_F32, 54), *fresh = tiny_model(backend, &config, DTYPE_F32, 54);
    Pass *pass = pass_create(grown, (PassSettings){0});
    float before[20], after[20], long_grown[50], long_fresh[50];
    model_logprobs(grown, pass, &short_batch, 1.0f, before, NULL);
    model_logprobs(grown, pass, &long_batch, 1.0f, long_grown, NULL);
    model_logprobs(grown, pass, &short_batch, 1.0f, after, NULL);
    model_logprobs(fresh, pass, &long_batch, 1.0f, long_fresh, NULL);
    assert_memory_equal(before, after, 19 * sizeof *before);
    assert_memory_equal(long_grown, long_fresh, sizeof long_fresh);
    pass_destroy(pass);
    model_destroy(grown);
    model_destroy(fresh);
    batch_free(&short_batch);
    batch_free(&long_batch);
    backend_destroy(backend);
}

// cos and sin of every position against the formula in double. The angle is a product rounded to F32: up to 3000 here, so
// half an ulp is 1.2e-4.
static void test_rope_table(void **state)
{
    (void)state;
    Backend *backend = open_backend("ref");
    ModelConfig config = tiny_config(MODEL_QWEN2);
    config.rope = (RopeConfig){.kind = ROPE_YARN, .theta = 1000.0, .factor = 4, .original_max_positions = 64,
                               .beta_fast = 32, .beta_slow = 1};
    Model *model = tiny_model(backend, &config, DTYPE_F32, 55);
    rope_table_reserve(model, 10);
    rope_table_reserve(model, 3000);
    assert_true(model->rope.n_positions >= 3000 && model->rope.half_dim == 3);
    size_t count = (size_t)model->rope.n_positions * 3;
    float *cosines = mem_alloc(count, sizeof *cosines), *sines = mem_alloc(count, sizeof *sines);
    RUN(backend, download, cosines, model->rope.cos, count * sizeof *cosines);
    RUN(backend, download, sines, model->rope.sin, count * sizeof *sines);
    double inv_freq[3], scale;
    rope_frequencies(&config.rope, 6, inv_freq, &scale);
    for (int position = 0; position < 3000; position++) {
        for (int i = 0; i < 3; i++) {
            assert_true(fabs((double)cosines[3 * position + i] - scale * cos(position * inv_freq[i])) < 2e-4);
            assert_true(fabs((double)sines[3 * position + i] - scale * sin(position * inv_freq[i])) < 2e-4);
        }
    }
    mem_free(cosines);
    mem_free(sines);
    model_destroy(model);
    backend_destroy(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserved_passes_do_not_allocate),
        cmocka_unit_test(test_logits_agree),
        cmocka_unit_test(test_long_positions),
        cmocka_unit_test(test_rope_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
