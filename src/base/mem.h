// Memory: checked sizes, and arenas with one lifetime.
//
// Running out of memory is not handled by callers: mem_* call the out-of-memory handler, which src/commands/ sets to
// print one line and exit 1 (the default aborts). Sizes that come from files are checked with mem_size_* before.
#ifndef RLT_BASE_MEM_H
#define RLT_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// All sizes in bytes. Results are never NULL, also for 0 bytes. Freed with mem_free.
void *mem_alloc(size_t count, size_t size);                 // zeroed; asserts no overflow of count * size
void *mem_realloc(void *old, size_t count, size_t size);    // new part is not zeroed
void *mem_aligned(size_t bytes, size_t alignment);          // zeroed; alignment a power of two
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t length);
void mem_free(void *block);                                 // NULL is fine

// Called with the bytes asked for when an allocation fails; must not return. NULL restores the default (abort).
void mem_set_oom_handler(void (*handler)(size_t bytes));
// Calls the handler: for a library that reports that it is out of memory by returning NULL.
_Noreturn void mem_out_of_memory(size_t bytes);

// Test hook: the n-th allocation from now fails (0: off), to exercise the handler.
void mem_fail_after(long n);

// What was asked for through mem_* so far, by all threads. A step of training takes the difference over itself; libraries
// that allocate by themselves show in its page faults (log.h).
typedef struct MemCounts {
    uint64_t allocations; // calls that gave memory: reallocations too
    uint64_t bytes;       // asked for by them
} MemCounts;
MemCounts mem_counts(void);
// Bytes of memory that the process may still use: what the machine has available, or its control group's limit leaves.
uint64_t mem_available_bytes(void);

// Overflow-checked arithmetic for sizes from outside: false on overflow, *out untouched.
bool mem_size_mul(size_t a, size_t b, size_t *out);
bool mem_size_add(size_t a, size_t b, size_t *out);

// An arena: allocations share one lifetime; all are freed at once. Not thread-safe.
typedef struct Arena Arena;
#define ARENA_ALIGN 16 // each allocation takes a multiple of it
Arena *arena_create(void);
void arena_destroy(Arena *arena);                           // NULL is fine
void *arena_alloc(Arena *arena, size_t count, size_t size); // zeroed, aligned to ARENA_ALIGN
char *arena_strdup(Arena *arena, const char *text);
char *arena_strndup(Arena *arena, const char *text, size_t length);
size_t arena_bytes(const Arena *arena);                     // bytes handed out so far
// For what is done again and again, as a step is: room for so many bytes, touched, so that nothing of them asks the system for
// memory; and giving back at once all that was handed out. What was needed beyond the room is room after that.
void arena_reserve(Arena *arena, size_t bytes);
void arena_clear(Arena *arena);

#endif
