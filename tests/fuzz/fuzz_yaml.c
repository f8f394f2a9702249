// Whatever the bytes: yaml_parse gives a tree or one line of error, and what yaml_write makes of a tree reads back
// equal.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Error error = {""};
    Str text = {(const char *)data, size};
    json_decref(yaml_scalar(text));
    json_t *tree = NULL;
    if (!yaml_parse(text, "fuzz", &tree, &error)) {
        must(strncmp(error.message, "fuzz:", 5) == 0 && strchr(error.message, '\n') == NULL);
        return 0;
    }
    Buf written;
    buf_init(&written, 0);
    yaml_write(&written, tree);
    json_t *back = NULL;
    must(yaml_parse(buf_str(&written), "back", &back, &error));
    must(json_equal(tree, back));
    json_decref(tree);
    json_decref(back);
    buf_free(&written);
    return 0;
}
