#include "commands/record.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "commands/manifest.h"

void records_free(RecordList *list) {
    for (size_t i = 0; i < list->n; i++) {
        mem_free(list->records[i].name);
        mem_free(list->records[i].folder);
        json_decref(list->records[i].record);
    }
    mem_free(list->records);
    mem_free(list->run);
    *list = (RecordList){0};
}

// Rows of inputs or outputs: a path and a hash each, and what a row is known by.
static bool are_hashes(json_t *record, const char *path, const char *list, const char *member, Error *error) {
    json_t *rows = json_object_get(record, list), *row;
    size_t i;
    if (rows != NULL && !json_is_array(rows)) return error_set(error, "%s: key \"%s\": expected a list", path, list);
    json_array_foreach(rows, i, row) {
        Str text;
        bool ok = json_is_object(row) && json_need_string(row, path, member, &text, error) &&
                  json_need_string(row, path, "path", &text, error) && json_need_string(row, path, "sha256", &text, error);
        if (!ok) return error_set(error, "%s: key \"%s\": row %zu: expected %s, path and sha256", path, list, i + 1, member);
    }
    return true;
}

static bool is_record(json_t *record, const char *path, bool is_stage, Error *error) {
    json_t *part;
    Str command;
    if (!json_is_object(record)) return error_set(error, "%s: expected an object", path);
    return json_need_string(record, path, "command", &command, error) && json_need_object(record, path, "options", &part, error) &&
           json_need_array(record, path, "inputs", &part, error) && are_hashes(record, path, "inputs", "key", error) &&
           are_hashes(record, path, "outputs", is_stage ? "key" : "path", error);
}

static bool add_record(RecordList *list, const char *path, Record about, Error *error) {
    json_t *record = NULL;
    if (!json_read_file(path, &record, error) || !is_record(record, path, about.is_stage, error)) {
        json_decref(record);
        return false;
    }
    list->records = mem_realloc(list->records, list->n + 1, sizeof *list->records);
    list->records[list->n++] =
        (Record){mem_strdup(about.name), mem_strdup(about.folder), record, about.is_stage, about.is_file};
    return true;
}

// The manifest of a folder or of a file in `folder`.
static bool add_manifest(RecordList *list, const char *out, const char *folder, Error *error) {
    char *path = manifest_path(out);
    bool ok = add_record(list, path, (Record){.name = (char *)out, .folder = (char *)folder, .is_file = !dir_exists(out)}, error);
    mem_free(path);
    return ok;
}

// FOLDER/FILE.manifest.json of each file that has one.
static bool add_files(RecordList *list, const char *folder, Error *error) {
    char **names;
    size_t n;
    if (!dir_exists(folder)) return true;
    if (!dir_list(folder, &names, &n, error)) return false;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        if (ok && str_ends(str_of(names[i]), STR(MANIFEST_SUFFIX))) {
            names[i][strlen(names[i]) - strlen(MANIFEST_SUFFIX)] = 0;
            char *out = path_join(folder, names[i]);
            ok = add_manifest(list, out, folder, error);
            mem_free(out);
        }
        mem_free(names[i]);
    }
    mem_free(names);
    return ok;
}

// OUT/STAGE.stage.json, and the manifests that the stage wrote into its folder.
static bool add_stage(RecordList *list, const char *file, Error *error) {
    char *path = path_join(list->run, file), *folder = mem_strndup(path, strlen(path) - strlen(STAGE_RECORD_SUFFIX));
    char *manifest = path_join(folder, MANIFEST_FILE);
    bool ok = add_record(list, path, (Record){.name = folder, .folder = folder, .is_stage = true}, error) &&
              (!file_exists(manifest) || add_manifest(list, folder, folder, error)) && add_files(list, folder, error);
    mem_free(manifest);
    mem_free(folder);
    mem_free(path);
    return ok;
}

static bool add_stages(RecordList *list, Error *error) {
    char **names;
    size_t n;
    if (!dir_list(list->run, &names, &n, error)) return false;
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        ok = ok && (!str_ends(str_of(names[i]), STR(STAGE_RECORD_SUFFIX)) || add_stage(list, names[i], error));
        mem_free(names[i]);
    }
    mem_free(names);
    return ok;
}

bool records_read(const char *run, RecordList *list, Error *error) {
    size_t length = strlen(run);
    while (length > 1 && run[length - 1] == '/') length--;
    *list = (RecordList){.run = mem_strndup(run, length)};
    const char *slash = strrchr(list->run, '/');
    bool is_folder = dir_exists(run);
    char *path = manifest_path(list->run);
    char *folder = is_folder     ? mem_strdup(list->run)
                   : slash != NULL ? mem_strndup(list->run, slash > list->run ? (size_t)(slash - list->run) : 1)
                                   : mem_strdup(".");
    bool ok = file_exists(path) || error_set(error, "%s: expected the folder of a run, with %s, or a file with %s beside it", run,
                                             MANIFEST_FILE, "FILE" MANIFEST_SUFFIX);
    ok = ok && add_manifest(list, list->run, folder, error) && (!is_folder || add_stages(list, error));
    mem_free(folder);
    mem_free(path);
    if (!ok) {
        records_free(list);
        return false;
    }
    json_t *manifest = list->records[0].record;
    list->out = json_string_value(json_object_get(json_object_get(manifest, "options"), "out"));
    list->directory = json_string_value(json_object_get(manifest, "directory"));
    return true;
}

char *record_path(const RecordList *list, const Record *record, bool output, const char *path) {
    if (output && !record->is_stage) return path_join(record->folder, path);
    size_t n = list->out != NULL ? strlen(list->out) : 0;
    if (n > 0 && strncmp(path, list->out, n) == 0 && path[n] == '/') return path_join(list->run, path + n + 1);
    if (*path == '/' || list->directory == NULL || !dir_exists(list->directory)) return mem_strdup(path);
    return path_join(list->directory, path);
}
