#include "commands/rl_records.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "commands/rl_options.h"
#include "commands/token_values.h"

bool rl_record_metrics(const RlRecords *r, int64_t step, double rate, const RlMetrics *m, const StepCounts *work,
                       Error *error) {
    int64_t naive = m->generate.tokens_naive + m->reward_counts.tokens_naive + m->reference_counts.tokens_naive +
                    m->grpo.tokens_naive;
    int64_t computed = m->generate.tokens_computed + m->reward_counts.tokens_computed + m->reference_counts.tokens_computed +
                       m->grpo.tokens_computed;
    Metric own[] = {
        {"reward", m->reward}, {"reward_std", m->reward_std}, {"r_ss", m->r_ss}, {"r_kl", m->r_kl}, {"match", m->match},
        {"kl_student", m->kl_student}, {"closed", m->closed}, {"right", m->right}, {"truncated", m->truncated},
        {"length", m->length}, {"loss", m->grpo.loss}, {"policy_loss", m->grpo.policy_loss}, {"kl_reference", m->grpo.kl},
        {"entropy", m->grpo.entropy}, {"clip_fraction", m->grpo.clip_fraction}, {"ratio_error", m->grpo.ratio_error},
        {"grad_norm", m->grpo.grad_norm}, {"learning_rate", rate}, {"tokens_sampled", (double)m->generate.tokens_sampled},
        {"tokens_computed", (double)computed}, {"tokens_naive", (double)naive},
    };
    Metric metrics[sizeof own / sizeof *own + N_ADDED_REWARDS];
    size_t n = sizeof own / sizeof *own;
    char names[N_ADDED_REWARDS][32];
    memcpy(metrics, own, sizeof own);
    for (int k = 0; k < N_ADDED_REWARDS; k++) {
        if (r->sum->weights[k] == 0) continue;
        snprintf(names[k], sizeof names[k], "reward_%s", added_reward_name(k));
        metrics[n++] = (Metric){names[k], m->added[k]};
    }
    Metric timing[] = {
        {"rollout_s", m->rollout_s}, {"reward_s", m->reward_s}, {"reference_s", m->reference_s}, {"update_s", m->update_s},
        {"rollout_tokens_per_s", (double)m->generate.tokens_sampled / m->rollout_s},
        {"update_tokens_per_s", (double)m->grpo.tokens_computed / m->update_s},
        {"update_tokens_from_tape", (double)m->grpo.tokens_played},
        // how the samples came to be, not what they are: slots decide it
        {"passes", (double)m->generate.passes}, {"tokens_drafted", (double)m->generate.tokens_drafted},
        {"tokens_accepted", (double)m->generate.tokens_accepted},
        {"draft_acceptance", (double)m->generate.tokens_accepted / fmax(1, (double)m->generate.tokens_drafted)},
        {"allocations", (double)work->allocations}, {"page_faults", (double)work->page_faults},
    };
    return run_folder_metrics(r->folder, step, metrics, n, timing, sizeof timing / sizeof *timing, error);
}

static void write_sample(const RlRecords *r, int64_t step, const RlRollout *rollout, int32_t q, int32_t s, Buf *line) {
    const RlSample *sample = &rollout->samples[q * rollout->group_size + s];
    Buf text;
    buf_init(&text, 0);
    tokenizer_decode(r->tokenizer, sample->completion.ids, sample->completion.n, false, &text);
    JsonWriter w = json_writer(line);
    jw_object_begin(&w);
    jw_kint(&w, "step", step);
    jw_kstring(&w, "question", rollout->questions[q].question);
    jw_kstring(&w, "solution", rollout->questions[q].solution);
    jw_kint(&w, "sample", s);
    jw_kstring(&w, "completion", buf_str(&text));
    jw_kf64(&w, "reward", sample->reward);
    jw_kf64(&w, "advantage", sample->advantage);
    if (r->student_dialogue != NULL) {
        jw_kf64(&w, "r_ss", sample->rlt.parts.r_ss);
        jw_kf64(&w, "r_kl", sample->rlt.parts.r_kl);
        jw_kf64(&w, "match", sample->rlt.parts.match);
    }
    reward_sum_write(r->sum, sample->added, &w);
    if (sample->rlt.kl_values != NULL) {
        token_values_write(r->tokenizer, r->student_dialogue, rollout->questions[q].solution, &sample->rlt, &w);
    }
    jw_kstring(&w, "finish", str_of(finish_name(sample->completion.finish)));
    jw_object_end(&w);
    buf_add_char(line, '\n');
    buf_free(&text);
}

bool rl_record_samples(const RlRecords *r, int64_t step, const RlRollout *rollout, Error *error) {
    int64_t n = r->n_samples, all = (int64_t)rollout->n_questions * rollout->group_size;
    Buf lines;
    buf_init(&lines, 0);
    for (int64_t i = 0; i < n && i < all; i++) {
        write_sample(r, step, rollout, (int32_t)(i % rollout->n_questions), (int32_t)(i / rollout->n_questions), &lines);
    }
    bool ok = n == 0 || run_folder_sample(r->folder, buf_str(&lines), error);
    buf_free(&lines);
    return ok;
}
