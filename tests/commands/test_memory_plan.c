// Plans of memory: against published sizes, against the resident memory of this process, and against what the steps of a
// run allocate (nothing).
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/philox.h"
#include "commands/memory_plan.h"
#include "engine/generate.h"
#include "engine/score.h"
#include "methods/sft.h"

static ModelConfig config_of(int32_t vocabulary, int32_t hidden, int32_t layers, int32_t heads, int32_t kv_heads, int32_t ffn) {
    return (ModelConfig){.family = MODEL_LLAMA, .vocabulary = vocabulary, .hidden = hidden, .n_layers = layers, .n_heads = heads,
                         .n_kv_heads = kv_heads, .head_dim = hidden / heads, .ffn = ffn, .max_positions = 4096,
                         .norm_eps = 1e-6f, .tied = true, .rope = {.kind = ROPE_DEFAULT, .theta = 10000}, .bos_id = -1,
                         .eos_id = -1, .pad_id = -1};
}

static Backend *open_backend(void) {
    Backend *backend;
    Error error;
    assert_true(backend_create("cpu", &backend, &error));
    return backend;
}

// Parameters as their publishers count them; panels of 32 rows and places at 64 bytes add less than 1%.
static void published_sizes(void **state) {
    (void)state;
    Backend *be = open_backend();
    ModelConfig smollm2 = config_of(49152, 576, 30, 9, 3, 1536), qwen = config_of(152064, 3584, 28, 28, 4, 18944);
    qwen.family = MODEL_QWEN2;
    qwen.qkv_bias = true;
    qwen.tied = false;
    const struct {
        const ModelConfig *config;
        double parameters;
    } known[] = {{&smollm2, 134515008}, {&qwen, 7615616512}};
    for (int i = 0; i < 2; i++) {
        RunShape shape = {.policy = known[i].config, .max_rows = 2048, .batch = 4, .longest = 512};
        MemoryPlan plan = memory_plan(be, &shape);
        double bytes = 4 * known[i].parameters;
        assert_true((double)plan.bytes[PLAN_WEIGHTS] >= bytes && (double)plan.bytes[PLAN_WEIGHTS] < 1.01 * bytes);
        assert_true(plan.bytes[PLAN_GRADIENTS] == plan.bytes[PLAN_WEIGHTS]);
        assert_true(plan.bytes[PLAN_OPTIMISER] == 2 * plan.bytes[PLAN_WEIGHTS]);
        // 4.5 bytes for 4 weights of a block of 32 with an F32 scale: 9/8 of a byte each, vectors stay F32
        double q8 = (double)model_bytes(be, known[i].config, DTYPE_Q8_0);
        assert_true(q8 >= 1.125 * known[i].parameters && q8 < 1.01 * 1.125 * known[i].parameters);
    }
    backend_destroy(be);
}

#define N_EXAMPLES 24

typedef struct Examples {
    int32_t ids[N_EXAMPLES * 130];
    SftExample list[N_EXAMPLES];
} Examples;

static void fill_examples(Examples *e, int32_t vocabulary, int32_t longest) {
    for (int32_t i = 0; i < N_EXAMPLES * longest; i++) {
        RngAddress address = {.seed = 5, .purpose = RNG_SAMPLE, .position = (uint32_t)i};
        e->ids[i] = (int32_t)(rng_uniform(&address) * (float)vocabulary);
    }
    for (int32_t i = 0; i < N_EXAMPLES; i++) { // the longest is not among the first: sizes come from the plan, not from a step
        int32_t n = i == N_EXAMPLES - 1 ? longest : 2 + i * 37 % (longest - 2);
        e->list[i] = (SftExample){e->ids + i * longest, n, 1, NULL};
    }
}

