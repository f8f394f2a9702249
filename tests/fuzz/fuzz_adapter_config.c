// Any bytes as an adapter_config.json: an error is one line, and what is understood reads back the same.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "formats/peft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const LoraConfig *config, Str base_name) {
    char *name = malloc(base_name.len + 1);
    if (name == NULL) abort();
    memcpy(name, base_name.ptr, base_name.len);
    name[base_name.len] = 0;
    Buf text;
    buf_init(&text, 0);
    peft_config_write(config, name, &text);
    json_t *json;
    LoraConfig back;
    Str back_name;
    Error error;
    if (!json_parse(buf_str(&text), "written", &json, &error)) abort();
    if (!peft_config_parse(json, "written", &back, &back_name, &error)) abort();
    if (back.rank != config->rank || back.alpha != config->alpha || back.dropout != config->dropout ||
        back.rslora != config->rslora || back.targets != config->targets || !str_equal(back_name, base_name))
        abort();
    json_decref(json);
    buf_free(&text);
    free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *json;
    LoraConfig config;
    Str base_name;
    Error error;
    if (!json_parse((Str){(const char *)data, size}, "adapter_config.json", &json, &error)) return 0;
    if (peft_config_parse(json, "adapter_config.json", &config, &base_name, &error)) {
        check_written(&config, base_name);
    } else if (error.message[0] == 0 || strchr(error.message, '\n') != NULL) {
        abort();
    }
    json_decref(json);
    return 0;
}
