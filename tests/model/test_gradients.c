// The whole model's gradient against finite differences, and forests against separate sequences.
#include <math.h>
#include <stdlib.h>
#include "slopes.h"

// Prompt (5), three completions (4, 1, 6) below it, and one that goes on (3) from the first.
static const int32_t LENGTHS[] = {5, 4, 1, 6, 3};
static const int32_t PARENTS[] = {-1, 0, 0, 0, 1};
#define N_SEGMENTS 5
#define N_IDS 19

typedef struct Case {
    Model *model;
    Batch batch;
    float dlogp[64]; // weights of the loss: sum of dlogp * logp
} Case;

static void case_begin(Case *c, Backend *backend, ModelFamily family)
{
    ModelConfig config = tiny_config(family);
    int32_t ids[N_IDS], at = 0;
    c->model = tiny_model(backend, &config, DTYPE_F32, 11);
    fill_random_ids(ids, N_IDS, config.vocabulary, 12);
    batch_init(&c->batch);
    for (int s = 0; s < N_SEGMENTS; s++) {
        int32_t segment = batch_add_segment(&c->batch, PARENTS[s], ids + at, LENGTHS[s]);
        batch_predict(&c->batch, segment, PARENTS[s] < 0 ? 1 : 0, LENGTHS[s]);
        at += LENGTHS[s];
    }
    for (int32_t i = 0; i < c->batch.n_predictions; i++)
        c->dlogp[i] = test_normal(13, 0, (uint32_t)i);
}

static void case_end(Case *c)
{
    batch_free(&c->batch);
    model_destroy(c->model);
}

typedef struct CasePass { // what the loss is computed with
    Case *c;
    Pass *pass;
} CasePass;

static double loss_of(const void *context)
{
    const CasePass *at = context;
    float logp[64];
    double loss = 0;
    model_logprobs(at->c->model, at->pass, &at->c->batch, 0.7f, logp, NULL);
    for (int32_t i = 0; i < at->c->batch.n_predictions; i++)
        loss += (double)at->c->dlogp[i] * (double)logp[i];
    return loss;
}

static void test_finite_differences(void **state)
{
    (void)state;
    Backend *backend = open_backend("ref");
    for (int f = 0; f < N_FAMILIES; f++) {
        Case c;
        case_begin(&c, backend, ALL_FAMILIES[f]);
        Pass *pass = pass_create(c.model, (PassSettings){.backward = true});
        Dev grads = param_arena_create(c.model);
        CasePass at = {&c, pass};
        loss_of(&at);
        model_backward(c.model, pass, &c.batch, 0.7f, c.dlogp, grads);
        check_slopes(c.model, (Loss){loss_of, &at}, grads);
        param_arena_destroy(c.model, grads);
        pass_destroy(pass);
        case_end(&c);
    }
    backend_destroy(backend);
}

static float *download_arena(const Model *model, Dev arena)
{
    size_t bytes = model_params(model)->f32_bytes;
    float *values = mem_alloc(bytes / sizeof(float), sizeof(float));
    RUN(model_backend(model), download, values, arena, bytes);
    return values;
}

// The path of segments from a root to s as one sequence; own[i]: the prediction of the forest that position i is.
static int32_t path_of(const Case *c, int32_t s, int32_t *ids)
{
    int32_t n = 0;
    if (PARENTS[s] >= 0)
        n = path_of(c, PARENTS[s], ids);
    const Segment *segment = &c->batch.segments[s];
    memcpy(ids + n, c->batch.ids + segment->row, (size_t)segment->n_tokens * sizeof *ids);
    return n + segment->n_tokens;
}

// Every segment's predictions on its whole path as a separate sequence: the same bits of log-probs; gradients added
// over the sequences equal the forest's within rounding (sums of at most 60 terms in another order: 1e-5 of the norm is
// 100 ulp).
static void check_separate(Case *c, const float *forest_logp, const float *forest_grads)
{
    Pass *pass = pass_create(c->model, (PassSettings){.backward = true});
    Dev grads = param_arena_create(c->model);
    int32_t done = 0;
    for (int32_t s = 0; s < N_SEGMENTS; s++) {
        int32_t ids[N_IDS], n = path_of(c, s, ids), count = LENGTHS[s] - (PARENTS[s] < 0);
        float logp[N_IDS];
        Batch batch;
        batch_init(&batch);
        batch_predict(&batch, batch_add_segment(&batch, -1, ids, n), n - count, n);
        model_logprobs(c->model, pass, &batch, 0.7f, logp, NULL);
        assert_memory_equal(logp, forest_logp + done, (size_t)count * sizeof *logp);
        model_backward(c->model, pass, &batch, 0.7f, c->dlogp + done, grads);
        done += count;
        batch_free(&batch);
    }
    assert_int_equal(done, c->batch.n_predictions);
    float *sum = download_arena(c->model, grads);
    assert_true(relative(sum, forest_grads, model_params(c->model)->f32_bytes / sizeof(float), 1) < 1e-5);
    mem_free(sum);
    param_arena_destroy(c->model, grads);
    pass_destroy(pass);
}

