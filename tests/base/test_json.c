// JSON. Reading: what Jansson must be told to refuse, and the messages. Writing: every byte form, and that floats read
// back to the same bits by the C library's strtof/strtod, which round correctly.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/philox.h"

static Error error;

static void assert_message(const char *part) {
    if (strstr(error.message, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, error.message);
}

static json_t *parsed(const char *text) {
    json_t *value = NULL;
    if (!json_parse(str_of(text), "here", &value, &error)) fail_msg("%s", error.message);
    return value;
}

static void test_parse(void **state) {
    (void)state;
    json_t *value = parsed(" {\"a\": [1, 2.5, null, true, \"x\\u0000y\"]} \n");
    json_t *list = json_object_get(value, "a");
    assert_int_equal(json_array_size(list), 5);
    assert_int_equal(json_string_length(json_array_get(list, 4)), 3);
    json_decref(value);
    value = parsed("\"a string alone\"");
    assert_true(json_is_string(value));
    json_decref(value);
}

// Transformers writes 10^30 for "no limit" beside numbers that matter: they stay readable.
static void test_beyond_64_bits(void **state) {
    (void)state;
    json_t *tree = NULL;
    assert_true(json_parse(STR("{\"model_max_length\":1000000000000000019884624838656,\"id\":7}"), "config", &tree, &error));
    int64_t id = 0;
    double most = 0;
    assert_true(json_need_int(tree, "config", "id", 0, 100, &id, &error));
    assert_true(json_need_number(tree, "config", "model_max_length", &most, &error));
    assert_int_equal(id, 7);
    assert_true(most == 1e30);
    assert_false(json_need_int(tree, "config", "model_max_length", 0, INT64_MAX, &id, &error));
    json_decref(tree);
}

static void test_refused(void **state) {
    (void)state;
    const struct { Str text; const char *message; } cases[] = {
        {STR("{\"a\":1,\"a\":2}"), "duplicate"},
        {STR("[1] 2"), "end of file expected"},
        {STR("{\n\"a\": nul}"), "line 2"},
        {STR("\"\xFF\""), "unable to decode byte 0xff"},
        {STR("\"\xED\xA0\x80\""), "unable to decode"},
        {STR("\"\\ud800\""), "\\uD800"},
        {STR(""), ""},
        {STR("[1,]"), ""},
        {STR("[NaN]"), ""},
        {STR("1e999"), "overflow"},
        {STR("{\"a\":1}\0"), ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value = NULL;
        assert_false(json_parse(cases[i].text, "rows.jsonl:12", &value, &error));
        assert_memory_equal(error.message, "rows.jsonl:12: not JSON: ", 25);
        assert_message(cases[i].message);
        assert_null(strchr(error.message, '\n'));
    }
    json_t *value = NULL;
    assert_false(json_parse((Str){NULL, 0}, "w", &value, &error));
    // Deep nesting is refused, not recursed into.
    char *deep = mem_alloc(200001, 1);
    memset(deep, '[', 200000);
    assert_false(json_parse((Str){deep, 200000}, "w", &value, &error));
    assert_message("depth");
    mem_free(deep);
}

static void test_read_file(void **state) {
    (void)state;
    json_t *value = NULL;
    const char *path = TEST_SCRATCH "/json_read.json";
    assert_true(file_write_atomic(path, "{\"a\":1}", 7, &error));
    assert_true(json_read_file(path, &value, &error));
    assert_int_equal(json_integer_value(json_object_get(value, "a")), 1);
    json_decref(value);
    assert_true(file_write_atomic(path, "{", 1, &error));
    assert_false(json_read_file(path, &value, &error));
    assert_message("json_read.json: not JSON");
    assert_false(json_read_file(TEST_SCRATCH "/none.json", &value, &error));
    assert_message("none.json: No such file");
}

static void test_members(void **state) {
    (void)state;
    json_t *o = parsed("{\"s\":\"text\",\"i\":7,\"w\":16.0,\"r\":0.5,\"b\":true,\"n\":null,\"o\":{},\"a\":[]}");
    json_t *child;
    Str text;
    int64_t integer;
    double number;
    bool flag;
    assert_true(json_need_object(o, "f", "o", &child, &error) && json_is_object(child));
    assert_true(json_need_array(o, "f", "a", &child, &error) && json_is_array(child));
    assert_true(json_need_string(o, "f", "s", &text, &error) && str_equal(text, STR("text")));
    assert_true(json_need_int(o, "f", "i", 7, 7, &integer, &error) && integer == 7);
    assert_true(json_need_int(o, "f", "w", 0, 100, &integer, &error) && integer == 16);
    assert_true(json_need_number(o, "f", "i", &number, &error) && number == 7);
    assert_true(json_need_number(o, "f", "r", &number, &error) && number == 0.5);
    assert_true(json_bool_or(o, "f", "b", false, &flag, &error) && flag);

    // Missing and null take the default, another kind does not.
    assert_true(json_string_or(o, "f", "none", STR("d"), &text, &error) && str_equal(text, STR("d")));
    assert_true(json_int_or(o, "f", "n", 0, 9, 3, &integer, &error) && integer == 3);
    assert_true(json_number_or(o, "f", "n", 0.25, &number, &error) && number == 0.25);
    assert_true(json_bool_or(o, "f", "n", true, &flag, &error) && flag);
    assert_true(json_string_or(o, "f", "s", STR("d"), &text, &error) && str_equal(text, STR("text")));
    assert_true(json_int_or(o, "f", "i", 0, 9, 3, &integer, &error) && integer == 7);
    assert_true(json_number_or(o, "f", "r", 9, &number, &error) && number == 0.5);
    json_decref(o);
}

static void test_member_messages(void **state) {
    (void)state;
    json_t *o = parsed("{\"s\":\"text\",\"i\":7,\"r\":0.5,\"n\":null,\"h\":1e300}");
    json_t *child;
    Str text;
    int64_t integer;
    double number;
    bool flag;
    assert_false(json_need_object(o, "c.json", "x", &child, &error));
    assert_string_equal(error.message, "c.json: key \"x\": expected an object, found nothing");
    assert_false(json_need_array(o, "c.json", "s", &child, &error));
    assert_string_equal(error.message, "c.json: key \"s\": expected an array, found a string");
    assert_false(json_need_string(o, "c.json", "n", &text, &error));
    assert_string_equal(error.message, "c.json: key \"n\": expected a string, found null");
    assert_false(json_need_int(o, "c.json", "i", -3, 6, &integer, &error));
    assert_string_equal(error.message, "c.json: key \"i\": expected a whole number from -3 to 6, found 7");
    assert_false(json_need_int(o, "c.json", "r", 0, 6, &integer, &error));
    assert_string_equal(error.message, "c.json: key \"r\": expected a whole number from 0 to 6, found a real number");
    assert_false(json_need_int(o, "c.json", "h", INT64_MIN, INT64_MAX, &integer, &error));
    assert_false(json_need_number(o, "c.json", "s", &number, &error));
    assert_false(json_string_or(o, "c.json", "i", STR(""), &text, &error));
    assert_false(json_int_or(o, "c.json", "s", 0, 1, 0, &integer, &error));
    assert_false(json_number_or(o, "c.json", "s", 0, &number, &error));
    assert_false(json_bool_or(o, "c.json", "i", false, &flag, &error));
    assert_string_equal(error.message, "c.json: key \"i\": expected true or false, found an integer");
    json_decref(o);

    json_t *list = parsed("[]");
    assert_false(json_need_int(list, "c.json", "k", 0, 1, &integer, &error));
    assert_string_equal(error.message, "c.json: expected an object with key \"k\", found an array");
    assert_false(json_int_or(list, "c.json", "k", 0, 1, 0, &integer, &error));
    assert_false(json_bool_or(list, "c.json", "k", false, &flag, &error));
    json_decref(list);
    assert_false(json_need_string(NULL, "c.json", "k", &text, &error));
    assert_message("found nothing");
}

static void test_write(void **state) {
    (void)state;
    Buf out;
    buf_init(&out, 0);
    JsonWriter w = json_writer(&out);
    float floats[] = {0.5f, -1.0f, NAN};
    int32_t ids[] = {1, -2};
    jw_object_begin(&w);
    jw_kstring(&w, "s", STR("x"));
    jw_kint(&w, "i", INT64_MIN);
    jw_kf32(&w, "f", 0.1f);
    jw_kf64(&w, "d", 0.1);
    jw_kbool(&w, "b", true);
    jw_kf32_array(&w, "fs", floats, 3);
    jw_kint_array(&w, "ids", ids, 2);
    jw_kint_array(&w, "none", ids, 0);
    jw_key(&w, "nest");
    jw_array_begin(&w);
    jw_object_begin(&w);
    jw_object_end(&w);
    jw_null(&w);
    jw_array_begin(&w);
    jw_array_end(&w);
    jw_bool(&w, false);
    jw_array_end(&w);
    jw_object_end(&w);
    assert_string_equal(out.data, "{\"s\":\"x\",\"i\":-9223372036854775808,\"f\":0.100000001,\"d\":0.10000000000000001,"
                                  "\"b\":true,\"fs\":[0.5,-1,null],\"ids\":[1,-2],\"none\":[],"
                                  "\"nest\":[{},null,[],false]}");
    buf_free(&out);
}

static void assert_written(Str value, const char *expected) {
    Buf out;
    buf_init(&out, 0);
    JsonWriter w = json_writer(&out);
    jw_string(&w, value);
    assert_string_equal(out.data, expected);
    buf_free(&out);
}

static void test_strings(void **state) {
    (void)state;
    assert_written(STR(""), "\"\"");
    assert_written((Str){NULL, 0}, "\"\"");
    assert_written(STR("\"\\/\b\f\n\r\t"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    assert_written(STR("\0\x01\x1f"), "\"\\u0000\\u0001\\u001f\"");
    assert_written(STR("ä€😀"), "\"ä€😀\"");
    assert_written(STR("a\xFF" "b"), "\"a\xEF\xBF\xBD" "b\"");
    assert_written(STR("\xE2\x82\n"), "\"\xEF\xBF\xBD\\n\"");
    // Every byte in every neighbourhood reads back to what the lossy copy says.
    for (int i = 0; i < 256; i++) {
        char bytes[] = {'a', (char)i, '\xC3', (char)i, 'b'};
        Buf out, lossy;
        buf_init(&out, 0);
        buf_init(&lossy, 0);
        JsonWriter w = json_writer(&out);
        jw_string(&w, (Str){bytes, sizeof bytes});
        buf_add_utf8_lossy(&lossy, (Str){bytes, sizeof bytes});
        json_t *back = parsed(out.data);
        assert_true(str_equal((Str){json_string_value(back), json_string_length(back)}, buf_str(&lossy)));
        json_decref(back);
        buf_free(&out);
        buf_free(&lossy);
    }
}

static void test_f32_bits(void **state) {
    (void)state;
    Buf out;
    buf_init(&out, 0);
    for (uint32_t i = 0; i < 200000; i++) {
        RngAddress address = {.seed = 1, .purpose = RNG_TEST, .position = i};
        uint32_t draw[4], bits, back_bits;
        rng_bits(&address, draw);
        bits = i == 0 ? 0 : i == 1 ? 0x80000000u : i == 2 ? 1 : i == 3 ? 0x7F7FFFFFu : draw[0];
        float value, back;
        memcpy(&value, &bits, sizeof value);
        buf_clear(&out);
        JsonWriter w = json_writer(&out);
        jw_f32(&w, value);
        if (!isfinite(value)) {
            assert_string_equal(out.data, "null");
            continue;
        }
        back = strtof(out.data, NULL);
        memcpy(&back_bits, &back, sizeof back);
        assert_int_equal(back_bits, bits);
        // and as a JSON reader gives it: a double that is rounded once more
        json_t *read = parsed(out.data);
        back = (float)json_number_value(read);
        memcpy(&back_bits, &back, sizeof back);
        assert_int_equal(back_bits, bits);
        json_decref(read);
    }
    buf_free(&out);
}

static void test_f64(void **state) {
    (void)state;
    const double values[] = {0.1, 1.0 / 3, 1e308, 5e-324, -0.0, 123456789012345680.0, 1e22};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        Buf out;
        buf_init(&out, 0);
        JsonWriter w = json_writer(&out);
        jw_f64(&w, values[i]);
        json_t *read = parsed(out.data);
        double back = json_number_value(read);
        assert_memory_equal(&back, &values[i], sizeof back);
        json_decref(read);
        buf_clear(&out);
        w = json_writer(&out);
        jw_f64(&w, i % 2 ? INFINITY : -INFINITY);
        assert_string_equal(out.data, "null");
        buf_free(&out);
    }
}

static void test_write_tree(void **state) {
    (void)state;
    const char *text = "{\"z\":[1,-2.5,16.0,-0.0,99999999999999984.0,1e+17,\"a\\u0000b\",null],\"a\":{\"t\":true,\"f\":false}}";
    json_t *tree = parsed(text);
    Buf out;
    buf_init(&out, 0);
    JsonWriter w = json_writer(&out);
    jw_json(&w, tree);
    assert_string_equal(out.data, text);
    json_decref(tree);
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),    cmocka_unit_test(test_beyond_64_bits), cmocka_unit_test(test_refused),         cmocka_unit_test(test_read_file),
        cmocka_unit_test(test_members),  cmocka_unit_test(test_member_messages), cmocka_unit_test(test_write),
        cmocka_unit_test(test_strings),  cmocka_unit_test(test_f32_bits),        cmocka_unit_test(test_f64),
        cmocka_unit_test(test_write_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
