// Safetensors files: what is written is read to the same bits, and a malformed file is refused by a message that names
// the file and, where there is one, the tensor.
//
// Half precision is checked against the formats' definitions (sign, exponent and fraction, by ldexp), for all patterns.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// (cmocka's header needs those above)
#include "base/file.h"
#include "base/mem.h"
#include "formats/safetensors.h"
#include <cmocka.h>

#define PATH TEST_SCRATCH "/test.safetensors"
#define N_PATTERNS 65536

// ---- round trips

static double half_value(uint32_t bits, int fraction_bits, int exponent_bits) {
    uint32_t fraction = bits & ((1u << fraction_bits) - 1),
             exponent = bits >> fraction_bits & ((1u << exponent_bits) - 1);
    int bias = (1 << (exponent_bits - 1)) - 1;
    double sign = bits >> 15 ? -1 : 1;
    if (exponent == (1u << exponent_bits) - 1) return fraction != 0 ? (double)NAN : sign * HUGE_VAL;
    if (exponent == 0) return sign * ldexp(fraction, 1 - bias - fraction_bits);
    return sign * ldexp(fraction + (1u << fraction_bits), (int)exponent - bias - fraction_bits);
}

static void write_declared(StWriter *writer) {
    Error error;
    if (!st_writer_begin(writer, PATH, &error)) fail_msg("%s", error.message);
}

static void finish(StWriter *writer) {
    Error error;
    if (!st_writer_finish(writer, &error)) fail_msg("%s", error.message);
}

static Safetensors *open_file(void) {
    Safetensors *st;
    Error error;
    if (!safetensors_open(PATH, &st, &error)) fail_msg("%s", error.message);
    return st;
}

static void test_halves(void **state) {
    (void)state;
    uint16_t *bits = mem_alloc(N_PATTERNS, sizeof *bits);
    float *values = mem_alloc(N_PATTERNS, sizeof *values);
    for (uint32_t i = 0; i < N_PATTERNS; i++)
        bits[i] = (uint16_t)i;
    StWriter *writer = st_writer_create();
    st_writer_declare(writer, "f16", ST_F16, (uint64_t[]){256, 256}, 2);
    st_writer_declare(writer, "bf16", ST_BF16, (uint64_t[]){N_PATTERNS}, 1);
    write_declared(writer);
    st_writer_data(writer, bits, 2 * N_PATTERNS);
    st_writer_data(writer, bits, 2 * N_PATTERNS);
    finish(writer);

    Safetensors *st = open_file();
    for (int t = 0; t < 2; t++) {
        const StTensor *tensor = safetensors_find(st, t == 0 ? "f16" : "bf16");
        assert_non_null(tensor);
        assert_int_equal(tensor->count, N_PATTERNS);
        assert_memory_equal(tensor->data, bits, 2 * N_PATTERNS);
        safetensors_read_f32(tensor, 0, N_PATTERNS, values);
        for (uint32_t i = 0; i < N_PATTERNS; i++) {
            double expected = t == 0 ? half_value(i, 10, 5) : half_value(i, 7, 8);
            bool same = isnan(expected) ? isnan(values[i])
                                        : (double)values[i] == expected && !signbit(values[i]) == !signbit(expected);
            if (!same) fail_msg("pattern %04x of tensor %d: %a, expected %a", i, t, (double)values[i], expected);
        }
    }
    safetensors_close(st);
    mem_free(bits);
    mem_free(values);
}

