// adapter_config.json: what is read of it, what is refused and in which words; an adapter's way to disk and back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// (cmocka's header needs those above)
#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/model_io.h"
#include "formats/peft.h"

static bool parse(const char *text, LoraConfig *config, char base_name[64], Error *error) {
    json_t *json;
    Str name;
    assert_true(json_parse(str_of(text), "config", &json, error));
    bool ok = peft_config_parse(json, "config", config, &name, error);
    if (ok) snprintf(base_name, 64, "%.*s", (int)name.len, name.ptr);
    json_decref(json);
    return ok;
}

// Keys and defaults as PEFT's LoraConfig has them.
static void test_reading(void **state) {
    (void)state;
    LoraConfig config;
    char base[64];
    Error error;
    assert_true(
        parse("{\"peft_type\":\"LORA\",\"r\":16,\"target_modules\":[\"v_proj\",\"down_proj\"],\"megatron_core\":\"x\"}",
              &config, base, &error));
    assert_int_equal(config.rank, 16);
    assert_true(config.alpha == 8 && config.dropout == 0 && !config.rslora);
    assert_int_equal(config.targets, 1u << LORA_V | 1u << LORA_DOWN);
    assert_string_equal(base, "");
    assert_true(
        parse("{\"peft_type\":\"LORA\",\"task_type\":\"CAUSAL_LM\",\"r\":2,\"lora_alpha\":5.5,\"lora_dropout\":0.25,"
              "\"use_rslora\":true,\"rank_pattern\":{},\"modules_to_save\":null,\"use_dora\":false,"
              "\"target_modules\":\"all-linear\",\"base_model_name_or_path\":\"some/base\"}",
              &config, base, &error));
    assert_true(config.alpha == 5.5f && config.dropout == 0.25f && config.rslora);
    assert_int_equal(config.targets, (1u << N_LORA_TARGETS) - 1);
    assert_string_equal(base, "some/base");
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *members, *message;
    } cases[] = {
        {"\"r\":0", "config: key \"r\""},
        {"\"r\":4097", "config: key \"r\""},
        {"\"r\":\"8\"", "config: key \"r\""},
        {"\"r\":8,\"lora_alpha\":-1", "config: alpha -1: expected a positive number"},
        {"\"r\":8,\"lora_dropout\":1", "config: dropout 1: expected 0 to below 1"},
        {"\"r\":8,\"bias\":\"lora_only\"", "config: key \"bias\": \"lora_only\": expected \"none\""},
        {"\"r\":8,\"task_type\":\"SEQ_CLS\"", "config: key \"task_type\": \"SEQ_CLS\": expected \"CAUSAL_LM\""},
        {"\"r\":8,\"use_dora\":true", "config: key \"use_dora\" is set"},
        {"\"r\":8,\"rank_pattern\":{\"q_proj\":4}", "config: key \"rank_pattern\" is set"},
        {"\"r\":8,\"modules_to_save\":[\"lm_head\"]", "config: key \"modules_to_save\" is set"},
        {"\"r\":8,\"layers_to_transform\":0", "config: key \"layers_to_transform\" is set"},
        {"\"r\":8,\"init_lora_weights\":\"pissa\"", "config: key \"init_lora_weights\""},
        {"\"r\":8,\"base_model_name_or_path\":\"a\\u0000b\"", "config: key \"base_model_name_or_path\""},
    };
    LoraConfig config;
    char base[64];
    Error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"peft_type\":\"LORA\",\"target_modules\":[\"q_proj\"],%s}", cases[i].members);
        assert_false(parse(text, &config, base, &error));
        if (strncmp(error.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: %s, expected %s", text, error.message, cases[i].message);
    }
    static const char *const bad_targets[] = {"[]", "null", "7", "[\"embed_tokens\"]", "[\"q_proj\",3]", "\".*proj\""};
    for (size_t i = 0; i < sizeof bad_targets / sizeof *bad_targets; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"peft_type\":\"LORA\",\"r\":4,\"target_modules\":%s}", bad_targets[i]);
        assert_false(parse(text, &config, base, &error));
        assert_non_null(strstr(error.message, "key \"target_modules\""));
    }
    assert_false(parse("{\"peft_type\":\"LOHA\",\"r\":4,\"target_modules\":\"all-linear\"}", &config, base, &error));
    assert_non_null(strstr(error.message, "key \"peft_type\": \"LOHA\": expected \"LORA\""));
    assert_false(parse("[]", &config, base, &error));
}

#define BASE TEST_DATA "/golden/qwen3"
#define FOLDER TEST_SCRATCH "/peft_adapter"

// Saved and loaded, over a base in BF16 too, an adapter has the bits it had, and its base those of the base alone.
static void test_save_and_load(void **state) {
    (void)state;
    Error error;
    Backend *backend;
    ModelFile *file;
    Model *base, *model, *loaded;
    assert_true(backend_create("cpu", &backend, &error));
    assert_true(model_file_open(BASE, &file, &error));
    assert_true(model_load(file, backend, DTYPE_BF16, &base, &error));
    model_file_close(file);
    LoraConfig config = {
        .rank = 3, .alpha = 2.5f, .dropout = 0.125f, .rslora = true, .targets = 1u << LORA_K | 1u << LORA_UP};
    assert_true(model_adapt(base, &config, BASE, &model, &error));
    lora_init(model, 9);
    model_destroy(base);
    if (!model_save(model, FOLDER, DTYPE_F32, NULL, 0, &error)) fail_msg("%s", error.message);
    if (!model_file_open(FOLDER, &file, &error)) fail_msg("%s", error.message);
    assert_string_equal(model_file_base(file), BASE);
    const LoraConfig *read = model_file_lora(file);
    assert_int_equal(read->rank, 3);
    assert_true(read->alpha == 2.5f && read->dropout == 0.125f && read->rslora && read->targets == config.targets);
    if (!model_load(file, backend, DTYPE_BF16, &loaded, &error)) fail_msg("%s", error.message);
    assert_int_equal(model_dtype(model_base(loaded)), DTYPE_BF16);
    for (int pair = 0; pair < 2; pair++) {
        Model *a = pair == 0 ? model : model_base(model), *b = pair == 0 ? loaded : model_base(loaded);
        assert_int_equal(model_params(a)->n_params, model_params(b)->n_params);
        for (int32_t p = 0; p < model_params(a)->n_params; p++) {
            const Param *param = &model_params(a)->params[p];
            size_t count = (size_t)param->rows * (size_t)param->cols;
            float *x = mem_alloc(count, sizeof *x), *y = mem_alloc(count, sizeof *y);
            model_get_param(a, p, x);
            model_get_param(b, p, y);
            assert_memory_equal(x, y, count * sizeof *x);
            mem_free(x);
            mem_free(y);
        }
    }
    model_file_close(file);
    model_destroy(model);
    model_destroy(loaded);
    backend_destroy(backend);
    assert_true(path_remove(FOLDER, &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_save_and_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
