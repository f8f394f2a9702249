// Rewards beyond what the golden values hold (tests/oracle/reward.c): order of operations, no tokens, names, and the
// rewards that are added, by their formulas.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
//
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "methods/reward_sum.h"
#include "methods/rewards.h"

static const float teacher[3] = {-1, -2, -0.5f}, student[3] = {-3, -2.5f, -0.25f}, solution[4] = {-1, -9, -0.5f, -2};
static const float exact[3] = {0.5f, 4, 0.125f};

static RewardTokens tokens(void) {
    return (RewardTokens){teacher, student, exact, 3, solution, 4, true};
}

static double scratch[2 * 4]; // of the longer of 3 and 4 tokens

static void near(double got, double expected) {
    if (!(fabs(got - expected) <= 1e-6 * (1 + fabs(expected)))) fail_msg("got %.9g, expected %.9g", got, expected);
}

static void paper_by_hand(void **state) {
    (void)state;
    RewardSettings s = reward_settings_paper();
    RewardTokens t = tokens();
    float ss[4], kl[3];
    RewardParts parts = reward_rlt(&s, &t, ss, kl, scratch);
    near(parts.r_ss, -12.5 / 4 + 0.01 * -9);               // mean + 0.01 min
    near(parts.r_kl, 3 * (2 + 0.5 - 0.25) / 3 + 0.03 * 2); // 3 mean + 0.03 max of 2, 0.5, -0.25
    near(parts.reward, parts.r_ss - parts.r_kl);
    near(kl[0], 2), near(kl[2], -0.25), near(ss[1], -9);
    t.closed = false;
    near(reward_rlt(&s, &t, NULL, NULL, scratch).reward, parts.reward - 1);
}

static void clips_come_after_normalisers(void **state) {
    (void)state;
    RewardSettings s = reward_settings_paper();
    RewardTokens t = tokens();
    float ss[4], kl[3];
    s.normalise_logp = NORMALISE_EXP_NORM, s.clip_logp = 5;
    s.normalise_kl = NORMALISE_EXP, s.clip_kl = 1.5;
    reward_rlt(&s, &t, ss, kl, scratch);
    near(ss[0], 1 - exp(1)), near(ss[1], -5);  // 1 - e^9 is far below -5; a floor before would give 1 - e^5
    near(kl[0], 1.5), near(kl[2], exp(-0.25)); // e^2 is above 1.5; a ceiling before would give e^1.5
}

static void estimators(void **state) {
    (void)state;
    RewardSettings s = reward_settings_paper();
    RewardTokens t = tokens();
    float kl[3];
    s.kl_estimator = KL_K3;
    reward_rlt(&s, &t, NULL, kl, scratch);
    near(kl[0], 2 - 1 + exp(-2)), near(kl[2], -0.25 - 1 + exp(0.25));
    s.without_entropy = true;
    reward_rlt(&s, &t, NULL, kl, scratch);
    near(kl[0], 3 - 1 + exp(-3));
    s.kl_estimator = KL_K1;
    RewardParts parts = reward_rlt(&s, &t, NULL, kl, scratch);
    near(kl[1], 2.5), near(parts.kl_mean, 2.25 / 3); // the metric stays that of k1
    s.without_entropy = false, s.kl_estimator = KL_EXACT;
    reward_rlt(&s, &t, NULL, kl, scratch);
    near(kl[0], 0.5), near(kl[1], 4), near(kl[2], 0.125);
}

static void no_tokens_take_the_penalty(void **state) {
    (void)state;
    RewardSettings s = reward_settings_paper();
    RewardTokens t = {.closed = true};
    RewardParts parts = reward_rlt(&s, &t, NULL, NULL, scratch);
    near(parts.r_ss, -10 - 0.1), near(parts.r_kl, 30 + 0.3);
}

