#include "base/mem.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// The mutable globals that mem.h states: the handler, the test hook's countdown (0: off), and what mem_counts gives.
static void (*oom_handler)(size_t bytes);
static atomic_long fail_countdown;
static atomic_uint_fast64_t n_allocations, n_bytes;

void mem_set_oom_handler(void (*handler)(size_t bytes)) { oom_handler = handler; }
void mem_fail_after(long n) { atomic_store(&fail_countdown, n); }

_Noreturn void mem_out_of_memory(size_t bytes) {
    if (oom_handler != NULL) oom_handler(bytes);
    fprintf(stderr, "out of memory: %zu bytes\n", bytes);
    abort();
}

static void count(size_t bytes) {
    atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&n_bytes, bytes, memory_order_relaxed);
}

MemCounts mem_counts(void) {
    return (MemCounts){atomic_load_explicit(&n_allocations, memory_order_relaxed),
                       atomic_load_explicit(&n_bytes, memory_order_relaxed)};
}

// The number after `key` in a file of lines, or the file's first number where key is "": false where there is none.
static bool read_number(const char *path, const char *key, uint64_t *number) {
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    char line[256];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        unsigned long long value;
        size_t length = strlen(key);
        if (strncmp(line, key, length) != 0 || sscanf(line + length, "%llu", &value) != 1) continue;
        *number = value;
        found = true;
    }
    fclose(file);
    return found;
}

uint64_t mem_available_bytes(void) {
    uint64_t available = UINT64_MAX, limit, used, inactive = 0;
    if (read_number("/proc/meminfo", "MemAvailable:", &available)) available *= 1024;
    // a control group's limit, version 2 (its own files, where the process sees its group as the root)
    if (read_number("/sys/fs/cgroup/memory.max", "", &limit) && read_number("/sys/fs/cgroup/memory.current", "", &used)) {
        read_number("/sys/fs/cgroup/memory.stat", "inactive_file ", &inactive); // page cache that gives way
        uint64_t left = limit + inactive > used ? limit + inactive - used : 0;
        if (left < available) available = left;
    }
    return available;
}

static bool must_fail(void) {
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) == 0) return false;
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

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

// An overflow is a bug of the caller; it stops the program in builds without asserts too.
static size_t checked_bytes(size_t n, size_t size) {
    size_t bytes;
    if (!mem_size_mul(n, size, &bytes)) {
        assert(!"n * size overflows");
        mem_out_of_memory(SIZE_MAX);
    }
    return bytes > 0 ? bytes : 1; // malloc(0) may be NULL
}

void *mem_alloc(size_t n, size_t size) {
    size_t bytes = checked_bytes(n, size);
    void *block = must_fail() ? NULL : calloc(1, bytes);
    if (block == NULL) mem_out_of_memory(bytes);
    count(bytes);
    return block;
}

void *mem_realloc(void *old, size_t n, size_t size) {
    size_t bytes = checked_bytes(n, size);
    void *block = must_fail() ? NULL : realloc(old, bytes);
    if (block == NULL) mem_out_of_memory(bytes);
    count(bytes);
    return block;
}

// Weights are read across pages: with pages of 4 KiB address translation costs more than the reading.
#define HUGE_PAGE_BYTES ((size_t)2 << 20)

void *mem_aligned(size_t bytes, size_t alignment) {
    assert(alignment > 0 && (alignment & (alignment - 1)) == 0);
    if (alignment < sizeof(void *)) alignment = sizeof(void *);
    if (bytes == 0) bytes = 1;
    void *block = NULL;
    bool huge = bytes >= HUGE_PAGE_BYTES;
    if (huge && alignment < HUGE_PAGE_BYTES) alignment = HUGE_PAGE_BYTES;
    if (must_fail() || posix_memalign(&block, alignment, bytes) != 0) mem_out_of_memory(bytes);
    count(bytes);
    if (huge) madvise(block, bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES, MADV_HUGEPAGE); // a wish; refusal does no harm
    return memset(block, 0, bytes);
}

char *mem_strdup(const char *text) { return mem_strndup(text, strlen(text)); }

