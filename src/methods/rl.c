#include "methods/rl.h"

#include <math.h>
#include <string.h>

#include "text/stop_text.h"

// ---- reward "teacher": the RLT reward of explanations

static void teacher_prompt(const Rl *rl, const RlQuestion *question, Ids *ids) {
    dialogue_teacher_prompt(rl->dialogue, question->question, question->solution, ids);
}

static const char *teacher_stop(const Rl *rl) { return rl->dialogue->format->explanation_close; }

static bool teacher_reward(Rl *rl, RlRollout *rollout, Error *error) {
    int32_t n = rollout->n_questions, group = rollout->group_size;
    RltQuestion *questions = mem_alloc((size_t)n, sizeof *questions);
    RltSample *samples = mem_alloc((size_t)n * (size_t)group, sizeof *samples);
    for (int32_t q = 0; q < n; q++) {
        const RlQuestion *from = &rollout->questions[q];
        questions[q] = (RltQuestion){from->question, from->solution, from->system, &samples[q * group], group};
        for (int32_t s = 0; s < group; s++) {
            const Completion *c = &rollout->samples[q * group + s].completion;
            samples[q * group + s] = (RltSample){.ids = c->ids, .n = c->n, .teacher_logp = c->logp,
                                                 .want_tokens = s < rl->n_kept_tokens};
        }
    }
    bool ok = score_rlt(rl->scorer, questions, n, error);
    for (int32_t i = 0; i < n * group; i++) {
        RlSample *sample = &rollout->samples[i];
        sample->rlt = samples[i];
        sample->reward = samples[i].parts.reward;
        sample->closed = samples[i].closed;
    }
    mem_free(samples);
    mem_free(questions);
    return ok;
}

// ---- reward "correctness": the baseline's, of complete answers

static void correctness_prompt(const Rl *rl, const RlQuestion *question, Ids *ids) {
    dialogue_student_prompt(rl->dialogue, question->system, question->question, ids);
}

static const char *correctness_stop(const Rl *rl) { return rl->dialogue->format->solution_close; }

static bool correctness_reward(Rl *rl, RlRollout *rollout, Error *error) {
    (void)error;
    Buf text;
    buf_init(&text, 0);
    for (int32_t i = 0; i < rollout->n_questions * rollout->group_size; i++) {
        RlSample *sample = &rollout->samples[i];
        buf_clear(&text);
        tokenizer_decode(rl->dialogue->tokenizer, sample->completion.ids, sample->completion.n, false, &text);
        rl->grade(rl->grade_context, rollout->questions[i / rollout->group_size].graded, buf_str(&text), &sample->closed,
                  &sample->right);
        sample->reward = reward_correctness(sample->closed, sample->right);
    }
    buf_free(&text);
    return true;
}

static const RlReward rewards[] = {
    {"teacher", teacher_prompt, teacher_stop, teacher_reward},
    {"correctness", correctness_prompt, correctness_stop, correctness_reward},
};

const RlReward *rl_reward_by_name(const char *name) {
    for (size_t i = 0; i < sizeof rewards / sizeof *rewards; i++) {
        if (strcmp(rewards[i].name, name) == 0) return &rewards[i];
    }
    return NULL;
}

// ---- what is added to either

static bool add_rewards(Rl *rl, RlRollout *rollout, Error *error) {
    int32_t n = rollout->n_questions * rollout->group_size;
    SummedReward *sums = mem_alloc((size_t)n, sizeof *sums);
    for (int32_t i = 0; i < n; i++) {
        const RlSample *s = &rollout->samples[i];
        sums[i] = (SummedReward){.ids = s->completion.ids, .n_ids = s->completion.n, .own = s->reward,
                                 .row = rollout->questions[i / rollout->group_size].row,
                                 .truncated = s->completion.finish == FINISH_LENGTH};
    }
    bool ok = reward_sum_completions(&rl->sum, rl->dialogue->tokenizer, sums, n, error);
    for (int32_t i = 0; ok && i < n; i++) {
        rollout->samples[i].reward = sums[i].total;
        memcpy(rollout->samples[i].added, sums[i].added, sizeof sums[i].added);
    }
    mem_free(sums);
    return ok;
}

// ---- rollout

