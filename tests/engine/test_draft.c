// Drafts: what is guessed follows from what was seen, odds from what came true, and a pass's drafts from both. The expected
// values are worked out here by plain counting over the text, or by trying every cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// (cmocka's header needs those above)
#include <cmocka.h>

#include "base/philox.h"
#include "engine/draft.h"

static int32_t random_below(uint32_t stream, uint32_t index, uint64_t n) {
    RngAddress address = {.seed = 5, .purpose = RNG_TEST, .question = stream, .position = index};
    return (int32_t)rng_below(&address, n);
}

static DraftContext context_of(const int32_t *ids, int32_t n) {
    DraftContext context = {0};
    for (int32_t i = 0; i < n; i++) draft_context_push(&context, ids[i]);
    return context;
}

static void read_text(DraftTable *table, const int32_t *ids, int32_t n) {
    DraftContext context = {0};
    for (int32_t i = 0; i < n; i++) {
        draft_table_add(table, &context, ids[i]);
        draft_context_push(&context, ids[i]);
    }
}

static void test_context(void **state) {
    (void)state;
    int32_t ids[20];
    for (int32_t i = 0; i < 20; i++) ids[i] = 100 + i;
    DraftContext context = context_of(ids, 3);
    assert_int_equal(context.n, 3);
    assert_int_equal(context.last[0], 102);
    assert_int_equal(context.last[2], 100);
    context = context_of(ids, 20);
    assert_int_equal(context.n, DRAFT_CONTEXT);
    assert_int_equal(context.last[0], 119);
    assert_int_equal(context.last[DRAFT_CONTEXT - 1], 119 - DRAFT_CONTEXT + 1);
}

// A text of tokens that are all different is repeated word for word from any place in it.
static void test_copies(void **state) {
    (void)state;
    int32_t text[400];
    for (int32_t i = 0; i < 400; i++) text[i] = 7 * i + 3;
    Arena *arena = arena_create();
    DraftTable *table = draft_table_create(arena, 400);
    read_text(table, text, 400);
    DraftTable *const tables[DRAFT_TABLES] = {table, NULL};
    DraftOdds odds;
    draft_odds_init(&odds);
    for (int32_t at = 1; at < 400 - DRAFT_MAX; at += 13) {
        Draft draft;
        draft_make(tables, &odds, context_of(text, at), DRAFT_MAX, 0, &draft);
        assert_int_equal(draft.n, DRAFT_MAX);
        assert_memory_equal(draft.ids, text + at, sizeof draft.ids);
        for (int32_t i = 1; i < draft.n; i++) assert_true(draft.reach[i] <= draft.reach[i - 1]);
        draft_make(tables, &odds, context_of(text, at), 3, 0, &draft);
        assert_int_equal(draft.n, 3);
        draft_make(tables, &odds, context_of(text, at), DRAFT_MAX, 0.999f, &draft);
        assert_int_equal(draft.n, 0);
    }
    int32_t unknown = 1, id;
    float probability;
    DraftContext context = context_of(&unknown, 1), begin = {0};
    assert_false(draft_guess(tables, &odds, &context, &id, &probability));
    assert_false(draft_guess(tables, &odds, &begin, &id, &probability));
    draft_table_clear(table);
    DraftContext known = context_of(text, 10);
    assert_false(draft_guess(tables, &odds, &known, &id, &probability));
    arena_destroy(arena);
}

// A table much smaller than its text forgets, but what it still guesses was in the text.
static void test_forgets(void **state) {
    (void)state;
    enum { N = 20000 };
    static int32_t text[N];
    for (int32_t i = 0; i < N; i++) text[i] = 3 * i + 1;
    Arena *arena = arena_create();
    DraftTable *table = draft_table_create(arena, 0);
    read_text(table, text, N);
    DraftTable *const tables[DRAFT_TABLES] = {NULL, table};
    DraftOdds odds;
    draft_odds_init(&odds);
    int32_t known = 0;
    for (int32_t at = DRAFT_CONTEXT; at < N; at++) {
        DraftContext context = context_of(text + at - DRAFT_CONTEXT, DRAFT_CONTEXT);
        int32_t id;
        float probability;
        if (!draft_guess(tables, &odds, &context, &id, &probability)) continue;
        assert_int_equal(id, text[at]);
        known++;
    }
    assert_true(known > 0 && known < N / 4);
    arena_destroy(arena);
}

// Token 1 is followed by 2 nine times of ten: the odds of that guess tend to 0.9.
static void test_odds(void **state) {
    (void)state;
    Arena *arena = arena_create();
    DraftTable *const tables[DRAFT_TABLES] = {draft_table_create(arena, 20000), NULL};
    DraftOdds odds;
    draft_odds_init(&odds);
    const DraftContext one = {.last = {1}, .n = 1};
    for (uint32_t i = 0; i < 6000; i++) {
        DraftContext context = one;
        draft_observe(tables, &odds, &context, random_below(1, i, 10) == 0 ? 10 + random_below(2, i, 1000) : 2);
        assert_int_equal(context.n, 2);
    }
    float p = 0;
    int32_t id = 0;
    assert_true(draft_guess(tables, &odds, &one, &id, &p));
    assert_int_equal(id, 2);
    // the counts are of the last 256 to 512 tries: 3 standard deviations of a mean of 256 draws are 0.056
    assert_true(p > 0.9f - 0.056f && p < 0.9f + 0.056f);
    arena_destroy(arena);
}

// Expected tokens over the cost of a pass, as the header has it.
static double rate(double free_rows, double rows, double expected) { return expected / (free_rows + rows); }

// The cut is the best of all cuts: every combination of lengths is tried.
static void test_cut(void **state) {
    (void)state;
    for (uint32_t trial = 0; trial < 300; trial++) {
        Draft drafts[3] = {0};
        DraftToken tokens[3 * DRAFT_MAX];
        float free_rows = (float)(1 + random_below(3, trial, 40));
        for (uint32_t d = 0; d < 3; d++) {
            float reach = 1;
            drafts[d].n = random_below(4, trial * 3 + d, 6);
            for (int32_t i = 0; i < drafts[d].n; i++) {
                reach *= (float)(1 + random_below(5, (trial * 3 + d) * DRAFT_MAX + (uint32_t)i, 99)) / 100;
                drafts[d].reach[i] = reach;
            }
        }
        double best = 0;
        int32_t n[3];
        for (n[0] = 0; n[0] <= drafts[0].n; n[0]++) {
            for (n[1] = 0; n[1] <= drafts[1].n; n[1]++) {
                for (n[2] = 0; n[2] <= drafts[2].n; n[2]++) {
                    double expected = 3;
                    for (int d = 0; d < 3; d++) {
                        for (int32_t i = 0; i < n[d]; i++) expected += (double)drafts[d].reach[i];
                    }
                    double r = rate((double)free_rows, 3 + n[0] + n[1] + n[2], expected);
                    best = r > best ? r : best;
                }
            }
        }
        draft_cut(drafts, 3, free_rows, tokens);
        double expected = 3;
        int32_t rows = 3;
        for (int d = 0; d < 3; d++) {
            for (int32_t i = 0; i < drafts[d].n; i++, rows++) expected += (double)drafts[d].reach[i];
        }
        // F32 sums of at most 18 terms: some 1e-6 of the rate
        assert_true(rate((double)free_rows, rows, expected) >= best * (1 - 1e-5));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context), cmocka_unit_test(test_copies), cmocka_unit_test(test_forgets),
        cmocka_unit_test(test_odds),    cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
