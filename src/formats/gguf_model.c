// A GGUF file as a model: configuration, Hugging Face's tensor names, the order of rows, the vocabulary.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/gguf.h"
#include "formats/model_file.h"

typedef struct GgufModel {
    Gguf *gguf;
    Str *tokens, *merges;
    bool *special;
} GgufModel;

static void model_close(void *form) {
    GgufModel *m = form;
    gguf_close(m->gguf);
    mem_free(m->tokens), mem_free(m->merges), mem_free(m->special);
    mem_free(m);
}

// ---- names

static void form_name(const char *hf, char *out, size_t size) {
    static const char *const names[][2] = {
        {"self_attn.q_proj", "attn_q"},        {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
        {"self_attn.o_proj", "attn_output"},   {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
        {"mlp.gate_proj", "ffn_gate"},         {"mlp.up_proj", "ffn_up"},           {"mlp.down_proj", "ffn_down"},
        {"input_layernorm", "attn_norm"},      {"post_attention_layernorm", "ffn_norm"},
    };
    static const char *const top[][2] = {{"model.embed_tokens.weight", "token_embd.weight"},
                                         {"model.norm.weight", "output_norm.weight"},
                                         {"lm_head.weight", "output.weight"}};
    snprintf(out, size, "%s", hf);
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(hf, top[i][0]) == 0) snprintf(out, size, "%s", top[i][1]);
    }
    int layer, used = 0;
    if (sscanf(hf, "model.layers.%d.%n", &layer, &used) != 1 || used == 0) return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i][0]);
        if (strncmp(hf + used, names[i][0], n) == 0 && hf[(size_t)used + n] == '.') {
            snprintf(out, size, "blk.%d.%s%s", layer, names[i][1], hf + (size_t)used + n);
        }
    }
}

// ---- rows of q and k: files of the llama architecture have each head's rows interleaved (pairs side by side) where Hugging
// Face has them in two halves: HF row j * D/2 + i of a head is row 2 i + j here.
static void restore_halves(float *values, int32_t rows, int32_t cols, int32_t head_dim) {
    float *head = mem_alloc((size_t)head_dim * (size_t)cols, sizeof *head);
    for (int32_t first = 0; first + head_dim <= rows; first += head_dim) {
        float *from = values + (size_t)first * (size_t)cols;
        for (int32_t i = 0; i < head_dim / 2; i++) {
            for (int32_t j = 0; j < 2; j++) {
                memcpy(head + (size_t)(j * head_dim / 2 + i) * (size_t)cols, from + (size_t)(2 * i + j) * (size_t)cols,
                       (size_t)cols * sizeof *head);
            }
        }
        memcpy(from, head, (size_t)head_dim * (size_t)cols * sizeof *head);
    }
    mem_free(head);
}

static bool read_tensor(const ModelFile *file, const FileTensor *tensor, float *out, Error *error) {
    (void)error;
    const GgufTensor *t = tensor->handle;
    gguf_dequantise(t->type, t->data, t->count, out);
    file_map_forget(t->data, t->bytes);
    bool rotated = str_ends(t->name, STR(".attn_q.weight")) || str_ends(t->name, STR(".attn_k.weight")) ||
                   str_ends(t->name, STR(".attn_q.bias")) || str_ends(t->name, STR(".attn_k.bias"));
    if (rotated && file->config.family == MODEL_LLAMA) {
        int32_t cols = t->n_dims == 2 ? (int32_t)t->shape[0] : 1;
        restore_halves(out, (int32_t)(t->count / (uint64_t)cols), cols, file->config.head_dim);
    }
    return true;
}

// ---- configuration

typedef struct ConfigReader {
    const Gguf *gguf;
    const char *path, *architecture;
    Error *error;
} ConfigReader;

static void arch_key(const ConfigReader *r, const char *name, char key[128]) { snprintf(key, 128, "%s.%s", r->architecture, name); }

static bool need_size(const ConfigReader *r, const char *name, int32_t *out) {
    char key[128];
    int64_t value;
    arch_key(r, name, key);
    if (!gguf_int(r->gguf, key, &value) || value < 1 || value > 1 << 24) {
        return error_set(r->error, "%s: key \"%s\": expected a whole number from 1 to %d", r->path, key, 1 << 24);
    }
    *out = (int32_t)value;
    return true;
}

static int32_t size_or(const ConfigReader *r, const char *name, int32_t fallback) {
    char key[128];
    int64_t value;
    arch_key(r, name, key);
    return gguf_int(r->gguf, key, &value) && value >= 1 && value <= 1 << 24 ? (int32_t)value : fallback;
}

