// Options of LoRA that training commands share, and the policy that they ask for.
#ifndef RLT_COMMANDS_LORA_OPTIONS_H
#define RLT_COMMANDS_LORA_OPTIONS_H

#include "commands/model_bundle.h"
#include "commands/options.h"
#include "model/lora.h"

#define LORA_OPTIONS                                                                                                   \
    BASE_OPTION,                                                                                                       \
        {"lora.rank",                                                                                                  \
         OPTION_INT,                                                                                                   \
         "0",                                                                                                          \
         0,                                                                                                            \
         LORA_RANK_MAX,                                                                                                \
         NULL,                                                                                                         \
         "Rank of LoRA adapters, which alone are trained and saved (as PEFT does); 0: every parameter is. An adapter " \
         "as `model` goes on "                                                                                         \
         "with its own rank, alpha and targets, or with 0 is merged first."},                                          \
        {"lora.alpha", OPTION_REAL, "16", 0, 1e6, NULL, "LoRA: adapters are multiplied by alpha / rank."},             \
        {"lora.targets",                                                                                               \
         OPTION_TEXT,                                                                                                  \
         "all-linear",                                                                                                 \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         "LoRA: adapted projections: all-linear, or names of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, "     \
         "down_proj."},                                                                                                \
        {"lora.dropout",                                                                                               \
         OPTION_REAL,                                                                                                  \
         "0",                                                                                                          \
         0,                                                                                                            \
         0.99,                                                                                                         \
         NULL,                                                                                                         \
         "LoRA: share of a projection's inputs that its adapter does not see in a step."},                             \
        {"lora.rslora",                                                                                                \
         OPTION_BOOL,                                                                                                  \
         "false",                                                                                                      \
         0,                                                                                                            \
         0,                                                                                                            \
         NULL,                                                                                                         \
         "LoRA: adapters are multiplied by alpha / sqrt(rank) instead."},                                              \
    {                                                                                                                  \
        "lora.base_dtype", OPTION_CHOICE, "same", 0, 0, "same|" DTYPES,                                                \
            "LoRA: type in which the frozen base is held; same: as dtype."                                             \
    }

bool lora_wanted(const Options *options); // lora.rank > 0
MUST_CHECK bool lora_config_from_options(const Options *options, LoraConfig *config, Error *error);
// Whether the options fit each other and what the bundle holds, before its weights are read and anything is written.
MUST_CHECK bool policy_check(const Options *options, const ModelBundle *bundle, Error *error);
// After policy_check. Loads the bundle's model and gives the model to train in F32 (the trainer's master), a hold of its
// own (model_destroy). With LoRA bundle->model stays as it was loaded, frozen, and shares its memory with the policy;
// without, the two are one model.
MUST_CHECK bool policy_load(const Options *options, ModelBundle *bundle, Backend *backend, Model **policy,
                            Error *error);

#endif
