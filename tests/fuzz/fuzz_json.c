// Whatever the bytes: json_parse gives a tree or one line of error, and what the writer makes of a tree reads back
// equal (reals that are whole are written as integers, hence compared after a second writing).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void write_tree(Buf *out, json_t *tree) {
    buf_init(out, 0);
    JsonWriter w = json_writer(out);
    jw_json(&w, tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Error error = {""};
    json_t *tree = NULL;
    if (!json_parse((Str){(const char *)data, size}, "fuzz", &tree, &error)) {
        must(strncmp(error.message, "fuzz: ", 6) == 0 && strchr(error.message, '\n') == NULL);
        return 0;
    }
    Buf once, twice;
    write_tree(&once, tree);
    json_t *back = NULL;
    must(json_parse(buf_str(&once), "back", &back, &error));
    write_tree(&twice, back);
    must(str_equal(buf_str(&once), buf_str(&twice)));
    json_decref(tree);
    json_decref(back);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
