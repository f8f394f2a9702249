// Texts that are tokens wherever they stand, and the longest of them at a place.
#ifndef RLT_TEXT_SPECIAL_SET_H
#define RLT_TEXT_SPECIAL_SET_H

#include <stdint.h>
#include "base/buf.h"

typedef struct SpecialSlot {
    uint32_t hash;
    int32_t id; // -1: empty
} SpecialSlot;

// Zeroed: an empty set.
typedef struct SpecialSet {
    const Str *tokens;   // by id; borrowed
    SpecialSlot *slots;  // [cap] open addressing, cap a power of two
    uint32_t cap, count;
    size_t *lengths;     // [n_lengths] of the texts, longest first
    int32_t n_lengths;
    bool first[256];     // some text begins with this byte
} SpecialSet;

void special_set_init(SpecialSet *set, const Str *tokens);
void special_set_free(SpecialSet *set);
// tokens[id] is not empty. Of two ids with one text the first stays.
void special_set_add(SpecialSet *set, int32_t id);
int32_t special_set_find(const SpecialSet *set, Str text); // -1: not one of them
// The longest that begins at text[at]; -1: none.
int32_t special_set_at(const SpecialSet *set, Str text, size_t at);

#endif
