// Adapters: gradients against finite differences, the adapted model against the merged one, and the rule of exactness.
#include "slopes.h"
#include <math.h>
#include <stdlib.h>

// Prompt (5), three completions (4, 1, 6) below it.
static const int32_t LENGTHS[] = {5, 4, 1, 6};
static const int32_t PARENTS[] = {-1, 0, 0, 0};
#define N_SEGMENTS 4
#define N_IDS 16
#define N_PREDICTIONS 15
#define ALL_TARGETS ((1u << N_LORA_TARGETS) - 1)

static const PassDropout NO_DROPOUT;
static const PassDropout DROPOUT = {.rate = 0.3f, .seed = 8, .step = 3};

typedef struct Case {
    Model *base, *model;
    Batch batch;
    float dlogp[N_PREDICTIONS]; // weights of the loss: sum of dlogp * logp
} Case;

// `leaf` >= 0: only the prompt and that completion.
static void fill_batch(Batch *batch, int32_t vocabulary, int leaf) {
    int32_t ids[N_IDS], at = 0;
    fill_random_ids(ids, N_IDS, vocabulary, 12);
    batch_init(batch);
    for (int s = 0; s < N_SEGMENTS; at += LENGTHS[s++]) {
        if (leaf >= 0 && s > 0 && s != leaf) continue;
        int32_t segment = batch_add_segment(batch, PARENTS[s], ids + at, LENGTHS[s]);
        batch_set_address(batch, segment, 2, (uint32_t)s);
        batch_predict(batch, segment, PARENTS[s] < 0 ? 1 : 0, LENGTHS[s]);
    }
}

static void case_begin(Case *c, Backend *backend, ModelFamily family, Dtype base_dtype, unsigned targets) {
    ModelConfig config = tiny_config(family);
    c->base = tiny_model(backend, &config, base_dtype, 11);
    c->model = tiny_adapted(c->base, targets, 5);
    fill_batch(&c->batch, config.vocabulary, -1);
    assert_int_equal(c->batch.n_predictions, N_PREDICTIONS);
    for (int32_t i = 0; i < N_PREDICTIONS; i++)
        c->dlogp[i] = test_normal(13, 0, (uint32_t)i);
}

static void case_end(Case *c) {
    batch_free(&c->batch);
    model_destroy(c->model);
    model_destroy(c->base);
}

static Pass *training_pass(Model *model, PassDropout dropout, bool checkpointing) {
    Pass *pass = pass_create(model, (PassSettings){.backward = true, .dropout = true, .checkpointing = checkpointing});
    pass_set_dropout(pass, dropout);
    return pass;
}

// ---- gradients

typedef struct CasePass { // what the loss is computed with
    Case *c;
    Pass *pass;
} CasePass;

static double loss_of(const void *context) {
    const CasePass *at = context;
    float logp[N_PREDICTIONS];
    double loss = 0;
    model_logprobs(at->c->model, at->pass, &at->c->batch, 0.7f, logp, NULL);
    for (int32_t i = 0; i < N_PREDICTIONS; i++)
        loss += (double)at->c->dlogp[i] * (double)logp[i];
    return loss;
}

static void check_case(Backend *backend, ModelFamily family, Dtype base_dtype, PassDropout dropout) {
    Case c;
    case_begin(&c, backend, family, base_dtype, ALL_TARGETS);
    Pass *pass = training_pass(c.model, dropout, false);
    Dev grads = param_arena_create(c.model);
    CasePass at = {&c, pass};
    loss_of(&at);
    model_backward(c.model, pass, &c.batch, 0.7f, c.dlogp, grads);
    check_slopes(c.model, (Loss){loss_of, &at}, grads);
    param_arena_destroy(c.model, grads);
    pass_destroy(pass);
    case_end(&c);
}

static void test_finite_differences(void **state) {
    (void)state;
    Backend *backend = open_backend("ref");
    for (int f = 0; f < N_FAMILIES; f++)
        check_case(backend, ALL_FAMILIES[f], DTYPE_F32, DROPOUT);
    check_case(backend, MODEL_QWEN2, DTYPE_BF16, NO_DROPOUT);
    check_case(backend, MODEL_QWEN2, DTYPE_Q8_0, NO_DROPOUT);
    backend_destroy(backend);
}

// ---- bits

typedef struct Bits {
    float logp[N_PREDICTIONS];
    float *grads; // host, parameter by parameter
    size_t n;
} Bits;

static Bits bits_of(Model *model, const Batch *batch, const float *dlogp, PassDropout dropout, bool checkpointing) {
    Bits bits = {.n = (size_t)model_count_parameters(model)};
    Pass *pass = training_pass(model, dropout, checkpointing);
    Dev grads = param_arena_create(model);
    model_logprobs(model, pass, batch, 0.7f, bits.logp, NULL);
    model_backward(model, pass, batch, 0.7f, dlogp, grads);
    bits.grads = host_grads(model, grads);
    param_arena_destroy(model, grads);
    pass_destroy(pass);
    return bits;
}

