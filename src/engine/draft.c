#include "engine/draft.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const int32_t ORDERS[DRAFT_ORDERS] = {1, 2, 3, 5, 8};

// One context and the token that mostly followed it: `score` goes up when it does and down when it does not
// (Boyer and Moore's majority vote). A place is shared by all contexts of its hash; score 0 is empty.
typedef struct Entry {
    uint32_t check;
    int32_t id;
    uint32_t score;
} Entry;

#define ENTRIES_MIN (1 << 10)
#define ENTRIES_MAX (1 << 18) // 3 MiB
#define SCORE_MAX 64

struct DraftTable {
    Entry *entries; // [mask + 1]
    uint64_t mask;
};

void draft_context_push(DraftContext *context, int32_t id) {
    memmove(context->last + 1, context->last, (DRAFT_CONTEXT - 1) * sizeof *context->last);
    context->last[0] = id;
    if (context->n < DRAFT_CONTEXT) context->n++;
}

static int64_t entries_for(int64_t tokens) {
    int64_t entries = ENTRIES_MIN;
    while (entries < ENTRIES_MAX && entries / (2 * DRAFT_ORDERS) < tokens) entries *= 2;
    return entries;
}

DraftTable *draft_table_create(Arena *arena, int64_t tokens) {
    DraftTable *table = arena_alloc(arena, 1, sizeof *table);
    int64_t entries = entries_for(tokens);
    table->entries = arena_alloc(arena, (size_t)entries, sizeof *table->entries);
    table->mask = (uint64_t)entries - 1;
    return table;
}

size_t draft_table_bytes(int64_t tokens) {
    return sizeof(DraftTable) + (size_t)entries_for(tokens) * sizeof(Entry) + 2 * ARENA_ALIGN;
}

void draft_table_clear(DraftTable *table) { memset(table->entries, 0, (table->mask + 1) * sizeof *table->entries); }

// Hashes of the context's last 1, 2, 3, ... tokens, one for each order; returns how many orders it is long enough for.
static int32_t hash_orders(const DraftContext *context, uint64_t hashes[DRAFT_ORDERS]) {
    uint64_t hash = 0;
    int32_t order = 0;
    for (int32_t i = 0; i < context->n && order < DRAFT_ORDERS; i++) {
        hash = (hash ^ (uint32_t)context->last[i]) * 0x9e3779b97f4a7c15u; // splitmix64's increment and shifts
        hash ^= hash >> 29;
        if (i + 1 != ORDERS[order]) continue;
        hashes[order] = (hash + (uint64_t)order) * 0xbf58476d1ce4e5b9u;
        order++;
    }
    return order;
}

static Entry *place_of(const DraftTable *table, uint64_t hash) { return &table->entries[(hash >> 20) & table->mask]; }
static uint32_t check_of(uint64_t hash) { return (uint32_t)hash; }

static const Entry *find(const DraftTable *table, uint64_t hash) {
    const Entry *entry = place_of(table, hash);
    return entry->score > 0 && entry->check == check_of(hash) ? entry : NULL;
}

static void add(DraftTable *table, uint64_t hash, int32_t id) {
    Entry *entry = place_of(table, hash);
    bool same = entry->score > 0 && entry->check == check_of(hash) && entry->id == id;
    if (same) {
        if (entry->score < SCORE_MAX) entry->score++;
    } else if (entry->score > 1) {
        entry->score--;
    } else {
        *entry = (Entry){check_of(hash), id, 1};
    }
}

void draft_table_add(DraftTable *table, const DraftContext *context, int32_t id) {
    uint64_t hashes[DRAFT_ORDERS];
    int32_t n = hash_orders(context, hashes);
    for (int32_t order = 0; order < n; order++) add(table, hashes[order], id);
}

// 1, 2-3, 4-7, 8 and more
static int score_class(uint32_t score) { return score >= 8 ? 3 : score >= 4 ? 2 : score >= 2; }

