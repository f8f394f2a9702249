#include "methods/rewards.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

RewardSettings reward_settings_paper(void) {
    return (RewardSettings){
        .ss = {{REDUCE_MEAN, 1.0}, {REDUCE_MIN, 0.01}},
        .n_ss = 2,
        .kl = {{REDUCE_MEAN, 3.0}, {REDUCE_MAX, 0.03}},
        .n_kl = 2,
        .clip_logp = 1e5,
        .clip_kl = 1e5,
        .missing_tag = -1,
        .empty_logp = -10,
        .empty_kl = 10,
    };
}

// ---- reductions

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sort_into(double *sorted, const double *values, int32_t n) {
    memcpy(sorted, values, (size_t)n * sizeof *values);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
}

static double quantile(const double *values, int32_t n, double q, double *scratch) {
    sort_into(scratch, values, n);
    double at = q * (n - 1);
    int32_t low = (int32_t)floor(at), high = low + 1 < n ? low + 1 : low;
    return scratch[low] + (at - low) * (scratch[high] - scratch[low]);
}

static double reduce_sum(const double *values, int32_t n, double *scratch) {
    (void)scratch;
    double sum = 0;
    for (int32_t i = 0; i < n; i++) sum += values[i];
    return sum;
}

static double reduce_mean(const double *values, int32_t n, double *scratch) { return reduce_sum(values, n, scratch) / n; }

static double reduce_min(const double *values, int32_t n, double *scratch) {
    (void)scratch;
    double low = values[0];
    for (int32_t i = 1; i < n; i++) low = fmin(low, values[i]);
    return low;
}

static double reduce_max(const double *values, int32_t n, double *scratch) {
    (void)scratch;
    double high = values[0];
    for (int32_t i = 1; i < n; i++) high = fmax(high, values[i]);
    return high;
}

static double reduce_median(const double *values, int32_t n, double *scratch) {
    sort_into(scratch, values, n);
    return scratch[(n - 1) / 2];
}

static double reduce_first_quartile(const double *values, int32_t n, double *scratch) {
    return quantile(values, n, 0.25, scratch);
}

static double reduce_last_quartile(const double *values, int32_t n, double *scratch) {
    return quantile(values, n, 0.75, scratch);
}

static const struct {
    const char *name;
    double (*of)(const double *values, int32_t n, double *scratch);
} reductions[] = {
    [REDUCE_MEAN] = {"mean", reduce_mean},
    [REDUCE_SUM] = {"sum", reduce_sum},
    [REDUCE_MIN] = {"min", reduce_min},
    [REDUCE_MAX] = {"max", reduce_max},
    [REDUCE_MEDIAN] = {"median", reduce_median},
    [REDUCE_FIRST_QUARTILE] = {"first_quartile", reduce_first_quartile},
    [REDUCE_LAST_QUARTILE] = {"last_quartile", reduce_last_quartile},
};

double reward_reduce(Reduction reduce, const double *values, int32_t n, double *scratch) {
    assert(n >= 1);
    return reductions[reduce].of(values, n, scratch);
}

// ---- normalisers

static double normalise_none(double x) { return x; }
static double normalise_exp_norm(double x) { return 1 - exp(-x); }

static const struct {
    const char *name;
    double (*of)(double x);
} normalisers[] = {
    [NORMALISE_NONE] = {"none", normalise_none},
    [NORMALISE_EXP] = {"exp", exp},
    [NORMALISE_EXP_NORM] = {"exp_norm", normalise_exp_norm},
};

// ---- estimators

static double kl_k1(double k, double exact) {
    (void)exact;
    return k;
}

static double kl_k3(double k, double exact) {
    (void)exact;
    return k - 1 + exp(-k);
}

static double kl_exact(double k, double exact) {
    (void)k;
    return exact;
}

static const struct {
    const char *name;
    double (*of)(double k, double exact);
} estimators[] = {
    [KL_K1] = {"k1", kl_k1},
    [KL_K3] = {"k3", kl_k3},
    [KL_EXACT] = {"exact", kl_exact},
};

// ---- names

#define FIND(table, text, out)                                    \
    for (size_t i = 0; i < sizeof(table) / sizeof *(table); i++) { \
        if (strcmp((table)[i].name, text) != 0) continue;         \
        *(out) = i;                                               \
        return true;                                              \
    }                                                             \
    return false

bool reduction_by_name(const char *name, Reduction *out) { FIND(reductions, name, out); }
bool normaliser_by_name(const char *name, Normaliser *out) { FIND(normalisers, name, out); }
bool kl_estimator_by_name(const char *name, KlEstimator *out) { FIND(estimators, name, out); }

