// Steps with BF16 weights and an F32 master, against the definition: gradients of an F32 model with the rounded values, and
// AdamW on F32 values of their own. To the bit: BF16 is widened exactly.
#include <math.h>
#include "../model/tiny.h"
#include "engine/trainer.h"

#define N_IDS 24

static const TrainerSettings SETTINGS = {.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .dtype = DTYPE_BF16};
static const float RATE = 3e-3f;

typedef struct Bench {
    Backend *backend;
    Model *master;
    Trainer *trainer;
    Batch batch; // a prompt and two completions below it
} Bench;

static Bench bench_open(const char *backend, ModelFamily family) {
    Bench bench = {.backend = open_backend(backend)};
    ModelConfig config = tiny_config(family);
    int32_t ids[N_IDS];
    if (bench.backend == NULL) return bench;
    bench.master = tiny_model(bench.backend, &config, DTYPE_F32, 11);
    bench.trainer = trainer_create(bench.master, &SETTINGS);
    fill_random_ids(ids, N_IDS, config.vocabulary, 12);
    batch_init(&bench.batch);
    int32_t prompt = batch_add_segment(&bench.batch, -1, ids, 8);
    for (int i = 0; i < 2; i++) {
        int32_t below = batch_add_segment(&bench.batch, prompt, ids + 8 + 8 * i, 8);
        batch_predict(&bench.batch, below, 0, 8);
    }
    return bench;
}

static void bench_close(Bench *bench) {
    batch_free(&bench->batch);
    trainer_destroy(bench->trainer);
    model_destroy(bench->master);
    backend_destroy(bench->backend);
}

// d loss / d logp, some of each sign; every log-prob that training sees goes into `context`.
static void loss(void *context, const Batch *batch, const float *logp, const float *entropy, float *dlogp) {
    (void)entropy;
    memcpy(context, logp, (size_t)batch->n_predictions * sizeof *logp);
    for (int32_t i = 0; i < batch->n_predictions; i++) dlogp[i] = test_normal(13, 0, (uint32_t)i);
}

static void expect_same(const Model *have, const Model *want) {
    for (int32_t p = 0; p < model_params(want)->n_params; p++) {
        const Param *param = &model_params(want)->params[p];
        size_t count = (size_t)param->rows * (size_t)param->cols;
        float *a = mem_alloc(count, sizeof *a), *b = mem_alloc(count, sizeof *b);
        model_get_param(have, p, a);
        model_get_param(want, p, b);
        assert_memory_equal(a, b, count * sizeof *a);
        mem_free(a);
        mem_free(b);
    }
}

// The trainer's model is the master rounded, and there is something to round.
static void expect_rounded(const Trainer *trainer) {
    Model *want = tiny_rounded(trainer_master(trainer));
    const Param *embed = &model_params(want)->params[0];
    float values[37 * 20], rounded[37 * 20];
    assert_int_equal(embed->rows * embed->cols, 37 * 20);
    assert_int_equal(model_dtype(trainer_model(trainer)), DTYPE_BF16);
    expect_same(trainer_model(trainer), want);
    model_get_param(trainer_master(trainer), 0, values);
    model_get_param(want, 0, rounded);
    assert_memory_not_equal(values, rounded, sizeof values);
    model_destroy(want);
}

// The definition's step: `master` after it, given its moments; log-probs of the forward into logp.
static void plain_step(Model *master, const Batch *batch, Dev m, Dev v, int64_t step, float *logp) {
    Backend *be = model_backend(master);
    float dlogp[64], again[64];
    Model *rounded = tiny_rounded(master);
    Pass *pass = pass_create(rounded, (PassSettings){.backward = true});
    Dev grads = param_arena_create(rounded);
    model_logprobs(rounded, pass, batch, 0.7f, logp, NULL);
    loss(again, batch, logp, NULL, dlogp);
    model_backward(rounded, pass, batch, 0.7f, dlogp, grads);
    AdamwSettings adamw = {RATE, SETTINGS.beta1, SETTINGS.beta2, SETTINGS.eps, SETTINGS.weight_decay, 1, step};
    RUN(be, adamw, model_arena(master), grads, m, v, model_params(master)->f32_bytes / sizeof(float), &adamw);
    param_arena_destroy(rounded, grads);
    pass_destroy(pass);
    model_destroy(rounded);
}

