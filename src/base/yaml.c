#include "base/yaml.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "base/file.h"
#include "base/mem.h"

#define YAML_MAX_DEPTH 64

// Jansson gives NULL only when it is out of memory, since what it is given here is checked before.
static json_t *must_have(json_t *value) {
    if (value == NULL) mem_out_of_memory(0);
    return value;
}

// ---- Plain scalars: YAML 1.2, section 10.3.2 (core schema) ----

static bool is_one_of(Str text, const char *const *words) {
    for (; *words != NULL; words++) {
        if (str_equal(text, str_of(*words))) return true;
    }
    return false;
}

static size_t skip_digits(Str text, size_t i) {
    while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9') i++;
    return i;
}

// [-+]? [0-9]+
static bool is_decimal(Str text) {
    size_t from = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    return text.len > from && skip_digits(text, from) == text.len;
}

// 0o [0-7]+ or 0x [0-9a-fA-F]+; *base is 8 or 16
static bool is_based(Str text, int *base) {
    const char *digits;
    if (str_starts(text, STR("0o"))) {
        *base = 8;
        digits = "01234567";
    } else if (str_starts(text, STR("0x"))) {
        *base = 16;
        digits = "0123456789abcdefABCDEF";
    } else {
        return false;
    }
    for (size_t i = 2; i < text.len; i++) {
        if (text.ptr[i] == '\0' || strchr(digits, text.ptr[i]) == NULL) return false;
    }
    return text.len > 2;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
static bool is_real(Str text) {
    size_t i = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    size_t whole_end = skip_digits(text, i), digits = whole_end - i;
    i = whole_end;
    if (i < text.len && text.ptr[i] == '.') {
        size_t fraction_end = skip_digits(text, i + 1);
        digits += fraction_end - (i + 1);
        i = fraction_end;
    }
    if (digits == 0) return false;
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        i++;
        if (i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+')) i++;
        size_t end = skip_digits(text, i);
        if (end == i) return false;
        i = end;
    }
    return i == text.len;
}

// A number: *out is NULL where the text is one that cannot be held (too large an integer, an infinity, a NaN).
// False: not a number.
static bool resolve_number(Str text, json_t **out) {
    static const char *const no_json[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                          "-.Inf", "-.INF", ".nan", ".NaN", ".NAN", NULL};
    *out = NULL;
    int base = 10;
    bool integer = is_decimal(text) || is_based(text, &base);
    if (!integer && !is_real(text)) return is_one_of(text, no_json);

    char *copy = mem_strndup(text.ptr, text.len); // with its NUL, for strto*
    errno = 0;
    if (integer) {
        long long value = strtoll(base == 10 ? copy : copy + 2, NULL, base);
        if (errno == 0) *out = must_have(json_integer(value));
    } else {
        double value = strtod(copy, NULL); // an underflow is rounded
        if (isfinite(value)) *out = must_have(json_real(value));
    }
    mem_free(copy);
    return true;
}

// The value of a plain scalar, NULL where it is a number that cannot be held. `text` must be valid UTF-8.
static json_t *resolve_plain(Str text) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    if (is_one_of(text, nulls)) return json_null();
    if (is_one_of(text, trues)) return json_true();
    if (is_one_of(text, falses)) return json_false();
    json_t *number;
    if (resolve_number(text, &number)) return number;
    return must_have(json_stringn(text.ptr, text.len));
}

json_t *yaml_scalar(Str text) {
    Buf clean;
    buf_init(&clean, 0);
    buf_add_utf8_lossy(&clean, text);
    Str valid = buf_str(&clean);
    json_t *value = resolve_plain(valid);
    // A number that cannot be held stays text, so that whoever needs a number refuses it by name.
    if (value == NULL) value = must_have(json_stringn(valid.ptr, valid.len));
    buf_free(&clean);
    return value;
}

// ---- Reading: libyaml's events into a tree ----

typedef struct Reader {
    yaml_parser_t parser;
    const char *path;
    Error *error;
} Reader;

static bool next_event(Reader *r, yaml_event_t *event) {
    if (yaml_parser_parse(&r->parser, event)) return true;
    const char *problem = r->parser.problem != NULL ? r->parser.problem : "out of memory";
    return error_set(r->error, "%s:%zu: not YAML: %s", r->path, r->parser.problem_mark.line + 1, problem);
}

