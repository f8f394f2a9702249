// rlt eval grade: rows of a right answer and an answer, graded.
#include <string.h>

#include "base/file.h"
#include "commands/commands.h"
#include "eval/math/grade.h"

static const OptionRow rows[] = {
    {"data", OPTION_INPUT, NULL, 0, 0, NULL,
     "JSONL rows with gold, pred and, where wanted, extract: none, pred or both; - is standard input."},
    {"extract", OPTION_CHOICE, "pred", 0, 0, "none|pred|both",
     "Where an answer is looked for in a text, of rows that do not say."},
    {"thought_close", OPTION_TEXT, "</think>", 0, 0, NULL, "What comes before its last occurrence is not looked at."},
    {"solution_open", OPTION_TEXT, "<|begin_of_solution|>", 0, 0, NULL,
     "Opens the part of a text that holds the answer."},
    {"solution_close", OPTION_TEXT, "<|end_of_solution|>", 0, 0, NULL, "Closes it."},
    {0},
};

static void write_extracted(JsonWriter *w, const char *key, const Extracted *found) {
    jw_key(w, key);
    jw_object_begin(w);
    jw_kstring(w, "rule", str_of(extract_rule_name(found->rule)));
    if (found->answer.ptr != NULL) {
        jw_kint(w, "from", (int64_t)found->from);
        jw_kint(w, "to", (int64_t)found->to);
    }
    jw_object_end(w);
}

static void write_form(JsonWriter *w, const char *key, const Buf *form) {
    jw_key(w, key);
    if (form->len > 0)
        jw_string(w, buf_str(form));
    else
        jw_null(w);
}

static void write_result(const GradeResult *result, GradeExtract extract, Buf *line) {
    JsonWriter w = json_writer(line);
    jw_object_begin(&w);
    jw_kbool(&w, "equal", result->equal);
    jw_kstring(&w, "how", str_of(math_how_name(result->how)));
    write_form(&w, "gold_form", &result->gold_form);
    write_form(&w, "pred_form", &result->pred_form);
    if (extract == GRADE_EXTRACT_BOTH) write_extracted(&w, "gold_found", &result->gold);
    if (extract != GRADE_EXTRACT_NONE) write_extracted(&w, "pred_found", &result->pred);
    jw_object_end(&w);
    buf_add_char(line, '\n');
}

static bool grade_row(json_t *row, const char *where, GradeSettings settings, Str fallback, Buf *line, Error *error) {
    Str gold, pred, extract;
    if (!json_need_string(row, where, "gold", &gold, error) || !json_need_string(row, where, "pred", &pred, error) ||
        !json_string_or(row, where, "extract", fallback, &extract, error)) {
        return false;
    }
    if (!grade_extract_by_name(extract, &settings.extract)) {
        return error_set(error, "%s: extract: expected none, pred or both, found \"%.*s\"", where,
                         (int)(extract.len < 40 ? extract.len : 40), extract.ptr);
    }
    GradeResult result;
    math_grade(gold, pred, &settings, &result);
    write_result(&result, settings.extract, line);
    grade_result_free(&result);
    return true;
}

static bool grade_line(const char *where, Str text, const GradeSettings *settings, Str fallback, Buf *line,
                       Error *error) {
    json_t *row;
    if (!json_parse(text, where, &row, error)) return false;
    bool ok = json_is_object(row) || error_set(error, "%s: expected an object with gold and pred", where);
    ok = ok && grade_row(row, where, *settings, fallback, line, error);
    json_decref(row);
    return ok;
}

static bool run(const Options *options, Error *error) {
    const char *path = options_text(options, "data");
    GradeSettings settings = {
        .tags = {options_text(options, "thought_close"), options_text(options, "solution_open"),
                 options_text(options, "solution_close"), true},
        .forms = true,
    };
    Str fallback = str_of(options_text(options, "extract")), text;
    LineReader *reader;
    if (!line_reader_open(path, JSON_LINE_MAX_BYTES, &reader, error)) return false;
    Buf line;
    buf_init(&line, 0);
    int more;
    bool ok = true;
    while (ok && (more = line_reader_next(reader, &text, error)) != 0) {
        ok = more > 0;
        if (!ok || str_trim(text).len == 0) continue;
        char where[512];
        snprintf(where, sizeof where, "%.400s:%zu", path, line_reader_number(reader));
        buf_clear(&line);
        ok = grade_line(where, text, &settings, fallback, &line, error);
        if (ok) fwrite(line.data, 1, line.len, stdout);
    }
    buf_free(&line);
    line_reader_close(reader);
    return ok;
}

const Command command_eval_grade = {"eval grade", "grades answers of mathematics", "data", rows, run};