// Recomputing gives the same bits as keeping.
static void check_checkpointing(Case *c, const float *want_logp, const float *want_grads)
{
    PassSettings settings = {.backward = true, .checkpointing = true};
    Pass *pass = pass_create(c->model, settings);
    Dev grads = param_arena_create(c->model);
    float logp[64];
    model_logprobs(c->model, pass, &c->batch, 0.7f, logp, NULL);
    assert_memory_equal(logp, want_logp, (size_t)c->batch.n_predictions * sizeof *logp);
    model_backward(c->model, pass, &c->batch, 0.7f, c->dlogp, grads);
    float *have = download_arena(c->model, grads);
    assert_memory_equal(have, want_grads, model_params(c->model)->f32_bytes);
    PassSize size = {.rows = 19, .predictions = 18};
    assert_true(pass_bytes(model_config(c->model), 0, settings, &size) <
                pass_bytes(model_config(c->model), 0, (PassSettings){.backward = true}, &size));
    mem_free(have);
    param_arena_destroy(c->model, grads);
    pass_destroy(pass);
}

static void test_forest_equals_sequences(void **state)
{
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        for (int f = 0; f < N_FAMILIES; f++) {
            Case c;
            case_begin(&c, backend, ALL_FAMILIES[f]);
            Pass *pass = pass_create(c.model, (PassSettings){.backward = true});
            Dev grads = param_arena_create(c.model);
            float logp[64];
            model_logprobs(c.model, pass, &c.batch, 0.7f, logp, NULL);
            model_backward(c.model, pass, &c.batch, 0.7f, c.dlogp, grads);
            float *values = download_arena(c.model, grads);
            check_separate(&c, logp, values);
            check_checkpointing(&c, logp, values);
            mem_free(values);
            param_arena_destroy(c.model, grads);
            pass_destroy(pass);
            case_end(&c);
        }
        backend_destroy(backend);
    }
}

typedef struct Bits {
    float logp[64];
    float *grads;
    size_t n_grads;
} Bits;

static Bits compute_bits(const char *backend_name, ModelFamily family)
{
    Bits bits = {0};
    Backend *backend = open_backend(backend_name);
    if (!backend)
        return bits;
    Case c;
    case_begin(&c, backend, family);
    Pass *pass = pass_create(c.model, (PassSettings){.backward = true});
    Dev grads = param_arena_create(c.model);
    model_logprobs(c.model, pass, &c.batch, 0.7f, bits.logp, NULL);
    model_backward(c.model, pass, &c.batch, 0.7f, c.dlogp, grads);
    bits.grads = host_grads(c.model, grads);
    bits.n_grads = (size_t)model_count_parameters(c.model);
    param_arena_destroy(c.model, grads);
    pass_destroy(pass);
    case_end(&c);
    backend_destroy(backend);
    return bits;
}

static float *grads_of(Model *model, const Batch *batch, const float *dlogp, PassSettings settings)
{
    float logp[64];
    Pass *pass = pass_create(model, settings);
    Dev grads = param_arena_create(model);
    model_logprobs(model, pass, batch, 0.7f, logp, NULL);
    model_backward(model, pass, batch, 0.7f, dlogp, grads);
    float *values = host_grads(model, grads);
    param_arena_destroy(model, grads);
    pass_destroy(pass);
    return values;
}

// BF16 weights are widened exactly, and all else is F32 in both: the gradients are the bits of those of an F32 model with the
// rounded values, embeddings, tied and own heads, norms and biases included.
static void test_bf16_weights(void **state)
{
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        for (int f = 0; f < N_FAMILIES; f++) {
            Case c;
            case_begin(&c, backend, ALL_FAMILIES[f]);
            Model *small = model_copy_as(c.model, DTYPE_BF16), *wide = tiny_rounded(c.model);
            for (int checkpointing = 0; checkpointing < 2; checkpointing++) {
                PassSettings settings = {.backward = true, .checkpointing = checkpointing};
                float *have = grads_of(small, &c.batch, c.dlogp, settings), *want = grads_of(wide, &c.batch, c.dlogp, settings);
                assert_memory_equal(have, want, (size_t)model_count_parameters(small) * sizeof *have);
                mem_free(have);
                mem_free(want);
            }
            model_destroy(small);
            model_destroy(wide);
            case_end(&c);
        }
        backend_destroy(backend);
    }
}

// One set of bits for every instruction set and number of threads.
static void test_cpu_bits(void **state)
{
    (void)state;
    static const char *const THREADS[] = {"1", "2", "5"};
    for (int f = 0; f < N_FAMILIES; f++) {
        Bits first = {0};
        for (int b = 1; b < N_BACKENDS; b++) {
            for (int t = 0; t < 3; t++) {
                setenv("OMP_NUM_THREADS", THREADS[t], 1);
                Bits bits = compute_bits(ALL_BACKENDS[b], ALL_FAMILIES[f]);
                if (!bits.grads)
                    continue;
                if (!first.grads) {
                    first = bits;
                    continue;
                }
                assert_memory_equal(bits.logp, first.logp, sizeof first.logp);
                assert_memory_equal(bits.grads, first.grads, first.n_grads * sizeof *first.grads);
                mem_free(bits.grads);
            }
        }
        assert_non_null(first.grads);
        mem_free(first.grads);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_forest_equals_sequences),
        cmocka_unit_test(test_bf16_weights),
        cmocka_unit_test(test_cpu_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