static void check_bits(Bits *have, const Bits *want) {
    assert_memory_equal(have->logp, want->logp, sizeof have->logp);
    assert_int_equal(have->n, want->n);
    assert_memory_equal(have->grads, want->grads, want->n * sizeof *want->grads);
    mem_free(have->grads);
}

// One set of bits for every instruction set, number of threads and way of keeping activations; near those of `ref`.
static void test_cpu_bits(void **state) {
    (void)state;
    static const char *const THREADS[] = {"1", "2", "5"};
    for (int f = 0; f < N_FAMILIES; f++) {
        Bits ref = {0}, first = {0};
        for (int b = 0; b < N_BACKENDS; b++) {
            for (int t = 0; t < (b == 0 ? 1 : 3); t++) {
                setenv("OMP_NUM_THREADS", THREADS[t], 1);
                Backend *backend = open_backend(ALL_BACKENDS[b]);
                if (!backend) continue;
                Case c;
                case_begin(&c, backend, ALL_FAMILIES[f], DTYPE_F32, ALL_TARGETS);
                Bits bits = bits_of(c.model, &c.batch, c.dlogp, DROPOUT, false);
                Bits again = bits_of(c.model, &c.batch, c.dlogp, DROPOUT, true);
                check_bits(&again, &bits);
                if (b == 0)
                    ref = bits;
                else if (!first.grads)
                    first = bits;
                else
                    check_bits(&bits, &first);
                case_end(&c);
                backend_destroy(backend);
            }
        }
        // F32 sums of some 40 terms through 3 layers beside sums in double: 1e-5 of the gradient's norm
        double difference = 0, squares = 0;
        for (size_t i = 0; i < ref.n; i++) {
            difference += pow((double)first.grads[i] - (double)ref.grads[i], 2);
            squares += pow((double)ref.grads[i], 2);
        }
        assert_true(sqrt(difference / squares) < 1e-5);
        mem_free(ref.grads);
        mem_free(first.grads);
    }
    unsetenv("OMP_NUM_THREADS");
}

// A completion's log-probs under dropout are the same bits beside other completions and alone; another step or seed
// draws another mask.
static void test_dropout_is_addressed(void **state) {
    (void)state;
    Backend *backend = open_backend("cpu");
    Case c;
    case_begin(&c, backend, MODEL_QWEN3, DTYPE_F32, ALL_TARGETS);
    Bits whole = bits_of(c.model, &c.batch, c.dlogp, DROPOUT, false);
    int32_t at = LENGTHS[0] - 1;
    for (int leaf = 1; leaf < N_SEGMENTS; at += LENGTHS[leaf++]) {
        Batch batch;
        float logp[N_PREDICTIONS];
        fill_batch(&batch, 37, leaf);
        Pass *pass = training_pass(c.model, DROPOUT, false);
        model_logprobs(c.model, pass, &batch, 0.7f, logp, NULL);
        assert_memory_equal(logp, whole.logp, (size_t)(LENGTHS[0] - 1) * sizeof *logp);
        assert_memory_equal(logp + LENGTHS[0] - 1, whole.logp + at, (size_t)LENGTHS[leaf] * sizeof *logp);
        pass_destroy(pass);
        batch_free(&batch);
    }
    PassDropout others[] = {DROPOUT, DROPOUT, NO_DROPOUT};
    others[0].step++;
    others[1].seed++;
    for (int i = 0; i < 3; i++) {
        Bits other = bits_of(c.model, &c.batch, c.dlogp, others[i], false);
        assert_memory_not_equal(other.logp, whole.logp, sizeof whole.logp);
        mem_free(other.grads);
    }
    mem_free(whole.grads);
    case_end(&c);
    backend_destroy(backend);
}

// Where a sequence is cut into segments of one address changes no bits.
static void test_dropout_knows_no_cuts(void **state) {
    (void)state;
    Backend *backend = open_backend("cpu");
    ModelConfig config = tiny_config(MODEL_LLAMA);
    Model *base = tiny_model(backend, &config, DTYPE_F32, 11), *model = tiny_adapted(base, ALL_TARGETS, 5);
    int32_t ids[N_IDS];
    float logp[2][N_IDS - 1];
    fill_random_ids(ids, N_IDS, config.vocabulary, 12);
    for (int cut = 0; cut < 2; cut++) {
        Batch batch;
        batch_init(&batch);
        int32_t head = batch_add_segment(&batch, -1, ids, cut ? 6 : N_IDS);
        batch_predict(&batch, head, 1, cut ? 6 : N_IDS);
        if (cut) {
            int32_t tail = batch_add_segment(&batch, head, ids + 6, N_IDS - 6);
            batch_predict(&batch, tail, 0, N_IDS - 6);
        }
        Pass *pass = training_pass(model, DROPOUT, false);
        model_logprobs(model, pass, &batch, 0.7f, logp[cut], NULL);
        pass_destroy(pass);
        batch_free(&batch);
    }
    assert_memory_equal(logp[0], logp[1], sizeof logp[0]);
    model_destroy(model);
    model_destroy(base);
    backend_destroy(backend);
}

// ---- the base, and merging

