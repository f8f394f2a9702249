// A recipe file with everything that it extends.
//
// `extends: PATH` (from the file's own folder) takes another recipe as it stands; what is nearest wins. Mappings are merged
// key by key, `stages` and `table` by the names of their stages, in the order of the file that names them first; any other
// value replaces the one it had. A chain has at most RECIPE_MAX_FILES files and no cycle.
#ifndef RLT_COMMANDS_RECIPE_FILE_H
#define RLT_COMMANDS_RECIPE_FILE_H

#include "base/json.h"

#define RECIPE_MAX_FILES 16

typedef struct RecipeFiles {
    char *paths[RECIPE_MAX_FILES]; // the file itself, then what it extends, then what that extends; owned
    int n;
} RecipeFiles;

// *tree: one mapping without `extends`. `files` may be NULL.
MUST_CHECK bool recipe_read(const char *path, json_t **tree, RecipeFiles *files, Error *error);
// Puts `nearer` over `base`, both mappings, by the rules above.
void recipe_merge(json_t *base, json_t *nearer);
void recipe_files_free(RecipeFiles *files);

#endif
