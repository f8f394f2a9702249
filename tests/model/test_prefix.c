// A prefix that batches go on from: log-probs have the bits of one forest of everything (held to PyTorch elsewhere),
// gradients have the same bits however the leaves are cut into batches, with and without checkpointing, at any number of
// threads and on every instruction set (`ref` rounds its sums once a batch, so there within rounding); they agree with
// that one forest's within rounding, and with finite differences.
#include <math.h>
#include <stdlib.h>
#include "slopes.h"

// Completions below the prompt; 1: the prompt alone predicts it.
static const int32_t LENGTHS[] = {4, 1, 6, 1, 9, 3};
#define N_LEAVES 6
#define N_PREDICTIONS 24 // their sum
#define PROMPT_MAX 7
#define TEMPERATURE 0.7f

typedef struct Case {
    Model *model;
    int32_t prompt[PROMPT_MAX], n_prompt;
    int32_t ids[N_LEAVES][9];
    float dlogp[N_PREDICTIONS];
} Case;

static Case case_of(Backend *backend, ModelFamily family, int32_t n_prompt)
{
    Case c = {.n_prompt = n_prompt};
    ModelConfig config = tiny_config(family);
    c.model = tiny_model(backend, &config, DTYPE_F32, 11);
    fill_random_ids(c.prompt, n_prompt, config.vocabulary, 12);
    for (int i = 0; i < N_LEAVES; i++)
        fill_random_ids(c.ids[i], LENGTHS[i], config.vocabulary, 20 + (uint64_t)i);
    for (int32_t i = 0; i < N_PREDICTIONS; i++)
        c.dlogp[i] = test_normal(13, 0, (uint32_t)i);
    return c;
}

// Leaves first .. last - 1 below segment 0.
static int32_t add_leaves(const Case *c, Batch *batch, int first, int last)
{
    int32_t n = batch->n_predictions;
    for (int i = first; i < last; i++) {
        int32_t parent = 0;
        if (LENGTHS[i] > 1) {
            parent = batch_add_segment(batch, 0, c->ids[i], LENGTHS[i] - 1);
            batch_predict(batch, parent, 0, LENGTHS[i] - 1);
        }
        batch_predict_id(batch, parent, c->ids[i][LENGTHS[i] - 1]);
    }
    return batch->n_predictions - n;
}

// Everything as one forest. grads may be none.
static void run_whole(const Case *c, float *logp, Dev grads)
{
    Pass *pass = pass_create(c->model, (PassSettings){.backward = true});
    Batch batch;
    batch_init(&batch);
    batch_add_segment(&batch, -1, c->prompt, c->n_prompt);
    assert_int_equal(add_leaves(c, &batch, 0, N_LEAVES), N_PREDICTIONS);
    model_logprobs(c->model, pass, &batch, TEMPERATURE, logp, NULL);
    if (!dev_is_none(grads))
        model_backward(c->model, pass, &batch, TEMPERATURE, c->dlogp, grads);
    batch_free(&batch);
    pass_destroy(pass);
}

// In batches of at most `leaves` leaves. grads may be none. `times`: one after the other, over one workspace.
static void run_cut(const Case *c, int leaves, PassSettings settings, int times, float *logp, Dev grads)
{
    Pass *pass = pass_create(c->model, settings);
    Prefix *prefix = prefix_create(c->model, settings);
    Batch root, batch;
    batch_init(&root), batch_init(&batch);
    for (; times > 0; times--) {
        batch_clear(&root);
        batch_add_segment(&root, -1, c->prompt, c->n_prompt);
        prefix_forward(c->model, prefix, &root);
        int32_t done = 0;
        for (int first = 0; first < N_LEAVES; first += leaves) {
            int last = first + leaves < N_LEAVES ? first + leaves : N_LEAVES;
            batch_clear_after(&batch, c->n_prompt);
            int32_t n = add_leaves(c, &batch, first, last);
            model_logprobs_after(c->model, pass, prefix, &batch, TEMPERATURE, logp + done, NULL);
            if (!dev_is_none(grads))
                model_backward_after(c->model, pass, prefix, &batch, TEMPERATURE, c->dlogp + done, grads);
            done += n;
        }
        assert_int_equal(done, N_PREDICTIONS);
        if (!dev_is_none(grads))
            prefix_backward(c->model, prefix, &root, grads);
    }
    batch_free(&root), batch_free(&batch);
    prefix_destroy(prefix);
    pass_destroy(pass);
}

