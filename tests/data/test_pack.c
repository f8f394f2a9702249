// Feeds and packing. Reference: rng_permutation itself for orders, batches written out by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include "base/philox.h"
#include "data/pack.h"

enum { N = 17 };

static void epochs_follow_their_permutations(void **state) {
    (void)state;
    Feed feed;
    feed_init(&feed, N, 5, 2, true, (FeedPosition){0, 0});
    int differs = 0;
    int32_t first[N], order[N];
    rng_permutation(5, 0, 2, first, N);
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        rng_permutation(5, epoch, 2, order, N);
        for (int32_t i = 0; i < N; i++) {
            assert_int_equal(feed_next(&feed), order[i]);
            differs += order[i] != first[i];
        }
    }
    assert_true(differs > 0);
    feed_free(&feed);
}

static void a_position_resumes_anywhere(void **state) {
    (void)state;
    int32_t whole[3 * N];
    Feed feed;
    feed_init(&feed, N, 9, 0, true, (FeedPosition){0, 0});
    feed_take(&feed, 3 * N, whole);
    feed_free(&feed);
    for (int32_t stop = 0; stop < 2 * N + 5; stop++) {
        int32_t part[3 * N];
        feed_init(&feed, N, 9, 0, true, (FeedPosition){0, 0});
        feed_take(&feed, stop, part);
        FeedPosition at = feed.at;
        feed_free(&feed);
        feed_init(&feed, N, 9, 0, true, at);
        feed_take(&feed, 3 * N - stop, part + stop);
        feed_free(&feed);
        assert_memory_equal(part, whole, sizeof whole);
    }
}

static void takes_end_with_the_epoch(void **state) {
    (void)state;
    Feed feed;
    feed_init(&feed, N, 1, 0, false, (FeedPosition){0, 0});
    int32_t out[N], taken, total = 0;
    const int32_t sizes[] = {7, 7, 3, 7};
    for (int i = 0; i < 4; i++) {
        taken = feed_take_in_epoch(&feed, 7, out);
        assert_int_equal(taken, sizes[i]);
        for (int32_t k = 0; k < taken; k++) assert_int_equal(out[k], (total + k) % N);
        total += taken;
    }
    assert_int_equal(feed.at.epoch, 1);
    feed_free(&feed);
}

static void takes_keep_to_a_token_budget(void **state) {
    (void)state;
    const Example examples[] = {{NULL, 4, 1}, {NULL, 6, 1}, {NULL, 1, 1}, {NULL, 30, 1}, {NULL, 2, 1}};
    Feed feed;
    feed_init(&feed, 5, 1, 0, false, (FeedPosition){0, 0});
    int32_t out[5];
    assert_int_equal(feed_take_tokens(&feed, examples, 10, 5, out), 2); // 4 + 6 fill it exactly
    assert_int_equal(feed_take_tokens(&feed, examples, 10, 5, out), 1);
    assert_int_equal(feed_take_tokens(&feed, examples, 10, 5, out), 1); // 30: alone, though too long
    assert_int_equal(out[0], 3);
    assert_int_equal(feed_take_tokens(&feed, examples, 10, 5, out), 1); // the epoch's end
    assert_int_equal(feed_take_tokens(&feed, examples, 100, 2, out), 2);
    assert_int_equal(out[0], 0);
    feed_free(&feed);
}

static void packed_examples_are_roots_with_their_predictions(void **state) {
    (void)state;
    const int32_t a[] = {10, 11, 12, 13}, b[] = {20, 21}, c[] = {30, 31, 32};
    const Example examples[] = {{a, 4, 2}, {b, 2, 1}, {c, 3, 1}};
    const int32_t order[] = {1, 0, 2};
    Batch batch;
    batch_init(&batch);
    assert_int_equal(pack_examples(&batch, examples, order, 3, 4), 2); // rows: 1 + 3; c's 2 more don't fit
    forest_check(&batch.forest);
    assert_int_equal(batch.forest.n_segments, 2);
    assert_int_equal(batch.forest.n_rows, 4);
    const int32_t ids[] = {20, 10, 11, 12}, rows[] = {0, 2, 3}, predicted[] = {21, 12, 13};
    assert_memory_equal(batch.ids, ids, sizeof ids);
    assert_int_equal(batch.n_predictions, 3);
    assert_memory_equal(batch.pred_row, rows, sizeof rows);
    assert_memory_equal(batch.pred_id, predicted, sizeof predicted);
    assert_int_equal(batch.segments[1].parent, -1);
    assert_int_equal(pack_examples(&batch, examples, order + 2, 1, 1), 1); // too long, but the first
    assert_int_equal(batch.forest.n_rows, 2);
    assert_int_equal(batch.pred_id[1], 32);
    batch_free(&batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_follow_their_permutations),
        cmocka_unit_test(a_position_resumes_anywhere),
        cmocka_unit_test(takes_end_with_the_epoch),
        cmocka_unit_test(takes_keep_to_a_token_budget),
        cmocka_unit_test(packed_examples_are_roots_with_their_predictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
