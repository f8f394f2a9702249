#include "commands/lora_options.h"

#include <string.h>

#include "base/log.h"

bool lora_wanted(const Options *options) {
    return options_int(options, "lora.rank") > 0;
}

// All parameters of what was loaded: an adapter is merged into its base.
static Model *full_policy(const ModelBundle *bundle) {
    if (model_lora(bundle->model) == NULL) return model_hold(bundle->model);
    lora_merge(bundle->model);
    log_info("%s: the adapter is merged into its base, and all parameters are trained", model_file_path(bundle->file));
    return model_hold(model_base(bundle->model));
}

bool lora_config_from_options(const Options *o, LoraConfig *config, Error *error) {
    *config = (LoraConfig){
        .rank = (int32_t)options_int(o, "lora.rank"),
        .alpha = (float)options_real(o, "lora.alpha"),
        .rslora = options_bool(o, "lora.rslora"),
        .dropout = (float)options_real(o, "lora.dropout"),
    };
    return lora_targets_parse(options_text(o, "lora.targets"), "key \"lora.targets\"", &config->targets, error);
}

// A new adapter over a plain model.
static bool new_adapter(const Options *o, const ModelBundle *bundle, Model **policy, Error *error) {
    LoraConfig config;
    if (!lora_config_from_options(o, &config, error) ||
        !model_adapt(bundle->model, &config, model_file_path(bundle->file), policy, error)) {
        return false;
    }
    lora_init(*policy, (uint64_t)options_int(o, "seed"));
    return true;
}

// A copy of the adapter that was loaded, over the same base.
static bool go_on(const Options *o, const ModelBundle *bundle, Model **policy, Error *error) {
    LoraConfig config = *model_lora(bundle->model);
    if (config.rank != options_int(o, "lora.rank")) {
        return error_set(error,
                         "key \"lora.rank\": %d: expected %d, the rank of the adapter %s (or 0, which merges it first)",
                         (int)options_int(o, "lora.rank"), config.rank, model_file_path(bundle->file));
    }
    config.dropout = (float)options_real(o, "lora.dropout");
    if (!model_adapt(model_base(bundle->model), &config, model_base_name(bundle->model), policy, error)) return false;
    model_copy(*policy, bundle->model);
    return true;
}

static void describe(const Model *policy) {
    double mib = 1 << 20, adapters = 3 * (double)model_params(policy)->f32_bytes / mib;
    double all = 3 * (double)model_params(model_base(policy))->f32_bytes / mib;
    log_info("LoRA: %lld of %lld parameters are trained; gradients and moments take %.1f MiB in place of %.1f",
             (long long)model_count_parameters(policy), (long long)model_count_parameters(model_base(policy)), adapters,
             all);
}

bool policy_load(const Options *o, ModelBundle *bundle, Backend *backend, Model **policy, Error *error) {
    bool lora = lora_wanted(o);
    if (!model_bundle_load(bundle, backend, lora ? dtype_option(o, "lora.base_dtype") : DTYPE_F32, error)) return false;
    if (!lora) {
        *policy = full_policy(bundle);
        return true;
    }
    bool ok =
        model_lora(bundle->model) != NULL ? go_on(o, bundle, policy, error) : new_adapter(o, bundle, policy, error);
    if (ok) describe(*policy);
    return ok;
}
