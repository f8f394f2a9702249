// Times matrix products at the shapes of a model against oneDNN (weights packed as it likes best) and OpenBLAS, in one
// process, in alternating blocks. Prints a line a case: medians in GFLOP/s (2 for a multiply-add) and ours / oneDNN.
// Usage: bench_products [rows=R[,R...]] [out=N in=K] [rounds=N]; threads: OMP_NUM_THREADS.
//
// oneDNN's products of BF16 take BF16 activations (ours widen the weights and keep F32 activations), and it has none
// for processors without AVX-512: there our BF16 is timed against its F32, and the line says so.
#include <cblas.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"
#include "compute/bf16.h"

#define ROUNDS_MAX 15
#define BLOCK_S 0.004     // a block of calls lasts at least this long
#define SLOW_CALL_S 2.0   // a call longer than this is timed once
#define PAUSE_US 30000 // between blocks of two threads or more: libraries' waiting threads go on spinning

typedef enum Library { RLT, ONEDNN, OPENBLAS, N_LIBRARIES } Library;

typedef struct Case {
    int32_t n_out, n_in, rows;
    Dtype dtype;
    Backend *be;
    Mat x, y;
    Weight w;
    float *host_w;            // [n_out, n_in], for OpenBLAS
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t matmul;
    dnnl_memory_t src, weights, dst;
    bool dnnl_bf16;           // else its product is of F32
    const char *dnnl_name;    // of the implementation that oneDNN chose
} Case;

static void check(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success) {
        fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
        exit(1);
    }
}

static void call(const Case *c, Library library)
{
    if (library == RLT) {
        RUN(c->be, linear, c->y, c->x, c->w, VEC_NONE, mat(DEV_NONE, 0, 0));
    } else if (library == ONEDNN) {
        const dnnl_exec_arg_t args[] = {
            {DNNL_ARG_SRC, c->src}, {DNNL_ARG_WEIGHTS, c->weights}, {DNNL_ARG_DST, c->dst}};
        check(dnnl_primitive_execute(c->matmul, c->stream, 3, args), "execute");
        check(dnnl_stream_wait(c->stream), "wait");
    } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, c->rows, c->n_out, c->n_in, 1,
                    (const float *)c->x.data.address, c->n_in, c->host_w, c->n_in, 0, (float *)c->y.data.address,
                    c->n_out);
    }
}

static dnnl_memory_desc_t plain(int32_t rows, int32_t cols, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    const dnnl_dims_t dims = {rows, cols};
    check(dnnl_memory_desc_init_by_tag(&desc, 2, dims, type, tag), "memory");
    return desc;
}

static dnnl_memory_t memory(const Case *c, const dnnl_memory_desc_t *desc, void *data)
{
    dnnl_memory_t memory;
    check(dnnl_memory_create(&memory, desc, c->engine, data), "memory");
    return memory;
}

// Fills oneDNN's weights (in the layout that the primitive asked for) from host floats [n_out, n_in].
static void reorder_weights(Case *c, const dnnl_memory_desc_t *want)
{
    dnnl_memory_desc_t from = plain(c->n_in, c->n_out, dnnl_f32, dnnl_ba); // [n_in, n_out], stored transposed
    dnnl_memory_t source = memory(c, &from, c->host_w);
    c->weights = memory(c, want, DNNL_MEMORY_ALLOCATE);
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t reorder;
    check(dnnl_reorder_primitive_desc_create(&desc, &from, c->engine, want, c->engine, NULL), "reorder");
    check(dnnl_primitive_create(&reorder, desc), "reorder");
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, c->weights}};
    check(dnnl_primitive_execute(reorder, c->stream, 2, args), "reorder");
    check(dnnl_stream_wait(c->stream), "reorder");
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(desc);
    dnnl_memory_destroy(source);
}

static void fill_source(Case *c)
{
    void *data;
    size_t n = (size_t)c->rows * (size_t)c->n_in;
    check(dnnl_memory_get_data_handle(c->src, &data), "source");
    const float *x = (const float *)c->x.data.address;
    for (size_t i = 0; i < n; i++) {
        if (c->dnnl_bf16)
            ((uint16_t *)data)[i] = bf16_from_f32(x[i]);
        else
            ((float *)data)[i] = x[i];
    }
}

