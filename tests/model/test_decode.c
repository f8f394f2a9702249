// Decoding over a cache gives the bits of model_logprobs, however the sequences are cut and batched. The reference is
// model_logprobs over each whole sequence by itself (held to PyTorch by the golden folders); the tolerance is none.
#include <math.h>
#include "tiny.h"

#define N_PROMPT 11
#define N_NEW 6
#define N_SAMPLES 5
#define TOTAL (N_PROMPT + N_NEW)

typedef struct Plan { // how generation is carried out
    int32_t cut;      // prompt tokens a pass
    bool chain;       // every cut is a segment of its own; else one segment grows
    int32_t parallel; // samples at a time
    int32_t kv_gap;   // unused KV rows in front of everything
} Plan;

typedef struct Samples {
    int32_t ids[N_SAMPLES][N_NEW];
    float logp[N_SAMPLES][N_NEW];
} Samples;

typedef struct Run {
    Model *model;
    Pass *pass;
    KvCache *cache;
    Plan plan;
    SampleSettings sampling;
    Segment segments[N_PROMPT + N_SAMPLES];
    int32_t n_prompt_segments, n_kv;
} Run;

static float uniform_of(int32_t sample, int32_t position)
{
    return test_uniform(21, (uint32_t)sample, (uint32_t)position);
}

// Computes the prompt cut by cut; the last pass samples token 0 of `n` samples, first `from`.
static void prefill(Run *run, const int32_t *prompt, int32_t from, int32_t n, int32_t *ids, float *logp)
{
    run->n_prompt_segments = 0;
    for (int32_t done = 0; done < N_PROMPT;) {
        int32_t take = run->plan.cut < N_PROMPT - done ? run->plan.cut : N_PROMPT - done;
        if (run->plan.chain || done == 0) {
            int32_t s = run->n_prompt_segments++;
            run->segments[s] = (Segment){.parent = s - 1, .position = done, .kv_row = run->plan.kv_gap + done};
        }
        Segment *last = &run->segments[run->n_prompt_segments - 1];
        last->n_tokens += take;
        last->n_new = take;
        Forest forest = {run->segments, run->n_prompt_segments, take, run->n_kv};
        bool is_end = done + take == N_PROMPT;
        int32_t rows[N_SAMPLES];
        float uniforms[N_SAMPLES];
        for (int32_t i = 0; i < n; i++) {
            rows[i] = take - 1;
            uniforms[i] = uniform_of(from + i, 0);
        }
        model_decode(run->model, run->pass, run->cache, &forest, prompt + done, rows, is_end ? n : 0, &run->sampling,
                     uniforms, ids, logp);
        last->n_new = 0;
        done += take;
    }
}

// One more token for each of `n` samples: token t is fed, token t+1 sampled.
static void step(Run *run, int32_t from, int32_t n, int32_t t, int32_t *ids, float *logp)
{
    int32_t rows[N_SAMPLES];
    float uniforms[N_SAMPLES];
    for (int32_t i = 0; i < n; i++) {
        run->segments[run->n_prompt_segments + i] = (Segment){
            .parent = run->n_prompt_segments - 1, .position = N_PROMPT, .n_tokens = t + 1, .n_new = 1, .row = i,
            .kv_row = run->plan.kv_gap + N_PROMPT + i * N_NEW,
        };
        rows[i] = i;
        uniforms[i] = uniform_of(from + i, t + 1);
    }
    Forest forest = {run->segments, run->n_prompt_segments + n, n, run->n_kv};
    int32_t fed[N_SAMPLES];
    memcpy(fed, ids, (size_t)n * sizeof *fed);
    model_decode(run->model, run->pass, run->cache, &forest, fed, rows, n, &run->sampling, uniforms, ids, logp);
}

static void generate(Model *model, Plan plan, SampleSettings sampling, const int32_t *prompt, Samples *out)
{
    Run run = {.model = model, .plan = plan, .sampling = sampling};
    run.n_kv = plan.kv_gap + N_PROMPT + plan.parallel * N_NEW;
    run.pass = pass_create(model, (PassSettings){0});
    for (int32_t from = 0; from < N_SAMPLES; from += plan.parallel) {
        int32_t n = plan.parallel < N_SAMPLES - from ? plan.parallel : N_SAMPLES - from;
        int32_t ids[N_SAMPLES];
        float logp[N_SAMPLES];
        run.cache = kv_cache_create(model, run.n_kv);
        for (int32_t t = 0; t < N_NEW; t++) {
            if (t == 0)
                prefill(&run, prompt, from, n, ids, logp);
            else
                step(&run, from, n, t - 1, ids, logp);
            for (int32_t i = 0; i < n; i++) {
                out->ids[from + i][t] = ids[i];
                out->logp[from + i][t] = logp[i];
            }
        }
        kv_cache_destroy(run.cache);
    }
    pass_destroy(run.pass);
}

