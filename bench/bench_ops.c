// Times the operations of a backend at the shapes of small models: GFLOP/s (2 per multiply-add) and, where few rows
// make the weights the cost, GB/s of weights read. Best of several runs.
// Usage: bench_ops [backend] [what]; what: linear, backward, attention, head, all.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

static Backend *be;

// Best seconds of a statement, over at least 0.25 s and 5 runs.
#define BEST(seconds, statement) \
    do { \
        double until = now_s() + 0.25; \
        (seconds) = 1e9; \
        for (int run = 0; run < 5 || now_s() < until; run++) { \
            double start = now_s(); \
            statement; \
            double took = now_s() - start; \
            (seconds) = took < (seconds) ? took : (seconds); \
        } \
    } while (0)

static const int32_t shapes[][2] = {{128, 128}, {344, 128}, {128, 344}, {576, 576},
                                    {1536, 576}, {576, 1536}, {49152, 576}}; // out, in
static const int32_t row_counts[] = {1, 4, 16, 64, 512, 2048};

static void report(const char *what, Weight w, int32_t rows, double seconds, double flops)
{
    double bytes = (double)w.n_out * w.n_in * (w.dtype == DTYPE_BF16 ? 2 : 4);
    printf("%-22s %-4s %6d <- %4d  rows %4d  %9.1f us  %7.1f GFLOP/s  %6.1f GB/s\n", what,
           w.dtype == DTYPE_BF16 ? "bf16" : "f32", w.n_out, w.n_in, rows, seconds * 1e6, flops / seconds * 1e-9,
           bytes / seconds * 1e-9);
    fflush(stdout);
}

static void bench_linear(bool backward)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        for (int dtype = DTYPE_F32; dtype <= DTYPE_BF16; dtype++) {
            Weight w = weight(be, (Dtype)dtype, shapes[s][0], shapes[s][1]);
            Weight dw = backward && dtype == DTYPE_F32 ? weight(be, DTYPE_F32, w.n_out, w.n_in) : (Weight){0};
            for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
                int32_t rows = row_counts[r];
                Mat x = mat(floats(be, (size_t)rows * (size_t)w.n_in, 1), rows, w.n_in);
                Mat y = mat(floats(be, (size_t)rows * (size_t)w.n_out, 1), rows, w.n_out);
                double seconds, flops = 2.0 * rows * w.n_out * w.n_in;
                if (!backward) {
                    BEST(seconds, RUN(be, linear, y, x, w, VEC_NONE, mat(DEV_NONE, 0, 0)));
                    report("linear", w, rows, seconds, flops);
                } else {
                    BEST(seconds, RUN(be, linear_backward_input, x, y, w, false));
                    report("linear_backward_input", w, rows, seconds, flops);
                }
                if (!dev_is_none(dw.data)) {
                    BEST(seconds, RUN(be, linear_backward_weight, dw, VEC_NONE, y, x));
                    report("linear_backward_weight", dw, rows, seconds, flops);
                }
                RUN(be, release, x.data);
                RUN(be, release, y.data);
            }
            RUN(be, release, w.data);
            RUN(be, release, dw.data);
        }
    }
}

typedef struct AttentionCase {
    const char *what;
    int32_t roots, root_tokens, leaves, leaf_tokens, leaf_new; // root_new: all, or none where leaf_new < leaf_tokens
    int32_t heads, kv_heads, head_dim;
} AttentionCase;

static void bench_attention_case(const AttentionCase *c)
{
    int32_t n = c->roots * (1 + c->leaves), row = 0, kv_row = 0;
    bool cached = c->leaves > 0 && c->leaf_new < c->leaf_tokens;
    Segment *segments = mem_alloc((size_t)n, sizeof *segments);
    double pairs = 0;
    for (int32_t i = 0, root = 0; i < n; i++) {
        bool leaf = i % (1 + c->leaves) != 0;
        if (!leaf)
            root = i;
        Segment *s = &segments[i];
        *s = (Segment){.parent = leaf ? root : -1, .position = leaf ? c->root_tokens : 0,
                       .n_tokens = leaf ? c->leaf_tokens : c->root_tokens, .row = row, .kv_row = kv_row};
        s->n_new = leaf ? c->leaf_new : cached ? 0 : c->root_tokens;
        row += s->n_new;
        kv_row += s->n_tokens;
        for (int32_t t = 0; t < s->n_new; t++)
            pairs += s->position + s->n_tokens - t;
    }
    Forest forest = {.segments = segments, .n_segments = n, .n_rows = row, .n_kv = kv_row};
    int32_t q_cols = c->heads * c->head_dim, kv_cols = c->kv_heads * c->head_dim;
    Mat q = mat(floats(be, (size_t)row * (size_t)q_cols, 1), row, q_cols), out = q, dout = q, dq = q;
    Mat k = mat(floats(be, (size_t)kv_row * (size_t)kv_cols, 1), kv_row, kv_cols), v = k, dk = k, dv = k;
    Mat lse = mat(floats(be, (size_t)row * (size_t)c->heads, 1), row, c->heads);
    out.data = floats(be, (size_t)row * (size_t)q_cols, 1);
    dout.data = floats(be, (size_t)row * (size_t)q_cols, 1);
    dq.data = floats(be, (size_t)row * (size_t)q_cols, 1);
    v.data = floats(be, (size_t)kv_row * (size_t)kv_cols, 1);
    dk.data = floats(be, (size_t)kv_row * (size_t)kv_cols, 1);
    dv.data = floats(be, (size_t)kv_row * (size_t)kv_cols, 1);
    double seconds, flops = 4 * pairs * q_cols;
    BEST(seconds, RUN(be, attention, out, lse, q, k, v, &forest, c->head_dim, 0.125f));
    printf("attention           %-28s %9.1f us  %7.1f GFLOP/s\n", c->what, seconds * 1e6, flops / seconds * 1e-9);
    if (!cached) {
        BEST(seconds, RUN(be, attention_backward, dq, dk, dv, dout, out, lse, q, k, v, &forest, c->head_dim, 0.125f));
        printf("attention_backward  %-28s %9.1f us  %7.1f GFLOP/s (5 products)\n", c->what, seconds * 1e6,
               2.5 * flops / seconds * 1e-9);
    }
    Dev all[] = {q.data, out.data, dout.data, dq.data, k.data, v.data, dk.data, dv.data, lse.data};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        RUN(be, release, all[i]);
    mem_free(segments);
    fflush(stdout);
}

