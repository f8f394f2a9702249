// grpo.safetensors: prompt_len, ids [G, T] (prompt and completion), length [G], rewards [G], advantages [G],
// ref_logp [G, T] (of each token; 0 outside completions), loss, kl, grad.<parameter>. Temperature 0.7, beta 0.04, one
// optimiser step a batch, so that the ratio is 1. The group is one forest; then once more in several micro-batches.
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "methods/grpo.h"
#include "methods/rewards.h"
#include "oracle.h"

#define TEMPERATURE 0.7f
#define BETA 0.04

typedef struct Group {
    int32_t prompt_len, n, width; // G completions in rows of T
    GoldenI32 ids, length;
    GoldenF32 rewards, advantages, ref_logp;
    double loss, kl;
    float *old_logp;              // [G, T] of each token, as the rollout would have it
    GrpoSequence *sequences;      // [G]
} Group;

static void group_free(Group *group)
{
    mem_free(group->ids.at);
    mem_free(group->length.at);
    mem_free(group->rewards.at);
    mem_free(group->advantages.at);
    mem_free(group->ref_logp.at);
    mem_free(group->old_logp);
    mem_free(group->sequences);
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

static bool check_rows(const Golden *golden, const Model *model, const Group *group, Error *error)
{
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
    }
    return true;
}

// Own advantages and log-probs: the golden ones are only compared with.
static void fill_sequences(Oracle *oracle, Model *model, Pass *pass, Group *group)
{
    size_t n = (size_t)group->n, width = (size_t)group->width;
    double *rewards = mem_alloc(n, sizeof *rewards), *advantages = mem_alloc(n, sizeof *advantages), worst = 0;
    for (size_t i = 0; i < n; i++)
        rewards[i] = (double)group->rewards.at[i];
    group_advantages(rewards, group->n, advantages);
    group->sequences = mem_alloc(n, sizeof *group->sequences);
    group->old_logp = mem_alloc(n * width, sizeof *group->old_logp);
    for (size_t i = 0; i < n; i++) {
        const int32_t *ids = group->ids.at + i * width;
        int32_t from = group->prompt_len, to = group->length.at[i];
        worst = fmax(worst, fabs(advantages[i] - (double)group->advantages.at[i]));
        Batch batch;
        batch_init(&batch);
        batch_predict(&batch, batch_add_segment(&batch, -1, ids, to), from, to);
        model_logprobs(model, pass, &batch, TEMPERATURE, group->old_logp + i * width, NULL);
        batch_free(&batch);
        group->sequences[i] = (GrpoSequence){
            .ids = ids + from, .n = to - from, .advantage = advantages[i], .old_logp = group->old_logp + i * width,
            .ref_logp = group->ref_logp.at + i * width + from,
        };
    }
    oracle_report(oracle, "grpo", "advantages", worst, TOLERANCE_LOSS);
    mem_free(rewards);
    mem_free(advantages);
}

static bool compare_batch(Oracle *oracle, const Golden *golden, Model *model, const Group *group, const char *how,
                          int32_t max_rows, Error *error)
{
    const TrainerSettings settings = {.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f};
    const GrpoGroup grpo_group = {group->ids.at, group->prompt_len, NULL, group->sequences, group->n};
    const GrpoSettings grpo = {.temperature = TEMPERATURE, .beta = BETA, .clip_epsilon = 0.2, .max_rows = max_rows};
    Trainer *trainer = trainer_create(model, &settings);
    GrpoStep step;
    grpo_accumulate(trainer, &grpo_group, 1, &grpo, &step);
    char what[64];
    snprintf(what, sizeof what, "loss%s", how);
    oracle_report(oracle, "grpo", what, fabs(step.loss - group->loss), TOLERANCE_LOSS);
    snprintf(what, sizeof what, "kl%s", how);
    oracle_report(oracle, "grpo", what, fabs(step.kl - group->kl), TOLERANCE_LOSS);
    snprintf(what, sizeof what, "log-probs of forest and sequence%s", how);
    oracle_report_exact(oracle, "grpo", what, step.ratio_error == 0, "the ratio is not 1");
    bool ok = golden_check_gradients(oracle, golden, "grpo", how, model, trainer_grads(trainer), error);
    trainer_destroy(trainer);
    return ok;
}

static bool compare(Oracle *oracle, const Golden *golden, Model *model, Group *group, Error *error)
{
    Pass *pass = pass_create(model, (PassSettings){0});
    fill_sequences(oracle, model, pass, group);
    pass_destroy(pass);
    return compare_batch(oracle, golden, model, group, "", INT32_MAX, error) &&
           compare_batch(oracle, golden, model, group, " in micro-batches", group->prompt_len + group->width, error);
}

bool check_grpo(Oracle *oracle, Error *error)
{
    Model *model = NULL;
    Golden golden = {0};
    Group group = {0};
    bool ok = oracle_load_model(oracle, NULL, &model, error) &&
              golden_open(oracle, "grpo.safetensors", &golden, error) && read_group(&golden, &group, error) &&
              check_rows(&golden, model, &group, error) && compare(oracle, &golden, model, &group, error);
    group_free(&group);
    golden_close(&golden);
    model_destroy(model);
    return ok;
}
