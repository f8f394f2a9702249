#include "methods/grpo.h"

#include <math.h>
#include <string.h>

GrpoToken grpo_token(double logp, double old_logp, double ref_logp, bool has_ref, double advantage,
                     const GrpoSettings *settings) {
    GrpoToken token = {0};
    double ratio = exp(logp - old_logp);
    double clipped = fmin(fmax(ratio, 1 - settings->clip_epsilon), 1 + settings->clip_epsilon);
    // the smaller objective wins: a clipped ratio has no gradient
    token.clipped = clipped * advantage < ratio * advantage;
    token.policy = -(token.clipped ? clipped : ratio) * advantage;
    token.dlogp = token.clipped ? 0 : -ratio * advantage;
    if (has_ref) {
        double d = ref_logp - logp;
        token.kl = exp(d) - d - 1;
        token.dlogp += settings->beta * (1 - exp(d));
    }
    return token;
}

typedef struct GrpoLoss {
    const GrpoSettings *settings;
    const GrpoSequence *sequences; // of the micro-batch
    int32_t n_sequences;
    double per_sequence; // 1 / sequences of the whole batch
    int64_t n_tokens, n_clipped;
    GrpoStep *out;
} GrpoLoss;

static void grpo_loss(void *context, const Batch *batch, const float *logp, const float *entropy, float *dlogp) {
    (void)batch;
    GrpoLoss *loss = context;
    GrpoStep *out = loss->out;
    int32_t at = 0;
    for (int32_t s = 0; s < loss->n_sequences; s++) {
        const GrpoSequence *sequence = &loss->sequences[s];
        double weight = loss->per_sequence / (sequence->n > 0 ? sequence->n : 1);
        for (int32_t t = 0; t < sequence->n; t++, at++) {
            bool has_ref = sequence->ref_logp != NULL;
            GrpoToken token = grpo_token(logp[at], sequence->old_logp[t], has_ref ? sequence->ref_logp[t] : 0, has_ref,
                                         sequence->advantage, loss->settings);
            out->policy_loss += weight * token.policy;
            out->kl += weight * token.kl;
            if (entropy != NULL) out->entropy += weight * entropy[at];
            out->ratio_error = fmax(out->ratio_error, fabs((double)logp[at] - sequence->old_logp[t]));
            loss->n_clipped += token.clipped;
            loss->n_tokens++;
            dlogp[at] = (float)(weight * token.dlogp);
        }
    }
}

// Sequences of group `index` from `first` that fit into max_rows beside the prompt (at least one), as leaves below it.
static int32_t fill(Batch *batch, const GrpoGroup *group, int32_t index, int32_t first, int32_t max_rows) {
    batch_clear_after(batch, group->n_prompt);
    int32_t s = first;
    for (; s < group->n_sequences; s++) {
        const GrpoSequence *sequence = &group->sequences[s];
        if (s > first && group->n_prompt + batch->forest.n_rows + sequence->n - 1 > max_rows) break;
        if (sequence->n == 0) continue;
        if (sequence->n == 1) { // the prompt alone predicts it
            batch_predict_id(batch, 0, sequence->ids[0]);
            continue;
        }
        int32_t leaf = batch_add_segment(batch, 0, sequence->ids, sequence->n - 1);
        batch_set_address(batch, leaf, (uint32_t)index, (uint32_t)s + 1);
        if (sequence->places != NULL) batch_set_places(batch, leaf, sequence->places);
        batch_predict(batch, leaf, 0, sequence->n - 1);
        batch_predict_id(batch, leaf, sequence->ids[sequence->n - 1]);
    }
    return s;
}

static int64_t count_naive(const GrpoGroup *group) {
    int64_t n = 0;
    for (int32_t s = 0; s < group->n_sequences; s++) {
        if (group->sequences[s].n > 0) n += group->n_prompt + group->sequences[s].n - 1;
    }
    return n;
}

static void count_played(const Trainer *trainer, const Batch *batch, GrpoStep *out) {
    if (trainer_plays(trainer, batch)) out->tokens_played += batch->forest.n_rows;
}

static void accumulate_group(Trainer *trainer, const GrpoGroup *group, int32_t index, GrpoLoss *loss) {
    GrpoStep *out = loss->out;
    int64_t naive = count_naive(group);
    if (naive == 0) return;
    Batch *batch = trainer_batch(trainer), *prompt = trainer_prefix_batch(trainer);
    int32_t root = batch_add_segment(prompt, -1, group->prompt, group->n_prompt);
    batch_set_address(prompt, root, (uint32_t)index, 0);
    if (group->places != NULL) batch_set_places(prompt, root, group->places);
    count_played(trainer, prompt, out);
    trainer_begin_prefix(trainer, prompt);
    for (int32_t first = 0, last; first < group->n_sequences; first = last) {
        last = fill(batch, group, index, first, loss->settings->max_rows);
        loss->sequences = group->sequences + first;
        loss->n_sequences = last - first;
        count_played(trainer, batch, out);
        trainer_accumulate(trainer, batch, loss->settings->temperature, loss->settings->want_entropy, grpo_loss, loss);
        out->tokens_computed += batch->forest.n_rows;
    }
    trainer_end_prefix(trainer, prompt);
    out->tokens_computed += group->n_prompt;
    out->tokens_naive += naive;
}

void grpo_accumulate(Trainer *trainer, const GrpoGroup *groups, int32_t n_groups, const GrpoSettings *settings, GrpoStep *out) {
    memset(out, 0, sizeof *out);
    int64_t n_sequences = 0;
    for (int32_t g = 0; g < n_groups; g++) n_sequences += groups[g].n_sequences;
    GrpoLoss loss = {.settings = settings, .per_sequence = n_sequences > 0 ? 1.0 / (double)n_sequences : 0, .out = out};
    for (int32_t g = 0; g < n_groups; g++) accumulate_group(trainer, &groups[g], g, &loss);
    out->loss = out->policy_loss + settings->beta * out->kl;
    out->clip_fraction = loss.n_tokens > 0 ? (double)loss.n_clipped / (double)loss.n_tokens : 0;
}
