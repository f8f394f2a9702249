// Forms of row files: lines and arrays, as they are and packed; what is damaged, too large, or no row.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "data/row_source.h"

static const char *PATH = TEST_SCRATCH "/test_row_source"; // no ending: forms are told by the bytes

static void write_bytes(Str bytes) {
    Error error;
    if (!file_write_atomic(PATH, bytes.ptr, bytes.len, &error)) fail_msg("%s", error.message);
}

static void pack_gzip(Str text, Buf *out) {
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t bound = deflateBound(&z, text.len);
    buf_reserve(out, bound);
    z.next_in = (Bytef *)text.ptr, z.avail_in = (uInt)text.len;
    z.next_out = (Bytef *)out->data + out->len, z.avail_out = (uInt)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += bound - z.avail_out;
    deflateEnd(&z);
}

static void pack_zstd(Str text, Buf *out) {
    size_t bound = ZSTD_compressBound(text.len);
    buf_reserve(out, bound);
    size_t bytes = ZSTD_compress(out->data + out->len, bound, text.ptr, text.len, 3);
    assert_false(ZSTD_isError(bytes));
    out->len += bytes;
}

static void pack(Str text, int packing, Buf *out) {
    if (packing == 0) buf_add_str(out, text);
    if (packing == 1) pack_gzip(text, out);
    if (packing == 2) pack_zstd(text, out);
}

// Rows longer and shorter than the reader's blocks of 64 KiB, with all that may deceive a cutter of arrays.
static void make_text(bool array, Buf *text) {
    if (array) buf_add_text(text, "\n [ ");
    for (int i = 0; i < 300; i++) {
        buf_printf(text,
                   "%s{\"id\": %d, \"solution\": \"]},[{ \\\\\\\" %d\", \"n\": [[%d], {\"a\": []}], \"e\": \"\\\\\", "
                   "\"pad\": \"",
                   array && i > 0 ? " , " : "", i, i, i);
        for (int j = 0; j < i * i; j++)
            buf_add_char(text, (char)('a' + j % 7));
        buf_add_text(text, array ? "\"}" : "\"}\r\n\n");
    }
    if (array) buf_add_text(text, "\n]\n");
}

static void check_rows(void) {
    RowsLimits limits = rows_limits_default();
    Rows rows;
    Error error;
    if (!rows_read(PATH, &limits, &rows, &error)) fail_msg("%s", error.message);
    assert_int_equal(rows.count, 300);
    for (int i = 0; i < 300; i++) {
        const Row *row = &rows.rows[i];
        char solution[64];
        snprintf(solution, sizeof solution, "]},[{ \\\" %d", i);
        assert_true(str_equal(row->solution, str_of(solution)));
        assert_int_equal(json_integer_value(row_other(row, "id")), i);
        assert_int_equal(json_string_length(row_other(row, "pad")), i * i);
    }
    rows_free(&rows);
}

static void every_form_gives_the_same_rows(void **state) {
    (void)state;
    for (int form = 0; form < 6; form++) {
        Buf text, packed;
        buf_init(&text, 0), buf_init(&packed, 0);
        make_text(form % 2, &text);
        // In two parts: packed files may be joined, as `cat a.gz b.gz` does.
        size_t half = text.len / 2;
        pack((Str){text.data, half}, form / 2, &packed);
        pack((Str){text.data + half, text.len - half}, form / 2, &packed);
        write_bytes(buf_str(&packed));
        check_rows();
        buf_free(&text), buf_free(&packed);
    }
}

// What reading gives: as many rows, then `message` (after the path), or the end where it is NULL.
static void check_read(Str bytes, size_t max_bytes, size_t n_rows, const char *message) {
    RowsLimits limits = rows_limits_default();
    limits.max_bytes = max_bytes;
    write_bytes(bytes);
    RowSource *source;
    Error error = {""};
    assert_true(row_source_open(PATH, &limits, &source, &error));
    json_t *row;
    RowSourceStatus status;
    for (size_t i = 0; (status = row_source_next(source, &row, &error)) == ROW_SOURCE_ROW; i++) {
        assert_int_equal(row_source_number(source), i + 1);
        n_rows--;
        json_decref(row);
    }
    row_source_close(source);
    assert_int_equal(n_rows, 0);
    assert_int_equal(status, message == NULL ? ROW_SOURCE_END : ROW_SOURCE_FAILED);
    char expected[512];
    snprintf(expected, sizeof expected, "%s%s", PATH, message != NULL ? message : "");
    if (message != NULL) assert_string_equal(error.message, expected);
}

