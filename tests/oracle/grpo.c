// grpo.safetensors: prompt_len, ids [G, T] (prompt and completion), length [G], rewards [G], advantages [G], ref_logp
// [G, T] (of each token; 0 outside completions), loss, kl, grad.<parameter>. Temperature 0.7, beta 0.04, one optimiser
// step a batch. The group is one forest: the prompt is its root, the completions its leaves.
#include <math.h>

#include "base/mem.h"
#include "oracle.h"

#define TEMPERATURE 0.7f
#define BETA 0.04

typedef struct Group {
    int32_t prompt_len, n, width;             // G completions in rows of T
    GoldenI32 ids, length;
    GoldenF32 rewards, advantages, ref_logp;
    double loss, kl;
    Batch batch;                              // completions' predictions, one after another
} Group;

static void group_free(Group *group)
{
    mem_free(group->ids.at);
    mem_free(group->length.at);
    mem_free(group->rewards.at);
    mem_free(group->advantages.at);
    mem_free(group->ref_logp.at);
    batch_free(&group->batch);
}

static bool read_group(const Golden *golden, Group *group, Error *error)
{
    double prompt_len;
    if (!golden_scalar(golden, "prompt_len", &prompt_len, error) || !golden_i32(golden, "ids", &group->ids, error) ||
        !golden_i32(golden, "length", &group->length, error) ||
        !golden_f32(golden, "rewards", &group->rewards, error) ||
        !golden_f32(golden, "advantages", &group->advantages, error) ||
        !golden_f32(golden, "ref_logp", &group->ref_logp, error) ||
        !golden_scalar(golden, "loss", &group->loss, error) || !golden_scalar(golden, "kl", &group->kl, error))
        return false;
    group->n = group->ids.rows;
    group->width = group->ids.cols;
    if (prompt_len < 1 || prompt_len >= group->width || group->n < 2)
        return error_set(error, "%s: prompt_len %g with ids [%d, %d], expected 1 <= prompt_len < T and G >= 2",
                         golden->path, prompt_len, group->n, group->width);
    group->prompt_len = (int32_t)prompt_len;
    return golden_shape(golden, "length", group->length.rows, group->length.cols, 1, group->n, error) &&
           golden_shape(golden, "rewards", group->rewards.rows, group->rewards.cols, 1, group->n, error) &&
           golden_shape(golden, "advantages", group->advantages.rows, group->advantages.cols, 1, group->n, error) &&
           golden_shape(golden, "ref_logp", group->ref_logp.rows, group->ref_logp.cols, group->n, group->width, error);
}

static bool build_forest(const Golden *golden, const Model *model, Group *group, Error *error)
{
    int32_t root = -1;
    for (int32_t i = 0; i < group->n; i++) {
        const int32_t *ids = group->ids.at + (size_t)i * (size_t)group->width;
        int32_t n = group->length.at[i];
        if (n <= group->prompt_len || n > group->width)
            return error_set(error, "%s: length[%d] is %d, expected %d to %d", golden->path, i, n,
                             group->prompt_len + 1, group->width);
        if (!golden_check_ids(golden, ids, n, model, error))
            return false;
        for (int32_t t = 0; t < group->prompt_len; t++) {
            if (ids[t] != group->ids.at[t])
                return error_set(error, "%s: ids[%d, %d] differs from the group's prompt", golden->path, i, t);
        }
        if (root < 0)
            root = batch_add_segment(&group->batch, -1, ids, group->prompt_len);
        int32_t n_completion = n - group->prompt_len;
        int32_t leaf = batch_add_segment(&group->batch, root, ids + group->prompt_len, n_completion);
        batch_predict(&group->batch, leaf, 0, n_completion);
    }
    return true;
}

// (r - mean) / (std + 1e-4), std with ddof 1.
static void group_advantages(const float *rewards, int32_t n, float *advantages)
{
    double mean = 0, squares = 0;
    for (int32_t i = 0; i < n; i++)
        mean += (double)rewards[i] / n;
    for (int32_t i = 0; i < n; i++)
        squares += ((double)rewards[i] - mean) * ((double)rewards[i] - mean);
    double std = sqrt(squares / (n - 1));
    for (int32_t i = 0; i < n; i++)
        advantages[i] = (float)(((double)rewards[i] - mean) / (std + 1e-4));
}

// The mean over sequences of the mean over their tokens of -A + beta k3, k3 = e^d - d - 1, d = ref - logp (the ratio is
// 1 and its gradient that of logp); d loss / d logp = (-A + beta (1 - e^d)) / (G n). Returns the loss; *kl the same
// mean of k3.
static double grpo_loss(const Group *group, const float *advantages, const float *logp, float *dlogp, double *kl)
{
    double loss = 0;
    int32_t p = 0;
    *kl = 0;
    for (int32_t i = 0; i < group->n; i++) {
        const float *ref = group->ref_logp.at + (size_t)i * (size_t)group->width;
        double share = 1.0 / group->n / (group->length.at[i] - group->prompt_len);
        for (int32_t t = group->prompt_len; t < group->length.at[i]; t++, p++) {
            double d = (double)ref[t] - (double)logp[p];
            double k3 = expm1(d) - d;
            *kl += share * k3;
            loss += share * (-(double)advantages[i] + BETA * k3);
            dlogp[p] = (float)(share * (-(double)advantages[i] - BETA * expm1(d)));
        }
    }
    return loss;
}

static bool compare(Oracle *oracle, const Golden *golden, Model *model, const Group *group, Error *error)
{
    const Batch *batch = &group->batch;
    Pass *pass = pass_create(model, (PassSettings){.backward = true});
    Dev grads = param_arena_create(model);
    float *advantages = mem_alloc((size_t)group->n, sizeof *advantages);
    float *logp = mem_alloc((size_t)batch->n_predictions, sizeof *logp);
    float *dlogp = mem_alloc((size_t)batch->n_predictions, sizeof *dlogp);

    group_advantages(group->rewards.at, group->n, advantages);
    oracle_report(oracle, "grpo", "advantages",
                  max_abs_difference(advantages, group->advantages.at, (size_t)group->n), TOLERANCE_LOSS);
    model_logprobs(model, pass, batch, TEMPERATURE, logp, NULL);
    double kl, loss = grpo_loss(group, advantages, logp, dlogp, &kl);
    oracle_report(oracle, "grpo", "loss", fabs(loss - group->loss), TOLERANCE_LOSS);
    oracle_report(oracle, "grpo", "kl", fabs(kl - group->kl), TOLERANCE_LOSS);
    model_backward(model, pass, batch, TEMPERATURE, dlogp, grads);
    bool ok = golden_check_gradients(oracle, golden, "grpo", model, grads, error);

    mem_free(advantages);
    mem_free(logp);
    mem_free(dlogp);
    param_arena_destroy(model, grads);
    pass_destroy(pass);
    return ok;
}

bool check_grpo(Oracle *oracle, Error *error)
{
    Model *model = NULL;
    Golden golden = {0};
    Group group = {0};
    batch_init(&group.batch);
    bool ok = oracle_load_model(oracle, NULL, &model, error) &&
              golden_open(oracle, "grpo.safetensors", &golden, error) && read_group(&golden, &group, error) &&
              build_forest(&golden, model, &group, error) && compare(oracle, &golden, model, &group, error);
    group_free(&group);
    golden_close(&golden);
    model_destroy(model);
    return ok;
}
