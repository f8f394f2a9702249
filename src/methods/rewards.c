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

// ---- names

static const char *const reduction_names[] = {"mean", "sum", "min", "max", "median", "first_quartile", "last_quartile"};
static const char *const normaliser_names[] = {"none", "exp", "exp_norm"};
static const char *const estimator_names[] = {"k1", "k3"};

static int find_name(const char *const *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) return (int)i;
    }
    return -1;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

bool reduction_by_name(const char *name, Reduction *out) {
    int i = find_name(reduction_names, COUNT(reduction_names), name);
    if (i >= 0) *out = (Reduction)i;
    return i >= 0;
}

bool normaliser_by_name(const char *name, Normaliser *out) {
    int i = find_name(normaliser_names, COUNT(normaliser_names), name);
    if (i >= 0) *out = (Normaliser)i;
    return i >= 0;
}

bool kl_estimator_by_name(const char *name, KlEstimator *out) {
    int i = find_name(estimator_names, COUNT(estimator_names), name);
    if (i >= 0) *out = (KlEstimator)i;
    return i >= 0;
}

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

// ---- reductions

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sort_into(double *sorted, const double *values, int32_t n) {
    memcpy(sorted, values, (size_t)n * sizeof *values);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
}

static double median(const double *values, int32_t n, double *scratch) {
    sort_into(scratch, values, n);
    return scratch[(n - 1) / 2];
}

static double quantile(const double *values, int32_t n, double q, double *scratch) {
    sort_into(scratch, values, n);
    double at = q * (n - 1);
    int32_t low = (int32_t)floor(at), high = low + 1 < n ? low + 1 : low;
    return scratch[low] + (at - low) * (scratch[high] - scratch[low]);
}

double reward_reduce(Reduction reduce, const double *values, int32_t n, double *scratch) {
    assert(n >= 1);
    double sum = 0, low = values[0], high = values[0];
    for (int32_t i = 0; i < n; i++) {
        sum += values[i];
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    switch (reduce) {
    case REDUCE_MEAN: return sum / n;
    case REDUCE_SUM: return sum;
    case REDUCE_MIN: return low;
    case REDUCE_MAX: return high;
    case REDUCE_MEDIAN: return median(values, n, scratch);
    case REDUCE_FIRST_QUARTILE: return quantile(values, n, 0.25, scratch);
    case REDUCE_LAST_QUARTILE: return quantile(values, n, 0.75, scratch);
    }
    return 0;
}

static double normalise(Normaliser normaliser, double x) {
    switch (normaliser) {
    case NORMALISE_EXP: return exp(x);
    case NORMALISE_EXP_NORM: return 1 - exp(-x);
    case NORMALISE_NONE: break;
    }
    return x;
}

static double reduce_terms(const RewardTerm *terms, int n_terms, const double *values, int32_t n, double empty, double *scratch,
                           double *each) {
    double total = 0;
    for (int j = 0; j < n_terms; j++) {
        each[j] = n > 0 ? reward_reduce(terms[j].reduce, values, n, scratch) : empty;
        total += terms[j].coefficient * each[j];
    }
    return total;
}

RewardParts reward_rlt(const RewardSettings *settings, const float *teacher_logp, const float *student_logp, int32_t n_o,
                       const float *solution_logp, int32_t n_s, bool closed) {
    RewardParts parts = {0};
    int32_t most = n_o > n_s ? n_o : n_s;
    double *values = mem_alloc((size_t)most + 1, sizeof *values), *scratch = mem_alloc((size_t)most + 1, sizeof *scratch);
    for (int32_t i = 0; i < n_s; i++) {
        values[i] = normalise(settings->normalise_logp, fmax(solution_logp[i], -settings->clip_logp));
    }
    parts.r_ss = reduce_terms(settings->ss, settings->n_ss, values, n_s, settings->empty_logp, scratch, parts.ss_terms);
    for (int32_t i = 0; i < n_o; i++) {
        double k = (double)teacher_logp[i] - student_logp[i];
        parts.kl_mean += k / n_o;
        if (settings->kl_estimator == KL_K3) k = k - 1 + exp(-k);
        values[i] = normalise(settings->normalise_kl, fmin(k, settings->clip_kl));
    }
    parts.r_kl = reduce_terms(settings->kl, settings->n_kl, values, n_o, settings->empty_kl, scratch, parts.kl_terms);
    parts.match = closed ? 0 : settings->missing_tag;
    parts.reward = parts.r_ss - parts.r_kl + parts.match;
    mem_free(values);
    mem_free(scratch);
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
