// Any bytes as a GGUF file: opened, its metadata asked for, its first tensors read; then as a model.
#include <stdint.h>
#include <stdlib.h>

#include "formats/gguf.h"
#include "formats/model_io.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensors(const Gguf *gguf) {
    for (int i = 0; i < gguf_tensors(gguf); i++) {
        const GgufTensor *t = gguf_tensor(gguf, i);
        uint64_t elements, bytes;
        gguf_block(t->type, &elements, &bytes);
        if (t->count < elements) continue;
        float *out = malloc(elements * sizeof *out);
        gguf_dequantise(t->type, t->data, elements, out);
        gguf_dequantise(t->type, t->data + (t->count / elements - 1) * bytes, elements, out); // the last block
        free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH_MAX];
    int fd = fuzz_file(data, size, path);
    Gguf *gguf;
    ModelFile *file;
    Error error;
    if (gguf_open(path, &gguf, &error)) {
        int64_t value;
        double real;
        Str text;
        gguf_int(gguf, "general.alignment", &value);
        gguf_real(gguf, "llama.rope.freq_base", &real);
        gguf_string(gguf, "general.architecture", &text);
        gguf_string_array(gguf, "tokenizer.ggml.tokens", NULL);
        gguf_int_array(gguf, "tokenizer.ggml.token_type", NULL);
        read_tensors(gguf);
        gguf_close(gguf);
    }
    if (model_file_open(path, &file, &error)) model_file_close(file);
    fuzz_file_close(fd);
    return 0;
}
