// Adapters: their list, their places in the projections, their start, and merging them.
#include "model/lora.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "model/model_impl.h"

static const char *const target_names[N_LORA_TARGETS] = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                                         "gate_proj", "up_proj", "down_proj"};
static const char *const target_parents[N_LORA_TARGETS] = {"self_attn", "self_attn", "self_attn", "self_attn",
                                                           "mlp",       "mlp",       "mlp"};

const char *lora_target_name(LoraTarget target) {
    return target_names[target];
}

static bool add_target(const char *name, size_t length, const char *source, unsigned *targets, Error *error) {
    if (length == strlen("all-linear") && memcmp(name, "all-linear", length) == 0) {
        *targets = (1u << N_LORA_TARGETS) - 1;
        return true;
    }
    for (int t = 0; t < N_LORA_TARGETS; t++) {
        if (length == strlen(target_names[t]) && memcmp(name, target_names[t], length) == 0) {
            *targets |= 1u << t;
            return true;
        }
    }
    return error_set(error,
                     "%s: \"%.*s\": expected all-linear or names of q_proj, k_proj, v_proj, o_proj, gate_proj, "
                     "up_proj and down_proj",
                     source, (int)(length < 64 ? length : 64), name);
}

bool lora_targets_parse(const char *names, const char *source, unsigned *targets, Error *error) {
    *targets = 0;
    for (const char *at = names + strspn(names, ", "); *at;) {
        size_t length = strcspn(at, ", ");
        if (!add_target(at, length, source, targets, error)) return false;
        at += length;
        at += strspn(at, ", ");
    }
    return *targets != 0 || error_set(error, "%s: expected all-linear or names of projections", source);
}

bool lora_config_check(const LoraConfig *config, const char *source, Error *error) {
    if (config->rank < 1 || config->rank > LORA_RANK_MAX)
        return error_set(error, "%s: rank %d: expected 1 to %d", source, config->rank, LORA_RANK_MAX);
    if (!isfinite(config->alpha) || config->alpha <= 0)
        return error_set(error, "%s: alpha %g: expected a positive number", source, (double)config->alpha);
    if (!(config->dropout >= 0 && config->dropout < 1))
        return error_set(error, "%s: dropout %g: expected 0 to below 1", source, (double)config->dropout);
    if (config->targets == 0 || config->targets >> N_LORA_TARGETS != 0)
        return error_set(error, "%s: no projection is adapted", source);
    return true;
}

float lora_scale(const LoraConfig *config) {
    double rank = config->rank;
    return (float)(config->alpha / (config->rslora ? sqrt(rank) : rank));
}

const LoraConfig *model_lora(const Model *model) {
    return model->base ? &model->lora : NULL;
}

Model *model_base(const Model *model) {
    return model->base;
}

const char *model_base_name(const Model *model) {
    return model->base_name;
}

// ---- the list, and places in it

static Projection *target_of(LayerParams *params, int target) {
    Projection *of[N_LORA_TARGETS] = {&params->q,    &params->k,  &params->v,   &params->o,
                                      &params->gate, &params->up, &params->down};
    return of[target];
}

static void add_adapter(ParamTable *table, int32_t layer, int target, char side, int32_t rows, int32_t cols) {
    Param *param = &table->params[table->n_params++];
    *param = (Param){.kind = PARAM_WEIGHT, .rows = rows, .cols = cols};
    int length = snprintf(param->name, sizeof param->name, "base_model.model.model.layers.%d.%s.%s.lora_%c.weight",
                          layer, target_parents[target], target_names[target], side);
    assert(length > 0 && (size_t)length < sizeof param->name);
    (void)length;
}

// n_out and n_in of the projection that a target adapts.
static void target_shape(const ModelConfig *c, int target, int32_t *n_out, int32_t *n_in) {
    int32_t q = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim;
    const int32_t shapes[N_LORA_TARGETS][2] = {{q, c->hidden},      {kv, c->hidden},     {kv, c->hidden},   {c->hidden, q},
                                               {c->ffn, c->hidden}, {c->ffn, c->hidden}, {c->hidden, c->ffn}};
    *n_out = shapes[target][0];
    *n_in = shapes[target][1];
}

static void build_table(ParamTable *table, Backend *backend, const ModelConfig *base, const LoraConfig *lora) {
    table->params = mem_alloc(2 * (size_t)N_LORA_TARGETS * (size_t)base->n_layers, sizeof *table->params);
    for (int32_t layer = 0; layer < base->n_layers; layer++) {
        for (int target = 0; target < N_LORA_TARGETS; target++) {
            int32_t n_out, n_in;
            if (!(lora->targets >> target & 1)) continue;
            target_shape(base, target, &n_out, &n_in);
            add_adapter(table, layer, target, 'A', lora->rank, n_in);
            add_adapter(table, layer, target, 'B', n_out, lora->rank);
        }
    }
    param_table_place(table, backend, DTYPE_F32);
}

size_t lora_bytes(Backend *backend, const ModelConfig *base, const LoraConfig *config) {
    ParamTable table = {0};
    build_table(&table, backend, base, config);
    size_t bytes = table.stored_bytes;
    param_table_free(&table);
    return bytes;
}

