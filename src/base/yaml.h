// YAML, read through libyaml into the JSON tree that the rest of the program works on.
//
// Plain scalars become null, booleans (true/false), integers and reals by YAML 1.2's core schema, else strings; quoted
// scalars are strings. Anchors, aliases and tags are refused, duplicate keys too. At most YAML_MAX_BYTES and 64 levels.
#ifndef RLT_BASE_YAML_H
#define RLT_BASE_YAML_H

#include "base/json.h"

#define YAML_MAX_BYTES ((size_t)4 << 20)

// Messages read "path:line: ...".
MUST_CHECK bool yaml_parse(Str text, const char *path, json_t **out, Error *error);
MUST_CHECK bool yaml_read_file(const char *path, json_t **out, Error *error);
// One scalar as it would be read on its own ("3" -> integer, "true" -> boolean, "x" -> string), for key=value arguments.
json_t *yaml_scalar(Str text);
// Writes a tree of objects, arrays and scalars as block YAML that yaml_parse reads back to an equal tree.
void yaml_write(Buf *out, json_t *tree);

#endif
