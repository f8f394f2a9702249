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
    RltQuestion *questions = arena_alloc(rl->memory, (size_t)n, sizeof *questions);
    RltSample *samples = arena_alloc(rl->memory, (size_t)n * (size_t)group, sizeof *samples);
    for (int32_t q = 0; q < n; q++) {
        const RlQuestion *from = &rollout->questions[q];
        questions[q] = (RltQuestion){from->question, from->solution, from->system, from->texts, &samples[q * group], group};
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
    return ok;
}

// ---- reward "correctness": the baseline's, of complete answers

static void correctness_prompt(const Rl *rl, const RlQuestion *question, Ids *ids) {
    dialogue_student_prompt(rl->dialogue, question->system, question->question, ids);
}

static const char *correctness_stop(const Rl *rl) { return rl->dialogue->format->solution_close; }

static bool correctness_reward(Rl *rl, RlRollout *rollout, Error *error) {
    (void)error;
    const Tokenizer *tokenizer = rl->dialogue->tokenizer;
    int32_t n = rollout->n_questions * rollout->group_size;
    size_t most = 0; // bytes of a completion
    for (int32_t i = 0; i < n; i++) {
        size_t bytes = tokenizer_decoded_bytes(tokenizer, rollout->samples[i].completion.ids, rollout->samples[i].completion.n);
        most = bytes > most ? bytes : most;
    }
    Buf text = buf_in_arena(rl->memory, most);
    for (int32_t i = 0; i < n; i++) {
        RlSample *sample = &rollout->samples[i];
        buf_clear(&text);
        tokenizer_decode(tokenizer, sample->completion.ids, sample->completion.n, false, &text);
        rl->grade(rl->grade_context, rollout->questions[i / rollout->group_size].graded, buf_str(&text), &sample->closed,
                  &sample->right);
        sample->reward = reward_correctness(sample->closed, sample->right);
    }
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
    SummedReward *sums = arena_alloc(rl->memory, (size_t)n, sizeof *sums);
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
    return ok;
}

// ---- rollout

// A kept rollout into the step's memory.
static void take_over(Arena *memory, Completion *completions, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        Completion kept = completions[i], *c = &completions[i];
        size_t tokens = (size_t)kept.n;
        c->ids = arena_alloc(memory, tokens, sizeof *c->ids);
        c->logp = arena_alloc(memory, tokens, sizeof *c->logp);
        if (tokens > 0) memcpy(c->ids, kept.ids, tokens * sizeof *c->ids), memcpy(c->logp, kept.logp, tokens * sizeof *c->logp);
        completion_free(&kept);
    }
}

// n places on the tape: none yet.
static int32_t *no_places(Rl *rl, size_t n) {
    int32_t *places = arena_alloc(rl->memory, n, sizeof *places);
    for (size_t i = 0; i < n; i++) places[i] = -1;
    return places;
}

static void begin_tape(Rl *rl, RlRollout *rollout) {
    if (rl->tape == NULL) return;
    int32_t n = rollout->n_questions, n_samples = n * rollout->group_size;
    tape_clear(rl->tape); // the weights have changed
    rollout->prompt_places = arena_alloc(rl->memory, (size_t)n, sizeof *rollout->prompt_places);
    rollout->sample_places = arena_alloc(rl->memory, (size_t)n_samples, sizeof *rollout->sample_places);
    for (int32_t q = 0; q < n; q++) rollout->prompt_places[q] = no_places(rl, (size_t)rollout->prompts[q].n_ids);
    for (int32_t i = 0; i < n_samples; i++) rollout->sample_places[i] = no_places(rl, (size_t)rl->generate.max_tokens);
}

static bool sample_or_load(Rl *rl, int64_t step, const RlRollout *rollout, Completion *completions, GenerateCounts *counts,
                           Error *error) {
    int32_t n_prompts = rollout->n_questions, n = n_prompts * rollout->group_size;
    const GeneratePrompt *prompts = rollout->prompts;
    const RolloutKeeper *keeper = rl->keeper;
    bool found = false;
    if (keeper != NULL && !keeper->load(keeper->context, step, completions, n, counts, &found, error)) return false;
    if (found) {
        take_over(rl->memory, completions, n);
        return true;
    }
    const char *text = rl->reward->stop_text(rl);
    StopText stop = stop_text(rl->dialogue->tokenizer, text);
    stop.tail = buf_in_arena(rl->memory, strlen(text) * tokenizer_longest_bytes(rl->dialogue->tokenizer));
    GenerateSettings settings = rl->generate;
    settings.step = (uint32_t)step;
    settings.stop = stop_text_reached;
    settings.stop_context = &stop;
    settings.memory = rl->memory;
    GenerateTape tape = {rl->tape, rollout->prompt_places, rollout->sample_places};
    settings.tape = rl->tape != NULL ? &tape : NULL;
    return generate(trainer_model(rl->trainer), rl->decode_pass, prompts, n_prompts, &settings, completions, counts, error) &&
           (keeper == NULL || keeper->save(keeper->context, step, completions, n, counts, error));
}

