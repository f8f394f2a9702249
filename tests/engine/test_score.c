// Scoring: the log-probs of each sequence by itself (model_logprobs of prefix and ids as one root), to the bit, whatever is
// scored beside it and however little fits into a batch; and the tokens that this takes, counted by hand.
#include "../model/tiny.h"
#include "engine/score.h"

#define N 12
#define MAX_IDS 9

typedef struct Case {
    int32_t prefixes[3][30], ids[N][MAX_IDS];
    float logp[N][MAX_IDS];
    ScoreSequence sequences[N];
} Case;

// prefix (-1: none) and its length, ids, from, to
static const int32_t SHAPES[N][5] = {
    {0, 20, 9, 0, 9}, {0, 20, 5, 2, 5}, {0, 20, 1, 0, 1}, {0, 20, 7, 0, 0}, {0, 20, 8, 3, 6}, // neighbours that share
    {1, 3, 4, 0, 4},  {1, 3, 6, 1, 6},                                                       // a small group
    {-1, 0, 6, 1, 6}, {-1, 0, 9, 4, 9},                                                      // without a prefix
    {2, 30, 5, 5, 5},                                                                        // nothing is wanted
    {2, 15, 3, 0, 3},                                                                        // other length: another prefix
    {0, 20, 9, 0, 9},
};
// 20 + 8+4+0+5, 3 + 3+5, 5, 8, 0, 15 + 2, 20 + 8
#define COMPUTED (37 + 11 + 5 + 8 + 0 + 17 + 28)
// each by itself: 28 24 20 0 25, 6 8, 5, 8, 0, 17, 28
#define NAIVE (97 + 14 + 13 + 0 + 17 + 28)

static void make_case(Case *c) {
    for (int p = 0; p < 3; p++) fill_random_ids(c->prefixes[p], 30, 37, 70 + (uint64_t)p);
    for (int i = 0; i < N; i++) {
        const int32_t *shape = SHAPES[i];
        fill_random_ids(c->ids[i], MAX_IDS, 37, 80 + (uint64_t)i);
        c->sequences[i] = (ScoreSequence){shape[0] < 0 ? NULL : c->prefixes[shape[0]], shape[1], c->ids[i], shape[2], shape[3],
                                          shape[4], c->logp[i]};
    }
}

static void check_alone(Model *model, const Case *c) {
    Pass *pass = pass_create(model, (PassSettings){0});
    for (int i = 0; i < N; i++) {
        const ScoreSequence *s = &c->sequences[i];
        int32_t ids[30 + MAX_IDS];
        float logp[MAX_IDS];
        if (s->n_prefix > 0) memcpy(ids, s->prefix, (size_t)s->n_prefix * sizeof *ids);
        memcpy(ids + s->n_prefix, s->ids, (size_t)s->n_ids * sizeof *ids);
        Batch batch;
        batch_init(&batch);
        batch_predict(&batch, batch_add_segment(&batch, -1, ids, s->n_prefix + s->n_ids), s->n_prefix + s->from,
                      s->n_prefix + s->to);
        model_logprobs(model, pass, &batch, 0.8f, logp, NULL);
        assert_memory_equal(logp, s->logp, (size_t)(s->to - s->from) * sizeof *logp);
        batch_free(&batch);
    }
    pass_destroy(pass);
}

static void test_batches(void **state) {
    (void)state;
    static const char *const backends[] = {"ref", "cpu"};
    for (int b = 0; b < 2; b++) {
        Backend *backend = open_backend(backends[b]);
        for (int dtype = DTYPE_F32; dtype <= DTYPE_BF16; dtype++) {
            ModelConfig config = tiny_config(MODEL_QWEN3);
            Model *model = tiny_model(backend, &config, (Dtype)dtype, 30);
            Pass *pass = pass_create(model, (PassSettings){0});
            static const int32_t rows[] = {1, 5, 20, 28, 36, 37, 48, 60, 1000};
            for (int r = 0; r < 9; r++) {
                Case c;
                ScoreCounts counts = {0};
                Error error;
                make_case(&c);
                assert_true(score_sequences(model, pass, c.sequences, N, 0.8f, rows[r], &counts, &error));
                check_alone(model, &c);
                assert_int_equal(counts.tokens_computed, COMPUTED);
                assert_int_equal(counts.tokens_naive, NAIVE);
            }
            pass_destroy(pass);
            model_destroy(model);
        }
        backend_destroy(backend);
    }
}

static void test_too_long(void **state) {
    (void)state;
    Backend *backend = open_backend("ref");
    ModelConfig config = tiny_config(MODEL_LLAMA);
    config.max_positions = 28;
    Model *model = tiny_model(backend, &config, DTYPE_F32, 30);
    Pass *pass = pass_create(model, (PassSettings){0});
    Case c;
    Error error;
    make_case(&c);
    assert_false(score_sequences(model, pass, c.sequences, N, 0.8f, 100, NULL, &error));
    assert_string_equal(error.message, "sequence 0: 29 tokens, the model has 28 positions");
    pass_destroy(pass);
    model_destroy(model);
    backend_destroy(backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_batches), cmocka_unit_test(test_too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
