// Dropout of adapters in SFT and GRPO: a step's loss is the same bits however it is cut into micro-batches, and equal
// sequences of a step have masks of their own. Without dropout equal sequences have equal log-probs, to the bit.
#include "../model/tiny.h"
#include "methods/grpo.h"
#include "methods/sft.h"

#define N_IDS 12
#define N_EXAMPLES 5

typedef struct Bench {
    Backend *backend;
    Model *base, *model;
    Trainer *trainer;
    int32_t ids[N_EXAMPLES][N_IDS];
} Bench;

static Bench bench_open(float dropout) {
    Bench bench = {.backend = open_backend("cpu")};
    ModelConfig config = tiny_config(MODEL_QWEN3);
    bench.base = tiny_model(bench.backend, &config, DTYPE_F32, 11);
    bench.model = tiny_adapted(bench.base, (1u << N_LORA_TARGETS) - 1, 5);
    TrainerSettings settings = {.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .dropout = dropout, .seed = 3};
    bench.trainer = trainer_create(bench.model, &settings);
    for (int32_t i = 0; i < N_EXAMPLES; i++)
        fill_random_ids(bench.ids[i], N_IDS, config.vocabulary, 20 + (uint64_t)i);
    return bench;
}

static void bench_close(Bench *bench) {
    trainer_destroy(bench->trainer);
    model_destroy(bench->model);
    model_destroy(bench->base);
    backend_destroy(bench->backend);
}

// Loss of a step over examples order[0..n).
static double sft_loss_of(Bench *bench, const int32_t *order, int32_t n, int32_t max_rows) {
    SftExample examples[N_EXAMPLES];
    SftStep out;
    for (int32_t i = 0; i < N_EXAMPLES; i++)
        examples[i] = (SftExample){bench->ids[i], N_IDS - i, 2, NULL};
    return sft_accumulate(bench->trainer, examples, order, n, max_rows, &out);
}

static void test_sft(void **state) {
    (void)state;
    static const int32_t order[] = {3, 0, 4, 1, 2}, one[] = {0}, twice[] = {0, 0};
    for (int dropping = 0; dropping < 2; dropping++) {
        Bench bench = bench_open(dropping ? 0.3f : 0);
        double whole = sft_loss_of(&bench, order, 5, 1000);
        assert_true(whole == sft_loss_of(&bench, order, 5, 1));
        assert_true(whole == sft_loss_of(&bench, order, 5, 25));
        // two places of one example: 0.5 (a + b) is a only where both have its mask
        double a = sft_loss_of(&bench, one, 1, 1000), both = sft_loss_of(&bench, twice, 2, 1000);
        double apart = both > a ? both - a : a - both;
        assert_true(dropping ? apart > 1e-4 : apart < 1e-6);
        trainer_step(bench.trainer, 0); // the parameters stay, the step's address does not
        assert_true(dropping == (whole != sft_loss_of(&bench, order, 5, 1000)));
        bench_close(&bench);
    }
}

// One prompt, four completions of which the first two are equal; the entropies tell masks apart.
static GrpoStep grpo_of(Bench *bench, int32_t n_sequences, int32_t max_rows) {
    float old_logp[N_IDS];
    GrpoSequence sequences[4];
    for (int32_t i = 0; i < N_IDS; i++)
        old_logp[i] = -3;
    for (int32_t s = 0; s < 4; s++)
        sequences[s] = (GrpoSequence){bench->ids[s < 2 ? 1 : s], N_IDS - (s < 2 ? 0 : s), 0.5, old_logp, NULL, NULL};
    GrpoGroup groups[2] = {{bench->ids[0], N_IDS, NULL, sequences, n_sequences}, {bench->ids[4], 5, NULL, sequences, n_sequences}};
    GrpoSettings settings = {.temperature = 0.7f, .clip_epsilon = 0.2, .max_rows = max_rows, .want_entropy = true};
    GrpoStep out;
    grpo_accumulate(bench->trainer, groups, n_sequences == 4 ? 2 : 1, &settings, &out);
    return out;
}

static void test_grpo(void **state) {
    (void)state;
    for (int dropping = 0; dropping < 2; dropping++) {
        Bench bench = bench_open(dropping ? 0.3f : 0);
        GrpoStep whole = grpo_of(&bench, 4, 1000), cut = grpo_of(&bench, 4, 1), some = grpo_of(&bench, 4, 40);
        assert_true(whole.entropy == cut.entropy && whole.entropy == some.entropy);
        assert_true(whole.loss == cut.loss && whole.loss == some.loss);
        double one = grpo_of(&bench, 1, 1000).entropy, both = grpo_of(&bench, 2, 1000).entropy;
        double apart = both > one ? both - one : one - both;
        assert_true(dropping ? apart > 1e-4 : apart < 1e-6);
        bench_close(&bench);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sft),
        cmocka_unit_test(test_grpo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
