// Speculation changes no bit: the same tokens, log-probs and ends with guesses as without, for F32 and BF16, filters, greedy,
// limits, stops inside a guess, any number of slots, any size of cache. The reference is the run without guesses, which
// test_sampling.c holds to a recomputation. The model's tokens repeat often here, so that many guesses hold and many do not;
// both are asserted.
#include "generating.h"

// A model that is sure of itself: the head's weights are larger, so that samples run in loops.
static Model *sure_model(Backend *backend, const ModelConfig *config, Dtype dtype) {
    Model *model = tiny_model(backend, config, DTYPE_F32, 9), *typed;
    const Param *embed = &model_params(model)->params[0];
    size_t n = (size_t)embed->rows * (size_t)embed->cols;
    float *values = mem_alloc(n, sizeof *values);
    model_get_param(model, 0, values);
    for (size_t i = 0; i < n; i++) values[i] *= 1.6f;
    model_set_param(model, 0, values);
    mem_free(values);
    if (dtype == DTYPE_F32) return model;
    Error error;
    assert_true(model_create(backend, config, dtype, &typed, &error));
    model_copy(typed, model);
    model_destroy(model);
    return typed;
}

static Output speculate(Model *model, GenerateSettings settings, bool on) {
    Output output = {.n = N_COMPLETIONS};
    Prompts prompts;
    Error error;
    make_prompts(&prompts);
    settings.speculate = on;
    Pass *pass = pass_create(model, (PassSettings){0});
    if (!generate(model, pass, prompts.list, N_PROMPTS, &settings, output.completions, &output.counts, &error))
        fail_msg("%s", error.message);
    pass_destroy(pass);
    return output;
}

typedef struct Totals {
    int64_t drafted, accepted;
} Totals;

static void compare(Model *model, GenerateSettings settings, Totals *totals) {
    Output plain = speculate(model, settings, false);
    assert_int_equal(plain.counts.tokens_drafted, 0);
    static const int32_t slots[] = {1, 7, 100, 100}, rows[] = {0, 1, 0, 150};
    for (int i = 0; i < 4; i++) {
        settings.max_slots = slots[i], settings.cache_rows = rows[i];
        Output other = speculate(model, settings, true);
        expect_same_output(&other, &plain);
        assert_int_equal(other.counts.tokens_sampled, plain.counts.tokens_sampled);
        assert_int_equal(other.counts.tokens_computed, plain.counts.tokens_computed);
        assert_int_equal(other.counts.tokens_naive, plain.counts.tokens_naive);
        // every pass but for the guesses gives each sample in flight one token
        if (settings.max_slots == 1)
            assert_int_equal(other.counts.passes, plain.counts.tokens_sampled - other.counts.tokens_accepted);
        totals->drafted += other.counts.tokens_drafted;
        totals->accepted += other.counts.tokens_accepted;
        free_output(&other);
    }
    free_output(&plain);
}

static bool stop_at_pair(void *context, const int32_t *ids, int32_t n) {
    *(int64_t *)context += 1;
    return n >= 2 && (ids[n - 2] + ids[n - 1]) % 16 == 0;
}

static void test_same_bits(void **state) {
    (void)state;
    Backend *backend = open_backend("cpu");
    ModelConfig config = generating_config();
    for (int dtype = DTYPE_F32; dtype <= DTYPE_BF16; dtype++) {
        Model *model = sure_model(backend, &config, (Dtype)dtype);
        Totals totals = {0};
        GenerateSettings settings = plain_settings(), changed;
        compare(model, settings, &totals);
        changed = settings, changed.sampling.temperature = 0;
        compare(model, changed, &totals);
        changed = settings, changed.sampling.top_k = 12, changed.sampling.top_p = 0.9f;
        compare(model, changed, &totals);
        changed = settings, changed.max_context = 45, changed.max_tokens = 1000;
        compare(model, changed, &totals);
        int64_t asked = 0;
        changed = settings, changed.stop = stop_at_pair, changed.stop_context = &asked;
        compare(model, changed, &totals);
        int32_t stops[] = {3, 50, 101, 200, 290};
        changed = settings, changed.stop_ids = stops, changed.n_stop_ids = 5;
        compare(model, changed, &totals);
        printf("%s: %lld of %lld guesses held\n", dtype == DTYPE_BF16 ? "bf16" : "f32", (long long)totals.accepted,
               (long long)totals.drafted);
        assert_true(totals.accepted > 100 && totals.drafted > totals.accepted + 100);
        model_destroy(model);
    }
    backend_destroy(backend);
}

// Guesses are the same in every run, and pay where text repeats: greedy samples of one prompt are all alike, so each one after
// the first follows the first.
static void test_siblings_pay(void **state) {
    (void)state;
    Backend *backend = open_backend("cpu");
    ModelConfig config = generating_config();
    Model *model = sure_model(backend, &config, DTYPE_F32);
    GenerateSettings settings = plain_settings();
    settings.sampling.temperature = 0, settings.max_slots = 1;
    Output first = speculate(model, settings, true), second = speculate(model, settings, true);
    assert_memory_equal(&first.counts, &second.counts, sizeof first.counts);
    // 30 samples of 4 prompts, 18 tokens each: without guesses 540 passes; the first of a prompt takes at most 18
    assert_int_equal(first.counts.tokens_sampled, N_COMPLETIONS * MAX_TOKENS);
    assert_true(first.counts.passes < 4 * MAX_TOKENS + 26 * MAX_TOKENS / 2);
    free_output(&first), free_output(&second);
    model_destroy(model);
    backend_destroy(backend);
}