static bool roll_out(Rl *rl, int64_t step, RlRollout *rollout, GenerateCounts *counts, Error *error) {
    int32_t n = rollout->n_questions, group = rollout->group_size;
    GeneratePrompt *prompts = arena_alloc(rl->memory, (size_t)n, sizeof *prompts);
    Completion *completions = arena_alloc(rl->memory, (size_t)n * (size_t)group, sizeof *completions);
    for (int32_t q = 0; q < n; q++) {
        // a copy, since scoring tells what is shared by its address, and two questions of a step may be one of the data
        const Ids *prompt = rollout->questions[q].prompt;
        int32_t *ids = arena_alloc(rl->memory, (size_t)prompt->len, sizeof *ids);
        memcpy(ids, prompt->data, (size_t)prompt->len * sizeof *ids);
        prompts[q] = (GeneratePrompt){ids, prompt->len, rollout->questions[q].index, 0, (uint32_t)group};
    }
    rollout->prompts = prompts;
    begin_tape(rl, rollout);
    bool ok = sample_or_load(rl, step, rollout, completions, counts, error);
    for (int32_t i = 0; ok && i < n * group; i++) rollout->samples[i].completion = completions[i];
    return ok;
}

// ---- reference and update

// Whether the reference has the policy's weights at the beginning of a step: then their log-probs have the same bits. A
// function of the step alone, so that a resumed run does the same. (The student reads other text, so its pass is never saved.)
static bool reference_is_policy(const Rl *rl, int64_t step) {
    if (model_dtype(rl->reference) != DTYPE_F32) return false; // rounded
    if (step == 0) return rl->reference_is_start;
    return rl->sync_every > 0 && rl->sync_policy_share == 1 && step % rl->sync_every == 0;
}

static void take_rollout_logp(const RlRollout *rollout, float **ref_logp) {
    for (int32_t i = 0; i < rollout->n_questions * rollout->group_size; i++) ref_logp[i] = rollout->samples[i].completion.logp;
}

// ref_logp[i] of every sample's tokens.
static bool score_reference(Rl *rl, const RlRollout *rollout, float **ref_logp, ScoreCounts *counts, Error *error) {
    int32_t n = rollout->n_questions * rollout->group_size;
    ScoreSequence *sequences = arena_alloc(rl->memory, (size_t)n, sizeof *sequences);
    for (int32_t i = 0; i < n; i++) {
        const Completion *c = &rollout->samples[i].completion;
        const GeneratePrompt *prompt = &rollout->prompts[i / rollout->group_size];
        ref_logp[i] = arena_alloc(rl->memory, (size_t)c->n, sizeof(float));
        sequences[i] = (ScoreSequence){prompt->ids, prompt->n_ids, c->ids, c->n, 0, c->n, ref_logp[i]};
    }
    bool ok = score_sequences(rl->reference, rl->reference_pass, sequences, n, rl->grpo.temperature, rl->grpo.max_rows, counts,
                              error);
    return ok || error_prefix(error, "reference");
}

static void set_advantages(Rl *rl, RlRollout *rollout, RlMetrics *metrics) {
    int32_t group = rollout->group_size;
    double *r = arena_alloc(rl->memory, (size_t)group, sizeof *r), *a = arena_alloc(rl->memory, (size_t)group, sizeof *a);
    for (int32_t q = 0; q < rollout->n_questions; q++) {
        RlSample *samples = &rollout->samples[q * group];
        double mean = 0, squares = 0;
        for (int32_t s = 0; s < group; s++) mean += (r[s] = samples[s].reward) / group;
        for (int32_t s = 0; s < group; s++) squares += (r[s] - mean) * (r[s] - mean);
        group_advantages(r, group, a);
        for (int32_t s = 0; s < group; s++) samples[s].advantage = a[s];
        if (group > 1) metrics->reward_std += sqrt(squares / (group - 1)) / rollout->n_questions;
    }
}

