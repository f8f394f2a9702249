#include "commands/recipe_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/yaml.h"

void recipe_files_free(RecipeFiles *files) {
    for (int i = 0; i < files->n; i++) mem_free(files->paths[i]);
    *files = (RecipeFiles){0};
}

// ---- merging

// The name by which a row of a list is the same row in another file: NULL for rows without one.
static const char *row_name(json_t *row) {
    json_t *name = json_object_get(row, "stage");
    if (name == NULL) name = json_object_get(row, "eval");
    return json_string_value(name);
}

static json_t *find_row(json_t *list, const char *name) {
    json_t *row;
    size_t i;
    json_array_foreach(list, i, row) {
        const char *other = row_name(row);
        if (other != NULL && strcmp(other, name) == 0) return row;
    }
    return NULL;
}

static bool has_names(json_t *list) {
    json_t *row;
    size_t i;
    json_array_foreach(list, i, row) {
        if (row_name(row) == NULL) return false;
    }
    return json_is_array(list);
}

static void merge_rows(json_t *base, json_t *nearer) {
    json_t *row;
    size_t i;
    json_array_foreach(nearer, i, row) {
        json_t *old = find_row(base, row_name(row));
        if (old != NULL) {
            recipe_merge(old, row);
        } else {
            json_array_append(base, row);
        }
    }
}

void recipe_merge(json_t *base, json_t *nearer) {
    const char *key;
    json_t *value;
    json_object_foreach(nearer, key, value) {
        json_t *old = json_object_get(base, key);
        if (json_is_object(old) && json_is_object(value)) {
            recipe_merge(old, value);
        } else if (has_names(old) && has_names(value)) {
            merge_rows(old, value);
        } else {
            json_object_set(base, key, value);
        }
    }
}

// ---- reading

// "base.yaml" as it is meant in recipes/x.yaml: recipes/base.yaml.
static char *beside(const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL || *name == '/') return mem_strdup(name);
    char *folder = mem_strndup(path, (size_t)(slash - path) + 1), *joined = path_join(folder, name);
    mem_free(folder);
    return joined;
}

static bool same_file(const char *a, const char *b) {
    char *real_a = realpath(a, NULL), *real_b = realpath(b, NULL);
    bool same = real_a != NULL && real_b != NULL && strcmp(real_a, real_b) == 0;
    free(real_a);
    free(real_b);
    return same;
}

static bool add_file(RecipeFiles *files, const char *from, const char *path, Error *error) {
    for (int i = 0; i < files->n; i++) {
        if (same_file(files->paths[i], path)) return error_set(error, "%s: extends %s: a cycle", from, path);
    }
    if (files->n == RECIPE_MAX_FILES) return error_set(error, "%s: extends more than %d files", files->paths[0], RECIPE_MAX_FILES - 1);
    files->paths[files->n++] = mem_strdup(path);
    return true;
}

static bool read_chain(const char *from, const char *path, RecipeFiles *files, json_t **tree, Error *error);

// `own` with what it extends under it; takes `own`.
static bool extend(const char *path, json_t *own, RecipeFiles *files, json_t **tree, Error *error) {
    json_t *extends = json_object_get(own, "extends");
    bool ok = true;
    if (extends == NULL) {
        *tree = json_incref(own);
    } else if (!json_is_string(extends)) {
        ok = error_set(error, "%s: key \"extends\": expected the path of a recipe", path);
    } else {
        char *base = beside(path, json_string_value(extends));
        ok = read_chain(path, base, files, tree, error);
        mem_free(base);
        json_object_del(own, "extends");
        if (ok) recipe_merge(*tree, own);
    }
    json_decref(own);
    return ok;
}

static bool read_chain(const char *from, const char *path, RecipeFiles *files, json_t **tree, Error *error) {
    json_t *own;
    if (!add_file(files, from, path, error)) return false;
    if (!yaml_read_file(path, &own, error)) return from != path && error_prefix(error, "%s: extends", from);
    if (!json_is_object(own)) {
        json_decref(own);
        return error_set(error, "%s: expected a mapping of keys to values", path);
    }
    return extend(path, own, files, tree, error);
}

bool recipe_read(const char *path, json_t **tree, RecipeFiles *files, Error *error) {
    RecipeFiles own = {0};
    bool ok = read_chain(path, path, &own, tree, error);
    if (ok && files != NULL) {
        *files = own;
    } else {
        recipe_files_free(&own);
    }
    return ok;
}
