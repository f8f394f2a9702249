// Forests for the tests of attention: packed, grouped, chains, random trees, cached.
#ifndef RLT_TESTS_COMPUTE_FORESTS_H
#define RLT_TESTS_COMPUTE_FORESTS_H

#include "op_test.h"

#define MAX_SEGMENTS 128

typedef struct TestForest {
    Forest forest;
    Segment segments[MAX_SEGMENTS];
} TestForest;

// Appends a segment of which the last n_new tokens are computed. `kv_gap` KV rows before it stay unused.
static UNUSED int32_t plant(TestForest *f, int32_t parent, int32_t n_tokens, int32_t n_new, int32_t kv_gap)
{
    assert_true(f->forest.n_segments < MAX_SEGMENTS);
    int32_t index = f->forest.n_segments++;
    const Segment *above = parent >= 0 ? &f->segments[parent] : NULL;
    f->segments[index] = (Segment){
        .parent = parent, .position = above ? above->position + above->n_tokens : 0, .n_tokens = n_tokens,
        .n_new = n_new, .row = f->forest.n_rows, .kv_row = f->forest.n_kv + kv_gap,
    };
    f->forest.n_rows += n_new;
    f->forest.n_kv += kv_gap + n_tokens;
    f->forest.segments = f->segments;
    return index;
}

// One new sequence, cut into a chain of segments of the given lengths.
static UNUSED void plant_chain(TestForest *f, const int32_t *lengths, int32_t n)
{
    int32_t parent = -1;
    for (int32_t i = 0; i < n; i++)
        parent = plant(f, parent, lengths[i], lengths[i], 0);
}

// A random forest of `levels` levels. cached: segments with n_new < n_tokens (0 too), KV rows with gaps, and in an
// order of their own.
static UNUSED void plant_random(TestForest *f, uint32_t stream, int32_t levels, int32_t longest, bool cached)
{
    uint32_t draw = 0;
    int32_t first = 0, n_level = 1 + random_below(stream, draw++, 3);
    for (int32_t level = 0; level < levels; level++) {
        int32_t begin = f->forest.n_segments;
        for (int32_t i = 0; i < n_level; i++) {
            int32_t parent = level == 0 ? -1 : first + random_below(stream, draw++, begin - first);
            int32_t n = 1 + random_below(stream, draw++, longest);
            int32_t n_new = cached ? random_below(stream, draw++, n + 1) : n;
            plant(f, parent, n, n_new, cached ? random_below(stream, draw++, 4) : 0);
        }
        first = begin;
        n_level = 1 + random_below(stream, draw++, 6);
    }
    if (cached) { // swap the places of the KV rows of segments: the last become the first
        int32_t kv_row = 2;
        for (int32_t i = f->forest.n_segments - 1; i >= 0; i--) {
            f->segments[i].kv_row = kv_row;
            kv_row += f->segments[i].n_tokens + (i & 1);
        }
        f->forest.n_kv = kv_row + 3;
    }
    forest_check(&f->forest);
}

// The KV row of the token before token (segment, index) in its sequence, or -1; moves segment and index to it.
static UNUSED bool token_before(const Forest *forest, int32_t *segment, int32_t *index)
{
    if (*index > 0) {
        (*index)--;
        return true;
    }
    *segment = forest->segments[*segment].parent;
    if (*segment < 0)
        return false;
    *index = forest->segments[*segment].n_tokens - 1;
    return true;
}

// Attention with K and V as matrices, then with a cache written in pieces of several lengths: the same bits.
static UNUSED void attention_both_ways(Backend *be, Mat out, Mat lse, Mat q, Mat k, Mat v, const Forest *forest,
                                       int32_t head_dim, float scale)
{
    RUN(be, attention, out, lse, q, k, v, forest, head_dim, scale);
    static const int32_t lengths[] = {1, 3, 40, 2, 7, 31, 64};
    Segment pieces[512];
    Forest all = {.segments = pieces, .n_kv = k.rows};
    for (; all.n_rows < k.rows; all.n_segments++) {
        int32_t n = lengths[(size_t)all.n_segments % COUNT(lengths)], rest = k.rows - all.n_rows;
        n = n < rest ? n : rest;
        assert_true(all.n_segments < (int32_t)COUNT(pieces));
        pieces[all.n_segments] = (Segment){.parent = -1, .n_tokens = n, .n_new = n, .row = all.n_rows, .kv_row = all.n_rows};
        all.n_rows += n;
    }
    size_t bytes = cached_side_bytes(k.rows, k.cols);
    CachedKv cached = {RUN(be, alloc, bytes), RUN(be, alloc, bytes), k.rows, k.cols, head_dim};
    RUN(be, kv_write, cached, k, v, &all);
    Mat out2 = put_nan(be, out.rows, out.cols), lse2 = put_nan(be, lse.rows, lse.cols);
    RUN(be, attention_cached, out2, lse2, q, cached, forest, scale);
    size_t n_out = (size_t)out.rows * (size_t)out.cols, n_lse = (size_t)lse.rows * (size_t)lse.cols;
    float *a = host_floats(n_out + n_lse), *b = host_floats(n_out + n_lse);
    RUN(be, download, a, out.data, n_out * sizeof(float));
    RUN(be, download, a + n_out, lse.data, n_lse * sizeof(float));
    take_mat(be, b, out2), take_mat(be, b + n_out, lse2);
    expect_bits(b, a, n_out + n_lse, label("attention_cached, %s", backend_describe(be)));
    RUN(be, release, cached.k);
    RUN(be, release, cached.v);
    mem_free(a), mem_free(b);
}

#endif