static bool fail_at(Reader *r, const yaml_event_t *event, const char *what) {
    return error_set(r->error, "%s:%zu: %s", r->path, event->start_mark.line + 1, what);
}

static bool read_scalar(Reader *r, const yaml_event_t *event, json_t **out) {
    Str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        *out = must_have(json_stringn(text.ptr, text.len));
        return true;
    }
    *out = resolve_plain(text);
    if (*out != NULL) return true;
    return error_set(r->error, "%s:%zu: expected a finite number of 64 bits, found %.*s", r->path,
                     event->start_mark.line + 1, (int)(text.len < 60 ? text.len : 60), text.ptr);
}

static bool is_marked(const yaml_event_t *event) {
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL;
    default: return event->type == YAML_ALIAS_EVENT;
    }
}

static bool read_value(Reader *r, const yaml_event_t *event, int depth, json_t **out);

static bool read_items(Reader *r, int depth, json_t *array) {
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event)) return false;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        json_t *item = NULL;
        bool ok = end || read_value(r, &event, depth, &item);
        yaml_event_delete(&event);
        if (!ok || end) return ok;
        if (json_array_append_new(array, item) != 0) mem_out_of_memory(0);
    }
}

// A key must be a scalar, without NUL, and new; its text is the key whatever it would be as a value.
static bool check_key(Reader *r, const yaml_event_t *event, json_t *object) {
    if (is_marked(event)) return fail_at(r, event, "anchors, aliases and tags are not read");
    if (event->type != YAML_SCALAR_EVENT) return fail_at(r, event, "expected a key of plain or quoted text");
    const char *key = (const char *)event->data.scalar.value;
    if (strlen(key) != event->data.scalar.length) return fail_at(r, event, "expected a key without NUL characters");
    if (json_object_get(object, key) != NULL) {
        return error_set(r->error, "%s:%zu: key \"%s\" is there twice", r->path, event->start_mark.line + 1, key);
    }
    return true;
}

static bool read_members(Reader *r, int depth, json_t *object) {
    for (;;) {
        yaml_event_t key, event;
        if (!next_event(r, &key)) return false;
        bool end = key.type == YAML_MAPPING_END_EVENT;
        bool ok = end || check_key(r, &key, object);
        if (!ok || end) {
            yaml_event_delete(&key);
            return ok;
        }
        json_t *value = NULL;
        ok = next_event(r, &event);
        if (ok) {
            ok = read_value(r, &event, depth, &value);
            yaml_event_delete(&event);
        }
        if (ok && json_object_set_new(object, (const char *)key.data.scalar.value, value) != 0) mem_out_of_memory(0);
        yaml_event_delete(&key);
        if (!ok) return false;
    }
}

// The value that `event` begins; depth counts the collections around it.
static bool read_value(Reader *r, const yaml_event_t *event, int depth, json_t **out) {
    if (is_marked(event)) return fail_at(r, event, "anchors, aliases and tags are not read");
    if (event->type == YAML_SCALAR_EVENT) return read_scalar(r, event, out);
    if (depth == YAML_MAX_DEPTH) return fail_at(r, event, "expected at most 64 levels");
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    assert(is_map || event->type == YAML_SEQUENCE_START_EVENT);
    json_t *value = must_have(is_map ? json_object() : json_array());
    bool ok = is_map ? read_members(r, depth + 1, value) : read_items(r, depth + 1, value);
    if (!ok) {
        json_decref(value);
        return false;
    }
    *out = value;
    return true;
}

// Stream start, at most one document, stream end. A stream without a document is an empty object: a recipe of defaults.
static bool read_stream(Reader *r, json_t **out) {
    json_t *tree = NULL;
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event)) break;
        yaml_event_type_t type = event.type;
        bool ok = true;
        if (type == YAML_DOCUMENT_START_EVENT && tree != NULL) {
            ok = fail_at(r, &event, "expected one document");
        } else if (type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                   type == YAML_MAPPING_START_EVENT) {
            ok = read_value(r, &event, 0, &tree);
        }
        yaml_event_delete(&event);
        if (!ok) break;
        if (type == YAML_STREAM_END_EVENT) {
            *out = tree != NULL ? tree : must_have(json_object());
            return true;
        }
    }
    json_decref(tree); // NULL is fine
    return false;
}

