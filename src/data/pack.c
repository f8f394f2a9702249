#include "data/pack.h"

#include <assert.h>

#include "base/philox.h"

static void feed_order(Feed *feed) {
    if (feed->shuffle) {
        rng_permutation(feed->seed, feed->at.epoch, feed->stream, feed->order, feed->n);
    } else {
        for (int32_t i = 0; i < feed->n; i++) feed->order[i] = i;
    }
}

void feed_init(Feed *feed, int32_t n, uint64_t seed, uint32_t stream, bool shuffle, FeedPosition at) {
    assert(n >= 1 && at.index >= 0 && at.index <= n);
    *feed = (Feed){.seed = seed, .stream = stream, .shuffle = shuffle, .n = n, .at = at, .order = NULL};
    feed->order = mem_alloc((size_t)n, sizeof *feed->order);
    feed_order(feed);
}

void feed_free(Feed *feed) {
    mem_free(feed->order);
    feed->order = NULL;
}

static void feed_turn(Feed *feed) { // into the next epoch, if this one is used up
    if (feed->at.index < feed->n) return;
    assert(feed->at.epoch < UINT32_MAX);
    feed->at = (FeedPosition){feed->at.epoch + 1, 0};
    feed_order(feed);
}

int32_t feed_next(Feed *feed) {
    feed_turn(feed);
    return feed->order[feed->at.index++];
}

void feed_take(Feed *feed, int32_t count, int32_t *out) {
    for (int32_t i = 0; i < count; i++) out[i] = feed_next(feed);
}

int32_t feed_take_in_epoch(Feed *feed, int32_t count, int32_t *out) {
    assert(count >= 1);
    feed_turn(feed);
    int32_t left = feed->n - feed->at.index, taken = count < left ? count : left;
    feed_take(feed, taken, out);
    return taken;
}

int32_t feed_take_tokens(Feed *feed, const Example *examples, int64_t token_budget, int32_t max_items, int32_t *out) {
    assert(max_items >= 1);
    feed_turn(feed);
    int64_t tokens = 0;
    int32_t taken = 0;
    while (taken < max_items && feed->at.index < feed->n) {
        tokens += examples[feed->order[feed->at.index]].n;
        if (taken > 0 && tokens > token_budget) break;
        out[taken++] = feed_next(feed);
    }
    return taken;
}

int32_t pack_examples(Batch *batch, const Example *examples, const int32_t *order, int32_t n, int32_t max_rows) {
    batch_clear(batch);
    int32_t packed = 0;
    for (; packed < n; packed++) {
        const Example *e = &examples[order[packed]];
        assert(e->from >= 1 && e->n > e->from);
        if (packed > 0 && e->n - 1 > max_rows - batch->forest.n_rows) break;
        int32_t segment = batch_add_segment(batch, -1, e->ids, e->n - 1);
        batch_predict(batch, segment, e->from, e->n - 1);
        batch_predict_id(batch, segment, e->ids[e->n - 1]);
    }
    return packed;
}
