#include "engine/score_kl.h"

#include <assert.h>

static int32_t cost(const ScoreSequence *s, bool shared) {
    return s->n_ids + (shared ? 0 : s->n_prefix);
}

// Adds sequences first .. to both batches until max_rows; at least one. The end of the run that was added.
static int32_t fill(Batch *batches, const KlSide *const *sides, int32_t first, int32_t n, int32_t max_rows) {
    int32_t roots[2] = {-1, -1}, last = first;
    for (; last < n; last++) {
        bool shared[2];
        int32_t rows = 0;
        for (int i = 0; i < 2; i++) {
            const ScoreSequence *s = &sides[i]->sequences[last];
            shared[i] = last > first && score_same_prefix(s, s - 1);
            rows += batches[i].forest.n_rows + cost(s, shared[i]);
        }
        if (last > first && rows > max_rows) break;
        for (int i = 0; i < 2; i++)
            score_batch_add(&batches[i], &sides[i]->sequences[last], shared[i], &roots[i]);
    }
    return last;
}

static bool check(const KlSide *p, const KlSide *q, int32_t n, Error *error) {
    int32_t of_p = model_config(p->model)->vocabulary, of_q = model_config(q->model)->vocabulary;
    if (of_p != of_q) {
        return error_set(error, "an exact divergence needs one vocabulary: the teacher's has %d ids, the student's %d",
                         of_p, of_q);
    }
    if (!score_check_lengths(p->model, p->sequences, n, error)) return error_prefix(error, "teacher");
    return score_check_lengths(q->model, q->sequences, n, error) || error_prefix(error, "student");
}

bool score_kl(const KlSide *p, const KlSide *q, int32_t n, float temperature, int32_t max_rows, ScoreCounts *counts,
              Error *error) {
    if (!check(p, q, n, error)) return false;
    const KlSide *sides[2] = {p, q};
    Batch batches[2];
    float *kl = NULL;
    batch_init(&batches[0]), batch_init(&batches[1]);
    for (int32_t first = 0, last; first < n; first = last) {
        batch_clear(&batches[0]), batch_clear(&batches[1]);
        last = fill(batches, sides, first, n, max_rows);
        assert(batches[0].n_predictions == batches[1].n_predictions);
        if (batches[0].n_predictions == 0) continue;
        kl = mem_realloc(kl, (size_t)batches[0].n_predictions, sizeof *kl);
        model_kl(p->model, p->pass, &batches[0], q->model, q->pass, &batches[1], temperature, kl);
        int32_t at = 0;
        for (int32_t i = first; i < last; i++) {
            const ScoreSequence *s = &p->sequences[i];
            for (int32_t t = s->from; t < s->to; t++)
                s->logp[t - s->from] = kl[at++];
        }
        for (int i = 0; i < 2; i++) {
            counts->tokens_computed += batches[i].forest.n_rows;
            counts->tokens_naive += forest_tokens_naive(&batches[i].forest);
        }
    }
    mem_free(kl);
    batch_free(&batches[0]), batch_free(&batches[1]);
    return true;
}