// Creates the product for activations and weights of a type; false: oneDNN has none here.
static bool dnnl_create(Case *c, dnnl_data_type_t type)
{
    dnnl_memory_desc_t src = plain(c->rows, c->n_in, type, dnnl_ab), dst = plain(c->rows, c->n_out, dnnl_f32, dnnl_ab);
    dnnl_memory_desc_t any = plain(c->n_in, c->n_out, type, dnnl_format_tag_any);
    dnnl_matmul_desc_t desc;
    check(dnnl_matmul_desc_init(&desc, &src, &any, NULL, &dst), "matmul");
    dnnl_primitive_desc_t primitive;
    dnnl_status_t status = dnnl_primitive_desc_create(&primitive, &desc, NULL, c->engine, NULL);
    if (status == dnnl_unimplemented)
        return false;
    check(status, "matmul");
    check(dnnl_primitive_create(&c->matmul, primitive), "matmul");
    check(dnnl_primitive_desc_query(primitive, dnnl_query_impl_info_str, 0, &c->dnnl_name), "name");
    reorder_weights(c, dnnl_primitive_desc_query_md(primitive, dnnl_query_weights_md, 0));
    c->src = memory(c, &src, DNNL_MEMORY_ALLOCATE);
    c->dst = memory(c, &dst, (void *)c->y.data.address);
    c->dnnl_bf16 = type == dnnl_bf16;
    fill_source(c);
    return true;
}

static void dnnl_prepare(Case *c)
{
    check(dnnl_engine_create(&c->engine, dnnl_cpu, 0), "engine");
    check(dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags), "stream");
    if ((c->dtype != DTYPE_BF16 || !dnnl_create(c, dnnl_bf16)) && !dnnl_create(c, dnnl_f32))
        check(dnnl_unimplemented, "matmul");
}

static void dnnl_release(Case *c)
{
    dnnl_primitive_destroy(c->matmul);
    dnnl_memory_destroy(c->src);
    dnnl_memory_destroy(c->weights);
    dnnl_memory_destroy(c->dst);
    dnnl_stream_destroy(c->stream);
    dnnl_engine_destroy(c->engine);
}

