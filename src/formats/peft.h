// adapter_config.json of PEFT's LoRA folders <-> LoraConfig.
#ifndef RLT_FORMATS_PEFT_H
#define RLT_FORMATS_PEFT_H

#include "base/json.h"
#include "model/lora.h"

#define PEFT_CONFIG "adapter_config.json"
#define PEFT_WEIGHTS "adapter_model.safetensors"

// What a LoRA adapter could ask for and we lack (DoRA, ranks by layer, trained biases, ...) is refused by name.
// base_name: base_model_name_or_path, borrowed from `json`; empty where there is none.
MUST_CHECK bool peft_config_parse(json_t *json, const char *path, LoraConfig *config, Str *base_name, Error *error);
void peft_config_write(const LoraConfig *config, const char *base_name, Buf *out);

#endif
