#include "engine/score.h"

#include <assert.h>

// The run of sequences that one batch holds: [first, last).
typedef struct ScoreBatch {
    Batch *batch;
    int32_t first, last;
} ScoreBatch;

bool score_same_prefix(const ScoreSequence *a, const ScoreSequence *b) {
    return a->prefix == b->prefix && a->n_prefix == b->n_prefix;
}

void score_batch_add(Batch *batch, const ScoreSequence *s, bool shared, int32_t *root) {
    assert(s->from >= (s->n_prefix > 0 ? 0 : 1) && s->from <= s->to && s->to <= s->n_ids);
    if (!shared) *root = s->n_prefix > 0 ? batch_add_segment(batch, -1, s->prefix, s->n_prefix) : -1;
    if (s->from == s->to) return;
    // what follows the last wanted token need not be computed, nor the last token itself
    int32_t n_fed = s->to - 1;
    if (n_fed == 0) { // the prefix alone predicts it
        assert(*root >= 0);
        batch_predict_id(batch, *root, s->ids[0]);
        return;
    }
    int32_t segment = batch_add_segment(batch, *root, s->ids, n_fed);
    batch_predict(batch, segment, s->from, n_fed);
    batch_predict_id(batch, segment, s->ids[n_fed]);
}

// Adds sequences from `first` until max_rows; at least one.
static void fill(ScoreBatch *sb, const ScoreSequence *sequences, int32_t first, int32_t n, int32_t max_rows) {
    batch_clear(sb->batch);
    int32_t root = -1;
    sb->first = first;
    for (sb->last = first; sb->last < n; sb->last++) {
        const ScoreSequence *s = &sequences[sb->last];
        bool shared = sb->last > first && score_same_prefix(s, s - 1);
        int32_t cost = s->n_ids + (shared ? 0 : s->n_prefix);
        if (sb->last > first && sb->batch->forest.n_rows + cost > max_rows) break;
        score_batch_add(sb->batch, s, shared, &root);
    }
}

bool score_check_lengths(const Model *model, const ScoreSequence *sequences, int32_t n, Error *error) {
    int32_t limit = model_config(model)->max_positions;
    for (int32_t i = 0; i < n; i++) {
        if ((int64_t)sequences[i].n_prefix + sequences[i].n_ids > limit) {
            return error_set(error, "sequence %d: %lld tokens, the model has %d positions", i,
                             (long long)sequences[i].n_prefix + sequences[i].n_ids, limit);
        }
    }
    return true;
}

bool score_sequences(Model *model, Pass *pass, const ScoreSequence *sequences, int32_t n, float temperature, int32_t max_rows,
                     ScoreCounts *counts, Error *error) {
    if (!score_check_lengths(model, sequences, n, error)) return false;
    ScoreBatch sb = {.batch = pass_batch(pass)};
    for (int32_t first = 0; first < n; first = sb.last) {
        fill(&sb, sequences, first, n, max_rows);
        const Batch *batch = sb.batch;
        if (batch->n_predictions == 0) continue;
        float *logp = pass_logp(pass, batch->n_predictions);
        model_logprobs(model, pass, batch, temperature, logp, NULL);
        int32_t p = 0;
        for (int32_t i = sb.first; i < sb.last; i++) {
            for (int32_t t = sequences[i].from; t < sequences[i].to; t++) sequences[i].logp[t - sequences[i].from] = logp[p++];
        }
        assert(p == batch->n_predictions);
        if (counts != NULL) {
            counts->tokens_computed += batch->forest.n_rows;
            counts->tokens_naive += forest_tokens_naive(&batch->forest);
        }
    }
    return true;
}
