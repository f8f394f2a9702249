// Puts rows together from their columns' entries. An entry's definition level says how much of the path to its leaf is
// there, its repetition level at which list the path begins anew (Dremel, Melnik et al., VLDB 2010, section 4.3).
#include "data/parquet.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/parquet_impl.h"

#define VALUE_BYTES 16 // what a value counts beside its text: an element of an array, a number

struct Parquet {
    char *path;
    FileMap map;
    Arena *arena; // what the footer says
    ParquetFooter footer;
    ParquetLimits limits;
    size_t unpacked_left, given_left, row_left; // bytes
    ParquetColumn **columns;                    // [n_leaves]
    size_t group;                               // the next row group
    uint64_t group_left, n_given;               // rows
};

bool parquet_open(const char *path, const ParquetLimits *limits, Parquet **parquet, Error *error) {
    Parquet *p = mem_alloc(1, sizeof *p);
    p->path = mem_strdup(path);
    p->arena = arena_create();
    p->limits = *limits;
    p->unpacked_left = p->given_left = limits->max_bytes;
    bool ok = file_map(path, &p->map, error) &&
              parquet_footer_read((Str){(const char *)p->map.data, p->map.size}, path, p->arena, &p->footer, error);
    if (ok && p->footer.n_rows > limits->max_rows)
        ok = error_set(error, "%s: expected at most %zu rows, found %llu", path, limits->max_rows,
                       (unsigned long long)p->footer.n_rows);
    if (!ok) {
        parquet_close(p);
        return false;
    }
    const ParquetSchema *schema = &p->footer.schema;
    p->columns = mem_alloc(schema->n_leaves, sizeof *p->columns);
    for (size_t i = 0; i < schema->n_leaves; i++)
        p->columns[i] = parquet_column_open(p->path, schema, i, &p->unpacked_left);
    *parquet = p;
    return true;
}

void parquet_close(Parquet *p) {
    if (p == NULL) return;
    for (size_t i = 0; p->columns != NULL && i < p->footer.schema.n_leaves; i++)
        parquet_column_close(p->columns[i]);
    mem_free(p->columns);
    arena_destroy(p->arena);
    file_unmap(&p->map);
    mem_free(p->path);
    mem_free(p);
}

size_t parquet_rows(const Parquet *p) {
    return (size_t)p->footer.n_rows;
}

// ---- a row

static bool spend(Parquet *p, size_t bytes, Error *error) {
    if (bytes > p->row_left)
        return error_set(error, "%s:%llu: expected a row of at most %zu bytes", p->path,
                         (unsigned long long)p->n_given + 1, p->limits.max_row_bytes);
    if (bytes > p->given_left)
        return error_set(error, "%s: expected at most %zu bytes in all", p->path, p->limits.max_bytes);
    p->row_left -= bytes;
    p->given_left -= bytes;
    return true;
}

// The next entry of a leaf, which must go on at list level `repeat`. Leaves of one group must agree on how much of the
// group is there: a file whose columns do not is broken, whatever the other column says.
static bool look(Parquet *p, size_t leaf, unsigned repeat, ParquetColumn **column, Error *error) {
    *column = p->columns[leaf];
    int status = parquet_column_peek(*column, error);
    if (status < 0) return false;
    if (status == 0) return parquet_column_error(*column, "fewer values than its row group has rows", error);
    return parquet_column_repetition(*column) == repeat ||
           parquet_column_error(*column, "its lists do not agree with those of other columns", error);
}

static bool read_node(Parquet *p, const ParquetNode *node, unsigned repeat, unsigned there, json_t **out, Error *error);

// Passes over the one entry that each leaf of an absent node has: null, or an empty list.
static bool pass_absent(Parquet *p, const ParquetNode *node, unsigned repeat, unsigned there, Error *error) {
    ParquetColumn *column;
    for (size_t i = node->leaf; i < node->leaf_end; i++) {
        if (!look(p, i, repeat, &column, error)) return false;
        unsigned definition = parquet_column_definition(column);
        if (definition < there || definition >= node->definition)
            return parquet_column_error(column, "its nulls do not agree with those of other columns", error);
        parquet_column_pass(column);
    }
    return spend(p, VALUE_BYTES, error);
}