bool yaml_parse(Str text, const char *path, json_t **out, Error *error) {
    if (text.len > YAML_MAX_BYTES) return error_set(error, "%s: expected at most %zu bytes", path, YAML_MAX_BYTES);
    Reader reader = {.path = path, .error = error};
    if (!yaml_parser_initialize(&reader.parser)) mem_out_of_memory(0);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    const char *bytes = text.ptr != NULL ? text.ptr : "";
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, text.len);
    bool ok = read_stream(&reader, out);
    yaml_parser_delete(&reader.parser);
    return ok;
}

bool yaml_read_file(const char *path, json_t **out, Error *error) {
    Buf text;
    if (!file_read(path, YAML_MAX_BYTES, &text, error)) return false;
    bool ok = yaml_parse(buf_str(&text), path, out, error);
    buf_free(&text);
    return ok;
}

// ---- Writing: a tree into libyaml's emitter ----

static int write_to_buf(void *out, unsigned char *bytes, size_t count) {
    buf_add(out, bytes, count);
    return 1;
}

// The emitter fails only when it is out of memory, or on a wrong order of events, which is a bug.
static void emit(yaml_emitter_t *emitter, yaml_event_t *event, int made) {
    if (!made || !yaml_emitter_emit(emitter, event)) {
        assert(emitter->error == YAML_MEMORY_ERROR);
        mem_out_of_memory(0);
    }
}

static void write_plain(yaml_emitter_t *emitter, const char *text) {
    yaml_event_t event;
    int made = yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1,
                                            YAML_PLAIN_SCALAR_STYLE);
    emit(emitter, &event, made);
}

// Quoted where it would not be read back as this text. Double quotes escape whatever is not printable on one line.
static void write_string(yaml_emitter_t *emitter, Str text) {
    json_t *as_plain = resolve_plain(text);
    bool plain = json_is_string(as_plain);
    json_decref(as_plain);
    yaml_scalar_style_t style = plain ? YAML_ANY_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c >= 0x7f) style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    }
    yaml_event_t event;
    int made = yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text.ptr, (int)text.len, plain, 1,
                                            style);
    emit(emitter, &event, made);
}

// The shortest of 15 to 17 digits that reads back to the same bits, with a point or an exponent: 1 becomes 1.0.
static void write_real(yaml_emitter_t *emitter, double value) {
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    if (strpbrk(text, ".e") == NULL) strcat(text, ".0");
    write_plain(emitter, text);
}

static void write_value(yaml_emitter_t *emitter, json_t *value, int depth);

static void write_array(yaml_emitter_t *emitter, json_t *array, int depth) {
    yaml_event_t event;
    emit(emitter, &event, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
    for (size_t i = 0; i < json_array_size(array); i++) write_value(emitter, json_array_get(array, i), depth + 1);
    emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static void write_object(yaml_emitter_t *emitter, json_t *object, int depth) {
    yaml_event_t event;
    const char *key;
    json_t *item;
    emit(emitter, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
    json_object_foreach(object, key, item) {
        write_string(emitter, str_of(key));
        write_value(emitter, item, depth + 1);
    }
    emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static void write_value(yaml_emitter_t *emitter, json_t *value, int depth) {
    assert(depth <= YAML_MAX_DEPTH);
    char number[32];
    switch (json_typeof(value)) {
    case JSON_OBJECT: write_object(emitter, value, depth); break;
    case JSON_ARRAY: write_array(emitter, value, depth); break;
    case JSON_STRING: write_string(emitter, (Str){json_string_value(value), json_string_length(value)}); break;
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        write_plain(emitter, number);
        break;
    case JSON_REAL: write_real(emitter, json_real_value(value)); break;
    case JSON_TRUE: write_plain(emitter, "true"); break;
    case JSON_FALSE: write_plain(emitter, "false"); break;
    case JSON_NULL: write_plain(emitter, "null"); break;
    }
}

void yaml_write(Buf *out, json_t *tree) {
    yaml_emitter_t emitter;
    yaml_event_t event;
    if (!yaml_emitter_initialize(&emitter)) mem_out_of_memory(0);
    yaml_emitter_set_output(&emitter, write_to_buf, out);
    yaml_emitter_set_encoding(&emitter, YAML_UTF8_ENCODING);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1); // long lines are not folded
    emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    write_value(&emitter, tree, 0);
    emit(&emitter, &event, yaml_document_end_event_initialize(&event, 1));
    emit(&emitter, &event, yaml_stream_end_event_initialize(&event));
    yaml_emitter_delete(&emitter);
}
