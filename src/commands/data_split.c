// rlt data split: a training part and a test part that share no question.
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "data/split.h"

// clang-format off
static const OptionRow split_rows[] = {
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "Rows with a question: JSON lines or an array, also .gz and .zst, or Parquet."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "Folder for train.jsonl and test.jsonl, each in the data's order."},
    {"test", OPTION_TEXT, "0.1", 0, 0, NULL, "Rows of the test part: a whole number, or a share below 1."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of the choice."},
    {0},
};
// clang-format on

// "500" or "0.05" of n_rows.
static bool test_count(const char *text, size_t n_rows, size_t *count, Error *error) {
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    bool number = end != text && *end == '\0' && errno == 0 && isfinite(value) && value > 0;
    if (!number || (value >= 1 && value != floor(value)))
        return error_set(error, "key \"test\": expected a whole number or a share between 0 and 1, found \"%s\"", text);
    double rows = value < 1 ? round(value * (double)n_rows) : value;
    if (rows < 1 || rows >= (double)n_rows)
        return error_set(error,
                         "key \"test\": expected at least one row in each part, found %.0f of %zu in the test part",
                         rows, n_rows);
    *count = (size_t)rows;
    return true;
}

static char *part_path(const char *folder, const char *name, const char *suffix) {
    Buf path;
    buf_init(&path, 0);
    buf_printf(&path, "%s/%s%s", folder, name, suffix);
    return path.data;
}

// The rows of one part, beside the name that they get in the end.
static bool write_part(const char *path, const Rows *data, const bool *in_test, bool test, Error *error) {
    FileWriter *writer;
    if (!file_writer_open(path, &writer, error)) return false;
    Buf line;
    buf_init(&line, 0);
    for (size_t i = 0; i < data->count; i++) {
        if (in_test[i] != test) continue;
        buf_clear(&line);
        row_write(&data->rows[i], &line);
        file_writer_add_str(writer, buf_str(&line));
    }
    buf_free(&line);
    return file_writer_commit(writer, error);
}

// Both parts or none: a new training part beside an old test part might share questions with it. So both are on the
// disk before either gets its name, and the old test part goes first.
static bool write_parts(const char *folder, const Rows *data, const bool *in_test, Error *error) {
    char *train = part_path(folder, "train.jsonl", ""), *new_train = part_path(folder, "train.jsonl", ".new");
    char *test = part_path(folder, "test.jsonl", ""), *new_test = part_path(folder, "test.jsonl", ".new");
    bool ok = dir_make(folder, error) && write_part(new_train, data, in_test, false, error) &&
              write_part(new_test, data, in_test, true, error) && path_remove(test, error) &&
              path_replace(new_train, train, error) && path_replace(new_test, test, error);
    if (!ok && !(path_remove(new_train, NULL) && path_remove(new_test, NULL)))
        log_warn("%s: %s is left", folder, new_train);
    mem_free(train), mem_free(new_train), mem_free(test), mem_free(new_test);
    return ok;
}

static bool run_split(const Options *o, Error *error) {
    const char *path = options_text(o, "data");
    Rows data;
    RowsLimits limits = rows_limits_default();
    limits.required = ROW_QUESTION;
    if (!rows_read(path, &limits, &data, error)) return false;
    size_t wanted = 0, chosen = 0;
    bool *in_test = mem_alloc(data.count, sizeof *in_test);
    bool ok = test_count(options_text(o, "test"), data.count, &wanted, error);
    if (ok) chosen = split_choose(data.rows, data.count, wanted, (uint64_t)options_int(o, "seed"), in_test);
    if (ok && chosen == 0)
        ok = error_set(error, "%s: no question has so few rows that they fit into %zu", path, wanted);
    ok = ok && write_parts(options_text(o, "out"), &data, in_test, error);
    if (ok && chosen < wanted)
        log_warn("%s: %zu rows in the test part: those of one question stay together", path, chosen);
    if (ok) log_info("%s: %zu rows to train, %zu to test", options_text(o, "out"), data.count - chosen, chosen);
    mem_free(in_test);
    rows_free(&data);
    return ok;
}

const Command command_data_split = {"data split", "two parts that share no question", "data out", split_rows,
                                    run_split};
