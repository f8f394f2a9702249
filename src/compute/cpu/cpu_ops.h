// Shared by the files of the cpu backend: its operations (cpu_<op>, contracts in ops.def), its state, its memory.
#ifndef RLT_COMPUTE_CPU_CPU_OPS_H
#define RLT_COMPUTE_CPU_CPU_OPS_H

#include <assert.h>
#include "base/threads.h"
#include "compute/compute.h"
#include "compute/cpu/kernels.h"

// Every operation is given the backend; some need nothing of it. In a release build asserted shapes are otherwise
// unused.
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define OP(result, op, arguments, contract) result cpu_##op arguments;
#include "compute/ops.def"
#undef OP

// Workspaces: one block of memory each, grown when an operation needs more and kept until the backend is destroyed. An
// operation that calls another one must not use a workspace of the other across the call.
typedef enum CpuWork {
    WORK_LEFT,    // packed left-hand sides
    WORK_RIGHT,   // packed right-hand sides of weight gradients
    WORK_THREADS, // what each thread needs for itself
    WORK_HEAD,    // head: sums of vocabulary blocks, logits
    WORK_PATHS,   // attention: paths of segments
    N_WORK
} CpuWork;

typedef struct CpuState {
    const CpuKernels *kernels;
    Threads *threads;
    int max_threads; // of a job
    char describe[64];
    void *work[N_WORK];
    size_t work_bytes[N_WORK];
    int64_t n_live; // allocations not yet released
} CpuState;

static inline CpuState *cpu_state(Backend *be) { return be->state; }
static inline const CpuKernels *cpu_kernels(Backend *be) { return cpu_state(be)->kernels; }

// A workspace of at least `bytes` (and CPU_SLACK_BYTES more), aligned to 64. What it held before may be gone.
void *cpu_work(Backend *be, CpuWork which, size_t bytes);
void cpu_work_grow(Backend *be, CpuWork which, size_t bytes); // to `bytes` exactly, where it is smaller
// What operations need of each workspace, at the largest: each file says so for its own operations, beside the sizes
// that they ask cpu_work for.
typedef struct WorkNeeds { size_t bytes[N_WORK]; } WorkNeeds;
static inline void work_need(WorkNeeds *needs, CpuWork which, size_t bytes)
{
    needs->bytes[which] = needs->bytes[which] > bytes ? needs->bytes[which] : bytes;
}
void product_needs(WorkNeeds *needs, int threads, int32_t rows, int32_t n_out, int32_t n_in, bool backward);
void param_needs(WorkNeeds *needs, size_t n);
void head_needs(WorkNeeds *needs, int threads, const WorkShape *shape);
void head_backward_needs(WorkNeeds *needs, int threads, const WorkShape *shape);
void sample_needs(WorkNeeds *needs, int threads, const WorkShape *shape);
void attention_needs(WorkNeeds *needs, int threads, const WorkShape *shape);
void attention_backward_needs(WorkNeeds *needs, int threads, const WorkShape *shape);

// Threads that work of about `work` multiply-adds (or as slow things) is worth: 1 or all.
int cpu_threads_for(Backend *be, double work);
// threads_run with the backend's pool.
void cpu_run(Backend *be, int threads, int32_t n_tasks, ThreadsTask *task, void *context);
// Cuts 0 .. n - 1 (rows, mostly) into parts and calls part(args, from, to) for each, in threads where `work` is worth
// it.
typedef void CpuPart(const void *args, int32_t from, int32_t to);
void cpu_run_parts(Backend *be, double work, int32_t n, CpuPart *part, const void *args);

static inline float *cpu_floats(Dev dev) { return (float *)dev.address; }
// Row t of a matrix.
static inline float *cpu_row(Mat m, int32_t t) { return cpu_floats(m.data) + (size_t)t * (size_t)m.cols; }
static inline const float *cpu_vec_or_null(Vec v) { return dev_is_none(v.data) ? NULL : cpu_floats(v.data); }

static inline int32_t div_up(int32_t a, int32_t b) { return a / b + (a % b != 0); }
static inline int32_t min_i32(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t max_i32(int32_t a, int32_t b) { return a > b ? a : b; }
static inline size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }
// Where part i of n things cut into `parts` nearly equal parts begins.
static inline int32_t part_start(int32_t n, int32_t parts, int32_t i) { return (int32_t)((int64_t)n * i / parts); }

// Panels of a weight, and elements (float or BF16) from one to the next. A Q8_0 weight has blocks instead.
static inline int32_t weight_panels(Weight w) { return div_up(w.n_out, PANEL); }
static inline int32_t q8_blocks(Weight w) { return div_up(w.n_in, Q8_BLOCK); }
static inline Q8Panel *q8_panel(Weight w, int32_t panel)
{
    return (Q8Panel *)w.data.address + (size_t)panel * (size_t)q8_blocks(w);
}
static inline size_t weight_panel_elements(Weight w)
{
    return (w.dtype == DTYPE_BF16 ? round_up((size_t)w.n_in, 2) : (size_t)w.n_in) * PANEL;
}
static inline const void *weight_panel(Weight w, int32_t panel, int32_t k) // k even
{
    size_t element = (size_t)panel * weight_panel_elements(w) + (size_t)k * PANEL;
    return (const char *)w.data.address + element * (w.dtype == DTYPE_BF16 ? 2 : 4);
}
// Natural logarithm of x > 0, correctly rounded nearly always, with bits that do not depend on the C library.
float cpu_log(float x);
// One element, widened.
float weight_element(Weight w, int32_t out, int32_t in);

#endif
