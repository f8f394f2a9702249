// YAML. The scalars are those of the YAML 1.2.2 specification, section 10.3.2 (example 10.9 and the table of tag
// resolution); trees are compared with the same ones written as JSON.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/yaml.h"

static Error error;

static json_t *from_json(const char *text) {
    json_t *value = NULL;
    if (!json_parse(str_of(text), "test", &value, &error)) fail_msg("%s", error.message);
    return value;
}

static void assert_same(json_t *a, json_t *b) {
    if (json_equal(a, b)) return;
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_json(&w, a);
    buf_add_text(&text, " is not ");
    w = json_writer(&text);
    jw_json(&w, b);
    fail_msg("%s", text.data);
}

static void assert_reads(const char *yaml, const char *json) {
    json_t *tree = NULL, *expected = from_json(json);
    if (!yaml_parse(str_of(yaml), "r.yaml", &tree, &error)) fail_msg("%s", error.message);
    assert_same(tree, expected);
    json_decref(tree);
    json_decref(expected);
}

static void assert_refused(Str yaml, const char *message) {
    json_t *tree = NULL;
    assert_false(yaml_parse(yaml, "r.yaml", &tree, &error));
    if (strstr(error.message, message) == NULL) fail_msg("\"%s\" is not in \"%s\"", message, error.message);
    assert_null(strchr(error.message, '\n'));
}

static void test_scalars(void **state) {
    (void)state;
    assert_reads("[null, Null, NULL, ~, ]", "[null,null,null,null]");
    assert_reads("- \n-\n", "[null,null]");
    assert_reads("[true, True, TRUE, false, False, FALSE]", "[true,true,true,false,false,false]");
    assert_reads("[0, 0o7, 0x3A, -19, +3, 007, 9223372036854775807, -9223372036854775808]",
                 "[0,7,58,-19,3,7,9223372036854775807,-9223372036854775808]");
    assert_reads("[0., -0.0, .5, +12e03, -2E+05, 1e-6, 3.]", "[0.0,-0.0,0.5,12000.0,-200000.0,0.000001,3.0]");
    // Not in the core schema: text.
    assert_reads("[yes, no, on, nULL, tRUE, 1_000, 0b1, 0o8, 0x, 1e, e5, ., +, -, 1:30, 0x1p3, inf, nan, --1]",
                 "[\"yes\",\"no\",\"on\",\"nULL\",\"tRUE\",\"1_000\",\"0b1\",\"0o8\",\"0x\",\"1e\",\"e5\",\".\",\"+\","
                 "\"-\",\"1:30\",\"0x1p3\",\"inf\",\"nan\",\"--1\"]");
    assert_reads("['1', \"true\", 'it''s', \"a\\n\\u00e4\\0\"]", "[\"1\",\"true\",\"it's\",\"a\\nä\\u0000\"]");
}

static void test_trees(void **state) {
    (void)state;
    assert_reads("", "{}");
    assert_reads("# only a comment\n", "{}");
    assert_reads("a: 1\nb:\n  c: [x, {d: 2}]\n  e:\n  - 1\n  - - 2\n",
                 "{\"a\":1,\"b\":{\"c\":[\"x\",{\"d\":2}],\"e\":[1,[2]]}}");
    assert_reads("%YAML 1.2\n---\na: |\n  two\n  lines\nb: >\n  one\n  line\n...\n",
                 "{\"a\":\"two\\nlines\\n\",\"b\":\"one line\\n\"}");
    assert_reads("\xEF\xBB\xBF" "a: ä€😀\r\n", "{\"a\":\"ä€😀\"}");
    assert_reads("1: x\ntrue: y\n", "{\"1\":\"x\",\"true\":\"y\"}"); // keys are their text
    assert_reads("alone", "\"alone\"");
}