// A node that is there, one element of it where it is repeated.
static bool read_content(Parquet *p, const ParquetNode *node, unsigned repeat, json_t **out, Error *error) {
    const ParquetNode *nodes = p->footer.schema.nodes;
    ParquetColumn *column;
    if (!spend(p, VALUE_BYTES, error)) return false;
    if (node->type == PARQUET_GROUP && node->meaning == PARQUET_LIST)
        return read_node(p, node + 1, repeat, node->definition, out, error);
    if (node->type == PARQUET_GROUP) {
        json_t *object = json_object();
        bool ok = true;
        for (const ParquetNode *child = node + 1; ok && child < nodes + node->end; child = nodes + child->end) {
            json_t *value;
            ok = read_node(p, child, repeat, node->definition, &value, error);
            if (ok) json_object_set_new(object, child->name, value);
        }
        if (!ok) json_decref(object);
        *out = object;
        return ok;
    }
    if (!look(p, node->leaf, repeat, &column, error)) return false;
    if (parquet_column_definition(column) != node->definition)
        return parquet_column_error(column, "its nulls do not agree with those of other columns", error);
    const ParquetValue *value = parquet_column_value(column);
    if (node->type == PARQUET_BYTE_ARRAY && !spend(p, value->bytes.len, error)) return false;
    *out = parquet_value_json(node, value);
    parquet_column_pass(column);
    return *out != NULL || parquet_column_error(column, "expected UTF-8 text", error);
}

// Whether the next entry of the leaf goes on with the list at `level`.
static bool goes_on(Parquet *p, size_t leaf, unsigned level, bool *more, Error *error) {
    int status = parquet_column_peek(p->columns[leaf], error);
    *more = status == 1 && parquet_column_repetition(p->columns[leaf]) == level;
    return status >= 0;
}

static bool read_array(Parquet *p, const ParquetNode *node, unsigned repeat, json_t **out, Error *error) {
    json_t *array = json_array(), *element;
    bool ok = true, more = true;
    while (ok && more) {
        ok = node->element_in_group ? read_node(p, node + 1, repeat, node->definition, &element, error)
                                    : read_content(p, node, repeat, &element, error);
        if (!ok) break;
        json_array_append_new(array, element);
        repeat = node->repetition_level;
        ok = goes_on(p, node->leaf, repeat, &more, error);
    }
    if (!ok) json_decref(array);
    *out = array;
    return ok;
}

// A node of which `there` definition levels are known to be there: those of its parent.
static bool read_node(Parquet *p, const ParquetNode *node, unsigned repeat, unsigned there, json_t **out,
                      Error *error) {
    ParquetColumn *first;
    if (!look(p, node->leaf, repeat, &first, error)) return false;
    bool absent = parquet_column_definition(first) < node->definition && node->repetition != PARQUET_REQUIRED;
    if (absent) {
        if (!pass_absent(p, node, repeat, there, error)) return false;
        *out = node->repetition == PARQUET_REPEATED ? json_array() : json_null();
        return true;
    }
    return node->repetition == PARQUET_REPEATED ? read_array(p, node, repeat, out, error)
                                                : read_content(p, node, repeat, out, error);
}

// ---- row groups

static void start_group(Parquet *p) {
    const ParquetGroup *group = &p->footer.groups[p->group++];
    for (size_t i = 0; i < p->footer.schema.n_leaves; i++)
        parquet_column_start(p->columns[i], (Str){(const char *)p->map.data, p->map.size}, &group->chunks[i]);
    p->group_left = group->n_rows;
}

static bool end_group(Parquet *p, Error *error) {
    for (size_t i = 0; i < p->footer.schema.n_leaves; i++) {
        int status = parquet_column_peek(p->columns[i], error);
        if (status < 0) return false;
        if (status > 0) return parquet_column_error(p->columns[i], "more values than its row group has rows", error);
    }
    return true;
}

int parquet_next(Parquet *p, json_t **row, Error *error) {
    while (p->group_left == 0) {
        if (p->group > 0 && !end_group(p, error)) return -1;
        if (p->group == p->footer.n_groups) return 0;
        start_group(p);
    }
    p->row_left = p->limits.max_row_bytes;
    if (!read_content(p, p->footer.schema.nodes, 0, row, error)) return -1;
    p->group_left--;
    p->n_given++;
    return 1;
}
