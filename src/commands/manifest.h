// manifest.json: what a run was made of and what it left, so that another person gets the same run.
//
//   program, build {compiler, sha256 of the program's file}, libraries {name: version}, processor, backend, directory
//   command, arguments [the command line], options {every key: value}, seeds {key: value}
//   inputs [{key, path, sha256}]     every path that the options name as read; the files of a program that they name
//   resumed [{arguments, program, build, processor}]   a row each time the run went on after an interruption
//   outputs [{path, sha256}]         once the run has ended: the files it left, by their names in its folder
//
// It holds no time, so the same run writes the same manifest.
#ifndef RLT_COMMANDS_MANIFEST_H
#define RLT_COMMANDS_MANIFEST_H

#include "base/hash.h"
#include "commands/options.h"
#include "compute/compute.h"

#define MANIFEST_FILE "manifest.json"
#define MANIFEST_SUFFIX "." MANIFEST_FILE
#define RECIPE_FILE "recipe.yaml"
#define AGAINST_FILE "against.json" // of rlt eval

// Of a run that leaves a folder, OUT/manifest.json; of one that leaves a file, OUT.manifest.json beside it. `out` is either:
// it is a file's where it is no folder.
char *manifest_path(const char *out); // to be freed

// recipe.yaml: every key with its value.
MUST_CHECK bool recipe_write(const char *folder, const Options *options, Error *error);
// The manifest of a run that begins. backend may be NULL. more: inputs that no option names, as key "extends".
MUST_CHECK bool manifest_write(const char *out, const Options *options, const Backend *backend, const char *const *more,
                               int n_more, Error *error);
// Refuses settings that are not those the run began with; keys that change no result may differ. Fine where there is no
// manifest.
MUST_CHECK bool manifest_check_options(const char *out, const Options *options, Error *error);
// A run that goes on: settings and inputs must be those it began with, wherever the inputs lie now; adds a row to `resumed`.
MUST_CHECK bool manifest_resume(const char *out, const Options *options, const Backend *backend, Error *error);
// Adds `outputs`, unless they are there. deep: files of folders in the run's folder too.
MUST_CHECK bool manifest_finish(const char *out, bool deep, Error *error);
// The beginning of a command (with a key `resume`) that leaves one file, whose rows gather in `partial` until it is whole: a
// new manifest beside an empty `partial`; or manifest_resume for the rows that are there. *finished: the file is whole
// already. Refuses an `out` that is no file.
MUST_CHECK bool manifest_begin_file(const char *out, const char *partial, const Options *options, const Backend *backend,
                                    bool *finished, Error *error);

// The array `inputs` of a table's rows: value(context, i) gives the text of row i, NULL or "" for none.
MUST_CHECK bool manifest_inputs(JsonWriter *w, const OptionRow *rows, const char *(*value)(const void *context, const OptionRow *row),
                                const void *context, const char *const *more, int n_more, Error *error);

// SHA-256 of a file, or of the names and contents of a folder's files in order of name. Passed over are what is not the
// result but tells of time, place or machine (manifests, recipe.yaml, timing.jsonl, the event file, report.html,
// against.json), the folder checkpoints, and what is not finished (.partial).
MUST_CHECK bool path_sha256(const char *path, char hex[65], Error *error);

#endif
