#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void abort_out_of_memory(size_t bytes) {
    (void)bytes;
    abort();
}

static void (*oom_handler)(size_t bytes) = abort_out_of_memory;
static long fail_countdown = 0; // test hook: 0 is off

void mem_set_oom_handler(void (*handler)(size_t bytes)) { oom_handler = handler != NULL ? handler : abort_out_of_memory; }
void mem_fail_after(long n) { fail_countdown = n; }

static void *checked(void *block, size_t bytes) {
    if (fail_countdown > 0 && --fail_countdown == 0) {
        free(block);
        block = NULL;
    }
    if (block == NULL) {
        oom_handler(bytes);
        abort(); // the handler must not return
    }
    return block;
}

void *mem_alloc(size_t count, size_t size) {
    size_t bytes = 0;
    bool fits = mem_size_mul(count, size, &bytes);
    assert(fits);
    (void)fits;
    return checked(calloc(1, bytes > 0 ? bytes : 1), bytes);
}

void *mem_realloc(void *old, size_t count, size_t size) {
    size_t bytes = 0;
    bool fits = mem_size_mul(count, size, &bytes);
    assert(fits);
    (void)fits;
    return checked(realloc(old, bytes > 0 ? bytes : 1), bytes);
}

void *mem_aligned(size_t bytes, size_t alignment) {
    size_t rounded = 0;
    bool fits = mem_size_add(bytes, alignment, &rounded);
    assert(fits);
    (void)fits;
    rounded -= rounded % alignment;
    void *block = checked(aligned_alloc(alignment, rounded), bytes);
    memset(block, 0, rounded);
    return block;
}

char *mem_strndup(const char *text, size_t length) {
    char *copy = mem_alloc(length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

char *mem_strdup(const char *text) { return mem_strndup(text, strlen(text)); }
void mem_free(void *block) { free(block); }

bool mem_size_mul(size_t a, size_t b, size_t *out) {
    size_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *out = product;
    return true;
}

bool mem_size_add(size_t a, size_t b, size_t *out) {
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *out = sum;
    return true;
}

// ---- arenas: a list of blocks, the newest first

#define ARENA_BLOCK_BYTES ((size_t)64 << 10)

typedef struct ArenaBlock {
    struct ArenaBlock *next;
    size_t used, size; // of `data`
    max_align_t data[];
} ArenaBlock;

struct Arena {
    ArenaBlock *blocks;
    size_t bytes;
};

Arena *arena_create(void) { return mem_alloc(1, sizeof(Arena)); }

void arena_destroy(Arena *arena) {
    if (arena == NULL) return;
    for (ArenaBlock *block = arena->blocks; block != NULL;) {
        ArenaBlock *next = block->next;
        mem_free(block);
        block = next;
    }
    mem_free(arena);
}

void *arena_alloc(Arena *arena, size_t count, size_t size) {
    size_t bytes = 0, rounded = 0;
    bool fits = mem_size_mul(count, size, &bytes) && mem_size_add(bytes, 15, &rounded);
    assert(fits);
    (void)fits;
    rounded &= ~(size_t)15;
    ArenaBlock *block = arena->blocks;
    if (block == NULL || block->size - block->used < rounded) {
        size_t room = rounded > ARENA_BLOCK_BYTES ? rounded : ARENA_BLOCK_BYTES;
        block = mem_alloc(1, sizeof *block + room);
        *block = (ArenaBlock){.next = arena->blocks, .used = 0, .size = room};
        arena->blocks = block;
    }
    void *place = (char *)block->data + block->used;
    block->used += rounded;
    arena->bytes += bytes;
    return place;
}

char *arena_strndup(Arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(Arena *arena, const char *text) { return arena_strndup(arena, text, strlen(text)); }
size_t arena_bytes(const Arena *arena) { return arena->bytes; }
