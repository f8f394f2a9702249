// Every sampled token and its log-prob against a plain recomputation: logits of each whole sequence from the reference
// backend, then softmax, filters and the inverse of the cumulative sum in double, each written from its definition.
//
// Tolerance of log-probs: `ref` sums in double and rounds what it stores, so its own log-probs come back to a few units of
// F32 (2e-6). `cpu` sums in F32 through two layers: some 1e-5 here, held to 1e-4, which is what rlt asks of any two
// implementations. A token is not compared where the draw, or a filter's border, lies within 5e-5 of a decision; such
// tokens are counted and must stay rare.
#include "generating.h"
#include <math.h>

#define NEAR 5e-5
#define VOCABULARY 307

typedef struct Decision {
    int32_t id;
    double nearest; // distance of the closest comparison that was made on the way
    int32_t n_kept; // tokens that passed the filters
} Decision;

static void compare(Decision *decision, double a, double b) {
    decision->nearest = fmin(decision->nearest, fabs(a - b));
}

static void softmax(const float *logits, double temperature, double *p) {
    double max = -INFINITY, sum = 0;
    for (int32_t i = 0; i < VOCABULARY; i++)
        max = fmax(max, (double)logits[i] / temperature);
    for (int32_t i = 0; i < VOCABULARY; i++)
        sum += p[i] = exp((double)logits[i] / temperature - max);
    for (int32_t i = 0; i < VOCABULARY; i++)
        p[i] /= sum;
}

// Sets p to 0 where the token has k or more tokens before it.
static void keep_top_k(double *p, int32_t k, Decision *decision) {
    double kept[VOCABULARY] = {0};
    for (int32_t i = 0; i < VOCABULARY; i++) {
        int32_t before = 0;
        for (int32_t j = 0; j < VOCABULARY; j++)
            before += p[j] > p[i];
        if (before < k) kept[i] = p[i];
        for (int32_t j = 0; before == k && j < VOCABULARY; j++) { // the first that is left out
            if (p[j] > p[i]) compare(decision, log(p[j]), log(p[i]));
        }
    }
    memcpy(p, kept, sizeof kept);
}

// Sets p to 0 where the more probable tokens already have the mass `top_p` of what is left.
static void keep_top_p(double *p, double top_p, Decision *decision) {
    double kept[VOCABULARY] = {0}, total = 0;
    for (int32_t i = 0; i < VOCABULARY; i++)
        total += p[i];
    for (int32_t i = 0; i < VOCABULARY; i++) {
        double before = 0;
        for (int32_t j = 0; j < VOCABULARY; j++)
            before += p[j] > p[i] ? p[j] : 0;
        if (p[i] == 0) continue;
        compare(decision, before / total, top_p);
        if (before / total < top_p) kept[i] = p[i];
    }
    memcpy(p, kept, sizeof kept);
}

static void keep_min_p(double *p, double min_p, Decision *decision) {
    double max = 0;
    for (int32_t i = 0; i < VOCABULARY; i++)
        max = fmax(max, p[i]);
    for (int32_t i = 0; i < VOCABULARY; i++) {
        if (p[i] > 0) compare(decision, p[i] / max, min_p);
        if (p[i] / max < min_p) p[i] = 0;
    }
}

static Decision decide(const float *logits, const SampleSettings *sampling, double uniform) {
    double p[VOCABULARY], total = 0, sum = 0;
    Decision decision = {.id = -1, .nearest = INFINITY};
    softmax(logits, sampling->temperature > 0 ? (double)sampling->temperature : 1, p);
    if (sampling->temperature == 0) keep_top_k(p, 1, &decision);
    if (sampling->top_k > 0) keep_top_k(p, sampling->top_k, &decision);
    if (sampling->top_p < 1) keep_top_p(p, (double)sampling->top_p, &decision);
    if (sampling->min_p > 0) keep_min_p(p, (double)sampling->min_p, &decision);
    for (int32_t i = 0; i < VOCABULARY; i++)
        total += p[i], decision.n_kept += p[i] > 0;
    for (int32_t i = 0; i < VOCABULARY; i++) {
        if (p[i] == 0) continue;
        sum += p[i] / total;
        if (decision.n_kept > 1) compare(&decision, sum, uniform);
        if (decision.id < 0 && uniform < sum) decision.id = i;
    }
    return decision;
}

static double log_prob(const float *logits, double temperature, int32_t id) {
    double p[VOCABULARY];
    softmax(logits, temperature, p);
    return log(p[id]);
}

// ---- runs

typedef struct Reference {
    Backend *backend;
    Model *model;
    Pass *pass;
} Reference;

typedef struct Tally {
    int32_t compared, near, filtered; // filtered: tokens at which the filters took something away
    double worst;                     // difference of log-probs
} Tally;

