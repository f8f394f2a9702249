#include "commands/build_info.h"

#include <curl/curl.h>
#include <flint/flint.h>
#include <gmp.h>
#include <gnu/libc-version.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <utf8proc.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"

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

void libraries_write(JsonWriter *w) {
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

bool program_write(JsonWriter *w, Error *error) {
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
