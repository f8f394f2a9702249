// Sampling: filters over the probabilities, then the inverse of their cumulative sum in id order.
#include <math.h>
#include <stdlib.h>
#include "base/mem.h"
#include "compute/ref/ref_ops.h"

typedef struct Token {
    double p; // probability at the temperature, of the whole vocabulary
    int32_t id;
} Token;

// Most probable first, lower ids first among equals.
static int by_rank(const void *a, const void *b)
{
    const Token *x = a, *y = b;
    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int by_id(const void *a, const void *b)
{
    const Token *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

// How many of the n ranked tokens pass the filters; always at least the first.
static int32_t count_kept(const Token *ranked, int32_t n, const SampleSettings *settings)
{
    if (settings->top_k > 0 && settings->top_k < n)
        n = settings->top_k;
    if (settings->top_p < 1) {
        double total = 0, mass = 0;
        for (int32_t i = 0; i < n; i++)
            total += ranked[i].p;
        int32_t kept = 0;
        while (kept < n && (kept == 0 || mass < settings->top_p * total))
            mass += ranked[kept++].p;
        n = kept;
    }
    while (n > 1 && ranked[n - 1].p < settings->min_p * ranked[0].p)
        n--;
    return n;
}

static int32_t sample_row(Token *tokens, int32_t n, const SampleSettings *settings, float uniform)
{
    qsort(tokens, (size_t)n, sizeof *tokens, by_rank);
    if (settings->temperature == 0)
        return tokens[0].id;
    n = count_kept(tokens, n, settings);
    qsort(tokens, (size_t)n, sizeof *tokens, by_id);
    double total = 0, sum = 0;
    for (int32_t i = 0; i < n; i++)
        total += tokens[i].p;
    for (int32_t i = 0; i < n - 1; i++) {
        sum += tokens[i].p;
        if (uniform * total < sum)
            return tokens[i].id;
    }
    return tokens[n - 1].id;
}

void ref_head_sample(Backend *be, int32_t *ids, float *logp, Mat x, Weight w, const SampleSettings *settings,
                     const float *uniforms)
{
    assert(x.cols == w.n_in && settings->temperature >= 0 && settings->top_k >= 0);
    assert(settings->top_p > 0 && settings->top_p <= 1 && settings->min_p >= 0 && settings->min_p <= 1);
    float temperature = settings->temperature > 0 ? settings->temperature : 1;
    Token *tokens = mem_alloc((size_t)w.n_out, sizeof *tokens);
    double *z = mem_alloc((size_t)w.n_out, sizeof *z);
    for (int32_t p = 0; p < x.rows; p++) {
        double max = -INFINITY;
        ref_scaled_logits(z, ref_row(x, p), w, temperature);
        for (int32_t j = 0; j < w.n_out; j++)
            max = fmax(max, z[j]);
        for (int32_t j = 0; j < w.n_out; j++)
            tokens[j] = (Token){exp(z[j] - max), j}; // to a factor, which no filter sees
        ids[p] = sample_row(tokens, w.n_out, settings, uniforms[p]);
    }
    ref_head_logprobs(be, logp, NULL, VEC_NONE, x, w, ids, temperature);
    mem_free(tokens);
    mem_free(z);
}
