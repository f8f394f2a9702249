// YAML, read through libyaml into the JSON tree that the rest of the program works on.
//
// Plain scalars become null, booleans (true/false), integers and reals by YAML 1.2's core schema, else strings; quoted
// scalars are strings. Anchors, aliases and tags are refused, duplicate keys too, and numbers that JSON cannot hold
// (beyond 64 bits, .inf, .nan). A file without content is an empty object. At most YAML_MAX_BYTES and 64 levels.
#ifndef RLT_BASE_YAML_H
#define RLT_BASE_YAML_H

#include "base/json.h"

#define YAML_MAX_BYTES ((size_t)4 << 20)

// Messages read "path:line: ...".
MUST_CHECK bool yaml_parse(Str text, const char *path, json_t **out, Error *error);
MUST_CHECK bool yaml_read_file(const char *path, json_t **out, Error *error);
// One scalar as it would be read on its own ("3" -> integer, "true" -> boolean, "x" -> string), for key=value
// arguments. A number that cannot be held stays a string, so that whoever needs a number refuses it by name.
json_t *yaml_scalar(Str text);
// Writes a tree of objects, arrays and scalars, at most 64 levels deep, as block YAML that yaml_parse reads back to an
// equal tree (an empty top-level object or array as {} or []).
void yaml_write(Buf *out, json_t *tree);

#endif