// Before anything is known: long contexts and frequent tokens are better guesses.
void draft_odds_init(DraftOdds *odds) {
    for (int t = 0; t < DRAFT_TABLES; t++) {
        for (int order = 0; order < DRAFT_ORDERS; order++) {
            for (int score = 0; score < DRAFT_SCORES; score++) {
                odds->tries[t][order][score] = 4;
                odds->hits[t][order][score] = 4.0f * (float)ORDERS[order] / ((float)ORDERS[order] + 2);
            }
        }
    }
}

#define TRIES_MAX 512 // then both counts are halved: odds follow the text

static void count(DraftOdds *odds, int table, int32_t order, const Entry *entry, int32_t id) {
    float *tries = &odds->tries[table][order][score_class(entry->score)];
    float *hits = &odds->hits[table][order][score_class(entry->score)];
    *tries += 1;
    if (entry->id == id) *hits += 1;
    if (*tries >= TRIES_MAX) *tries /= 2, *hits /= 2;
}

bool draft_guess(DraftTable *const tables[DRAFT_TABLES], const DraftOdds *odds, const DraftContext *context, int32_t *id,
                 float *probability) {
    uint64_t hashes[DRAFT_ORDERS];
    int32_t n = hash_orders(context, hashes);
    *probability = 0;
    for (int t = 0; t < DRAFT_TABLES; t++) {
        for (int32_t order = n - 1; tables[t] != NULL && order >= 0; order--) {
            const Entry *entry = find(tables[t], hashes[order]);
            if (entry == NULL) continue;
            int score = score_class(entry->score);
            float p = odds->hits[t][order][score] / odds->tries[t][order][score];
            if (p > *probability) *probability = p, *id = entry->id;
        }
    }
    return *probability > 0;
}

void draft_observe(DraftTable *const tables[DRAFT_TABLES], DraftOdds *odds, DraftContext *context, int32_t id) {
    uint64_t hashes[DRAFT_ORDERS];
    int32_t n = hash_orders(context, hashes);
    for (int t = 0; t < DRAFT_TABLES; t++) {
        for (int32_t order = 0; tables[t] != NULL && order < n; order++) {
            const Entry *entry = find(tables[t], hashes[order]);
            if (entry != NULL) count(odds, t, order, entry, id);
            add(tables[t], hashes[order], id);
        }
    }
    draft_context_push(context, id);
}

void draft_make(DraftTable *const tables[DRAFT_TABLES], const DraftOdds *odds, DraftContext context, int32_t max, float least,
                Draft *draft) {
    float reach = 1, probability;
    int32_t id = 0;
    for (draft->n = 0; draft->n < max && draft->n < DRAFT_MAX; draft->n++) {
        if (!draft_guess(tables, odds, &context, &id, &probability)) return;
        reach *= probability;
        if (reach < least) return;
        draft->ids[draft->n] = id;
        draft->reach[draft->n] = reach;
        draft_context_push(&context, id);
    }
}

// The most probable first; within a draft in order, since `reach` never increases there.
static int compare_tokens(const void *a, const void *b) {
    const DraftToken *x = a, *y = b;
    if (x->reach != y->reach) return x->reach > y->reach ? -1 : 1;
    return x->draft != y->draft ? (x->draft > y->draft) - (x->draft < y->draft) : (x->place > y->place) - (x->place < y->place);
}

void draft_cut(Draft *drafts, int32_t n_drafts, float free_rows, DraftToken *tokens) {
    int32_t n = 0;
    for (int32_t d = 0; d < n_drafts; d++) {
        for (int32_t i = 0; i < drafts[d].n; i++) tokens[n++] = (DraftToken){drafts[d].reach[i], d, i};
        drafts[d].n = 0;
    }
    qsort(tokens, (size_t)n, sizeof *tokens, compare_tokens);
    float rows = (float)n_drafts, expected = (float)n_drafts;
    for (int32_t i = 0; i < n && tokens[i].reach > expected / (free_rows + rows); i++) {
        drafts[tokens[i].draft].n = tokens[i].place + 1;
        expected += tokens[i].reach;
        rows += 1;
    }
}
