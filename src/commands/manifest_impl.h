// Shared by manifest.c and manifest_resume.c: the pieces of a manifest. `out` is as in manifest.h.
#ifndef RLT_COMMANDS_MANIFEST_IMPL_H
#define RLT_COMMANDS_MANIFEST_IMPL_H

#include "commands/manifest.h"

// The manifest that is there; NULL (and true) where there is none.
MUST_CHECK bool manifest_read(const char *out, json_t **manifest, Error *error);
MUST_CHECK bool manifest_replace(const char *out, json_t *manifest, Error *error);
// The key `arguments` of an open object.
void manifest_arguments(JsonWriter *w, const Options *options);
// A row of an open array for each file or folder that a key's value names as read.
MUST_CHECK bool manifest_inputs_of(JsonWriter *w, const OptionRow *row, const char *value, Error *error);

#endif
