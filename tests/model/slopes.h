// Gradients of models in tests: read to the host, compared, and checked by finite differences.
#ifndef RLT_TESTS_MODEL_SLOPES_H
#define RLT_TESTS_MODEL_SLOPES_H

#include <math.h>
#include "tiny.h"

// Host values of all gradients, parameter by parameter (layouts may differ between instruction sets); to be freed.
static inline float *host_grads(const Model *model, Dev grads)
{
    float *values = mem_alloc((size_t)model_count_parameters(model), sizeof *values), *at = values;
    for (int32_t p = 0; p < model_params(model)->n_params; p++) {
        param_arena_get(model, grads, p, at);
        at += (size_t)model_params(model)->params[p].rows * (size_t)model_params(model)->params[p].cols;
    }
    return values;
}

// Norm of a - scale * b in parts of b's.
static inline double relative(const float *a, const float *b, size_t count, double scale)
{
    double difference = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)a[i] - scale * (double)b[i];
        difference += d * d;
        squares += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / squares);
}

// The loss under the model's parameters as they are.
typedef struct Loss {
    double (*of)(const void *context);
    const void *context;
} Loss;

// Derivative of the loss along `direction` of parameter p, by central differences.
static inline double numeric_slope(Model *model, const Loss *loss, int32_t p, const float *values, const double *direction,
                                   size_t count, double step)
{
    float *moved = mem_alloc(count, sizeof *moved);
    double side_loss[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++)
            moved[i] = (float)((double)values[i] + (side == 0 ? step : -step) * direction[i]);
        model_set_param(model, p, moved);
        side_loss[side] = loss->of(loss->context);
    }
    model_set_param(model, p, values);
    mem_free(moved);
    return (side_loss[0] - side_loss[1]) / (2 * step);
}

// Along the gradient plus a random direction, both of length 1. Steps of 4e-3 and 2e-3, extrapolated, so that only
// terms of fifth order and rounding remain: some 1e-6 in the loss over a step of 2e-3 is 5e-4 of a slope of 1. Slopes
// here are 1 to 200; any wrong term is far above 1e-3 of them.
static inline void check_slope(Model *model, const Loss *loss, Dev grads, int32_t p)
{
    const Param *param = &model_params(model)->params[p];
    size_t count = (size_t)param->rows * (size_t)param->cols;
    float *values = mem_alloc(count, sizeof *values), *grad = mem_alloc(count, sizeof *grad);
    double *direction = mem_alloc(count, sizeof *direction);
    model_get_param(model, p, values);
    param_arena_get(model, grads, p, grad);
    double grad_squares = 0, random_squares = 0, slope = 0;
    for (size_t i = 0; i < count; i++) {
        direction[i] = (double)test_normal(14, (uint32_t)p, (uint32_t)i);
        grad_squares += (double)grad[i] * (double)grad[i];
        random_squares += direction[i] * direction[i];
    }
    assert_true(grad_squares > 1e-6);
    for (size_t i = 0; i < count; i++) {
        direction[i] = direction[i] / sqrt(random_squares) + (double)grad[i] / sqrt(grad_squares);
        slope += direction[i] * (double)grad[i];
    }
    double wide = numeric_slope(model, loss, p, values, direction, count, 4e-3);
    double narrow = numeric_slope(model, loss, p, values, direction, count, 2e-3);
    double numeric = (4 * narrow - wide) / 3;
    if (!(fabs(numeric - slope) <= 1e-3 * fabs(slope)))
        fail_msg("%s: %.8g by differences, %.8g by the backward", param->name, numeric, slope);
    mem_free(values);
    mem_free(grad);
    mem_free(direction);
}

static inline void check_slopes(Model *model, Loss loss, Dev grads)
{
    for (int32_t p = 0; p < model_params(model)->n_params; p++)
        check_slope(model, &loss, grads, p);
}

#endif
