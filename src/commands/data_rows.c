// rlt data sample, rlt data tokenizer: what is done with rows that are there.
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
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "Rows: JSON lines or an array, also .gz and .zst, or Parquet."},
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
