// Any bytes as a config.json.
#include <stdint.h>

#include "formats/hf_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *json;
    ModelConfig config;
    Error error;
    if (!json_parse((Str){(const char *)data, size}, "config.json", &json, &error)) return 0;
    if (hf_config_parse(json, "config.json", &config, &error)) {
        Buf text;
        buf_init(&text, 0);
        hf_config_write(&config, "float32", &text);
        buf_free(&text);
    }
    json_decref(json);
    return 0;
}
