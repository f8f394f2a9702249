#include "commands/manifest.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "commands/build_info.h"
#include "commands/manifest_impl.h"
#include "methods/reward_program.h"
#include "report/html.h"
#include "report/metrics.h"

// ---- hashes

static bool is_passed_over(const char *name) {
    static const char *const names[] = {"checkpoints",       MANIFEST_FILE,       RECIPE_FILE,
                                        METRICS_TIMING_FILE, METRICS_EVENTS_FILE, REPORT_FILE,
                                        AGAINST_FILE};
    Str text = str_of(name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) return true;
    }
    return str_ends(text, STR(".partial")) || str_ends(text, STR(MANIFEST_SUFFIX));
}

static bool add_path(Sha256 *state, const char *path, const char *name, Error *error) {
    if (dir_exists(path)) {
        char **names;
        size_t count;
        if (!dir_list(path, &names, &count, error)) return false;
        bool ok = true;
        for (size_t i = 0; i < count; i++) {
            char *child = path_join(path, names[i]);
            ok = ok && (is_passed_over(names[i]) || add_path(state, child, names[i], error));
            mem_free(child);
            mem_free(names[i]);
        }
        mem_free(names);
        return ok;
    }
    Sha256Hex hex;
    if (!sha256_file(path, &hex, error)) return false;
    sha256_add(state, name, strlen(name) + 1);
    sha256_add(state, hex.text, 64);
    return true;
}

bool path_sha256(const char *path, char hex[65], Error *error) {
    Sha256Hex out;
    if (dir_exists(path)) {
        Sha256 *state = sha256_begin();
        bool ok = add_path(state, path, "", error);
        out = sha256_end(state);
        if (!ok) return false;
    } else if (!sha256_file(path, &out, error)) {
        return false;
    }
    memcpy(hex, out.text, sizeof out.text);
    return true;
}

// ---- what was asked

void manifest_arguments(JsonWriter *w, const Options *options) {
    jw_key(w, "arguments");
    jw_array_begin(w);
    jw_string(w, STR("rlt"));
    const char *name = options_command(options)->name, *space = strchrnul(name, ' ');
    jw_string(w, (Str){name, (size_t)(space - name)});
    if (*space != 0) jw_string(w, str_of(space + 1));
    for (int i = 0; i < options_n_arguments(options); i++) jw_string(w, str_of(options_argument(options, i)));
    jw_array_end(w);
}

static void write_seeds(JsonWriter *w, const Options *options) {
    jw_key(w, "seeds");
    jw_object_begin(w);
    for (const OptionRow *row = options_command(options)->rows; row->key != NULL; row++) {
        bool is_seed = row->type == OPTION_INT && (strcmp(row->key, "seed") == 0 || str_ends(str_of(row->key), STR(".seed")));
        if (is_seed) jw_kint(w, row->key, options_int(options, row->key));
    }
    jw_object_end(w);
}

static bool write_input(JsonWriter *w, const char *key, const char *path, Error *error) {
    char hex[65];
    if (path == NULL || *path == 0 || strcmp(path, "-") == 0) return true;
    if (!path_sha256(path, hex, error)) return false;
    jw_object_begin(w);
    jw_kstring(w, "key", str_of(key));
    jw_kstring(w, "path", str_of(path));
    jw_kstring(w, "sha256", str_of(hex));
    jw_object_end(w);
    return true;
}

static bool write_program_files(JsonWriter *w, const char *key, const char *command, Error *error) {
    RewardProgramFiles files;
    bool ok = reward_program_files(command, &files, error);
    for (int i = 0; ok && i < files.n; i++) ok = write_input(w, key, files.paths[i], error);
    reward_program_files_free(&files);
    return ok;
}

bool manifest_inputs_of(JsonWriter *w, const OptionRow *row, const char *value, Error *error) {
    bool ok = row->type == OPTION_INPUT ? write_input(w, row->key, value, error)
              : row->type == OPTION_PROGRAM && value != NULL && *value != 0 ? write_program_files(w, row->key, value, error)
                                                                            : true;
    return ok || error_prefix(error, "key \"%s\"", row->key);
}

bool manifest_inputs(JsonWriter *w, const OptionRow *rows, const char *(*value)(const void *context, const OptionRow *row),
                     const void *context, const char *const *more, int n_more, Error *error) {
    jw_key(w, "inputs");
    jw_array_begin(w);
    bool ok = true;
    for (const OptionRow *row = rows; ok && row->key != NULL; row++) ok = manifest_inputs_of(w, row, value(context, row), error);
    for (int i = 0; ok && i < n_more; i++) ok = write_input(w, "extends", more[i], error);
    jw_array_end(w);
    return ok;
}

static const char *option_value(const void *options, const OptionRow *row) { return options_text(options, row->key); }

// ---- files

bool recipe_write(const char *folder, const Options *options, Error *error) {
    Buf text;
    buf_init(&text, 0);
    options_write_yaml(options, &text);
    char *path = path_join(folder, RECIPE_FILE);
    bool ok = file_write_atomic(path, text.data, text.len, error);
    mem_free(path);
    buf_free(&text);
    return ok;
}

char *manifest_path(const char *out) {
    if (dir_exists(out)) return path_join(out, MANIFEST_FILE);
    Buf path;
    buf_init(&path, 0);
    buf_printf(&path, "%s%s", out, MANIFEST_SUFFIX);
    return path.data;
}

static bool write_text(const char *out, const Buf *text, Error *error) {
    char *path = manifest_path(out);
    bool ok = file_write_atomic(path, text->data, text->len, error);
    mem_free(path);
    return ok;
}