// By hand: a BF16 weight takes half of its F32 master. Panels and places are padded alike, vectors are F32 in both.
static void a_master_is_counted(void **state) {
    (void)state;
    Backend *be = open_backend();
    ModelConfig config = config_of(49152, 576, 30, 9, 3, 1536);
    RunShape shape = {.policy = &config, .max_rows = 2048, .batch = 4, .longest = 512};
    MemoryPlan f32 = memory_plan(be, &shape);
    shape.dtype = DTYPE_BF16;
    MemoryPlan bf16 = memory_plan(be, &shape);
    double all = (double)f32.bytes[PLAN_WEIGHTS], vectors = 4.0 * 61 * 576; // two norms a layer, and the last
    assert_true(f32.bytes[PLAN_MASTER] == 0 && (double)bf16.bytes[PLAN_MASTER] == all);
    assert_true((double)bf16.bytes[PLAN_WEIGHTS] == (all - vectors) / 2 + vectors);
    assert_true(bf16.peak_bytes == f32.peak_bytes + bf16.bytes[PLAN_WEIGHTS]);
    shape.base_dtype = DTYPE_BF16;
    shape.lora = (LoraConfig){.rank = 8, .alpha = 8, .targets = 1};
    MemoryPlan lora = memory_plan(be, &shape);
    assert_true(lora.bytes[PLAN_MASTER] == 0 && lora.bytes[PLAN_WEIGHTS] == bf16.bytes[PLAN_WEIGHTS] + lora.bytes[PLAN_GRADIENTS]);
    backend_destroy(be);
}

// What a run of that shape adds to the resident memory of this process, within 10% of the plan.
static void resident_memory_is_as_planned(void **state) {
    (void)state;
    ModelConfig config = config_of(4096, 256, 8, 4, 2, 704);
    Examples examples;
    fill_examples(&examples, config.vocabulary, 130);
    for (int variant = 0; variant < 3; variant++) {
        bool checkpointing = variant == 1;
        Dtype dtype = variant == 2 ? DTYPE_BF16 : DTYPE_F32;
        Backend *be = open_backend();
        RunShape shape = {.policy = &config, .max_rows = 1024, .batch = 12, .longest = 130, .checkpointing = checkpointing, .dtype = dtype};
        MemoryPlan plan = memory_plan(be, &shape);
        malloc_trim(0); // what earlier variants gave back is not there to be used again
        uint64_t before = process_resident_bytes();
        Model *model;
        Error error;
        assert_true(model_create(be, &config, DTYPE_F32, &model, &error));
        Trainer *trainer = trainer_create(model, &(TrainerSettings){.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f,
                                                                    .checkpointing = checkpointing, .dtype = dtype});
        PassSize size = run_train_size(&shape);
        trainer_reserve(trainer, &size);
        double taken = (double)(process_resident_bytes() - before), ratio = taken / (double)plan.peak_bytes;
        if (ratio < 0.9 || ratio > 1.1) fail_msg("planned %.0f bytes, taken %.0f", (double)plan.peak_bytes, taken);
        trainer_destroy(trainer);
        model_destroy(model);
        backend_destroy(be);
    }
}

// Steps of SFT after trainer_reserve: no allocation, whatever the lengths of their rows.
static void steps_of_sft_allocate_nothing(void **state) {
    (void)state;
    ModelConfig config = config_of(500, 32, 2, 4, 2, 48);
    Examples examples;
    fill_examples(&examples, config.vocabulary, 130);
    for (int32_t max_rows = 60; max_rows <= 600; max_rows *= 10) {
        Backend *be = open_backend();
        Model *model;
        Error error;
        assert_true(model_create(be, &config, DTYPE_F32, &model, &error));
        model_init_random(model, 1, 0.02f);
        Trainer *trainer = trainer_create(model, &(TrainerSettings){.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .clip_norm = 1});
        PassSize size = sft_pass_size(130, 5, max_rows);
        trainer_reserve(trainer, &size);
        MemCounts before = mem_counts();
        for (int32_t step = 0; step < N_EXAMPLES - 4; step++) {
            SftStep out;
            int32_t order[5] = {step, step + 1, step + 2, step + 3, step + 4};
            sft_step(trainer, examples.list, order, 5, max_rows, 1e-3f, &out);
        }
        assert_int_equal(mem_counts().allocations - before.allocations, 0);
        assert_int_equal(mem_counts().bytes - before.bytes, 0);
        trainer_destroy(trainer);
        model_destroy(model);
        backend_destroy(be);
    }
}

