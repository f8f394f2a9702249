// Writing a Hugging Face folder.
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "compute/bf16.h"
#include "formats/hf_config.h"
#include "formats/model_io.h"
#include "formats/peft.h"
#include "formats/safetensors.h"

static size_t param_count(const Param *p) { return (size_t)p->rows * (size_t)p->cols; }

static void declare_params(StWriter *writer, const ParamTable *table, Dtype dtype) {
    for (int32_t i = 0; i < table->n_params; i++) {
        const Param *p = &table->params[i];
        uint64_t shape[2] = {(uint64_t)p->rows, (uint64_t)p->cols};
        st_writer_declare(writer, p->name, dtype == DTYPE_BF16 ? ST_BF16 : ST_F32, shape, p->kind == PARAM_WEIGHT ? 2 : 1);
    }
}

static void write_param(StWriter *writer, const Model *model, Dev arena, int32_t i, Dtype dtype) {
    size_t n = param_count(&model_params(model)->params[i]);
    float *values = mem_alloc(n, sizeof *values);
    if (dev_is_none(arena)) {
        model_get_param((Model *)model, i, values);
    } else {
        param_arena_get(model, arena, i, values);
    }
    if (dtype == DTYPE_BF16) {
        uint16_t *halves = mem_alloc(n, sizeof *halves);
        for (size_t k = 0; k < n; k++) halves[k] = bf16_from_f32(values[k]);
        st_writer_data(writer, halves, n * sizeof *halves);
        mem_free(halves);
    } else {
        st_writer_data(writer, values, n * sizeof *values);
    }
    mem_free(values);
}

static bool write_weights(const Model *model, Dev arena, const char *folder, Dtype dtype, Error *error) {
    char *path = path_join(folder, model_lora(model) != NULL ? PEFT_WEIGHTS : "model.safetensors");
    StWriter *writer = st_writer_create();
    declare_params(writer, model_params(model), dtype);
    st_writer_metadata(writer, "format", "pt"); // what Transformers asks for
    bool ok = st_writer_begin(writer, path, error);
    mem_free(path);
    if (!ok) {
        st_writer_abort(writer);
        return false;
    }
    for (int32_t i = 0; i < model_params(model)->n_params; i++) write_param(writer, model, arena, i, dtype);
    return st_writer_finish(writer, error);
}

static bool write_text(const char *folder, const char *name, Str text, Error *error) {
    char *path = path_join(folder, name);
    bool ok = file_write_atomic(path, text.ptr, text.len, error);
    mem_free(path);
    return ok;
}

static bool write_adapter_config(const Model *model, const char *folder, Error *error) {
    Buf text;
    buf_init(&text, 0);
    peft_config_write(model_lora(model), model_base_name(model), &text);
    bool ok = write_text(folder, PEFT_CONFIG, buf_str(&text), error);
    buf_free(&text);
    return ok;
}

static bool write_configs(const Model *model, const char *folder, Dtype dtype, Error *error) {
    if (model_lora(model) != NULL) return write_adapter_config(model, folder, error);
    const ModelConfig *config = model_config(model);
    Buf text;
    buf_init(&text, 0);
    hf_config_write(config, dtype == DTYPE_BF16 ? "bfloat16" : "float32", &text);
    bool ok = write_text(folder, "config.json", buf_str(&text), error);
    buf_clear(&text);
    JsonWriter w = json_writer(&text);
    jw_object_begin(&w);
    if (config->eos_id >= 0) jw_kint(&w, "eos_token_id", config->eos_id);
    jw_object_end(&w);
    buf_add_char(&text, '\n');
    ok = ok && write_text(folder, "generation_config.json", buf_str(&text), error);
    buf_free(&text);
    return ok;
}

static bool save(const Model *model, Dev arena, const char *path, Dtype dtype, const ExtraFile *extra, int n_extra, Error *error) {
    Buf partial;
    buf_init(&partial, 0);
    buf_printf(&partial, "%s.partial", path);
    bool ok = path_remove(partial.data, error) && dir_make(partial.data, error) &&
              write_weights(model, arena, partial.data, dtype, error) && write_configs(model, partial.data, dtype, error);
    for (int i = 0; ok && i < n_extra; i++) ok = write_text(partial.data, extra[i].name, extra[i].bytes, error);
    ok = ok && path_replace(partial.data, path, error);
    if (!ok) (void)!path_remove(partial.data, NULL);
    buf_free(&partial);
    return ok;
}

bool model_save(const Model *model, const char *path, Dtype dtype, const ExtraFile *extra, int n_extra, Error *error) {
    return save(model, DEV_NONE, path, dtype, extra, n_extra, error);
}

bool model_save_arena(const Model *model, Dev arena, const char *path, const ExtraFile *extra, int n_extra, Error *error) {
    return save(model, arena, path, DTYPE_F32, extra, n_extra, error);
}
