// rlt convert: a model from any form that is read into a Hugging Face folder; an adapter is merged into its base.
#include <string.h>

#include "base/log.h"
#include "commands/commands.h"
#include "commands/model_bundle.h"
#include "model/lora.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, NULL, 0, 0, NULL,
     "A Hugging Face folder, a GGUF file, or an adapter, which is merged into its base."},
    {"adapter", OPTION_INPUT, "", 0, 0, NULL, "An adapter (a folder that PEFT reads) to merge into `model`."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "The folder to write."},
    {"dtype", OPTION_CHOICE, "f32", 0, 0, "f32|bf16", "Type of the weights that are written."},
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    {0},
};

// The bundle of `model`, or of `adapter` over it.
static bool open_model(const Options *options, ModelBundle *bundle, Error *error) {
    const char *model = options_text(options, "model"), *adapter = options_text(options, "adapter");
    if (*adapter == 0) return model_bundle_open(model, bundle, error);
    if (!model_bundle_open_over(adapter, model, bundle, error)) return false;
    return model_file_base(bundle->file) != NULL ||
           error_set(error, "%s: no adapter_config.json: expected an adapter", adapter);
}

// The whole model: an adapted one's base, with the adapter merged into it.
static Model *merged(Model *model) {
    if (model_lora(model) == NULL) return model;
    lora_merge(model);
    return model_base(model);
}

static bool run(const Options *options, Error *error) {
    ModelBundle bundle = {0};
    Backend *backend = NULL;
    Dtype dtype = strcmp(options_text(options, "dtype"), "bf16") == 0 ? DTYPE_BF16 : DTYPE_F32;
    bool ok = backend_create(options_text(options, "backend"), &backend, error) &&
              open_model(options, &bundle, error) && model_bundle_load(&bundle, backend, DTYPE_F32, error) &&
              model_bundle_save(merged(bundle.model), DEV_NONE, bundle.tokenizer, bundle.has_chat ? &bundle.chat : NULL,
                                options_text(options, "out"), dtype, error);
    if (ok && !bundle.has_chat) log_warn("%s; written without one", bundle.chat_error);
    model_bundle_close(&bundle);
    backend_destroy(backend);
    return ok;
}

const Command command_convert = {"convert", "a model into a Hugging Face folder; merges adapters", "model out", rows,
                                 run};