// Scoring after model_reserve, prefixes shared and not.
static void scoring_allocates_nothing(void **state) {
    (void)state;
    ModelConfig config = config_of(500, 32, 2, 4, 2, 48);
    Examples examples;
    fill_examples(&examples, config.vocabulary, 130);
    Backend *be = open_backend();
    Model *model;
    Error error;
    assert_true(model_create(be, &config, DTYPE_Q8_0, &model, &error));
    Pass *pass = pass_create(model, (PassSettings){0});
    RunShape shape = {.policy = &config, .max_rows = 200, .questions = 3, .samples = 8, .prompt = 40, .max_tokens = 90, .slots = 8};
    PassSize size = run_reference_size(&shape);
    model_reserve(model, pass, &size);
    float logp[24][130];
    ScoreSequence sequences[24];
    for (int32_t i = 0; i < 24; i++) {
        int32_t n = 1 + i * 31 % 90;
        sequences[i] = (ScoreSequence){examples.ids + i / 8 * 130, 40 - i / 8, examples.ids + i * 130, n, 0, n, logp[i]};
    }
    MemCounts before = mem_counts();
    assert_true(score_sequences(model, pass, sequences, 24, 0.7f, 200, NULL, &error));
    assert_int_equal(mem_counts().allocations - before.allocations, 0);
    pass_destroy(pass);
    model_destroy(model);
    backend_destroy(be);
}

static void plan_with(const RunShape *shape, uint64_t available, const char *want) {
    Backend *be = open_backend();
    Buf settings;
    buf_init(&settings, 0);
    bool any = memory_plan_nearest(be, shape, available, &settings);
    assert_int_equal(any, want != NULL);
    if (want != NULL) assert_string_equal(settings.data, want);
    buf_free(&settings);
    backend_destroy(be);
}

// What is proposed is one setting where one will do, the mildest of them, and it fits; half of what it changes would not.
static void nearest_settings(void **state) {
    (void)state;
    ModelConfig config = config_of(4096, 256, 8, 4, 2, 704);
    Backend *be = open_backend();
    RunShape shape = {.policy = &config, .max_rows = 4096, .batch = 64, .longest = 130};
    uint64_t peak = memory_plan(be, &shape).peak_bytes;
    RunShape half = shape, quarter = shape;
    half.max_rows = 2048, quarter.max_rows = 1024;
    assert_true(memory_plan(be, &half).peak_bytes < peak);
    plan_with(&shape, memory_plan(be, &half).peak_bytes, "max_rows=2048");
    plan_with(&shape, memory_plan(be, &half).peak_bytes - 1, "max_rows=1024");
    plan_with(&shape, memory_plan(be, &quarter).peak_bytes - 1, "max_rows=512");
    plan_with(&shape, 1000, NULL);
    RunShape rl = {.policy = &config, .max_rows = 256, .questions = 4, .samples = 16, .slots = 64, .max_tokens = 200, .prompt = 100,
                   .reference = true};
    RunShape fewer = rl;
    fewer.slots = 16;
    plan_with(&rl, memory_plan(be, &fewer).peak_bytes, "slots=16");
    backend_destroy(be);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_sizes),
        cmocka_unit_test(a_master_is_counted),
        cmocka_unit_test(resident_memory_is_as_planned),
        cmocka_unit_test(steps_of_sft_allocate_nothing),
        cmocka_unit_test(scoring_allocates_nothing),
        cmocka_unit_test(nearest_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
