#include "eval/code/tests.h"

#include <string.h>

// A member that is JSON in a string, or the value itself; *owned is a new reference, NULL where the member is absent,
// null or empty.
static bool read_inner(json_t *row, const char *where, const char *key, json_t **owned, Error *error) {
    json_t *member = json_object_get(row, key);
    *owned = NULL;
    if (member == NULL || json_is_null(member)) return true;
    if (!json_is_string(member)) {
        *owned = json_incref(member);
        return true;
    }
    Str text = str_trim((Str){json_string_value(member), json_string_length(member)});
    if (text.len == 0) return true;
    if (strchr("[{n", text.ptr[0]) == NULL) {
        return error_set(error, "%s: key \"%s\": expected JSON, found what looks like a compressed pickle; replace it once by "
                         "pickle.loads(zlib.decompress(base64.b64decode(text))) in Python, a JSON string", where, key);
    }
    char inside[256];
    snprintf(inside, sizeof inside, "%s: key \"%s\"", where, key);
    return json_parse(text, inside, owned, error);
}

static Str keep(Arena *arena, Str text) { return (Str){arena_strndup(arena, text.ptr, text.len), text.len}; }

typedef struct Kinds {
    size_t stdin_tests, functional;
} Kinds;

static bool add_test(json_t *item, const char *where, CodeTests *tests, Kinds *kinds, Error *error) {
    if (!json_is_object(item)) return error_set(error, "%s: expected an object with input, output and testtype", where);
    Str input, output, type;
    if (!json_need_string(item, where, "input", &input, error) || !json_need_string(item, where, "output", &output, error) ||
        !json_need_string(item, where, "testtype", &type, error)) {
        return false;
    }
    bool functional = str_equal(type, STR("functional"));
    if (!functional && !str_equal(type, STR("stdin"))) {
        return error_set(error, "%s: key \"testtype\": expected stdin or functional", where);
    }
    kinds->functional += functional;
    kinds->stdin_tests += !functional;
    tests->tests[tests->n++] = (CodeTest){keep(tests->arena, input), keep(tests->arena, output)};
    return true;
}

static bool add_tests(json_t *array, const char *where, const char *key, CodeTests *tests, Kinds *kinds, Error *error) {
    if (array == NULL) return true;
    if (!json_is_array(array)) return error_set(error, "%s: key \"%s\": expected an array of tests", where, key);
    if (json_array_size(array) > CODE_MAX_TESTS) {
        return error_set(error, "%s: key \"%s\": expected at most %d tests, found %zu", where, key, CODE_MAX_TESTS, json_array_size(array));
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        char inside[256];
        snprintf(inside, sizeof inside, "%s: key \"%s\": test %zu", where, key, i + 1);
        if (!add_test(json_array_get(array, i), inside, tests, kinds, error)) return false;
    }
    return true;
}

// It becomes part of a program.
static bool is_name(Str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
    }
    return name.len > 0 && name.len <= 128;
}

static bool read_fn_name(json_t *row, const char *where, CodeTests *tests, Error *error) {
    json_t *metadata;
    if (!read_inner(row, where, "metadata", &metadata, error)) return false;
    json_t *name = json_is_object(metadata) ? json_object_get(metadata, "func_name") : NULL;
    if (name == NULL || json_is_null(name)) name = json_object_get(row, "fn_name");
    Str text = json_is_string(name) ? (Str){json_string_value(name), json_string_length(name)} : STR("");
    bool ok = is_name(text);
    if (ok) tests->fn_name = arena_strndup(tests->arena, text.ptr, text.len);
    json_decref(metadata);
    return ok || error_set(error, "%s: functional tests: expected the name of a function as func_name in metadata", where);
}

static bool read_all(json_t *row, const char *where, json_t *public_tests, json_t *private_tests, CodeTests *tests, Error *error) {
    Kinds kinds = {0};
    size_t most = json_array_size(public_tests) + json_array_size(private_tests);
    tests->tests = arena_alloc(tests->arena, most < 2 * CODE_MAX_TESTS ? most : 2 * CODE_MAX_TESTS, sizeof *tests->tests);
    if (!add_tests(public_tests, where, "public_test_cases", tests, &kinds, error) ||
        !add_tests(private_tests, where, "private_test_cases", tests, &kinds, error)) {
        return false;
    }
    if (tests->n == 0) return error_set(error, "%s: expected tests in public_test_cases or private_test_cases", where);
    if (kinds.functional > 0 && kinds.stdin_tests > 0) {
        return error_set(error, "%s: expected tests of one testtype, found stdin and functional", where);
    }
    return kinds.functional == 0 || read_fn_name(row, where, tests, error);
}

bool code_tests_read(json_t *row, const char *where, CodeTests *tests, Error *error) {
    *tests = (CodeTests){.arena = arena_create()};
    json_t *public_tests = NULL, *private_tests = NULL;
    bool ok = json_is_object(row) || error_set(error, "%s: expected an object", where);
    ok = ok && read_inner(row, where, "public_test_cases", &public_tests, error) &&
         read_inner(row, where, "private_test_cases", &private_tests, error) &&
         read_all(row, where, public_tests, private_tests, tests, error);
    json_decref(public_tests);
    json_decref(private_tests);
    if (!ok) code_tests_free(tests);
    return ok;
}

void code_tests_free(CodeTests *tests) {
    arena_destroy(tests->arena);
    *tests = (CodeTests){0};
}
