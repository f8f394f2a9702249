// Hugging Face folders: a saved model is loaded to the same bits; what does not fit is refused by a message that names
// file and tensor; a write that fails leaves the old model as it was.
//
// Reference of BF16: rounding to nearest even of the F32 bits, written out below. The folders of the round trips stay
// in the scratch folder for peer_transformers.py, which holds them against Transformers.
#include "../model/tiny.h"
#include "base/file.h"
#include "formats/model_io.h"
#include "formats/safetensors.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRATCH TEST_SCRATCH "/model_io"

static void check(bool ok, const Error *error) {
    if (!ok) fail_msg("%s", error->message);
}

static Backend *ref_backend(void) {
    Backend *backend = open_backend("ref");
    assert_non_null(backend);
    return backend;
}

static Model *load(const char *path, Backend *backend, Dtype dtype) {
    ModelFile *file;
    Model *model;
    Error error;
    check(model_file_open(path, &file, &error), &error);
    check(model_load(file, backend, dtype, &model, &error), &error);
    model_file_close(file);
    return model;
}

static float bf16_rounded(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits += 0x7fff + (bits >> 16 & 1); // half, or a little less where the kept bits are even
    bits &= 0xffff0000;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

// Every parameter of `loaded` has the bits of `model`, rounded where asked.
static void check_parameters(const Model *loaded, const Model *model, bool weights_rounded, bool vectors_rounded) {
    const ParamTable *table = model_params(model);
    assert_int_equal(model_params(loaded)->n_params, table->n_params);
    for (int32_t p = 0; p < table->n_params; p++) {
        const Param *param = &table->params[p];
        assert_string_equal(model_params(loaded)->params[p].name, param->name);
        size_t count = (size_t)param->rows * (size_t)param->cols;
        float *a = mem_alloc(count, sizeof *a), *b = mem_alloc(count, sizeof *b);
        model_get_param(model, p, a);
        model_get_param(loaded, p, b);
        bool rounded = param->kind == PARAM_WEIGHT ? weights_rounded : vectors_rounded;
        for (size_t i = 0; rounded && i < count; i++)
            a[i] = bf16_rounded(a[i]);
        if (memcmp(a, b, count * sizeof *a) != 0) fail_msg("%s differs", param->name);
        mem_free(a);
        mem_free(b);
    }
}

// Log-probs of a fixed sequence.
#define N_IDS 12
static void log_probs(Model *model, float logp[N_IDS - 1]) {
    int32_t ids[N_IDS];
    fill_random_ids(ids, N_IDS, model_config(model)->vocabulary, 5);
    Batch batch;
    batch_init(&batch);
    batch_predict(&batch, batch_add_segment(&batch, -1, ids, N_IDS), 1, N_IDS);
    Pass *pass = pass_create(model, (PassSettings){0});
    model_logprobs(model, pass, &batch, 1, logp, NULL);
    pass_destroy(pass);
    batch_free(&batch);
}

static void save(const Model *model, const char *path, Dtype dtype) {
    Error error;
    check(model_save(model, path, dtype, NULL, 0, &error), &error);
}

static void check_same_file(const char *dir_a, const char *dir_b, const char *name) {
    char *path_a = path_join(dir_a, name), *path_b = path_join(dir_b, name);
    Buf a, b;
    Error error;
    check(file_read(path_a, 1 << 20, &a, &error), &error);
    check(file_read(path_b, 1 << 20, &b, &error), &error);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    buf_free(&a), buf_free(&b);
    mem_free(path_a), mem_free(path_b);
}

// ---- round trips

static void check_config(const ModelConfig *a, const ModelConfig *b) {
    assert_int_equal(a->family, b->family);
    assert_true(a->vocabulary == b->vocabulary && a->hidden == b->hidden && a->n_layers == b->n_layers);
    assert_true(a->n_heads == b->n_heads && a->n_kv_heads == b->n_kv_heads && a->head_dim == b->head_dim);
    assert_true(a->ffn == b->ffn && a->max_positions == b->max_positions && a->norm_eps == b->norm_eps);
    assert_true(a->tied == b->tied && a->qkv_bias == b->qkv_bias && a->o_bias == b->o_bias);
    assert_true(a->mlp_bias == b->mlp_bias && a->qk_norm == b->qk_norm);
    assert_true(a->bos_id == b->bos_id && a->eos_id == b->eos_id && a->pad_id == b->pad_id);
    assert_true(a->rope.kind == b->rope.kind && a->rope.theta == b->rope.theta);
}

static void round_trip(Backend *backend, const ModelConfig *config, Dtype dtype) {
    char path[256], again[260];
    snprintf(path, sizeof path, "%s/%s-%s-%s", SCRATCH, model_family_name(config->family),
             config->tied ? "tied" : "untied", dtype == DTYPE_BF16 ? "bf16" : "f32");
    snprintf(again, sizeof again, "%s.2", path);
    Model *model = tiny_model(backend, config, DTYPE_F32, 3);
    save(model, path, dtype);
    Model *loaded = load(path, backend, DTYPE_F32);
    check_config(model_config(loaded), config);
    check_parameters(loaded, model, dtype == DTYPE_BF16, dtype == DTYPE_BF16);
    if (dtype == DTYPE_F32) {
        float before[N_IDS - 1], after[N_IDS - 1];
        log_probs(model, before);
        log_probs(loaded, after);
        assert_memory_equal(before, after, sizeof before);
    }
    // saved a second time: the same files
    save(loaded, again, dtype);
    check_same_file(path, again, "model.safetensors");
    check_same_file(path, again, "config.json");
    // held in BF16: the same weights, the vectors as the file has them
    Model *narrow = load(path, backend, DTYPE_BF16);
    check_parameters(narrow, model, true, dtype == DTYPE_BF16);
    Error error;
    check(path_remove(again, &error), &error);
    model_destroy(narrow), model_destroy(loaded), model_destroy(model);
}

static void test_round_trips(void **state) {
    (void)state;
    Backend *backend = ref_backend();
    for (int f = 0; f < N_FAMILIES; f++) {
        for (int variant = 0; variant < 4; variant++) {
            ModelConfig config = tiny_config(ALL_FAMILIES[f]);
            config.tied = variant & 1;
            config.bos_id = 1, config.eos_id = 2;
            round_trip(backend, &config, variant & 2 ? DTYPE_BF16 : DTYPE_F32);
        }
    }
    backend_destroy(backend);
}

// Kinds of RoPE with all of their numbers.
static void test_rope_round_trips(void **state) {
    (void)state;
    Backend *backend = ref_backend();
    const RopeConfig ropes[] = {
        {.kind = ROPE_LINEAR, .theta = 12345.678, .factor = 3.3},
        {.kind = ROPE_LLAMA3,
         .theta = 5e5,
         .factor = 32,
         .low_freq_factor = 1.1,
         .high_freq_factor = 4.2,
         .original_max_positions = 64},
        {.kind = ROPE_YARN,
         .theta = 1e6,
         .factor = 4,
         .original_max_positions = 32,
         .beta_fast = 31,
         .beta_slow = 1.5,
         .attention_factor = 1.25},
    };
    for (size_t i = 0; i < sizeof ropes / sizeof *ropes; i++) {
        ModelConfig config = tiny_config(MODEL_LLAMA);
        config.rope = ropes[i];
        Model *model = tiny_model(backend, &config, DTYPE_F32, 4);
        char path[256];
        snprintf(path, sizeof path, "%s/rope-%zu", SCRATCH, i);
        save(model, path, DTYPE_F32);
        Model *loaded = load(path, backend, DTYPE_F32);
        double a[3], b[3], scale_a, scale_b;
        rope_frequencies(&config.rope, config.head_dim, a, &scale_a);
        rope_frequencies(&model_config(loaded)->rope, config.head_dim, b, &scale_b);
        assert_memory_equal(a, b, sizeof a);
        assert_true(scale_a == scale_b);
        check_config(model_config(loaded), &config);
        model_destroy(loaded), model_destroy(model);
    }
    backend_destroy(backend);
}

int main(void) {
    Error error;
    if (!path_remove(SCRATCH, &error) || !dir_make(SCRATCH, &error)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_rope_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
