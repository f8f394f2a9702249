#include "data/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/row_source.h"

#define ROWS_MAX ((size_t)1 << 27)
#define ROWS_MAX_BYTES ((size_t)16 << 30)
#define WRITE_CHUNK_BYTES ((size_t)1 << 20)

typedef struct FieldName {
    RowField field;
    const char *key;
    size_t offset; // of the Str in Row
} FieldName;

// clang-format off
static const FieldName FIELDS[] = {
    {ROW_QUESTION, "question", offsetof(Row, question)},
    {ROW_SOLUTION, "solution", offsetof(Row, solution)},
    {ROW_TRACE, "reasoning_trace", offsetof(Row, trace)},
    {ROW_COMPLETION, "completion", offsetof(Row, completion)},
    {ROW_SYSTEM, "system", offsetof(Row, system)},
    {ROW_TEXT, "text", offsetof(Row, text)},
};
// clang-format on
enum { N_FIELDS = sizeof FIELDS / sizeof FIELDS[0] };

static Str *field_of(Row *row, const FieldName *name) {
    return (Str *)((char *)row + name->offset);
}

RowsLimits rows_limits_default(void) {
    return (RowsLimits){.max_rows = ROWS_MAX,
                        .max_line_bytes = JSON_LINE_MAX_BYTES,
                        .max_bytes = ROWS_MAX_BYTES,
                        .required = 0,
                        .one_of = 0};
}

// Moves member `key` (a string) out of `object` into the arena; absent and null leave `out` as it is.
static bool take_string(json_t *object, const char *where, const char *key, Arena *arena, Str *out, Error *error) {
    json_t *value = json_object_get(object, key);
    if (value == NULL) return true;
    if (json_is_string(value)) {
        size_t length = json_string_length(value);
        *out = (Str){arena_strndup(arena, json_string_value(value), length), length};
    } else if (!json_is_null(value)) {
        return error_set(error, "%s: key \"%s\": expected a string", where, key);
    }
    json_object_del(object, key);
    return true;
}

static bool take_messages(json_t *object, const char *where, json_t **out, Error *error) {
    json_t *messages = json_object_get(object, "messages");
    if (messages == NULL) return true;
    if (json_is_null(messages)) {
        json_object_del(object, "messages");
        return true;
    }
    if (!json_is_array(messages) || json_array_size(messages) == 0)
        return error_set(error, "%s: key \"messages\": expected an array with at least one message", where);
    for (size_t i = 0; i < json_array_size(messages); i++) {
        json_t *message = json_array_get(messages, i);
        if (!json_is_string(json_object_get(message, "role")) || !json_is_string(json_object_get(message, "content")))
            return error_set(error,
                             "%s: key \"messages\": item %zu: expected an object with strings \"role\" and \"content\"",
                             where, i);
    }
    *out = json_incref(messages);
    json_object_del(object, "messages");
    return true;
}

static bool row_has(const Row *row, unsigned field) {
    if (field == ROW_MESSAGES) return row->messages != NULL;
    for (int i = 0; i < N_FIELDS; i++)
        if (FIELDS[i].field == field) return field_of((Row *)row, &FIELDS[i])->ptr != NULL;
    return false;
}

static bool check_demands(const Row *row, const char *where, const RowsLimits *limits, Error *error) {
    char wanted[160] = "";
    bool found = limits->one_of == 0;
    for (unsigned field = ROW_QUESTION; field <= ROW_MESSAGES; field <<= 1) {
        const char *key = "messages", *kind = "an array of messages";
        for (int i = 0; i < N_FIELDS; i++)
            if (FIELDS[i].field == field) key = FIELDS[i].key, kind = "a string";
        bool has = row_has(row, field);
        if ((limits->required & field) && !has)
            return error_set(error, "%s: key \"%s\": expected %s, found none", where, key, kind);
        if (limits->one_of & field) {
            found = found || has;
            size_t used = strlen(wanted);
            snprintf(wanted + used, sizeof wanted - used, "%s\"%s\"", used > 0 ? " or " : "", key);
        }
    }
    return found || error_set(error, "%s: expected a key %s, found none", where, wanted);
}