// Seconds a call, of a block of calls.
static double block(const Case *c, Library library, int calls)
{
    if (threads_available() > 1)
        usleep(PAUSE_US);
    call(c, library); // to wake its threads and warm its buffers
    double start = now_s();
    for (int i = 0; i < calls; i++)
        call(c, library);
    return (now_s() - start) / calls;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

// All must have computed the same product. BF16 activations have 8 bits: 2^-8 of the sum of magnitudes, about 1/3.
static void check_results(const Case *c, const float *reference)
{
    const float *y = (const float *)c->y.data.address;
    float bound = c->dtype == DTYPE_BF16 ? 0.1f : 1e-3f;
    for (size_t i = 0; i < (size_t)c->rows * (size_t)c->n_out; i += 97) {
        if (!(fabsf(y[i] - reference[i]) <= bound)) {
            fprintf(stderr, "products differ at %zu: %g and %g\n", i, (double)y[i], (double)reference[i]);
            exit(1);
        }
    }
}

static double timed_once(const Case *c, Library library)
{
    double start = now_s();
    call(c, library);
    return now_s() - start;
}

static void run_case(Case *c, int rounds)
{
    Library last = c->dtype == DTYPE_BF16 ? ONEDNN : OPENBLAS;
    size_t n = (size_t)c->rows * (size_t)c->n_out;
    double once[N_LIBRARIES], seconds[N_LIBRARIES][ROUNDS_MAX], ratios[ROUNDS_MAX], flops = 2.0 * (double)n * c->n_in;
    float *reference = mem_alloc(n, sizeof *reference);
    int calls[N_LIBRARIES];
    for (Library library = RLT; library <= last; library++) {
        once[library] = timed_once(c, library);
        double again = once[library] < SLOW_CALL_S ? timed_once(c, library) : once[library];
        calls[library] = again * 1000 < BLOCK_S ? 1000 : again < BLOCK_S ? (int)(BLOCK_S / again) + 1 : 1;
        if (library == RLT)
            memcpy(reference, (const void *)c->y.data.address, n * sizeof(float));
        else
            check_results(c, reference);
    }
    if (once[RLT] > 0.5 && rounds > 3)
        rounds = 3;
    for (int r = 0; r < rounds; r++) {
        for (Library library = RLT; library <= last; library++)
            seconds[library][r] = once[library] < SLOW_CALL_S ? block(c, library, calls[library]) : once[library];
        ratios[r] = seconds[ONEDNN][r] / seconds[RLT][r];
    }
    printf("%-4s %5d <- %4d  rows %4d  rlt %9.1f us %6.1f  oneDNN %6.1f  OpenBLAS ",
           c->dtype == DTYPE_BF16 ? "bf16" : "f32", c->n_out, c->n_in, c->rows, median(seconds[RLT], rounds) * 1e6,
           flops / median(seconds[RLT], rounds) * 1e-9, flops / median(seconds[ONEDNN], rounds) * 1e-9);
    if (last == OPENBLAS)
        printf("%6.1f", flops / median(seconds[OPENBLAS], rounds) * 1e-9);
    else
        printf("     -");
    printf("  rlt/oneDNN %6.2f  (%s%s%s)\n", median(ratios, rounds), c->dnnl_name,
           c->dtype == DTYPE_BF16 && !c->dnnl_bf16 ? ", oneDNN in f32" : "",
           once[ONEDNN] < SLOW_CALL_S ? "" : ", one call");
    fflush(stdout);
    mem_free(reference);
}

static const int32_t shapes[][2] = {{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {49152, 576}}; // SmolLM2-135M
static const int32_t row_counts[] = {1, 4, 16, 64, 256, 512, 1024, 4096};

typedef struct Choice {
    const char *rows;
    int32_t n_out, n_in;
    int rounds;
} Choice;

static bool chosen_rows(const Choice *choice, int32_t rows)
{
    if (!choice->rows)
        return true;
    char name[32], list[128];
    snprintf(name, sizeof name, ",%d,", (int)rows);
    snprintf(list, sizeof list, ",%s,", choice->rows);
    return strstr(list, name) != NULL;
}

static void run_shape(Backend *be, const Choice *choice, Dtype dtype, int32_t n_out, int32_t n_in)
{
    float *host_w = host_floats((size_t)n_out * (size_t)n_in, 1 / sqrtf((float)n_in));
    Weight w = weight(be, dtype, n_out, n_in);
    for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
        int32_t rows = row_counts[r];
        if (!chosen_rows(choice, rows))
            continue;
        Case c = {.n_out = n_out, .n_in = n_in, .rows = rows, .dtype = dtype, .be = be, .w = w, .host_w = host_w};
        c.x = mat(floats(be, (size_t)rows * (size_t)n_in, 1), rows, n_in);
        c.y = mat(RUN(be, alloc, (size_t)rows * (size_t)n_out * sizeof(float)), rows, n_out);
        dnnl_prepare(&c);
        run_case(&c, choice->rounds);
        dnnl_release(&c);
        RUN(be, release, c.x.data);
        RUN(be, release, c.y.data);
    }
    RUN(be, release, w.data);
    mem_free(host_w);
}

int main(int argc, char **argv)
{
    Choice choice = {.rounds = 7};
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "rows=", 5) == 0)
            choice.rows = argv[i] + 5;
        else if (strncmp(argv[i], "out=", 4) == 0)
            choice.n_out = atoi(argv[i] + 4);
        else if (strncmp(argv[i], "in=", 3) == 0)
            choice.n_in = atoi(argv[i] + 3);
        else if (strncmp(argv[i], "rounds=", 7) == 0)
            choice.rounds = atoi(argv[i] + 7);
        else
            return fprintf(stderr, "bench_products: unknown argument %s; see bench_products.c\n", argv[i]), 2;
    }
    if (choice.rounds < 1 || choice.rounds > ROUNDS_MAX)
        return fprintf(stderr, "bench_products: rounds: expected 1 to %d\n", ROUNDS_MAX), 2;
    Backend *be;
    Error error;
    if (!backend_create("cpu", &be, &error))
        return fprintf(stderr, "%s\n", error.message), 1;
    openblas_set_num_threads(threads_available());
    const dnnl_version_t *version = dnnl_version();
    printf("%s; oneDNN %d.%d.%d; %s, kernels for %s\n", backend_describe(be), version->major, version->minor,
           version->patch, openblas_get_config(), openblas_get_corename());
    for (int dtype = DTYPE_F32; dtype <= DTYPE_BF16; dtype++) {
        if (choice.n_out > 0 && choice.n_in > 0)
            run_shape(be, &choice, (Dtype)dtype, choice.n_out, choice.n_in);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes && choice.n_out == 0; s++)
            run_shape(be, &choice, (Dtype)dtype, shapes[s][0], shapes[s][1]);
    }
    backend_destroy(be);
    return 0;
}
