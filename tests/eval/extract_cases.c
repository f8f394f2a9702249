// Extraction against rows of text and expected string; not a test of its own (its data is not in the repository).
//
//   extract_cases FILE.jsonl     rows with "text", "expected" (a string, null or an array of accepted strings), and "what",
//                                the rule: "last_boxed_only_string" expects the box itself, "*choice*" and
//                                "string_extraction" a letter
//
// Prints every difference as a JSON line and, for each rule, how many rows agree: as they stand, and without spaces.
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "eval/extract.h"

#define MAX_RULES 32

typedef struct Tally {
    char what[64];
    int rows, same, same_without_spaces;
} Tally;

static void add_without_spaces(Buf *out, Str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ' ' && text.ptr[i] != '\n') buf_add_char(out, text.ptr[i]);
    }
}

static bool same_without_spaces(Str a, Str b) {
    Buf x, y;
    buf_init(&x, 0), buf_init(&y, 0);
    add_without_spaces(&x, a), add_without_spaces(&y, b);
    bool same = str_equal(buf_str(&x), buf_str(&y));
    buf_free(&x), buf_free(&y);
    return same;
}

static Tally *tally_of(Tally *tallies, const char *what) {
    int i = 0;
    while (i < MAX_RULES - 1 && tallies[i].what[0] != '\0' && strcmp(tallies[i].what, what) != 0) i++;
    snprintf(tallies[i].what, sizeof tallies[i].what, "%s", what);
    return &tallies[i];
}

// What this program finds, in the form that the rule expects.
static Str found_text(Str text, const char *what, char letter[2], const char **rule) {
    Extracted found;
    if (strstr(what, "choice") != NULL || strcmp(what, "string_extraction") == 0) {
        letter[0] = extract_choice(text, NULL, 26, &found);
        *rule = extract_rule_name(found.rule);
        return (Str){letter, letter[0] != '\0'};
    }
    found = extract_answer(text, NULL);
    *rule = extract_rule_name(found.rule);
    if (strcmp(what, "last_boxed_only_string") != 0 || found.answer.ptr == NULL) return found.answer;
    if (found.rule != EXTRACT_BOXED) return (Str){0};
    size_t from = found.from, to = found.to; // the box around
    do from--;
    while (from > 0 && text.ptr[from] != '\\');
    while (to < text.len && text.ptr[to] != '}') to++;
    return (Str){text.ptr + from, to + (to < text.len) - from};
}

static bool any_of(json_t *expected, Str found, bool (*same)(Str, Str)) {
    if (json_is_array(expected)) {
        bool any = json_array_size(expected) == 0 && found.len == 0;
        for (size_t i = 0; i < json_array_size(expected); i++) any |= any_of(json_array_get(expected, i), found, same);
        return any;
    }
    const char *text = json_string_value(expected);
    return same(found, text != NULL ? str_of(text) : STR(""));
}

static bool run_row(Str line, const char *where, Tally *tallies, Error *error) {
    json_t *row;
    if (!json_parse(line, where, &row, error)) return false;
    Str text, what;
    bool ok = json_need_string(row, where, "text", &text, error) && json_need_string(row, where, "what", &what, error);
    if (ok) {
        char letter[2] = "";
        const char *rule;
        Tally *tally = tally_of(tallies, what.ptr);
        Str found = found_text(text, what.ptr, letter, &rule);
        if (found.ptr == NULL) found = STR("");
        bool same = any_of(json_object_get(row, "expected"), found, str_equal);
        bool spaced = same || any_of(json_object_get(row, "expected"), found, same_without_spaces);
        tally->rows++, tally->same += same, tally->same_without_spaces += spaced;
        if (!spaced) {
            Buf out;
            buf_init(&out, 0);
            JsonWriter w = json_writer(&out);
            jw_object_begin(&w);
            jw_kstring(&w, "where", str_of(where));
            jw_kstring(&w, "what", what);
            jw_kstring(&w, "by", str_of(rule));
            jw_kstring(&w, "found", found);
            jw_key(&w, "expected"), jw_json(&w, json_object_get(row, "expected"));
            jw_kstring(&w, "end", (Str){text.ptr + (text.len > 200 ? text.len - 200 : 0), text.len > 200 ? 200 : text.len});
            jw_object_end(&w);
            puts(out.data);
            buf_free(&out);
        }
    }
    json_decref(row);
    return ok;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: extract_cases FILE.jsonl\n");
        return 2;
    }
    Error error;
    LineReader *reader;
    Tally tallies[MAX_RULES] = {0};
    bool ok = line_reader_open(argv[1], JSON_LINE_MAX_BYTES, &reader, &error);
    int more = ok;
    for (Str line; ok && (more = line_reader_next(reader, &line, &error)) > 0;) {
        char where[64];
        snprintf(where, sizeof where, "line %zu", line_reader_number(reader));
        ok = run_row(line, where, tallies, &error);
    }
    if (!ok || more < 0) {
        fprintf(stderr, "extract_cases: %s\n", error.message);
        return 1;
    }
    line_reader_close(reader);
    for (int i = 0; i < MAX_RULES && tallies[i].rows > 0; i++) {
        printf("%s: %d rows, %d the same, %d but for spaces\n", tallies[i].what, tallies[i].rows, tallies[i].same,
               tallies[i].same_without_spaces);
    }
    return 0;
}