char *mem_strndup(const char *text, size_t length) {
    size_t bytes;
    if (!mem_size_add(length, 1, &bytes)) mem_out_of_memory(SIZE_MAX);
    char *copy = mem_alloc(bytes, 1);
    if (length > 0) memcpy(copy, text, length);
    return copy;
}

void mem_free(void *block) { free(block); }

// ---- Arena: a list of chunks, the newest first; a block too large for a chunk gets one of its own. ----

#define ARENA_CHUNK_MIN ((size_t)16 << 10)
#define ARENA_CHUNK_MAX ((size_t)1 << 20)

typedef struct Chunk {
    struct Chunk *next;
    size_t used, cap;                        // bytes of data
    _Alignas(ARENA_ALIGN) unsigned char data[]; // zeroed
} Chunk;

struct Arena {
    Chunk *first;
    size_t chunk_bytes; // of the next ordinary chunk: doubles, so that a large arena has few
    size_t bytes;
};

Arena *arena_create(void) {
    Arena *arena = mem_alloc(1, sizeof *arena);
    arena->chunk_bytes = ARENA_CHUNK_MIN;
    return arena;
}

static void free_chunks(Chunk *chunk) {
    while (chunk != NULL) {
        Chunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
}

void arena_destroy(Arena *arena) {
    if (arena == NULL) return;
    free_chunks(arena->first);
    mem_free(arena);
}

static Chunk *chunk_create(size_t cap) {
    size_t bytes;
    if (!mem_size_add(sizeof(Chunk), cap, &bytes)) mem_out_of_memory(SIZE_MAX);
    Chunk *chunk = mem_alloc(bytes, 1);
    chunk->cap = cap;
    return chunk;
}

void *arena_alloc(Arena *arena, size_t n, size_t size) {
    size_t bytes = checked_bytes(n, size);
    if (!mem_size_add(bytes, ARENA_ALIGN - 1, &bytes)) mem_out_of_memory(SIZE_MAX);
    bytes &= ~(size_t)(ARENA_ALIGN - 1);
    arena->bytes += bytes;

    Chunk *first = arena->first;
    if (first != NULL && first->cap - first->used >= bytes) {
        void *block = first->data + first->used;
        first->used += bytes;
        return block;
    }
    if (bytes > arena->chunk_bytes / 2) {
        // Behind the first one, whose room stays in use.
        Chunk *own = chunk_create(bytes);
        own->used = bytes;
        Chunk **link = first != NULL ? &first->next : &arena->first;
        own->next = *link;
        *link = own;
        return own->data;
    }
    Chunk *chunk = chunk_create(arena->chunk_bytes);
    if (arena->chunk_bytes < ARENA_CHUNK_MAX) arena->chunk_bytes *= 2;
    chunk->next = first;
    chunk->used = bytes;
    arena->first = chunk;
    return chunk->data;
}

char *arena_strdup(Arena *arena, const char *text) { return arena_strndup(arena, text, strlen(text)); }

char *arena_strndup(Arena *arena, const char *text, size_t length) {
    size_t bytes;
    if (!mem_size_add(length, 1, &bytes)) mem_out_of_memory(SIZE_MAX);
    char *copy = arena_alloc(arena, bytes, 1);
    if (length > 0) memcpy(copy, text, length);
    return copy;
}

size_t arena_bytes(const Arena *arena) { return arena->bytes; }

#define PAGE_BYTES 4096

void arena_reserve(Arena *arena, size_t bytes) {
    if (arena->first != NULL && arena->first->cap - arena->first->used >= bytes) return;
    Chunk *chunk = chunk_create(bytes);
    volatile unsigned char *data = chunk->data; // zeroes alone would not touch what is zero already
    for (size_t at = 0; at < bytes; at += PAGE_BYTES) data[at] = 0;
    chunk->next = arena->first;
    arena->first = chunk;
}

void arena_clear(Arena *arena) {
    Chunk *first = arena->first;
    size_t needed = arena->bytes;
    arena->bytes = 0;
    if (first == NULL) return;
    free_chunks(first->next);
    first->next = NULL;
    memset(first->data, 0, first->used);
    first->used = 0;
    if (needed <= first->cap) return;
    arena->first = NULL;
    mem_free(first);
    arena_reserve(arena, needed);
}
