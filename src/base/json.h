// JSON: reading through Jansson with limits and named errors; writing with a fixed byte form.
//
// Reading gives Jansson's json_t (reference counted: json_decref). Writing is our own small writer into a Buf, since
// numbers must have one form: F32 as "%.9g" (reads back to the same bits), non-finite numbers as null.
#ifndef RLT_BASE_JSON_H
#define RLT_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/error.h"

#define JSON_FILE_MAX_BYTES ((size_t)256 << 20)
#define JSON_LINE_MAX_BYTES ((size_t)64 << 20)

// Parses one JSON value of any kind that fills `text`. `where` (e.g. "rows.jsonl:12") begins the message of an error.
// Whole numbers beyond 64 bits make every number of the text a real (json_need_int takes whole reals).
// Duplicate keys and text after the value are errors. NUL characters in strings (\u0000) are allowed; invalid UTF-8 is
// an error.
MUST_CHECK bool json_parse(Str text, const char *where, json_t **out, Error *error);
MUST_CHECK bool json_read_file(const char *path, json_t **out, Error *error);

// Members of an object. The message of a failure names `where`, the key and what was expected. The _or forms give a
// default where the key is missing or null. Strings are borrowed from the json_t. An integer may be written as a real
// without a fraction (16.0).
MUST_CHECK bool json_need_object(json_t *object, const char *where, const char *key, json_t **out, Error *error);
MUST_CHECK bool json_need_array(json_t *object, const char *where, const char *key, json_t **out, Error *error);
MUST_CHECK bool json_need_string(json_t *object, const char *where, const char *key, Str *out, Error *error);
MUST_CHECK bool json_need_int(json_t *object, const char *where, const char *key, int64_t min, int64_t max,
                              int64_t *out, Error *error);
MUST_CHECK bool json_need_number(json_t *object, const char *where, const char *key, double *out, Error *error);
MUST_CHECK bool json_string_or(json_t *object, const char *where, const char *key, Str fallback, Str *out,
                               Error *error);
MUST_CHECK bool json_int_or(json_t *object, const char *where, const char *key, int64_t min, int64_t max,
                            int64_t fallback, int64_t *out, Error *error);
MUST_CHECK bool json_number_or(json_t *object, const char *where, const char *key, double fallback, double *out,
                               Error *error);
MUST_CHECK bool json_bool_or(json_t *object, const char *where, const char *key, bool fallback, bool *out,
                             Error *error);

// Writing. The writer puts commas by itself. Keys are C strings. Strings should be valid UTF-8 (invalid bytes become
// U+FFFD).
typedef struct JsonWriter {
    Buf *out;
    bool need_comma;
} JsonWriter;
JsonWriter json_writer(Buf *out);
void jw_object_begin(JsonWriter *w);
void jw_object_end(JsonWriter *w);
void jw_array_begin(JsonWriter *w);
void jw_array_end(JsonWriter *w);
void jw_key(JsonWriter *w, const char *key);
void jw_string(JsonWriter *w, Str value);
void jw_int(JsonWriter *w, int64_t value);
void jw_f32(JsonWriter *w, float value);  // %.9g; -0.0 keeps its point, without which it is read as the integer 0
void jw_f64(JsonWriter *w, double value); // %.17g; -0.0 likewise
void jw_bool(JsonWriter *w, bool value);
void jw_null(JsonWriter *w);
// Any json_t, compact, keys in their order; reals as jw_f64, whole ones with a point (16.0), so that they stay reals.
void jw_json(JsonWriter *w, json_t *value);
// key and value in one call
void jw_kstring(JsonWriter *w, const char *key, Str value);
void jw_kint(JsonWriter *w, const char *key, int64_t value);
void jw_kf32(JsonWriter *w, const char *key, float value);
void jw_kf64(JsonWriter *w, const char *key, double value);
void jw_kbool(JsonWriter *w, const char *key, bool value);
void jw_kf32_array(JsonWriter *w, const char *key, const float *values, size_t count);
void jw_kint_array(JsonWriter *w, const char *key, const int32_t *values, size_t count);

#endif
