#include "compute/forest.h"

#include <assert.h>
#include <string.h>

// Position of the token after a segment.
static inline int32_t end_of(const Segment *s)
{
    return s->position + s->n_tokens;
}

void forest_check(const Forest *forest)
{
    assert(forest->n_segments >= 0 && forest->n_rows >= 0 && forest->n_kv >= 0);
    int32_t next_row = 0;
    for (int32_t i = 0; i < forest->n_segments; i++) {
        const Segment *s = &forest->segments[i];
        assert(s->parent >= -1 && s->parent < i);
        assert(s->n_tokens >= 1 && s->n_new >= 0 && s->n_new <= s->n_tokens);
        assert(s->position == (s->parent < 0 ? 0 : end_of(&forest->segments[s->parent])));
        assert(s->position <= INT32_MAX - s->n_tokens);
        assert(s->row == next_row && s->n_new <= forest->n_rows - next_row);
        assert(s->kv_row >= 0 && s->n_tokens <= forest->n_kv && s->kv_row <= forest->n_kv - s->n_tokens);
        next_row += s->n_new;
    }
    assert(next_row == forest->n_rows);
}

void forest_positions(const Forest *forest, int32_t *positions)
{
    for (int32_t i = 0; i < forest->n_segments; i++) {
        const Segment *s = &forest->segments[i];
        for (int32_t t = 0; t < s->n_new; t++)
            positions[s->row + t] = end_of(s) - s->n_new + t;
    }
}

static bool has_child(const Forest *forest, int32_t segment)
{
    for (int32_t i = segment + 1; i < forest->n_segments; i++) // children come after their parents, mostly at once
        if (forest->segments[i].parent == segment)
            return true;
    return false;
}

int64_t forest_tokens_naive(const Forest *forest)
{
    int64_t total = 0;
    for (int32_t i = 0; i < forest->n_segments; i++)
        if (!has_child(forest, i))
            total += end_of(&forest->segments[i]);
    return total;
}

void batch_init(Batch *batch)
{
    memset(batch, 0, sizeof *batch);
}

void batch_free(Batch *batch)
{
    mem_free(batch->segments);
    mem_free(batch->ids);
    mem_free(batch->pred_row);
    mem_free(batch->pred_id);
    mem_free(batch->addresses);
    mem_free(batch->places);
    memset(batch, 0, sizeof *batch);
}

void batch_clear(Batch *batch)
{
    batch->forest.n_segments = batch->forest.n_rows = batch->forest.n_kv = 0;
    batch->n_predictions = batch->n_prefix = batch->n_recorded = 0;
}

// Capacity that holds `used` + `extra` elements, at least doubling when it has to grow.
static int32_t grown(int32_t cap, int32_t used, int32_t extra)
{
    assert(extra >= 0 && used <= INT32_MAX - extra);
    int32_t need = used + extra;
    if (need <= cap)
        return cap;
    int32_t twice = cap <= INT32_MAX / 2 ? cap * 2 : INT32_MAX;
    return need > twice ? need : twice;
}

// [cap] elements of `size` bytes -> [wanted], the new ones 0 and in memory.
static void *grow(void *block, int32_t cap, int32_t wanted, size_t size)
{
    block = mem_realloc(block, (size_t)wanted, size);
    memset((char *)block + (size_t)cap * size, 0, (size_t)(wanted - cap) * size);
    return block;
}

static void reserve_segments(Batch *batch, int32_t cap)
{
    if (cap <= batch->cap_segments)
        return;
    batch->segments = grow(batch->segments, batch->cap_segments, cap, sizeof *batch->segments);
    batch->addresses = grow(batch->addresses, batch->cap_segments, cap, sizeof *batch->addresses);
    batch->cap_segments = cap;
    batch->forest.segments = batch->segments;
}

static void reserve_rows(Batch *batch, int32_t cap)
{
    if (cap <= batch->cap_rows)
        return;
    batch->ids = grow(batch->ids, batch->cap_rows, cap, sizeof *batch->ids);
    batch->places = grow(batch->places, batch->cap_rows, cap, sizeof *batch->places);
    batch->cap_rows = cap;
}

static void reserve_predictions(Batch *batch, int32_t cap)
{
    if (cap <= batch->cap_predictions)
        return;
    batch->pred_row = grow(batch->pred_row, batch->cap_predictions, cap, sizeof *batch->pred_row);
    batch->pred_id = grow(batch->pred_id, batch->cap_predictions, cap, sizeof *batch->pred_id);
    batch->cap_predictions = cap;
}

