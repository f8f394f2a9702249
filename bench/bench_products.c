// Times matrix products at the shapes of a model against oneDNN (weights packed as it likes best) and OpenBLAS. Prints
// a line a case: medians in GFLOP/s (2 for a multiply-add) and the median of the rounds' ratios ours / oneDNN.
// Usage: bench_products [rows=R[,R...]] [out=N in=K] [dtype=f32|bf16] [rounds=N]; threads: OMP_NUM_THREADS.
//
// Each library is timed in a process of its own, forked before there is any pool of threads: in one process their pools
// disturb each other (workers of one go on spinning while another is timed, and sleeping workers wake on the caller's
// processor). The libraries take turns, and rounds go over all cases.
//
// oneDNN's products of BF16 take BF16 activations (ours widen the weights and keep F32 activations), and it has none
// for processors without AVX-512: there our BF16 is timed against its F32, and the line says so.
#include <cblas.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"
#include "compute/bf16.h"

#define ROUNDS_MAX 15
#define ROUNDS_HEAD 3      // of the vocabulary's projection, whose weights take long to prepare
#define WARM_S 0.03        // calls before those that are timed: threads start, caches fill
#define BLOCK_S 0.03       // the timed calls last about this long
#define SLOW_CALL_S 4.0    // a call longer than this is timed once
#define RESULT_STRIDE 97   // of the results that are compared

typedef enum Library { RLT, ONEDNN, OPENBLAS, N_LIBRARIES } Library;

// What the rounds of a case have given so far.
typedef struct Timing {
    int rounds;
    double seconds[N_LIBRARIES][ROUNDS_MAX]; // of a call
    bool dnnl_bf16;                          // oneDNN's product is of BF16, else of F32
    char kernel[48];                         // the implementation that oneDNN chose
} Timing;

typedef struct Case {
    int32_t n_out, n_in, rows;
    Dtype dtype;
    const float *host_x, *host_w; // [rows, n_in], [n_out, n_in]
    Timing *timing;
} Case;

// What a child leaves for its parent, in memory that they share.
typedef struct Report {
    double seconds;  // of a call
    bool dnnl_bf16;  // oneDNN: its product is of BF16, else of F32
    char kernel[48]; // oneDNN: the implementation that it chose
    float results[]; // each RESULT_STRIDE-th of y
} Report;

// A library's side of a case, made and used in a child.
typedef struct Side {
    const Case *c;
    Library library;
    Backend *be; // rlt
    Mat x, y;
    Weight w;
    float *host_y; // oneDNN, OpenBLAS
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t matmul;
    dnnl_memory_t src, weights, dst;
} Side;

static void check(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success) {
        fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
        exit(1);
    }
}

static void call(const Side *side)
{
    const Case *c = side->c;
    if (side->library == RLT) {
        RUN(side->be, linear, side->y, side->x, side->w, VEC_NONE, mat(DEV_NONE, 0, 0));
    } else if (side->library == ONEDNN) {
        const dnnl_exec_arg_t args[] = {
            {DNNL_ARG_SRC, side->src}, {DNNL_ARG_WEIGHTS, side->weights}, {DNNL_ARG_DST, side->dst}};
        check(dnnl_primitive_execute(side->matmul, side->stream, 3, args), "execute");
        check(dnnl_stream_wait(side->stream), "wait");
    } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, c->rows, c->n_out, c->n_in, 1, c->host_x, c->n_in,
                    c->host_w, c->n_in, 0, side->host_y, c->n_out);
    }
}

static dnnl_memory_desc_t plain(int32_t rows, int32_t cols, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    const dnnl_dims_t dims = {rows, cols};
    check(dnnl_memory_desc_init_by_tag(&desc, 2, dims, type, tag), "memory");
    return desc;
}

static dnnl_memory_t memory(const Side *side, const dnnl_memory_desc_t *desc, void *data)
{
    dnnl_memory_t memory;
    check(dnnl_memory_create(&memory, desc, side->engine, data), "memory");
    return memory;
}

// Fills oneDNN's weights (in the layout that the primitive asked for) from host floats [n_out, n_in].
static void reorder_weights(Side *side, const dnnl_memory_desc_t *want)
{
    dnnl_memory_desc_t from = plain(side->c->n_in, side->c->n_out, dnnl_f32, dnnl_ba); // stored transposed
    dnnl_memory_t source = memory(side, &from, (void *)side->c->host_w);
    side->weights = memory(side, want, DNNL_MEMORY_ALLOCATE);
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t reorder;
    check(dnnl_reorder_primitive_desc_create(&desc, &from, side->engine, want, side->engine, NULL), "reorder");
    check(dnnl_primitive_create(&reorder, desc), "reorder");
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, side->weights}};
    check(dnnl_primitive_execute(reorder, side->stream, 2, args), "reorder");
    check(dnnl_stream_wait(side->stream), "reorder");
}

