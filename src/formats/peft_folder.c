// A PEFT folder as a ModelFile: its base's, with adapters over it.
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "formats/model_file.h"
#include "formats/peft.h"

bool is_peft_folder(const char *path) {
    char *config = path_join(path, PEFT_CONFIG);
    bool found = file_exists(config);
    mem_free(config);
    return found;
}

static bool is_there(const char *path) {
    return file_exists(path) || dir_exists(path);
}

// Where the base is: as it was asked for, or as the adapter names it, from here or from the adapter's own folder.
static bool find_base(const ModelFile *file, const char *base, char **out, Error *error) {
    *out = NULL;
    if (*base != 0) {
        *out = mem_strdup(base);
        return true;
    }
    if (*file->base_name == 0) {
        return error_set(error, "%s: " PEFT_CONFIG " names no base model: name it with base=PATH", file->path);
    }
    char *beside = path_join(file->path, file->base_name);
    if (is_there(file->base_name)) {
        *out = mem_strdup(file->base_name);
    } else if (is_there(beside)) {
        *out = mem_strdup(beside);
    }
    mem_free(beside);
    return *out != NULL || error_set(error, "%s: its base model \"%.300s\" is not there: name it with base=PATH",
                                     file->path, file->base_name);
}

static bool read_config(ModelFile *file, Error *error) {
    char *path = path_join(file->path, PEFT_CONFIG);
    json_t *json = NULL;
    Str base_name;
    bool ok = json_read_file(path, &json, error) && peft_config_parse(json, path, &file->lora, &base_name, error);
    if (ok) file->base_name = mem_strndup(base_name.ptr, base_name.len);
    json_decref(json);
    mem_free(path);
    return ok;
}

// The base's text parts, where the folder has none of its own.
static bool take_text(ModelFile *file, Error *error) {
    const ModelFile *base = file->base;
    if (!hf_folder_read_text(file, error)) return false;
    if (file->chat_template.len == 0) buf_add_str(&file->chat_template, buf_str(&base->chat_template));
    if (file->tokenizer_json.len == 0) {
        buf_add_str(&file->tokenizer_json, buf_str(&base->tokenizer_json));
        file->has_vocabulary = base->has_vocabulary;
        file->vocabulary = base->vocabulary;
    }
    for (int32_t i = 0; i < base->n_eos; i++)
        model_file_add_eos(file, base->eos_ids[i]);
    return true;
}

bool peft_folder_open(ModelFile *file, const char *base, Error *error) {
    char *base_path = NULL;
    bool ok = read_config(file, error) && find_base(file, base, &base_path, error);
    if (ok && is_peft_folder(base_path)) {
        ok = error_set(error, "%s: its base %s is an adapter too: expected a whole model", file->path, base_path);
    }
    if (ok) {
        mem_free(file->base_name); // where it was found: what is trained on says so
        file->base_name = mem_strdup(base_path);
        ok = model_file_open(base_path, &file->base, error);
    }
    mem_free(base_path);
    if (!ok) return false;
    file->config = file->base->config;
    return hf_folder_open_tensors(file, PEFT_WEIGHTS, error) && take_text(file, error);
}
