// Whatever the bytes of a line: row_parse gives a row or one line of error, and a row that is written reads back as
// itself (compared after a second writing: floats have one form then).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "data/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    RowsLimits limits = rows_limits_default();
    Arena *arena = arena_create();
    Row row, back, again;
    Error error = {""};
    if (!row_parse((Str){(const char *)data, size}, "fuzz", &limits, arena, &row, &error)) {
        must(strncmp(error.message, "fuzz: ", 6) == 0 && strchr(error.message, '\n') == NULL);
        arena_destroy(arena);
        return 0;
    }
    Buf first, second, third;
    buf_init(&first, 0);
    buf_init(&second, 0);
    buf_init(&third, 0);
    row_write(&row, &first);
    must(row_parse((Str){first.data, first.len - 1}, "back", &limits, arena, &back, &error));
    must((row.solution.ptr == NULL) == (back.solution.ptr == NULL));
    must(row.solution.ptr == NULL || str_equal(row.solution, back.solution));
    must((row.messages == NULL) == (back.messages == NULL) && (row.other == NULL) == (back.other == NULL));
    row_write(&back, &second);
    must(row_parse((Str){second.data, second.len - 1}, "again", &limits, arena, &again, &error));
    row_write(&again, &third);
    must(str_equal(buf_str(&second), buf_str(&third)));
    row_release(&row);
    row_release(&back);
    row_release(&again);
    buf_free(&first);
    buf_free(&second);
    buf_free(&third);
    arena_destroy(arena);
    return 0;
}
