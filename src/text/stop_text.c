#include "text/stop_text.h"

StopText stop_text(const Tokenizer *tokenizer, const char *text) {
    StopText stop = {.tokenizer = tokenizer};
    buf_init(&stop.tail, 0);
    if (*text != 0) stop.texts[stop.n++] = str_of(text);
    return stop;
}

void stop_text_free(StopText *stop) { buf_free(&stop->tail); }

// The text of the last token and of what comes before it, `bytes` - 1 of these where there are so many: a text that the last
// token completes lies within. A token is mostly a byte or more, but ids beyond the vocabulary (of a model whose head is
// wider) are none.
static void last_text(StopText *stop, const int32_t *ids, int32_t n, size_t bytes) {
    buf_clear(&stop->tail);
    tokenizer_decode(stop->tokenizer, ids + n - 1, 1, false, &stop->tail);
    size_t last = stop->tail.len;
    for (int32_t from = n - 1; from > 0 && stop->tail.len - last < bytes - 1;) {
        size_t missing = bytes - 1 - (stop->tail.len - last);
        from = missing < (size_t)from ? from - (int32_t)missing : 0;
        buf_clear(&stop->tail);
        tokenizer_decode(stop->tokenizer, ids + from, n - from, false, &stop->tail);
    }
}

bool stop_text_reached(void *context, const int32_t *ids, int32_t n) {
    StopText *stop = context;
    for (int i = 0; i < stop->n; i++) {
        last_text(stop, ids, n, stop->texts[i].len);
        if (str_find(buf_str(&stop->tail), stop->texts[i], 0) >= 0) return true;
    }
    return false;
}
