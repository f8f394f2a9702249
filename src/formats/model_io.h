// Models on disk: a Hugging Face folder or a GGUF file in, a Hugging Face folder out.
//
// Weights of a checkpoint are read tensor by tensor through a map: never the whole file in memory. Every tensor of the
// architecture must be there with the right shape and no unknown ones may be (rotary inv_freq buffers are passed over);
// the message names file and tensor.
#ifndef RLT_FORMATS_MODEL_IO_H
#define RLT_FORMATS_MODEL_IO_H

#include "base/buf.h"
#include "model/model.h"

// What a folder or file says of its model, before its weights are read.
typedef struct ModelFile ModelFile;
// path: a folder with config.json and (model.safetensors | model.safetensors.index.json + shards), or a .gguf file.
// Or an adapter, a folder as PEFT writes it with adapter_config.json and adapter_model.safetensors: then everything but
// the adapters is its base's, which adapter_config.json names.
MUST_CHECK bool model_file_open(const char *path, ModelFile **file, Error *error);
// As model_file_open; the base of an adapter is `base` unless that is "".
MUST_CHECK bool model_file_open_over(const char *path, const char *base, ModelFile **file, Error *error);
void model_file_close(ModelFile *file); // NULL is fine
const char *model_file_path(const ModelFile *file);
const ModelConfig *model_file_config(const ModelFile *file);
const char *model_file_base(const ModelFile *file); // of an adapter: the path of its base; else NULL
const struct LoraConfig *model_file_lora(const ModelFile *file); // of an adapter (model/lora.h); else NULL

// Text parts, for src/text/ (which sees only base/). Empty strings where absent.
Str model_file_chat_template(const ModelFile *file);   // Jinja: chat_template.jinja, tokenizer_config.json's key, or GGUF metadata
Str model_file_tokenizer_json(const ModelFile *file);  // folder: the file's text (with generation_config left alone)
// End-of-sequence ids: config.json and generation_config.json (a number or a list), or GGUF's eos and eot ids.
const int32_t *model_file_eos_ids(const ModelFile *file, int32_t *count);
// GGUF's vocabulary as plain arrays, borrowed; false for a folder.
typedef struct GgufVocabulary {
    const Str *tokens, *merges;
    const bool *special;     // token type control or user defined
    int32_t n_tokens, n_merges;
    Str pre;                 // tokenizer.ggml.pre: "gpt-2", "smollm", "qwen2", "llama-bpe", ...
} GgufVocabulary;
bool model_file_vocabulary(const ModelFile *file, GgufVocabulary *out);

// One line per tensor for `rlt inspect`: name, type, shape (file's own), through a callback in the file's order.
void model_file_each_tensor(const ModelFile *file, void (*visit)(void *context, Str name, const char *type, const uint64_t *shape,
                            int n_dims), void *context);

// Reads the weights. BF16: weights rounded to nearest even from what the file holds. An adapter gives an adapted model
// (model/lora.h) over its base in `dtype`.
MUST_CHECK bool model_load(const ModelFile *file, Backend *backend, Dtype dtype, Model **model, Error *error);

// Writes config.json, model.safetensors (F32, or BF16 where asked), generation_config.json (eos ids), and the given text
// files (name -> bytes: tokenizer.json, tokenizer_config.json, chat_template.jinja ...) into `path` (made beside and renamed).
// Of an adapted model: adapter_model.safetensors and adapter_config.json in their place, as PEFT reads them.
typedef struct ExtraFile { const char *name; Str bytes; } ExtraFile;
MUST_CHECK bool model_save(const Model *model, const char *path, Dtype dtype, const ExtraFile *extra, int n_extra, Error *error);
// As model_save with F32 values from a param arena beside the model (a moving average).
MUST_CHECK bool model_save_arena(const Model *model, Dev arena, const char *path, const ExtraFile *extra, int n_extra, Error *error);

#endif
