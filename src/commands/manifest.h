// manifest.json and recipe.yaml: what a run was made of.
#ifndef RLT_COMMANDS_MANIFEST_H
#define RLT_COMMANDS_MANIFEST_H

#include "commands/options.h"
#include "compute/compute.h"

// recipe.yaml: every key with its value. manifest.json: program version and compiler, libraries and their versions,
// processor, backend (NULL: none), SHA-256 of every input file (folders: of each file in it), the command's name and options.
MUST_CHECK bool manifest_write(const char *folder, const Options *options, const Backend *backend, const char *const *inputs,
                               int n_inputs, Error *error);

// SHA-256 over a file, or over the names and contents of a folder's files in order of name (subfolders "checkpoints" and
// files ending in .partial are passed over).
MUST_CHECK bool path_sha256(const char *path, char hex[65], Error *error);

#endif
