// A Hugging Face folder: config.json, one or several safetensors files, text parts.
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "formats/hf_config.h"
#include "formats/model_file.h"
#include "formats/safetensors.h"

#define MAX_SHARDS 1024
#define TEXT_MAX_BYTES ((size_t)256 << 20)

typedef struct Folder {
    Safetensors *shards[MAX_SHARDS];
    int n_shards;
} Folder;

static void folder_close(void *form) {
    Folder *folder = form;
    for (int i = 0; i < folder->n_shards; i++) safetensors_close(folder->shards[i]);
    mem_free(folder);
}

static bool read_tensor(const ModelFile *file, const FileTensor *tensor, float *out, Error *error) {
    const StTensor *st = tensor->handle;
    if (st->dtype != ST_F32 && st->dtype != ST_F16 && st->dtype != ST_BF16) {
        return error_set(error, "%s: tensor \"%.*s\": expected F32, F16 or BF16", file->path, (int)st->name.len, st->name.ptr);
    }
    safetensors_read_f32(st, 0, st->count, out);
    file_map_forget(st->data, st->bytes);
    return true;
}

static void same_name(const char *hf_name, char *out, size_t size) { snprintf(out, size, "%s", hf_name); }

static const char *type_name(StDtype dtype) {
    static const char *const names[] = {"F32", "F16", "BF16", "F64", "I32", "I64", "U8", "other"};
    return names[dtype];
}

// ---- weights

static bool add_shard(ModelFile *file, Folder *folder, const char *name, Error *error) {
    if (folder->n_shards == MAX_SHARDS) return error_set(error, "%s: more than %d shards", file->path, MAX_SHARDS);
    if (strchr(name, '/') != NULL || strcmp(name, "..") == 0) {
        return error_set(error, "%s: shard \"%.200s\": expected a file of the folder itself", file->path, name);
    }
    char *path = path_join(file->path, name);
    bool ok = safetensors_open(path, &folder->shards[folder->n_shards], error);
    mem_free(path);
    if (!ok) return false;
    const Safetensors *st = folder->shards[folder->n_shards++];
    int n = safetensors_count(st);
    file->tensors = mem_realloc(file->tensors, (size_t)(file->n_tensors + n), sizeof *file->tensors);
    for (int i = 0; i < n; i++) {
        const StTensor *t = safetensors_at(st, i);
        FileTensor *to = &file->tensors[file->n_tensors++];
        *to = (FileTensor){.name = t->name, .type = type_name(t->dtype), .n_dims = t->n_dims, .handle = t};
        memcpy(to->shape, t->shape, sizeof to->shape);
    }
    return true;
}

// The shard names of model.safetensors.index.json, each once.
static bool add_shards(ModelFile *file, Folder *folder, const char *index_path, Error *error) {
    json_t *index, *map, *value, *seen = json_object();
    const char *key;
    if (!json_read_file(index_path, &index, error)) {
        json_decref(seen);
        return false;
    }
    bool ok = json_need_object(index, index_path, "weight_map", &map, error);
    if (ok) {
        json_object_foreach(map, key, value) {
            if (!json_is_string(value)) {
                ok = error_set(error, "%s: weight_map: \"%.200s\": expected a file name", index_path, key);
                break;
            }
            const char *name = json_string_value(value);
            if (json_object_get(seen, name) != NULL) continue;
            json_object_set_new(seen, name, json_true());
            ok = add_shard(file, folder, name, error);
            if (!ok) break;
        }
    }
    json_decref(seen);
    json_decref(index);
    return ok;
}

static bool open_weights(ModelFile *file, Folder *folder, Error *error) {
    char *single = path_join(file->path, "model.safetensors"), *index = path_join(file->path, "model.safetensors.index.json");
    bool ok;
    if (file_exists(single)) {
        ok = add_shard(file, folder, "model.safetensors", error);
    } else if (file_exists(index)) {
        ok = add_shards(file, folder, index, error);
    } else {
        ok = error_set(error, "%s: neither model.safetensors nor model.safetensors.index.json", file->path);
    }
    mem_free(single);
    mem_free(index);
    return ok;
}

// ---- text parts

static bool read_optional(const ModelFile *file, const char *name, Buf *out, Error *error) {
    char *path = path_join(file->path, name);
    bool ok = !file_exists(path) || file_read(path, TEXT_MAX_BYTES, out, error);
    mem_free(path);
    return ok;
}

// chat_template of tokenizer_config.json: a string, or a list of {name, template} whose "default" counts.
static void chat_from_config(json_t *json, Buf *out) {
    json_t *value = json_object_get(json, "chat_template"), *item;
    size_t i;
    if (json_is_string(value)) buf_add(out, json_string_value(value), json_string_length(value));
    json_array_foreach(value, i, item) {
        json_t *name = json_object_get(item, "name"), *text = json_object_get(item, "template");
        if (json_is_string(name) && json_is_string(text) && strcmp(json_string_value(name), "default") == 0) {
            buf_add(out, json_string_value(text), json_string_length(text));
        }
    }
}

static bool read_chat(ModelFile *file, Error *error) {
    if (!read_optional(file, "chat_template.jinja", &file->chat_template, error)) return false;
    if (file->chat_template.len > 0) return true;
    char *path = path_join(file->path, "tokenizer_config.json");
    json_t *json;
    bool ok = true;
    if (file_exists(path)) {
        ok = json_read_file(path, &json, error);
        if (ok) {
            chat_from_config(json, &file->chat_template);
            json_decref(json);
        }
    }
    mem_free(path);
    return ok;
}

static void add_eos(ModelFile *file, json_t *json) {
    json_t *value = json_object_get(json, "eos_token_id"), *item;
    size_t i;
    if (json_is_integer(value)) model_file_add_eos(file, (int32_t)json_integer_value(value));
    json_array_foreach(value, i, item) {
        if (json_is_integer(item)) model_file_add_eos(file, (int32_t)json_integer_value(item));
    }
}

static bool read_config(ModelFile *file, Error *error) {
    char *path = path_join(file->path, "config.json"), *generation = path_join(file->path, "generation_config.json");
    json_t *json;
    bool ok = json_read_file(path, &json, error);
    if (ok) {
        ok = hf_config_parse(json, path, &file->config, error);
        add_eos(file, json);
        json_decref(json);
    }
    if (ok && file_exists(generation)) {
        ok = json_read_file(generation, &json, error);
        if (ok) {
            add_eos(file, json);
            json_decref(json);
        }
    }
    mem_free(path);
    mem_free(generation);
    return ok;
}

static Folder *folder_create(ModelFile *file) {
    Folder *folder = mem_alloc(1, sizeof *folder);
    file->form = folder;
    file->form_close = folder_close;
    file->read = read_tensor;
    file->form_name = same_name;
    return folder;
}

bool hf_folder_open_tensors(ModelFile *file, const char *name, Error *error) {
    return add_shard(file, folder_create(file), name, error);
}

bool hf_folder_read_text(ModelFile *file, Error *error) {
    return read_chat(file, error) && read_optional(file, "tokenizer.json", &file->tokenizer_json, error);
}

bool hf_folder_open(ModelFile *file, Error *error) {
    Folder *folder = folder_create(file);
    return read_config(file, error) && open_weights(file, folder, error) && hf_folder_read_text(file, error);
}
