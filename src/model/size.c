// What passes of a model need, from its shape alone.
#include "model/model.h"
#include "model/model_impl.h"

size_t model_bytes(Backend *backend, const ModelConfig *config, Dtype dtype)
{
    ParamTable table;
    param_table_build(&table, backend, config, dtype);
    size_t bytes = table.stored_bytes;
    param_table_free(&table);
    return bytes;
}

size_t model_arena_bytes(Backend *backend, const ModelConfig *config)
{
    return model_bytes(backend, config, DTYPE_F32);
}

static WorkShape work_shape(Backend *backend, const ModelConfig *config, const PassSize *size)
{
    return (WorkShape){
        .hidden = config->hidden,
        .q_cols = config->n_heads * config->head_dim,
        .kv_cols = config->n_kv_heads * config->head_dim,
        .head_dim = config->head_dim,
        .ffn = config->ffn,
        .vocabulary = config->vocabulary,
        .rows = size->rows + size->prefix, // K/V rows
        .predictions = size->predictions,
        .segments = size->segments,
        .depth = size->depth,
        .longest = size->longest,
        .parameters = size->train ? model_arena_bytes(backend, config) / sizeof(float) : 0,
        .backward = size->train,
        .sample = size->sample,
    };
}

size_t model_work_bytes(Backend *backend, const ModelConfig *config, const PassSize *size)
{
    WorkShape shape = work_shape(backend, config, size);
    return RUN(backend, work_bytes, &shape);
}

size_t pass_bytes(const ModelConfig *config, int32_t lora_rank, PassSettings settings, const PassSize *size)
{
    size_t bytes = pass_arena_bytes(config, lora_rank, settings, size->prefix, size->rows, size->predictions);
    if (size->prefix == 0)
        return bytes;
    return bytes + pass_arena_bytes(config, lora_rank, settings, 0, size->prefix, 1) + prefix_bytes(config, settings, size);
}

void model_reserve(Model *model, Pass *pass, const PassSize *size)
{
    WorkShape shape = work_shape(model->backend, &model->config, size);
    shape.parameters = size->train ? model->table.f32_bytes / sizeof(float) : 0; // adapters alone, where there are any
    pass->n_prefix = size->prefix;
    pass_reserve(pass, size->rows, size->predictions);
    if (!size->sample) { // decoding builds its forests itself
        batch_reserve(&pass->batch, size->segments, size->rows, size->predictions);
        pass_logp(pass, size->predictions);
    }
    if (size->prefix > 0) {
        Prefix *prefix = pass_prefix(model, pass);
        prefix_reserve(model, prefix, size);
        pass_reserve(prefix->pass, size->prefix, 1);
        batch_reserve(&prefix->pass->batch, 1, size->prefix, 1);
    }
    rope_table_reserve(model, size->longest);
    RUN(model->backend, work_reserve, &shape);
}
