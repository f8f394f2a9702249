// The list of parameters, and views of arenas that hold them.
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "model/model_impl.h"

// ---- the list
// Reading (layer_view, top_view) goes through the list in the order of building: the two are kept beside each other.

typedef struct TableBuilder {
    ParamTable *table;
    int32_t capacity;
    char prefix[48]; // "model.layers.3."
} TableBuilder;

static void add_param(TableBuilder *builder, ParamKind kind, const char *name, int32_t rows, int32_t cols, float init)
{
    ParamTable *table = builder->table;
    if (table->n_params == builder->capacity) {
        builder->capacity = builder->capacity > 0 ? 2 * builder->capacity : 64;
        table->params = mem_realloc(table->params, (size_t)builder->capacity, sizeof *table->params);
    }
    Param *param = &table->params[table->n_params++];
    *param = (Param){.kind = kind, .rows = rows, .cols = cols, .init_std = init};
    int length = snprintf(param->name, sizeof param->name, "%s%s", builder->prefix, name);
    assert(length > 0 && (size_t)length < sizeof param->name);
    (void)length;
}

static void add_weight(TableBuilder *builder, const char *name, int32_t n_out, int32_t n_in, float init)
{
    add_param(builder, PARAM_WEIGHT, name, n_out, n_in, init);
}

static void add_norm(TableBuilder *builder, const char *name, int32_t n)
{
    add_param(builder, PARAM_VECTOR, name, n, 1, -1.0f);
}

static void add_bias(TableBuilder *builder, const char *name, int32_t n, bool present)
{
    if (present)
        add_param(builder, PARAM_VECTOR, name, n, 1, 0.0f);
}

static void add_layer(TableBuilder *builder, const ModelConfig *config)
{
    int32_t hidden = config->hidden, ffn = config->ffn;
    int32_t q_dim = config->n_heads * config->head_dim, kv_dim = config->n_kv_heads * config->head_dim;
    // GPT-2's scaling of what is added to the residual stream, which 2 n_layers projections add to.
    float residual = (float)(1.0 / sqrt(2.0 * config->n_layers));

    add_norm(builder, "input_layernorm.weight", hidden);
    add_weight(builder, "self_attn.q_proj.weight", q_dim, hidden, 1.0f);
    add_bias(builder, "self_attn.q_proj.bias", q_dim, config->qkv_bias);
    add_weight(builder, "self_attn.k_proj.weight", kv_dim, hidden, 1.0f);
    add_bias(builder, "self_attn.k_proj.bias", kv_dim, config->qkv_bias);
    add_weight(builder, "self_attn.v_proj.weight", kv_dim, hidden, 1.0f);
    add_bias(builder, "self_attn.v_proj.bias", kv_dim, config->qkv_bias);
    if (config->qk_norm) {
        add_norm(builder, "self_attn.q_norm.weight", config->head_dim);
        add_norm(builder, "self_attn.k_norm.weight", config->head_dim);
    }
    add_weight(builder, "self_attn.o_proj.weight", hidden, q_dim, residual);
    add_bias(builder, "self_attn.o_proj.bias", hidden, config->o_bias);
    add_norm(builder, "post_attention_layernorm.weight", hidden);
    add_weight(builder, "mlp.gate_proj.weight", ffn, hidden, 1.0f);
    add_bias(builder, "mlp.gate_proj.bias", ffn, config->mlp_bias);
    add_weight(builder, "mlp.up_proj.weight", ffn, hidden, 1.0f);
    add_bias(builder, "mlp.up_proj.bias", ffn, config->mlp_bias);
    add_weight(builder, "mlp.down_proj.weight", hidden, ffn, residual);
    add_bias(builder, "mlp.down_proj.bias", hidden, config->mlp_bias);
}

typedef struct ParamCursor {
    const Param *next;
    Dev arena;
    Dtype dtype;
    bool stored;
} ParamCursor;

static Weight next_weight(ParamCursor *cursor)
{
    return param_weight(cursor->next++, cursor->arena, cursor->dtype, cursor->stored);
}

static Vec next_vector(ParamCursor *cursor, bool present)
{
    return present ? param_vector(cursor->next++, cursor->arena, cursor->stored) : VEC_NONE;
}

static Projection next_projection(ParamCursor *cursor, bool has_bias)
{
    Projection projection = {.w = next_weight(cursor)};
    projection.bias = next_vector(cursor, has_bias);
    return projection;
}

static LayerParams layer_view(ParamCursor cursor, const ModelConfig *config)
{
    LayerParams view = {0};
    view.norm1 = next_vector(&cursor, true);
    view.q = next_projection(&cursor, config->qkv_bias);
    view.k = next_projection(&cursor, config->qkv_bias);
    view.v = next_projection(&cursor, config->qkv_bias);
    view.q_norm = next_vector(&cursor, config->qk_norm);
    view.k_norm = next_vector(&cursor, config->qk_norm);
    view.o = next_projection(&cursor, config->o_bias);
    view.norm2 = next_vector(&cursor, true);
    view.gate = next_projection(&cursor, config->mlp_bias);
    view.up = next_projection(&cursor, config->mlp_bias);
    view.down = next_projection(&cursor, config->mlp_bias);
    return view;
}