// Logits before each of the completion's tokens, from one pass over the whole sequence.
static void logits_of(const Reference *reference, const GeneratePrompt *prompt, const Completion *c, float *logits) {
    int32_t ids[MAX_POSITIONS], rows[MAX_TOKENS];
    memcpy(ids, prompt->ids, (size_t)prompt->n_ids * sizeof *ids);
    memcpy(ids + prompt->n_ids, c->ids, (size_t)c->n * sizeof *ids);
    for (int32_t t = 0; t < c->n; t++)
        rows[t] = prompt->n_ids - 1 + t;
    Batch batch;
    batch_init(&batch);
    batch_add_segment(&batch, -1, ids, prompt->n_ids + c->n);
    model_logits(reference->model, reference->pass, &batch, rows, c->n, logits);
    batch_free(&batch);
}

static void check_completion(const Reference *reference, const GeneratePrompt *prompt, uint32_t sample,
                             const Completion *c, const SampleSettings *sampling, Tally *tally) {
    static float logits[MAX_TOKENS * VOCABULARY];
    logits_of(reference, prompt, c, logits);
    for (int32_t t = 0; t < c->n; t++) {
        const float *row = logits + (size_t)t * VOCABULARY;
        RngAddress address = {SEED, RNG_SAMPLE, 3, prompt->question, sample, (uint32_t)t};
        Decision decision = decide(row, sampling, (double)rng_uniform(&address));
        double temperature = sampling->temperature > 0 ? (double)sampling->temperature : 1;
        tally->worst = fmax(tally->worst, fabs((double)c->logp[t] - log_prob(row, temperature, c->ids[t])));
        tally->filtered += decision.n_kept < VOCABULARY;
        if (decision.nearest < NEAR) {
            tally->near++;
            continue;
        }
        tally->compared++;
        if (c->ids[t] != decision.id) fail_msg("token %d: %d, expected %d", t, c->ids[t], decision.id);
    }
}

static void check_sampling(const char *backend_name, SampleSettings sampling, bool filters) {
    Prompts prompts;
    make_prompts(&prompts);
    GenerateSettings settings = plain_settings();
    settings.sampling = sampling;
    Output output = run_on(backend_name, 0, prompts.list, N_PROMPTS, settings);
    Reference reference = {.backend = open_backend("ref")};
    ModelConfig config = generating_config();
    reference.model = tiny_model(reference.backend, &config, DTYPE_F32, 9);
    reference.pass = pass_create(reference.model, (PassSettings){0});
    Tally tally = {0};
    int32_t k = 0;
    for (int32_t p = 0; p < N_PROMPTS; p++) {
        for (uint32_t sample = 0; sample < PROMPT_SAMPLES[p]; sample++) {
            check_completion(&reference, &prompts.list[p], sample, &output.completions[k++], &sampling, &tally);
        }
    }
    printf("%s T %g k %d p %g min %g: %d tokens, %d near a border, %d filtered, log-probs within %.1e\n", backend_name,
           (double)sampling.temperature, sampling.top_k, (double)sampling.top_p, (double)sampling.min_p, tally.compared,
           tally.near, tally.filtered, tally.worst);
    assert_int_equal(tally.compared + tally.near, N_COMPLETIONS * MAX_TOKENS);
    assert_true(tally.near * 20 <= tally.compared);
    assert_int_equal(tally.filtered > 0, filters);
    assert_true(tally.worst < (strcmp(backend_name, "ref") == 0 ? 2e-6 : 1e-4));
    pass_destroy(reference.pass);
    model_destroy(reference.model);
    backend_destroy(reference.backend);
    free_output(&output);
}

static void check_both(SampleSettings sampling, bool filters) {
    check_sampling("ref", sampling, filters);
    check_sampling("cpu", sampling, filters);
}

static void test_temperature(void **state) {
    (void)state;
    check_both((SampleSettings){.temperature = 0.9f, .top_p = 1}, false);
    check_both((SampleSettings){.temperature = 2, .top_p = 1}, false);
}

static void test_greedy(void **state) {
    (void)state;
    check_both((SampleSettings){.temperature = 0, .top_p = 1}, true);
}

static void test_top_k(void **state) {
    (void)state;
    check_both((SampleSettings){.temperature = 1, .top_p = 1, .top_k = 1}, true);
    check_both((SampleSettings){.temperature = 1, .top_p = 1, .top_k = 17}, true);
    check_both((SampleSettings){.temperature = 1, .top_p = 1, .top_k = VOCABULARY + 1}, false);
}

static void test_top_p(void **state) {
    (void)state;
    check_both((SampleSettings){.temperature = 1, .top_p = 0.6f}, true);
    check_both((SampleSettings){.temperature = 1, .top_p = 0.01f}, true); // the most probable token alone
}

static void test_min_p(void **state) {
    (void)state;
    check_both((SampleSettings){.temperature = 1, .top_p = 1, .min_p = 0.1f}, true);
}

static void test_all_filters(void **state) {
    (void)state;
    check_both((SampleSettings){.temperature = 1.3f, .top_k = 60, .top_p = 0.8f, .min_p = 0.02f}, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_temperature), cmocka_unit_test(test_greedy), cmocka_unit_test(test_top_k),
        cmocka_unit_test(test_top_p),       cmocka_unit_test(test_min_p),  cmocka_unit_test(test_all_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
