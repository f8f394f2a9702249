// A transformer: parameters in a backend's memory, and passes over forests.
//
// Contract
// - A Model owns its parameters. Their list (names as in Hugging Face files, shapes, places) is a ParamTable;
//   parameters lie in one arena of the backend: first the weights (projections and embeddings, F32 or BF16), then the
//   vectors (norms and biases, F32). Gradients, optimiser moments and moving averages have the same places in F32
//   arenas of their own (ParamArena).
// - What is said of a model's parameters is true of an adapted model (lora.h) too: they are its adapters.
// - Passes do not allocate once their workspace (Pass) has the size of the largest batch.
// - A token's log-prob has the same bits from model_logprobs, from model_forward/backward's forward and from decoding.
#ifndef RLT_MODEL_MODEL_H
#define RLT_MODEL_MODEL_H

#include "compute/compute.h"
#include "model/config.h"

typedef enum ParamKind { PARAM_WEIGHT, PARAM_VECTOR } ParamKind;

typedef struct Param {
    char name[96];        // e.g. "model.layers.3.self_attn.q_proj.weight"
    ParamKind kind;
    int32_t rows, cols;   // weight: [rows, cols]; vector: [rows], cols 1
    size_t offset_bytes;  // in the F32 arena of floats that holds all parameters, weights first, then vectors
    size_t offset_stored; // in the model's own arena (BF16 weights are smaller)
    float init_std;       // from scratch: a multiple of model_init_random's std; negative: the constant -init_std; 0: 0
} Param;

typedef struct ParamTable {
    Param *params;        // in the order of the network: embedding, layers, final norm, head (if untied)
    int32_t n_params;
    size_t f32_bytes;     // of an arena that holds every parameter in F32 (gradients, moments)
    size_t stored_bytes;  // of the model's own arena
} ParamTable;

typedef struct Model Model;

// Uninitialised (zero) parameters; weights in `dtype` (training needs F32).
MUST_CHECK bool model_create(Backend *backend, const ModelConfig *config, Dtype dtype, Model **model, Error *error);
void model_destroy(Model *model); // gives back one hold on it, the last one frees it; NULL is fine
Model *model_hold(Model *model);  // one more hold; returns it
// From scratch: normal(0, std) by addressed draws for weights (std 0.02; residual projections o_proj and down_proj
// std / sqrt(2 n_layers)), ones for norms, zeros for biases. The same bits on every backend.
void model_init_random(Model *model, uint64_t seed, float std);

const ModelConfig *model_config(const Model *model);
const ParamTable *model_params(const Model *model);
Backend *model_backend(const Model *model);
Dtype model_dtype(const Model *model);
int64_t model_count_parameters(const Model *model);
size_t model_memory(const Model *model); // bytes of its parameters, of those of its base too
// Host F32 row-major <-> one parameter.
void model_set_param(Model *model, int32_t param, const float *values);
void model_get_param(const Model *model, int32_t param, float *values);
// The whole F32 model as an arena of floats, ParamTable.f32_bytes long (F32 models only).
Dev model_arena(Model *model);
// `to` = `from`'s parameters, same config, converting the type.
void model_copy(Model *to, const Model *from);
// average = decay * average + (1 - decay) * from: in F32, then rounded to average's type. `from` is F32, with the same
// parameters. scratch: model_blend_bytes of the backend's memory, none for an F32 average.
void model_blend(Model *average, const Model *from, float decay, Dev scratch);
size_t model_blend_bytes(const Model *average);
// A model's values, widened, in a param arena beside it, and back, rounded to its type.
void model_to_arena(const Model *model, Dev arena);
void model_from_arena(Model *model, Dev arena);

// A F32 arena beside a model: gradients, moments, averages.
Dev param_arena_create(const Model *model);
void param_arena_destroy(const Model *model, Dev arena);
void param_arena_get(const Model *model, Dev arena, int32_t param, float *values); // host, row-major
void param_arena_set(const Model *model, Dev arena, int32_t param, const float *values);

// ---- passes
// The activations and scratch of one forward (and backward). Grows to the largest batch seen, or is sized at once.
typedef struct Pass Pass;
typedef struct PassSettings {
    bool backward;        // keeps what the backward needs
    bool checkpointing;   // keeps layer inputs only and recomputes each layer in the backward
    bool dropout;         // has room for the dropout of adapters
    bool record;          // leaves what a backward would need, layer by layer, for a tape; not with `backward`
} PassSettings;
Pass *pass_create(Model *model, PassSettings settings);
void pass_destroy(Pass *pass);
void pass_reserve(Pass *pass, int32_t n_rows, int32_t n_predictions);
// For callers who compute batch after batch, so that they are made once: the pass's own batch, emptied, and room for the
// log-probs of n predictions. Both stay the pass's, until the next call.
Batch *pass_batch(Pass *pass);
float *pass_logp(Pass *pass, int32_t n);
// Dropout of adapters in the forwards to come and their backwards; rate 0 ends it. A token's draws are at (seed, step,
// its segment's address, its position). Passes of models without adapters have none.
typedef struct PassDropout {
    float rate;
    uint64_t seed;
    uint32_t step;
} PassDropout;
void pass_set_dropout(Pass *pass, PassDropout dropout);

