// rlt data convert: published rows into this program's.
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "commands/commands.h"
#include "data/convert_rows.h"
#include "data/row_source.h"
#include "text/dialogue.h"

// clang-format off
static const OptionRow convert_rows[] = {
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "Rows: JSON lines or an array, also .gz and .zst, or Parquet; the file's bytes say which."},
    {"out", OPTION_OUTPUT, "-", 0, 0, NULL, "JSONL of the rows with question, solution, reasoning_trace, system and every other column."},
    {"columns.question", OPTION_TEXT, "", 0, 0, NULL, "Column of the question; none: question, or prompt, or of a chat."},
    {"columns.solution", OPTION_TEXT, "", 0, 0, NULL, "Column of the solution; none: solution, or of a chat."},
    {"columns.reasoning_trace", OPTION_TEXT, "", 0, 0, NULL, "Column of the reasoning; none: reasoning_trace, or of a chat."},
    {"columns.system", OPTION_TEXT, "", 0, 0, NULL, "Column of the system prompt; none: system, or of a chat."},
    {"columns.chat", OPTION_TEXT, "", 0, 0, NULL, "Column of the chat; none: conversations, or messages."},
    {"thought_open", OPTION_TEXT, "", 0, 0, NULL, "Tag before the thought in a chat's answer; none: <|begin_of_thought|>."},
    {"thought_close", OPTION_TEXT, "", 0, 0, NULL, "Tag after the thought; none: <|end_of_thought|>."},
    {"solution_open", OPTION_TEXT, "", 0, 0, NULL, "Tag before the solution; none: <|begin_of_solution|>."},
    {"solution_close", OPTION_TEXT, "", 0, 0, NULL, "Tag after the solution; none: <|end_of_solution|>."},
    {"untagged", OPTION_BOOL, "false", 0, 0, NULL, "Takes answers without tags too: no thought, or all that follows it as the solution."},
    {"trim", OPTION_BOOL, "true", 0, 0, NULL, "Drops newlines at the ends of solution and reasoning_trace."},
    {"strict", OPTION_BOOL, "false", 0, 0, NULL, "Writes nothing and fails where a row cannot be converted; otherwise such rows are listed and left out."},
    {0},
};
// clang-format on

static const char *text_or(const Options *o, const char *key, const char *fallback) {
    return options_given(o, key) ? options_text(o, key) : fallback;
}

static ConvertRules convert_rules(const Options *o, const DialogueFormat *tags) {
    return (ConvertRules){
        .columns = {text_or(o, "columns.question", NULL), text_or(o, "columns.solution", NULL),
                    text_or(o, "columns.reasoning_trace", NULL), text_or(o, "columns.system", NULL),
                    text_or(o, "columns.chat", NULL)},
        .thought_open = text_or(o, "thought_open", tags->thought_open),
        .thought_close = text_or(o, "thought_close", tags->thought_close),
        .solution_open = text_or(o, "solution_open", tags->solution_open),
        .solution_close = text_or(o, "solution_close", tags->solution_close),
        .untagged = options_bool(o, "untagged"),
        .trim = options_bool(o, "trim"),
    };
}

typedef struct Counts {
    size_t written, bad;
} Counts;

// One row to the writer; false where it cannot be converted. Takes `object` over.
static bool write_converted(json_t *object, const ConvertRules *rules, const char *where, FileWriter *writer, Buf *line,
                            Error *error) {
    if (!convert_row(object, rules, where, error)) {
        json_decref(object);
        return false;
    }
    RowsLimits limits = rows_limits_default();
    Arena *arena = arena_create();
    Row row;
    bool ok = row_from_json(object, where, &limits, arena, &row, error);
    if (ok) {
        buf_clear(line);
        row_write(&row, line);
        file_writer_add_str(writer, buf_str(line));
        row_release(&row);
    }
    arena_destroy(arena);
    return ok;
}

static bool convert_all(RowSource *source, const ConvertRules *rules, FileWriter *writer, Counts *counts,
                        Error *error) {
    Buf line;
    buf_init(&line, 0);
    RowSourceStatus status;
    json_t *object;
    while ((status = row_source_next(source, &object, error)) == ROW_SOURCE_ROW || status == ROW_SOURCE_BAD_ROW) {
        bool ok =
            status == ROW_SOURCE_ROW && write_converted(object, rules, row_source_where(source), writer, &line, error);
        counts->written += ok;
        counts->bad += !ok;
        if (!ok) log_warn("%s", error->message);
    }
    buf_free(&line);
    return status == ROW_SOURCE_END;
}

static bool run_convert(const Options *o, Error *error) {
    const char *in = options_text(o, "data"), *out = options_text(o, "out");
    RowsLimits limits = rows_limits_default();
    RowSource *source;
    FileWriter *writer;
    if (!row_source_open(in, &limits, &source, error)) return false;
    if (!file_writer_open(out, &writer, error)) {
        row_source_close(source);
        return false;
    }
    DialogueFormat tags;
    dialogue_format_init(&tags);
    ConvertRules rules = convert_rules(o, &tags);
    Counts counts = {0};
    bool ok = convert_all(source, &rules, writer, &counts, error);
    size_t all = counts.written + counts.bad;
    if (ok && counts.bad > 0 && options_bool(o, "strict"))
        ok = error_set(error, "%s: %zu of %zu rows cannot be converted; nothing is written", in, counts.bad, all);
    if (ok && counts.written == 0 && counts.bad > 0)
        ok = error_set(error, "%s: none of %zu rows can be converted; nothing is written", in, all);
    if (ok) {
        ok = file_writer_commit(writer, error);
    } else {
        file_writer_abort(writer);
    }
    if (ok) log_info("%s: %zu rows converted, %zu left out", in, counts.written, counts.bad);
    dialogue_format_free(&tags);
    row_source_close(source);
    return ok;
}

const Command command_data_convert = {"data convert", "published rows into this program's", "data out", convert_rows,
                                      run_convert};
