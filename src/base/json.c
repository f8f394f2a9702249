#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/file.h"

bool json_parse(Str text, const char *where, json_t **out, Error *error) {
    json_error_t problem;
    *out = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);
    if (*out != NULL) return true;
    return error_set(error, "%s: not JSON: %s (line %d, column %d)", where, problem.text, problem.line, problem.column);
}

bool json_read_file(const char *path, json_t **out, Error *error) {
    Buf text;
    if (!file_read(path, JSON_FILE_MAX_BYTES, &text, error)) return false;
    bool ok = json_parse(buf_str(&text), path, out, error);
    buf_free(&text);
    return ok;
}

// ---- members

static bool expected(const char *where, const char *key, const char *what, Error *error) {
    return error_set(error, "%s: key \"%s\": expected %s", where, key, what);
}

static json_t *member(json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

bool json_need_object(json_t *object, const char *where, const char *key, json_t **out, Error *error) {
    *out = member(object, key);
    return json_is_object(*out) || expected(where, key, "an object", error);
}

bool json_need_array(json_t *object, const char *where, const char *key, json_t **out, Error *error) {
    *out = member(object, key);
    return json_is_array(*out) || expected(where, key, "an array", error);
}

bool json_need_string(json_t *object, const char *where, const char *key, Str *out, Error *error) {
    json_t *value = member(object, key);
    if (!json_is_string(value)) return expected(where, key, "a string", error);
    *out = (Str){json_string_value(value), json_string_length(value)};
    return true;
}

bool json_need_int(json_t *object, const char *where, const char *key, int64_t min, int64_t max, int64_t *out, Error *error) {
    json_t *value = member(object, key);
    bool integer = json_is_integer(value), whole = json_is_real(value) && json_real_value(value) == floor(json_real_value(value)) &&
                                                   fabs(json_real_value(value)) < 9e15;
    int64_t number = integer ? (int64_t)json_integer_value(value) : whole ? (int64_t)json_real_value(value) : 0;
    if ((!integer && !whole) || number < min || number > max) {
        return error_set(error, "%s: key \"%s\": expected a whole number from %lld to %lld", where, key, (long long)min,
                         (long long)max);
    }
    *out = number;
    return true;
}

bool json_need_number(json_t *object, const char *where, const char *key, double *out, Error *error) {
    json_t *value = member(object, key);
    if (!json_is_number(value)) return expected(where, key, "a number", error);
    *out = json_number_value(value);
    return true;
}

bool json_string_or(json_t *object, const char *where, const char *key, Str fallback, Str *out, Error *error) {
    *out = fallback;
    return member(object, key) == NULL || json_need_string(object, where, key, out, error);
}

bool json_int_or(json_t *object, const char *where, const char *key, int64_t min, int64_t max, int64_t fallback, int64_t *out,
                 Error *error) {
    *out = fallback;
    return member(object, key) == NULL || json_need_int(object, where, key, min, max, out, error);
}

bool json_number_or(json_t *object, const char *where, const char *key, double fallback, double *out, Error *error) {
    *out = fallback;
    return member(object, key) == NULL || json_need_number(object, where, key, out, error);
}

bool json_bool_or(json_t *object, const char *where, const char *key, bool fallback, bool *out, Error *error) {
    json_t *value = member(object, key);
    *out = fallback;
    if (value == NULL) return true;
    if (!json_is_boolean(value)) return expected(where, key, "true or false", error);
    *out = json_is_true(value);
    return true;
}

// ---- writing

JsonWriter json_writer(Buf *out) { return (JsonWriter){out, false}; }

static void before_value(JsonWriter *w) {
    if (w->need_comma) buf_add_char(w->out, ',');
    w->need_comma = true;
}

static void open_with(JsonWriter *w, char c) {
    before_value(w);
    buf_add_char(w->out, c);
    w->need_comma = false;
}

static void close_with(JsonWriter *w, char c) {
    buf_add_char(w->out, c);
    w->need_comma = true;
}

void jw_object_begin(JsonWriter *w) { open_with(w, '{'); }
void jw_object_end(JsonWriter *w) { close_with(w, '}'); }
void jw_array_begin(JsonWriter *w) { open_with(w, '['); }
void jw_array_end(JsonWriter *w) { close_with(w, ']'); }

static void add_escaped(Buf *out, Str text) {
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x80) {
            size_t n = utf8_sequence(text.ptr + i, text.len - i);
            if (n > 0) {
                buf_add(out, text.ptr + i, n);
                i += n;
                continue;
            }
            // a maximal invalid part becomes one replacement character, as in buf_add_utf8_lossy
            size_t end = i + 1;
            while (end < text.len && ((unsigned char)text.ptr[end] & 0xC0) == 0x80 && end - i < 4) end++;
            buf_add_utf8_lossy(out, (Str){text.ptr + i, end - i});
            i = end;
            continue;
        }
        static const char short_names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
        const char *name = NULL;
        for (const char *at = short_names; *at != 0; at += 2) {
            if ((unsigned char)*at == c) name = at + 1;
        }
        if (name != NULL) {
            buf_add_char(out, '\\');
            buf_add_char(out, *name);
        } else if (c < 0x20 || c == 0x7F) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_add_char(out, (char)c);
        }
        i++;
    }
    buf_add_char(out, '"');
}