static void fill_source(Side *side, bool bf16)
{
    void *data;
    check(dnnl_memory_get_data_handle(side->src, &data), "source");
    for (size_t i = 0; i < (size_t)side->c->rows * (size_t)side->c->n_in; i++) {
        if (bf16)
            ((uint16_t *)data)[i] = bf16_from_f32(side->c->host_x[i]);
        else
            ((float *)data)[i] = side->c->host_x[i];
    }
}

// Creates the product for activations and weights of a type; false: oneDNN has none here.
static bool dnnl_create(Side *side, dnnl_data_type_t type, Report *report)
{
    const Case *c = side->c;
    dnnl_memory_desc_t src = plain(c->rows, c->n_in, type, dnnl_ab), dst = plain(c->rows, c->n_out, dnnl_f32, dnnl_ab);
    dnnl_memory_desc_t any = plain(c->n_in, c->n_out, type, dnnl_format_tag_any);
    dnnl_matmul_desc_t desc;
    check(dnnl_matmul_desc_init(&desc, &src, &any, NULL, &dst), "matmul");
    dnnl_primitive_desc_t primitive;
    dnnl_status_t status = dnnl_primitive_desc_create(&primitive, &desc, NULL, side->engine, NULL);
    if (status == dnnl_unimplemented)
        return false;
    check(status, "matmul");
    check(dnnl_primitive_create(&side->matmul, primitive), "matmul");
    const char *name;
    check(dnnl_primitive_desc_query(primitive, dnnl_query_impl_info_str, 0, &name), "name");
    snprintf(report->kernel, sizeof report->kernel, "%s", name);
    report->dnnl_bf16 = type == dnnl_bf16;
    reorder_weights(side, dnnl_primitive_desc_query_md(primitive, dnnl_query_weights_md, 0));
    side->src = memory(side, &src, DNNL_MEMORY_ALLOCATE);
    side->dst = memory(side, &dst, side->host_y);
    fill_source(side, report->dnnl_bf16);
    return true;
}

static void dnnl_prepare(Side *side, Report *report)
{
    check(dnnl_engine_create(&side->engine, dnnl_cpu, 0), "engine");
    check(dnnl_stream_create(&side->stream, side->engine, dnnl_stream_default_flags), "stream");
    bool wide = side->c->dtype != DTYPE_BF16 || !dnnl_create(side, dnnl_bf16, report);
    if (wide && !dnnl_create(side, dnnl_f32, report))
        check(dnnl_unimplemented, "matmul");
}

static void rlt_prepare(Side *side)
{
    const Case *c = side->c;
    Error error;
    if (!backend_create("cpu", &side->be, &error)) {
        fprintf(stderr, "%s\n", error.message);
        exit(1);
    }
    size_t n_x = (size_t)c->rows * (size_t)c->n_in, n_y = (size_t)c->rows * (size_t)c->n_out;
    side->x = mat(RUN(side->be, alloc, n_x * sizeof(float)), c->rows, c->n_in);
    side->y = mat(RUN(side->be, alloc, n_y * sizeof(float)), c->rows, c->n_out);
    RUN(side->be, upload, side->x.data, c->host_x, n_x * sizeof(float));
    side->w = (Weight){.n_out = c->n_out, .n_in = c->n_in, .dtype = c->dtype};
    side->w.data = RUN(side->be, alloc, RUN(side->be, weight_bytes, c->dtype, c->n_out, c->n_in));
    RUN(side->be, weight_upload, side->w, c->host_w);
}

static double timed(const Side *side, int calls) // seconds a call
{
    double start = now_s();
    for (int i = 0; i < calls; i++)
        call(side);
    return (now_s() - start) / calls;
}

static double warm_and_timed(const Side *side)
{
    double once = timed(side, 1); // makes threads and touches memory
    if (once > SLOW_CALL_S)
        return once;
    double start = now_s();
    int calls = 0;
    do
        call(side);
    while (++calls, now_s() - start < WARM_S);
    double estimate = (now_s() - start) / calls;
    return timed(side, estimate < BLOCK_S ? (int)(BLOCK_S / estimate) + 1 : 1);
}

