#include "base/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "base/mem.h"

#define YAML_MAX_DEPTH 64

typedef struct YamlReader {
    yaml_parser_t parser;
    const char *path;
    Error *error;
} YamlReader;

// ---- scalars, by YAML 1.2's core schema

static bool all_digits(const char *text) { return *text != 0 && text[strspn(text, "0123456789")] == 0; }

static json_t *plain_number(const char *text) {
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;
    if (all_digits(digits)) {
        errno = 0;
        long long value = strtoll(text, &end, 10);
        return errno == 0 ? json_integer(value) : NULL;
    }
    if (digits[strspn(digits, "0123456789.eE+-")] != 0 || digits[strcspn(digits, "0123456789")] == 0) return NULL;
    double value = strtod(text, &end);
    return *end == 0 && isfinite(value) ? json_real(value) : NULL;
}

json_t *yaml_scalar(Str text) {
    char *copy = mem_strndup(text.ptr, text.len);
    json_t *node = NULL;
    if (strlen(copy) != text.len) {
        node = NULL;
    } else if (*copy == 0 || strcmp(copy, "~") == 0 || strcmp(copy, "null") == 0) {
        node = json_null();
    } else if (strcmp(copy, "true") == 0) {
        node = json_true();
    } else if (strcmp(copy, "false") == 0) {
        node = json_false();
    } else {
        node = plain_number(copy);
    }
    mem_free(copy);
    return node != NULL ? node : json_stringn(text.ptr, text.len);
}

// ---- reading

static bool problem(YamlReader *r, const yaml_event_t *event, const char *what) {
    return error_set(r->error, "%s:%zu: %s", r->path, event->start_mark.line + 1, what);
}

static bool next_event(YamlReader *r, yaml_event_t *event) {
    if (yaml_parser_parse(&r->parser, event)) return true;
    return error_set(r->error, "%s:%zu: not YAML: %s", r->path, r->parser.problem_mark.line + 1,
                     r->parser.problem != NULL ? r->parser.problem : "unreadable");
}

static bool read_node(YamlReader *r, yaml_event_t *event, int depth, json_t **out);

static bool read_sequence(YamlReader *r, int depth, json_t *array) {
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event)) return false;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        json_t *item = NULL;
        bool ok = end || read_node(r, &event, depth, &item);
        yaml_event_delete(&event);
        if (end) return true;
        if (!ok) return false;
        json_array_append_new(array, item);
    }
}

static bool read_pair(YamlReader *r, yaml_event_t *key, int depth, json_t *object) {
    if (key->type != YAML_SCALAR_EVENT) return problem(r, key, "expected a plain key");
    const char *name = (const char *)key->data.scalar.value;
    if (strlen(name) != key->data.scalar.length) return problem(r, key, "a key with a NUL byte");
    if (json_object_get(object, name) != NULL) {
        return error_set(r->error, "%s:%zu: key \"%s\" is there twice", r->path, key->start_mark.line + 1, name);
    }
    yaml_event_t event;
    if (!next_event(r, &event)) return false;
    json_t *value = NULL;
    bool ok = read_node(r, &event, depth, &value);
    yaml_event_delete(&event);
    if (ok && json_object_set_new(object, name, value) != 0) ok = problem(r, key, "a key that is not UTF-8");
    return ok;
}

static bool read_mapping(YamlReader *r, int depth, json_t *object) {
    for (;;) {
        yaml_event_t key;
        if (!next_event(r, &key)) return false;
        bool end = key.type == YAML_MAPPING_END_EVENT;
        bool ok = end || read_pair(r, &key, depth, object);
        yaml_event_delete(&key);
        if (end) return true;
        if (!ok) return false;
    }
}

static bool read_node(YamlReader *r, yaml_event_t *event, int depth, json_t **out) {
    if (depth > YAML_MAX_DEPTH) return problem(r, event, "nested too deep");
    *out = NULL;
    bool ok = false;
    if (event->type == YAML_SCALAR_EVENT) {
        if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL) {
            return problem(r, event, "anchors and tags are not read");
        }
        Str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
        bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        *out = plain ? yaml_scalar(text) : json_stringn(text.ptr, text.len);
        return *out != NULL || problem(r, event, "text that is not UTF-8");
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        if (event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL) {
            return problem(r, event, "anchors and tags are not read");
        }
        *out = json_array();
        ok = read_sequence(r, depth + 1, *out);
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        if (event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL) {
            return problem(r, event, "anchors and tags are not read");
        }
        *out = json_object();
        ok = read_mapping(r, depth + 1, *out);
    } else {
        return problem(r, event, "aliases are not read");
    }
    if (!ok) {
        json_decref(*out);
        *out = NULL;
    }
    return ok;
}