bool row_from_json(json_t *object, const char *where, const RowsLimits *limits, Arena *arena, Row *row, Error *error) {
    memset(row, 0, sizeof *row);
    bool ok = true;
    for (int i = 0; ok && i < N_FIELDS; i++)
        ok = take_string(object, where, FIELDS[i].key, arena, field_of(row, &FIELDS[i]), error);
    if (ok && row->question.ptr == NULL) ok = take_string(object, where, "prompt", arena, &row->question, error);
    ok = ok && take_messages(object, where, &row->messages, error) && check_demands(row, where, limits, error);
    if (!ok) {
        json_decref(object);
        row_release(row);
        return false;
    }
    if (json_object_size(object) > 0)
        row->other = object;
    else
        json_decref(object);
    return true;
}

bool row_parse(Str line, const char *where, const RowsLimits *limits, Arena *arena, Row *row, Error *error) {
    memset(row, 0, sizeof *row);
    json_t *object = NULL;
    if (!json_parse(line, where, &object, error)) return false;
    if (json_is_object(object)) return row_from_json(object, where, limits, arena, row, error);
    json_decref(object);
    return error_set(error, "%s: expected a JSON object", where);
}

void row_release(Row *row) {
    json_decref(row->messages);
    json_decref(row->other);
    row->messages = row->other = NULL;
}

void rows_free(Rows *rows) {
    for (size_t i = 0; i < rows->count; i++)
        row_release(&rows->rows[i]);
    arena_destroy(rows->arena);
    memset(rows, 0, sizeof *rows);
}

static bool read_rows(RowSource *source, const RowsLimits *limits, Rows *rows, Error *error) {
    size_t capacity = 0;
    Row *growing = NULL; // moves into the arena when its size is known
    json_t *object;
    RowSourceStatus status;
    bool ok = true;
    while (ok && (status = row_source_next(source, &object, error)) != ROW_SOURCE_END) {
        ok = status == ROW_SOURCE_ROW;
        if (!ok) break;
        if (rows->count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            growing = mem_realloc(growing, capacity, sizeof *growing);
        }
        Row *row = &growing[rows->count];
        ok = row_from_json(object, row_source_where(source), limits, rows->arena, row, error);
        row->line = row_source_number(source);
        rows->count += ok;
    }
    rows->rows = arena_alloc(rows->arena, rows->count, sizeof *growing);
    if (rows->count > 0) memcpy(rows->rows, growing, rows->count * sizeof *growing);
    mem_free(growing);
    return ok;
}

bool rows_read(const char *path, const RowsLimits *limits, Rows *rows, Error *error) {
    memset(rows, 0, sizeof *rows);
    RowSource *source;
    if (!row_source_open(path, limits, &source, error)) return false;
    rows->arena = arena_create();
    bool ok = read_rows(source, limits, rows, error);
    row_source_close(source);
    if (!ok) rows_free(rows);
    return ok;
}

void row_write(const Row *row, Buf *out) {
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    for (int i = 0; i < N_FIELDS; i++) {
        const Str *value = field_of((Row *)row, &FIELDS[i]);
        if (value->ptr != NULL) jw_kstring(&w, FIELDS[i].key, *value);
    }
    if (row->messages != NULL) {
        jw_key(&w, "messages");
        jw_json(&w, row->messages);
    }
    const char *key;
    json_t *value;
    json_object_foreach(row->other, key, value) {
        jw_key(&w, key);
        jw_json(&w, value);
    }
    jw_object_end(&w);
    buf_add_char(out, '\n');
}

bool rows_write(const char *path, const Row *rows, size_t count, Error *error) {
    FileWriter *writer;
    if (!file_writer_open(path, &writer, error)) return false;
    Buf text;
    buf_init(&text, 0);
    for (size_t i = 0; i < count; i++) {
        row_write(&rows[i], &text);
        if (text.len < WRITE_CHUNK_BYTES && i + 1 < count) continue;
        file_writer_add_str(writer, buf_str(&text));
        buf_clear(&text);
    }
    buf_free(&text);
    return file_writer_commit(writer, error);
}

json_t *row_other(const Row *row, const char *key) {
    json_t *value = json_object_get(row->other, key);
    return json_is_null(value) ? NULL : value;
}
