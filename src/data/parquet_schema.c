#include <stdio.h>
#include <string.h>

#include "data/parquet_impl.h"
#include "data/thrift.h"

// A SchemaElement of the format, as it stands in the footer.
typedef struct Element {
    int64_t type, repetition, children, converted; // -1: absent
    Str name;
    int logical;       // field of the union LogicalType, 0: absent
    bool logical_flag; // isSigned, isAdjustedToUTC
    int unit;          // field of the union TimeUnit
} Element;

// ---- one element

static void read_unit(Thrift *t, Element *e) {
    for (ThriftField f = {0}; thrift_field(t, &f); thrift_skip(t, &f))
        e->unit = f.id;
}

static void read_logical_members(Thrift *t, Element *e) {
    for (ThriftField f = {0}; thrift_field(t, &f);) {
        if (e->logical == 8 && f.id == 1)
            e->logical_flag = thrift_bool(t, &f);
        else if (e->logical == 10 && f.id == 2)
            e->logical_flag = thrift_bool(t, &f);
        else if (e->logical == 8 && f.id == 2 && thrift_struct(t, &f))
            read_unit(t, e);
        else
            thrift_skip(t, &f);
    }
}

static void read_logical(Thrift *t, Element *e) {
    for (ThriftField f = {0}; thrift_field(t, &f);) {
        e->logical = f.id;
        if (thrift_struct(t, &f)) read_logical_members(t, e);
    }
}

