// Views, buffers and UTF-8. The lossy decoding is checked against what Python 3 gives for
// bytes.decode("utf-8", errors="replace"), recorded here, and against the table of The Unicode Standard (3-7).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/mem.h"

static void test_views(void **state) {
    (void)state;
    Str text = STR("<think>a</think>");
    assert_true(str_starts(text, STR("<think>")));
    assert_true(str_ends(text, STR("</think>")));
    assert_false(str_starts(STR("<th"), STR("<think>")));
    assert_false(str_ends(STR("nk>"), STR("</think>")));
    assert_true(str_equal(str_of("ab"), STR("ab")));
    assert_false(str_equal(STR("ab"), STR("ac")));
    assert_false(str_equal(STR("ab"), STR("abc")));
    assert_true(str_equal((Str){NULL, 0}, STR("")));
    assert_int_equal(str_find(text, STR("think"), 0), 1);
    assert_int_equal(str_find(text, STR("think"), 2), 10);
    assert_int_equal(str_find(text, STR("think"), 11), -1);
    assert_int_equal(str_find(text, STR("think"), 1000), -1);
    assert_int_equal(str_find(text, STR(""), 5), 5);
    assert_int_equal(str_find_last(text, STR("think"), text.len), 10);
    assert_int_equal(str_find_last(text, STR("think"), 15), 10);
    assert_int_equal(str_find_last(text, STR("think"), 14), 1);
    assert_int_equal(str_find_last(text, STR("think"), 5), -1);
    assert_int_equal(str_find_last(text, STR("thing"), text.len), -1);
    assert_int_equal(str_find_last(text, STR(""), 5), 5);
    assert_int_equal(str_find(STR("a\0b"), STR("\0b"), 0), 1);
    assert_true(str_equal(str_trim(STR(" \t\r\n a b \v\f")), STR("a b")));
    assert_int_equal(str_trim(STR(" \n ")).len, 0);
}

static void test_buffer(void **state) {
    (void)state;
    Buf buf;
    buf_init(&buf, 0);
    assert_true(str_equal(buf_str(&buf), STR("")));
    buf_add_text(&buf, "step");
    buf_add_char(&buf, ' ');
    buf_printf(&buf, "%d of %s", 7, "125");
    buf_add_str(&buf, STR(", a\0b"));
    assert_true(str_equal(buf_str(&buf), STR("step 7 of 125, a\0b")));
    assert_int_equal(buf.data[buf.len], 0);
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    for (int i = 0; i < 100000; i++) {
        buf_add_char(&buf, (char)('a' + i % 26));
        assert_int_equal(buf.data[buf.len], 0);
    }
    for (int i = 0; i < 100000; i++) assert_int_equal(buf.data[i], 'a' + i % 26);
    buf_printf(&buf, "%0*d", 5000, 1); // longer than what is left
    assert_int_equal(buf.len, 105000);
    assert_int_equal(buf.data[buf.len - 1], '1');
    buf_free(&buf);
    assert_null(buf.data);
}

// Up to the maximum exactly, and no allocation beyond it.
static void test_maximum(void **state) {
    (void)state;
    Buf buf;
    buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++) buf_add_char(&buf, 'x');
    assert_int_equal(buf.len, 1000);
    assert_true(buf.cap <= 1001);
    buf_free(&buf);
}

static void test_sequences(void **state) {
    (void)state;
    assert_int_equal(utf8_sequence("", 0), 0);
    assert_int_equal(utf8_sequence("a", 1), 1);
    assert_int_equal(utf8_sequence("\0", 1), 1);
    // The first and last of each row of table 3-7, and their neighbours outside it.
    const struct { const char *bytes; size_t length; } cases[] = {
        {"\x7F", 1}, {"\x80", 0}, {"\xC1\xBF", 0}, {"\xC2\x80", 2}, {"\xDF\xBF", 2}, {"\xC2\x7F", 0}, {"\xC2\xC0", 0},
        {"\xE0\x9F\xBF", 0}, {"\xE0\xA0\x80", 3}, {"\xEC\xBF\xBF", 3}, {"\xED\x9F\xBF", 3}, {"\xED\xA0\x80", 0},
        {"\xEE\x80\x80", 3}, {"\xEF\xBF\xBF", 3}, {"\xF0\x8F\xBF\xBF", 0}, {"\xF0\x90\x80\x80", 4},
        {"\xF3\xBF\xBF\xBF", 4}, {"\xF4\x8F\xBF\xBF", 4}, {"\xF4\x90\x80\x80", 0}, {"\xF5\x80\x80\x80", 0},
        {"\xE2\x82", 0}, {"\xF0\x9F\x98", 0}, {"\xFF", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(utf8_sequence(cases[i].bytes, strlen(cases[i].bytes)), cases[i].length);
    }
    assert_int_equal(utf8_sequence("\xE2\x82\xAC...", 2), 0); // cut by the length
}

// Every code point, encoded by the definition, is one sequence; and its lossy copy is itself.
static void test_every_code_point(void **state) {
    (void)state;
    Buf copy;
    buf_init(&copy, 0);
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        unsigned char b[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = n; i-- > 1;) b[i] = (unsigned char)(0x80 | ((c >> (6 * (n - 1 - i))) & 0x3F));
        static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
        b[0] = (unsigned char)(lead[n] | (c >> (6 * (n - 1))));
        bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        assert_int_equal(utf8_sequence((char *)b, n), surrogate ? 0 : n);
        if (c % 257 == 0 && !surrogate) {
            buf_clear(&copy);
            buf_add_utf8_lossy(&copy, (Str){(char *)b, n});
            assert_true(str_equal(buf_str(&copy), (Str){(char *)b, n}));
        }
    }
    buf_free(&copy);
}

#define R "\xEF\xBF\xBD" // U+FFFD

static void test_lossy(void **state) {
    (void)state;
    const struct { Str bytes; const char *text; } cases[] = {
        {STR("plain"), "plain"},
        {STR("a\xFF" "b"), "a" R "b"},
        {STR("\xE2\x82"), R},                                   // cut at the end: one
        {STR("\xE2\x82 x"), R " x"},                            // cut by another character: one
        {STR("\xF0\x9F\x98" "A"), R "A"},
        {STR("\xF0\x9F\x98\xF0\x9F\x98\x80"), R "\xF0\x9F\x98\x80"},
        {STR("\xC0\xAF"), R R},                                 // overlong: each byte
        {STR("\xE0\x80\xAF"), R R R},
        {STR("\xED\xA0\x80"), R R R},                           // a surrogate: each byte
        {STR("\xF4\x90\x80\x80"), R R R R},
        {STR("\xF1\x80\x80\xE1\x80\xC2\x62"), R R R "b"},
        {STR("\x80\x80"), R R},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Buf out;
        buf_init(&out, 0);
        buf_add_utf8_lossy(&out, cases[i].bytes);
        assert_string_equal(buf_str(&out).ptr, cases[i].text);
        buf_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),     cmocka_unit_test(test_buffer),
        cmocka_unit_test(test_maximum),   cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_every_code_point), cmocka_unit_test(test_lossy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
