// Models in GGUF: files that make_gguf_models.py wrote with the gguf package (its writer, its names of tensors, the
// converter's order of q and k). Every value is given by a formula of its Hugging Face name, so all is exact.
#include "../model/tiny.h"
#include "base/file.h"
#include "formats/model_io.h"

#define PATH TEST_SCRATCH "/odd.gguf"

static const char *path_of(int family) {
    static const char *const paths[] = {TEST_DATA "/formats/golden/llama.gguf", TEST_DATA "/formats/golden/qwen2.gguf",
                                        TEST_DATA "/formats/golden/qwen3.gguf"};
    return paths[family];
}

// As value() of make_gguf_models.py.
static float value_of(const char *name, size_t k) {
    size_t sum = 0;
    for (const char *c = name; *c; c++)
        sum += (unsigned char)*c;
    return ((float)((k * 7919 + sum * 4099) % 257) - 128) / 64;
}

static void check_config(const ModelConfig *c, int family) {
    assert_int_equal(c->family, ALL_FAMILIES[family]);
    assert_true(c->vocabulary == 260 && c->hidden == 16 && c->n_layers == 2 && c->n_heads == 2 && c->n_kv_heads == 1);
    assert_true(c->head_dim == 12 && c->ffn == 24 && c->max_positions == 64 && c->norm_eps == 1e-5f);
    assert_true(c->tied == (c->family != MODEL_LLAMA) && c->qkv_bias == (c->family == MODEL_QWEN2));
    assert_true(!c->o_bias && !c->mlp_bias && c->qk_norm == (c->family == MODEL_QWEN3));
    assert_true(c->rope.kind == ROPE_DEFAULT && c->rope.theta == 5000.0);
    assert_true(c->bos_id == 7 && c->eos_id == 258);
}

static void check_text(const ModelFile *file) {
    int32_t n_eos;
    const int32_t *eos = model_file_eos_ids(file, &n_eos);
    assert_true(n_eos == 2 && eos[0] == 258 && eos[1] == 259);
    assert_true(str_equal(model_file_chat_template(file), STR("{{ messages }}")));
    GgufVocabulary v;
    assert_true(model_file_vocabulary(file, &v));
    assert_true(v.n_tokens == 260 && v.n_merges == 2 && str_equal(v.pre, STR("qwen2")));
    assert_true(str_equal(v.tokens[0], STR("t0")) && str_equal(v.tokens[259], STR("<turn>")));
    assert_true(str_equal(v.merges[1], STR("t3 t4")));
    for (int32_t i = 0; i < v.n_tokens; i++)
        assert_int_equal(v.special[i], i >= 257);
}

static void check_weights(const Model *model) {
    const ParamTable *table = model_params(model);
    for (int32_t p = 0; p < table->n_params; p++) {
        const Param *param = &table->params[p];
        size_t count = (size_t)param->rows * (size_t)param->cols;
        float *values = mem_alloc(count, sizeof *values);
        model_get_param(model, p, values);
        for (size_t k = 0; k < count; k++) {
            float expected = value_of(param->name, k);
            if (values[k] != expected) {
                fail_msg("%s[%zu]: %g, expected %g", param->name, k, (double)values[k], (double)expected);
            }
        }
        mem_free(values);
    }
}

static void test_families(void **state) {
    (void)state;
    Backend *backend = open_backend("ref");
    for (int f = 0; f < N_FAMILIES; f++) {
        ModelFile *file;
        Model *model;
        Error error;
        if (!model_file_open(path_of(f), &file, &error)) fail_msg("%s", error.message);
        check_config(model_file_config(file), f);
        check_text(file);
        if (!model_load(file, backend, DTYPE_F32, &model, &error)) fail_msg("%s", error.message);
        check_weights(model);
        model_destroy(model);
        model_file_close(file);
    }
    backend_destroy(backend);
}

// ---- files that are no such models: one name in the file is changed to another of its length

// Opens and loads; true with the message where either fails.
static bool refused(Backend *backend, Error *error) {
    ModelFile *file = NULL;
    Model *model = NULL;
    bool ok = model_file_open(PATH, &file, error) && model_load(file, backend, DTYPE_F32, &model, error);
    model_destroy(model);
    model_file_close(file);
    return !ok;
}

static Buf read_golden(int family) {
    Buf bytes;
    Error error;
    if (!file_read(path_of(family), (size_t)1 << 20, &bytes, &error)) fail_msg("%s", error.message);
    return bytes;
}

static void put(const char *bytes, size_t count) {
    Error error;
    if (!file_write_atomic(PATH, bytes, count, &error)) fail_msg("%s", error.message);
}

typedef struct Change {
    const char *from, *to, *message;
} Change;

static const Change changes[] = {
    {"general.architecture", "general.architectura", "key \"general.architecture\": expected llama, qwen2 or qwen3"},
    {"llama.embedding_length", "llama.embedding_lengte", "key \"llama.embedding_length\": expected a whole number"},
    {"tokenizer.ggml.model", "tokenizer.ggml.modem", "key \"tokenizer.ggml.model\": expected gpt2"},
    {"tokenizer.ggml.merges", "tokenizer.ggml.merged", "\"tokenizer.ggml.merges\": expected arrays of strings"},
    {"token_embd.weight", "token_embe.weight", "tensor \"token_embd.weight\": expected a matrix"},
    {"blk.1.ffn_up.weight", "blk.1.ffn_ud.weight", "tensor \"blk.1.ffn_up.weight\" is missing"},
    {"blk.1.ffn_up.weight", "blk.7.ffn_up.weight", "tensor \"blk.1.ffn_up.weight\" is missing"},
    {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.attn_"}, // twice the same name
    {"output_norm.weight", "output_worm.weight", "tensor \"output_norm.weight\" is missing"},
};

static void test_refusals(void **state) {
    (void)state;
    Backend *backend = open_backend("ref");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        Buf bytes = read_golden(0);
        ptrdiff_t at = str_find(buf_str(&bytes), str_of(changes[i].from), 0);
        assert_true(at >= 0 && strlen(changes[i].from) == strlen(changes[i].to));
        memcpy(bytes.data + at, changes[i].to, strlen(changes[i].to));
        put(bytes.data, bytes.len);
        Error error;
        if (!refused(backend, &error)) fail_msg("%s was read", changes[i].to);
        if (!strstr(error.message, PATH) || !strstr(error.message, changes[i].message))
            fail_msg("%s: %s", changes[i].to, error.message);
        buf_free(&bytes);
    }
    backend_destroy(backend);
}

// Cut anywhere, a file is refused by a message that names it.
static void test_truncated(void **state) {
    (void)state;
    Backend *backend = open_backend("ref");
    for (int f = 0; f < N_FAMILIES; f++) {
        Buf bytes = read_golden(f);
        for (size_t n = 0; n < bytes.len; n += n < 6000 ? 7 : 501) {
            Error error;
            put(bytes.data, n);
            if (!refused(backend, &error)) fail_msg("%s cut to %zu bytes was read", path_of(f), n);
            if (!strstr(error.message, PATH)) fail_msg("cut to %zu bytes: %s", n, error.message);
        }
        buf_free(&bytes);
    }
    backend_destroy(backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_families), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_truncated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
