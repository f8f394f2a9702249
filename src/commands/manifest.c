#include "commands/manifest.h"

#include <curl/curl.h>
#include <flint/flint.h>
#include <gmp.h>
#include <gnu/libc-version.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utf8proc.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
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

// ---- the program and the machine

static void processor_name(char *out, size_t size) {
    snprintf(out, size, "unknown");
    LineReader *reader;
    if (!line_reader_open("/proc/cpuinfo", 1 << 16, &reader, NULL)) return;
    Str line;
    while (line_reader_next(reader, &line, NULL) == 1) {
        if (!str_starts(line, STR("model name"))) continue;
        ptrdiff_t colon = str_find(line, STR(":"), 0);
        if (colon < 0) continue;
        Str name = str_trim((Str){line.ptr + colon + 1, line.len - (size_t)colon - 1});
        snprintf(out, size, "%.*s", (int)name.len, name.ptr);
        break;
    }
    line_reader_close(reader);
}

static void write_libraries(JsonWriter *w) {
    char pcre[64] = "";
    pcre2_config(PCRE2_CONFIG_VERSION, pcre);
    int major, minor, patch;
    yaml_get_version(&major, &minor, &patch);
    char yaml[32];
    snprintf(yaml, sizeof yaml, "%d.%d.%d", major, minor, patch);
    jw_key(w, "libraries");
    jw_object_begin(w);
    jw_kstring(w, "libc", str_of(gnu_get_libc_version()));
    jw_kstring(w, "jansson", str_of(jansson_version_str()));
    jw_kstring(w, "libyaml", str_of(yaml));
    jw_kstring(w, "pcre2", str_of(pcre));
    jw_kstring(w, "utf8proc", str_of(utf8proc_version()));
    jw_kstring(w, "zlib", str_of(zlibVersion()));
    jw_kstring(w, "zstd", str_of(ZSTD_versionString()));
    jw_kstring(w, "libcurl", str_of(curl_version_info(CURLVERSION_NOW)->version));
    jw_kstring(w, "openssl", str_of(OpenSSL_version(OPENSSL_VERSION)));
    jw_kstring(w, "gmp", str_of(gmp_version));
    jw_kstring(w, "flint", str_of(FLINT_VERSION));
    jw_object_end(w);
}

bool program_build(Sha256Hex *build, Error *error) { return sha256_file("/proc/self/exe", build, error); }

// What the program is and what it runs on.
static bool write_program(JsonWriter *w, Error *error) {
    char processor[128];
    processor_name(processor, sizeof processor);
    Sha256Hex build;
    if (!program_build(&build, error)) return false;
    jw_kstring(w, "program", STR("rlt " RLT_VERSION));
    jw_key(w, "build");
    jw_object_begin(w);
    jw_kstring(w, "compiler", STR(__VERSION__));
    jw_kstring(w, "sha256", str_of(build.text));
    jw_object_end(w);
    jw_kstring(w, "processor", str_of(processor));
    return true;
}

// ---- what was asked