static void arrays_end_as_they_should(void **state) {
    (void)state;
    const struct {
        const char *text;
        size_t n_rows;
        const char *message;
    } cases[] = {
        {"", 0, NULL},
        {" \n", 0, NULL},
        {"[]", 0, NULL},
        {" [ ] \n", 0, NULL},
        {"[{}]", 1, NULL},
        {"[{},{}", 1, ":2: ends inside its array"},
        {"[{},", 1, ":2: ends inside its array"},
        {"[", 0, ":1: ends inside its array"},
        {"[\"", 0, ":1: ends inside its array"},
        {"[{},]", 1, ":2: expected a row between the commas"},
        {"[,{}]", 0, ":1: expected a row between the commas"},
        {"[{}] {}", 1, ": text after its array"},
        {"[]]", 0, ": text after its array"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_read(str_of(cases[i].text), 1000, cases[i].n_rows, cases[i].message);
}

static void a_bad_row_costs_only_itself(void **state) {
    (void)state;
    const char *texts[] = {"{\"a\": 1}\n{\"a\": \n[2]\n{\"a\": 3}\n", "[{\"a\": 1},{\"a\": },[2],{\"a\": 3}]"};
    for (int form = 0; form < 2; form++) {
        RowsLimits limits = rows_limits_default();
        write_bytes(str_of(texts[form]));
        RowSource *source;
        Error error;
        json_t *row;
        assert_true(row_source_open(PATH, &limits, &source, &error));
        for (int i = 1; i <= 4; i++) {
            bool good = i == 1 || i == 4;
            assert_int_equal(row_source_next(source, &row, &error), good ? ROW_SOURCE_ROW : ROW_SOURCE_BAD_ROW);
            assert_int_equal(row_source_number(source), i);
            if (!good) assert_non_null(strstr(error.message, i == 2 ? ":2: not JSON" : ":3: expected a JSON object"));
            if (good) {
                assert_int_equal(json_integer_value(json_object_get(row, "a")), i == 1 ? 1 : 3);
                json_decref(row);
            }
        }
        assert_int_equal(row_source_next(source, &row, &error), ROW_SOURCE_END);
        row_source_close(source);
    }
}

static void damaged_and_growing_packs_are_refused(void **state) {
    (void)state;
    Buf text, packed;
    buf_init(&text, 0);
    for (int i = 0; i < 1000; i++)
        buf_add_text(&text, "{\"a\": 1}\n");
    for (int packing = 1; packing < 3; packing++) {
        buf_init(&packed, 0);
        pack(buf_str(&text), packing, &packed);
        check_read(buf_str(&packed), text.len, 1000, NULL);
        // 9000 bytes come in one block: what is too much is not given out in part
        check_read(buf_str(&packed), text.len - 1, 0, ": expected at most 8999 bytes in all, unpacked");
        // Without its last byte a gzip file lacks part of its check sum's end, a zstd file part of its only block.
        check_read((Str){packed.data, packed.len - 1}, text.len, packing == 1 ? 1000 : 0,
                   ": ends inside its packed data");
        packed.data[packed.len - 1] ^= 1; // of the length in gzip's end
        if (packing == 1) check_read(buf_str(&packed), text.len, 0, ": damaged gzip data: incorrect length check");
        buf_free(&packed);
    }
    // A bomb: 64 MiB of blanks are some 64 KiB packed; the limit stops it before they are unpacked.
    buf_clear(&text);
    for (int i = 0; i < 64 << 20; i++)
        buf_add_char(&text, ' ');
    for (int packing = 1; packing < 3; packing++) {
        buf_init(&packed, 0);
        pack(buf_str(&text), packing, &packed);
        assert_in_range(packed.len, 1, 70000);
        check_read(buf_str(&packed), 1 << 20, 0, ": expected at most 1048576 bytes in all, unpacked");
        buf_free(&packed);
    }
    buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_gives_the_same_rows),
        cmocka_unit_test(arrays_end_as_they_should),
        cmocka_unit_test(a_bad_row_costs_only_itself),
        cmocka_unit_test(damaged_and_growing_packs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
