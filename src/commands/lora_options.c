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

// The adapter to train: a new one, or the one that was opened (NULL: none) with the dropout that is asked for.
static bool adapter_config(const Options *o, const LoraConfig *opened, const char *path, LoraConfig *config, Error *error) {
    *config = (LoraConfig){
        .rank = (int32_t)options_int(o, "lora.rank"),
        .alpha = (float)options_real(o, "lora.alpha"),
        .rslora = options_bool(o, "lora.rslora"),
    };
    if (opened == NULL) {
        if (!lora_targets_parse(options_text(o, "lora.targets"), "key \"lora.targets\"", &config->targets, error))
            return false;
    } else if (opened->rank == config->rank) {
        *config = *opened;
    } else {
        return error_set(error,
                         "key \"lora.rank\": %d: expected %d, the rank of the adapter %s (or 0, which merges it first)",
                         config->rank, opened->rank, path);
    }
    config->dropout = (float)options_real(o, "lora.dropout");
    return lora_config_check(config, "lora", error);
}

bool lora_config_from_options(const Options *o, LoraConfig *config, Error *error) { return adapter_config(o, NULL, "", config, error); }

static bool wanted_config(const Options *o, const ModelBundle *bundle, LoraConfig *config, Error *error) {
    return adapter_config(o, model_file_lora(bundle->file), model_file_path(bundle->file), config, error);
}

bool policy_check(const Options *options, const ModelBundle *bundle, Error *error) {
    LoraConfig config;
    return !lora_wanted(options) || wanted_config(options, bundle, &config, error);
}

// Over a plain model new; over an adapted one a copy on the same base.
static bool adapt(const Options *o, const ModelBundle *bundle, Model **policy, Error *error) {
    Model *base = model_base(bundle->model);
    const char *base_name = base != NULL ? model_base_name(bundle->model) : model_file_path(bundle->file);
    LoraConfig config;
    if (!wanted_config(o, bundle, &config, error) ||
        !model_adapt(base != NULL ? base : bundle->model, &config, base_name, policy, error))
        return false;
    if (base != NULL) {
        model_copy(*policy, bundle->model);
    } else {
        lora_init(*policy, (uint64_t)options_int(o, "seed"));
    }
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
    bool ok = adapt(o, bundle, policy, error);
    if (ok) describe(*policy);
    return ok;
}
