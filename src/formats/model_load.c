// Opening a model from any form, and reading its weights.
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/model_file.h"
#include "formats/peft.h"

bool model_file_open(const char *path, ModelFile **out, Error *error) { return model_file_open_over(path, "", out, error); }

bool model_file_open_over(const char *path, const char *base, ModelFile **out, Error *error) {
    ModelFile *file = mem_alloc(1, sizeof *file);
    file->path = mem_strdup(path);
    bool ok;
    if (is_peft_folder(path)) {
        ok = peft_folder_open(file, base, error);
    } else if (dir_exists(path)) {
        ok = hf_folder_open(file, error);
    } else if (file_exists(path)) {
        ok = gguf_model_open(file, error);
    } else {
        ok = error_set(error, "%s: no such model: expected a Hugging Face folder or a GGUF file", path);
    }
    if (!ok) {
        model_file_close(file);
        return false;
    }
    *out = file;
    return true;
}

void model_file_close(ModelFile *file) {
    if (file == NULL) return;
    if (file->form_close != NULL) file->form_close(file->form);
    buf_free(&file->chat_template), buf_free(&file->tokenizer_json);
    mem_free(file->tensors);
    mem_free(file->base_name);
    model_file_close(file->base);
    mem_free(file->path);
    mem_free(file);
}

const char *model_file_path(const ModelFile *file) { return file->path; }
const ModelConfig *model_file_config(const ModelFile *file) { return &file->config; }
const char *model_file_base(const ModelFile *file) { return file->base_name; }
const LoraConfig *model_file_lora(const ModelFile *file) { return file->base != NULL ? &file->lora : NULL; }
Str model_file_chat_template(const ModelFile *file) { return buf_str(&file->chat_template); }
Str model_file_tokenizer_json(const ModelFile *file) { return buf_str(&file->tokenizer_json); }

const int32_t *model_file_eos_ids(const ModelFile *file, int32_t *count) {
    *count = file->n_eos;
    return file->eos_ids;
}

bool model_file_vocabulary(const ModelFile *file, GgufVocabulary *out) {
    *out = file->vocabulary;
    return file->has_vocabulary;
}

void model_file_add_eos(ModelFile *file, int32_t id) {
    for (int32_t i = 0; i < file->n_eos; i++) {
        if (file->eos_ids[i] == id) return;
    }
    if (id >= 0 && file->n_eos < MODEL_FILE_MAX_EOS) file->eos_ids[file->n_eos++] = id;
}

void model_file_each_tensor(const ModelFile *file, void (*visit)(void *, Str, const char *, const uint64_t *, int), void *context) {
    for (int i = 0; i < file->n_tensors; i++) {
        const FileTensor *t = &file->tensors[i];
        visit(context, t->name, t->type, t->shape, t->n_dims);
    }
}

// ---- weights

static FileTensor *find_tensor(const ModelFile *file, Str name) {
    for (int i = 0; i < file->n_tensors; i++) {
        if (str_equal(file->tensors[i].name, name)) return &file->tensors[i];
    }
    return NULL;
}

static bool shape_fits(const FileTensor *tensor, const Param *param) {
    uint64_t rows = (uint64_t)param->rows, cols = (uint64_t)param->cols;
    if (param->kind == PARAM_VECTOR) return tensor->n_dims == 1 && tensor->shape[0] == rows;
    return tensor->n_dims == 2 && tensor->shape[0] == rows && tensor->shape[1] == cols;
}

static bool load_param(const ModelFile *file, Model *model, int32_t index, bool *used, Error *error) {
    const Param *param = &model_params(model)->params[index];
    char name[160];
    file->form_name(param->name, name, sizeof name);
    FileTensor *tensor = find_tensor(file, str_of(name));
    if (tensor == NULL) return error_set(error, "%s: tensor \"%s\" is missing", file->path, name);
    if (!shape_fits(tensor, param)) {
        return error_set(error, "%s: tensor \"%s\": expected the shape [%d, %d]", file->path, name, param->rows, param->cols);
    }
    float *values = mem_alloc((size_t)param->rows * (size_t)param->cols, sizeof *values);
    bool ok = file->read(file, tensor, values, error);
    if (ok) model_set_param(model, index, values);
    mem_free(values);
    used[tensor - file->tensors] = true;
    return ok;
}

// Buffers that older checkpoints carry and nobody needs, and a tied model's copy of its embedding.
static bool may_be_ignored(const ModelFile *file, Str name) {
    return str_ends(name, STR("rotary_emb.inv_freq")) || str_equal(name, STR("rope_freqs.weight")) ||
           (file->config.tied && (str_equal(name, STR("lm_head.weight")) || str_equal(name, STR("output.weight"))));
}

// A model without its values: of an adapter, over its base with all of them.
static bool create_model(const ModelFile *file, Backend *backend, Dtype dtype, Model **out, Error *error) {
    if (file->base == NULL) return model_create(backend, &file->config, dtype, out, error) || error_prefix(error, "%s", file->path);
    Model *base;
    if (!model_load(file->base, backend, dtype, &base, error)) return false;
    bool ok = model_adapt(base, &file->lora, file->base_name, out, error) || error_prefix(error, "%s", file->path);
    model_destroy(base); // the adapted model holds it
    return ok;
}

bool model_load(const ModelFile *file, Backend *backend, Dtype dtype, Model **out, Error *error) {
    Model *model;
    if (!create_model(file, backend, dtype, &model, error)) return false;
    bool *used = mem_alloc((size_t)file->n_tensors, sizeof *used), ok = true;
    for (int32_t i = 0; ok && i < model_params(model)->n_params; i++) ok = load_param(file, model, i, used, error);
    for (int i = 0; ok && i < file->n_tensors; i++) {
        Str name = file->tensors[i].name;
        if (used[i] || may_be_ignored(file, name)) continue;
        if (find_tensor(file, name) != &file->tensors[i]) { // in two shards
            ok = error_set(error, "%s: tensor \"%.*s\" is there twice", file->path, (int)name.len, name.ptr);
            break;
        }
        if (file->base != NULL) {
            ok = error_set(error, "%s: tensor \"%.*s\" is none of the adapters that " PEFT_CONFIG " lists", file->path,
                           (int)name.len, name.ptr);
            break;
        }
        ok = error_set(error, "%s: tensor \"%.*s\" has no place in a %s model", file->path, (int)name.len, name.ptr,
                       model_family_name(file->config.family));
    }
    mem_free(used);
    if (!ok) {
        model_destroy(model);
        return false;
    }
    *out = model;
    return true;
}
