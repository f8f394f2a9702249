#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"

// ---- Reading ----

bool json_parse(Str text, const char *where, json_t **out, Error *error) {
    json_error_t found;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    const char *bytes = text.ptr != NULL ? text.ptr : "";
    json_t *value = json_loadb(bytes, text.len, flags, &found);
    if (value == NULL && json_error_code(&found) == json_error_numeric_overflow) {
        // a whole number beyond 64 bits, as Transformers writes for "no limit": all numbers are then read as reals
        value = json_loadb(bytes, text.len, flags | JSON_DECODE_INT_AS_REAL, &found);
    }
    if (value == NULL) {
        return error_set(error, "%s: not JSON: %s (line %d, column %d)", where, found.text, found.line, found.column);
    }
    *out = value;
    return true;
}

bool json_read_file(const char *path, json_t **out, Error *error) {
    Buf text;
    if (!file_read(path, JSON_FILE_MAX_BYTES, &text, error)) return false;
    bool ok = json_parse(buf_str(&text), path, out, error);
    buf_free(&text);
    return ok;
}

static const char *kind_name(const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a real number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    case JSON_NULL: return "null";
    }
    return "nothing";
}

static bool wrong_kind(const json_t *value, const char *where, const char *key, const char *expected, Error *error) {
    return error_set(error, "%s: key \"%s\": expected %s, found %s", where, key, expected,
                     value != NULL ? kind_name(value) : "nothing");
}

// The member, NULL where it is missing; false where `object` is none.
static bool member(json_t *object, const char *where, const char *key, json_t **out, Error *error) {
    *out = NULL;
    if (!json_is_object(object)) {
        return error_set(error, "%s: expected an object with key \"%s\", found %s", where, key,
                         object != NULL ? kind_name(object) : "nothing");
    }
    *out = json_object_get(object, key);
    return true;
}

bool json_need_object(json_t *object, const char *where, const char *key, json_t **out, Error *error) {
    json_t *value;
    if (!member(object, where, key, &value, error)) return false;
    if (!json_is_object(value)) return wrong_kind(value, where, key, "an object", error);
    *out = value;
    return true;
}

bool json_need_array(json_t *object, const char *where, const char *key, json_t **out, Error *error) {
    json_t *value;
    if (!member(object, where, key, &value, error)) return false;
    if (!json_is_array(value)) return wrong_kind(value, where, key, "an array", error);
    *out = value;
    return true;
}

bool json_need_string(json_t *object, const char *where, const char *key, Str *out, Error *error) {
    json_t *value;
    if (!member(object, where, key, &value, error)) return false;
    if (!json_is_string(value)) return wrong_kind(value, where, key, "a string", error);
    *out = (Str){json_string_value(value), json_string_length(value)};
    return true;
}

bool json_need_int(json_t *object, const char *where, const char *key, int64_t min, int64_t max, int64_t *out,
                   Error *error) {
    json_t *value;
    if (!member(object, where, key, &value, error)) return false;
    char expected[80];
    snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)min, (long long)max);
    int64_t number = json_integer_value(value); // 0 where it is none
    // 16.0 and 1e3 are whole numbers too, as far as a double counts them one by one (2^53).
    double real = json_real_value(value);
    bool whole = json_is_real(value) && real == floor(real) && fabs(real) <= 0x1p53;
    if (whole) number = (int64_t)real;
    if (!whole && !json_is_integer(value)) return wrong_kind(value, where, key, expected, error);
    if (number < min || number > max) {
        return error_set(error, "%s: key \"%s\": expected %s, found %lld", where, key, expected, (long long)number);
    }
    *out = number;
    return true;
}

bool json_need_number(json_t *object, const char *where, const char *key, double *out, Error *error) {
    json_t *value;
    if (!member(object, where, key, &value, error)) return false;
    if (!json_is_number(value)) return wrong_kind(value, where, key, "a number", error);
    *out = json_number_value(value);
    return true;
}

// True where the default is to be taken. An `object` that is none is left to the json_need_* that follows.
static bool absent(json_t *object, const char *key) {
    if (!json_is_object(object)) return false;
    json_t *value = json_object_get(object, key);
    return value == NULL || json_is_null(value);
}

bool json_string_or(json_t *object, const char *where, const char *key, Str fallback, Str *out, Error *error) {
    if (!absent(object, key)) return json_need_string(object, where, key, out, error);
    *out = fallback;
    return true;
}

bool json_int_or(json_t *object, const char *where, const char *key, int64_t min, int64_t max, int64_t fallback,
                 int64_t *out, Error *error) {
    if (!absent(object, key)) return json_need_int(object, where, key, min, max, out, error);
    *out = fallback;
    return true;
}

bool json_number_or(json_t *object, const char *where, const char *key, double fallback, double *out, Error *error) {
    if (!absent(object, key)) return json_need_number(object, where, key, out, error);
    *out = fallback;
    return true;
}

bool json_bool_or(json_t *object, const char *where, const char *key, bool fallback, bool *out, Error *error) {
    json_t *value;
    if (!member(object, where, key, &value, error)) return false;
    if (value == NULL || json_is_null(value)) {
        *out = fallback;
        return true;
    }
    if (!json_is_boolean(value)) return wrong_kind(value, where, key, "true or false", error);
    *out = json_is_true(value);
    return true;
}

// ---- Writing ----

JsonWriter json_writer(Buf *out) { return (JsonWriter){out, false}; }

