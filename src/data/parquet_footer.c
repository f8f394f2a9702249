#include <string.h>

#include "data/parquet_impl.h"
#include "data/thrift.h"

// A ColumnMetaData of the format; -1: absent.
typedef struct Column {
    int64_t type, codec, n_values, packed_bytes, data_at, dictionary_at;
    bool elsewhere, encrypted;
} Column;

static void read_column(Thrift *t, Column *c) {
    for (ThriftField f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            c->type = thrift_int(t, &f);
            break;
        case 4:
            c->codec = thrift_int(t, &f);
            break;
        case 5:
            c->n_values = thrift_int(t, &f);
            break;
        case 7:
            c->packed_bytes = thrift_int(t, &f);
            break;
        case 9:
            c->data_at = thrift_int(t, &f);
            break;
        case 11:
            c->dictionary_at = thrift_int(t, &f);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
}

static void read_column_chunk(Thrift *t, Column *c) {
    *c = (Column){-1, -1, -1, -1, -1, -1, false, false};
    for (ThriftField f = {0}; thrift_field(t, &f);) {
        if (f.id == 1) c->elsewhere = true;
        if (f.id == 8) c->encrypted = true;
        if (f.id == 3 && thrift_struct(t, &f))
            read_column(t, c);
        else
            thrift_skip(t, &f);
    }
}

typedef struct FooterReader {
    Thrift t;
    const char *path;
    uint64_t file_bytes; // without the footer
    Arena *arena;
    ParquetFooter *footer;
} FooterReader;

static bool broken(const FooterReader *r, const char *what, Error *error) {
    return error_set(error, "%s: broken footer: %s", r->path, what);
}

static bool set_chunk(const FooterReader *r, const Column *c, size_t leaf, ParquetChunk *chunk, Error *error) {
    const ParquetSchema *schema = &r->footer->schema;
    char name[256];
    parquet_column_name(schema, leaf, name, sizeof name);
    if (c->encrypted) return error_set(error, "%s: column \"%s\": is encrypted", r->path, name);
    if (c->elsewhere) return error_set(error, "%s: column \"%s\": lies in another file", r->path, name);
    const char *refused = parquet_codec_refused((int)c->codec);
    if (refused != NULL) return error_set(error, "%s: column \"%s\": codec %s is not read", r->path, name, refused);
    if (c->n_values == 0) { // pyarrow then writes a dictionary, and 0 for where the data is
        *chunk = (ParquetChunk){.codec = (int)c->codec, .from = 4, .to = 4};
        return true;
    }
    // Some writers say 0 where there is no dictionary.
    int64_t from = c->dictionary_at > 0 && c->dictionary_at < c->data_at ? c->dictionary_at : c->data_at;
    bool fits = c->type == (int64_t)schema->nodes[schema->leaves[leaf]].type && c->n_values >= 0 && from >= 4 &&
                c->packed_bytes >= 0 && (uint64_t)from <= r->file_bytes &&
                (uint64_t)c->packed_bytes <= r->file_bytes - (uint64_t)from;
    if (!fits) return error_set(error, "%s: column \"%s\": broken footer", r->path, name);
    *chunk = (ParquetChunk){(int)c->codec, (uint64_t)c->n_values, (uint64_t)from, (uint64_t)(from + c->packed_bytes)};
    return true;
}

static bool read_chunks(FooterReader *r, const ThriftField *field, ParquetGroup *group, Error *error) {
    size_t count = thrift_list(&r->t, field, THRIFT_STRUCT), n_leaves = r->footer->schema.n_leaves;
    if (r->t.bad || count != n_leaves || group->chunks != NULL) return broken(r, "columns of a row group", error);
    group->chunks = arena_alloc(r->arena, n_leaves, sizeof *group->chunks);
    for (size_t i = 0; i < n_leaves; i++) {
        Column column;
        read_column_chunk(&r->t, &column);
        if (r->t.bad) return broken(r, "a column", error);
        if (!set_chunk(r, &column, i, &group->chunks[i], error)) return false;
    }
    return true;
}

static bool read_group(FooterReader *r, ParquetGroup *group, Error *error) {
    int64_t n_rows = -1;
    for (ThriftField f = {0}; thrift_field(&r->t, &f);) {
        if (f.id == 1) {
            if (!read_chunks(r, &f, group, error)) return false;
        } else if (f.id == 3) {
            n_rows = thrift_int(&r->t, &f);
        } else {
            thrift_skip(&r->t, &f);
        }
    }
    group->n_rows = (uint64_t)n_rows;
    return (!r->t.bad && n_rows >= 0 && group->chunks != NULL) || broken(r, "a row group", error);
}

static bool read_groups(FooterReader *r, const ThriftField *field, Error *error) {
    ParquetFooter *footer = r->footer;
    size_t count = thrift_list(&r->t, field, THRIFT_STRUCT);
    if (footer->schema.nodes == NULL || footer->groups != NULL || r->t.bad) return broken(r, "row groups", error);
    footer->groups = arena_alloc(r->arena, count, sizeof *footer->groups);
    for (size_t i = 0; i < count; i++) {
        if (!read_group(r, &footer->groups[i], error)) return false;
        if (footer->groups[i].n_rows > UINT64_MAX - footer->n_rows) return broken(r, "row groups", error);
        footer->n_rows += footer->groups[i].n_rows;
    }
    footer->n_groups = count;
    return true;
}

static bool read_footer(FooterReader *r, Error *error) {
    int64_t n_rows = -1;
    for (ThriftField f = {0}; thrift_field(&r->t, &f);) {
        bool ok = true;
        switch (f.id) {
        case 2:
            ok = parquet_schema_read(&r->t, &f, r->path, r->arena, &r->footer->schema, error);
            break;
        case 3:
            n_rows = thrift_int(&r->t, &f);
            break;
        case 4:
            ok = read_groups(r, &f, error);
            break;
        case 8:
            return error_set(error, "%s: is encrypted", r->path);
        default:
            thrift_skip(&r->t, &f);
        }
        if (!ok) return false;
    }
    if (r->t.bad || r->footer->schema.nodes == NULL) return broken(r, "it ends too early", error);
    return r->footer->n_rows == (uint64_t)n_rows || broken(r, "its row groups do not hold the file's rows", error);
}

static uint32_t read_u32(const char *bytes) {
    const uint8_t *b = (const uint8_t *)bytes;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

bool parquet_footer_read(Str bytes, const char *path, Arena *arena, ParquetFooter *footer, Error *error) {
    memset(footer, 0, sizeof *footer);
    // "PAR1", pages, footer, four bytes of the footer's size, "PAR1"
    if (str_ends(bytes, STR("PARE"))) return error_set(error, "%s: is encrypted", path);
    if (bytes.len < 12 || !str_starts(bytes, STR("PAR1")) || !str_ends(bytes, STR("PAR1")))
        return error_set(error, "%s: no whole Parquet file: expected PAR1 at its start and its end", path);
    size_t size = read_u32(bytes.ptr + bytes.len - 8);
    if (size > bytes.len - 12 || size > PARQUET_FOOTER_MAX_BYTES)
        return error_set(error, "%s: broken footer: its size is %zu bytes", path, size);
    const uint8_t *end = (const uint8_t *)bytes.ptr + bytes.len - 8;
    FooterReader reader = {{end - size, end, false}, path, bytes.len - 8 - size, arena, footer};
    return read_footer(&reader, error);
}