// model_logprobs of every completion by itself.
static void check_against_logprobs(Model *model, const int32_t *prompt, const Samples *samples, float temperature)
{
    Pass *pass = pass_create(model, (PassSettings){0});
    for (int32_t i = 0; i < N_SAMPLES; i++) {
        int32_t ids[TOTAL];
        float logp[N_NEW];
        memcpy(ids, prompt, N_PROMPT * sizeof *ids);
        memcpy(ids + N_PROMPT, samples->ids[i], N_NEW * sizeof *ids);
        Batch batch;
        batch_init(&batch);
        batch_predict(&batch, batch_add_segment(&batch, -1, ids, TOTAL), N_PROMPT, TOTAL);
        model_logprobs(model, pass, &batch, temperature, logp, NULL);
        assert_memory_equal(logp, samples->logp[i], sizeof logp);
        batch_free(&batch);
    }
    pass_destroy(pass);
}

static const Plan PLANS[] = {
    {.cut = N_PROMPT, .parallel = N_SAMPLES},
    {.cut = N_PROMPT, .parallel = 1, .kv_gap = 3},
    {.cut = 4, .parallel = 2},
    {.cut = 3, .chain = true, .parallel = 3, .kv_gap = 1},
    {.cut = 1, .chain = true, .parallel = N_SAMPLES},
};
#define N_PLANS 5

static void check_plans(Model *model, SampleSettings sampling)
{
    int32_t prompt[N_PROMPT];
    fill_random_ids(prompt, N_PROMPT, model_config(model)->vocabulary, 31);
    Samples first, samples;
    generate(model, PLANS[0], sampling, prompt, &first);
    check_against_logprobs(model, prompt, &first, sampling.temperature > 0 ? sampling.temperature : 1.0f);
    for (int p = 1; p < N_PLANS; p++) {
        generate(model, PLANS[p], sampling, prompt, &samples);
        assert_memory_equal(samples.ids, first.ids, sizeof first.ids);
        assert_memory_equal(samples.logp, first.logp, sizeof first.logp);
    }
    bool differ = memcmp(first.ids[0], first.ids[1], sizeof first.ids[0]) != 0;
    assert_true(differ == (sampling.temperature > 0)); // the uniforms count, unless it is greedy
}

static void test_decode_bits(void **state)
{
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        for (int f = 0; f < N_FAMILIES; f++) {
            ModelConfig config = tiny_config(ALL_FAMILIES[f]);
            for (int dtype = DTYPE_F32; dtype <= DTYPE_Q8_0; dtype++) {
                Model *model = tiny_model(backend, &config, (Dtype)dtype, 30);
                check_plans(model, (SampleSettings){.temperature = 0.7f, .top_p = 1});
                check_plans(model, (SampleSettings){.temperature = 0, .top_p = 1});
                check_plans(model, (SampleSettings){.temperature = 1.3f, .top_k = 9, .top_p = 0.8f});
                model_destroy(model);
            }
        }
        backend_destroy(backend);
    }
}

static void test_adapted_bits(void **state)
{
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        for (int dtype = DTYPE_F32; dtype <= DTYPE_Q8_0; dtype++) {
            ModelConfig config = tiny_config(MODEL_QWEN3);
            Model *base = tiny_model(backend, &config, (Dtype)dtype, 30);
            Model *model = tiny_adapted(base, (1u << N_LORA_TARGETS) - 1, 32);
            check_plans(model, (SampleSettings){.temperature = 0.7f, .top_p = 1});
            model_destroy(model);
            model_destroy(base);
        }
        backend_destroy(backend);
    }
}

// The log-probs of a BF16 or Q8_0 model are those of a F32 model with the same (rounded) values, to the bit.
static void test_small_weights_are_widened_exactly(void **state)
{
    (void)state;
    int32_t ids[TOTAL];
    fill_random_ids(ids, TOTAL, 37, 40);
    Batch batch;
    batch_init(&batch);
    batch_predict(&batch, batch_add_segment(&batch, -1, ids, TOTAL), 1, TOTAL);
    for (int b = 0; b < 2 * N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b / 2]);
        if (!backend)
            continue;
        ModelConfig config = tiny_config(MODEL_QWEN2);
        Model *small = tiny_model(backend, &config, b % 2 ? DTYPE_Q8_0 : DTYPE_BF16, 41), *wide = tiny_model(backend, &config, DTYPE_F32, 1);
        model_copy(wide, small);
        Pass *pass = pass_create(small, (PassSettings){0}); // shared by both
        float logp_small[TOTAL], logp_wide[TOTAL];
        model_logprobs(small, pass, &batch, 1.0f, logp_small, NULL);
        model_logprobs(wide, pass, &batch, 1.0f, logp_wide, NULL);
        assert_memory_equal(logp_small, logp_wide, (TOTAL - 1) * sizeof *logp_wide);
        pass_destroy(pass);
        model_destroy(small);
        model_destroy(wide);
        backend_destroy(backend);
    }
    batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_bits),
        cmocka_unit_test(test_small_weights_are_widened_exactly),
        cmocka_unit_test(test_adapted_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
