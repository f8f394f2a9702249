// A model's parameters: making, filling, reading, copying.
#include "model/model.h"

#include <assert.h>

#include "base/mem.h"
#include "base/philox.h"
#include "base/threads.h"
#include "model/model_impl.h"

static Model *create(Backend *backend, const ModelConfig *config, Dtype dtype)
{
    Model *model = mem_alloc(1, sizeof *model);
    model->backend = backend;
    model->config = *config;
    model->dtype = dtype;
    model->holders = 1;
    param_table_build(&model->table, backend, config, dtype);
    model->arena = RUN(backend, alloc, model->table.stored_bytes);
    return model;
}

bool model_create(Backend *backend, const ModelConfig *config, Dtype dtype, Model **out, Error *error)
{
    *out = NULL;
    if (!model_config_check(config, "model", error))
        return false;
    *out = create(backend, config, dtype);
    return true;
}

void model_destroy(Model *model)
{
    if (!model)
        return;
    assert(model->holders > 0);
    if (--model->holders > 0)
        return;
    rope_table_release(model);
    RUN(model->backend, release, model->arena);
    param_table_free(&model->table);
    model_destroy(model->base);
    mem_free(model->base_name);
    mem_free(model);
}

Model *model_hold(Model *model)
{
    model->holders++;
    return model;
}

const ModelConfig *model_config(const Model *model)
{
    return &model->config;
}

const ParamTable *model_params(const Model *model)
{
    return &model->table;
}

Backend *model_backend(const Model *model)
{
    return model->backend;
}

Dtype model_dtype(const Model *model)
{
    return model->dtype;
}

size_t model_memory(const Model *model)
{
    return model->table.stored_bytes + (model->base ? model->base->table.stored_bytes : 0);
}

int64_t model_count_parameters(const Model *model)
{
    int64_t count = 0;
    for (int32_t i = 0; i < model->table.n_params; i++)
        count += (int64_t)model->table.params[i].rows * model->table.params[i].cols;
    return count;
}

Dev model_arena(Model *model)
{
    assert(model->dtype == DTYPE_F32);
    assert(model->table.stored_bytes == model->table.f32_bytes);
    return model->arena;
}

// ---- one parameter, host F32 row-major

static const Param *param_at(const Model *model, int32_t param)
{
    assert(param >= 0 && param < model->table.n_params);
    return &model->table.params[param];
}

static void set_values(const Model *model, const Param *param, Dev arena, bool stored, const float *values)
{
    if (param->kind == PARAM_WEIGHT) {
        Dtype dtype = stored ? model->dtype : DTYPE_F32;
        RUN(model->backend, weight_upload, param_weight(param, arena, dtype, stored), values);
    } else {
        Vec v = param_vector(param, arena, stored);
        RUN(model->backend, upload, v.data, values, (size_t)v.n * sizeof(float));
    }
}

static void get_values(const Model *model, const Param *param, Dev arena, bool stored, float *values)
{
    if (param->kind == PARAM_WEIGHT) {
        Dtype dtype = stored ? model->dtype : DTYPE_F32;
        RUN(model->backend, weight_download, values, param_weight(param, arena, dtype, stored));
    } else {
        Vec v = param_vector(param, arena, stored);
        RUN(model->backend, download, values, v.data, (size_t)v.n * sizeof(float));
    }
}

void model_set_param(Model *model, int32_t param, const float *values)
{
    set_values(model, param_at(model, param), model->arena, true, values);
}

void model_get_param(const Model *model, int32_t param, float *values)
{
    get_values(model, param_at(model, param), model->arena, true, values);
}

void param_arena_set(const Model *model, Dev arena, int32_t param, const float *values)
{
    set_values(model, param_at(model, param), arena, false, values);
}

void param_arena_get(const Model *model, Dev arena, int32_t param, float *values)
{
    get_values(model, param_at(model, param), arena, false, values);
}

Dev param_arena_create(const Model *model)
{
    return RUN(model->backend, alloc, model->table.f32_bytes);
}

void param_arena_destroy(const Model *model, Dev arena)
{
    RUN(model->backend, release, arena);
}

// ---- from scratch

// Elements 2i and 2i+1 of parameter p are the two normals at (seed, RNG_INIT, question p, sample i's upper half,
// position i's
// lower half).
typedef struct Normals {
    float *values;
    size_t count;
    uint64_t seed;
    int32_t param;
    float std;
} Normals;

#define NORMALS_A_TASK 4096 // pairs

static void normals_task(void *context, int32_t task, int worker)
{
    (void)worker;
    const Normals *job = context;
    size_t first = (size_t)task * NORMALS_A_TASK, pairs = (job->count + 1) / 2;
    for (size_t i = first; i < pairs && i < first + NORMALS_A_TASK; i++) {
        RngAddress address = {.seed = job->seed, .purpose = RNG_INIT, .question = (uint32_t)job->param,
                              .sample = (uint32_t)((uint64_t)i >> 32), .position = (uint32_t)i};
        float pair[2];
        rng_normal2(&address, pair);
        job->values[2 * i] = job->std * pair[0];
        if (2 * i + 1 < job->count)
            job->values[2 * i + 1] = job->std * pair[1];
    }
}

