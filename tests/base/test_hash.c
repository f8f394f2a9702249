// SHA-256 against the examples of FIPS 180-4 (NIST's "Cryptographic Standards and Guidelines: example values").
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#define OF_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OF_448_BITS "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
#define OF_MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void test_bytes(void **state) {
    (void)state;
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    assert_string_equal(sha256_bytes("", 0).text, OF_EMPTY);
    assert_string_equal(sha256_bytes(NULL, 0).text, OF_EMPTY);
    assert_string_equal(sha256_bytes("abc", 3).text, OF_ABC);
    assert_string_equal(sha256_bytes(two_blocks, strlen(two_blocks)).text, OF_448_BITS);
}

static void test_pieces(void **state) {
    (void)state;
    char block[999];
    memset(block, 'a', sizeof block);
    Sha256 *hash = sha256_begin();
    size_t left = 1000000;
    while (left > 0) {
        size_t count = left < sizeof block ? left : sizeof block;
        sha256_add(hash, block, count);
        left -= count;
    }
    assert_string_equal(sha256_end(hash).text, OF_MILLION_A);
}

static void test_file(void **state) {
    (void)state;
    Error error;
    Sha256Hex hex;
    char *path = path_join(TEST_SCRATCH, "hash_million_a");
    char *bytes = mem_alloc(1000000, 1);
    memset(bytes, 'a', 1000000);
    assert_true(file_write_atomic(path, bytes, 1000000, &error));
    assert_true(sha256_file(path, &hex, &error));
    assert_string_equal(hex.text, OF_MILLION_A);
    assert_true(path_remove(path, &error));
    assert_false(sha256_file(path, &hex, &error));
    assert_non_null(strstr(error.message, "hash_million_a: No such file"));
    assert_false(sha256_file(TEST_SCRATCH, &hex, &error));
    assert_non_null(strstr(error.message, "Is a directory"));
    mem_free(bytes);
    mem_free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes), cmocka_unit_test(test_pieces), cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