static void test_refusals(void **state) {
    (void)state;
    assert_refused(STR("a: 1\nb: 2\na: 3\n"), "r.yaml:3: key \"a\" is there twice");
    assert_refused(STR("a: &x 1\n"), "r.yaml:1: anchors, aliases and tags are not read");
    assert_refused(STR("a: 1\nb: *x\n"), "r.yaml:2: anchors, aliases and tags are not read");
    assert_refused(STR("- !!str 1\n"), "r.yaml:1: anchors, aliases and tags");
    assert_refused(STR("- &a []\n"), "anchors, aliases and tags");
    assert_refused(STR("- !t {}\n"), "anchors, aliases and tags");
    assert_refused(STR("&k a: 1\n"), "anchors, aliases and tags");
    assert_refused(STR("*k : 1\n"), "anchors, aliases and tags");
    assert_refused(STR("? [a]\n: 1\n"), "r.yaml:1: expected a key");
    assert_refused(STR("\"a\\0b\": 1\n"), "expected a key without NUL");
    assert_refused(STR("a: 1\n---\nb: 2\n"), "r.yaml:2: expected one document");
    assert_refused(STR("\n\nlr: 9223372036854775808\n"),
                   "r.yaml:3: expected a finite number of 64 bits, found 9223372036854775808");
    assert_refused(STR("lr: 1e999\n"), "expected a finite number");
    assert_refused(STR("lr: .inf\n"), "expected a finite number");
    assert_refused(STR("lr: -.INF\n"), "expected a finite number");
    assert_refused(STR("lr: .NaN\n"), "expected a finite number");
    assert_refused(STR("a: [1, 2\n"), "r.yaml:2: not YAML");
    assert_refused(STR("a: b: c\n"), "r.yaml:1: not YAML");
    assert_refused(STR("a:\n\tb: 1\n"), "r.yaml:2: not YAML");
    assert_refused(STR("a: \xFF\n"), "not YAML");
    assert_refused(STR("a\0: 1\n"), "not YAML");
    assert_refused(STR("\xFF\xFE" "a\0"), "not YAML"); // UTF-16
}

static void test_depth(void **state) {
    (void)state;
    char text[200];
    json_t *tree = NULL;
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_true(yaml_parse((Str){text + 1, 128}, "r.yaml", &tree, &error)); // 64 levels
    json_decref(tree);
    assert_refused((Str){text, 130}, "r.yaml:1: expected at most 64 levels");
}

static void test_size(void **state) {
    (void)state;
    char *text = mem_alloc(YAML_MAX_BYTES + 1, 1);
    memset(text, ' ', YAML_MAX_BYTES + 1);
    text[0] = '1';
    assert_refused((Str){text, YAML_MAX_BYTES + 1}, "r.yaml: expected at most 4194304 bytes");
    json_t *tree = NULL;
    const char *path = TEST_SCRATCH "/yaml_size.yaml";
    assert_true(file_write_atomic(path, text, YAML_MAX_BYTES, &error));
    assert_true(yaml_read_file(path, &tree, &error));
    assert_int_equal(json_integer_value(tree), 1);
    json_decref(tree);
    assert_true(file_write_atomic(path, text, YAML_MAX_BYTES + 1, &error));
    assert_false(yaml_read_file(path, &tree, &error));
    assert_true(path_remove(path, &error));
    assert_false(yaml_read_file(path, &tree, &error));
    mem_free(text);
}

