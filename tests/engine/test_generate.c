// Generation as its callers meet it: where samples end, and that they depend on nothing but model, prompt, settings and
// addresses of draws. Each case is compared with one plain run, without tolerance; test_sampling.c holds the tokens and
// log-probs of such runs against a recomputation.
#include "generating.h"

// ---- what must not matter

static void test_slots_cache_and_threads(void **state) {
    (void)state;
    Prompts prompts;
    make_prompts(&prompts);
    // 74: the largest prompt and sample (39 + 18), and one row less than another sample
    static const int32_t slots[] = {1, 2, 7, 29, 100}, rows[] = {0, 1, 74, 150};
    for (int limited = 0; limited < 2; limited++) { // with ends at different times, and without
        GenerateSettings settings = plain_settings();
        int32_t stops[] = {3, 50, 101, 200, 290};
        if (limited) settings.stop_ids = stops, settings.n_stop_ids = 5, settings.sampling.top_k = 40;
        Output plain = run_on("cpu:portable", 1, prompts.list, N_PROMPTS, settings);
        for (int i = 0; i < 20; i++) {
            settings.max_slots = slots[i % 5], settings.cache_rows = rows[i / 5];
            for (int threads = 1; threads <= 3; threads++) {
                Output other = run_on("cpu", threads, prompts.list, N_PROMPTS, settings);
                expect_same_output(&other, &plain);
                assert_int_equal(other.counts.tokens_sampled, plain.counts.tokens_sampled);
                if (settings.max_slots == 1) assert_int_equal(other.counts.passes, plain.counts.tokens_sampled);
                assert_true(other.counts.passes >= plain.counts.passes);
                free_output(&other);
            }
        }
        free_output(&plain);
    }
}

// A completion belongs to the address of its draws: alone, in another order, or as one of other samples it is the same.
static void test_addresses(void **state) {
    (void)state;
    Prompts prompts;
    make_prompts(&prompts);
    GenerateSettings settings = plain_settings();
    Output plain = run(settings);
    GeneratePrompt reversed[2] = {prompts.list[4], prompts.list[0]};
    reversed[0].first_sample = 5, reversed[0].n_samples = 7;
    Output other = run_on("cpu", 0, reversed, 2, settings);
    for (int32_t i = 0; i < 7; i++)
        expect_prefix(&other.completions[i], &plain.completions[14 + 5 + i], MAX_TOKENS);
    for (int32_t i = 0; i < 4; i++)
        expect_prefix(&other.completions[7 + i], &plain.completions[i], MAX_TOKENS);
    free_output(&other);
    // samples of one prompt differ, and so do runs of another seed or step
    assert_true(memcmp(plain.completions[14].ids, plain.completions[15].ids, MAX_TOKENS * sizeof(int32_t)) != 0);
    for (int i = 0; i < 2; i++) {
        GenerateSettings changed = settings;
        if (i == 0) changed.seed++;
        if (i == 1) changed.step++;
        other = run(changed);
        for (int32_t k = 0; k < other.n; k++) {
            assert_true(memcmp(plain.completions[k].ids, other.completions[k].ids, MAX_TOKENS * sizeof(int32_t)) != 0);
        }
        free_output(&other);
    }
    free_output(&plain);
}

// ---- ends

static void test_max_tokens(void **state) {
    (void)state;
    GenerateSettings settings = plain_settings();
    Output plain = run(settings);
    static const int32_t limits[] = {1, 2, 11};
    for (int i = 0; i < 3; i++) {
        settings.max_tokens = limits[i];
        Output other = run(settings);
        for (int32_t k = 0; k < plain.n; k++) {
            expect_prefix(&other.completions[k], &plain.completions[k], limits[i]);
            assert_int_equal(other.completions[k].finish, FINISH_LENGTH);
        }
        free_output(&other);
    }
    free_output(&plain);
}

// Prompt and new tokens together: the long prompt (40 tokens) gets fewer, and no sample more than max_tokens.
static void test_max_context(void **state) {
    (void)state;
    GenerateSettings settings = plain_settings();
    Output plain = run(settings);
    settings.max_context = 45;
    Output other = run(settings);
    for (int32_t k = 0; k < plain.n; k++) {
        expect_prefix(&other.completions[k], &plain.completions[k], k >= 5 && k < 14 ? 5 : MAX_TOKENS);
        assert_int_equal(other.completions[k].finish, FINISH_LENGTH);
    }
    free_output(&other);
    // the model's own limit holds where none is given, or a larger one
    settings.max_tokens = 1000;
    for (int i = 0; i < 2; i++) {
        settings.max_context = i * 1000;
        other = run(settings);
        assert_int_equal(other.completions[5].n, MAX_POSITIONS - 40);
        assert_int_equal(other.completions[0].n, MAX_POSITIONS - 1);
        free_output(&other);
    }
    free_output(&plain);
}