static bool roll_out(Rl *rl, int64_t step, RlRollout *rollout, GenerateCounts *counts, Error *error) {
    int32_t n = rollout->n_questions, group = rollout->group_size;
    GeneratePrompt *prompts = mem_alloc((size_t)n, sizeof *prompts);
    Completion *completions = mem_alloc((size_t)n * (size_t)group, sizeof *completions);
    for (int32_t q = 0; q < n; q++) {
        Ids *ids = &rollout->prompts[q];
        rl->reward->prompt(rl, &rollout->questions[q], ids);
        prompts[q] = (GeneratePrompt){ids->data, ids->len, rollout->questions[q].index, 0, (uint32_t)group};
    }
    GenerateSettings settings = rl->generate;
    StopText stop = stop_text(rl->dialogue->tokenizer, rl->reward->stop_text(rl));
    settings.step = (uint32_t)step;
    settings.stop = stop_text_reached;
    settings.stop_context = &stop;
    const RolloutKeeper *keeper = rl->keeper;
    bool found = false;
    bool ok = keeper == NULL || keeper->load(keeper->context, step, completions, n * group, counts, &found, error);
    if (ok && !found) {
        ok = generate(trainer_model(rl->trainer), rl->decode_pass, prompts, n, &settings, completions, counts, error) &&
             (keeper == NULL || keeper->save(keeper->context, step, completions, n * group, counts, error));
    }
    for (int32_t i = 0; ok && i < n * group; i++) rollout->samples[i].completion = completions[i];
    stop_text_free(&stop);
    mem_free(prompts);
    mem_free(completions);
    return ok;
}

void rl_rollout_free(RlRollout *rollout) {
    for (int32_t q = 0; q < rollout->n_questions; q++) ids_free(&rollout->prompts[q]);
    for (int32_t i = 0; i < rollout->n_questions * rollout->group_size; i++) {
        completion_free(&rollout->samples[i].completion);
        rlt_sample_free(&rollout->samples[i].rlt);
    }
    mem_free(rollout->prompts);
    mem_free(rollout->samples);
    *rollout = (RlRollout){0};
}

// ---- reference and update

// Whether the reference has the policy's weights at the beginning of a step: then their log-probs have the same bits. A
// function of the step alone, so that a resumed run does the same. (The student reads other text, so its pass is never saved.)
static bool reference_is_policy(const Rl *rl, int64_t step) {
    if (model_dtype(rl->reference) != DTYPE_F32) return false; // rounded
    if (step == 0) return rl->reference_is_start;
    return rl->sync_every > 0 && rl->sync_policy_share == 1 && step % rl->sync_every == 0;
}

static void copy_rollout_logp(const RlRollout *rollout, float **ref_logp) {
    for (int32_t i = 0; i < rollout->n_questions * rollout->group_size; i++) {
        const Completion *c = &rollout->samples[i].completion;
        ref_logp[i] = mem_alloc((size_t)c->n + 1, sizeof(float));
        memcpy(ref_logp[i], c->logp, (size_t)c->n * sizeof(float));
    }
}

// ref_logp[i] of every sample's tokens, allocated here.
static bool score_reference(Rl *rl, const RlRollout *rollout, float **ref_logp, ScoreCounts *counts, Error *error) {
    int32_t n = rollout->n_questions * rollout->group_size;
    ScoreSequence *sequences = mem_alloc((size_t)n, sizeof *sequences);
    for (int32_t i = 0; i < n; i++) {
        const Completion *c = &rollout->samples[i].completion;
        const Ids *prompt = &rollout->prompts[i / rollout->group_size];
        ref_logp[i] = mem_alloc((size_t)c->n + 1, sizeof(float));
        sequences[i] = (ScoreSequence){prompt->data, prompt->len, c->ids, c->n, 0, c->n, ref_logp[i]};
    }
    bool ok = score_sequences(rl->reference, rl->reference_pass, sequences, n, rl->grpo.temperature, rl->grpo.max_rows, counts,
                              error);
    mem_free(sequences);
    return ok || error_prefix(error, "reference");
}

static void set_advantages(RlRollout *rollout, RlMetrics *metrics) {
    int32_t group = rollout->group_size;
    double *r = mem_alloc((size_t)group, sizeof *r), *a = mem_alloc((size_t)group, sizeof *a);
    for (int32_t q = 0; q < rollout->n_questions; q++) {
        RlSample *samples = &rollout->samples[q * group];
        double mean = 0, squares = 0;
        for (int32_t s = 0; s < group; s++) mean += (r[s] = samples[s].reward) / group;
        for (int32_t s = 0; s < group; s++) squares += (r[s] - mean) * (r[s] - mean);
        group_advantages(r, group, a);
        for (int32_t s = 0; s < group; s++) samples[s].advantage = a[s];
        if (group > 1) metrics->reward_std += sqrt(squares / (group - 1)) / rollout->n_questions;
    }
    mem_free(r);
    mem_free(a);
}