// "[-] number * name [+|- ...]"; "0" or "" is no terms.
bool reward_terms_parse(const char *text, const char *where, RewardTerm *terms, int *n_terms, Error *error) {
    const char *at = text;
    *n_terms = 0;
    while (isspace((unsigned char)*at)) at++;
    if (*at == 0 || strcmp(at, "0") == 0) return true;
    double sign = 1;
    for (;;) {
        if (*n_terms == REWARD_MAX_TERMS) return error_set(error, "%s: more than %d terms", where, REWARD_MAX_TERMS);
        char *end;
        double coefficient = strtod(at, &end);
        if (end == at || !isfinite(coefficient)) {
            return error_set(error, "%s: \"%s\": expected COEFFICIENT*REDUCTION [+ ...], as in 1.0*mean + 0.01*min", where, text);
        }
        at = end;
        while (isspace((unsigned char)*at) || *at == '*') at++;
        char name[32];
        size_t n = 0;
        while ((isalpha((unsigned char)*at) || *at == '_') && n + 1 < sizeof name) name[n++] = *at++;
        name[n] = 0;
        RewardTerm *term = &terms[*n_terms];
        if (!reduction_by_name(name, &term->reduce)) {
            return error_set(error, "%s: reduction \"%s\": expected mean, sum, min, max, median, first_quartile or last_quartile",
                             where, name);
        }
        term->coefficient = sign * coefficient;
        ++*n_terms;
        while (isspace((unsigned char)*at)) at++;
        if (*at == 0) return true;
        if (*at != '+' && *at != '-') return error_set(error, "%s: \"%s\": expected + or - at \"%s\"", where, text, at);
        sign = *at++ == '-' ? -1 : 1;
    }
}

// ---- the reward

static double reduce_terms(const RewardTerm *terms, int n_terms, const double *values, int32_t n, double empty, double *scratch,
                           double *each) {
    double total = 0;
    for (int j = 0; j < n_terms; j++) {
        each[j] = n > 0 ? reward_reduce(terms[j].reduce, values, n, scratch) : empty;
        total += terms[j].coefficient * each[j];
    }
    return total;
}

static void ss_of_tokens(const RewardSettings *settings, const RewardTokens *tokens, double *values) {
    for (int32_t i = 0; i < tokens->n_s; i++) {
        values[i] = fmax(normalisers[settings->normalise_logp].of(tokens->solution_logp[i]), -settings->clip_logp);
    }
}

static void kl_of_tokens(const RewardSettings *settings, const RewardTokens *tokens, double *values) {
    bool exact = settings->kl_estimator == KL_EXACT;
    assert(!exact || (tokens->exact_kl != NULL && !settings->without_entropy));
    for (int32_t i = 0; i < tokens->n_o; i++) {
        double k = (settings->without_entropy ? 0.0 : (double)tokens->teacher_logp[i]) - tokens->student_logp[i];
        double kl = estimators[settings->kl_estimator].of(k, exact ? tokens->exact_kl[i] : 0);
        values[i] = fmin(normalisers[settings->normalise_kl].of(kl), settings->clip_kl);
    }
}

static void keep(float *to, const double *values, int32_t n) {
    for (int32_t i = 0; to != NULL && i < n; i++) to[i] = (float)values[i];
}

RewardParts reward_rlt(const RewardSettings *settings, const RewardTokens *tokens, float *ss_values, float *kl_values,
                       double *scratch) {
    RewardParts parts = {0};
    int32_t n_o = tokens->n_o, n_s = tokens->n_s, most = n_o > n_s ? n_o : n_s;
    double *values = scratch + most;
    ss_of_tokens(settings, tokens, values);
    keep(ss_values, values, n_s);
    parts.r_ss = reduce_terms(settings->ss, settings->n_ss, values, n_s, settings->empty_logp, scratch, parts.ss_terms);
    kl_of_tokens(settings, tokens, values);
    keep(kl_values, values, n_o);
    parts.r_kl = reduce_terms(settings->kl, settings->n_kl, values, n_o, settings->empty_kl, scratch, parts.kl_terms);
    for (int32_t i = 0; i < n_o; i++) parts.kl_mean += ((double)tokens->teacher_logp[i] - tokens->student_logp[i]) / n_o;
    parts.match = tokens->closed ? 0 : settings->missing_tag;
    parts.reward = parts.r_ss - parts.r_kl + parts.match;
    return parts;
}

double reward_correctness(bool tagged, bool right) { return right ? 1 : tagged ? -0.5 : -1; }

void group_advantages(const double *rewards, int32_t n, double *advantages) {
    double mean = 0, squares = 0;
    for (int32_t i = 0; i < n; i++) mean += rewards[i] / n;
    for (int32_t i = 0; i < n; i++) squares += (rewards[i] - mean) * (rewards[i] - mean);
    double std = n > 1 ? sqrt(squares / (n - 1)) : 0;
    for (int32_t i = 0; i < n; i++) advantages[i] = n > 1 ? (rewards[i] - mean) / (std + 1e-4) : 0;
}
