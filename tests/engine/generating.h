// What the tests of generation share: a model that is big enough to be shared out among threads, prompts, and runs.
#ifndef RLT_TESTS_ENGINE_GENERATING_H
#define RLT_TESTS_ENGINE_GENERATING_H

#include "../model/tiny.h"
#include "compute/cpu/cpu.h"
#include "engine/generate.h"

#define N_PROMPTS 5
#define N_COMPLETIONS 30
#define MAX_TOKENS 18
#define MAX_POSITIONS 96
#define SEED 77

static const int32_t PROMPT_LENGTHS[N_PROMPTS] = {1, 6, 2, 40, 11};
static const uint32_t PROMPT_SAMPLES[N_PROMPTS] = {4, 1, 0, 9, 16}; // sum: N_COMPLETIONS

// The head of 24 rows (24 x 48 x 307 multiply-adds) is more than the 3e5 from which the cpu backend shares out.
static inline ModelConfig generating_config(void) {
    ModelConfig config = tiny_config(MODEL_QWEN2);
    config.vocabulary = 307, config.hidden = 48, config.n_layers = 2, config.ffn = 80, config.head_dim = 12;
    config.max_positions = MAX_POSITIONS;
    return config;
}

typedef struct Prompts {
    int32_t ids[N_PROMPTS][40];
    GeneratePrompt list[N_PROMPTS];
} Prompts;

static inline void make_prompts(Prompts *prompts) {
    for (int32_t p = 0; p < N_PROMPTS; p++) {
        fill_random_ids(prompts->ids[p], PROMPT_LENGTHS[p], 307, 30 + (uint64_t)p);
        prompts->list[p] = (GeneratePrompt){.ids = prompts->ids[p],
                                            .n_ids = PROMPT_LENGTHS[p],
                                            .question = 100 + (uint32_t)p,
                                            .n_samples = PROMPT_SAMPLES[p]};
    }
}

static inline GenerateSettings plain_settings(void) {
    return (GenerateSettings){.sampling = {.temperature = 0.9f, .top_p = 1},
                              .seed = SEED,
                              .step = 3,
                              .max_tokens = MAX_TOKENS,
                              .max_slots = 100};
}

typedef struct Output {
    Completion completions[N_COMPLETIONS];
    int32_t n;
    GenerateCounts counts;
} Output;

// With a model of its own on the named backend. threads 0: as many as there are.
static inline Output run_on(const char *name, int threads, const GeneratePrompt *prompts, int32_t n,
                            GenerateSettings settings) {
    Output output = {0};
    Error error;
    Backend *backend = open_backend(name);
    assert_non_null(backend);
    if (threads > 0) cpu_backend_set_threads(backend, threads);
    ModelConfig config = generating_config();
    Model *model = tiny_model(backend, &config, DTYPE_F32, 9);
    Pass *pass = pass_create(model, (PassSettings){0});
    for (int32_t p = 0; p < n; p++)
        output.n += (int32_t)prompts[p].n_samples;
    assert_true(output.n <= N_COMPLETIONS);
    if (!generate(model, pass, prompts, n, &settings, output.completions, &output.counts, &error))
        fail_msg("%s", error.message);
    pass_destroy(pass);
    model_destroy(model);
    backend_destroy(backend);
    return output;
}

static inline Output run(GenerateSettings settings) {
    Prompts prompts;
    make_prompts(&prompts);
    return run_on("cpu", 0, prompts.list, N_PROMPTS, settings);
}

static inline void free_output(Output *output) {
    for (int32_t i = 0; i < output->n; i++)
        completion_free(&output->completions[i]);
}

// `a` has the first n tokens of `b`, to the bit.
static inline void expect_prefix(const Completion *a, const Completion *b, int32_t n) {
    assert_int_equal(a->n, n);
    assert_true(b->n >= n);
    assert_memory_equal(a->ids, b->ids, (size_t)n * sizeof *a->ids);
    assert_memory_equal(a->logp, b->logp, (size_t)n * sizeof *a->logp);
}

static inline void expect_same_output(const Output *a, const Output *b) {
    assert_int_equal(a->n, b->n);
    for (int32_t i = 0; i < a->n; i++) {
        expect_prefix(&a->completions[i], &b->completions[i], b->completions[i].n);
        assert_int_equal(a->completions[i].finish, b->completions[i].finish);
    }
}

#endif