static void fill_normal(Threads *threads, Normals job)
{
    size_t pairs = (job.count + 1) / 2, n_tasks = (pairs + NORMALS_A_TASK - 1) / NORMALS_A_TASK;
    threads_run(threads, threads_available(), (int32_t)n_tasks, normals_task, &job);
}

void model_init_random(Model *model, uint64_t seed, float std)
{
    Threads *threads = threads_create();
    for (int32_t i = 0; i < model->table.n_params; i++) {
        const Param *param = &model->table.params[i];
        size_t count = (size_t)param->rows * (size_t)param->cols;
        float *values = mem_alloc(count, sizeof *values);
        if (param->init_std > 0) {
            fill_normal(threads, (Normals){values, count, seed, i, std * param->init_std});
        } else {
            float constant = param->init_std < 0 ? -param->init_std : 0.0f; // never -0
            for (size_t j = 0; j < count; j++)
                values[j] = constant;
        }
        model_set_param(model, i, values);
        mem_free(values);
    }
    threads_destroy(threads);
}

// ---- copies

static inline bool same_shape(const ModelConfig *a, const ModelConfig *b)
{
    return a->vocabulary == b->vocabulary && a->hidden == b->hidden && a->n_layers == b->n_layers &&
           a->n_heads == b->n_heads && a->n_kv_heads == b->n_kv_heads && a->head_dim == b->head_dim &&
           a->ffn == b->ffn && a->tied == b->tied && a->qkv_bias == b->qkv_bias && a->o_bias == b->o_bias &&
           a->mlp_bias == b->mlp_bias && a->qk_norm == b->qk_norm;
}

void model_copy(Model *to, const Model *from)
{
    assert(to->backend == from->backend && same_shape(&to->config, &from->config));
    assert(to->table.n_params == from->table.n_params);
    for (int32_t i = 0; i < to->table.n_params; i++) {
        const Param *a = &to->table.params[i], *b = &from->table.params[i];
        if (a->kind == PARAM_WEIGHT) {
            RUN(to->backend, weight_convert, param_weight(a, to->arena, to->dtype, true),
                param_weight(b, from->arena, from->dtype, true));
        } else {
            RUN(to->backend, copy, param_vector(a, to->arena, true).data, param_vector(b, from->arena, true).data,
                (size_t)a->rows * sizeof(float));
        }
    }
}

Model *model_copy_as(const Model *from, Dtype dtype)
{
    assert(!from->base);
    Model *to = create(from->backend, &from->config, dtype);
    model_copy(to, from);
    return to;
}

static Weight stored_weight(const Model *model, int32_t param)
{
    return param_weight(&model->table.params[param], model->arena, model->dtype, true);
}

static Vec stored_vector(const Model *model, int32_t param)
{
    return param_vector(&model->table.params[param], model->arena, true);
}

static size_t weight_f32_bytes(const Model *model, const Param *param)
{
    return RUN(model->backend, weight_bytes, DTYPE_F32, param->rows, param->cols);
}

size_t model_blend_bytes(const Model *average)
{
    size_t largest = 0;
    for (int32_t i = 0; i < average->table.n_params && average->dtype != DTYPE_F32; i++) {
        const Param *param = &average->table.params[i];
        size_t bytes = param->kind == PARAM_WEIGHT ? weight_f32_bytes(average, param) : 0;
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

void model_blend(Model *average, const Model *from, float decay, Dev scratch)
{
    Backend *be = average->backend;
    assert(from->backend == be && from->dtype == DTYPE_F32 && same_shape(&average->config, &from->config));
    assert(average->table.n_params == from->table.n_params);
    if (average->dtype == DTYPE_F32) {
        RUN(be, ema, average->arena, from->arena, average->table.f32_bytes / sizeof(float), decay);
        return;
    }
    for (int32_t i = 0; i < average->table.n_params; i++) {
        const Param *param = &average->table.params[i];
        if (param->kind == PARAM_VECTOR) {
            Vec v = stored_vector(average, i);
            RUN(be, ema, v.data, stored_vector(from, i).data, (size_t)v.n, decay);
            continue;
        }
        Weight wide = {scratch, param->rows, param->cols, DTYPE_F32};
        RUN(be, weight_convert, wide, stored_weight(average, i));
        RUN(be, ema, wide.data, stored_weight(from, i).data, weight_f32_bytes(average, param) / sizeof(float), decay);
        RUN(be, weight_convert, stored_weight(average, i), wide);
    }
}

// Parameter i of the model and its place in a param arena, one to the other.
static void move_param(const Model *model, int32_t i, Dev arena, bool to_arena)
{
    Backend *be = model->backend;
    const Param *param = &model->table.params[i];
    if (param->kind == PARAM_WEIGHT) {
        Weight wide = param_weight(param, arena, DTYPE_F32, false), own = stored_weight(model, i);
        RUN(be, weight_convert, to_arena ? wide : own, to_arena ? own : wide);
        return;
    }
    Dev wide = param_vector(param, arena, false).data, own = stored_vector(model, i).data;
    RUN(be, copy, to_arena ? wide : own, to_arena ? own : wide, (size_t)param->rows * sizeof(float));
}

void model_to_arena(const Model *model, Dev arena)
{
    for (int32_t i = 0; i < model->table.n_params; i++)
        move_param(model, i, arena, true);
}

void model_from_arena(Model *model, Dev arena)
{
    for (int32_t i = 0; i < model->table.n_params; i++)
        move_param(model, i, arena, false);
}