static void logprobs(Model *model, const Batch *batch, float *logp) {
    Pass *pass = pass_create(model, (PassSettings){0});
    model_logprobs(model, pass, batch, 0.7f, logp, NULL);
    pass_destroy(pass);
}

// A fresh adapter gives the base's bits; an adapter leaves its base as it was, and another over the same base too.
static void test_base_is_untouched(void **state) {
    (void)state;
    Backend *backend = open_backend("cpu");
    Case c;
    case_begin(&c, backend, MODEL_LLAMA, DTYPE_F32, ALL_TARGETS);
    float base[N_PREDICTIONS], adapted[N_PREDICTIONS], found[N_PREDICTIONS];
    logprobs(c.base, &c.batch, base);
    logprobs(c.model, &c.batch, adapted);
    assert_memory_not_equal(base, adapted, sizeof base);
    Model *fresh;
    Error error;
    assert_true(model_adapt(c.base, model_lora(c.model), "base", &fresh, &error));
    lora_init(fresh, 1);
    logprobs(fresh, &c.batch, found);
    assert_memory_equal(found, base, sizeof base);
    model_copy(fresh, c.model);
    logprobs(fresh, &c.batch, found);
    assert_memory_equal(found, adapted, sizeof base);
    Model *held = c.base;
    model_destroy(held); // the adapters still hold it
    c.base = NULL;
    logprobs(model_base(fresh), &c.batch, found);
    assert_memory_equal(found, base, sizeof base);
    model_destroy(fresh);
    case_end(&c);
    backend_destroy(backend);
}

// W + s B A in one matrix beside W x + s B (A x): the same up to the rounding of sums of some 40 terms in F32.
static void test_merged_is_adapted(void **state) {
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend) continue;
        for (unsigned targets = 1; targets <= ALL_TARGETS; targets = targets * 2 + (targets == 64)) {
            Case c;
            case_begin(&c, backend, MODEL_QWEN3, DTYPE_F32, targets);
            float base[N_PREDICTIONS], adapted[N_PREDICTIONS], merged[N_PREDICTIONS], after[N_PREDICTIONS];
            logprobs(c.base, &c.batch, base);
            logprobs(c.model, &c.batch, adapted);
            lora_merge(c.model);
            logprobs(c.base, &c.batch, merged);
            logprobs(c.model, &c.batch, after);
            double moved = 0;
            for (int i = 0; i < N_PREDICTIONS; i++) {
                assert_true(fabs((double)merged[i] - (double)adapted[i]) < 2e-5);
                moved = fmax(moved, fabs((double)merged[i] - (double)base[i]));
            }
            assert_true(moved > 1e-3);
            assert_memory_equal(after, merged, sizeof after);
            case_end(&c);
            if (targets == ALL_TARGETS) break;
        }
        backend_destroy(backend);
    }
}

// ---- the list

static void test_parameters(void **state) {
    (void)state;
    Backend *backend = open_backend("cpu");
    ModelConfig config = tiny_config(MODEL_QWEN2);
    Model *base = tiny_model(backend, &config, DTYPE_BF16, 1);
    Model *model = tiny_adapted(base, 1u << LORA_Q | 1u << LORA_DOWN, 2);
    const ParamTable *table = model_params(model);
    assert_int_equal(table->n_params, 3 * 4);
    assert_string_equal(table->params[4].name, "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight");
    assert_string_equal(table->params[11].name, "base_model.model.model.layers.2.mlp.down_proj.lora_B.weight");
    // q: [24, 20], down: [20, 26], rank 3
    assert_int_equal(model_count_parameters(model), 3 * (3 * 20 + 24 * 3 + 3 * 26 + 20 * 3));
    assert_int_equal(model_dtype(model), DTYPE_F32);
    assert_int_equal(model_dtype(model_base(model)), DTYPE_BF16);
    assert_true(table->f32_bytes < model_params(base)->f32_bytes);
    model_destroy(model);
    model_destroy(base);
    backend_destroy(backend);
}

static void test_names(void **state) {
    (void)state;
    unsigned targets;
    Error error;
    assert_true(lora_targets_parse("q_proj, v_proj", "x", &targets, &error));
    assert_int_equal(targets, 1u << LORA_Q | 1u << LORA_V);
    assert_true(lora_targets_parse("all-linear", "x", &targets, &error));
    assert_int_equal(targets, ALL_TARGETS);
    static const char *const BAD[] = {"", " ,", "q", "q_proj lm_head", "q_projv_proj"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(lora_targets_parse(BAD[i], "x", &targets, &error));
        assert_non_null(strstr(error.message, "expected all-linear or names"));
    }
    LoraConfig config = {.rank = 16, .alpha = 8, .targets = 1};
    assert_true(lora_scale(&config) == 0.5f);
    config.rslora = true;
    assert_true(lora_scale(&config) == 2.0f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_cpu_bits),
        cmocka_unit_test(test_dropout_is_addressed),
        cmocka_unit_test(test_base_is_untouched),
        cmocka_unit_test(test_dropout_knows_no_cuts),
        cmocka_unit_test(test_merged_is_adapted),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