static void bench_attention(void)
{
    const AttentionCase cases[] = {
        {"1 sequence of 512, 9/3 x 64", 1, 512, 0, 0, 0, 9, 3, 64},
        {"1 sequence of 2048, 9/3 x 64", 1, 2048, 0, 0, 0, 9, 3, 64},
        {"8 sequences of 256, 9/3 x 64", 8, 256, 0, 0, 0, 9, 3, 64},
        {"prompt 256, 16 x 64, 9/3 x 64", 1, 256, 16, 64, 64, 9, 3, 64},
        {"decode 64 of 256+256, 9/3", 1, 256, 64, 256, 1, 9, 3, 64},
        {"decode 1 of 0+1024, 9/3", 1, 1, 1, 1024, 1, 9, 3, 64},
        {"64 sequences of 64, 4/4 x 32", 64, 64, 0, 0, 0, 4, 4, 32},
        {"decode 64 of 32+32, 4/4 x 32", 1, 32, 64, 32, 1, 4, 4, 32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        bench_attention_case(&cases[i]);
}

static void bench_head(void)
{
    const int32_t heads[][3] = {{49152, 576, 512}, {49152, 576, 64}, {512, 128, 64}, {512, 128, 1024}}; // V, C, P
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        int32_t v = heads[i][0], c = heads[i][1], p = heads[i][2];
        Weight w = weight(be, DTYPE_F32, v, c), dw = weight(be, DTYPE_F32, v, c);
        Mat x = mat(floats(be, (size_t)p * (size_t)c, 1), p, c), dx = mat(floats(be, (size_t)p * (size_t)c, 1), p, c);
        Vec lse = vec(floats(be, (size_t)p, 1), p);
        int32_t *ids = mem_alloc((size_t)p, sizeof *ids);
        float *logp = mem_alloc((size_t)p, sizeof *logp), *uniforms = mem_alloc((size_t)p, sizeof *uniforms);
        for (int32_t j = 0; j < p; j++)
            uniforms[j] = noise((size_t)j) * 0.5f + 0.5f;
        double seconds, flops = 2.0 * p * v * c;
        BEST(seconds, RUN(be, head_logprobs, logp, NULL, lse, x, w, ids, 0.7f));
        report("head_logprobs", w, p, seconds, flops);
        BEST(seconds, RUN(be, head_logprobs_backward, dx, dw, logp, lse, x, w, ids, 0.7f));
        report("head_logprobs_backward", w, p, seconds, 3 * flops);
        const SampleSettings settings[] = {{.temperature = 0.7f, .top_p = 1},
                                           {.temperature = 0.7f, .top_k = 50, .top_p = 0.9f}};
        for (int j = 0; j < 2; j++) {
            BEST(seconds, RUN(be, head_sample, ids, logp, x, w, &settings[j], uniforms));
            report(j ? "head_sample filtered" : "head_sample", w, p, seconds, flops);
        }
        Dev all[] = {w.data, dw.data, x.data, dx.data, lse.data};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++)
            RUN(be, release, all[j]);
        mem_free(ids), mem_free(logp), mem_free(uniforms);
    }
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "cpu", *what = argc > 2 ? argv[2] : "all";
    bool all = strcmp(what, "all") == 0;
    Error error;
    if (!backend_create(name, &be, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("%s\n", backend_describe(be));
    if (all || strcmp(what, "linear") == 0)
        bench_linear(false);
    if (all || strcmp(what, "backward") == 0)
        bench_linear(true);
    if (all || strcmp(what, "attention") == 0)
        bench_attention();
    if (all || strcmp(what, "head") == 0)
        bench_head();
    backend_destroy(be);
    return 0;
}
