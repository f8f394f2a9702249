// Inside of model_io.h: what a ModelFile is made of, whichever form it was read from.
#ifndef RLT_FORMATS_MODEL_FILE_H
#define RLT_FORMATS_MODEL_FILE_H

#include "formats/model_io.h"
#include "model/lora.h"

#define MODEL_FILE_MAX_EOS 16

// One tensor under its Hugging Face name, readable by rows.
typedef struct FileTensor {
    Str name;              // as the file has it
    const char *type;      // "F32", "BF16", "Q4_1", ...
    uint64_t shape[8];     // Hugging Face's order: [rows, cols] of a matrix
    int n_dims;
    const void *handle;    // the form's own
} FileTensor;

struct ModelFile {
    char *path;
    ModelConfig config;
    Buf chat_template, tokenizer_json;
    int32_t eos_ids[MODEL_FILE_MAX_EOS];
    int32_t n_eos;
    // the form: a folder or a GGUF file
    FileTensor *tensors;   // in the file's order
    int n_tensors;
    void *form;
    void (*form_close)(void *form);
    // All elements of the tensor that a parameter reads from, as F32 in Hugging Face's layout.
    bool (*read)(const struct ModelFile *file, const FileTensor *tensor, float *out, Error *error);
    // The form's name of a Hugging Face parameter (a folder's is the same).
    void (*form_name)(const char *hf_name, char *out, size_t size);
    bool has_vocabulary;
    GgufVocabulary vocabulary;
    // Of an adapter: the model below it, where that was found, and what the adapter is. config is the base's.
    struct ModelFile *base;
    char *base_name;
    LoraConfig lora;
};

MUST_CHECK bool hf_folder_open(ModelFile *file, Error *error);
// The tensors of one safetensors file of a folder, under their own names; the folder's tokenizer and chat template.
MUST_CHECK bool hf_folder_open_tensors(ModelFile *file, const char *name, Error *error);
MUST_CHECK bool hf_folder_read_text(ModelFile *file, Error *error);
bool is_peft_folder(const char *path);
MUST_CHECK bool peft_folder_open(ModelFile *file, const char *base, Error *error);
MUST_CHECK bool gguf_model_open(ModelFile *file, Error *error);
void model_file_add_eos(ModelFile *file, int32_t id);

#endif