static bool is_one_of(int32_t id, const int32_t *ids, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        if (ids[i] == id) return true;
    }
    return false;
}

static void test_stop_ids(void **state) {
    (void)state;
    GenerateSettings settings = plain_settings();
    Output plain = run(settings);
    const int32_t stops[] = {plain.completions[0].ids[0], plain.completions[7].ids[MAX_TOKENS - 1],
                             plain.completions[20].ids[6]};
    settings.stop_ids = stops, settings.n_stop_ids = 3;
    Output other = run(settings);
    int32_t n_stopped = 0;
    for (int32_t k = 0; k < plain.n; k++) {
        int32_t n = 0;
        bool stopped = false;
        while (!stopped && n < MAX_TOKENS)
            stopped = is_one_of(plain.completions[k].ids[n++], stops, 3);
        expect_prefix(&other.completions[k], &plain.completions[k], n);
        assert_int_equal(other.completions[k].finish, stopped ? FINISH_STOP : FINISH_LENGTH);
        n_stopped += stopped;
    }
    assert_true(n_stopped >= 3 && n_stopped < plain.n);
    assert_int_equal(other.completions[0].n, 1);
    assert_int_equal(other.completions[7].finish, FINISH_STOP); // at the last token that it may have
    free_output(&other), free_output(&plain);
}

// As a stop string that ends at the n-th token: any two tokens whose sum is a multiple of 16.
static bool stop_at_pair(void *context, const int32_t *ids, int32_t n) {
    *(int32_t *)context += 1;
    return n >= 2 && (ids[n - 2] + ids[n - 1]) % 16 == 0;
}

static void test_stop_function(void **state) {
    (void)state;
    GenerateSettings settings = plain_settings();
    Output plain = run(settings);
    int32_t n_asked = 0, n_stopped = 0, total = 0, unused = 0;
    settings.stop = stop_at_pair, settings.stop_context = &n_asked;
    Output other = run(settings);
    for (int32_t k = 0; k < plain.n; k++) {
        int32_t n = 0;
        bool stopped = false;
        while (!stopped && n < MAX_TOKENS)
            n++, stopped = stop_at_pair(&unused, plain.completions[k].ids, n);
        expect_prefix(&other.completions[k], &plain.completions[k], n);
        assert_int_equal(other.completions[k].finish, stopped ? FINISH_STOP : FINISH_LENGTH);
        n_stopped += stopped;
        total += n;
    }
    assert_int_equal(n_asked, total); // once a token
    assert_true(n_stopped >= 3 && n_stopped < plain.n);
    free_output(&other), free_output(&plain);
}

// ---- reports and errors

typedef struct Ended {
    int32_t times[N_PROMPTS];
} Ended;

static void count_done(void *context, int32_t prompt) {
    ((Ended *)context)->times[prompt]++;
}

static void test_done(void **state) {
    (void)state;
    static const int32_t slots[] = {1, 3, 100};
    for (int i = 0; i < 3; i++) {
        GenerateSettings settings = plain_settings();
        Ended ended = {0};
        settings.done = count_done, settings.done_context = &ended, settings.max_slots = slots[i];
        Output output = run(settings);
        for (int32_t p = 0; p < N_PROMPTS; p++)
            assert_int_equal(ended.times[p], PROMPT_SAMPLES[p] > 0);
        free_output(&output);
    }
}

static void expect_error(const GeneratePrompt *prompts, int32_t n, int32_t max_context, const char *expected) {
    Backend *backend = open_backend("ref");
    ModelConfig config = generating_config();
    Model *model = tiny_model(backend, &config, DTYPE_F32, 9);
    Pass *pass = pass_create(model, (PassSettings){0});
    GenerateSettings settings = plain_settings();
    Completion completions[N_COMPLETIONS];
    Error error;
    settings.max_context = max_context;
    assert_false(generate(model, pass, prompts, n, &settings, completions, NULL, &error));
    if (!strstr(error.message, expected)) fail_msg("expected \"%s\" in \"%s\"", expected, error.message);
    pass_destroy(pass);
    model_destroy(model);
    backend_destroy(backend);
}

static void test_errors(void **state) {
    (void)state;
    Prompts prompts;
    make_prompts(&prompts);
    expect_error(prompts.list, N_PROMPTS, 40, "prompt 3: 40 tokens leave no room");
    int32_t many[MAX_POSITIONS + 1] = {0};
    prompts.list[1].ids = many, prompts.list[1].n_ids = MAX_POSITIONS;
    expect_error(prompts.list, N_PROMPTS, 0, "prompt 1: 96 tokens leave no room");
    prompts.list[0].n_ids = 0;
    expect_error(prompts.list, N_PROMPTS, 0, "prompt 0: no tokens");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_cache_and_threads),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_max_tokens),
        cmocka_unit_test(test_max_context),
        cmocka_unit_test(test_stop_ids),
        cmocka_unit_test(test_stop_function),
        cmocka_unit_test(test_done),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
