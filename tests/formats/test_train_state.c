// The state of a run: read back to the same bits; a file of another model, a cut one or one without a number is
// refused.
#include "../model/tiny.h"
#include "base/file.h"
#include "formats/safetensors.h"
#include "formats/train_state.h"

#define PATH TEST_SCRATCH "/state.safetensors"
#define N_ARENAS 2

typedef struct Bench {
    Backend *backend;
    Model *model;
    StateArena arenas[N_ARENAS];
} Bench;

static Bench bench_create(int32_t hidden) {
    Bench bench = {.backend = open_backend("cpu:portable")};
    ModelConfig config = tiny_config(MODEL_QWEN2);
    config.hidden = hidden;
    bench.model = tiny_model(bench.backend, &config, DTYPE_F32, 1);
    bench.arenas[0] = (StateArena){"adam.m.", param_arena_create(bench.model)};
    bench.arenas[1] = (StateArena){"", param_arena_create(bench.model)};
    return bench;
}

static void bench_destroy(Bench *bench) {
    for (int a = 0; a < N_ARENAS; a++)
        param_arena_destroy(bench->model, bench->arenas[a].arena);
    model_destroy(bench->model);
    backend_destroy(bench->backend);
}

// Values of all kinds of bits: any normal, subnormal, infinite or not a number.
static float *values_of(const Param *param, int arena) {
    size_t count = (size_t)param->rows * (size_t)param->cols;
    float *values = mem_alloc(count, sizeof *values);
    for (size_t i = 0; i < count; i++) {
        RngAddress address = {.seed = 3,
                              .purpose = RNG_TEST,
                              .question = (uint32_t)param->offset_bytes,
                              .sample = (uint32_t)arena,
                              .position = (uint32_t)i};
        uint32_t bits[4];
        rng_bits(&address, bits);
        memcpy(&values[i], bits, sizeof values[i]);
    }
    return values;
}

static void fill(const Bench *bench) {
    const ParamTable *table = model_params(bench->model);
    for (int a = 0; a < N_ARENAS; a++) {
        for (int32_t p = 0; p < table->n_params; p++) {
            float *values = values_of(&table->params[p], a);
            param_arena_set(bench->model, bench->arenas[a].arena, p, values);
            mem_free(values);
        }
    }
}

static void expect_filled(const Bench *bench) {
    const ParamTable *table = model_params(bench->model);
    for (int a = 0; a < N_ARENAS; a++) {
        for (int32_t p = 0; p < table->n_params; p++) {
            size_t count = (size_t)table->params[p].rows * (size_t)table->params[p].cols;
            float *expected = values_of(&table->params[p], a), *found = mem_alloc(count, sizeof *found);
            param_arena_get(bench->model, bench->arenas[a].arena, p, found);
            if (memcmp(found, expected, count * sizeof *found) != 0) fail_msg("%s differs", table->params[p].name);
            mem_free(expected), mem_free(found);
        }
    }
}

static void save(const Bench *bench, const StateNumber *numbers, int n) {
    Error error;
    if (!train_state_save(PATH, bench->model, bench->arenas, N_ARENAS, numbers, n, &error))
        fail_msg("%s", error.message);
}

static void test_round_trip(void **state) {
    (void)state;
    Bench from = bench_create(20), to = bench_create(20);
    StateNumber numbers[] = {{"step", 0}, {"seed", INT64_MAX}, {"least", INT64_MIN}, {"sampled", -17}};
    StateNumber found[] = {{"least", 1}, {"sampled", 1}, {"step", 1}, {"seed", 1}};
    Error error;
    fill(&from);
    save(&from, numbers, 4);
    if (!train_state_load(PATH, to.model, to.arenas, N_ARENAS, found, 4, &error)) fail_msg("%s", error.message);
    expect_filled(&to);
    assert_true(found[0].value == INT64_MIN && found[1].value == -17 && found[2].value == 0 &&
                found[3].value == INT64_MAX);
    bench_destroy(&from), bench_destroy(&to);
}

static void expect_refusal(const Bench *bench, StateNumber number, const char *prefix, const char *part) {
    StateArena arena = {prefix, bench->arenas[0].arena};
    Error error;
    if (train_state_load(PATH, bench->model, &arena, 1, &number, 1, &error)) fail_msg("was read; expected: %s", part);
    if (!strstr(error.message, PATH) || !strstr(error.message, part))
        fail_msg("expected %s in: %s", part, error.message);
}

static void test_refusals(void **state) {
    (void)state;
    Bench bench = bench_create(20), other = bench_create(24);
    StateNumber numbers[] = {{"step", 5}};
    fill(&bench);
    save(&bench, numbers, 1);
    expect_refusal(&bench, (StateNumber){"steps", 0}, "adam.m.", "metadata \"steps\": expected a whole number");
    expect_refusal(&bench, (StateNumber){"step", 0}, "adam.v.", "tensor \"adam.v.model.embed_tokens.weight\"");
    expect_refusal(&other, (StateNumber){"step", 0}, "adam.m.", "tensor \"adam.m.model.embed_tokens.weight\"");
    Buf bytes;
    Error error;
    if (!file_read(PATH, (size_t)1 << 24, &bytes, &error)) fail_msg("%s", error.message);
    if (!file_write_atomic(PATH, bytes.data, bytes.len - 1, &error)) fail_msg("%s", error.message);
    expect_refusal(&bench, (StateNumber){"step", 0}, "adam.m.", "tensor \"model.norm.weight\"");
    buf_free(&bytes);
    bench_destroy(&bench), bench_destroy(&other);
}

// Files that are well formed and yet no state of this model's: numbers that are none, a matrix lying on its side.
static void write_odd(const Bench *bench, const char *number, bool turned) {
    const Param *p = &model_params(bench->model)->params[0];
    uint64_t shape[2] = {(uint64_t)(turned ? p->cols : p->rows), (uint64_t)(turned ? p->rows : p->cols)};
    float *values = values_of(p, 0);
    StWriter *writer = st_writer_create();
    Error error;
    st_writer_declare(writer, "adam.m.model.embed_tokens.weight", ST_F32, shape, 2);
    st_writer_metadata(writer, "step", number);
    assert_true(st_writer_begin(writer, PATH, &error));
    st_writer_data(writer, values, shape[0] * shape[1] * sizeof *values);
    assert_true(st_writer_finish(writer, &error));
    mem_free(values);
}

static void test_odd_files(void **state) {
    (void)state;
    Bench bench = bench_create(20);
    static const char *const numbers[] = {"", "five", "5x", "5.0", "9223372036854775808", "-9223372036854775809"};
    StateNumber step = {"step", 0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        write_odd(&bench, numbers[i], false);
        expect_refusal(&bench, step, "adam.m.", "metadata \"step\": expected a whole number");
    }
    write_odd(&bench, "5", false); // only the first tensor is there
    expect_refusal(&bench, step, "adam.m.", "tensor \"adam.m.model.layers.0.");
    write_odd(&bench, "5", true);
    expect_refusal(&bench, step, "adam.m.",
                   "tensor \"adam.m.model.embed_tokens.weight\": expected F32 of the model's shape");
    bench_destroy(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_odd_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
