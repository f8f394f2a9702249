#include "engine/score.h"

#include <assert.h>

typedef struct Scoring {
    Model *model;
    Pass *pass;
    const ScoreSequence *sequences;
    int32_t n;
    float temperature;
    int32_t max_rows;
    ScoreCounts counts;
    Batch *batch; // the pass's
} Scoring;

static bool wanted(const ScoreSequence *s) { return s->from < s->to; }
// What follows the last wanted token need not be computed, nor the last token itself.
static int32_t fed(const ScoreSequence *s) { return wanted(s) ? s->to - 1 : 0; }

bool score_same_prefix(const ScoreSequence *a, const ScoreSequence *b) {
    return a->prefix == b->prefix && a->n_prefix == b->n_prefix;
}

void score_batch_add_below(Batch *batch, const ScoreSequence *s, int32_t root) {
    assert(s->from >= (s->n_prefix > 0 ? 0 : 1) && s->from <= s->to && s->to <= s->n_ids);
    if (!wanted(s)) return;
    if (fed(s) == 0) { // the prefix alone predicts it
        assert(root >= 0);
        batch_predict_id(batch, root, s->ids[0]);
        return;
    }
    int32_t segment = batch_add_segment(batch, root, s->ids, fed(s));
    batch_predict(batch, segment, s->from, fed(s));
    batch_predict_id(batch, segment, s->ids[fed(s)]);
}

void score_batch_add(Batch *batch, const ScoreSequence *s, bool shared, int32_t *root) {
    if (!shared) *root = s->n_prefix > 0 ? batch_add_segment(batch, -1, s->prefix, s->n_prefix) : -1;
    score_batch_add_below(batch, s, *root);
}

// Sequences `first` .. end - 1 share a prefix; a sequence without one is alone. `cost`: tokens to compute, none if none wanted.
static int32_t group_end(const Scoring *sc, int32_t first, int64_t *cost) {
    const ScoreSequence *s = sc->sequences;
    int32_t end = first;
    bool any = false;
    *cost = 0;
    do {
        any |= wanted(&s[end]);
        *cost += fed(&s[end++]);
    } while (end < sc->n && s[first].n_prefix > 0 && score_same_prefix(&s[end], &s[first]));
    if (any) *cost += s[first].n_prefix;
    return end;
}

static void add_sequence(Scoring *sc, const ScoreSequence *s, int32_t root) {
    if (wanted(s)) sc->counts.tokens_naive += s->n_prefix + fed(s);
    score_batch_add_below(sc->batch, s, root);
}

// Computes the batch and hands out the log-probs of sequences first .. last - 1.
static void run_batch(Scoring *sc, Prefix *prefix, int32_t first, int32_t last) {
    const Batch *batch = sc->batch;
    float *logp = pass_logp(sc->pass, batch->n_predictions);
    model_logprobs_after(sc->model, sc->pass, prefix, batch, sc->temperature, logp, NULL);
    int32_t p = 0;
    for (int32_t i = first; i < last; i++) {
        const ScoreSequence *s = &sc->sequences[i];
        for (int32_t t = s->from; t < s->to; t++) s->logp[t - s->from] = logp[p++];
    }
    assert(p == batch->n_predictions);
    sc->counts.tokens_computed += batch->forest.n_rows;
}

// As many whole groups from `first` as fit; at least one. Returns where they end.
static int32_t score_groups(Scoring *sc, int32_t first) {
    int32_t last = first;
    batch_clear(sc->batch);
    while (last < sc->n) {
        int64_t cost;
        int32_t end = group_end(sc, last, &cost);
        if (last > first && sc->batch->forest.n_rows + cost > sc->max_rows) break;
        const ScoreSequence *s = &sc->sequences[last];
        int32_t root = s->n_prefix > 0 && cost > 0 ? batch_add_segment(sc->batch, -1, s->prefix, s->n_prefix) : -1;
        for (; last < end; last++) add_sequence(sc, &sc->sequences[last], root);
    }
    run_batch(sc, NULL, first, last);
    return last;
}

// A group that does not fit: its prefix first, then the sequences in as many batches as it takes.
static void score_large_group(Scoring *sc, int32_t first, int32_t end) {
    const ScoreSequence *s = sc->sequences;
    Prefix *prefix = pass_prefix(sc->model, sc->pass);
    Batch *root = pass_batch(prefix_pass(prefix));
    batch_add_segment(root, -1, s[first].prefix, s[first].n_prefix);
    prefix_forward(sc->model, prefix, root);
    sc->counts.tokens_computed += s[first].n_prefix;
    for (int32_t last = first; first < end; first = last) {
        batch_clear_after(sc->batch, s[first].n_prefix);
        while (last < end && (last == first || sc->batch->forest.n_rows + fed(&s[last]) <= sc->max_rows)) {
            add_sequence(sc, &s[last++], 0);
        }
        run_batch(sc, prefix, first, last);
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
    Scoring sc = {.model = model, .pass = pass, .sequences = sequences, .n = n, .temperature = temperature, .max_rows = max_rows,
                  .batch = pass_batch(pass)};
    for (int32_t first = 0; first < n;) {
        int64_t cost;
        int32_t end = group_end(&sc, first, &cost);
        if (cost > max_rows && end - first > 1) {
            score_large_group(&sc, first, end);
            first = end;
        } else {
            first = score_groups(&sc, first);
        }
    }
    if (counts != NULL) {
        counts->tokens_computed += sc.counts.tokens_computed;
        counts->tokens_naive += sc.counts.tokens_naive;
    }
    return true;
}
