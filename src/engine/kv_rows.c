#include "engine/kv_rows.h"

#include <assert.h>
#include <string.h>

void kv_rows_init(KvRows *rows, Arena *arena, int32_t start, int32_t length, int32_t max_taken) {
    rows->cap = max_taken + 1; // taken intervals lie between free ones
    rows->free_list = arena_alloc(arena, (size_t)rows->cap, sizeof *rows->free_list);
    rows->free_list[0] = (KvInterval){start, length};
    rows->n_free = length > 0;
}

int32_t kv_rows_take(KvRows *rows, int32_t length) {
    for (int32_t i = 0; i < rows->n_free; i++) {
        KvInterval *interval = &rows->free_list[i];
        if (interval->length < length) continue;
        int32_t start = interval->start;
        interval->start += length;
        interval->length -= length;
        if (interval->length == 0) {
            memmove(interval, interval + 1, (size_t)(rows->n_free - i - 1) * sizeof *interval);
            rows->n_free--;
        }
        return start;
    }
    return -1;
}

void kv_rows_give_back(KvRows *rows, int32_t start, int32_t length) {
    int32_t i = 0;
    while (i < rows->n_free && rows->free_list[i].start < start) i++;
    bool joins_left = i > 0 && rows->free_list[i - 1].start + rows->free_list[i - 1].length == start;
    bool joins_right = i < rows->n_free && start + length == rows->free_list[i].start;
    if (joins_left && joins_right) {
        rows->free_list[i - 1].length += length + rows->free_list[i].length;
        memmove(&rows->free_list[i], &rows->free_list[i + 1], (size_t)(rows->n_free - i - 1) * sizeof(KvInterval));
        rows->n_free--;
    } else if (joins_left) {
        rows->free_list[i - 1].length += length;
    } else if (joins_right) {
        rows->free_list[i].start = start;
        rows->free_list[i].length += length;
    } else {
        assert(rows->n_free < rows->cap);
        memmove(&rows->free_list[i + 1], &rows->free_list[i], (size_t)(rows->n_free - i) * sizeof(KvInterval));
        rows->free_list[i] = (KvInterval){start, length};
        rows->n_free++;
    }
}
