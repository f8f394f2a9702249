// A backward over activations that decoding has recorded: log-probs and gradients are those of a backward after its own
// forward, to the bit, on every backend, for batches below a prefix and for whole forests. A tape of another model gives
// others, so it is the tape that was read.
#include "slopes.h"

#define N_PROMPT 7
#define N_LEAVES 3
#define TEMPERATURE 0.7f
static const int32_t LENGTHS[N_LEAVES] = {5, 2, 6}; // completions; their last token is never computed
#define LONGEST 6
#define N_PREDICTIONS 13

typedef struct Case {
    int32_t prompt[N_PROMPT], ids[N_LEAVES][LONGEST];
    float dlogp[N_PREDICTIONS];
} Case;

typedef struct Places {
    int32_t prompt[N_PROMPT], ids[N_LEAVES][LONGEST];
} Places;

static Case a_case(const ModelConfig *config)
{
    Case c;
    fill_random_ids(c.prompt, N_PROMPT, config->vocabulary, 31);
    for (int i = 0; i < N_LEAVES; i++)
        fill_random_ids(c.ids[i], LONGEST, config->vocabulary, 40 + (uint64_t)i);
    for (int32_t i = 0; i < N_PREDICTIONS; i++)
        c.dlogp[i] = test_normal(32, 0, (uint32_t)i);
    return c;
}

static void decode(Model *model, Pass *pass, KvCache *cache, const Segment *segments, int32_t n, int32_t n_rows,
                   const int32_t *ids)
{
    Forest forest = {segments, n, n_rows, kv_cache_rows(cache)};
    model_decode(model, pass, cache, &forest, ids, NULL, 0, NULL, NULL, NULL, NULL);
}

// The prompt whole, then a token of every leaf at a time, each pass recorded from its last row to its first.
static void record(Model *model, const Case *c, Tape *tape, Places *places)
{
    Pass *pass = pass_create(model, (PassSettings){.record = true});
    KvCache *cache = kv_cache_create(model, N_PROMPT + N_LEAVES * LONGEST);
    Segment segments[1 + N_LEAVES] = {{.parent = -1, .n_tokens = N_PROMPT, .n_new = N_PROMPT}};
    int32_t rows[N_PROMPT], fed[N_LEAVES], *at[N_LEAVES];
    for (int32_t i = 0; i < N_PROMPT; i++)
        rows[i] = N_PROMPT - 1 - i;
    int32_t first = pass_record(pass, tape, rows, N_PROMPT);
    assert_int_equal(first, 0);
    for (int32_t i = 0; i < N_PROMPT; i++)
        places->prompt[rows[i]] = first + i;
    decode(model, pass, cache, segments, 1, N_PROMPT, c->prompt);
    segments[0].n_new = 0;
    for (int32_t t = 0; t + 1 < LONGEST; t++) {
        int32_t n = 0, row = 0;
        for (int i = 0; i < N_LEAVES; i++) { // one that has ended stays with nothing new
            bool goes_on = t + 1 < LENGTHS[i];
            int32_t n_tokens = goes_on ? t + 1 : LENGTHS[i] - 1;
            segments[1 + i] = (Segment){.parent = 0, .position = N_PROMPT, .n_tokens = n_tokens, .n_new = goes_on, .row = row,
                                        .kv_row = N_PROMPT + i * LONGEST};
            if (!goes_on)
                continue;
            fed[n] = c->ids[i][t];
            at[n++] = &places->ids[i][t];
            row++;
        }
        for (int32_t i = 0; i < n; i++)
            rows[i] = n - 1 - i;
        first = pass_record(pass, tape, rows, n);
        assert_true(first >= 0);
        for (int32_t i = 0; i < n; i++)
            *at[rows[i]] = first + i;
        decode(model, pass, cache, segments, 1 + N_LEAVES, n, fed);
    }
    assert_int_equal(pass_record(pass, tape, rows, tape_rows_left(tape) + 1), -1);
    kv_cache_destroy(cache);
    pass_destroy(pass);
}

static void add_leaves(const Case *c, const Places *places, Batch *batch)
{
    for (int i = 0; i < N_LEAVES; i++) {
        int32_t leaf = batch_add_segment(batch, 0, c->ids[i], LENGTHS[i] - 1);
        batch_set_places(batch, leaf, places->ids[i]);
        batch_predict(batch, leaf, 0, LENGTHS[i] - 1);
        batch_predict_id(batch, leaf, c->ids[i][LENGTHS[i] - 1]);
    }
}

