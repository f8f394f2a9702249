// Memory: zeroed and aligned blocks, checked sizes, the handler of a failed allocation, arenas.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"

static bool all_zero(const unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

static void test_alloc(void **state) {
    (void)state;
    // Dirty blocks go back to the heap first, so that a block that is not cleared shows.
    for (int i = 0; i < 8; i++) {
        void *dirty = mem_realloc(NULL, 1000, 1);
        memset(dirty, 0xAA, 1000);
        mem_free(dirty);
    }
    unsigned char *block = mem_alloc(250, 4);
    assert_true(all_zero(block, 1000));
    block[999] = 7;
    block = mem_realloc(block, 2000, 1);
    assert_int_equal(block[999], 7);
    mem_free(block);
    void *nothing = mem_alloc(0, 8);
    assert_non_null(nothing);
    mem_free(nothing);
    mem_free(NULL);
}

static void test_aligned(void **state) {
    (void)state;
    for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        for (size_t bytes = 0; bytes <= 257; bytes += 257) {
            unsigned char *block = mem_aligned(bytes, alignment);
            assert_int_equal((uintptr_t)block % alignment, 0);
            assert_true(all_zero(block, bytes));
            mem_free(block);
        }
    }
}

static void test_strings(void **state) {
    (void)state;
    char *copy = mem_strdup("teacher");
    assert_string_equal(copy, "teacher");
    mem_free(copy);
    copy = mem_strndup("teacher", 5);
    assert_string_equal(copy, "teach");
    mem_free(copy);
}

static void test_sizes(void **state) {
    (void)state;
    size_t out = 99;
    assert_true(mem_size_mul(6, 7, &out));
    assert_int_equal(out, 42);
    assert_false(mem_size_mul(SIZE_MAX / 2 + 1, 2, &out));
    assert_false(mem_size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 42);
    assert_true(mem_size_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
}

static jmp_buf out_of_memory;
static size_t bytes_asked;

static void on_out_of_memory(size_t bytes) {
    bytes_asked = bytes;
    longjmp(out_of_memory, 1);
}

static void test_handler(void **state) {
    (void)state;
    mem_set_oom_handler(on_out_of_memory);
    volatile int allocated = 0;
    static void *blocks[3];
    mem_fail_after(3);
    if (setjmp(out_of_memory) == 0) {
        for (int i = 0; i < 3; i++) {
            blocks[i] = mem_alloc(10, 3);
            allocated++;
        }
    }
    assert_int_equal(allocated, 2);
    assert_int_equal(bytes_asked, 30);
    mem_free(mem_alloc(1, 1)); // the hook is off again
    mem_fail_after(1);
    mem_fail_after(0);
    mem_free(mem_alloc(1, 1));
    mem_set_oom_handler(NULL);
    mem_free(blocks[0]);
    mem_free(blocks[1]);
}

// What a failed realloc was to replace is still there.
static void test_realloc_failure_keeps_old(void **state) {
    (void)state;
    mem_set_oom_handler(on_out_of_memory);
    char *volatile old = mem_strdup("kept");
    mem_fail_after(1);
    if (setjmp(out_of_memory) == 0) {
        old = mem_realloc(old, 1 << 20, 1);
        fail();
    }
    assert_string_equal(old, "kept");
    mem_set_oom_handler(NULL);
    mem_free(old);
}

static void test_arena(void **state) {
    (void)state;
    Arena *arena = arena_create();
    assert_int_equal(arena_bytes(arena), 0);
    unsigned char *blocks[400];
    // Sizes from 0 over those of an ordinary chunk to those that get one of their own.
    for (int i = 0; i < 400; i++) {
        size_t size = i % 50 == 49 ? 300000 : (size_t)i * 13;
        blocks[i] = arena_alloc(arena, size, 1);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        assert_true(all_zero(blocks[i], size));
        memset(blocks[i], i & 255, size);
    }
    for (int i = 0; i < 400; i++) {
        size_t size = i % 50 == 49 ? 300000 : (size_t)i * 13;
        for (size_t j = 0; j < size; j++) assert_int_equal(blocks[i][j], i & 255); // nobody wrote over it
    }
    assert_true(arena_bytes(arena) >= 8 * 300000);
    assert_string_equal(arena_strdup(arena, "text"), "text");
    arena_destroy(arena);

    // A block too large for a chunk comes first: what follows lies elsewhere.
    arena = arena_create();
    char *large = arena_alloc(arena, 300000, 1), *small = arena_alloc(arena, 1, 1);
    assert_true(small < large || small >= large + 300000);
    assert_string_equal(arena_strndup(arena, "text", 2), "te");
    arena_destroy(arena);
    arena_destroy(NULL);
}

// What is within the room that an arena has, reserved or taken before it was cleared, is no allocation; it is zeroed again.
static void test_arena_cleared(void **state) {
    (void)state;
    Arena *arena = arena_create();
    arena_reserve(arena, 100000);
    for (int round = 0; round < 3; round++) {
        uint64_t before = mem_counts().allocations;
        for (int i = 0; i < 10; i++) {
            unsigned char *block = arena_alloc(arena, 10000, 1);
            assert_true(all_zero(block, 10000));
            memset(block, 7, 10000);
        }
        assert_int_equal(mem_counts().allocations, before);
        assert_int_equal(arena_bytes(arena), 100000);
        arena_clear(arena);
        assert_int_equal(arena_bytes(arena), 0);
    }
    for (int i = 0; i < 300; i++) memset(arena_alloc(arena, 1000, 1), 7, 1000); // more than there is
    arena_clear(arena);
    uint64_t before = mem_counts().allocations;
    for (int i = 0; i < 300; i++) assert_true(all_zero(arena_alloc(arena, 1000, 1), 1000));
    assert_int_equal(mem_counts().allocations, before);
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc),   cmocka_unit_test(test_aligned),
        cmocka_unit_test(test_strings), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_handler), cmocka_unit_test(test_realloc_failure_keeps_old),
        cmocka_unit_test(test_arena),   cmocka_unit_test(test_arena_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
