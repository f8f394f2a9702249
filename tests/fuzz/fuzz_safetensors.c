// Any bytes as a safetensors file: opened, and the first and last element of every tensor read.
#include <stdint.h>

#include "formats/safetensors.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH_MAX];
    int fd = fuzz_file(data, size, path);
    Safetensors *st;
    Error error;
    if (safetensors_open(path, &st, &error)) {
        for (int i = 0; i < safetensors_count(st); i++) {
            const StTensor *t = safetensors_at(st, i);
            float value;
            int64_t whole;
            if (t->count == 0) continue;
            safetensors_read_f32(t, 0, 1, &value);
            safetensors_read_f32(t, t->count - 1, 1, &value);
            safetensors_read_i64(t, t->count - 1, 1, &whole);
        }
        safetensors_find(st, "x");
        safetensors_metadata(st, "format");
        safetensors_close(st);
    }
    fuzz_file_close(fd);
    return 0;
}
