// Reading golden tensors, and comparing whole arenas of parameters with them.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "oracle.h"

bool oracle_load_model(const Oracle *oracle, const char *sub, Model **model, Error *error)
{
    char *path = sub ? path_join(oracle->dir, sub) : mem_strdup(oracle->dir);
    ModelFile *file = NULL;
    bool ok = model_file_open_over(path, oracle->base ? oracle->base : "", &file, error) &&
              model_load(file, oracle->backend, DTYPE_F32, model, error);
    model_file_close(file);
    mem_free(path);
    return ok;
}

bool oracle_read_json(const Oracle *oracle, const char *name, json_t **out, Error *error)
{
    char *path = path_join(oracle->dir, name);
    bool ok = json_read_file(path, out, error);
    mem_free(path);
    return ok;
}

bool golden_open(const Oracle *oracle, const char *name, Golden *golden, Error *error)
{
    *golden = (Golden){.path = path_join(oracle->dir, name)};
    if (safetensors_open(golden->path, &golden->st, error))
        return true;
    golden->st = NULL;
    golden_close(golden);
    return false;
}

void golden_close(Golden *golden)
{
    safetensors_close(golden->st);
    mem_free(golden->path);
    *golden = (Golden){0};
}

static bool find_tensor(const Golden *golden, const char *name, const StTensor **out, int32_t *rows, int32_t *cols,
                        Error *error)
{
    const StTensor *tensor = safetensors_find(golden->st, name);
    if (!tensor)
        return error_set(error, "%s: tensor %s is missing", golden->path, name);
    if (tensor->n_dims > 2 || tensor->count == 0 || tensor->count > INT32_MAX)
        return error_set(error, "%s: tensor %s, expected 1 to 2^31-1 elements and at most 2 dimensions", golden->path,
                         name);
    *cols = tensor->n_dims >= 1 ? (int32_t)tensor->shape[tensor->n_dims - 1] : 1;
    *rows = tensor->n_dims == 2 ? (int32_t)tensor->shape[0] : 1;
    *out = tensor;
    return true;
}

static bool is_float(StDtype dtype)
{
    return dtype == ST_F32 || dtype == ST_F16 || dtype == ST_BF16 || dtype == ST_F64;
}

static bool is_integer(StDtype dtype)
{
    return dtype == ST_I32 || dtype == ST_I64 || dtype == ST_U8;
}

static void read_integers(const StTensor *tensor, int64_t *values)
{
    safetensors_read_i64(tensor, 0, tensor->count, values);
}

bool golden_f32(const Golden *golden, const char *name, GoldenF32 *out, Error *error)
{
    const StTensor *tensor = NULL;
    *out = (GoldenF32){0};
    if (!find_tensor(golden, name, &tensor, &out->rows, &out->cols, error))
        return false;
    if (!is_float(tensor->dtype) && !is_integer(tensor->dtype))
        return error_set(error, "%s: tensor %s has a type that is not read here", golden->path, name);
    out->at = mem_alloc(tensor->count, sizeof *out->at);
    if (is_float(tensor->dtype)) {
        safetensors_read_f32(tensor, 0, tensor->count, out->at);
        return true;
    }
    int64_t *wide = mem_alloc(tensor->count, sizeof *wide);
    read_integers(tensor, wide);
    for (uint64_t i = 0; i < tensor->count; i++)
        out->at[i] = (float)wide[i];
    mem_free(wide);
    return true;
}

bool golden_i32(const Golden *golden, const char *name, GoldenI32 *out, Error *error)
{
    const StTensor *tensor = NULL;
    *out = (GoldenI32){0};
    if (!find_tensor(golden, name, &tensor, &out->rows, &out->cols, error))
        return false;
    if (!is_integer(tensor->dtype))
        return error_set(error, "%s: tensor %s, expected integers", golden->path, name);
    out->at = mem_alloc(tensor->count, sizeof *out->at);
    int64_t *wide = mem_alloc(tensor->count, sizeof *wide);
    read_integers(tensor, wide);
    bool ok = true;
    for (uint64_t i = 0; i < tensor->count && ok; i++) {
        if (wide[i] < INT32_MIN || wide[i] > INT32_MAX)
            ok = error_set(error, "%s: tensor %s holds %lld, expected 32 bits", golden->path, name, (long long)wide[i]);
        out->at[i] = (int32_t)wide[i];
    }
    mem_free(wide);
    if (!ok) {
        mem_free(out->at);
        out->at = NULL;
    }
    return ok;
}

bool golden_scalar(const Golden *golden, const char *name, double *out, Error *error)
{
    GoldenF32 value;
    if (!golden_f32(golden, name, &value, error))
        return false;
    *out = (double)value.at[0];
    bool ok = golden_shape(golden, name, value.rows, value.cols, 1, 1, error);
    mem_free(value.at);
    return ok;
}

