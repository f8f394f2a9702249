// rlt inspect: what is in a model.
#include <stdio.h>

#include "commands/commands.h"
#include "commands/model_bundle.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, NULL, 0, 0, NULL, "A Hugging Face folder or a GGUF file."},
    BASE_OPTION,
    {"tensors", OPTION_BOOL, "true", 0, 0, NULL, "Lists every tensor with its type and shape."},
    {0},
};

static void print_tensor(void *context, Str name, const char *type, const uint64_t *shape, int n_dims) {
    uint64_t *total = context;
    uint64_t count = 1;
    printf("  %-56.*s %-5s [", (int)name.len, name.ptr, type);
    for (int i = 0; i < n_dims; i++) {
        printf("%s%llu", i > 0 ? ", " : "", (unsigned long long)shape[i]);
        count *= shape[i];
    }
    printf("]\n");
    *total += count;
}

static void count_tensor(void *context, Str name, const char *type, const uint64_t *shape, int n_dims) {
    (void)name, (void)type;
    uint64_t count = 1;
    for (int i = 0; i < n_dims; i++) count *= shape[i];
    *(uint64_t *)context += count;
}

static bool run(const Options *options, Error *error) {
    static const char *const chats[] = {"chatml", "qwen2.5", "qwen3", "smollm2", "llama3"};
    static const char *const ropes[] = {"default", "linear", "llama3", "yarn"};
    ModelBundle bundle;
    if (!model_bundle_open_key(options, "model", &bundle, error)) return false;
    const ModelConfig *c = model_file_config(bundle.file);
    printf("family: %s\nvocabulary: %d\nhidden: %d\nlayers: %d\nheads: %d (key/value %d, size %d)\nffn: %d\n",
           model_family_name(c->family), c->vocabulary, c->hidden, c->n_layers, c->n_heads, c->n_kv_heads, c->head_dim, c->ffn);
    printf("positions: %d\nrope: %s, theta %g\nnorm eps: %g\ntied: %s\nqkv bias: %s\nqk norm: %s\n", c->max_positions,
           ropes[c->rope.kind], c->rope.theta, (double)c->norm_eps, c->tied ? "yes" : "no", c->qkv_bias ? "yes" : "no",
           c->qk_norm ? "yes" : "no");
    printf("tokenizer: %d ids\nchat: %s\nstop ids:", tokenizer_size(bundle.tokenizer),
           bundle.has_chat ? chats[bundle.chat.family] : bundle.chat_error);
    for (int32_t i = 0; i < bundle.stop_ids.len; i++) printf(" %d", bundle.stop_ids.data[i]);
    printf("\n");
    uint64_t total = 0;
    if (options_bool(options, "tensors")) {
        printf("tensors:\n");
        model_file_each_tensor(bundle.file, print_tensor, &total);
    } else {
        model_file_each_tensor(bundle.file, count_tensor, &total);
    }
    printf("parameters: %llu\n", (unsigned long long)total);
    model_bundle_close(&bundle);
    return true;
}

const Command command_inspect = {"inspect", "what is in a model", "model", rows, run};
