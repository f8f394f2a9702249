// Log-probs of given tokens under a model, in batches of a bounded size.
#ifndef RLT_ENGINE_SCORE_H
#define RLT_ENGINE_SCORE_H

#include "model/model.h"

// A sequence = prefix + ids; consecutive sequences with the same prefix (same pointer and length) share its computation.
// logp[i - from] receives the log-prob of ids[i] for from <= i < to. A sequence without a prefix has from >= 1.
typedef struct ScoreSequence {
    const int32_t *prefix;
    int32_t n_prefix;
    const int32_t *ids;
    int32_t n_ids;
    int32_t from, to;
    float *logp;
} ScoreSequence;

typedef struct ScoreCounts {
    int64_t tokens_computed, tokens_naive;
} ScoreCounts;

// Adds a sequence and its predictions to a batch, below segment `root` that holds its prefix (-1: it has none).
void score_batch_add_below(Batch *batch, const ScoreSequence *sequence, int32_t root);
// The same with its prefix. shared: its prefix is the segment *root, else it becomes that.
void score_batch_add(Batch *batch, const ScoreSequence *sequence, bool shared, int32_t *root);
// Whether the two may share their prefix.
bool score_same_prefix(const ScoreSequence *a, const ScoreSequence *b);
// That no sequence is longer than the model's positions; the message names the sequence.
MUST_CHECK bool score_check_lengths(const Model *model, const ScoreSequence *sequences, int32_t n, Error *error);

// max_rows: tokens a batch (one sequence alone may exceed it), and what shares a prefix then shares it across batches too: it
// changes neither bits nor counts. counts may be NULL; it is added to. Longer than the model's
// positions is an error naming the sequence.
MUST_CHECK bool score_sequences(Model *model, Pass *pass, const ScoreSequence *sequences, int32_t n, float temperature,
                                int32_t max_rows, ScoreCounts *counts, Error *error);

#endif
