#include "text/stop_text.h"

StopText stop_text(const Tokenizer *tokenizer, const char *text) {
    StopText stop = {.tokenizer = tokenizer};
    buf_init(&stop.tail, 0);
    if (*text != 0) stop.texts[stop.n++] = str_of(text);
    return stop;
}

void stop_text_free(StopText *stop) { buf_free(&stop->tail); }

bool stop_text_reached(void *context, const int32_t *ids, int32_t n) {
    StopText *stop = context;
    for (int i = 0; i < stop->n; i++) {
        // a token is at least a byte: a text that the last one completes lies within as many tokens as it has bytes
        int32_t back = stop->texts[i].len < (size_t)n ? (int32_t)stop->texts[i].len : n;
        buf_clear(&stop->tail);
        tokenizer_decode(stop->tokenizer, ids + n - back, back, false, &stop->tail);
        if (str_find(buf_str(&stop->tail), stop->texts[i], 0) >= 0) return true;
    }
    return false;
}
