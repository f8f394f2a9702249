// rlt data countdown, rlt data drills: generated questions and drills.
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "data/countdown.h"
#include "data/drills.h"

static const OptionRow countdown_rows[] = {
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "Folder for train.jsonl and test.jsonl."},
    {"train", OPTION_INT, "16000", 0, COUNTDOWN_MAX_QUESTIONS, NULL, "Training questions."},
    {"test", OPTION_INT, "1000", 0, COUNTDOWN_MAX_QUESTIONS, NULL, "Test questions; never a training question of any run with the same test_share."},
    {"numbers_min", OPTION_INT, "3", 2, EXPRESSION_MAX_NUMBERS, NULL, "Fewest numbers a question."},
    {"numbers_max", OPTION_INT, "4", 2, EXPRESSION_MAX_NUMBERS, NULL, "Most numbers a question."},
    {"number_min", OPTION_INT, "1", 0, COUNTDOWN_MAX_NUMBER, NULL, "Smallest number."},
    {"number_max", OPTION_INT, "100", 0, COUNTDOWN_MAX_NUMBER, NULL, "Largest number."},
    {"target_min", OPTION_INT, "10", 0, COUNTDOWN_MAX_NUMBER, NULL, "Smallest target."},
    {"target_max", OPTION_INT, "100", 0, COUNTDOWN_MAX_NUMBER, NULL, "Largest target."},
    {"value_max", OPTION_INT, "0", 0, 1e12, NULL, "Largest value on the way; 0: no bound."},
    {"fractions", OPTION_BOOL, "false", 0, 0, NULL, "Division may leave a remainder."},
    {"negatives", OPTION_BOOL, "false", 0, 0, NULL, "Values on the way may be negative."},
    {"attempts", OPTION_INT, "4", 0, COUNTDOWN_MAX_ATTEMPTS, NULL, "Most failed attempts in a trace: uniform from 0 to this."},
    {"train_repeats", OPTION_INT, "1", 1, 1000, NULL, "Training questions of one canonical form, at most (in other orders)."},
    {"test_share", OPTION_REAL, "0.0625", 0, 1, NULL, "Share of canonical forms that belong to the test split."},
    {"style", OPTION_CHOICE, "plain", 0, 0, "plain|short", "plain: sentences; short: every token apart, for tiny models."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw."},
    {0},
};

static CountdownOptions countdown_options(const Options *o) {
    CountdownOptions c = countdown_options_default();
    c.seed = (uint64_t)options_int(o, "seed");
    c.n_train = (int32_t)options_int(o, "train");
    c.n_test = (int32_t)options_int(o, "test");
    c.numbers_min = (int32_t)options_int(o, "numbers_min");
    c.numbers_max = (int32_t)options_int(o, "numbers_max");
    c.number_min = (int32_t)options_int(o, "number_min");
    c.number_max = (int32_t)options_int(o, "number_max");
    c.target_min = (int32_t)options_int(o, "target_min");
    c.target_max = (int32_t)options_int(o, "target_max");
    c.rules = (ValueRules){options_int(o, "value_max"), options_bool(o, "fractions"), options_bool(o, "negatives")};
    c.attempts_max = (int32_t)options_int(o, "attempts");
    c.train_repeats = (int32_t)options_int(o, "train_repeats");
    c.test_share = options_real(o, "test_share");
    c.style = countdown_style_by_name(options_text(o, "style"));
    return c;
}

static bool write_questions(const char *folder, const char *name, const CountdownQuestion *questions, int32_t n, Error *error) {
    char *path = path_join(folder, name);
    FileWriter *writer;
    bool ok = file_writer_open(path, &writer, error);
    if (ok) {
        Buf line;
        buf_init(&line, 0);
        for (int32_t i = 0; i < n; i++) {
            buf_clear(&line);
            countdown_write(&questions[i], &line);
            file_writer_add_str(writer, buf_str(&line));
        }
        buf_free(&line);
        ok = file_writer_commit(writer, error);
    }
    if (ok) log_info("%s: %d questions", path, n);
    mem_free(path);
    return ok;
}