// The network's order: embedding, layers, final norm, head (if untied).
static void add_all(TableBuilder *builder, const ModelConfig *config)
{
    add_weight(builder, "model.embed_tokens.weight", config->vocabulary, config->hidden, 1.0f);
    for (int32_t layer = 0; layer < config->n_layers; layer++) {
        snprintf(builder->prefix, sizeof builder->prefix, "model.layers.%d.", layer);
        add_layer(builder, config);
    }
    builder->prefix[0] = '\0';
    add_norm(builder, "model.norm.weight", config->hidden);
    if (!config->tied)
        add_weight(builder, "lm_head.weight", config->vocabulary, config->hidden, 1.0f);
}

static int32_t params_per_layer(const Model *model)
{
    const ModelConfig *config = &model->config;
    return (model->table.n_params - (config->tied ? 2 : 3)) / config->n_layers;
}

static TopParams top_view(ParamCursor cursor, const Model *model)
{
    TopParams view = {0};
    view.embed = next_weight(&cursor);
    cursor.next += params_per_layer(model) * model->config.n_layers;
    view.norm = next_vector(&cursor, true);
    view.head = model->config.tied ? view.embed : next_weight(&cursor);
    return view;
}

// ---- places

static size_t round_up_64(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

// Weights first, then vectors, every one at a multiple of 64 bytes.
void param_table_place(ParamTable *table, Backend *backend, Dtype dtype)
{
    for (int kind = PARAM_WEIGHT; kind <= PARAM_VECTOR; kind++) {
        for (int32_t i = 0; i < table->n_params; i++) {
            Param *param = &table->params[i];
            if ((int)param->kind != kind)
                continue;
            param->offset_bytes = table->f32_bytes;
            param->offset_stored = table->stored_bytes;
            if (kind == PARAM_WEIGHT) {
                table->f32_bytes += RUN(backend, weight_bytes, DTYPE_F32, param->rows, param->cols);
                table->stored_bytes += RUN(backend, weight_bytes, dtype, param->rows, param->cols);
            } else {
                size_t bytes = round_up_64((size_t)param->rows * sizeof(float));
                table->f32_bytes += bytes;
                table->stored_bytes += bytes;
            }
        }
    }
}

void param_table_build(ParamTable *table, Backend *backend, const ModelConfig *config, Dtype dtype)
{
    *table = (ParamTable){0};
    TableBuilder builder = {.table = table};
    add_all(&builder, config);
    param_table_place(table, backend, dtype);
}

void param_table_free(ParamTable *table)
{
    mem_free(table->params);
    *table = (ParamTable){0};
}

// ---- views

Weight param_weight(const Param *param, Dev arena, Dtype dtype, bool stored)
{
    assert(param->kind == PARAM_WEIGHT);
    Dev data = dev_offset(arena, stored ? param->offset_stored : param->offset_bytes);
    return (Weight){data, param->rows, param->cols, dtype};
}

Vec param_vector(const Param *param, Dev arena, bool stored)
{
    assert(param->kind == PARAM_VECTOR);
    return vec(dev_offset(arena, stored ? param->offset_stored : param->offset_bytes), param->rows);
}

static ParamCursor cursor_at(const Model *model, int32_t param, Dev arena, bool stored)
{
    return (ParamCursor){&model->table.params[param], arena, stored ? model->dtype : DTYPE_F32, stored};
}

static ParamCursor cursor_at_layer(const Model *model, int32_t layer, Dev arena, bool stored)
{
    assert(layer >= 0 && layer < model->config.n_layers);
    return cursor_at(model, 1 + layer * params_per_layer(model), arena, stored);
}

LayerParams model_layer(const Model *model, int32_t layer)
{
    const Model *base = model->base ? model->base : model;
    LayerParams view = layer_view(cursor_at_layer(base, layer, base->arena, true), &base->config);
    if (model->base)
        lora_view(model, model->arena, layer, &view);
    return view;
}

TopParams model_top(const Model *model)
{
    const Model *base = model->base ? model->base : model;
    return top_view(cursor_at(base, 0, base->arena, true), base);
}

LayerParams arena_layer(const Model *model, Dev arena, int32_t layer)
{
    LayerParams adapters = {0};
    if (model->base) {
        lora_view(model, arena, layer, &adapters);
        return adapters;
    }
    return layer_view(cursor_at_layer(model, layer, arena, false), &model->config);
}

TopParams arena_top(const Model *model, Dev arena)
{
    if (model->base)
        return (TopParams){0};
    return top_view(cursor_at(model, 0, arena, false), model);
}
