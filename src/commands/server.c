#include "commands/server.h"

#include "base/philox.h"

bool server_or_model(const Options *options, bool *server, Error *error) {
    bool has_model = options_text(options, "model")[0] != '\0';
    *server = options_text(options, "server")[0] != '\0';
    if (has_model == *server)
        return error_set(error, "expected one of model and server, found %s", has_model ? "both" : "neither");
    if (*server && options_text(options, "server_model")[0] == '\0') {
        return error_set(error, "key server_model: expected the model's name on the server");
    }
    return true;
}

RemoteSettings server_settings(const Options *options) {
    RemoteSettings settings = remote_settings_default();
    settings.url = options_text(options, "server");
    settings.model = options_text(options, "server_model");
    settings.key_env = options_text(options, "key_env");
    settings.max_in_flight = (int32_t)options_int(options, "in_flight");
    settings.requests_per_s = options_real(options, "requests_per_second");
    settings.max_tries = (int32_t)options_int(options, "request_tries");
    settings.request_s = options_real(options, "request_seconds");
    return settings;
}

int64_t server_seed(uint64_t seed, size_t row, int32_t sample, int32_t attempt) {
    RngAddress address = {.seed = seed, .purpose = RNG_SAMPLE, .question = (uint32_t)row, .sample = (uint32_t)sample,
                          .step = (uint32_t)attempt};
    return (int64_t)rng_below(&address, (uint64_t)1 << 31);
}

void server_completion(const OpenaiAnswer *answer, const DialogueFormat *format, Buf *text) {
    if (answer->reasoning.len > 0) {
        buf_printf(text, "%s%s", format->thought_open, format->padding);
        buf_add_str(text, buf_str(&answer->reasoning));
        buf_printf(text, "%s%s%s", format->padding, format->thought_close, format->padding);
    }
    buf_add_str(text, buf_str(&answer->text));
}