void lora_view(const Model *model, Dev arena, int32_t layer, LayerParams *view) {
    int32_t per_layer = model->table.n_params / model->config.n_layers;
    const Param *next = &model->table.params[layer * per_layer];
    for (int target = 0; target < N_LORA_TARGETS; target++) {
        if (!(model->lora.targets >> target & 1)) continue;
        Projection *projection = target_of(view, target);
        projection->a = param_weight(next++, arena, DTYPE_F32, false);
        projection->b = param_weight(next++, arena, DTYPE_F32, false);
        projection->scale = lora_scale(&model->lora);
        projection->stream = (uint32_t)(layer * N_LORA_TARGETS + target);
    }
}

// ---- making

bool model_adapt(Model *base, const LoraConfig *config, const char *base_name, Model **adapted, Error *error) {
    *adapted = NULL;
    assert(!base->base);
    if (!lora_config_check(config, "LoRA", error)) return false;
    Model *model = mem_alloc(1, sizeof *model);
    *model =
        (Model){.backend = base->backend, .config = base->config, .dtype = DTYPE_F32, .lora = *config, .holders = 1};
    model->base = model_hold(base);
    model->base_name = mem_strdup(base_name);
    build_table(&model->table, model->backend, &model->config, &model->lora);
    model->arena = RUN(model->backend, alloc, model->table.stored_bytes);
    *adapted = model;
    return true;
}

// Element i of parameter p is the draw at (seed, RNG_INIT, step 1, question p, position i); a plain model's are at step
// 0.
void lora_init(Model *adapted, uint64_t seed) {
    assert(adapted->base);
    for (int32_t p = 0; p < adapted->table.n_params; p++) {
        const Param *param = &adapted->table.params[p];
        size_t count = (size_t)param->rows * (size_t)param->cols;
        float *values = mem_alloc(count, sizeof *values);
        float reach = p % 2 == 0 ? (float)(1 / sqrt((double)param->cols)) : 0; // A, B, A, B, ...
        for (size_t i = 0; reach > 0 && i < count; i++) {
            RngAddress address = {.seed = seed,
                                  .purpose = RNG_INIT,
                                  .step = 1,
                                  .question = (uint32_t)p,
                                  .sample = (uint32_t)((uint64_t)i >> 32),
                                  .position = (uint32_t)i};
            values[i] = reach * (2 * rng_uniform(&address) - 1);
        }
        model_set_param(adapted, p, values);
        mem_free(values);
    }
}

// ---- merging

// w[n_out, n_in] (rows of the base's parameter) + s B A, one projection: rows of w are those of `linear` over A^T.
static void merge_one(Model *adapted, int32_t first, Weight w) {
    Backend *be = adapted->backend;
    int32_t n_out = w.n_out, n_in = w.n_in, rank = adapted->lora.rank;
    size_t n_a = (size_t)rank * (size_t)n_in, n_b = (size_t)n_out * (size_t)rank, n_w = (size_t)n_out * (size_t)n_in;
    float *a = mem_alloc(n_a, sizeof *a), *turned = mem_alloc(n_a, sizeof *turned);
    float *b = mem_alloc(n_b, sizeof *b), *rows = mem_alloc(n_w, sizeof *rows);
    float scale = lora_scale(&adapted->lora);
    model_get_param(adapted, first, a);
    model_get_param(adapted, first + 1, b);
    for (int32_t r = 0; r < rank; r++)
        for (int32_t k = 0; k < n_in; k++)
            turned[(size_t)k * (size_t)rank + (size_t)r] = a[(size_t)r * (size_t)n_in + (size_t)k];
    for (size_t i = 0; i < n_b; i++)
        b[i] *= scale;
    RUN(be, weight_download, rows, w);

    Weight right = {RUN(be, alloc, RUN(be, weight_bytes, DTYPE_F32, n_in, rank)), n_in, rank, DTYPE_F32};
    Mat left = mat(RUN(be, alloc, n_b * sizeof(float)), n_out, rank);
    Mat sum = mat(RUN(be, alloc, n_w * sizeof(float)), n_out, n_in);
    RUN(be, weight_upload, right, turned);
    RUN(be, upload, left.data, b, n_b * sizeof(float));
    RUN(be, upload, sum.data, rows, n_w * sizeof(float));
    RUN(be, linear, sum, left, right, VEC_NONE, sum);
    RUN(be, download, rows, sum.data, n_w * sizeof(float));
    RUN(be, weight_upload, w, rows);

    memset(b, 0, n_b * sizeof *b);
    model_set_param(adapted, first + 1, b);
    RUN(be, release, right.data);
    RUN(be, release, left.data);
    RUN(be, release, sum.data);
    mem_free(a);
    mem_free(turned);
    mem_free(b);
    mem_free(rows);
}

void lora_merge(Model *adapted) {
    assert(adapted->base && adapted->base->dtype == DTYPE_F32);
    int32_t param = 0;
    for (int32_t layer = 0; layer < adapted->config.n_layers; layer++) {
        LayerParams base = model_layer(adapted->base, layer);
        for (int target = 0; target < N_LORA_TARGETS; target++) {
            if (!(adapted->lora.targets >> target & 1)) continue;
            merge_one(adapted, param, target_of(&base, target)->w);
            param += 2;
        }
    }
}
