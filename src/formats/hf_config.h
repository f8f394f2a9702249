// config.json of a Hugging Face folder <-> ModelConfig.
#ifndef RLT_FORMATS_HF_CONFIG_H
#define RLT_FORMATS_HF_CONFIG_H

#include "base/json.h"
#include "model/config.h"

// Llama, Qwen2 and Qwen3; RoPE as in Transformers 4 (rope_theta, rope_scaling) or 5 (rope_parameters). What the family could
// ask for and we lack (another activation, a sliding window in use) is refused by name.
MUST_CHECK bool hf_config_parse(json_t *json, const char *path, ModelConfig *config, Error *error);
// In a form that Transformers 4 and 5 read. `dtype`: "float32" or "bfloat16".
void hf_config_write(const ModelConfig *config, const char *dtype, Buf *out);

#endif