static void read_element(Thrift *t, Element *e) {
    *e = (Element){.type = -1, .repetition = -1, .children = -1, .converted = -1};
    for (ThriftField f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            e->type = thrift_int(t, &f);
            break;
        case 3:
            e->repetition = thrift_int(t, &f);
            break;
        case 4:
            e->name = thrift_binary(t, &f);
            break;
        case 5:
            e->children = thrift_int(t, &f);
            break;
        case 6:
            e->converted = thrift_int(t, &f);
            break;
        case 10:
            if (thrift_struct(t, &f)) read_logical(t, e);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
}

// ---- what it means

// The name of a meaning that is not read, or NULL.
static const char *refused_meaning(const Element *e) {
    if (e->logical == 5 || e->converted == 5) return "DECIMAL";
    if (e->logical == 7 || e->converted == 7 || e->converted == 8) return "TIME";
    if (e->logical == 13 || e->converted == 20) return "BSON";
    if (e->logical == 14) return "UUID";
    if (e->logical == 15) return "FLOAT16";
    if (e->converted == 21) return "INTERVAL";
    if (e->logical > 15) return "a logical type that is newer than this reader";
    if (e->type == PARQUET_INT96) return "INT96";
    if (e->type == PARQUET_FIXED) return "FIXED_LEN_BYTE_ARRAY";
    return NULL;
}

static bool set_meaning(const Element *e, ParquetNode *node) {
    bool whole = node->type == PARQUET_INT32 || node->type == PARQUET_INT64;
    bool is_unsigned = e->logical == 10 ? !e->logical_flag : e->converted >= 11 && e->converted <= 14;
    bool timestamp = e->logical == 8 || e->converted == 9 || e->converted == 10;
    if (node->type == PARQUET_GROUP) {
        // 2: MAP, 3: LIST; converted 1: MAP, 2: MAP_KEY_VALUE (in old files in place of MAP), 3: LIST
        bool list = e->logical == 2 || e->logical == 3 || (e->converted >= 1 && e->converted <= 3);
        node->meaning = list ? PARQUET_LIST : PARQUET_PLAIN;
        return true;
    }
    if (e->logical == 6 || e->converted == 6) {
        node->meaning = PARQUET_DATE;
        return node->type == PARQUET_INT32;
    }
    if (timestamp) {
        static const int64_t rates[] = {0, 1000, 1000000, 1000000000};
        int unit = e->logical == 8 ? e->unit : (int)e->converted - 8;
        node->meaning = PARQUET_TIMESTAMP;
        node->in_utc = e->logical == 8 ? e->logical_flag : true;
        node->units_per_s = unit >= 1 && unit <= 3 ? rates[unit] : 0;
        return node->type == PARQUET_INT64 && node->units_per_s > 0;
    }
    if (is_unsigned) node->meaning = PARQUET_UNSIGNED;
    return whole || !is_unsigned;
}

// ---- the tree

typedef struct SchemaReader {
    Thrift *t;
    const char *path;
    Arena *arena;
    ParquetSchema *schema;
    size_t count; // elements that the footer announces
} SchemaReader;

static bool is_text(Str name) {
    for (size_t at = 0; at < name.len;) {
        size_t n = utf8_sequence(name.ptr + at, name.len - at);
        if (n == 0 || name.ptr[at] == '\0') return false;
        at += n;
    }
    return true;
}

static bool make_node(SchemaReader *r, const Element *e, const ParquetNode *parent, ParquetNode *node, Error *error) {
    bool group = e->children > 0 || e->type < 0;
    if (!is_text(e->name)) return error_set(error, "%s: a column's name is no UTF-8 text", r->path);
    node->name = arena_strndup(r->arena, e->name.ptr != NULL ? e->name.ptr : "", e->name.len);
    node->type = group ? PARQUET_GROUP : (ParquetType)e->type;
    node->repetition = parent == NULL ? PARQUET_REQUIRED : (ParquetRepetition)e->repetition;
    if (e->type > PARQUET_FIXED || (parent != NULL && (e->repetition < 0 || e->repetition > 2)))
        return error_set(error, "%s: column \"%s\": broken schema", r->path, node->name);
    const char *refused = refused_meaning(e);
    if (refused != NULL && !group)
        return error_set(error, "%s: column \"%s\": type %s is not read", r->path, node->name, refused);
    if (!set_meaning(e, node))
        return error_set(error, "%s: column \"%s\": its logical type does not fit its type", r->path, node->name);
    if (parent != NULL) {
        node->definition = (uint8_t)(parent->definition + (node->repetition != PARQUET_REQUIRED));
        node->repetition_level = (uint8_t)(parent->repetition_level + (node->repetition == PARQUET_REPEATED));
    }
    return true;
}

// A LIST that is none, and what a LIST's elements are (format's LogicalTypes.md, "Backward-compatibility rules").
static void settle_list(ParquetNode *list) {
    if (list->meaning != PARQUET_LIST) return;
    ParquetNode *inner = list + 1;
    bool one_child = inner->end == list->end;
    if (!one_child || inner->repetition != PARQUET_REPEATED) {
        list->meaning = PARQUET_PLAIN;
        return;
    }
    if (inner->type != PARQUET_GROUP) return;
    ParquetNode *element = inner + 1;
    size_t own = strlen(list->name);
    bool tuple = strncmp(inner->name, list->name, own) == 0 && strcmp(inner->name + own, "_tuple") == 0;
    inner->element_in_group = element->end == inner->end && element->repetition != PARQUET_REPEATED &&
                              strcmp(inner->name, "array") != 0 && !tuple;
}

static bool check_names(const SchemaReader *r, const ParquetNode *group, Error *error) {
    const ParquetNode *nodes = r->schema->nodes;
    json_t *names = json_object();
    bool ok = true;
    for (const ParquetNode *child = group + 1; ok && child < nodes + group->end; child = nodes + child->end) {
        if (json_object_get(names, child->name) != NULL)
            ok = error_set(error, "%s: column \"%s\": is there twice", r->path, child->name);
        json_object_set_new(names, child->name, json_null());
    }
    json_decref(names);
    return ok;
}

// Reads a node with all that is under it.
static bool read_node(SchemaReader *r, const ParquetNode *parent, int depth, Error *error) {
    ParquetSchema *schema = r->schema;
    if (depth > PARQUET_DEPTH_MAX) return error_set(error, "%s: columns nest too deep", r->path);
    if (schema->count == r->count) return error_set(error, "%s: broken schema", r->path);
    Element e;
    read_element(r->t, &e);
    if (r->t->bad) return error_set(error, "%s: broken footer", r->path);
    size_t index = schema->count++;
    ParquetNode *node = &schema->nodes[index];
    if (!make_node(r, &e, parent, node, error)) return false;
    node->leaf = schema->n_leaves;
    if (node->type != PARQUET_GROUP) schema->leaves[schema->n_leaves++] = index;
    if (node->type == PARQUET_GROUP && e.children < 1)
        return error_set(error, "%s: column \"%s\": a group without columns", r->path, node->name);
    for (int64_t i = 0; node->type == PARQUET_GROUP && i < e.children; i++) {
        if (!read_node(r, node, depth + 1, error)) return false;
    }
    node->end = schema->count;
    node->leaf_end = schema->n_leaves;
    settle_list(node);
    return node->type != PARQUET_GROUP || check_names(r, node, error);
}

bool parquet_schema_read(Thrift *t, const ThriftField *field, const char *path, Arena *arena, ParquetSchema *schema,
                         Error *error) {
    if (schema->nodes != NULL) return error_set(error, "%s: broken footer", path);
    size_t count = thrift_list(t, field, THRIFT_STRUCT);
    if (t->bad) return error_set(error, "%s: broken footer", path);
    if (count > PARQUET_NODES_MAX)
        return error_set(error, "%s: expected at most %d columns, found %zu", path, PARQUET_NODES_MAX, count);
    SchemaReader reader = {t, path, arena, schema, count};
    schema->nodes = arena_alloc(arena, count, sizeof *schema->nodes);
    schema->leaves = arena_alloc(arena, count, sizeof *schema->leaves);
    if (!read_node(&reader, NULL, 0, error)) return false;
    return schema->count == count || error_set(error, "%s: broken schema", path);
}

void parquet_column_name(const ParquetSchema *schema, size_t leaf, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 1; i < schema->count; i++) {
        const ParquetNode *node = &schema->nodes[i];
        if (leaf < node->leaf || leaf >= node->leaf_end || used + 1 >= size) continue;
        int n = snprintf(out + used, size - used, "%s%s", used > 0 ? "." : "", node->name);
        used += n > 0 ? (size_t)n : 0;
    }
}
