#include "formats/peft.h"

#include <string.h>

// Keys that change what is computed, and are only understood when they are null, false, 0 or empty.
static const char *const unsupported[] = {
    "alora_invocation_tokens", "alpha_pattern",       "arrow_config", "corda_config",
    "exclude_modules",         "fan_in_fan_out",      "kasa_config",  "layer_replication",
    "layers_pattern",          "layers_to_transform", "lora_bias",    "lora_ga_config",
    "modules_to_save",         "monteclora_config",   "rank_pattern", "target_parameters",
    "trainable_token_indices", "use_bdlora",          "use_dora",     "use_qalora",
    "velora_config",
};

static bool is_off(const json_t *value) {
    return value == NULL || json_is_null(value) || json_is_false(value) ||
           (json_is_object(value) && json_object_size(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static bool check_unsupported(json_t *json, const char *path, Error *error) {
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++) {
        if (is_off(json_object_get(json, unsupported[i]))) continue;
        return error_set(error, "%s: key \"%s\" is set: expected null, this kind of adapter is not computed", path,
                         unsupported[i]);
    }
    return true;
}

// A key that must hold one text where it is there.
static bool check_text(json_t *json, const char *path, const char *key, const char *expected, bool required,
                       Error *error) {
    Str text;
    if (!json_string_or(json, path, key, required ? STR("") : str_of(expected), &text, error)) return false;
    if (str_equal(text, str_of(expected))) return true;
    return error_set(error, "%s: key \"%s\": \"%.*s\": expected \"%s\"", path, key,
                     (int)(text.len < 64 ? text.len : 64), text.ptr, expected);
}

// Starts that change the base's weights on loading (PiSSA, OLoRA, ...) are refused; others only matter to training.
static bool check_start(json_t *json, const char *path, Error *error) {
    static const char *const harmless[] = {"gaussian", "orthogonal", "eva", "true", "false"};
    json_t *value = json_object_get(json, "init_lora_weights");
    if (value == NULL || json_is_null(value) || json_is_boolean(value)) return true;
    for (size_t i = 0; json_is_string(value) && i < sizeof harmless / sizeof *harmless; i++) {
        if (strcmp(json_string_value(value), harmless[i]) == 0) return true;
    }
    return error_set(
        error, "%s: key \"init_lora_weights\": expected true, false, \"gaussian\", \"orthogonal\" or \"eva\"", path);
}

static bool read_targets(json_t *json, const char *path, unsigned *targets, Error *error) {
    char where[512];
    snprintf(where, sizeof where, "%.400s: key \"target_modules\"", path);
    json_t *value = json_object_get(json, "target_modules"), *item;
    size_t i;
    *targets = 0;
    if (json_is_string(value)) return lora_targets_parse(json_string_value(value), where, targets, error);
    if (!json_is_array(value) || json_array_size(value) == 0)
        return error_set(error, "%s: expected names of projections", where);
    json_array_foreach(value, i, item) {
        unsigned one;
        if (!json_is_string(item)) return error_set(error, "%s: expected names of projections", where);
        if (!lora_targets_parse(json_string_value(item), where, &one, error)) return false;
        *targets |= one;
    }
    return true;
}

static bool read_numbers(json_t *json, const char *path, LoraConfig *config, Error *error) {
    int64_t rank;
    double alpha, dropout;
    if (!json_need_int(json, path, "r", 1, LORA_RANK_MAX, &rank, error) ||
        !json_number_or(json, path, "lora_alpha", 8, &alpha, error) ||
        !json_number_or(json, path, "lora_dropout", 0, &dropout, error) ||
        !json_bool_or(json, path, "use_rslora", false, &config->rslora, error)) {
        return false;
    }
    config->rank = (int32_t)rank;
    config->alpha = (float)alpha;
    config->dropout = (float)dropout;
    return true;
}

bool peft_config_parse(json_t *json, const char *path, LoraConfig *config, Str *base_name, Error *error) {
    *config = (LoraConfig){0};
    if (!json_is_object(json)) return error_set(error, "%s: expected an object", path);
    if (!check_text(json, path, "peft_type", "LORA", true, error) ||
        !check_text(json, path, "bias", "none", false, error) ||
        !check_text(json, path, "task_type", "CAUSAL_LM", false, error) || !check_unsupported(json, path, error) ||
        !check_start(json, path, error) || !read_targets(json, path, &config->targets, error) ||
        !read_numbers(json, path, config, error) ||
        !json_string_or(json, path, "base_model_name_or_path", STR(""), base_name, error)) {
        return false;
    }
    if (strlen(base_name->ptr) != base_name->len) {
        return error_set(error, "%s: key \"base_model_name_or_path\": expected a text without NUL", path);
    }
    return lora_config_check(config, path, error);
}

void peft_config_write(const LoraConfig *config, const char *base_name, Buf *out) {
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kstring(&w, "peft_type", STR("LORA"));
    jw_kstring(&w, "task_type", STR("CAUSAL_LM"));
    jw_kstring(&w, "base_model_name_or_path", str_of(base_name));
    jw_kint(&w, "r", config->rank);
    jw_kf32(&w, "lora_alpha", config->alpha);
    jw_kf32(&w, "lora_dropout", config->dropout);
    jw_kbool(&w, "use_rslora", config->rslora);
    jw_key(&w, "target_modules");
    jw_array_begin(&w);
    for (int target = 0; target < N_LORA_TARGETS; target++) {
        if (config->targets >> target & 1) jw_string(&w, str_of(lora_target_name((LoraTarget)target)));
    }
    jw_array_end(&w);
    jw_kstring(&w, "bias", STR("none"));
    jw_kbool(&w, "fan_in_fan_out", false);
    jw_kbool(&w, "inference_mode", true);
    jw_kbool(&w, "init_lora_weights", true);
    jw_object_end(&w);
    buf_add_char(out, '\n');
}