// What all prompts begin with is computed once, whether it leaves a prompt nothing else or not.
static void test_trunk(void **state) {
    (void)state;
    enum { TRUNK = 20, N = 3 };
    static const int32_t more[N] = {1, 9, 1};
    int32_t ids[N][TRUNK + 9];
    GeneratePrompt prompts[N];
    for (int32_t p = 0; p < N; p++) {
        fill_random_ids(ids[p], TRUNK, 307, 50);
        fill_random_ids(ids[p] + TRUNK, more[p], 307, 60 + (uint64_t)p);
        prompts[p] = (GeneratePrompt){ids[p], TRUNK + more[p], (uint32_t)p, 0, 3};
    }
    for (int s = 0; s < 3; s++) {
        GenerateSettings settings = plain_settings();
        settings.speculate = s > 0, settings.max_slots = s == 1 ? 2 : 100;
        Output all = run_on("cpu", 0, prompts, N, settings);
        // trunk 20 + the second prompt's own 8 + 18 tokens fed for each of 9 samples (the prompts' last ones are among them)
        assert_int_equal(all.counts.tokens_computed, TRUNK + 8 + 9 * MAX_TOKENS);
        assert_int_equal(all.counts.tokens_naive, 3 * (3 * TRUNK + 8) + 9 * MAX_TOKENS);
        for (int32_t p = 0; p < N; p++) { // alone a prompt has no trunk
            Output one = run_on("cpu", 0, &prompts[p], 1, settings);
            for (int32_t i = 0; i < 3; i++) expect_prefix(&all.completions[3 * p + i], &one.completions[i], MAX_TOKENS);
            free_output(&one);
        }
        free_output(&all);
    }
}

// Plays every sample that is recorded whole: its log-probs must be those it was sampled with. Adds to the counts.
static void check_places(Model *model, Pass *playing, const Prompts *prompts, const Output *output, const GenerateTape *tape,
                         float temperature, int32_t *played, int32_t *computed) {
    pass_play(playing, tape->tape);
    for (int32_t p = 0, i = 0; p < N_PROMPTS; p++) {
        const GeneratePrompt *prompt = &prompts->list[p];
        for (uint32_t k = 0; k < prompt->n_samples; k++, i++) {
            const Completion *c = &output->completions[i];
            float logp[MAX_TOKENS];
            Batch batch;
            batch_init(&batch);
            batch_set_places(&batch, batch_add_segment(&batch, -1, prompt->ids, prompt->n_ids), tape->prompts[p]);
            int32_t leaf = batch_add_segment(&batch, 0, c->ids, c->n - 1);
            batch_set_places(&batch, leaf, tape->samples[i]);
            batch_predict(&batch, leaf, 0, c->n - 1);
            batch_predict_id(&batch, leaf, c->ids[c->n - 1]);
            bool plays = pass_plays(playing, &batch);
            *played += plays, *computed += !plays;
            if (plays) {
                model_logprobs(model, playing, &batch, temperature, logp, NULL);
                assert_memory_equal(logp, c->logp, (size_t)c->n * sizeof *logp);
            }
            batch_free(&batch);
        }
    }
    pass_play(playing, NULL);
}

// A place on a tape is that of the token it is said to be of, whatever guess was recorded for it before. It takes a guess that
// goes wrong just before the tape is full: so many lengths of it, all those around where that happens.
static void test_places(void **state) {
    (void)state;
    Backend *backend = open_backend("cpu");
    ModelConfig config = generating_config();
    Model *model = sure_model(backend, &config, DTYPE_F32);
    Pass *recording = pass_create(model, (PassSettings){.record = true}), *playing = pass_create(model, (PassSettings){0});
    int32_t played = 0, computed = 0, prompt_places[N_PROMPTS][40], sample_places[N_COMPLETIONS][MAX_TOKENS];
    int32_t *of_prompts[N_PROMPTS], *of_samples[N_COMPLETIONS];
    for (int32_t p = 0; p < N_PROMPTS; p++) of_prompts[p] = prompt_places[p];
    for (int32_t i = 0; i < N_COMPLETIONS; i++) of_samples[i] = sample_places[i];
    for (int32_t rows = 20; rows < 720; rows += rows < 590 || rows > 615 ? 30 : 1) {
        memset(prompt_places, 0xff, sizeof prompt_places), memset(sample_places, 0xff, sizeof sample_places); // -1
        GenerateTape tape = {tape_create(model, rows), of_prompts, of_samples};
        GenerateSettings settings = plain_settings();
        settings.speculate = true, settings.tape = &tape, settings.max_slots = 1 + rows % 2;
        Output output = {.n = N_COMPLETIONS};
        Prompts prompts;
        Error error;
        make_prompts(&prompts);
        if (!generate(model, recording, prompts.list, N_PROMPTS, &settings, output.completions, &output.counts, &error))
            fail_msg("%s", error.message);
        check_places(model, playing, &prompts, &output, &tape, settings.sampling.temperature, &played, &computed);
        tape_destroy(tape.tape);
        free_output(&output);
    }
    printf("%d samples played, %d not\n", played, computed);
    assert_true(played > 100 && computed > 100);
    pass_destroy(recording), pass_destroy(playing);
    model_destroy(model);
    backend_destroy(backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_siblings_pay),
        cmocka_unit_test(test_trunk),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
