// The real model, SmolLM2-135M-Instruct's GGUF (scripts/get-smollm2): next-token logits after a prompt.
//
// Reference: the logits that llama.cpp's and Transformers' reading of the same GGUF agree on, " Paris" 17.37, " the" 14.89,
// " London" 13.25, in this order; tolerance 0.05, which is above the rounding of F32 sums in another order (about 1e-3
// after 30 layers) and below any mistake in a block format, a permutation of rows or the rotary embedding.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/model_io.h"
#include "text/tokenizer.h"

#define MODEL_PATH TEST_DATA "/../models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf"
#define EXIT_SKIPPED 77

static void die(const char *message) {
    fprintf(stderr, "FAIL: %s\n", message);
    exit(1);
}

static Tokenizer *open_tokenizer(const ModelFile *file) {
    GgufVocabulary v;
    Error error;
    Tokenizer *tokenizer;
    if (!model_file_vocabulary(file, &v)) die("no vocabulary");
    TokenizerSpec spec = {.tokens = v.tokens, .n_tokens = v.n_tokens, .merges = v.merges, .n_merges = v.n_merges,
                          .special = v.special, .split = SPLIT_SMOLLM, .source = MODEL_PATH};
    if (!tokenizer_from_spec(&spec, &tokenizer, &error)) die(error.message);
    return tokenizer;
}

// The id of the largest logit that is not yet taken.
static int32_t best_left(const float *logits, int32_t n, const int32_t *taken, int n_taken) {
    int32_t best = -1;
    for (int32_t i = 0; i < n; i++) {
        bool used = false;
        for (int k = 0; k < n_taken; k++) used |= taken[k] == i;
        if (!used && (best < 0 || logits[i] > logits[best])) best = i;
    }
    return best;
}

static void check_backend(const ModelFile *file, const Tokenizer *tokenizer, const char *name) {
    static const struct { const char *text; float logit; } expected[] = {{" Paris", 17.37f}, {" the", 14.89f}, {" London", 13.25f}};
    Error error;
    Backend *backend;
    Model *model = NULL;
    if (!backend_create(name, &backend, &error) || !model_load(file, backend, DTYPE_F32, &model, &error)) die(error.message);
    Ids ids = {0};
    tokenizer_encode(tokenizer, STR("The capital of France is"), &ids);
    Batch batch;
    batch_init(&batch);
    batch_add_segment(&batch, -1, ids.data, ids.len);
    Pass *pass = pass_create(model, (PassSettings){0});
    int32_t row = ids.len - 1, n = model_config(model)->vocabulary, top[3];
    float *logits = malloc((size_t)n * sizeof *logits);
    model_logits(model, pass, &batch, &row, 1, logits);
    for (int k = 0; k < 3; k++) {
        top[k] = best_left(logits, n, top, k);
        Buf text;
        buf_init(&text, 0);
        tokenizer_decode(tokenizer, &top[k], 1, false, &text);
        printf("%s: %d. \"%s\" %.3f, expected \"%s\" %.2f +- 0.05\n", name, k + 1, text.data, (double)logits[top[k]], expected[k].text,
               (double)expected[k].logit);
        float difference = logits[top[k]] - expected[k].logit;
        if (strcmp(text.data, expected[k].text) != 0 || difference > 0.05f || difference < -0.05f) die("another token or logit");
        buf_free(&text);
    }
    free(logits);
    pass_destroy(pass);
    batch_free(&batch);
    ids_free(&ids);
    model_destroy(model);
    backend_destroy(backend);
}

int main(void) {
    if (!file_exists(MODEL_PATH)) {
        printf("skipped: %s is not there (scripts/get-smollm2 fetches it)\n", MODEL_PATH);
        return EXIT_SKIPPED;
    }
    Error error;
    ModelFile *file;
    if (!model_file_open(MODEL_PATH, &file, &error)) die(error.message);
    Tokenizer *tokenizer = open_tokenizer(file);
    check_backend(file, tokenizer, "cpu");
    tokenizer_destroy(tokenizer);
    model_file_close(file);
    return 0;
}