// One document: stream start, document start, a node, document end, stream end. An empty file is an empty object.
static bool read_stream(YamlReader *r, json_t **out) {
    *out = NULL;
    for (;;) {
        yaml_event_t event;
        if (!next_event(r, &event)) return false;
        bool ok = true, end = event.type == YAML_STREAM_END_EVENT;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT: break;
        case YAML_DOCUMENT_START_EVENT:
            if (*out != NULL) ok = problem(r, &event, "more than one document");
            break;
        default: ok = read_node(r, &event, 0, out); break;
        }
        yaml_event_delete(&event);
        if (!ok) return false;
        if (end) break;
    }
    if (*out == NULL) *out = json_object();
    return true;
}

bool yaml_parse(Str text, const char *path, json_t **out, Error *error) {
    if (text.len > YAML_MAX_BYTES) return error_set(error, "%s: over the limit of %zu bytes", path, YAML_MAX_BYTES);
    YamlReader r = {.path = path, .error = error};
    if (!yaml_parser_initialize(&r.parser)) return error_set(error, "%s: no memory for the YAML reader", path);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.ptr, text.len);
    bool ok = read_stream(&r, out);
    if (!ok && *out != NULL) {
        json_decref(*out);
        *out = NULL;
    }
    yaml_parser_delete(&r.parser);
    return ok;
}

bool yaml_read_file(const char *path, json_t **out, Error *error) {
    Buf text;
    if (!file_read(path, YAML_MAX_BYTES, &text, error)) return false;
    bool ok = yaml_parse(buf_str(&text), path, out, error);
    buf_free(&text);
    return ok;
}

// ---- writing: block mappings and sequences; strings are JSON strings (which YAML reads) unless plainly safe

static bool plainly_safe(json_t *string) {
    const char *text = json_string_value(string);
    if (strlen(text) != json_string_length(string) || *text == 0) return false;
    if (text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")] != 0 || *text == '-') return false;
    json_t *read = yaml_scalar(str_of(text));
    bool same = json_is_string(read);
    json_decref(read);
    return same;
}

static void write_scalar(Buf *out, json_t *value) {
    if (json_is_string(value) && plainly_safe(value)) {
        buf_add_text(out, json_string_value(value));
        return;
    }
    JsonWriter w = json_writer(out);
    jw_json(&w, value);
}

static void write_node(Buf *out, json_t *node, int indent);

static void write_child(Buf *out, json_t *child, int indent) {
    bool block = (json_is_object(child) && json_object_size(child) > 0) || (json_is_array(child) && json_array_size(child) > 0);
    if (block) {
        buf_add_char(out, '\n');
        write_node(out, child, indent + 2);
    } else {
        buf_add_char(out, ' ');
        write_scalar(out, child);
        buf_add_char(out, '\n');
    }
}

static void write_node(Buf *out, json_t *node, int indent) {
    const char *key;
    json_t *child;
    size_t i;
    if (json_is_object(node)) {
        json_object_foreach(node, key, child) {
            json_t *name = json_string(key);
            buf_printf(out, "%*s", indent, "");
            write_scalar(out, name);
            buf_add_char(out, ':');
            write_child(out, child, indent);
            json_decref(name);
        }
    } else if (json_is_array(node)) {
        json_array_foreach(node, i, child) {
            buf_printf(out, "%*s-", indent, "");
            write_child(out, child, indent);
        }
    } else {
        write_scalar(out, node);
        buf_add_char(out, '\n');
    }
}

void yaml_write(Buf *out, json_t *tree) {
    if ((json_is_object(tree) && json_object_size(tree) == 0) || (json_is_array(tree) && json_array_size(tree) == 0)) {
        write_scalar(out, tree);
        buf_add_char(out, '\n');
        return;
    }
    write_node(out, tree, 0);
}