static void write_arguments(JsonWriter *w, const Options *options) {
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

// A row for each file or folder that a key's value names as read.
static bool write_inputs_of(JsonWriter *w, const OptionRow *row, const char *value, Error *error) {
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
    for (const OptionRow *row = rows; ok && row->key != NULL; row++) ok = write_inputs_of(w, row, value(context, row), error);
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
    bool ok = write_program(&w, error);
    if (backend != NULL) jw_kstring(&w, "backend", str_of(backend_describe(backend)));
    write_libraries(&w);
    jw_kstring(&w, "directory", str_of(directory));
    jw_kstring(&w, "command", str_of(options_command(options)->name));
    write_arguments(&w, options);
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

// The manifest that is there; NULL (and true) where there is none.
static bool read_manifest(const char *out, json_t **manifest, Error *error) {
    char *path = manifest_path(out);
    *manifest = NULL;
    bool ok = !file_exists(path) || json_read_file(path, manifest, error);
    if (ok && *manifest != NULL && !json_is_object(*manifest)) ok = error_set(error, "%s: expected an object", path);
    mem_free(path);
    return ok;
}

static bool replace_manifest(const char *out, json_t *manifest, Error *error) {
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_json(&w, manifest);
    buf_add_char(&text, '\n');
    bool ok = write_text(out, &text, error);
    buf_free(&text);
    return ok;
}

// ---- a run that goes on

// Keys without influence on a result: exactness is what this program promises. `against` is looked at when all is done; a
// server may have another address.
static bool changes_no_result(const char *key) {
    static const char *const keys[] = {"resume",     "replay",     "keep",      "checkpoint_every",
                                       "slots",      "cache_rows", "speculate", "backend",
                                       "in_flight",  "requests_per_second", "request_tries", "request_seconds", "key_env",
                                       "against",    "chunk",      "correlate", "server"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcmp(keys[i], key) == 0) return true;
    }
    return false;
}

static const char *place_of(const char *out) { return dir_exists(out) ? "folder" : "file"; }

static bool same_options(const char *out, json_t *manifest, const Options *options, Error *error) {
    json_t *old = json_object_get(manifest, "options");
    for (const OptionRow *row = options_command(options)->rows; row->key != NULL; row++) {
        json_t *was = json_object_get(old, row->key);
        // inputs are known by what they hold
        if (was == NULL || row->type == OPTION_OUTPUT || row->type == OPTION_INPUT || changes_no_result(row->key)) continue;
        json_t *now = option_json(row, options_text(options, row->key));
        bool same = json_equal(was, now);
        json_decref(now);
        if (same) continue;
        char *text = option_value_text(was);
        error_set(error, "%s: holds a run with %s=%s, not %s: take another %s", out, row->key, text != NULL ? text : "?",
                  options_text(options, row->key), place_of(out));
        mem_free(text);
        return false;
    }
    return true;
}

bool manifest_check_options(const char *out, const Options *options, Error *error) {
    json_t *manifest;
    if (!read_manifest(out, &manifest, error)) return false;
    bool ok = manifest == NULL || same_options(out, manifest, options, error);
    json_decref(manifest);
    return ok;
}

static bool hash_inputs_of(const OptionRow *row, const char *value, json_t **rows, Error *error) {
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_array_begin(&w);
    bool ok = write_inputs_of(&w, row, value, error);
    jw_array_end(&w);
    ok = ok && json_parse(buf_str(&text), MANIFEST_FILE, rows, error);
    buf_free(&text);
    return ok;
}

static const char *member_of(json_t *rows, size_t i, const char *member) {
    const char *text = json_string_value(json_object_get(json_array_get(rows, i), member));
    return text != NULL ? text : "";
}

// was, now: the rows of one key.
static bool same_hashes(const char *out, const char *key, json_t *was, json_t *now, Error *error) {
    size_t n_was = json_array_size(was), n_now = json_array_size(now);
    if (n_was > 0 && n_now == 0) {
        return error_set(error, "%s: holds a run with %s=%s, which is not given now: take another %s", out, key,
                         member_of(was, 0, "path"), place_of(out));
    }
    if (n_was != n_now) {
        return error_set(error, "%s: holds a run with %zu file%s of key %s, not %zu: take another %s", out, n_was, n_was == 1 ? "" : "s",
                         key, n_now, place_of(out));
    }
    for (size_t i = 0; i < n_now; i++) {
        if (strcmp(member_of(was, i, "sha256"), member_of(now, i, "sha256")) == 0) continue;
        return error_set(error, "%s: has changed since the run in %s began", member_of(now, i, "path"), out);
    }
    return true;
}

static json_t *recorded_inputs(json_t *manifest, const char *key) {
    json_t *rows = json_array(), *row;
    size_t i;
    json_array_foreach(json_object_get(manifest, "inputs"), i, row) {
        const char *of = json_string_value(json_object_get(row, "key"));
        if (of != NULL && strcmp(of, key) == 0) json_array_append(rows, row);
    }
    return rows;
}

// Adds what the key names now to `inputs`. A key without influence may name something else, or what is there no longer.
static bool same_inputs_of(const char *out, json_t *manifest, const OptionRow *row, const char *value, json_t *inputs, Error *error) {
    json_t *was = recorded_inputs(manifest, row->key), *now = NULL;
    bool is_free = changes_no_result(row->key);
    bool ok = hash_inputs_of(row, value, &now, is_free ? NULL : error);
    if (!ok && is_free) {
        now = json_incref(was);
        ok = true;
    }
    ok = ok && (is_free || same_hashes(out, row->key, was, now, error));
    if (ok) json_array_extend(inputs, now);
    json_decref(was);
    json_decref(now);
    return ok;
}

// The record then has the paths of now.
static bool same_inputs(const char *out, json_t *manifest, const Options *options, Error *error) {
    const Command *command = options_command(options);
    json_t *inputs = json_array(), *row;
    bool ok = true;
    for (const OptionRow *key = command->rows; ok && key->key != NULL; key++) {
        ok = same_inputs_of(out, manifest, key, options_text(options, key->key), inputs, error);
    }
    size_t i;
    json_array_foreach(json_object_get(manifest, "inputs"), i, row) { // those that no option names
        const char *key = json_string_value(json_object_get(row, "key"));
        if (key != NULL && option_find(command, key) == NULL) json_array_append(inputs, row);
    }
    if (ok) json_object_set(manifest, "inputs", inputs);
    json_decref(inputs);
    return ok;
}

static bool add_resumed(json_t *manifest, const Options *options, Error *error) {
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_object_begin(&w);
    write_arguments(&w, options);
    bool ok = write_program(&w, error);
    jw_object_end(&w);
    json_t *row = NULL;
    ok = ok && json_parse(buf_str(&text), MANIFEST_FILE, &row, error);
    buf_free(&text);
    if (!ok) return false;
    json_t *resumed = json_object_get(manifest, "resumed");
    if (!json_is_array(resumed)) {
        resumed = json_array();
        json_object_set_new(manifest, "resumed", resumed);
    }
    json_array_append_new(resumed, row);
    return true;
}

bool manifest_resume(const char *out, const Options *options, const Backend *backend, Error *error) {
    json_t *manifest;
    if (!read_manifest(out, &manifest, error)) return false;
    if (manifest == NULL) {
        return (!dir_exists(out) || recipe_write(out, options, error)) && manifest_write(out, options, backend, NULL, 0, error);
    }
    bool ok = same_options(out, manifest, options, error) && same_inputs(out, manifest, options, error) &&
              add_resumed(manifest, options, error) && replace_manifest(out, manifest, error);
    json_decref(manifest);
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
    if (!read_manifest(out, &manifest, error)) return false;
    bool ok = true;
    if (manifest != NULL && json_object_get(manifest, "outputs") == NULL) {
        json_t *rows = json_array();
        ok = dir_exists(out) ? list_outputs(out, "", deep, rows, error) : add_output(out, rows, error);
        json_object_set_new(manifest, "outputs", rows);
        ok = ok && replace_manifest(out, manifest, error);
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
    if (resume && !read_manifest(out, &manifest, error)) return false;
    bool recorded = manifest != NULL, ended = json_object_get(manifest, "outputs") != NULL;
    json_decref(manifest);
    if (resume && recorded && !partly && file_exists(out)) {
        *finished = true;
        return manifest_check_options(out, options, error) && manifest_finish(out, false, error);
    }
    return resume && partly && !ended ? manifest_resume(out, options, backend, error)
                                      : begin_file_anew(out, partial, options, backend, error);
}