bool manifest_write(const char *out, const Options *options, const Backend *backend, const char *const *more, int n_more,
                    Error *error) {
    Buf text;
    buf_init(&text, 0);
    char directory[4096] = "";
    if (getcwd(directory, sizeof directory) == NULL) *directory = 0;
    JsonWriter w = json_writer(&text);
    jw_object_begin(&w);
    bool ok = program_write(&w, error);
    if (backend != NULL) jw_kstring(&w, "backend", str_of(backend_describe(backend)));
    libraries_write(&w);
    jw_kstring(&w, "directory", str_of(directory));
    jw_kstring(&w, "command", str_of(options_command(options)->name));
    manifest_arguments(&w, options);
    jw_key(&w, "options");
    options_write_json(options, &w);
    write_seeds(&w, options);
    ok = ok && manifest_inputs(&w, options_command(options)->rows, option_value, options, more, n_more, error);
    jw_object_end(&w);
    buf_add_char(&text, '\n');
    ok = ok && write_text(out, &text, error);
    buf_free(&text);
    return ok;
}

bool manifest_read(const char *out, json_t **manifest, Error *error) {
    char *path = manifest_path(out);
    *manifest = NULL;
    bool ok = !file_exists(path) || json_read_file(path, manifest, error);
    if (ok && *manifest != NULL && !json_is_object(*manifest)) ok = error_set(error, "%s: expected an object", path);
    mem_free(path);
    return ok;
}

bool manifest_replace(const char *out, json_t *manifest, Error *error) {
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_json(&w, manifest);
    buf_add_char(&text, '\n');
    bool ok = write_text(out, &text, error);
    buf_free(&text);
    return ok;
}

// ---- a run that has ended

// Views of the other files, which `rlt report`, `rlt eval against=` and a resumed run may write again; what is not finished;
// records of their own.
static bool is_output(const char *name) {
    return strcmp(name, MANIFEST_FILE) != 0 && strcmp(name, METRICS_EVENTS_FILE) != 0 && strcmp(name, REPORT_FILE) != 0 &&
           strcmp(name, AGAINST_FILE) != 0 && !str_ends(str_of(name), STR(".partial")) &&
           !str_ends(str_of(name), STR(MANIFEST_SUFFIX));
}

// Rows of every file under root/inside ("" for the root itself); not deep: of those that lie there.
static bool list_outputs(const char *root, const char *inside, bool deep, json_t *rows, Error *error) {
    char *folder = *inside != 0 ? path_join(root, inside) : mem_strdup(root), **names;
    size_t count;
    bool ok = dir_list(folder, &names, &count, error);
    mem_free(folder);
    if (!ok) return false;
    for (size_t i = 0; i < count; i++) {
        char *name = *inside != 0 ? path_join(inside, names[i]) : mem_strdup(names[i]), *path = path_join(root, name);
        Sha256Hex hex;
        if (ok && is_output(names[i])) {
            bool is_folder = dir_exists(path);
            ok = is_folder ? !deep || list_outputs(root, name, true, rows, error) : sha256_file(path, &hex, error);
            if (ok && !is_folder) json_array_append_new(rows, json_pack("{s:s, s:s}", "path", name, "sha256", hex.text));
        }
        mem_free(path);
        mem_free(name);
        mem_free(names[i]);
    }
    mem_free(names);
    return ok;
}

// The row of a file that is all of its run's output.
static bool add_output(const char *out, json_t *rows, Error *error) {
    const char *slash = strrchr(out, '/');
    Sha256Hex hex;
    if (!sha256_file(out, &hex, error)) return false;
    json_array_append_new(rows, json_pack("{s:s, s:s}", "path", slash != NULL ? slash + 1 : out, "sha256", hex.text));
    return true;
}

bool manifest_finish(const char *out, bool deep, Error *error) {
    json_t *manifest;
    if (!manifest_read(out, &manifest, error)) return false;
    bool ok = true;
    if (manifest != NULL && json_object_get(manifest, "outputs") == NULL) {
        json_t *rows = json_array();
        ok = dir_exists(out) ? list_outputs(out, "", deep, rows, error) : add_output(out, rows, error);
        json_object_set_new(manifest, "outputs", rows);
        ok = ok && manifest_replace(out, manifest, error);
    }
    json_decref(manifest);
    return ok;
}

// ---- the run of one file

// The rows' file is there, empty, before the manifest is: so rows without `outputs` are those of the manifest, and a file
// without rows and without `outputs` is whole.
static bool begin_file_anew(const char *out, const char *partial, const Options *options, const Backend *backend, Error *error) {
    FileAppender *rows;
    if (!file_appender_open(partial, 0, &rows, error)) return false;
    file_appender_close(rows);
    return manifest_write(out, options, backend, NULL, 0, error);
}

bool manifest_begin_file(const char *out, const char *partial, const Options *options, const Backend *backend, bool *finished,
                         Error *error) {
    struct stat info;
    json_t *manifest = NULL;
    *finished = false;
    if (strcmp(out, "-") == 0 || (stat(out, &info) == 0 && !S_ISREG(info.st_mode))) {
        return error_set(error, "key out: expected a file, found %s", out);
    }
    bool resume = options_bool(options, "resume"), partly = file_exists(partial);
    if (resume && !manifest_read(out, &manifest, error)) return false;
    bool recorded = manifest != NULL, ended = json_object_get(manifest, "outputs") != NULL;
    json_decref(manifest);
    if (resume && recorded && !partly && file_exists(out)) {
        *finished = true;
        return manifest_check_options(out, options, error) && manifest_finish(out, false, error);
    }
    return resume && partly && !ended ? manifest_resume(out, options, backend, error)
                                      : begin_file_anew(out, partial, options, backend, error);
}
