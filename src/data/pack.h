// From examples to steps: an endless order of items that can be taken up anywhere, and packing token runs into batches.
//
// Ids only. A feed's order in epoch e is rng_permutation(seed, e, stream), so its whole state is a position: a resumed
// run sees the same items, and no draw depends on how items were taken before.
#ifndef RLT_DATA_PACK_H
#define RLT_DATA_PACK_H

#include "base/error.h"
#include "compute/forest.h"

// Tokens to train on: loss on ids[from .. n). from >= 1, n > from. Borrowed.
typedef struct Example {
    const int32_t *ids;
    int32_t n, from;
} Example;

typedef struct FeedPosition {
    uint32_t epoch; // from 0
    int32_t index;  // items of that epoch already taken, 0 .. n
} FeedPosition;

typedef struct Feed {
    uint64_t seed;
    uint32_t stream; // tells feeds of one seed apart
    bool shuffle;    // false: 0, 1, 2, ... in every epoch
    int32_t n;       // items, >= 1
    FeedPosition at; // of the next item
    int32_t *order;  // [n]: of epoch at.epoch
} Feed;

// `at.index` <= n; {0, 0} begins.
void feed_init(Feed *feed, int32_t n, uint64_t seed, uint32_t stream, bool shuffle, FeedPosition at);
void feed_free(Feed *feed);
// The next item, going on into the next epoch after the last.
int32_t feed_next(Feed *feed);
// Takes `count` items into out[count], across the ends of epochs.
void feed_take(Feed *feed, int32_t count, int32_t *out);
// Takes up to `count` items of the current epoch; the last ones of an epoch may be fewer, and at least one is taken.
// Returns how many.
int32_t feed_take_in_epoch(Feed *feed, int32_t count, int32_t *out);
// Takes items of the current epoch while their lengths fit into `token_budget` (at least one, whatever its length; at
// most max_items). Returns how many.
int32_t feed_take_tokens(Feed *feed, const Example *examples, int64_t token_budget, int32_t max_items, int32_t *out);

// Packs examples[order[0..)] as roots into `batch`, which is cleared first, in the given order and as long as the next
// fits into max_rows rows (the first always goes in). Adds the predictions of ids[from .. n) of each, in order; the
// last token of an example predicts nothing and is no row. Returns how many of the n were packed.
int32_t pack_examples(Batch *batch, const Example *examples, const int32_t *order, int32_t n, int32_t max_rows);

#endif