void jw_key(JsonWriter *w, const char *key) {
    before_value(w);
    add_escaped(w->out, str_of(key));
    buf_add_char(w->out, ':');
    w->need_comma = false;
}

void jw_string(JsonWriter *w, Str value) {
    before_value(w);
    add_escaped(w->out, value);
}

void jw_int(JsonWriter *w, int64_t value) {
    before_value(w);
    buf_printf(w->out, "%lld", (long long)value);
}

static void add_real(JsonWriter *w, double value, int digits) {
    before_value(w);
    if (!isfinite(value)) {
        buf_add_text(w->out, "null");
    } else {
        buf_printf(w->out, "%.*g", digits, value);
    }
}

void jw_f32(JsonWriter *w, float value) { add_real(w, value, 9); }
void jw_f64(JsonWriter *w, double value) { add_real(w, value, 17); }

void jw_bool(JsonWriter *w, bool value) {
    before_value(w);
    buf_add_text(w->out, value ? "true" : "false");
}

void jw_null(JsonWriter *w) {
    before_value(w);
    buf_add_text(w->out, "null");
}

void jw_json(JsonWriter *w, json_t *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT: {
        const char *key;
        json_t *child;
        jw_object_begin(w);
        json_object_foreach(value, key, child) {
            jw_key(w, key);
            jw_json(w, child);
        }
        jw_object_end(w);
        break;
    }
    case JSON_ARRAY: {
        size_t i;
        json_t *child;
        jw_array_begin(w);
        json_array_foreach(value, i, child) jw_json(w, child);
        jw_array_end(w);
        break;
    }
    case JSON_STRING: jw_string(w, (Str){json_string_value(value), json_string_length(value)}); break;
    case JSON_INTEGER: jw_int(w, (int64_t)json_integer_value(value)); break;
    case JSON_REAL: jw_f64(w, json_real_value(value)); break;
    case JSON_TRUE: jw_bool(w, true); break;
    case JSON_FALSE: jw_bool(w, false); break;
    case JSON_NULL: jw_null(w); break;
    }
}

void jw_kstring(JsonWriter *w, const char *key, Str value) { jw_key(w, key), jw_string(w, value); }
void jw_kint(JsonWriter *w, const char *key, int64_t value) { jw_key(w, key), jw_int(w, value); }
void jw_kf32(JsonWriter *w, const char *key, float value) { jw_key(w, key), jw_f32(w, value); }
void jw_kf64(JsonWriter *w, const char *key, double value) { jw_key(w, key), jw_f64(w, value); }
void jw_kbool(JsonWriter *w, const char *key, bool value) { jw_key(w, key), jw_bool(w, value); }

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
