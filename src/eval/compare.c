// Two runs of evaluation beside each other, question by question.
#include <stdio.h>

#include "eval/results.h"

// id -> the place of its question. An id that comes again gets the number of its time.
static json_t *index_ids(const EvalSamples *s) {
    json_t *index = json_object(), *times = json_object();
    Buf key;
    buf_init(&key, 0);
    for (int64_t q = 0; q < s->n; q++) {
        buf_clear(&key);
        buf_add_utf8_lossy(&key, s->ids[q]);
        int64_t time = json_integer_value(json_object_getn(times, key.data, key.len));
        json_object_setn_new(times, key.data, key.len, json_integer(time + 1));
        buf_printf(&key, "#%lld", (long long)time);
        json_object_setn_new(index, key.data, key.len, json_integer(q));
    }
    buf_free(&key);
    json_decref(times);
    return index;
}

static double share_right(const EvalSamples *s, int64_t q) {
    int64_t n = 0;
    for (int32_t i = 0; i < s->samples; i++) n += s->right[q * s->samples + i];
    return (double)n / s->samples;
}

bool eval_compare(const EvalSamples *a, const EvalSamples *b, uint64_t seed, EvalComparison *c, Error *error) {
    *c = (EvalComparison){0};
    json_t *in_a = index_ids(a), *in_b = index_ids(b), *value;
    const char *key;
    size_t key_len;
    double *x = mem_alloc((size_t)a->n, sizeof *x), *y = mem_alloc((size_t)a->n, sizeof *y);
    json_object_keylen_foreach(in_a, key, key_len, value) {
        json_t *other = json_object_getn(in_b, key, key_len);
        if (other == NULL) continue;
        int64_t p = json_integer_value(value), q = json_integer_value(other);
        x[c->n] = share_right(a, p), y[c->n] = share_right(b, q);
        c->a += x[c->n], c->b += y[c->n];
        bool first_a = a->right[p * a->samples], first_b = b->right[q * b->samples];
        c->right_a += first_a && !first_b, c->right_b += first_b && !first_a;
        c->n++;
    }
    c->only_a = a->n - c->n, c->only_b = b->n - c->n;
    bool ok = c->n > 0 || error_set(error, "expected runs over the same questions, found none that is in both");
    if (ok) {
        c->a /= (double)c->n, c->b /= (double)c->n;
        c->pass = stats_paired_bootstrap(x, y, c->n, seed, 0);
        c->mcnemar_p = stats_mcnemar_exact(c->right_a, c->right_b);
    }
    mem_free(x), mem_free(y);
    json_decref(in_a), json_decref(in_b);
    return ok;
}

void eval_comparison_write(const EvalComparison *c, Buf *json) {
    JsonWriter w = json_writer(json);
    jw_object_begin(&w);
    jw_kint(&w, "n", c->n);
    jw_kint(&w, "only_here", c->only_a);
    jw_kint(&w, "only_there", c->only_b);
    jw_kf64(&w, "pass_at_1", c->a);
    jw_kf64(&w, "pass_at_1_there", c->b);
    jw_kf64(&w, "difference", c->pass.mean);
    jw_kf64(&w, "low", c->pass.interval.low);
    jw_kf64(&w, "high", c->pass.interval.high);
    jw_kf64(&w, "bootstrap_p", c->pass.p);
    jw_kint(&w, "right_here_alone", c->right_a);
    jw_kint(&w, "right_there_alone", c->right_b);
    jw_kf64(&w, "mcnemar_p", c->mcnemar_p);
    jw_object_end(&w);
    buf_add_char(json, '\n');
}

void eval_comparison_table(const EvalComparison *c, const char *a, const char *b, Buf *text) {
    buf_printf(text, "\n%s beside %s: %lld questions in both", a, b, (long long)c->n);
    if (c->only_a > 0 || c->only_b > 0) {
        buf_printf(text, " (%lld and %lld in one alone, left out)", (long long)c->only_a, (long long)c->only_b);
    }
    buf_printf(text, "\npass@1 %.1f%% and %.1f%%, difference %+.1f (95%% %+.1f to %+.1f, paired bootstrap, p = %.3g)\n",
               100 * c->a, 100 * c->b, 100 * c->pass.mean, 100 * c->pass.interval.low, 100 * c->pass.interval.high,
               c->pass.p);
    buf_printf(text, "first answers: right here alone %lld, there alone %lld (McNemar, exact, p = %.3g)\n",
               (long long)c->right_a, (long long)c->right_b, c->mcnemar_p);
}
