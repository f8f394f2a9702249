// LoRA (Hu et al. 2021, arXiv 2106.09685): low-rank adapters over a frozen model.
//
// Contract
// - An adapted model is a Model of its own, whose parameters (model_params: gradients, moments, checkpoints) are the
//   adapters alone, in F32; every other number is its base's, which is only read and may be in BF16 or Q8_0. Passes of the base
//   itself go without adapters, so it is the reference model of RL at no cost. Several adapted models may share a base.
// - An adapted projection computes y = (W x + b + residual) + B (s A d(x)): the base's element as `linear` gives it is
//   the residual of a chain over the rank in order from 0. A [rank, n_in], B [n_out, rank], s = lora_scale, d dropout
//   in training passes alone. The rule of exactness holds as for any model (compute.h).
// - Parameters have the names of PEFT's files, in the order layer, target, A then B.
#ifndef RLT_MODEL_LORA_H
#define RLT_MODEL_LORA_H

#include "model/model.h"

#define LORA_RANK_MAX 4096

typedef enum LoraTarget { LORA_Q, LORA_K, LORA_V, LORA_O, LORA_GATE, LORA_UP, LORA_DOWN, N_LORA_TARGETS } LoraTarget;

typedef struct LoraConfig {
    int32_t rank;
    float alpha;
    bool rslora;      // s = alpha / sqrt(rank) (Kalajdzievski 2023, arXiv 2312.03732) in place of alpha / rank
    float dropout;    // share of a projection's inputs that its adapter does not see in training
    unsigned targets; // bit LoraTarget: this projection of every layer
} LoraConfig;

const char *lora_target_name(LoraTarget target); // "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", ...
// Names separated by commas or spaces, or "all-linear" (all seven); `source` names the option or file in messages.
MUST_CHECK bool lora_targets_parse(const char *names, const char *source, unsigned *targets, Error *error);
MUST_CHECK bool lora_config_check(const LoraConfig *config, const char *source, Error *error);
float lora_scale(const LoraConfig *config);

// An adapted model over `base` (plain, not itself adapted), its adapters 0. It holds the base until it is destroyed.
// base_name: what its files call the base; copied.
MUST_CHECK bool model_adapt(Model *base, const LoraConfig *config, const char *base_name, Model **adapted,
                            Error *error);
// PEFT's start: A uniform in +-1 / sqrt(n_in) by addressed draws, B 0, so that the first pass is the base's.
void lora_init(Model *adapted, uint64_t seed);
// W += s B A in the base (F32) and B = 0: the adapted model, and now its base too, computes what it did up to rounding.
void lora_merge(Model *adapted);

// Bytes of the adapters' parameters over a model of this shape.
size_t lora_bytes(Backend *backend, const ModelConfig *base, const LoraConfig *config);

// Of a plain model: NULL.
const LoraConfig *model_lora(const Model *model);
Model *model_base(const Model *model);
const char *model_base_name(const Model *model);

#endif
