// Configurations that are refused, and RoPE's frequencies.
#include <math.h>
#include "tiny.h"

static void test_good_configs_pass(void **state)
{
    (void)state;
    Error error;
    for (int i = 0; i < N_FAMILIES; i++) {
        ModelConfig config = tiny_config(ALL_FAMILIES[i]);
        assert_true(model_config_check(&config, "config.json", &error));
    }
    assert_string_equal(model_family_name(MODEL_LLAMA), "llama");
    assert_string_equal(model_family_name(MODEL_QWEN2), "qwen2");
    assert_string_equal(model_family_name(MODEL_QWEN3), "qwen3");
    ModelFamily family = MODEL_LLAMA;
    assert_true(model_family_by_name(str_of("qwen3"), &family));
    assert_int_equal(family, MODEL_QWEN3);
    assert_false(model_family_by_name(str_of("qwen"), &family));
}

static void expect_refused(const ModelConfig *config, const char *named)
{
    Error error = {""};
    assert_false(model_config_check(config, "config.json", &error));
    assert_non_null(strstr(error.message, "config.json"));
    assert_non_null(strstr(error.message, named));
}

#define REFUSED(named, change)                           \
    do {                                                 \
        ModelConfig config = tiny_config(MODEL_QWEN2);   \
        change;                                          \
        expect_refused(&config, named);                  \
    } while (0)

static void test_bad_configs_are_named(void **state)
{
    (void)state;
    REFUSED("vocabulary", config.vocabulary = 0);
    REFUSED("hidden", config.hidden = -1);
    REFUSED("hidden", config.hidden = (1 << 24) + 1);
    REFUSED("layers", config.n_layers = 513);
    REFUSED("heads", config.n_kv_heads = 3);
    REFUSED("head size", config.head_dim = 7);
    REFUSED("heads", (config.n_heads = 1 << 20, config.head_dim = 1 << 20));
    REFUSED("rms_norm_eps", config.norm_eps = NAN);
    REFUSED("eos", config.eos_id = config.vocabulary);
    REFUSED("bos", config.bos_id = -2);
    REFUSED("pad", config.pad_id = -7);
    REFUSED("rope_theta", config.rope.theta = 1);
    REFUSED("factor", config.rope.kind = ROPE_LINEAR);
    REFUSED("original_max_position", (config.rope.kind = ROPE_YARN, config.rope.factor = 4));
    REFUSED("low_freq_factor", config.rope = ((RopeConfig){.kind = ROPE_LLAMA3, .theta = 1e4, .factor = 8,
                                                           .original_max_positions = 64, .low_freq_factor = 4,
                                                           .high_freq_factor = 4}));
    REFUSED("beta_slow", config.rope = ((RopeConfig){.kind = ROPE_YARN, .theta = 1e4, .factor = 8,
                                                     .original_max_positions = 64, .beta_fast = 1, .beta_slow = 32}));
}

// Reference: transformers 5.23.0's ROPE_INIT_FUNCTIONS on the same settings, head size 16. It computes in F32, so
// agreement is asked for to 1e-6 of each value (16 ulp: pow and the ramps round several times).
typedef struct RopeCase {
    RopeConfig rope;
    double want[8], scale;
} RopeCase;

static const RopeCase ROPE_CASES[] = {
#include "rope_cases.inc"
};

static void test_rope_frequencies(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof ROPE_CASES / sizeof ROPE_CASES[0]; c++) {
        double inv_freq[8], scale;
        rope_frequencies(&ROPE_CASES[c].rope, 16, inv_freq, &scale);
        for (int i = 0; i < 8; i++)
            assert_true(fabs(inv_freq[i] - ROPE_CASES[c].want[i]) <= 1e-6 * ROPE_CASES[c].want[i]);
        assert_true(fabs(scale - ROPE_CASES[c].scale) <= 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_configs_pass),
        cmocka_unit_test(test_bad_configs_are_named),
        cmocka_unit_test(test_rope_frequencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
