#include "methods/reward_sum.h"

#include <assert.h>
#include <string.h>

// ---- length: 0 up to length_from tokens, then down in a straight line to -1 at length_to and beyond

static bool length_reward(const RewardSum *sum, const RewardQuery *queries, int32_t n, double *values, Error *error) {
    (void)error;
    double from = sum->length_from, to = sum->length_to;
    assert(from < to);
    for (int32_t i = 0; i < n; i++) {
        double at = (queries[i].n_tokens - from) / (to - from);
        values[i * N_ADDED_REWARDS] = at <= 0 ? 0 : at >= 1 ? -1 : -at;
    }
    return true;
}

// ---- format: 1 for a completion that is laid out as asked, else 0

static int count_tag(Str text, const char *tag, ptrdiff_t *first) {
    int n = 0;
    Str needle = str_of(tag);
    *first = -1;
    for (ptrdiff_t at; needle.len > 0 && (at = str_find(text, needle, 0)) >= 0; n++) {
        if (n == 0) *first = at;
        text.ptr += (size_t)at + needle.len, text.len -= (size_t)at + needle.len;
    }
    return n;
}

// An explanation: something before its closing tag, and no other tag in it.
static bool is_explanation(const DialogueFormat *f, Str text) {
    ptrdiff_t close, at;
    if (count_tag(text, f->explanation_close, &close) == 0) return false;
    text.len = (size_t)close;
    const char *const tags[] = {f->explanation_open, f->solution_open, f->solution_close, f->thought_open,
                                f->thought_close};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (count_tag(text, tags[i], &at) > 0) return false;
    }
    return str_trim(text).len > 0;
}

// An answer: a thought, then a solution that is not empty, in their tags, each once and in this order.
static bool is_answer(const DialogueFormat *f, Str text) {
    const char *const tags[] = {f->thought_open, f->thought_close, f->solution_open, f->solution_close};
    ptrdiff_t at[4];
    for (size_t i = 0; i < 4; i++) {
        if (count_tag(text, tags[i], &at[i]) != 1 || (i > 0 && at[i] <= at[i - 1])) return false;
    }
    size_t begin = (size_t)at[2] + strlen(f->solution_open);
    return str_trim((Str){text.ptr + begin, (size_t)at[3] - begin}).len > 0;
}

static bool format_reward(const RewardSum *sum, const RewardQuery *queries, int32_t n, double *values, Error *error) {
    (void)error;
    for (int32_t i = 0; i < n; i++) {
        Str text = queries[i].completion;
        values[i * N_ADDED_REWARDS] =
            sum->is_teacher ? is_explanation(sum->format, text) : is_answer(sum->format, text);
    }
    return true;
}

// ---- program: what it says

static bool program_reward(const RewardSum *sum, const RewardQuery *queries, int32_t n, double *values, Error *error) {
    double *rewards = mem_alloc((size_t)n, sizeof *rewards);
    bool ok = reward_program_ask(sum->program, queries, n, rewards, error);
    for (int32_t i = 0; ok && i < n; i++)
        values[i * N_ADDED_REWARDS] = rewards[i];
    mem_free(rewards);
    return ok;
}

// ---- the table

// values: of query i at i * N_ADDED_REWARDS.
static const struct {
    const char *name;
    bool (*of)(const RewardSum *sum, const RewardQuery *queries, int32_t n, double *values, Error *error);
} added[N_ADDED_REWARDS] = {
    [ADDED_LENGTH] = {"length", length_reward},
    [ADDED_FORMAT] = {"format", format_reward},
    [ADDED_PROGRAM] = {"program", program_reward},
};

const char *added_reward_name(AddedReward which) {
    return added[which].name;
}

bool reward_sum_is_plain(const RewardSum *sum) {
    for (int k = 0; k < N_ADDED_REWARDS; k++) {
        if (sum->weights[k] != 0) return false;
    }
    return sum->own_weight == 1;
}

bool reward_sum_added(const RewardSum *sum, const RewardQuery *queries, int32_t n, double *values, Error *error) {
    for (int32_t i = 0; i < n * N_ADDED_REWARDS; i++)
        values[i] = 0;
    for (int k = 0; k < N_ADDED_REWARDS; k++) {
        if (sum->weights[k] != 0 && n > 0 && !added[k].of(sum, queries, n, values + k, error)) return false;
    }
    return true;
}

double reward_sum_total(const RewardSum *sum, double own, const double *values) {
    if (reward_sum_is_plain(sum)) return own;
    double total = sum->own_weight * own;
    for (int k = 0; k < N_ADDED_REWARDS; k++) {
        if (sum->weights[k] != 0) total += sum->weights[k] * values[k];
    }
    return total;
}

// The texts of all completions, one after another in `texts`.
static RewardQuery *make_queries(const Tokenizer *tokenizer, const SummedReward *completions, int32_t n, Buf *texts) {
    RewardQuery *queries = mem_alloc((size_t)n, sizeof *queries);
    for (int32_t i = 0; i < n; i++) {
        const SummedReward *c = &completions[i];
        size_t from = texts->len;
        tokenizer_decode(tokenizer, c->ids, c->n_ids, false, texts);
        queries[i] = (RewardQuery){c->row, {NULL, texts->len - from}, c->n_ids, c->truncated};
    }
    size_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        queries[i].completion.ptr = texts->data + at;
        at += queries[i].completion.len;
    }
    return queries;
}

bool reward_sum_completions(const RewardSum *sum, const Tokenizer *tokenizer, SummedReward *completions, int32_t n,
                            Error *error) {
    for (int32_t i = 0; i < n; i++)
        completions[i].total = completions[i].own;
    if (reward_sum_is_plain(sum) || n == 0) return true;
    Buf texts;
    buf_init(&texts, 0);
    RewardQuery *queries = make_queries(tokenizer, completions, n, &texts);
    double *values = mem_alloc((size_t)n * N_ADDED_REWARDS, sizeof *values);
    bool ok = reward_sum_added(sum, queries, n, values, error);
    for (int32_t i = 0; ok && i < n; i++) {
        memcpy(completions[i].added, &values[i * N_ADDED_REWARDS], sizeof completions[i].added);
        completions[i].total = reward_sum_total(sum, completions[i].own, completions[i].added);
    }
    mem_free(values), mem_free(queries);
    buf_free(&texts);
    return ok;
}