static void update(Rl *rl, const RlRollout *rollout, float **ref_logp, float rate, RlMetrics *metrics) {
    int32_t group = rollout->group_size, n = rollout->n_questions;
    GrpoGroup *groups = arena_alloc(rl->memory, (size_t)n, sizeof *groups);
    GrpoSequence *sequences = arena_alloc(rl->memory, (size_t)n * (size_t)group, sizeof *sequences);
    for (int32_t i = 0; i < n * group; i++) {
        const RlSample *s = &rollout->samples[i];
        sequences[i] = (GrpoSequence){s->completion.ids, s->completion.n, s->advantage, s->completion.logp,
                                      rl->reference != NULL ? ref_logp[i] : NULL,
                                      rollout->sample_places != NULL ? rollout->sample_places[i] : NULL};
    }
    for (int32_t q = 0; q < n; q++) {
        groups[q] = (GrpoGroup){rollout->prompts[q].ids, rollout->prompts[q].n_ids,
                                rollout->prompt_places != NULL ? rollout->prompt_places[q] : NULL, &sequences[q * group], group};
    }
    for (int32_t u = 0; u < rl->updates; u++) {
        trainer_play(rl->trainer, u == 0 ? rl->tape : NULL); // of the weights that sampled
        grpo_accumulate(rl->trainer, groups, n, &rl->grpo, &metrics->grpo);
        trainer_play(rl->trainer, NULL);
        metrics->grpo.grad_norm = trainer_step(rl->trainer, rate);
    }
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
    arena_clear(rl->memory);
    *rollout = (RlRollout){.questions = questions, .n_questions = n, .group_size = rl->group_size,
                           .samples = arena_alloc(rl->memory, n_samples, sizeof(RlSample))};
    double start = time_now_s();
    if (!roll_out(rl, step, rollout, &metrics->generate, error)) return false;
    double rolled = time_now_s();
    if (rl->scorer != NULL) rl->scorer->counts = (ScoreCounts){0};
    if (!rl->reward->reward(rl, rollout, error) || !add_rewards(rl, rollout, error)) return false;
    if (rl->scorer != NULL) metrics->reward_counts = rl->scorer->counts;
    set_advantages(rl, rollout, metrics);
    double rewarded = time_now_s();
    float **ref_logp = arena_alloc(rl->memory, n_samples, sizeof *ref_logp);
    metrics->reference_equal = rl->reference != NULL && reference_is_policy(rl, step);
    if (metrics->reference_equal) take_rollout_logp(rollout, ref_logp);
    bool ok = rl->reference == NULL || metrics->reference_equal ||
              score_reference(rl, rollout, ref_logp, &metrics->reference_counts, error);
    double referenced = time_now_s();
    if (ok) {
        update(rl, rollout, ref_logp, rate, metrics);
        sync_reference(rl, step);
        summarise(rollout, metrics);
    }
    double updated = time_now_s();
    metrics->rollout_s = rolled - start;
    metrics->reward_s = rewarded - rolled;
    metrics->reference_s = referenced - rewarded;
    metrics->update_s = updated - referenced;
    return ok;
}

size_t rl_step_bytes(const RlSize *z) {
    const GenerateSize *g = &z->generate;
    size_t questions = (size_t)g->prompts, samples = questions * (size_t)g->samples, tokens = (size_t)g->max_tokens;
    size_t a_sample = sizeof(RlSample) + sizeof(Completion) + sizeof(RltSample) + sizeof(SummedReward) + sizeof(ScoreSequence) +
                      sizeof(GrpoSequence) + sizeof(float *) + tokens * sizeof(float) + ARENA_ALIGN;
    size_t a_question = sizeof(RltQuestion) + sizeof(GeneratePrompt) + sizeof(GrpoGroup) + (size_t)g->prompt * sizeof(int32_t) +
                        ARENA_ALIGN;
    size_t bytes = generate_bytes(g) + samples * a_sample + questions * a_question + 2 * (size_t)g->samples * sizeof(double) +
                   (z->stop_bytes + tokens) * z->token_bytes + 16 * ARENA_ALIGN;
    RltSize judged = {g->prompts, g->samples, g->max_tokens, z->student_text, z->token_bytes};
    if (g->record) {
        bytes += questions * (sizeof(int32_t *) + (size_t)g->prompt * sizeof(int32_t) + ARENA_ALIGN) +
                 samples * (sizeof(int32_t *) + tokens * sizeof(int32_t) + ARENA_ALIGN) + 2 * ARENA_ALIGN;
    }
    return z->student_text > 0 ? bytes + score_rlt_bytes(&judged) : bytes;
}