static double real_or(const ConfigReader *r, const char *name, double fallback) {
    char key[128];
    double value;
    arch_key(r, name, key);
    return gguf_real(r->gguf, key, &value) ? value : fallback;
}

static int32_t token_or_none(const Gguf *gguf, const char *key) {
    int64_t value;
    return gguf_int(gguf, key, &value) && value >= 0 && value < 1 << 24 ? (int32_t)value : -1;
}

static const GgufTensor *find_tensor(const Gguf *gguf, const char *name) {
    for (int i = 0; i < gguf_tensors(gguf); i++) {
        if (str_equal(gguf_tensor(gguf, i)->name, str_of(name))) return gguf_tensor(gguf, i);
    }
    return NULL;
}

// Llama 3's scaling comes as a tensor of divisors of the frequencies: the largest is the factor; the other parameters are
// those of every Llama 3 release.
static bool read_rope(const ConfigReader *r, RopeConfig *rope) {
    rope->theta = real_or(r, "rope.freq_base", 10000);
    const GgufTensor *factors = find_tensor(r->gguf, "rope_freqs.weight");
    if (factors != NULL && factors->type == GGUF_F32) {
        rope->kind = ROPE_LLAMA3;
        for (uint64_t i = 0; i < factors->count; i++) {
            float f;
            memcpy(&f, factors->data + 4 * i, sizeof f);
            if (f > rope->factor) rope->factor = f;
        }
        rope->low_freq_factor = 1, rope->high_freq_factor = 4, rope->original_max_positions = 8192;
        return true;
    }
    char key[128];
    Str kind;
    arch_key(r, "rope.scaling.type", key);
    if (!gguf_string(r->gguf, key, &kind) || str_equal(kind, STR("none"))) return true;
    rope->factor = real_or(r, "rope.scaling.factor", 1);
    rope->original_max_positions = real_or(r, "rope.scaling.original_context_length", 0);
    rope->beta_fast = 32, rope->beta_slow = 1;
    if (str_equal(kind, STR("linear"))) {
        rope->kind = ROPE_LINEAR;
    } else if (str_equal(kind, STR("yarn"))) {
        rope->kind = ROPE_YARN;
    } else {
        return error_set(r->error, "%s: key \"%s\": \"%.*s\": expected none, linear or yarn", r->path, key, (int)(kind.len < 32 ? kind.len : 32),
                         kind.ptr);
    }
    return true;
}

static bool read_config(const ConfigReader *r, ModelConfig *c) {
    if (!need_size(r, "embedding_length", &c->hidden) || !need_size(r, "block_count", &c->n_layers) ||
        !need_size(r, "attention.head_count", &c->n_heads) || !need_size(r, "feed_forward_length", &c->ffn)) {
        return false;
    }
    const GgufTensor *embedding = find_tensor(r->gguf, "token_embd.weight");
    if (embedding == NULL || embedding->n_dims != 2 || embedding->shape[1] > 1 << 24) {
        return error_set(r->error, "%s: tensor \"token_embd.weight\": expected a matrix", r->path);
    }
    c->vocabulary = (int32_t)embedding->shape[1];
    c->n_kv_heads = size_or(r, "attention.head_count_kv", c->n_heads);
    c->head_dim = size_or(r, "attention.key_length", c->hidden / c->n_heads);
    c->max_positions = size_or(r, "context_length", 2048);
    c->norm_eps = (float)real_or(r, "attention.layer_norm_rms_epsilon", 1e-5);
    c->tied = find_tensor(r->gguf, "output.weight") == NULL;
    c->qkv_bias = find_tensor(r->gguf, "blk.0.attn_q.bias") != NULL;
    c->o_bias = find_tensor(r->gguf, "blk.0.attn_output.bias") != NULL;
    c->qk_norm = c->family == MODEL_QWEN3;
    c->bos_id = token_or_none(r->gguf, "tokenizer.ggml.bos_token_id");
    c->eos_id = token_or_none(r->gguf, "tokenizer.ggml.eos_token_id");
    c->pad_id = token_or_none(r->gguf, "tokenizer.ggml.padding_token_id");
    return read_rope(r, &c->rope) && model_config_check(c, r->path, r->error);
}

static bool read_family(const ConfigReader *r, ModelConfig *c) {
    return model_family_by_name(str_of(r->architecture), &c->family) ||
           error_set(r->error, "%s: architecture \"%s\": expected llama, qwen2 or qwen3", r->path, r->architecture);
}