static bool run_countdown(const Options *options, Error *error) {
    const char *folder = options_text(options, "out");
    CountdownOptions c = countdown_options(options);
    Arena *arena = arena_create();
    CountdownSet set;
    bool ok = countdown_options_check(&c, error) && countdown_generate(&c, arena, &set, error) && dir_make(folder, error) &&
              write_questions(folder, "train.jsonl", set.train, set.n_train, error) &&
              write_questions(folder, "test.jsonl", set.test, set.n_test, error);
    arena_destroy(arena);
    return ok;
}

const Command command_data_countdown = {"data countdown", "generates Countdown questions", "", countdown_rows, run_countdown};

static const OptionRow drill_rows[] = {
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "JSONL of rows with text."},
    {"rows", OPTION_INT, "20000", 1, DRILLS_MAX_ROWS, NULL, "Rows."},
    {"lines", OPTION_INT, "8", 1, DRILLS_MAX_LINES, NULL, "Lines a row."},
    {"numbers_min", OPTION_INT, "3", 2, EXPRESSION_MAX_NUMBERS, NULL, "Fewest numbers an expression."},
    {"numbers_max", OPTION_INT, "3", 2, EXPRESSION_MAX_NUMBERS, NULL, "Most numbers an expression."},
    {"number_min", OPTION_INT, "1", 0, 1e6, NULL, "Smallest number."},
    {"number_max", OPTION_INT, "10", 0, 1e6, NULL, "Largest number."},
    {"value_max", OPTION_INT, "100", 1, 1e12, NULL, "Largest value on the way."},
    {"fractions", OPTION_BOOL, "false", 0, 0, NULL, "Division may leave a remainder."},
    {"negatives", OPTION_BOOL, "false", 0, 0, NULL, "Values may be negative."},
    {"check", OPTION_REAL, "0.5", 0, 1e6, NULL, "Weight of: a target, attempts at it over fresh numbers, each judged."},
    {"copy", OPTION_REAL, "0.15", 0, 1e6, NULL, "Weight of: tokens and the same tokens again."},
    {"single", OPTION_REAL, "0.1", 0, 1e6, NULL, "Weight of: one operation."},
    {"permute", OPTION_REAL, "0.25", 0, 1e6, NULL, "Weight of: numbers, then expressions over them."},
    {"recall", OPTION_REAL, "0", 0, 1e6, NULL, "Weight of: an expression given, then others, and it again among them."},
    {"compare", OPTION_REAL, "0", 0, 1e6, NULL, "Weight of: a value, a target, whether they agree."},
    {"hits", OPTION_REAL, "0.35", 0, 1, NULL, "Share of check and compare lines that meet their target."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw."},
    {0},
};

static bool run_drills(const Options *o, Error *error) {
    DrillOptions d = drill_options_default();
    d.seed = (uint64_t)options_int(o, "seed");
    d.n_rows = (int32_t)options_int(o, "rows");
    d.lines = (int32_t)options_int(o, "lines");
    d.numbers_min = (int32_t)options_int(o, "numbers_min");
    d.numbers_max = (int32_t)options_int(o, "numbers_max");
    d.number_min = (int32_t)options_int(o, "number_min");
    d.number_max = (int32_t)options_int(o, "number_max");
    d.rules = (ValueRules){options_int(o, "value_max"), options_bool(o, "fractions"), options_bool(o, "negatives")};
    d.check_share = options_real(o, "check");
    d.copy_share = options_real(o, "copy");
    d.single_share = options_real(o, "single");
    d.permute_share = options_real(o, "permute");
    d.recall_share = options_real(o, "recall");
    d.compare_share = options_real(o, "compare");
    d.hit_share = options_real(o, "hits");
    FileWriter *writer;
    if (!drill_options_check(&d, error) || !file_writer_open(options_text(o, "out"), &writer, error)) return false;
    Buf line;
    buf_init(&line, 0);
    for (int32_t i = 0; i < d.n_rows; i++) {
        buf_clear(&line);
        drill_write(&d, (uint32_t)i, &line);
        file_writer_add_str(writer, buf_str(&line));
    }
    buf_free(&line);
    return file_writer_commit(writer, error);
}

const Command command_data_drills = {"data drills", "generates arithmetic drills for a tiny base model", "", drill_rows, run_drills};