bool golden_shape(const Golden *golden, const char *name, int32_t rows, int32_t cols, int32_t want_rows,
                  int32_t want_cols, Error *error)
{
    if (rows == want_rows && cols == want_cols)
        return true;
    return error_set(error, "%s: tensor %s is [%d, %d], expected [%d, %d]", golden->path, name, rows, cols, want_rows,
                     want_cols);
}

bool golden_check_ids(const Golden *golden, const int32_t *ids, int32_t n, const Model *model, Error *error)
{
    int32_t vocabulary = model_config(model)->vocabulary;
    for (int32_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= vocabulary)
            return error_set(error, "%s: id %d, expected 0 to %d", golden->path, ids[i], vocabulary - 1);
    }
    return true;
}

// Squares of a - b, of what of it exceeds the allowance, and of b.
typedef struct Squares {
    double difference, excess, value;
} Squares;

static Squares sum_squares(const float *a, const float *b, const float *allowance, size_t count)
{
    Squares sum = {0};
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        double excess = allowance ? difference - (double)allowance[i] : difference;
        sum.difference += difference * difference;
        if (!(excess <= 0)) // also a NaN
            sum.excess += excess * excess;
        sum.value += (double)b[i] * (double)b[i];
    }
    return sum;
}

static double relative_norm(double squares_difference, double squares)
{
    return squares_difference == 0 ? 0 : sqrt(squares_difference / squares);
}

static bool compare_param(const Golden *golden, const char *prefix, const Model *model, Dev arena, int32_t index,
                          const float *allowance, Squares *sum, Error *error)
{
    const Param *param = &model_params(model)->params[index];
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, param->name);
    GoldenF32 want;
    if (!golden_f32(golden, name, &want, error))
        return false;
    bool is_vector = param->kind == PARAM_VECTOR;
    bool ok = golden_shape(golden, name, want.rows, want.cols, is_vector ? 1 : param->rows,
                           is_vector ? param->rows : param->cols, error);
    if (ok) {
        size_t count = (size_t)want.rows * (size_t)want.cols;
        float *have = mem_alloc(count, sizeof *have);
        param_arena_get(model, arena, index, have);
        *sum = sum_squares(have, want.at, allowance, count);
        mem_free(have);
    }
    mem_free(want.at);
    return ok;
}

static int32_t count_prefixed(const Golden *golden, const char *prefix)
{
    int32_t count = 0;
    for (int i = 0; i < safetensors_count(golden->st); i++)
        count += str_starts(safetensors_at(golden->st, i)->name, str_of(prefix));
    return count;
}

bool golden_compare_arena(const Golden *golden, const char *prefix, const Model *model, Dev arena,
                          const float *allowance, ArenaDifference *out, Error *error)
{
    const ParamTable *table = model_params(model);
    Squares all = {0};
    *out = (ArenaDifference){.worst = -1, .worst_name = ""};
    for (int32_t i = 0; i < table->n_params; i++) {
        Squares sum;
        if (!compare_param(golden, prefix, model, arena, i, allowance, &sum, error))
            return false;
        double difference = relative_norm(sum.excess, sum.value);
        if (!isnan(out->worst) && !(difference <= out->worst)) { // a NaN is the worst, and stays
            out->worst = difference;
            out->worst_name = table->params[i].name;
        }
        all.difference += sum.difference;
        all.value += sum.value;
        if (allowance)
            allowance += (size_t)table->params[i].rows * (size_t)table->params[i].cols;
    }
    out->together = relative_norm(all.difference, all.value);
    if (count_prefixed(golden, prefix) != table->n_params) {
        return error_set(error, "%s: %d tensors begin with %s, expected the model's %d parameters", golden->path,
                         count_prefixed(golden, prefix), prefix, table->n_params);
    }
    return true;
}

bool golden_check_gradients(Oracle *oracle, const Golden *golden, const char *file, const char *how, const Model *model,
                            Dev grads, Error *error)
{
    ArenaDifference difference;
    if (!golden_compare_arena(golden, "grad.", model, grads, NULL, &difference, error))
        return false;
    char what[192];
    snprintf(what, sizeof what, "grad.* (%d)%s in parts of each one's norm, worst %s", model_params(model)->n_params,
             how, difference.worst_name);
    oracle_report(oracle, file, what, difference.worst, TOLERANCE_GRADIENT);
    return true;
}

double max_abs_difference(const float *a, const float *b, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        if (isnan(difference))
            return difference;
        worst = fmax(worst, difference);
    }
    return worst;
}
