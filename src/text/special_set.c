#include "text/special_set.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "text/tokenizer_impl.h"

void special_set_init(SpecialSet *set, const Str *tokens) { *set = (SpecialSet){.tokens = tokens}; }

void special_set_free(SpecialSet *set) {
    mem_free(set->slots);
    mem_free(set->lengths);
    *set = (SpecialSet){0};
}

static void place(SpecialSet *set, SpecialSlot slot) {
    uint32_t i = slot.hash & (set->cap - 1);
    while (set->slots[i].id >= 0) i = (i + 1) & (set->cap - 1);
    set->slots[i] = slot;
}

static void grow(SpecialSet *set) {
    SpecialSlot *old = set->slots;
    uint32_t n_old = set->cap;
    set->cap = n_old > 0 ? n_old * 2 : 16;
    set->slots = mem_alloc(set->cap, sizeof *set->slots);
    for (uint32_t i = 0; i < set->cap; i++) set->slots[i].id = -1;
    for (uint32_t i = 0; i < n_old; i++) {
        if (old[i].id >= 0) place(set, old[i]);
    }
    mem_free(old);
}

static void add_length(SpecialSet *set, size_t length) {
    int32_t i = 0;
    while (i < set->n_lengths && set->lengths[i] > length) i++;
    if (i < set->n_lengths && set->lengths[i] == length) return;
    set->lengths = mem_realloc(set->lengths, (size_t)set->n_lengths + 1, sizeof *set->lengths);
    memmove(set->lengths + i + 1, set->lengths + i, (size_t)(set->n_lengths - i) * sizeof *set->lengths);
    set->lengths[i] = length;
    set->n_lengths++;
}

void special_set_add(SpecialSet *set, int32_t id) {
    Str text = set->tokens[id];
    assert(text.len > 0);
    if (special_set_find(set, text) >= 0) return;
    if (2 * set->count + 2 > set->cap) grow(set);
    place(set, (SpecialSlot){hash_bytes(text), id});
    set->count++;
    add_length(set, text.len);
    set->first[(unsigned char)text.ptr[0]] = true;
}

int32_t special_set_find(const SpecialSet *set, Str text) {
    if (set->cap == 0) return -1;
    uint32_t hash = hash_bytes(text), mask = set->cap - 1;
    for (uint32_t i = hash & mask; set->slots[i].id >= 0; i = (i + 1) & mask) {
        if (set->slots[i].hash == hash && str_equal(set->tokens[set->slots[i].id], text)) return set->slots[i].id;
    }
    return -1;
}

int32_t special_set_at(const SpecialSet *set, Str text, size_t at) {
    if (!set->first[(unsigned char)text.ptr[at]]) return -1;
    for (int32_t i = 0; i < set->n_lengths; i++) {
        if (set->lengths[i] > text.len - at) continue;
        int32_t id = special_set_find(set, (Str){text.ptr + at, set->lengths[i]});
        if (id >= 0) return id;
    }
    return -1;
}