static void run_side(const Case *c, Library library, Report *report)
{
    Side side = {.c = c, .library = library};
    size_t n_y = (size_t)c->rows * (size_t)c->n_out;
    if (library == RLT)
        rlt_prepare(&side);
    else
        side.host_y = mem_alloc(n_y, sizeof *side.host_y);
    if (library == ONEDNN)
        dnnl_prepare(&side, report);
    else if (library == OPENBLAS)
        openblas_set_num_threads(threads_available());
    report->seconds = warm_and_timed(&side);
    const float *y = library == RLT ? (const float *)side.y.data.address : side.host_y;
    for (size_t i = 0; i < n_y; i += RESULT_STRIDE)
        report->results[i / RESULT_STRIDE] = y[i];
}

static void run_child(const Case *c, Library library, Report *report)
{
    pid_t child = fork();
    if (child == 0) {
        run_side(c, library, report);
        _exit(0); // all that it holds goes with it
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "bench_products: a child process failed\n");
        exit(1);
    }
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
static void check_results(const Case *c, const Report *report, const Report *reference)
{
    float bound = c->dtype == DTYPE_BF16 ? 0.1f : 1e-3f;
    for (size_t i = 0; i * RESULT_STRIDE < (size_t)c->rows * (size_t)c->n_out; i++) {
        if (!(fabsf(report->results[i] - reference->results[i]) <= bound)) {
            fprintf(stderr, "products differ at %zu: %g and %g\n", i * RESULT_STRIDE, (double)report->results[i],
                    (double)reference->results[i]);
            exit(1);
        }
    }
}

static void print_case(const Case *c)
{
    Timing *t = c->timing;
    double ratios[ROUNDS_MAX], flops = 2.0 * c->rows * c->n_out * c->n_in;
    for (int r = 0; r < t->rounds; r++)
        ratios[r] = t->seconds[ONEDNN][r] / t->seconds[RLT][r];
    double us = median(t->seconds[RLT], t->rounds) * 1e6, rate = flops * 1e-3; // flops / us * 1e-3: GFLOP/s
    printf("%-4s %5d <- %4d  rows %4d  rlt %9.1f us %6.1f  oneDNN %6.1f  OpenBLAS ",
           c->dtype == DTYPE_BF16 ? "bf16" : "f32", c->n_out, c->n_in, c->rows, us, rate / us,
           rate / (median(t->seconds[ONEDNN], t->rounds) * 1e6));
    if (c->dtype == DTYPE_F32)
        printf("%6.1f", rate / (median(t->seconds[OPENBLAS], t->rounds) * 1e6));
    else
        printf("     -");
    printf("  rlt/oneDNN %6.2f  (%s%s)\n", median(ratios, t->rounds), t->kernel,
           c->dtype == DTYPE_BF16 && !t->dnnl_bf16 ? ", oneDNN in f32" : "");
    fflush(stdout);
}

// A round of a case.
static void run_case(Case *c)
{
    int n_libraries = c->dtype == DTYPE_BF16 ? OPENBLAS : N_LIBRARIES; // OpenBLAS has no product of BF16 and F32
    size_t bytes = sizeof(Report) + ((size_t)c->rows * (size_t)c->n_out / RESULT_STRIDE + 1) * sizeof(float);
    Timing *t = c->timing;
    Report *reports[N_LIBRARIES];
    for (int library = 0; library < n_libraries; library++) {
        reports[library] = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (reports[library] == MAP_FAILED) {
            perror("mmap");
            exit(1);
        }
        run_child(c, (Library)library, reports[library]);
        check_results(c, reports[library], reports[RLT]);
        t->seconds[library][t->rounds] = reports[library]->seconds;
    }
    memcpy(t->kernel, reports[ONEDNN]->kernel, sizeof t->kernel);
    t->dnnl_bf16 = reports[ONEDNN]->dnnl_bf16;
    t->rounds++;
    for (int library = 0; library < n_libraries; library++)
        munmap(reports[library], bytes);
}

static const int32_t shapes[][2] = {{576, 576}, {192, 576}, {1536, 576}, {576, 1536}, {49152, 576}}; // SmolLM2-135M
static const int32_t row_counts[] = {1, 4, 16, 64, 256, 512, 1024, 4096};