static void names(void **state) {
    (void)state;
    Reduction reduce;
    KlEstimator estimator;
    Normaliser normaliser;
    assert_true(reduction_by_name("last_quartile", &reduce) && reduce == REDUCE_LAST_QUARTILE);
    assert_true(kl_estimator_by_name("exact", &estimator) && estimator == KL_EXACT);
    assert_true(normaliser_by_name("exp_norm", &normaliser) && normaliser == NORMALISE_EXP_NORM);
    assert_false(kl_estimator_by_name("k2", &estimator) || reduction_by_name("", &reduce));
    RewardTerm terms[REWARD_MAX_TERMS];
    int n;
    Error error;
    assert_true(reward_terms_parse(" -2*mean - 0.5 max", "k", terms, &n, &error));
    assert_true(n == 2 && terms[0].coefficient == -2 && terms[1].coefficient == -0.5 && terms[1].reduce == REDUCE_MAX);
    assert_false(reward_terms_parse("1*average", "reward.kl", terms, &n, &error));
    assert_non_null(strstr(error.message, "reward.kl: reduction \"average\": expected mean"));
}

// ---- added rewards

static DialogueFormat format;

static double added(AddedReward which, bool is_teacher, const char *completion, int32_t n_tokens) {
    RewardSum sum = {.own_weight = 1, .length_from = 10, .length_to = 30, .format = &format, .is_teacher = is_teacher};
    sum.weights[which] = 2;
    RewardQuery query = {NULL, str_of(completion), n_tokens, false};
    double values[N_ADDED_REWARDS];
    Error error;
    assert_true(reward_sum_added(&sum, &query, 1, values, &error));
    for (int k = 0; k < N_ADDED_REWARDS; k++)
        assert_true(k == (int)which || values[k] == 0);
    assert_true(reward_sum_total(&sum, 0.25, values) == 0.25 + 2 * values[which]);
    return values[which];
}

static void length(void **state) {
    (void)state;
    const struct {
        int32_t tokens;
        double expected; // -(tokens - 10) / 20 in [-1, 0]
    } cases[] = {{0, 0}, {10, 0}, {11, -0.05}, {20, -0.5}, {29, -0.95}, {30, -1}, {1000, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        near(added(ADDED_LENGTH, true, "", cases[i].tokens), cases[i].expected);
}

#define E "<|end_of_explanation|>"
#define T "<|begin_of_thought|>"
#define TT "<|end_of_thought|>"
#define S "<|begin_of_solution|>"
#define SS "<|end_of_solution|>"

static void form(void **state) {
    (void)state;
    const struct {
        bool teacher;
        const char *text;
        double expected;
    } cases[] = {
        {true, "since 2 + 2 = 4\n\n" E, 1},
        {true, "since" E " and " S, 1},
        {true, "since 2 + 2 = 4", 0},
        {true, " \n" E, 0},
        {true, "as " S "4" SS " is" E, 0},
        {true, "<|begin_of_explanation|>so" E, 0},
        {true, T "so" TT E, 0},
        {false, T "so" TT "\n\n" S "4" SS, 1},
        {false, T TT S "4" SS "<|im_end|>", 1},
        {false, S "4" SS T "so" TT, 0},
        {false, T "so" TT S " " SS, 0},
        {false, T "so" TT S "4", 0},
        {false, "so" TT S "4" SS, 0},
        {false, T "so" TT S "4" SS S "5" SS, 0},
        {false, "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double got = added(ADDED_FORMAT, cases[i].teacher, cases[i].text, 1);
        if (got != cases[i].expected) fail_msg("%s: %g, expected %g", cases[i].text, got, cases[i].expected);
    }
}

static void weights(void **state) {
    (void)state;
    const double values[N_ADDED_REWARDS] = {-0.5, 1, 7};
    RewardSum sum = {.own_weight = 1};
    assert_true(reward_sum_is_plain(&sum) && reward_sum_total(&sum, -1.1, values) == -1.1);
    sum.own_weight = 0.5, sum.weights[ADDED_LENGTH] = 4, sum.weights[ADDED_PROGRAM] = -1;
    assert_false(reward_sum_is_plain(&sum));
    near(reward_sum_total(&sum, 3, values), 1.5 - 2 - 7);
}

static int set_up(void **state) {
    (void)state;
    dialogue_format_init(&format);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    dialogue_format_free(&format);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paper_by_hand), cmocka_unit_test(clips_come_after_normalisers),
        cmocka_unit_test(estimators),    cmocka_unit_test(no_tokens_take_the_penalty),
        cmocka_unit_test(names),         cmocka_unit_test(length),
        cmocka_unit_test(form),          cmocka_unit_test(weights),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