// Log-probs and gradients, with a tape or (NULL) without; below a prefix, or as one forest.
static float *backward(Model *model, const Case *c, const Tape *tape, const Places *places, bool below_prefix, float *logp)
{
    Pass *pass = pass_create(model, (PassSettings){.backward = true});
    Prefix *prefix = below_prefix ? pass_prefix(model, pass) : NULL;
    Dev grads = param_arena_create(model);
    Batch root, batch;
    batch_init(&root), batch_init(&batch);
    Batch *first = below_prefix ? &root : &batch;
    batch_set_places(first, batch_add_segment(first, -1, c->prompt, N_PROMPT), places->prompt);
    pass_play(pass, tape);
    if (prefix) {
        pass_play(prefix_pass(prefix), tape);
        assert_int_equal(pass_plays(prefix_pass(prefix), &root), tape != NULL);
        prefix_forward(model, prefix, &root);
        batch_clear_after(&batch, N_PROMPT);
    }
    add_leaves(c, places, &batch);
    assert_int_equal(pass_plays(pass, &batch), tape != NULL);
    model_logprobs_after(model, pass, prefix, &batch, TEMPERATURE, logp, NULL);
    model_backward_after(model, pass, prefix, &batch, TEMPERATURE, c->dlogp, grads);
    if (prefix)
        prefix_backward(model, prefix, &root, grads);
    float *values = host_grads(model, grads);
    param_arena_destroy(model, grads);
    batch_free(&root), batch_free(&batch);
    pass_destroy(pass);
    return values;
}

static void check_model(Model *model, Model *other, const Case *c)
{
    size_t count = (size_t)model_count_parameters(model), bytes = count * sizeof(float);
    Tape *tape = tape_create(model, N_PROMPT + N_LEAVES * LONGEST);
    for (int below_prefix = 0; below_prefix < 2; below_prefix++) {
        Places places;
        float logp[N_PREDICTIONS], played_logp[N_PREDICTIONS];
        tape_clear(tape);
        record(model, c, tape, &places);
        float *computed = backward(model, c, NULL, &places, below_prefix, logp);
        float *played = backward(model, c, tape, &places, below_prefix, played_logp);
        assert_memory_equal(logp, played_logp, sizeof logp);
        assert_memory_equal(computed, played, bytes);
        mem_free(played);
        tape_clear(tape);
        record(other, c, tape, &places);
        played = backward(model, c, tape, &places, below_prefix, played_logp);
        assert_memory_not_equal(logp, played_logp, sizeof logp);
        assert_memory_not_equal(computed, played, bytes);
        mem_free(played), mem_free(computed);
    }
    tape_destroy(tape);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int b = 0; b < N_BACKENDS; b++) {
        Backend *backend = open_backend(ALL_BACKENDS[b]);
        if (!backend)
            continue;
        for (int f = 0; f < N_FAMILIES; f++) {
            ModelConfig config = tiny_config(ALL_FAMILIES[f]);
            Case c = a_case(&config);
            Model *model = tiny_model(backend, &config, DTYPE_F32, 11), *other = tiny_model(backend, &config, DTYPE_F32, 12);
            check_model(model, other, &c);
            Model *adapted = tiny_adapted(model, (1u << N_LORA_TARGETS) - 1, 13), *other_adapted = tiny_adapted(model, (1u << N_LORA_TARGETS) - 1, 14);
            check_model(adapted, other_adapted, &c);
            model_destroy(adapted), model_destroy(other_adapted);
            model_destroy(model), model_destroy(other);
        }
        backend_destroy(backend);
    }
}

// A segment without places for all its tokens is computed, and with it the whole batch.
static void test_gaps(void **state)
{
    (void)state;
    Backend *backend = open_backend("cpu:portable");
    ModelConfig config = tiny_config(MODEL_LLAMA);
    Case c = a_case(&config);
    Model *model = tiny_model(backend, &config, DTYPE_F32, 11);
    Tape *tape = tape_create(model, 4);
    Pass *pass = pass_create(model, (PassSettings){.backward = true});
    pass_play(pass, tape);
    Batch batch;
    batch_init(&batch);
    int32_t places[2][2] = {{0, 1}, {2, -1}};
    for (int i = 0; i < 2; i++)
        batch_set_places(&batch, batch_add_segment(&batch, -1, c.prompt, 2), places[i]);
    assert_int_equal(batch.n_recorded, 2);
    assert_false(pass_plays(pass, &batch));
    batch_clear(&batch);
    batch_set_places(&batch, batch_add_segment(&batch, -1, c.prompt, 2), places[0]);
    assert_true(pass_plays(pass, &batch));
    batch_free(&batch);
    pass_destroy(pass);
    tape_destroy(tape);
    model_destroy(model);
    backend_destroy(backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bits), cmocka_unit_test(test_gaps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