static void begin_value(JsonWriter *w) {
    if (w->need_comma) buf_add_char(w->out, ',');
    w->need_comma = true;
}

static void open_with(JsonWriter *w, char bracket) {
    begin_value(w);
    buf_add_char(w->out, bracket);
    w->need_comma = false;
}

static void close_with(JsonWriter *w, char bracket) {
    buf_add_char(w->out, bracket);
    w->need_comma = true;
}

void jw_object_begin(JsonWriter *w) { open_with(w, '{'); }
void jw_object_end(JsonWriter *w) { close_with(w, '}'); }
void jw_array_begin(JsonWriter *w) { open_with(w, '['); }
void jw_array_end(JsonWriter *w) { close_with(w, ']'); }

// The escape of a byte, or NULL where it stands for itself.
static const char *escape_of(char c, char room[8]) {
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\b': return "\\b";
    case '\f': return "\\f";
    default: break;
    }
    if ((unsigned char)c >= 0x20) return NULL;
    snprintf(room, 8, "\\u%04x", (unsigned)(unsigned char)c);
    return room;
}

static void add_quoted(Buf *out, Str value) {
    buf_add_char(out, '"');
    size_t from = 0; // of the bytes that stand for themselves and are not yet added
    for (size_t i = 0; i < value.len; i++) {
        char room[8];
        const char *escape = escape_of(value.ptr[i], room);
        if (escape == NULL) continue;
        buf_add_utf8_lossy(out, (Str){value.ptr + from, i - from});
        buf_add_text(out, escape);
        from = i + 1;
    }
    if (value.len > from) buf_add_utf8_lossy(out, (Str){value.ptr + from, value.len - from});
    buf_add_char(out, '"');
}

void jw_key(JsonWriter *w, const char *key) {
    begin_value(w);
    add_quoted(w->out, str_of(key));
    buf_add_char(w->out, ':');
    w->need_comma = false;
}

void jw_string(JsonWriter *w, Str value) {
    begin_value(w);
    add_quoted(w->out, value);
}

void jw_int(JsonWriter *w, int64_t value) {
    begin_value(w);
    buf_printf(w->out, "%lld", (long long)value);
}

// JSON has no infinities and no NaN. "-0" would be read as the integer 0, without its sign.
static void add_real(JsonWriter *w, double value, int digits) {
    begin_value(w);
    if (!isfinite(value)) {
        buf_add_text(w->out, "null");
    } else if (value == 0 && signbit(value)) {
        buf_add_text(w->out, "-0.0");
    } else {
        buf_printf(w->out, "%.*g", digits, value);
    }
}

void jw_f32(JsonWriter *w, float value) { add_real(w, (double)value, 9); }
void jw_f64(JsonWriter *w, double value) { add_real(w, value, 17); }

void jw_bool(JsonWriter *w, bool value) {
    begin_value(w);
    buf_add_text(w->out, value ? "true" : "false");
}

void jw_null(JsonWriter *w) {
    begin_value(w);
    buf_add_text(w->out, "null");
}

// With a point where it is whole, so that it is read back as a real. From 10^17 on it has an exponent anyway.
static void add_kept_real(JsonWriter *w, double value) {
    if (value != floor(value) || fabs(value) >= 1e17) {
        jw_f64(w, value);
    } else {
        begin_value(w);
        buf_printf(w->out, "%.1f", value);
    }
}

void jw_json(JsonWriter *w, json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT: {
        const char *key;
        json_t *item;
        jw_object_begin(w);
        json_object_foreach(value, key, item) {
            jw_key(w, key);
            jw_json(w, item);
        }
        jw_object_end(w);
        break;
    }
    case JSON_ARRAY:
        jw_array_begin(w);
        for (size_t i = 0; i < json_array_size(value); i++) jw_json(w, json_array_get(value, i));
        jw_array_end(w);
        break;
    case JSON_STRING: jw_string(w, (Str){json_string_value(value), json_string_length(value)}); break;
    case JSON_INTEGER: jw_int(w, json_integer_value(value)); break;
    case JSON_REAL: add_kept_real(w, json_real_value(value)); break;
    case JSON_TRUE: jw_bool(w, true); break;
    case JSON_FALSE: jw_bool(w, false); break;
    case JSON_NULL: jw_null(w); break;
    }
}

void jw_kstring(JsonWriter *w, const char *key, Str value) {
    jw_key(w, key);
    jw_string(w, value);
}

void jw_kint(JsonWriter *w, const char *key, int64_t value) {
    jw_key(w, key);
    jw_int(w, value);
}

void jw_kf32(JsonWriter *w, const char *key, float value) {
    jw_key(w, key);
    jw_f32(w, value);
}

void jw_kf64(JsonWriter *w, const char *key, double value) {
    jw_key(w, key);
    jw_f64(w, value);
}

void jw_kbool(JsonWriter *w, const char *key, bool value) {
    jw_key(w, key);
    jw_bool(w, value);
}

void jw_kf32_array(JsonWriter *w, const char *key, const float *values, size_t count) {
    jw_key(w, key);
    jw_array_begin(w);
    for (size_t i = 0; i < count; i++) jw_f32(w, values[i]);
    jw_array_end(w);
}

void jw_kint_array(JsonWriter *w, const char *key, const int32_t *values, size_t count) {
    jw_key(w, key);
    jw_array_begin(w);
    for (size_t i = 0; i < count; i++) jw_int(w, values[i]);
    jw_array_end(w);
}
