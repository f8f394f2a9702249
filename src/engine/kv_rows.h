// Which rows of a K/V cache are free: first fit over a list of free intervals.
#ifndef RLT_ENGINE_KV_ROWS_H
#define RLT_ENGINE_KV_ROWS_H

#include <stdint.h>

#include "base/mem.h"

typedef struct KvInterval {
    int32_t start, length;
} KvInterval;

typedef struct KvRows {
    KvInterval *free_list; // [cap], sorted by start
    int32_t n_free, cap;
} KvRows;

// Rows start .. start + length - 1 are free; at most max_taken intervals are taken at a time. The list is the arena's.
void kv_rows_init(KvRows *rows, Arena *arena, int32_t start, int32_t length, int32_t max_taken);
// The first of `length` >= 1 rows that lie together, or -1.
int32_t kv_rows_take(KvRows *rows, int32_t length);
void kv_rows_give_back(KvRows *rows, int32_t start, int32_t length);

#endif
