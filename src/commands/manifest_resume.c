// A run that goes on: with the settings and inputs that it began with, or not at all.
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "commands/build_info.h"
#include "commands/manifest_impl.h"

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
    if (!manifest_read(out, &manifest, error)) return false;
    bool ok = manifest == NULL || same_options(out, manifest, options, error);
    json_decref(manifest);
    return ok;
}

static bool hash_inputs_of(const OptionRow *row, const char *value, json_t **rows, Error *error) {
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_array_begin(&w);
    bool ok = manifest_inputs_of(&w, row, value, error);
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
    manifest_arguments(&w, options);
    bool ok = program_write(&w, error);
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
    if (!manifest_read(out, &manifest, error)) return false;
    if (manifest == NULL) {
        return (!dir_exists(out) || recipe_write(out, options, error)) && manifest_write(out, options, backend, NULL, 0, error);
    }
    bool ok = same_options(out, manifest, options, error) && same_inputs(out, manifest, options, error) &&
              add_resumed(manifest, options, error) && manifest_replace(out, manifest, error);
    json_decref(manifest);
    return ok;
}
