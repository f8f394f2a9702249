// Forests and batches.
#include "op_test.h"

// A prompt of 3, two completions of 2 and 4, and another root of 1.
static Batch make_batch(void)
{
    static const int32_t ids[10] = {10, 11, 12, 20, 21, 30, 31, 32, 33, 40};
    Batch batch;
    batch_init(&batch);
    assert_int_equal(batch_add_segment(&batch, -1, ids, 3), 0);
    assert_int_equal(batch_add_segment(&batch, 0, ids + 3, 2), 1);
    assert_int_equal(batch_add_segment(&batch, 0, ids + 5, 4), 2);
    assert_int_equal(batch_add_segment(&batch, -1, ids + 9, 1), 3);
    return batch;
}

static void segments_follow_each_other(void **state)
{
    (void)state;
    Batch batch = make_batch();
    forest_check(&batch.forest);
    assert_int_equal(batch.forest.n_segments, 4);
    assert_int_equal(batch.forest.n_rows, 10);
    assert_int_equal(batch.forest.n_kv, 10);
    const Segment *s = &batch.forest.segments[2];
    assert_int_equal(s->parent, 0);
    assert_int_equal(s->position, 3);
    assert_int_equal(s->n_tokens, 4);
    assert_int_equal(s->n_new, 4);
    assert_int_equal(s->row, 5);
    assert_int_equal(s->kv_row, 5);
    assert_int_equal(batch.ids[8], 33);
    static const int32_t expected[10] = {0, 1, 2, 3, 4, 3, 4, 5, 6, 0};
    int32_t positions[10];
    forest_positions(&batch.forest, positions);
    assert_memory_equal(positions, expected, sizeof expected);
    assert_int_equal(forest_tokens_naive(&batch.forest), 5 + 7 + 1); // three leaves
    batch_free(&batch);
}

static void positions_of_cached_segments(void **state)
{
    (void)state;
    const Segment segments[] = {
        {.parent = -1, .position = 0, .n_tokens = 6, .n_new = 0, .row = 0, .kv_row = 0},
        {.parent = 0, .position = 6, .n_tokens = 5, .n_new = 2, .row = 0, .kv_row = 6},
        {.parent = 1, .position = 11, .n_tokens = 1, .n_new = 1, .row = 2, .kv_row = 20},
    };
    const Forest forest = {segments, 3, 3, 21};
    forest_check(&forest);
    int32_t positions[3];
    forest_positions(&forest, positions);
    assert_int_equal(positions[0], 9);
    assert_int_equal(positions[1], 10);
    assert_int_equal(positions[2], 11);
    assert_int_equal(forest_tokens_naive(&forest), 12);
    const Forest none = {NULL, 0, 0, 0};
    forest_check(&none);
    assert_int_equal(forest_tokens_naive(&none), 0);
}

static void rows_before(void **state)
{
    (void)state;
    Batch batch = make_batch();
    assert_int_equal(batch_row_before(&batch, 0, 0), -1);
    assert_int_equal(batch_row_before(&batch, 0, 1), 0);
    assert_int_equal(batch_row_before(&batch, 1, 0), 2); // the prompt's last token
    assert_int_equal(batch_row_before(&batch, 2, 0), 2);
    assert_int_equal(batch_row_before(&batch, 2, 1), 5);
    assert_int_equal(batch_row_before(&batch, 2, 4), 8); // after the segment's end
    assert_int_equal(batch_row_before(&batch, 3, 0), -1);
    batch_free(&batch);
}

static void predictions(void **state)
{
    (void)state;
    Batch batch = make_batch();
    assert_int_equal(batch_predict(&batch, 2, 0, 4), 0);
    assert_int_equal(batch_predict(&batch, 1, 0, 2), 4);
    assert_int_equal(batch_predict(&batch, 0, 1, 3), 6);
    assert_int_equal(batch_predict(&batch, 0, 2, 2), 8); // none
    static const int32_t rows[8] = {2, 5, 6, 7, 2, 3, 0, 1}, ids[8] = {30, 31, 32, 33, 20, 21, 11, 12};
    assert_int_equal(batch.n_predictions, 8);
    assert_memory_equal(batch.pred_row, rows, sizeof rows);
    assert_memory_equal(batch.pred_id, ids, sizeof ids);
    assert_int_equal(batch_predict_id(&batch, 2, 77), 8); // a token that no segment holds
    assert_int_equal(batch.pred_row[8], 8);
    assert_int_equal(batch.pred_id[8], 77);
    batch_clear(&batch);
    assert_int_equal(batch.n_predictions, 0);
    assert_int_equal(batch.forest.n_segments, 0);
    static const int32_t again[1] = {7};
    assert_int_equal(batch_add_segment(&batch, -1, again, 1), 0);
    assert_int_equal(batch.forest.segments[0].row, 0);
    assert_int_equal(batch.ids[0], 7);
    batch_free(&batch);
}

static void grows(void **state)
{
    (void)state;
    Batch batch;
    batch_init(&batch);
    for (int32_t i = 0; i < 1000; i++) { // one chain; every segment predicts its own token from its parent's last row
        int32_t ids[3] = {i, i + 1, i + 2};
        assert_int_equal(batch_add_segment(&batch, i - 1, ids, 1 + i % 3), i);
        batch_predict(&batch, i, i == 0, 1 + i % 3);
    }
    forest_check(&batch.forest);
    assert_int_equal(batch.forest.n_rows, 334 + 333 * 2 + 333 * 3);
    assert_int_equal(batch.n_predictions, batch.forest.n_rows - 1);
    for (int32_t p = 0; p < batch.n_predictions; p++) {
        assert_int_equal(batch.pred_row[p], p);
        assert_int_equal(batch.pred_id[p], batch.ids[p + 1]);
    }
    assert_int_equal(forest_tokens_naive(&batch.forest), batch.forest.n_rows);
    batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_follow_each_other),
        cmocka_unit_test(positions_of_cached_segments),
        cmocka_unit_test(rows_before),
        cmocka_unit_test(predictions),
        cmocka_unit_test(grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
