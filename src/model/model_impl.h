// Inside src/model/ only: what its files share.
//
// - params.c lists the parameters in one order and reads them back in the same order as views: LayerParams of one
//   layer and
//   TopParams of the rest. A view of the parameters and a view of the gradients are the same struct over another arena.
// - lora.c does the same for adapters, which are the parameters of an adapted model.
// - projection.c computes one projection, adapted or not; layer.c one decoder layer over the matrices that pass.c carves out of a Pass's arena.
#ifndef RLT_MODEL_MODEL_IMPL_H
#define RLT_MODEL_MODEL_IMPL_H

#include "model/lora.h"

#define MAT_NONE ((Mat){{0}, 0, 0})

struct Model {
    Backend *backend;
    ModelConfig config;
    Dtype dtype;      // of its own weights; vectors are F32
    ParamTable table;
    Dev arena;        // table.stored_bytes: weights, then vectors
    RopeTable rope;   // grows with the longest sequence seen
    int32_t holders;  // of this struct: destroyed with the last
    // Of an adapted model, whose table and arena are the adapters':
    struct Model *base;
    LoraConfig lora;
    char *base_name;
};

// ---- params.c
void param_table_build(ParamTable *table, Backend *backend, const ModelConfig *config, Dtype dtype);
// Gives every parameter of a list its places.
void param_table_place(ParamTable *table, Backend *backend, Dtype dtype);
void param_table_free(ParamTable *table);
Weight param_weight(const Param *param, Dev arena, Dtype dtype, bool stored);
Vec param_vector(const Param *param, Dev arena, bool stored);

// One projection, and the adapter over it. Among the gradients of an adapted model, w and bias are none.
typedef struct Projection {
    Weight w;
    Vec bias;        // VEC_NONE: none
    Weight a, b;     // [rank, n_in], [n_out, rank]; data none: not adapted
    float scale;     // s of lora.h
    uint32_t stream; // of its dropout: tells the projections of a model apart
} Projection;

// Absent biases and norms are VEC_NONE.
typedef struct LayerParams {
    Vec norm1;                      // [C] before attention
    Projection q, k, v;             // [H*D, C], [G*D, C], [G*D, C]
    Vec q_norm, k_norm;             // [D]
    Projection o;                   // [C, H*D]
    Vec norm2;                      // [C] before the feed-forward
    Projection gate, up, down;      // [F, C], [F, C], [C, F]
} LayerParams;

typedef struct TopParams {
    Weight embed; // [V, C]
    Vec norm;     // [C]
    Weight head;  // [V, C]; tied: the same place as embed, so that both gradients add up there
} TopParams;

// Views of the parameters that a model computes with (an adapted model: its base's and its own), and of a F32 arena
// beside the model's own (an adapted model: everything but the adapters is none).
LayerParams model_layer(const Model *model, int32_t layer);
TopParams model_top(const Model *model);
LayerParams arena_layer(const Model *model, Dev arena, int32_t layer);
TopParams arena_top(const Model *model, Dev arena);

// ---- lora.c
// Puts the adapters of `arena` into the view of a layer.
void lora_view(const Model *model, Dev arena, int32_t layer, LayerParams *view);

// ---- rope.c
void rope_table_reserve(Model *model, int32_t n_positions); // the same values whatever the size
void rope_table_release(Model *model);

// ---- pass.c
// What the forward of one layer writes; its backward reads it (and overwrites gate, up, q and k with gradients).
// T rows of the pass. In a pass without backward the layers share one set, and x == mid, q_pre == q and k_pre == k unless it records.
typedef struct LayerActs {
    Mat x;              // [T, C] residual stream into the layer
    Mat q_pre, k_pre;   // [T, H*D], [T, G*D] before QK norm; without QK norm the same as q and k
    Vec q_rstd, k_rstd; // [T*H], [T*G] of QK norm
    Mat q, k, v;        // [T, H*D], [T, G*D], [T, G*D] as attention reads them
    Mat k_all, v_all;   // [R, G*D] the prefix's, then k and v
    Mat att, lse;       // [T, H*D], [T, H]
    Mat mid;            // [T, C] residual stream after attention
    Mat gate, up;       // [T, F]
} LayerActs;

