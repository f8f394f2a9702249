// rlt data sample, rlt data stats, rlt data tokenizer: what is done with rows that are there.
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/philox.h"
#include "commands/commands.h"
#include "commands/model_bundle.h"
#include "commands/training.h"
#include "data/rows.h"

// ---- sample

static const OptionRow sample_rows[] = {
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "JSONL rows."},
    {"out", OPTION_OUTPUT, "-", 0, 0, NULL, "JSONL of the rows chosen, in the data's order; -: standard output."},
    {"count", OPTION_INT, "1000", 1, 1e9, NULL, "Rows."},
    {"shuffle", OPTION_BOOL, "true", 0, 0, NULL, "Chooses at random; false: the first ones."},
    {"skip", OPTION_INT, "0", 0, 1e9, NULL, "Passes over so many of the chosen order first: disjoint parts of one data set."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of the choice."},
    {0},
};

static bool run_sample(const Options *o, Error *error) {
    Rows data;
    RowsLimits limits = rows_limits_default();
    if (!rows_read(options_text(o, "data"), &limits, &data, error)) return false;
    int32_t n = (int32_t)data.count, *order = mem_alloc(data.count, sizeof *order);
    bool *chosen = mem_alloc(data.count, sizeof *chosen);
    for (int32_t i = 0; i < n; i++) order[i] = i;
    if (options_bool(o, "shuffle")) rng_permutation((uint64_t)options_int(o, "seed"), 0, 1, order, n);
    int64_t skip = options_int(o, "skip"), count = options_int(o, "count");
    for (int64_t i = skip; i < n && i < skip + count; i++) chosen[order[i]] = true;
    Row *picked = mem_alloc(data.count, sizeof *picked);
    size_t n_picked = 0;
    for (int32_t i = 0; i < n; i++) {
        if (chosen[i]) picked[n_picked++] = data.rows[i];
    }
    bool ok = rows_write(options_text(o, "out"), picked, n_picked, error);
    if (ok && n_picked < (size_t)count) log_warn("%s: only %zu rows", options_text(o, "data"), n_picked);
    mem_free(picked), mem_free(order), mem_free(chosen);
    rows_free(&data);
    return ok;
}

const Command command_data_sample = {"data sample", "a seeded random part of the rows", "data out", sample_rows, run_sample};

// ---- tokenizer

static const OptionRow tokenizer_rows[] = {
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "JSONL rows: question, solution, reasoning_trace and text are what is learnt from."},
    {"more", OPTION_INPUT, "", 0, 0, NULL, "A second file of rows."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "Folder for tokenizer.json, tokenizer_config.json and chat_template.jinja."},
    {"vocabulary", OPTION_INT, "512", 260, 1000000, NULL, "Tokens in all; fewer when the text offers no more merges."},
    {"split", OPTION_CHOICE, "llama3", 0, 0, "gpt2|smollm|qwen2|llama3", "Rule that cuts text before merging; llama3 keeps numbers of up to three digits whole."},
    {"tag_tokens", OPTION_BOOL, "true", 0, 0, NULL, "The dialogue's tags are one token each."},
    DIALOGUE_OPTIONS,
    {0},
};

static void add_documents(const Rows *rows, Str *documents, size_t *n) {
    for (size_t i = 0; i < rows->count; i++) {
        const Row *row = &rows->rows[i];
        const Str parts[] = {row->question, row->solution, row->trace, row->text};
        for (size_t p = 0; p < 4; p++) {
            if (parts[p].ptr != NULL) documents[(*n)++] = parts[p];
        }
    }
}

static SplitRule split_rule(const char *name) {
    return strcmp(name, "gpt2") == 0     ? SPLIT_GPT2
           : strcmp(name, "smollm") == 0 ? SPLIT_SMOLLM
           : strcmp(name, "qwen2") == 0  ? SPLIT_QWEN2
                                         : SPLIT_LLAMA3;
}