// ---- vocabulary

#define MAX_TOKENS (1 << 20)

// Token types of the file: 3 is a control token, 4 one that the user defined.
static bool read_special(GgufModel *m, const char *path, int64_t n_tokens, Error *error) {
    int64_t n = gguf_int_array(m->gguf, "tokenizer.ggml.token_type", NULL);
    m->special = mem_alloc((size_t)n_tokens, sizeof *m->special);
    if (n < 0) return true;
    if (n != n_tokens) return error_set(error, "%s: key \"tokenizer.ggml.token_type\": expected one a token", path);
    int64_t *types = mem_alloc((size_t)n, sizeof *types);
    gguf_int_array(m->gguf, "tokenizer.ggml.token_type", types);
    for (int64_t i = 0; i < n; i++) m->special[i] = types[i] == 3 || types[i] == 4;
    mem_free(types);
    return true;
}

static bool read_vocabulary(ModelFile *file, GgufModel *m, Error *error) {
    Str model, pre = STR("gpt-2");
    if (!gguf_string(m->gguf, "tokenizer.ggml.model", &model) || !str_equal(model, STR("gpt2"))) {
        return error_set(error, "%s: key \"tokenizer.ggml.model\": expected gpt2 (byte-level BPE)", file->path);
    }
    int64_t n_tokens = gguf_string_array(m->gguf, "tokenizer.ggml.tokens", NULL);
    int64_t n_merges = gguf_string_array(m->gguf, "tokenizer.ggml.merges", NULL);
    if (n_tokens < 256 || n_tokens > MAX_TOKENS || n_merges < 0 || n_merges > MAX_TOKENS) {
        return error_set(error, "%s: keys \"tokenizer.ggml.tokens\" and \"tokenizer.ggml.merges\": expected arrays of strings", file->path);
    }
    m->tokens = mem_alloc((size_t)n_tokens, sizeof *m->tokens);
    m->merges = mem_alloc((size_t)n_merges, sizeof *m->merges);
    gguf_string_array(m->gguf, "tokenizer.ggml.tokens", m->tokens);
    gguf_string_array(m->gguf, "tokenizer.ggml.merges", m->merges);
    if (!read_special(m, file->path, n_tokens, error)) return false;
    gguf_string(m->gguf, "tokenizer.ggml.pre", &pre);
    file->has_vocabulary = true;
    file->vocabulary = (GgufVocabulary){m->tokens, m->merges, m->special, (int32_t)n_tokens, (int32_t)n_merges, pre};
    return true;
}

static void list_tensors(ModelFile *file, const Gguf *gguf) {
    file->n_tensors = gguf_tensors(gguf);
    file->tensors = mem_alloc((size_t)file->n_tensors, sizeof *file->tensors);
    for (int i = 0; i < file->n_tensors; i++) {
        const GgufTensor *t = gguf_tensor(gguf, i);
        FileTensor *to = &file->tensors[i];
        *to = (FileTensor){.name = t->name, .type = gguf_type_name(t->type), .n_dims = t->n_dims, .handle = t};
        for (int d = 0; d < t->n_dims; d++) to->shape[d] = t->shape[t->n_dims - 1 - d]; // slowest first
    }
}

bool gguf_model_open(ModelFile *file, Error *error) {
    GgufModel *m = mem_alloc(1, sizeof *m);
    file->form = m;
    file->form_close = model_close;
    file->read = read_tensor;
    file->form_name = form_name;
    if (!gguf_open(file->path, &m->gguf, error)) return false;
    Str architecture, chat;
    char name[32];
    if (!gguf_string(m->gguf, "general.architecture", &architecture) || architecture.len >= sizeof name) {
        return error_set(error, "%s: key \"general.architecture\": expected llama, qwen2 or qwen3", file->path);
    }
    snprintf(name, sizeof name, "%.*s", (int)architecture.len, architecture.ptr);
    ConfigReader r = {m->gguf, file->path, name, error};
    if (!read_family(&r, &file->config) || !read_config(&r, &file->config) || !read_vocabulary(file, m, error)) return false;
    list_tensors(file, m->gguf);
    if (gguf_string(m->gguf, "tokenizer.chat_template", &chat)) buf_add_str(&file->chat_template, chat);
    model_file_add_eos(file, file->config.eos_id);
    model_file_add_eos(file, token_or_none(m->gguf, "tokenizer.ggml.eot_token_id"));
    return true;
}