// Short-lived matrices of a layer.
typedef struct LayerScratch {
    Mat h;          // [T, C] normed input, later its gradient's factor
    Vec rstd;       // [T]
    Mat act;        // [T, F] output of SwiGLU, in the backward then its gradient
    Mat dh;         // [T, C]
    Mat dq, dk, dv; // [T, H*D], [T, G*D], [T, G*D]
    Mat dk_all, dv_all; // [R, G*D] the prefix's, then dk and dv
    Mat datt;       // [T, H*D]
    // Of adapted models:
    Mat low, dlow;  // [T, rank] between A and B, and its gradient
    Mat dropped;    // [T, widest input of a projection] what an adapter sees under dropout
} LayerScratch;

// What the next forward records: rows[n_rows] (host) at place and on; tape NULL: nothing.
typedef struct Recording {
    Tape *tape;
    const int32_t *rows;
    int32_t n_rows, place;
} Recording;

struct Pass {
    Backend *backend;
    ModelConfig config;
    PassSettings settings;
    int32_t rank;         // of the adapters that there is room for
    PassDropout dropout;  // of the next forward and its backward
    uint64_t *row_keys;   // host [cap_row_keys], when dropout.rate > 0
    int32_t cap_row_keys;
    Dev arena;
    size_t arena_bytes;
    int32_t *positions;   // host [cap_positions]
    int32_t cap_positions;
    Batch batch;          // pass_batch
    float *logp;          // host [cap_logp], pass_logp
    int32_t cap_logp;
    // The last batch's sizes, and the arena carved for it.
    int32_t n_rows, n_predictions;
    LayerActs *acts;      // [n_layers]
    Mat x_final;          // [T, C] residual stream after the last layer
    Vec rstd_final;       // [T]
    LayerScratch scratch;
    Mat dx;               // [T, C] gradient of the residual stream
    Mat normed, dnormed;  // scratch.h and scratch.dh, and behind them a row for the prefix's last token, if there is one
    Mat head_x, head_dx;  // [P, C] gathered rows, and their gradient
    Vec head_lse;         // [P]
    // The forward that a backward may follow (bug checks): its batch's place, or NULL.
    const Batch *forward_of;
    Prefix *prefix;       // that the batch goes on from, or NULL
    Prefix *keeper;       // of whose tokens this is the pass, or NULL
    Prefix *own_prefix;   // pass_prefix's
    int32_t n_prefix;     // R - T
    Recording recorded;
    const Tape *tape;     // that forwards may read, or NULL
    const int32_t *places; // host [T] on it, of the forward under way; NULL: it computes
    int32_t *pred_rows;   // host [cap_pred_rows] with a prefix: rows of `normed`
    int32_t cap_pred_rows;
};

// Makes room, carves the arena for T rows and P predictions, and writes the rows' positions.
void pass_begin(Pass *pass, Model *model, const Forest *forest, int32_t n_predictions);
// What the next forward takes of a batch beside its tokens: the rows' keys, when there is dropout, and places, when it plays.
void pass_take_batch(Pass *pass, const Batch *batch);

// ---- decode.c
struct KvCache {
    Backend *backend;
    Dev memory;
    int32_t n_rows, width, head_dim, n_layers; // width = G*D
    size_t side_bytes;               // of K (or V) of one layer: layer 0 K, layer 0 V, layer 1 K, ...
};
// A layer as decoding keeps it, or as two matrices [n_rows, G*D]: a cache is used in one way or the other.
CachedKv kv_cache_layer(const KvCache *cache, int32_t layer);
Mat kv_cache_k(const KvCache *cache, int32_t layer);
Mat kv_cache_v(const KvCache *cache, int32_t layer);

// ---- tape.c
// Between a tape and the pass's rows: x[T, C], the residual stream into `layer` (n_layers: the final one), and all else that a
// layer's backward reads. Recording does nothing where the pass does not record.
void tape_record_stream(const Pass *pass, int32_t layer, Mat x);
void tape_record_layer(const Pass *pass, int32_t layer);
void tape_play_stream(const Pass *pass, int32_t layer, Mat x);
void tape_play_layer(const Pass *pass, int32_t layer);

