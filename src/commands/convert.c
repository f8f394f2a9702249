// rlt convert: a model from any form that is read into a Hugging Face folder.
#include <string.h>

#include "base/log.h"
#include "commands/commands.h"
#include "commands/model_bundle.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, NULL, 0, 0, NULL, "A Hugging Face folder or a GGUF file."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "The folder to write."},
    {"dtype", OPTION_CHOICE, "f32", 0, 0, "f32|bf16", "Type of the weights that are written."},
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    {0},
};

static bool run(const Options *options, Error *error) {
    ModelBundle bundle = {0};
    Backend *backend = NULL;
    Dtype dtype = strcmp(options_text(options, "dtype"), "bf16") == 0 ? DTYPE_BF16 : DTYPE_F32;
    bool ok = backend_create(options_text(options, "backend"), &backend, error) &&
              model_bundle_open(options_text(options, "model"), &bundle, error) &&
              model_bundle_load(&bundle, backend, DTYPE_F32, error) &&
              model_bundle_save(bundle.model, DEV_NONE, bundle.tokenizer, bundle.has_chat ? &bundle.chat : NULL,
                                options_text(options, "out"), dtype, error);
    if (ok && !bundle.has_chat) log_warn("%s; written without one", bundle.chat_error);
    model_bundle_close(&bundle);
    backend_destroy(backend);
    return ok;
}

const Command command_convert = {"convert", "a model into a Hugging Face folder", "model out", rows, run};