void batch_reserve(Batch *batch, int32_t n_segments, int32_t n_rows, int32_t n_predictions)
{
    reserve_segments(batch, n_segments);
    reserve_rows(batch, n_rows);
    reserve_predictions(batch, n_predictions);
}

void batch_clear_after(Batch *batch, int32_t n_prefix)
{
    assert(n_prefix >= 1);
    batch_clear(batch);
    reserve_segments(batch, grown(batch->cap_segments, 0, 1));
    batch->segments[0] = (Segment){.parent = -1, .n_tokens = n_prefix};
    batch->addresses[0] = (BatchAddress){0};
    batch->n_prefix = n_prefix;
    batch->forest = (Forest){.segments = batch->segments, .n_segments = 1, .n_kv = n_prefix};
}

int32_t batch_add_segment(Batch *batch, int32_t parent, const int32_t *ids, int32_t n)
{
    Forest *forest = &batch->forest;
    assert(n >= 1 && parent >= -1 && parent < forest->n_segments);
    reserve_segments(batch, grown(batch->cap_segments, forest->n_segments, 1));
    reserve_rows(batch, grown(batch->cap_rows, forest->n_rows, n));
    int32_t position = parent < 0 ? 0 : end_of(&batch->segments[parent]), index = forest->n_segments++;
    assert(position <= INT32_MAX - n);
    batch->segments[index] = (Segment){
        .parent = parent, .position = position, .n_tokens = n, .n_new = n, .row = forest->n_rows,
        .kv_row = batch->n_prefix + forest->n_rows,
    };
    batch->addresses[index] = (BatchAddress){0};
    memcpy(batch->ids + forest->n_rows, ids, (size_t)n * sizeof *ids);
    forest->n_rows += n;
    forest->n_kv = batch->n_prefix + forest->n_rows;
    forest->segments = batch->segments;
    return index;
}

void batch_set_address(Batch *batch, int32_t segment, uint32_t question, uint32_t sample)
{
    assert(segment >= 0 && segment < batch->forest.n_segments);
    batch->addresses[segment] = (BatchAddress){question, sample};
}

void batch_set_places(Batch *batch, int32_t segment, const int32_t *places)
{
    assert(segment >= 0 && segment < batch->forest.n_segments);
    const Segment *s = &batch->segments[segment];
    for (int32_t t = 0; t < s->n_new; t++) {
        if (places[t] < 0)
            return;
        batch->places[s->row + t] = places[t];
    }
    batch->n_recorded += s->n_new;
}

int32_t batch_row_before(const Batch *batch, int32_t segment, int32_t offset)
{
    assert(segment >= 0 && segment < batch->forest.n_segments);
    const Segment *s = &batch->segments[segment];
    assert(offset >= 0 && offset <= s->n_tokens);
    if (offset == 0 && s->parent < 0)
        return -1;
    if (offset == 0)
        return batch_row_before(batch, s->parent, batch->segments[s->parent].n_tokens);
    if (segment > 0 || batch->n_prefix == 0)
        return s->row + offset - 1;
    assert(offset == s->n_tokens);
    return BATCH_PREFIX_ROW;
}

int32_t batch_predict(Batch *batch, int32_t segment, int32_t from, int32_t to)
{
    assert(segment >= 0 && segment < batch->forest.n_segments);
    const Segment *s = &batch->segments[segment];
    assert(from >= (s->parent < 0 ? 1 : 0) && from <= to && to <= s->n_tokens);
    reserve_predictions(batch, grown(batch->cap_predictions, batch->n_predictions, to - from));
    int32_t first = batch->n_predictions;
    for (int32_t i = from; i < to; i++) {
        batch->pred_row[batch->n_predictions] = batch_row_before(batch, segment, i);
        batch->pred_id[batch->n_predictions] = batch->ids[s->row + i];
        batch->n_predictions++;
    }
    return first;
}

int32_t batch_predict_id(Batch *batch, int32_t segment, int32_t id)
{
    assert(segment >= 0 && segment < batch->forest.n_segments);
    reserve_predictions(batch, grown(batch->cap_predictions, batch->n_predictions, 1));
    batch->pred_row[batch->n_predictions] = batch_row_before(batch, segment, batch->segments[segment].n_tokens);
    batch->pred_id[batch->n_predictions] = id;
    return batch->n_predictions++;
}