// ---- sizes, from shapes alone: for plans, and for reserving all that a run needs before its first step
// The largest pass that a run will ask for.
typedef struct PassSize {
    int32_t rows, predictions;
    int32_t segments, depth; // depth: segments from a root to a leaf
    int32_t longest;         // tokens of the longest sequence
    int32_t prefix;          // tokens of the longest Prefix that batches go on from; 0: none
    int32_t prefix_rows;     // tokens of all the batches that go on from one, when gradients are taken
    bool train, sample;      // whether gradients are taken, and tokens sampled
} PassSize;
size_t model_bytes(Backend *backend, const ModelConfig *config, Dtype dtype);     // of its parameters
size_t model_arena_bytes(Backend *backend, const ModelConfig *config);            // of a F32 arena beside it
// Of a pass, and of its prefix where size->prefix > 0. lora_rank 0: no adapters.
size_t pass_bytes(const ModelConfig *config, int32_t lora_rank, PassSettings settings, const PassSize *size);
size_t rope_bytes(const ModelConfig *config, int32_t longest);
size_t model_work_bytes(Backend *backend, const ModelConfig *config, const PassSize *size); // the backend's workspaces
// Passes up to `size` allocate nothing from here on, and their memory has been touched.
void model_reserve(Model *model, Pass *pass, const PassSize *size);

// logp[n_predictions] (host, nats) of the batch's predictions at a temperature; entropy may be NULL.
// `pass` may be shared by models of one config on one backend, adapters of at most the rank of the model it was created
// for included.
void model_logprobs(Model *model, Pass *pass, const Batch *batch, float temperature, float *logp, float *entropy);
// kl[n_predictions] (host, nats): for each prediction of `batch` and its fellow of `other_batch` (as many, in the same
// order; their ids do not matter) the divergence of the other's distribution from this one's, over the whole
// vocabulary. Two models of one backend and vocabulary, with a pass each.
void model_kl(Model *model, Pass *pass, const Batch *batch, Model *other, Pass *other_pass, const Batch *other_batch,
              float temperature, float *kl);
// The backward of the last model_logprobs on this pass (settings.backward), once: adds d loss / d parameter to `grads`
// (a param arena), given dlogp[n_predictions] (host). `batch` is the same object, unchanged.
void model_backward(Model *model, Pass *pass, const Batch *batch, float temperature, const float *dlogp, Dev grads);

// ---- a prefix that batches go on from
// Tokens that are computed once, forward and backward, for any number of batches (batch_clear_after): their K and V, their
// last token's part in predictions, and the sums of these' gradients. The log-probs of a batch, and all gradients in sum, are
// those of one batch of everything: to the bit for log-probs; gradients are summed batch by batch and then over the prefix,
// so to the bit as well however the tokens after the prefix are cut into batches.
typedef struct Prefix Prefix;
Prefix *prefix_create(Model *model, PassSettings settings); // settings.backward: for gradients too
void prefix_destroy(Prefix *prefix);                        // NULL is fine
Pass *prefix_pass(Prefix *prefix);                          // of its own tokens
Prefix *pass_prefix(Model *model, Pass *pass); // one that lives as long as the pass, of its settings; made when first asked for
// `batch` is one root, and predicts nothing. Sets the gradients to 0.
void prefix_forward(Model *model, Prefix *prefix, const Batch *batch);
// Once, after the backwards of all batches that went on from it: adds to `grads` what they left here. `batch` as above.
void prefix_backward(Model *model, Prefix *prefix, const Batch *batch, Dev grads);
// As model_logprobs and model_backward, for a batch of batch_clear_after (or of batch_clear, with NULL).
void model_logprobs_after(Model *model, Pass *pass, Prefix *prefix, const Batch *batch, float temperature, float *logp,
                          float *entropy);
void model_backward_after(Model *model, Pass *pass, Prefix *prefix, const Batch *batch, float temperature,
                          const float *dlogp, Dev grads);

// ---- a tape
// Activations of a forward that outlive it, for a backward to come: the decoding of a rollout and the forward of its update
// compute the same numbers for the same tokens, so what was recorded in one need not be computed in the other. A place on a tape
// is a row of every layer's activations. They are those of the weights at the time: who changes the weights clears the tape.
typedef struct Tape Tape;
Tape *tape_create(Model *model, int32_t n_rows);
void tape_destroy(Tape *tape); // NULL is fine
size_t tape_bytes(const ModelConfig *config, int32_t n_rows);
void tape_clear(Tape *tape);
int32_t tape_rows_left(const Tape *tape);
// The next forward of `pass` (settings.record) records its rows[n] (host, the caller's until then) at consecutive places, of
// which the first is returned; -1, and nothing is recorded, where there is no room for all of them or n is 0.
int32_t pass_record(Pass *pass, Tape *tape, const int32_t *rows, int32_t n);
// Forwards of batches that have places for all their tokens (batch_set_places) take their activations from the tape; NULL
// ends it. The same bits as from a forward of the weights that recorded them. Not with checkpointing; dropout computes.
void pass_play(Pass *pass, const Tape *tape);
bool pass_plays(const Pass *pass, const Batch *batch); // whether this one's would be

// ---- decoding
// A K/V cache of n_kv rows for every layer.
typedef struct KvCache KvCache;
KvCache *kv_cache_create(Model *model, int32_t n_rows);
void kv_cache_destroy(KvCache *cache);
int32_t kv_cache_rows(const KvCache *cache);
size_t kv_cache_bytes(const ModelConfig *config, int32_t n_rows);
// Computes the new tokens of `forest` (ids[n_rows], host) over a cache, writing their K and V into it, and samples one
// token after each of rows[n] (logp as model_logprobs gives at settings->temperature). n may be 0 (prefill only).
void model_decode(Model *model, Pass *pass, KvCache *cache, const Forest *forest, const int32_t *ids,
                  const int32_t *rows, int32_t n, const SampleSettings *settings, const float *uniforms,
                  int32_t *out_ids, float *out_logp);
// Logits [n, vocabulary] (host) after rows[n] of a batch, for inspection.
void model_logits(Model *model, Pass *pass, const Batch *batch, const int32_t *rows, int32_t n, float *logits);

#endif