static float *cut_grads(const Case *c, int leaves, bool checkpointing, int times, const float *want_logp)
{
    float logp[N_PREDICTIONS];
    Dev grads = param_arena_create(c->model);
    run_cut(c, leaves, (PassSettings){.backward = true, .checkpointing = checkpointing}, times, logp, grads);
    assert_memory_equal(logp, want_logp, sizeof logp);
    float *values = host_grads(c->model, grads);
    param_arena_destroy(c->model, grads);
    return values;
}

// Sums of at most 60 terms in another order: 1e-5 of the norm is 100 ulp.
static void check_case(const Case *c, bool exact)
{
    size_t count = (size_t)model_count_parameters(c->model), bytes = count * sizeof(float);
    float logp[N_PREDICTIONS], again[N_PREDICTIONS];
    Dev grads = param_arena_create(c->model);
    run_whole(c, logp, grads);
    float *whole = host_grads(c->model, grads), *first = cut_grads(c, N_LEAVES, false, 1, logp);
    param_arena_destroy(c->model, grads);
    assert_true(relative(first, whole, count, 1) < 1e-5);
    for (int leaves = 1; leaves <= 4; leaves++) {
        for (int checkpointing = 0; checkpointing < 2; checkpointing++) {
            float *cut = cut_grads(c, leaves, checkpointing, 1, logp);
            if (exact)
                assert_memory_equal(cut, first, bytes);
            assert_true(relative(cut, first, count, 1) < 1e-5);
            mem_free(cut);
        }
        run_cut(c, leaves, (PassSettings){0}, 2, again, DEV_NONE); // forward only
        assert_memory_equal(again, logp, sizeof again);
    }
    float *twice = cut_grads(c, 2, false, 2, logp); // nothing of the first time is left in the prefix
    assert_true(relative(twice, first, count, 2) < 1e-5);
    mem_free(whole), mem_free(first), mem_free(twice);
}

static void test_cuts(void **state)
{
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        for (int f = 0; f < N_FAMILIES; f++) {
            for (int32_t n_prompt = 1; n_prompt <= PROMPT_MAX; n_prompt += 6) {
                Case c = case_of(backend, ALL_FAMILIES[f], n_prompt);
                check_case(&c, b > 0);
                model_destroy(c.model);
            }
        }
        backend_destroy(backend);
    }
}

static void test_threads_and_instructions(void **state)
{
    (void)state;
    for (int f = 0; f < N_FAMILIES; f++) {
        float *first = NULL;
        for (int b = 1; b < N_BACKENDS; b++) {
            for (int threads = 1; threads <= 3; threads++) {
                setenv("OMP_NUM_THREADS", threads == 1 ? "1" : threads == 2 ? "2" : "5", 1);
                Backend *backend = open_backend(ALL_BACKENDS[b]);
                if (!backend)
                    continue;
                Case c = case_of(backend, ALL_FAMILIES[f], PROMPT_MAX);
                float logp[N_PREDICTIONS];
                run_whole(&c, logp, DEV_NONE);
                float *grads = cut_grads(&c, threads, false, 1, logp);
                if (first)
                    assert_memory_equal(grads, first, (size_t)model_count_parameters(c.model) * sizeof *grads);
                if (first)
                    mem_free(grads);
                else
                    first = grads;
                model_destroy(c.model);
                backend_destroy(backend);
            }
        }
        assert_non_null(first);
        mem_free(first);
    }
}

static double loss_of(const void *context)
{
    const Case *c = context;
    float logp[N_PREDICTIONS];
    double loss = 0;
    run_cut(c, 2, (PassSettings){0}, 1, logp, DEV_NONE);
    for (int32_t i = 0; i < N_PREDICTIONS; i++)
        loss += (double)c->dlogp[i] * (double)logp[i];
    return loss;
}

static void test_finite_differences(void **state)
{
    (void)state;
    Backend *backend = open_backend("ref");
    for (int f = 0; f < N_FAMILIES; f++) {
        Case c = case_of(backend, ALL_FAMILIES[f], PROMPT_MAX);
        Dev grads = param_arena_create(c.model);
        float logp[N_PREDICTIONS];
        run_cut(&c, 2, (PassSettings){.backward = true}, 1, logp, grads);
        check_slopes(c.model, (Loss){loss_of, &c}, grads);
        param_arena_destroy(c.model, grads);
        model_destroy(c.model);
    }
    backend_destroy(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_threads_and_instructions),
        cmocka_unit_test(test_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
