#include "commands/token_values.h"

static void write_tokens(JsonWriter *w, const char *key, const Tokenizer *tokenizer, const int32_t *ids, int32_t n) {
    Buf bytes, text;
    buf_init(&bytes, 0), buf_init(&text, 0);
    jw_key(w, key);
    jw_array_begin(w);
    for (int32_t i = 0; i < n; i++) {
        buf_clear(&bytes), buf_clear(&text);
        tokenizer_decode(tokenizer, &ids[i], 1, false, &bytes);
        buf_add_utf8_lossy(&text, buf_str(&bytes));
        jw_string(w, buf_str(&text));
    }
    jw_array_end(w);
    buf_free(&bytes), buf_free(&text);
}

void token_values_write(const Tokenizer *teacher, const Dialogue *student, Str solution, const RltSample *sample, JsonWriter *w) {
    Ids after = {0};
    int32_t from, to;
    dialogue_student_after(student, solution, &after, &from, &to);
    write_tokens(w, "explanation_tokens", teacher, sample->ids, sample->n_explanation);
    jw_kf32_array(w, "kl_values", sample->kl_values, (size_t)sample->n_explanation);
    write_tokens(w, "solution_tokens", student->tokenizer, after.data + from, to - from);
    jw_kf32_array(w, "ss_values", sample->ss_values, (size_t)sample->n_solution);
    ids_free(&after);
}