static void test_numbers(void **state) {
    (void)state;
    const float floats[] = {1.5f, -0.0f, 1e-45f, 3.4028235e38f, INFINITY, 0.1f};
    const double doubles[] = {0.1, 1e300};
    const int32_t narrow[] = {INT32_MIN, -1, INT32_MAX};
    const int64_t wide[] = {INT64_MIN, -1, INT64_MAX};
    const uint8_t bytes[] = {0, 255, 7};
    StWriter *writer = st_writer_create();
    // a single byte first: everything after it lies unaligned
    st_writer_declare(writer, "u8", ST_U8, (uint64_t[]){3}, 1);
    st_writer_declare(writer, "f32", ST_F32, (uint64_t[]){1, 2, 3}, 3);
    st_writer_declare(writer, "none", ST_F32, (uint64_t[]){0, 4}, 2);
    st_writer_declare(writer, "f64", ST_F64, (uint64_t[]){2}, 1);
    st_writer_declare(writer, "i32", ST_I32, (uint64_t[]){3}, 1);
    st_writer_declare(writer, "i64", ST_I64, (uint64_t[]){3}, 1);
    st_writer_declare(writer, "scalar \"quoted\"", ST_F32, NULL, 0);
    st_writer_metadata(writer, "format", "pt");
    write_declared(writer);
    st_writer_data(writer, bytes, sizeof bytes);
    st_writer_data(writer, floats, 5); // any pieces
    st_writer_data(writer, (const char *)floats + 5, sizeof floats - 5);
    st_writer_data(writer, doubles, sizeof doubles);
    st_writer_data(writer, narrow, sizeof narrow);
    st_writer_data(writer, wide, sizeof wide);
    st_writer_data(writer, &floats[5], sizeof floats[5]);
    finish(writer);

    Safetensors *st = open_file();
    assert_int_equal(safetensors_count(st), 7);
    assert_true(str_equal(safetensors_metadata(st, "format"), STR("pt")));
    assert_int_equal(safetensors_metadata(st, "other").len, 0);
    assert_null(safetensors_find(st, "f3"));
    const StTensor *tensor = safetensors_find(st, "f32");
    float out[6];
    int64_t ints[3];
    assert_int_equal(tensor->n_dims, 3);
    assert_int_equal(tensor->shape[2], 3);
    safetensors_read_f32(tensor, 0, 6, out);
    assert_memory_equal(out, floats, sizeof floats);
    safetensors_read_f32(tensor, 4, 2, out);
    assert_memory_equal(out, floats + 4, 2 * sizeof *floats);
    safetensors_read_f32(safetensors_find(st, "f64"), 0, 2, out);
    assert_true(out[0] == 0.1f && isinf(out[1]));
    safetensors_read_i64(safetensors_find(st, "i32"), 0, 3, ints);
    for (int i = 0; i < 3; i++)
        assert_true(ints[i] == narrow[i]);
    safetensors_read_i64(safetensors_find(st, "i64"), 0, 3, ints);
    assert_memory_equal(ints, wide, sizeof wide);
    safetensors_read_i64(safetensors_find(st, "u8"), 1, 2, ints);
    assert_true(ints[0] == 255 && ints[1] == 7);
    assert_int_equal(safetensors_find(st, "none")->count, 0);
    safetensors_read_f32(safetensors_find(st, "scalar \"quoted\""), 0, 1, out);
    assert_true(out[0] == 0.1f);
    safetensors_close(st);
}

// ---- malformed files

static void put_file(const void *bytes, size_t count) {
    Error error;
    if (!file_write_atomic(PATH, bytes, count, &error)) fail_msg("%s", error.message);
}

// A file of this header, said to be `length` bytes long, and n_data bytes of data.
static void put_header(const char *header, uint64_t length, size_t n_data) {
    Buf file;
    buf_init(&file, 0);
    for (int i = 0; i < 8; i++)
        buf_add_char(&file, (char)(length >> (8 * i)));
    buf_add_str(&file, str_of(header));
    for (size_t i = 0; i < n_data; i++)
        buf_add_char(&file, 1);
    put_file(file.data, file.len);
    buf_free(&file);
}

// Refused, in one line that names the file and holds `part`.
static void expect_refusal(const char *what, const char *part) {
    Safetensors *st = NULL;
    Error error;
    if (safetensors_open(PATH, &st, &error)) fail_msg("%s: was read", what);
    assert_null(st);
    if (!strstr(error.message, PATH) || !strstr(error.message, part) || strchr(error.message, '\n')) {
        fail_msg("%s: the message was: %s", what, error.message);
    }
}

#define GOOD_HEADER                                                                                                    \
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F16\",\"shape\":[1,3],\"data_" \
    "offsets\":[8,14]}}"

static void test_truncated(void **state) {
    (void)state;
    put_header(GOOD_HEADER, strlen(GOOD_HEADER), 14);
    safetensors_close(open_file()); // whole, it is fine
    Buf whole;
    Error error;
    if (!file_read(PATH, 4096, &whole, &error)) fail_msg("%s", error.message);
    for (size_t n = 0; n < whole.len; n++) {
        char what[48];
        snprintf(what, sizeof what, "cut to %zu bytes", n);
        put_file(whole.data, n);
        bool in_data = n >= 8 + strlen(GOOD_HEADER);
        expect_refusal(what, n < 8               ? "too short"
                             : !in_data          ? "truncated"
                             : n < whole.len - 6 ? "tensor \"a\""
                                                 : "tensor \"b\"");
    }
    // the same, where the length is right and the text is not: every prefix of the header
    for (size_t n = 0; n < strlen(GOOD_HEADER); n++) {
        char header[sizeof GOOD_HEADER] = {0};
        memcpy(header, GOOD_HEADER, n);
        put_header(header, n, 14);
        expect_refusal(header, "not JSON");
    }
    buf_free(&whole);
}

static void test_lengths(void **state) {
    (void)state;
    static const uint64_t lengths[] = {3,         1u << 20,       SAFETENSORS_HEADER_MAX_BYTES + 1,
                                       INT64_MAX, UINT64_MAX - 7, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        put_header("{}", lengths[i], 0);
        expect_refusal("header length", "truncated, or no safetensors file");
    }
    // a header over the limit that is all there: a sparse file
    put_header("{}", SAFETENSORS_HEADER_MAX_BYTES + 1, 0);
    FILE *file = fopen(PATH, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)SAFETENSORS_HEADER_MAX_BYTES + 8, SEEK_SET), 0);
    assert_true(fputc(' ', file) == ' ' && fclose(file) == 0);
    expect_refusal("long header", "no safetensors file");
    Error error;
    if (!path_remove(PATH, &error)) fail_msg("%s", error.message);
    expect_refusal("missing", "No such file");
}