static void test_one_scalar(void **state) {
    (void)state;
    const struct { Str text; const char *json; } cases[] = {
        {STR("3"), "3"}, {STR("true"), "true"}, {STR("x"), "\"x\""}, {STR(""), "null"}, {STR("1e-6"), "1e-6"},
        {STR("a: b"), "\"a: b\""}, {STR("'1'"), "\"'1'\""}, {STR(".inf"), "\".inf\""},
        {STR("99999999999999999999"), "\"99999999999999999999\""}, {STR("\xFF"), "\"\xEF\xBF\xBD\""},
        {STR("1\0"), "\"1\\u0000\""}, {STR(" 1"), "\" 1\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value = yaml_scalar(cases[i].text), *expected = from_json(cases[i].json);
        assert_same(value, expected);
        json_decref(value);
        json_decref(expected);
    }
}

static void assert_round_trip(json_t *tree) {
    Buf text;
    buf_init(&text, 0);
    yaml_write(&text, tree);
    json_t *back = NULL;
    if (!yaml_parse(buf_str(&text), "back", &back, &error)) fail_msg("%s in:\n%s", error.message, text.data);
    assert_same(back, tree);
    json_decref(back);
    buf_free(&text);
}

static void test_write(void **state) {
    (void)state;
    json_t *tree = from_json("{\"model\":\"models/small\",\"lr\":1e-6,\"beta\":1.0,\"steps\":125,\"on\":\"true\","
                             "\"none\":null,\"list\":[1,{\"a\":false,\"b\":\"x\"}],\"text\":\"two\\nlines\",\"e\":{},\"l\":[]}");
    Buf text;
    buf_init(&text, 0);
    yaml_write(&text, tree);
    assert_string_equal(text.data, "model: models/small\nlr: 1e-06\nbeta: 1.0\nsteps: 125\non: \"true\"\nnone: null\n"
                                   "list:\n- 1\n- a: false\n  b: x\ntext: \"two\\nlines\"\ne: {}\nl: []\n");
    assert_round_trip(tree);
    json_decref(tree);

    // A long text stays on its line.
    buf_clear(&text);
    buf_printf(&text, "%0*d and more", 300, 0);
    json_t *line = json_string(text.data);
    buf_add_char(&text, '\n');
    Buf written;
    buf_init(&written, 0);
    yaml_write(&written, line);
    assert_string_equal(written.data, text.data);
    json_decref(line);
    buf_free(&written);
    buf_free(&text);
}

// Strings that YAML could take for something else, alone, as items, as values and as keys.
static void test_awkward_strings(void **state) {
    (void)state;
    const char *const strings[] = {
        "", " ", "a ", " a", "-", "- a", "?", "? a", ":", "a: b", "a:", "#", "a #b", "a#b", "&a", "*a", "!a", "|", ">",
        "%a", "@a", "`a", "'", "''", "it's", "\"", "[", "]", "{", "}", ",", "---", "...", "--- a", "~", "null", "1", "-1.5",
        "0x1F", "0o7", ".inf", ".nan", "1e999", "true", "yes", "<<", "=", "\n", "a\n", "\na", "a\n\nb", "\t", "a\tb", "\r",
        "a\r\nb", "\x7f", "\xC2\x85", "\xE2\x80\xA8", "\xEF\xBB\xBF", "\xEF\xBF\xBF", "ä€😀", "a\\nb", "\x01",
        "<think>\n", "key: [",
        ("a very long line that goes on and on, far beyond the width at which an emitter would fold it, with  two  blanks "
        "and a colon: here, and so on until it has well over one hundred and twenty-eight characters, as prompts have"),
    };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        json_t *tree = json_pack("[s, [s], {s: s, s: [s]}]", strings[i], strings[i], strings[i], strings[i], "other",
                                 strings[i]);
        assert_non_null(tree);
        assert_round_trip(tree);
        assert_round_trip(json_array_get(tree, 0));
        json_decref(tree);
    }
    json_t *nul = json_stringn("a\0b", 3);
    assert_round_trip(nul);
    json_decref(nul);
}

// ---- Trees drawn at random: what is written reads back equal.

static uint64_t draw(uint32_t *position, uint64_t n) {
    RngAddress address = {.seed = 11, .purpose = RNG_TEST, .position = (*position)++};
    return rng_below(&address, n);
}

static json_t *draw_string(uint32_t *position) {
    static const char *const pieces[] = {"a", " ", ":", "#", "-", "\n", "'", "\"", "\\", "1", ".", "e", "[",
                                         "{", ",", "ä", "😀", "\t", "~", "\r", "?", "|", "&", "\xE2\x80\xA9", "\x02",
                                         "true"};
    Buf text;
    buf_init(&text, 0);
    buf_add_text(&text, "");
    for (uint64_t n = draw(position, 8); n > 0; n--) buf_add_text(&text, pieces[draw(position, 26)]);
    json_t *string = json_stringn(text.data, text.len);
    buf_free(&text);
    return string;
}

static json_t *draw_tree(uint32_t *position, int depth) {
    switch (draw(position, depth < 5 ? 9 : 6)) {
    case 0: return json_null();
    case 1: return json_boolean(draw(position, 2));
    case 2: return json_integer((json_int_t)(draw(position, UINT64_MAX)));
    case 3: return json_real(((double)draw(position, UINT64_MAX) - 0x1p63) * (draw(position, 2) ? 1e-30 : 0x1p-60));
    case 4:
    case 5: return draw_string(position);
    case 6: {
        json_t *array = json_array();
        for (uint64_t n = draw(position, 5); n > 0; n--) json_array_append_new(array, draw_tree(position, depth + 1));
        return array;
    }
    default: {
        json_t *object = json_object();
        for (uint64_t n = draw(position, 5); n > 0; n--) {
            json_t *key = draw_string(position);
            json_object_set_new(object, json_string_value(key), draw_tree(position, depth + 1));
            json_decref(key);
        }
        return object;
    }
    }
}

static void test_random_trees(void **state) {
    (void)state;
    uint32_t position = 0;
    for (int i = 0; i < 3000; i++) {
        json_t *tree = draw_tree(&position, 0);
        assert_round_trip(tree);
        json_decref(tree);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),    cmocka_unit_test(test_trees), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_depth),      cmocka_unit_test(test_size),  cmocka_unit_test(test_one_scalar),
        cmocka_unit_test(test_write),      cmocka_unit_test(test_awkward_strings),
        cmocka_unit_test(test_random_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
