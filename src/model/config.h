// What a model is: the sizes and switches of the Llama, Qwen2/2.5 and Qwen3 families.
#ifndef RLT_MODEL_CONFIG_H
#define RLT_MODEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/error.h"

typedef enum ModelFamily { MODEL_LLAMA, MODEL_QWEN2, MODEL_QWEN3, N_MODEL_FAMILIES } ModelFamily;

typedef enum RopeKind { ROPE_DEFAULT, ROPE_LINEAR, ROPE_LLAMA3, ROPE_YARN } RopeKind;

typedef struct RopeConfig {
    RopeKind kind;
    double theta;
    double factor;                                  // linear, llama3, yarn
    double low_freq_factor, high_freq_factor;       // llama3
    double original_max_positions;                  // llama3, yarn
    double beta_fast, beta_slow, attention_factor;  // yarn; attention_factor 0: 0.1 ln(factor) + 1
} RopeConfig;

typedef struct ModelConfig {
    ModelFamily family;
    int32_t vocabulary, hidden, n_layers, n_heads, n_kv_heads, head_dim, ffn;
    int32_t max_positions;
    float norm_eps;
    bool tied;          // the head is the embedding
    bool qkv_bias;      // Qwen2
    bool o_bias, mlp_bias; // Llama's attention_bias covers q, k, v and o
    bool qk_norm;       // Qwen3: RMSNorm over every query and key head
    RopeConfig rope;
    int32_t bos_id, eos_id, pad_id; // -1: none
} ModelConfig;

// Sizes are positive and within limits (each at most 2^24, layers at most 512), heads divide, head_dim is even, and so
// on; `source` names the file in messages.
MUST_CHECK bool model_config_check(const ModelConfig *config, const char *source, Error *error);
const char *model_family_name(ModelFamily family); // "llama", "qwen2", "qwen3"
bool model_family_by_name(Str name, ModelFamily *family);

// inverse frequencies [head_dim / 2] of RoPE after scaling (formulas of the kinds as in Hugging Face's
// modeling_rope_utils), and YaRN's factor on cos and sin (1 for the others).
void rope_frequencies(const RopeConfig *rope, int32_t head_dim, double *inv_freq, double *scale);

#endif
