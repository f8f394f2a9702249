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

// ---- shards

// One of the parameters of a model, as it goes into a file: `name` NULL takes its own.
typedef struct Entry {
    int32_t param;
    const char *name;
    bool transposed; // its shape, that is
} Entry;

static void write_shard(const Model *model, const char *path, const Entry *entries, int n) {
    StWriter *writer = st_writer_create();
    Error error;
    for (int i = 0; i < n; i++) {
        const Param *p = &model_params(model)->params[entries[i].param];
        uint64_t shape[2] = {(uint64_t)p->rows, (uint64_t)p->cols}, turned[2] = {shape[1], shape[0]};
        st_writer_declare(writer, entries[i].name ? entries[i].name : p->name, ST_F32,
                          entries[i].transposed ? turned : shape, p->kind == PARAM_WEIGHT ? 2 : 1);
    }
    check(st_writer_begin(writer, path, &error), &error);
    for (int i = 0; i < n; i++) {
        const Param *p = &model_params(model)->params[entries[i].param];
        size_t count = (size_t)p->rows * (size_t)p->cols;
        float *values = mem_alloc(count, sizeof *values);
        model_get_param(model, entries[i].param, values);
        st_writer_data(writer, values, count * sizeof *values);
        mem_free(values);
    }
    check(st_writer_finish(writer, &error), &error);
}

static void write_file(const char *folder, const char *name, const char *text) {
    char *path = path_join(folder, name);
    Error error;
    check(file_write_atomic(path, text, strlen(text), &error), &error);
    mem_free(path);
}

static void remove_file(const char *folder, const char *name) {
    char *path = path_join(folder, name);
    Error error;
    check(path_remove(path, &error), &error);
    mem_free(path);
}

#define SHARDED SCRATCH "/sharded"
#define INDEX "model.safetensors.index.json"

// A folder with the config of a saved model and two shards: parameters alternate between them.
static Model *make_sharded(Backend *backend) {
    ModelConfig config = tiny_config(MODEL_QWEN3);
    Model *model = tiny_model(backend, &config, DTYPE_F32, 6);
    save(model, SHARDED, DTYPE_F32);
    remove_file(SHARDED, "model.safetensors");
    int32_t n = model_params(model)->n_params;
    Entry *entries[2];
    int counts[2] = {0, 0};
    for (int s = 0; s < 2; s++)
        entries[s] = mem_alloc((size_t)n, sizeof(Entry));
    Buf index;
    buf_init(&index, 0);
    buf_printf(&index, "{\"metadata\":{\"total_size\":1},\"weight_map\":{");
    for (int32_t p = 0; p < n; p++) {
        entries[p % 2][counts[p % 2]++] = (Entry){.param = p};
        buf_printf(&index, "%s\"%s\":\"part-%d.safetensors\"", p > 0 ? "," : "", model_params(model)->params[p].name,
                   p % 2);
    }
    buf_printf(&index, "}}");
    write_file(SHARDED, INDEX, index.data);
    write_shard(model, SHARDED "/part-0.safetensors", entries[0], counts[0]);
    write_shard(model, SHARDED "/part-1.safetensors", entries[1], counts[1]);
    for (int s = 0; s < 2; s++)
        mem_free(entries[s]);
    buf_free(&index);
    return model;
}

// The folder is refused, at opening or loading, in one line that holds both parts.
static void expect_refusal(Backend *backend, const char *path, const char *part, const char *other) {
    ModelFile *file = NULL;
    Model *model = NULL;
    Error error;
    bool ok = model_file_open(path, &file, &error) && model_load(file, backend, DTYPE_F32, &model, &error);
    if (ok) fail_msg("was read; expected: %s", part);
    if (!strstr(error.message, path) || !strstr(error.message, part) || !strstr(error.message, other)) {
        fail_msg("expected %s and %s in: %s", part, other, error.message);
    }
    model_file_close(file);
}

static void test_shards(void **state) {
    (void)state;
    Backend *backend = ref_backend();
    Model *model = make_sharded(backend), *loaded = load(SHARDED, backend, DTYPE_F32);
    check_parameters(loaded, model, false, false);
    write_file(SHARDED, INDEX, "{\"weight_map\":{\"a\":\"part-0.safetensors\"}}");
    expect_refusal(backend, SHARDED, "tensor \"model.layers.0.", "is missing");
    write_file(SHARDED, INDEX, "{\"weight_map\":{\"a\":\"part-0.safetensors\",\"b\":\"part-2.safetensors\"}}");
    expect_refusal(backend, SHARDED, "part-2.safetensors", "No such file");
    write_file(SHARDED, INDEX, "{\"weight_map\":{\"a\":\"../llama-tied-f32/model.safetensors\"}}");
    expect_refusal(backend, SHARDED, "shard \"../llama-tied-f32/model.safetensors\"",
                   "expected a file of the folder itself");
    write_file(SHARDED, INDEX, "{\"weight_map\":{\"a\":7}}");
    expect_refusal(backend, SHARDED, INDEX, "\"a\": expected a file name");
    write_file(SHARDED, INDEX, "{\"weight_map\":[]}");
    expect_refusal(backend, SHARDED, INDEX, "key \"weight_map\": expected an object");
    write_file(SHARDED, INDEX, "{\"weight_map\":");
    expect_refusal(backend, SHARDED, INDEX, "not JSON");
    remove_file(SHARDED, INDEX);
    expect_refusal(backend, SHARDED, "neither model.safetensors nor", INDEX);
    model_destroy(loaded), model_destroy(model);
    backend_destroy(backend);
}
// ---- tensors that do not fit