typedef struct Malformed {
    const char *header, *message;
    size_t n_data;
} Malformed;

#define TENSOR(name, dtype, shape, offsets)                                                                            \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const Malformed malformed[] = {
    {"[]", "expected an object", 0},
    {"{\"t\":3}", "tensor \"t\": expected an object", 0},
    {"{\"__metadata__\":3}", "__metadata__\": expected an object", 0},
    {"{\"__metadata__\":{\"k\":3}}", "key \"k\": expected a string", 0},
    // offsets
    {"{" TENSOR("t", "F32", "[2]", "[0,8]") "," TENSOR("u", "F32", "[1]", "[4,8]") "}",
     "tensors \"t\" and \"u\" overlap", 8},
    {"{" TENSOR("t", "F32", "[1]", "[0,4]") "," TENSOR("u", "F32", "[1]", "[0,4]") "}", "overlap", 4},
    {"{" TENSOR("t", "F32", "[1]", "[0,4]") "," TENSOR("u", "F32", "[1]", "[8,12]") "}", "tensor \"u\": 4 bytes before",
     12},
    {"{" TENSOR("t", "F32", "[1]", "[4,8]") "}", "tensor \"t\": 4 bytes before", 8},
    {"{" TENSOR("t", "F32", "[1]", "[0,4]") "}", "1 bytes after the last tensor", 5},
    {"{}", "4 bytes after the last tensor", 4},
    {"{" TENSOR("t", "F32", "[2]", "[0,8]") "}", "tensor \"t\": data_offsets: expected [from, to] within the 7 bytes",
     7},
    {"{" TENSOR("t", "F32", "[1]", "[4,0]") "}", "tensor \"t\": data_offsets", 4},
    {"{" TENSOR("t", "F32", "[1]", "[-4,0]") "}", "tensor \"t\": data_offsets", 4},
    {"{" TENSOR("t", "F32", "[1]", "[9223372036854775807,9223372036854775807]") "}", "tensor \"t\": data_offsets", 4},
    {"{" TENSOR("t", "F32", "[1]", "[0,99999999999999999999]") "}", "tensor \"t\": ", 4},
    {"{" TENSOR("t", "F32", "[1]", "[0]") "}", "tensor \"t\": data_offsets", 4},
    {"{" TENSOR("t", "F32", "[1]", "[0,4,8]") "}", "tensor \"t\": data_offsets", 4},
    {"{" TENSOR("t", "F32", "[1]", "[0,4.0]") "}", "tensor \"t\": data_offsets", 4},
    {"{" TENSOR("t", "F32", "[1]", "\"0,4\"") "}", "tensor \"t\": key \"data_offsets\": expected an array", 4},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}",
     "tensor \"t\": key \"data_offsets\": expected an array, found nothing", 4},
    // types
    {"{" TENSOR("t", "F33", "[1]", "[0,4]") "}", "tensor \"t\": dtype \"F33\" is not known", 4},
    {"{" TENSOR("t", "f32", "[1]", "[0,4]") "}", "tensor \"t\": dtype \"f32\" is not known", 4},
    {"{" TENSOR("t", "F32\\u0000", "[1]", "[0,4]") "}", "tensor \"t\": dtype", 4},
    {"{\"t\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", "tensor \"t\": key \"dtype\": expected a string", 4},
    {"{" TENSOR("t", "F16", "[1]", "[0,4]") "}", "tensor \"t\": 4 bytes of data do not fit", 4},
    // shapes
    {"{" TENSOR("t", "F32", "[3]", "[0,8]") "}", "tensor \"t\": 8 bytes of data do not fit", 8},
    {"{" TENSOR("t", "F32", "[-1]", "[0,4]") "}", "tensor \"t\": shape", 4},
    {"{" TENSOR("t", "F32", "[1.0]", "[0,4]") "}", "tensor \"t\": shape", 4},
    {"{" TENSOR("t", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", "tensor \"t\": more than 8 dimensions", 4},
    {"{" TENSOR("t", "F32", "[4294967296,4294967296]", "[0,0]") "}", "tensor \"t\": a shape of too many elements", 0},
    {"{" TENSOR("t", "F32", "[4611686018427387904]", "[0,0]") "}", "tensor \"t\": 0 bytes of data do not fit",
     0}, // x 4 = 2^64
    {"{" TENSOR("t", "F32", "{}", "[0,4]") "}", "tensor \"t\": key \"shape\": expected an array", 4},
    // names
    {"{" TENSOR("t", "F32", "[1]", "[0,4]") "," TENSOR("t", "F32", "[1]", "[4,8]") "}",
     "duplicate object key near '\"t\"'", 8},
    {"{" TENSOR("t\\u0000", "F32", "[1]", "[0,4]") "}", "not JSON", 4},
    {"{" TENSOR("t\xff", "F32", "[1]", "[0,4]") "}", "not JSON", 4},
};

static void test_malformed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        put_header(malformed[i].header, strlen(malformed[i].header), malformed[i].n_data);
        expect_refusal(malformed[i].header, malformed[i].message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halves),  cmocka_unit_test(test_numbers),   cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_lengths), cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