#define N_SHAPES (sizeof shapes / sizeof *shapes)
#define N_ROW_COUNTS (sizeof row_counts / sizeof *row_counts)
#define N_DTYPES_TIMED (DTYPE_BF16 + 1) // F32 and BF16
#define HEAD_OUTPUTS 10000 // more outputs are a vocabulary's: fewer rows and rounds
static const int32_t head_row_counts[] = {1, 16, 64, 512, 4096};

typedef struct Choice {
    const char *rows, *dtype;
    int32_t n_out, n_in;
    int rounds;
} Choice;

static bool chosen_rows(const Choice *choice, int32_t rows, bool head)
{
    bool of_head = false;
    for (size_t r = 0; r < sizeof head_row_counts / sizeof *head_row_counts; r++)
        of_head = of_head || head_row_counts[r] == rows;
    if (!choice->rows)
        return !head || of_head;
    char name[32], list[128];
    snprintf(name, sizeof name, ",%d,", (int)rows);
    snprintf(list, sizeof list, ",%s,", choice->rows);
    return strstr(list, name) != NULL;
}

// A round of all row counts of a shape, or (last) its lines.
static void run_shape(const Choice *choice, Dtype dtype, int32_t n_out, int32_t n_in, Timing *timings, bool last)
{
    bool head = n_out > HEAD_OUTPUTS;
    float *host_w = host_floats((size_t)n_out * (size_t)n_in, 1 / sqrtf((float)n_in));
    float *host_x = host_floats((size_t)row_counts[N_ROW_COUNTS - 1] * (size_t)n_in, 1);
    for (size_t r = 0; r < N_ROW_COUNTS; r++) {
        Case c = {.n_out = n_out, .n_in = n_in, .rows = row_counts[r], .dtype = dtype, .host_x = host_x,
                  .host_w = host_w, .timing = &timings[r]};
        if (!chosen_rows(choice, c.rows, head))
            continue;
        if (last)
            print_case(&c);
        else if (!head || c.timing->rounds < ROUNDS_HEAD)
            run_case(&c);
    }
    mem_free(host_x);
    mem_free(host_w);
}

// Rounds go over all cases, so that a disturbance of some seconds falls into one round of several.
static void run_dtype(const Choice *choice, Dtype dtype)
{
    static Timing timings[N_DTYPES_TIMED][N_SHAPES][N_ROW_COUNTS];
    for (int round = 0; round <= choice->rounds; round++) {
        bool last = round == choice->rounds;
        if (choice->n_out > 0 && choice->n_in > 0)
            run_shape(choice, dtype, choice->n_out, choice->n_in, timings[dtype][0], last);
        for (size_t s = 0; s < N_SHAPES && choice->n_out == 0; s++)
            run_shape(choice, dtype, shapes[s][0], shapes[s][1], timings[dtype][s], last);
    }
}

static void print_versions(void)
{
    const dnnl_version_t *version = dnnl_version();
    printf("%d threads; oneDNN %d.%d.%d; %s, kernels for %s\n", threads_available(), version->major, version->minor,
           version->patch, openblas_get_config(), openblas_get_corename());
    fflush(stdout); // before any fork
}

int main(int argc, char **argv)
{
    Choice choice = {.rounds = 5};
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "rows=", 5) == 0)
            choice.rows = argv[i] + 5;
        else if (strncmp(argv[i], "out=", 4) == 0)
            choice.n_out = atoi(argv[i] + 4);
        else if (strncmp(argv[i], "in=", 3) == 0)
            choice.n_in = atoi(argv[i] + 3);
        else if (strcmp(argv[i], "dtype=f32") == 0 || strcmp(argv[i], "dtype=bf16") == 0)
            choice.dtype = argv[i] + 6;
        else if (strncmp(argv[i], "rounds=", 7) == 0)
            choice.rounds = atoi(argv[i] + 7);
        else
            return fprintf(stderr, "bench_products: unknown argument %s; see bench_products.c\n", argv[i]), 2;
    }
    if (choice.rounds < 1 || choice.rounds > ROUNDS_MAX)
        return fprintf(stderr, "bench_products: rounds: expected 1 to %d\n", ROUNDS_MAX), 2;
    print_versions();
    for (int dtype = DTYPE_F32; dtype <= DTYPE_BF16; dtype++) {
        if (choice.dtype && strcmp(choice.dtype, dtype == DTYPE_F32 ? "f32" : "bf16") != 0)
            continue;
        run_dtype(&choice, (Dtype)dtype);
    }
    return 0;
}
