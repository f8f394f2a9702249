// Backends: memory and the operations on it.
//
// Contract
// - Memory belongs to the backend. A `Dev` is an address in the backend's memory: only src/compute/<backend>/ dereferences
//   it; everybody else allocates, offsets, uploads and downloads.
// - Activations are F32 matrices, row-major and dense (Mat). Vectors (norm weights, biases) are F32 [n].
// - Weights of projections and embeddings (Weight, logically [n_out, n_in] row-major as in a Hugging Face file) are kept in
//   the backend's own layout, in F32, BF16 or Q8_0; gradients and optimiser state of a weight are in the same layout in F32.
//   Layouts may pad with zeros; every operation keeps padding zero. Element-wise operations (adamw, ema, sum of squares)
//   therefore run over whole arenas of floats and know no shapes.
// - Exactness. Every output row of a forward operation is a function of that row's inputs (and, in attention, of the
//   tokens before it in its own sequence) to the bit: it does not depend on the other rows, on the number of rows, on the
//   number of threads, or on where a sequence is cut into segments. Backward sums run in an order that depends on shapes
//   only. BF16 and Q8_0 weights are widened exactly to F32, products and sums are F32 (or wider, `ref`).
// - The cpu backend gives the same bits on every instruction set (portable, AVX2, AVX-512).
// - Shapes are asserted. Operations cannot fail; allocation failure goes to mem.h's handler.
// - Threads: a backend is used from one thread at a time and has its own pool (base/threads.h) of as many threads as
//   threads_available says when it is created (OMP_NUM_THREADS, or the processors).
#ifndef RLT_COMPUTE_COMPUTE_H
#define RLT_COMPUTE_COMPUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "compute/forest.h"

typedef enum Dtype {
    DTYPE_F32 = 0,
    DTYPE_BF16 = 1,
    DTYPE_Q8_0 = 2, // 8 bits with a scale for 32 inputs of an output (q8.h): frozen weights
} Dtype;

// An address in a backend's memory; 0 is none. Offsets in bytes.
typedef struct Dev { uintptr_t address; } Dev;
#define DEV_NONE ((Dev){0})
static inline bool dev_is_none(Dev dev) { return dev.address == 0; }
static inline Dev dev_offset(Dev dev, size_t bytes) { return (Dev){dev.address + bytes}; }

// F32 [rows, cols], row-major, dense.
typedef struct Mat {
    Dev data;
    int32_t rows, cols;
} Mat;
static inline Mat mat(Dev data, int32_t rows, int32_t cols) { return (Mat){data, rows, cols}; }
// The same floats seen as [rows * cols / new_cols, new_cols].
Mat mat_reshape(Mat m, int32_t new_cols);

// Keys and values of a cache, F32 [rows, cols] each, cols = G*D, in the backend's own layout: the one in which decoding
// reads them, a query at a time. Rows that hold no token may be read, but do not count.
typedef struct CachedKv {
    Dev k, v; // cached_side_bytes each
    int32_t rows, cols, head_dim;
} CachedKv;
#define CACHED_ROWS 32 // a layout has room for a multiple of so many rows
static inline size_t cached_side_bytes(int32_t rows, int32_t cols)
{
    return ((size_t)rows + CACHED_ROWS - 1) / CACHED_ROWS * CACHED_ROWS * (size_t)cols * sizeof(float);
}

// F32 [n].
typedef struct Vec {
    Dev data;
    int32_t n;
} Vec;
static inline Vec vec(Dev data, int32_t n) { return (Vec){data, n}; }
#define VEC_NONE ((Vec){{0}, 0})

// [n_out, n_in] in the backend's layout. An embedding is [vocabulary, hidden].
typedef struct Weight {
    Dev data;
    int32_t n_out, n_in;
    Dtype dtype;
} Weight;

typedef struct AdamwSettings { // AdamW as in Loshchilov & Hutter 2019, PyTorch's form: decay first, eps outside the root
    float lr, beta1, beta2, eps, weight_decay;
    float grad_scale;            // every gradient is multiplied by it first (clipping)
    int64_t step;                // from 1, for bias correction
} AdamwSettings;

// The filters apply in the order top_k, top_p, min_p, each to what the one before left, as in Hugging Face and vLLM: the
// mass of top_p is a share of the tokens that top_k kept. Equal probabilities rank by id, lower first.
typedef struct SampleSettings {
    float temperature; // 0: greedy (arg max, lowest id among equals); the log-probs are then taken at temperature 1
    int32_t top_k;     // 0: off. Ties at the k-th logit: lower ids are kept
    float top_p;       // 1: off. Smallest set of most probable tokens whose mass reaches top_p
    float min_p;       // 0: off. Tokens with probability >= min_p * the largest
} SampleSettings;

// RoPE: rotates pairs (i, i + head_dim/2) of every head, as Hugging Face's Llama and Qwen do.
typedef struct RopeTable { // cos and sin, F32 [n_positions, head_dim / 2] each, already multiplied by YaRN's attention scale
    Dev cos, sin;
    int32_t n_positions, half_dim;
} RopeTable;

// The largest that the operations of a pass are asked for, for reserving workspaces and for plans.
typedef struct WorkShape {
    int32_t hidden, q_cols, kv_cols, head_dim, ffn, vocabulary; // C, H*D, G*D, D, F, V
    int32_t rows, predictions;  // T, P
    int32_t segments, depth;    // of a forest, and of its longest path in segments
    int32_t longest;            // tokens of its longest path
    size_t parameters;          // floats of an arena that the optimiser goes over; 0: frozen
    bool backward, sample;      // whether the backward operations, and head_sample, are among them
} WorkShape;

// Inverted dropout. Element k of row t is kept where draw k % 4 of philox4x32_10(counter {k / 4, stream, 0, 0}, key
// row_keys[t]), as a number in [0, 1) of 24 bits, is at least `rate`: a function of the row's key and of nothing else.
typedef struct DropoutMask {
    float rate;               // in [0, 1); 0 keeps everything, draws nothing and reads no keys
    float factor;             // multiplies what is kept
    uint32_t stream;          // one of the masks that a row has
    const uint64_t *row_keys; // host [T]
} DropoutMask;

typedef struct Backend Backend;

// The operations: see ops.def for each one's contract. First argument is always the backend.
typedef struct BackendOps {
    const char *name;
    void (*destroy)(Backend *be);               // frees the state and the Backend itself; called by backend_destroy only
    const char *(*describe)(const Backend *be); // see backend_describe
#define OP(result, op, arguments, contract) result(*op) arguments;
#include "compute/ops.def"
#undef OP
} BackendOps;

struct Backend {
    const BackendOps *ops;
    void *state; // the backend's own
};

// Creates a backend by name: "ref" or "cpu" ("cpu" picks the best instruction set; "cpu:portable", "cpu:avx2",
// "cpu:avx512" force one and fail where the processor lacks it). Other names fail with the list of what there is.
MUST_CHECK bool backend_create(const char *name, Backend **backend, Error *error);
void backend_destroy(Backend *backend); // NULL is fine; everything allocated from it must have been freed
// "cpu (avx512, 2 threads)", for manifests; valid as long as the backend.
const char *backend_describe(const Backend *backend);

// Calls an operation: RUN(be, linear, out, x, w, bias, residual).
#define RUN(be, op, ...) ((be)->ops->op((be), __VA_ARGS__))

#endif