static bool train_tokenizer(const Options *o, const DialogueFormat *f, const Rows *rows, const Rows *more, Error *error) {
    Str *documents = mem_alloc(4 * (rows->count + more->count), sizeof *documents);
    size_t n = 0;
    add_documents(rows, documents, &n);
    add_documents(more, documents, &n);
    Str specials[16] = {STR("<|endoftext|>"), STR("<|im_start|>"), STR("<|im_end|>")};
    int32_t n_specials = 3;
    const char *tags[] = {f->solution_open, f->solution_close, f->explanation_open, f->explanation_close, f->thought_open, f->thought_close};
    for (size_t i = 0; options_bool(o, "tag_tokens") && i < 6; i++) specials[n_specials++] = str_of(tags[i]);
    TokenizerTraining training = {documents, n, specials, n_specials, 3, (int32_t)options_int(o, "vocabulary"),
                                  split_rule(options_text(o, "split"))};
    Tokenizer *tokenizer;
    ChatTemplate chat;
    bool ok = tokenizer_train(&training, &tokenizer, error) && chat_by_name("chatml", &chat, error);
    if (ok) {
        ok = tokenizer_save(tokenizer, &chat, options_text(o, "out"), error);
        log_info("%s: %d tokens", options_text(o, "out"), tokenizer_size(tokenizer));
        tokenizer_destroy(tokenizer);
    }
    mem_free(documents);
    return ok;
}

static bool run_tokenizer(const Options *o, Error *error) {
    Rows rows = {0}, more = {0};
    RowsLimits limits = rows_limits_default();
    DialogueFormat format;
    dialogue_format_init(&format);
    bool ok = dialogue_format_from_options(&format, o, error) && rows_read(options_text(o, "data"), &limits, &rows, error) &&
              (!options_given(o, "more") || rows_read(options_text(o, "more"), &limits, &more, error)) &&
              train_tokenizer(o, &format, &rows, &more, error);
    rows_free(&rows);
    rows_free(&more);
    dialogue_format_free(&format);
    return ok;
}

const Command command_data_tokenizer = {"data tokenizer", "trains a byte-level BPE tokenizer", "data out", tokenizer_rows, run_tokenizer};

// ---- stats

static const OptionRow stats_rows[] = {
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "JSONL rows."},
    {"model", OPTION_INPUT, "", 0, 0, NULL, "Counts in this model's tokens; none: in bytes."},
    {0},
};

typedef struct Lengths {
    const char *name;
    int64_t *values;
    size_t n;
} Lengths;

static int compare_lengths(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_lengths(Lengths *l) {
    if (l->n == 0) return;
    qsort(l->values, l->n, sizeof *l->values, compare_lengths);
    double sum = 0;
    for (size_t i = 0; i < l->n; i++) sum += (double)l->values[i];
    printf("%-16s rows %zu  mean %.1f  min %lld  median %lld  95%% %lld  max %lld\n", l->name, l->n, sum / (double)l->n,
           (long long)l->values[0], (long long)l->values[l->n / 2], (long long)l->values[l->n * 95 / 100],
           (long long)l->values[l->n - 1]);
}

static void measure(const Tokenizer *tokenizer, Str text, Lengths *l) {
    if (text.ptr == NULL) return;
    int64_t length = (int64_t)text.len;
    if (tokenizer != NULL) {
        Ids ids = {0};
        tokenizer_encode(tokenizer, text, &ids);
        length = ids.len;
        ids_free(&ids);
    }
    l->values[l->n++] = length;
}

static void print_stats(const Rows *rows, const Tokenizer *tokenizer) {
    static const char *const names[] = {"question", "solution", "reasoning_trace", "completion", "text"};
    Lengths lengths[5];
    for (int i = 0; i < 5; i++) lengths[i] = (Lengths){names[i], mem_alloc(rows->count, sizeof(int64_t)), 0};
    for (size_t r = 0; r < rows->count; r++) {
        const Row *row = &rows->rows[r];
        const Str parts[] = {row->question, row->solution, row->trace, row->completion, row->text};
        for (int i = 0; i < 5; i++) measure(tokenizer, parts[i], &lengths[i]);
    }
    printf("rows: %zu, lengths in %s\n", rows->count, tokenizer != NULL ? "tokens" : "bytes");
    for (int i = 0; i < 5; i++) {
        print_lengths(&lengths[i]);
        mem_free(lengths[i].values);
    }
}

static bool run_stats(const Options *o, Error *error) {
    Rows rows;
    RowsLimits limits = rows_limits_default();
    if (!rows_read(options_text(o, "data"), &limits, &rows, error)) return false;
    ModelBundle bundle = {0};
    bool ok = !options_given(o, "model") || model_bundle_open(options_text(o, "model"), &bundle, error);
    if (ok) print_stats(&rows, bundle.tokenizer);
    model_bundle_close(&bundle);
    rows_free(&rows);
    return ok;
}

const Command command_data_stats = {"data stats", "lengths of what rows hold", "data model", stats_rows, run_stats};