static void test_steps(void **state) {
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        for (int f = 0; f < N_FAMILIES; f++) {
            Bench bench = bench_open(ALL_BACKENDS[b], ALL_FAMILIES[f]);
            if (bench.backend == NULL) continue;
            expect_rounded(bench.trainer);
            Model *master = model_copy_as(bench.master, DTYPE_F32);
            Dev m = param_arena_create(master), v = param_arena_create(master);
            for (int64_t step = 1; step <= 4; step++) {
                float seen[64] = {0}, logp[64] = {0};
                trainer_accumulate(bench.trainer, &bench.batch, 0.7f, false, loss, seen);
                trainer_step(bench.trainer, RATE);
                plain_step(master, &bench.batch, m, v, step, logp);
                assert_memory_equal(seen, logp, sizeof seen);
                expect_same(bench.master, master);
                expect_rounded(bench.trainer);
            }
            param_arena_destroy(master, m);
            param_arena_destroy(master, v);
            model_destroy(master);
            bench_close(&bench);
        }
    }
}

// What sampling and scoring give of trainer_model is what training sees, with 1 thread and with 2, after a step too.
static void test_logp(void **state) {
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        setenv("OMP_NUM_THREADS", threads == 1 ? "1" : "2", 1);
        Bench bench = bench_open("cpu", MODEL_QWEN3);
        Pass *pass = pass_create(trainer_model(bench.trainer), (PassSettings){0});
        for (int step = 0; step < 2; step++) {
            float seen[64] = {0}, scored[64] = {0};
            model_logprobs(trainer_model(bench.trainer), pass, &bench.batch, 0.7f, scored, NULL);
            trainer_accumulate(bench.trainer, &bench.batch, 0.7f, false, loss, seen);
            assert_memory_equal(seen, scored, sizeof seen);
            trainer_step(bench.trainer, RATE);
        }
        pass_destroy(pass);
        bench_close(&bench);
    }
}

// A checkpoint fills the master: what is computed with follows. A step that is skipped changes neither.
static void infinite_loss(void *context, const Batch *batch, const float *logp, const float *entropy, float *dlogp) {
    loss(context, batch, logp, entropy, dlogp);
    dlogp[0] = INFINITY;
}

static void test_restored(void **state) {
    (void)state;
    Bench bench = bench_open("cpu", MODEL_LLAMA);
    ModelConfig config = tiny_config(MODEL_LLAMA);
    Model *other = tiny_model(bench.backend, &config, DTYPE_F32, 77);
    RUN(bench.backend, copy, model_arena(bench.master), model_arena(other), model_params(other)->f32_bytes);
    trainer_restored(bench.trainer, 5);
    assert_int_equal(trainer_steps(bench.trainer), 5);
    expect_same(bench.master, other);
    expect_rounded(bench.trainer);
    float seen[64];
    trainer_accumulate(bench.trainer, &bench.batch, 0.7f, false, infinite_loss, seen);
    assert_false(isfinite(trainer_step(bench.trainer, RATE)));
    assert_int_equal(trainer_steps(bench.trainer), 5);
    expect_same(bench.master, other);
    expect_rounded(bench.trainer);
    model_destroy(other);
    bench_close(&bench);
}

// In F32 there is one model.
static void test_f32(void **state) {
    (void)state;
    Backend *backend = open_backend("cpu");
    ModelConfig config = tiny_config(MODEL_QWEN2);
    Model *master = tiny_model(backend, &config, DTYPE_F32, 11);
    TrainerSettings settings = SETTINGS;
    settings.dtype = DTYPE_F32;
    Trainer *trainer = trainer_create(master, &settings);
    assert_ptr_equal(trainer_model(trainer), master);
    assert_ptr_equal(trainer_master(trainer), master);
    trainer_destroy(trainer);
    model_destroy(master);
    backend_destroy(backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_logp),
        cmocka_unit_test(test_restored),
        cmocka_unit_test(test_f32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
