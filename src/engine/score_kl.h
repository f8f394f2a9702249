// The exact divergence between two models after each of given tokens' predecessors, in batches of a bounded size.
#ifndef RLT_ENGINE_SCORE_KL_H
#define RLT_ENGINE_SCORE_KL_H

#include "engine/score.h"

// One of the two models with its own view of every sequence: another prefix, the same ids, from and to.
typedef struct KlSide {
    Model *model;
    Pass *pass;                     // each side has its own
    const ScoreSequence *sequences; // [n]
} KlSide;

// p's sequences[i].logp[t - from] receives sum over v of p_v (log p_v - log q_v) of the distributions that predict
// ids[t]. Both models are of one backend. Vocabularies of two sizes, or a sequence longer than a model's positions, is
// an error. max_rows: tokens a batch, of both sides together (one sequence alone may exceed it). counts are added to.
MUST_CHECK bool score_kl(const KlSide *p, const KlSide *q, int32_t n, float temperature, int32_t max_rows,
                         ScoreCounts *counts, Error *error);

#endif
