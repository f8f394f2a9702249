// Any bytes as a run's manifest.json: it is read or refused in one line, and compared with itself and with another.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "commands/verify_compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], fixed[64]; // made once; the system cleans /tmp

static const char other[] = "{\"command\":\"sft\",\"options\":{\"lr\":1},\"inputs\":[{\"key\":\"data\",\"path\":\"a\",\"sha256\":\"b\"}],"
                            "\"outputs\":[{\"path\":\"model/x\",\"sha256\":\"c\"}],\"libraries\":{\"z\":\"1\"}}";

static void write_manifest(const char *where, const void *bytes, size_t size) {
    char *path = path_join(where, "manifest.json");
    (void)remove(path); // a file that is cut and written again is flushed to the disk by some systems
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
    mem_free(path);
}

static void make_folders(void) {
    strcpy(folder, "/tmp/fuzz_record_XXXXXX");
    strcpy(fixed, "/tmp/fuzz_record_XXXXXX");
    if (mkdtemp(folder) == NULL || mkdtemp(fixed) == NULL || freopen("/dev/null", "w", stdout) == NULL) abort();
    write_manifest(fixed, other, sizeof other - 1);
}

static void remove_folders(void) { (void)!(path_remove(folder, NULL) && path_remove(fixed, NULL)); }

static bool one_line(const Error *error) { return error->message[0] != 0 && strchr(error->message, '\n') == NULL; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (folder[0] == 0) {
        make_folders();
        atexit(remove_folders);
    }
    write_manifest(folder, data, size);
    Error error = {""};
    RecordList list, against;
    if (!records_read(folder, &list, &error)) {
        if (!one_line(&error)) abort();
        return 0;
    }
    if (!records_read(fixed, &against, &error)) abort();
    if (!records_compare(&list, &list, &error)) abort(); // a run does not differ from itself
    if (!records_compare(&list, &against, &error) && !one_line(&error)) abort();
    mem_free(record_path(&list, &list.records[0], false, "a/b"));
    records_free(&list);
    records_free(&against);
    return 0;
}
