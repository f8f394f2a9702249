// A batch is a forest of token segments.
//
// A segment is a run of consecutive tokens with a parent (or none). A token attends to every token of its segment's
// ancestors and, causally, to its own segment. So one shape serves a packed batch (many roots), a group of completions of
// one prompt (one root, many leaves), a shared system prompt (a root above roots) and a growing cache (a leaf that gets
// longer). Padding does not exist.
//
// Two index spaces:
//   rows     0 .. n_rows-1: the tokens that this pass computes, the rows of every activation matrix;
//   KV rows  0 .. n_kv-1:   the rows of the K and V matrices, which may also hold tokens of earlier passes.
// The last n_new tokens of a segment are computed by this pass: rows row .. row+n_new-1; its n_tokens tokens live in KV
// rows kv_row .. kv_row+n_tokens-1. In training nothing is cached: n_new == n_tokens and kv_row == row.
//
// Invariants (forest_check): parent < own index; rows of segments are disjoint, in order and cover 0..n_rows-1;
// position == the parent's position + the parent's n_tokens (0 for a root); 0 <= n_new <= n_tokens, n_tokens >= 1.
//
// Host memory, owned by whoever built it; a backend copies what it needs during a call.
#ifndef RLT_COMPUTE_FOREST_H
#define RLT_COMPUTE_FOREST_H

#include <stdbool.h>
#include <stdint.h>
#include "base/mem.h"

typedef struct Segment {
    int32_t parent;   // index of the parent segment, -1 for a root
    int32_t position; // position in its sequence of its first token
    int32_t n_tokens; // tokens it holds, cached ones included
    int32_t n_new;    // of these, the last n_new are rows of this pass
    int32_t row;      // first row of this pass
    int32_t kv_row;   // first KV row
} Segment;

typedef struct Forest {
    const Segment *segments;
    int32_t n_segments;
    int32_t n_rows; // sum of n_new
    int32_t n_kv;   // rows of the K and V matrices
} Forest;

// Asserts the invariants above.
void forest_check(const Forest *forest);

// A batch under construction: a forest whose tokens are all new, their ids, and the predictions asked of it.
// A prediction is (row, id): the log-probability of `id` as the token after that row. One row may predict many ids (the
// last token of a prompt predicts the first of each completion).
typedef struct Batch {
    Forest forest;      // points into `segments`
    Segment *segments;
    int32_t cap_segments;
    int32_t *ids;       // [n_rows]
    int32_t cap_rows;
    int32_t n_predictions, cap_predictions;
    int32_t *pred_row;  // [n_predictions]
    int32_t *pred_id;   // [n_predictions]
    struct BatchAddress *addresses; // [n_segments] of the segments' random draws
    int32_t n_prefix;   // tokens of segment 0 that are computed already and have no rows here; 0: there are none
    int32_t *places;    // [n_rows] on a tape (model.h), where a segment has them
    int32_t n_recorded; // rows that have
} Batch;

// In pred_row: the last token of the prefix.
#define BATCH_PREFIX_ROW (-2)

// Where the draws of a segment's tokens (dropout) are found, beside their positions: of which question in the step, of
// which sample (0: what its samples share). A token that is computed in two batches has the same draws in both.
typedef struct BatchAddress {
    uint32_t question, sample;
} BatchAddress;

void batch_init(Batch *batch);
void batch_free(Batch *batch);
void batch_clear(Batch *batch);
// Room for so many segments, rows and predictions: batches up to it allocate nothing.
void batch_reserve(Batch *batch, int32_t n_segments, int32_t n_rows, int32_t n_predictions);
// Clears it, for tokens that go on from n computed ones (model.h, Prefix): segment 0. Of these only the last predicts.
void batch_clear_after(Batch *batch, int32_t n_prefix);
// Appends a segment of n >= 1 tokens under `parent` (-1: a root); returns its index.
int32_t batch_add_segment(Batch *batch, int32_t parent, const int32_t *ids, int32_t n);
// The address of a segment's draws; {0, 0} unless set.
void batch_set_address(Batch *batch, int32_t segment, uint32_t question, uint32_t sample);
// Where the activations of a segment's tokens are on a tape: places[its n_tokens], any of them -1: nowhere.
void batch_set_places(Batch *batch, int32_t segment, const int32_t *places);
// Row of the token before position `offset` of a segment (offset 0: the parent's last row). -1 at a root's start,
// BATCH_PREFIX_ROW where that is the last token of the prefix.
int32_t batch_row_before(const Batch *batch, int32_t segment, int32_t offset);
// Asks for the log-prob of the segment's own tokens [from, to): adds to-from predictions in order (a root's token 0 can't
// be predicted: from >= 1 there). Returns the index of the first prediction added.
int32_t batch_predict(Batch *batch, int32_t segment, int32_t from, int32_t to);
// Asks for the log-prob of one id after a segment's last token (a token that itself need not be computed). As batch_predict.
int32_t batch_predict_id(Batch *batch, int32_t segment, int32_t id);
// positions[n_rows]: position of each row in its sequence.
void forest_positions(const Forest *forest, int32_t *positions);
// Tokens that one sequence at a time would have computed: sum over leaves of their path length.
int64_t forest_tokens_naive(const Forest *forest);

#endif