// ---- prefix.c
struct Prefix {
    Backend *backend;
    Pass *pass;          // of its tokens
    int32_t n_tokens;
    KvCache *kv, *dkv;   // the first n_tokens rows; dkv NULL without backward
    Mat normed, dnormed; // [1, C] the last token after the final norm, and its gradient
    // Gradients of the embedding's rows that occur, summed over all batches before they meet those of a tied head: else
    // the order of that sum would depend on how the tokens are cut into batches.
    int32_t *place_of_id; // [V] 1 + row of dembed, or 0
    int32_t *place_ids;   // [cap_places]
    int32_t n_places, cap_places;
    Mat dembed;           // [cap_places, C]
    int32_t *places;      // [cap_rows] of a batch's rows
    int32_t cap_rows;
};
// Bytes of the arena of a pass over n_rows tokens that go on from n_prefix.
size_t pass_arena_bytes(const ModelConfig *config, int32_t lora_rank, PassSettings settings, int32_t n_prefix,
                        int32_t n_rows, int32_t n_predictions);
// What a prefix takes beside its own pass, and making room for it.
size_t prefix_bytes(const ModelConfig *config, PassSettings settings, const PassSize *size);
void prefix_reserve(Model *model, Prefix *prefix, const PassSize *size);
// Rows of the prefix in a layer's k_all, v_all: read before the layer's forward; written after it by the prefix's own pass.
void prefix_load_kv(const Pass *pass, int32_t layer);
void prefix_keep_kv(const Pass *pass, int32_t layer);
// scratch.dk_all, dv_all before a layer's backward: what is there already for the prefix's rows, 0 for the others; and
// back to the prefix after it.
void prefix_begin_kv_gradients(const Pass *pass, int32_t layer);
void prefix_end_kv_gradients(const Pass *pass, int32_t layer);
// As embed_backward of dx[T, C], but kept in the prefix, until prefix_flush_embedding adds it to dw.
void prefix_add_embedding(Prefix *prefix, Mat dx, const int32_t *ids);
void prefix_flush_embedding(Prefix *prefix, Weight dw);

// ---- layer.c, projection.c
typedef struct LayerRun { // what every layer of a pass has in common
    Backend *backend;
    const ModelConfig *config;
    RopeTable rope;
    const Forest *forest;
    const int32_t *positions; // host [T]
    LayerScratch scratch;
    DropoutMask dropout;      // rate 0: none; each projection adds its stream
} LayerRun;

// out[T, n_out] = W x + b + residual (or MAT_NONE; may be out) + s B A d(x)
void projection_forward(const LayerRun *run, const Projection *p, Mat out, Mat x, Mat residual);
// dx[T, n_in] = (or +=) the gradient of x given that of out; dx may be x. Adds to `grads` where they are not none.
void projection_backward(const LayerRun *run, const Projection *p, const Projection *grads, Mat dout, Mat x, Mat dx,
                         bool accumulate);

// x_out[T, C] from acts->x, leaving `acts` for the backward; x_out MAT_NONE computes only what the backward needs. cached:
// K and V of all KV rows (this pass's rows are written into it first), or NULL for acts' own.
void layer_forward(const LayerRun *run, const LayerParams *params, const LayerActs *acts, const CachedKv *cached,
                   Mat x_out);
// dx[T, C]: in, the gradient of the layer's output; out, of its input. Adds to `grads`, and to what is in dk_all and dv_all.
void layer_backward(const LayerRun *run, const LayerParams *params, const LayerParams *grads, const LayerActs *acts,
                    Mat dx);

// ---- forward.c
LayerRun pass_layer_run(const Pass *pass, const Model *model, const Forest *forest);
// Embedding, all layers and the final norm, then `rows`[P] of it gathered into pass->head_x. cache may be NULL. Goes on from
// pass->prefix.
void pass_forward(Pass *pass, Model *model, KvCache *cache, const Forest *forest, const int32_t *ids,
                  const int32_t *rows, int32_t n_rows);

#endif