static void update(Rl *rl, const RlRollout *rollout, float **ref_logp, float rate, RlMetrics *metrics) {
    int32_t group = rollout->group_size, n = rollout->n_questions;
    GrpoGroup *groups = mem_alloc((size_t)n, sizeof *groups);
    GrpoSequence *sequences = mem_alloc((size_t)n * (size_t)group, sizeof *sequences);
    for (int32_t i = 0; i < n * group; i++) {
        const RlSample *s = &rollout->samples[i];
        sequences[i] = (GrpoSequence){s->completion.ids, s->completion.n, s->advantage, s->completion.logp,
                                      rl->reference != NULL ? ref_logp[i] : NULL};
    }
    for (int32_t q = 0; q < n; q++) {
        groups[q] = (GrpoGroup){rollout->prompts[q].data, rollout->prompts[q].len, &sequences[q * group], group};
    }
    for (int32_t u = 0; u < rl->updates; u++) {
        grpo_accumulate(rl->trainer, groups, n, &rl->grpo, &metrics->grpo);
        metrics->grpo.grad_norm = trainer_step(rl->trainer, rate);
    }
    mem_free(groups);
    mem_free(sequences);
}

// ref = (1 - share) ref + share policy, every sync_every steps (TRL's TR-DPO form).
static void sync_reference(Rl *rl, int64_t step) {
    if (rl->reference == NULL || rl->sync_every <= 0 || (step + 1) % rl->sync_every != 0) return;
    model_blend(rl->reference, trainer_model(rl->trainer), 1.0f - rl->sync_policy_share, rl->sync_scratch);
}

static void summarise(const RlRollout *rollout, RlMetrics *m) {
    int32_t n = rollout->n_questions * rollout->group_size;
    for (int32_t i = 0; i < n; i++) {
        const RlSample *s = &rollout->samples[i];
        m->reward += s->reward / n;
        m->r_ss += s->rlt.parts.r_ss / n;
        m->r_kl += s->rlt.parts.r_kl / n;
        m->match += s->rlt.parts.match / n;
        m->kl_student += s->rlt.parts.kl_mean / n;
        for (int k = 0; k < N_ADDED_REWARDS; k++) m->added[k] += s->added[k] / n;
        m->closed += (double)s->closed / n;
        m->right += (double)s->right / n;
        m->truncated += (double)(s->completion.finish == FINISH_LENGTH) / n;
        m->length += (double)s->completion.n / n;
    }
}

bool rl_step(Rl *rl, int64_t step, float rate, const RlQuestion *questions, int32_t n, RlRollout *rollout, RlMetrics *metrics,
             Error *error) {
    *metrics = (RlMetrics){0};
    size_t n_samples = (size_t)n * (size_t)rl->group_size;
    *rollout = (RlRollout){questions, n, rl->group_size, mem_alloc((size_t)n, sizeof(Ids)), mem_alloc(n_samples, sizeof(RlSample))};
    double start = time_now_s();
    if (!roll_out(rl, step, rollout, &metrics->generate, error)) return false;
    double rolled = time_now_s();
    if (rl->scorer != NULL) rl->scorer->counts = (ScoreCounts){0};
    if (!rl->reward->reward(rl, rollout, error) || !add_rewards(rl, rollout, error)) return false;
    if (rl->scorer != NULL) metrics->reward_counts = rl->scorer->counts;
    set_advantages(rollout, metrics);
    double rewarded = time_now_s();
    float **ref_logp = mem_alloc(n_samples, sizeof *ref_logp);
    metrics->reference_equal = rl->reference != NULL && reference_is_policy(rl, step);
    if (metrics->reference_equal) copy_rollout_logp(rollout, ref_logp);
    bool ok = rl->reference == NULL || metrics->reference_equal ||
              score_reference(rl, rollout, ref_logp, &metrics->reference_counts, error);
    double referenced = time_now_s();
    if (ok) {
        update(rl, rollout, ref_logp, rate, metrics);
        sync_reference(rl, step);
        summarise(rollout, metrics);
    }
    for (size_t i = 0; i < n_samples; i++) mem_free(ref_logp[i]);
    mem_free(ref_logp);
    double updated = time_now_s();
    metrics->rollout_s = rolled - start;
    metrics->reward_s = rewarded - rolled;
    metrics->reference_s = referenced - rewarded;
    metrics->update_s = updated - referenced;
    return ok;
}
