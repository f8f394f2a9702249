// Any bytes as a recipe of stages: it is read or refused in one line, and what it resolves to is the same recipe again.
#include <string.h>

#include "commands/command_table.h"
#include "commands/stages.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool resolve(const void *bytes, size_t size, Buf *out, Error *error) {
    char path[FUZZ_PATH_MAX];
    StageList list;
    int fd = fuzz_file(bytes, size, path);
    bool ok = stages_read(path, "out", "1", NULL, 0, command_find, &list, error);
    fuzz_file_close(fd);
    if (!ok) return false;
    stages_write_yaml(&list, out);
    stages_free(&list);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Error error;
    Buf once, twice;
    buf_init(&once, 0), buf_init(&twice, 0);
    if (!resolve(data, size, &once, &error)) {
        if (error.message[0] == 0 || strchr(error.message, '\n') != NULL) abort();
    } else if (strstr(once.data, "${") == NULL) { // a value may hold what a variable's name looks like
        if (!resolve(once.data, once.len, &twice, &error) || !str_equal(buf_str(&once), buf_str(&twice))) abort();
    }
    buf_free(&once), buf_free(&twice);
    return 0;
}
