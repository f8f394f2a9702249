#include "commands/manifest.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>
#include <utf8proc.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

// ---- hashes of inputs

static bool add_path(Sha256 *state, const char *path, const char *name, Error *error) {
    if (dir_exists(path)) {
        char **names;
        size_t count;
        if (!dir_list(path, &names, &count, error)) return false;
        bool ok = true;
        for (size_t i = 0; i < count; i++) {
            char *child = path_join(path, names[i]);
            bool skip = strcmp(names[i], "checkpoints") == 0 || str_ends(str_of(names[i]), STR(".partial"));
            ok = ok && (skip || add_path(state, child, names[i], error));
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

// ---- the machine

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
    jw_kstring(w, "jansson", str_of(jansson_version_str()));
    jw_kstring(w, "libyaml", str_of(yaml));
    jw_kstring(w, "pcre2", str_of(pcre));
    jw_kstring(w, "utf8proc", str_of(utf8proc_version()));
    jw_kstring(w, "zlib", str_of(zlibVersion()));
    jw_kstring(w, "zstd", str_of(ZSTD_versionString()));
    jw_kstring(w, "libcurl", str_of(curl_version_info(CURLVERSION_NOW)->version));
    jw_kstring(w, "openssl", str_of(OpenSSL_version(OPENSSL_VERSION)));
    jw_object_end(w);
}

static bool write_inputs(JsonWriter *w, const char *const *inputs, int n, Error *error) {
    jw_key(w, "inputs");
    jw_object_begin(w);
    for (int i = 0; i < n; i++) {
        if (*inputs[i] == 0) continue;
        char hex[65];
        if (!path_sha256(inputs[i], hex, error)) return false;
        jw_kstring(w, inputs[i], str_of(hex));
    }
    jw_object_end(w);
    return true;
}

static bool write_file(const char *folder, const char *name, const Buf *text, Error *error) {
    char *path = path_join(folder, name);
    bool ok = file_write_atomic(path, text->data, text->len, error);
    mem_free(path);
    return ok;
}

bool manifest_write(const char *folder, const Options *options, const Backend *backend, const char *const *inputs, int n_inputs,
                    Error *error) {
    Buf text;
    buf_init(&text, 0);
    options_write_yaml(options, &text);
    bool ok = write_file(folder, "recipe.yaml", &text, error);
    buf_clear(&text);
    char processor[128];
    processor_name(processor, sizeof processor);
    JsonWriter w = json_writer(&text);
    jw_object_begin(&w);
    jw_kstring(&w, "program", STR("rlt " RLT_VERSION));
    jw_kstring(&w, "compiler", STR(__VERSION__));
    jw_kstring(&w, "processor", str_of(processor));
    if (backend != NULL) jw_kstring(&w, "backend", str_of(backend_describe(backend)));
    write_libraries(&w);
    jw_kstring(&w, "command", str_of(options_command(options)->name));
    jw_key(&w, "options");
    options_write_json(options, &w);
    ok = ok && write_inputs(&w, inputs, n_inputs, error);
    jw_object_end(&w);
    buf_add_char(&text, '\n');
    ok = ok && write_file(folder, "manifest.json", &text, error);
    buf_free(&text);
    return ok;
}