#define ODD SCRATCH "/odd"
#define ODD_FILE ODD "/model.safetensors"

static void test_tensors_that_do_not_fit(void **state) {
    (void)state;
    Backend *backend = ref_backend();
    ModelConfig config = tiny_config(MODEL_LLAMA);
    Model *model = tiny_model(backend, &config, DTYPE_F32, 6);
    save(model, ODD, DTYPE_F32);
    enum { MAX = 64 };
    Entry entries[MAX + 1];
    int n = model_params(model)->n_params;
    assert_true(n <= MAX);
    for (int p = 0; p < n; p++)
        entries[p] = (Entry){.param = p};
    const char *second = model_params(model)->params[1].name; // a weight or a norm of layer 0
    write_shard(model, ODD_FILE, entries, n - 1);
    expect_refusal(backend, ODD, "tensor \"lm_head.weight\"", "is missing");
    write_shard(model, ODD_FILE, entries + 1, n - 1);
    expect_refusal(backend, ODD, "tensor \"model.embed_tokens.weight\"", "is missing");
    entries[n] = (Entry){.param = 1, .name = "model.layers.3.input_layernorm.weight"}; // layers are 0 .. 2
    write_shard(model, ODD_FILE, entries, n + 1);
    expect_refusal(backend, ODD, "tensor \"model.layers.3.input_layernorm.weight\"", "has no place in a llama model");
    entries[n].name = "model.layers.1.self_attn.rotary_emb.inv_freq"; // of old files: passed over
    write_shard(model, ODD_FILE, entries, n + 1);
    Model *loaded = load(ODD, backend, DTYPE_F32);
    check_parameters(loaded, model, false, false);
    entries[0].transposed = true;
    write_shard(model, ODD_FILE, entries, n);
    expect_refusal(backend, ODD, "tensor \"model.embed_tokens.weight\"", "expected the shape [37, 20]");
    // the same name in two shards
    entries[0].transposed = false;
    remove_file(ODD, "model.safetensors");
    write_shard(model, ODD "/a", entries, n);
    write_shard(model, ODD "/b", entries + 1, 1);
    write_file(ODD, INDEX, "{\"weight_map\":{\"x\":\"a\",\"y\":\"b\"}}");
    expect_refusal(backend, ODD, second, "is there twice");
    remove_file(ODD, INDEX);
    // integers
    StWriter *writer = st_writer_create();
    Error error;
    int32_t *zeros = mem_alloc(37 * 20, sizeof *zeros);
    st_writer_declare(writer, "model.embed_tokens.weight", ST_I32, (uint64_t[]){37, 20}, 2);
    check(st_writer_begin(writer, ODD_FILE, &error), &error);
    st_writer_data(writer, zeros, 37 * 20 * sizeof *zeros);
    check(st_writer_finish(writer, &error), &error);
    expect_refusal(backend, ODD, "tensor \"model.embed_tokens.weight\"", "expected F32, F16 or BF16");
    mem_free(zeros);
    model_destroy(loaded), model_destroy(model);
    backend_destroy(backend);
}

// ---- a full disk

#define FULL SCRATCH "/full"

// Saves in a child whose files may not grow beyond `limit_bytes`; true where the save says so, naming a file.
static bool save_fails(const Model *model, const ExtraFile *extra, rlim_t limit_bytes) {
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN); // write(2) then fails with EFBIG, as it does with ENOSPC on a full disk
        struct rlimit limit = {limit_bytes, limit_bytes};
        Error error;
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(3);
        bool ok = model_save(model, FULL, DTYPE_F32, extra, 1, &error);
        _exit(ok ? 0 : strstr(error.message, FULL) && strstr(error.message, "File too large") ? 1 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 1;
}

static void test_full_disk(void **state) {
    (void)state;
    Backend *backend = ref_backend();
    ModelConfig config = tiny_config(MODEL_QWEN2);
    Model *old = tiny_model(backend, &config, DTYPE_F32, 7), *new = tiny_model(backend, &config, DTYPE_F32, 8);
    Error error;
    size_t n_extra = 1 << 20; // the largest file, and the last
    char *bytes = mem_alloc(n_extra, 1);
    ExtraFile extra = {"tokenizer.json", {bytes, n_extra}};
    check(model_save(old, FULL, DTYPE_F32, &extra, 1, &error), &error);
    uint64_t weights;
    check(file_size(FULL "/model.safetensors", &weights, &error), &error);
    const rlim_t limits[] = {0, 1, weights / 2, weights - 1, weights, n_extra - 1};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        assert_true(save_fails(new, &extra, limits[i]));
        char **names;
        size_t n;
        check(dir_list(SCRATCH, &names, &n, &error), &error);
        for (size_t k = 0; k < n; k++) {
            assert_null(strstr(names[k], ".partial"));
            mem_free(names[k]);
        }
        mem_free(names);
        Model *loaded = load(FULL, backend, DTYPE_F32);
        check_parameters(loaded, old, false, false);
        model_destroy(loaded);
    }
    assert_false(save_fails(new, &extra, n_extra)); // now it fits
    Model *loaded = load(FULL, backend, DTYPE_F32);
    check_parameters(loaded, new, false, false);
    mem_free(bytes);
    model_destroy(loaded), model_destroy(old), model_destroy(new);
    backend_destroy(backend);
}

int main(void) {
    Error error;
    if (!path_remove(SCRATCH, &error) || !dir_make(SCRATCH, &error)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips), cmocka_unit_test(test_rope_round_trips),
        cmocka_unit_test(test_shards),      cmocka_unit_test(test_tensors_that_do_not_fit),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
