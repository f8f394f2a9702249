// Any bytes as a Parquet file: rows or one line of error, within the limits.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/parquet.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH_MAX];
    int fd = fuzz_file(data, size, path);
    ParquetLimits limits = {.max_rows = 10000, .max_row_bytes = 1 << 16, .max_bytes = 1 << 20};
    Parquet *parquet;
    Error error = {""};
    if (parquet_open(path, &limits, &parquet, &error)) {
        json_t *row;
        size_t n = 0;
        int status;
        for (; (status = parquet_next(parquet, &row, &error)) == 1; n++) {
            must(json_is_object(row));
            json_decref(row);
        }
        must(n <= limits.max_rows && (status != 0 || n == parquet_rows(parquet)));
        must(status == 0 || error.message[0] != '\0');
        parquet_close(parquet);
    } else {
        must(error.message[0] != '\0');
    }
    must(strchr(error.message, '\n') == NULL);
    fuzz_file_close(fd);
    return 0;
}
