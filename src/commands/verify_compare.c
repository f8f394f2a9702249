#include "commands/verify_compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "commands/command_table.h"
#include "commands/manifest.h"
#include "report/metrics.h"

typedef struct Compare {
    const char *where; // the stage's name and ": ", or nothing
    size_t n;          // differences
} Compare;

static void print_value(json_t *value) {
    char *text = value != NULL ? option_value_text(value) : mem_strdup("nothing");
    printf("%s", text == NULL ? "a list or a mapping" : *text == 0 ? "\"\"" : text);
    mem_free(text);
}

static void differ(Compare *c, const char *what, json_t *a, json_t *b) {
    printf("%s%s: ", c->where, what);
    print_value(a);
    printf(" / ");
    print_value(b);
    printf("\n");
    c->n++;
}

// ---- objects

typedef bool (*KeyFilter)(const char *command, const char *key);

static bool every_key(const char *command, const char *key) {
    (void)command, (void)key;
    return true;
}

// Paths are where a run lies, not what it is: inputs are compared by what they hold.
static bool is_setting(const char *command, const char *key) {
    const Command *found = command_find(command);
    const OptionRow *row = found != NULL ? option_find(found, key) : NULL;
    bool is_path = row != NULL && (row->type == OPTION_INPUT || row->type == OPTION_OUTPUT);
    return !is_path && strcmp(key, "resume") != 0 && strcmp(key, "replay") != 0;
}

static void compare_objects(Compare *c, const char *what, json_t *a, json_t *b, const char *command, KeyFilter filter) {
    const char *key;
    json_t *value;
    char name[256];
    json_object_foreach(a, key, value) {
        json_t *other = json_object_get(b, key);
        snprintf(name, sizeof name, "%s %s", what, key);
        if (filter(command, key) && !json_equal(value, other)) differ(c, name, value, other);
    }
    json_object_foreach(b, key, value) {
        snprintf(name, sizeof name, "%s %s", what, key);
        if (filter(command, key) && json_object_get(a, key) == NULL) differ(c, name, NULL, value);
    }
}

// ---- hashes

// How many rows before row i have its name, and the row of `list` with that many before it; a run may read several files for
// one key.
static json_t *same_row(json_t *list, json_t *rows, size_t i, const char *member) {
    json_t *name = json_object_get(json_array_get(rows, i), member), *row;
    size_t before = 0, k;
    for (size_t j = 0; j < i; j++) before += json_equal(json_object_get(json_array_get(rows, j), member), name);
    json_array_foreach(list, k, row) {
        if (json_equal(json_object_get(row, member), name) && before-- == 0) return row;
    }
    return NULL;
}

static void hashes_differ(Compare *c, const char *what, const char *name, json_t *a, json_t *b) {
    printf("%s%s %s: ", c->where, what, name);
    for (int i = 0; i < 2; i++) {
        json_t *row = i == 0 ? a : b;
        const char *path = json_string_value(json_object_get(row, "path")), *hex = json_string_value(json_object_get(row, "sha256"));
        printf("%s", i == 0 ? "" : " / ");
        if (row == NULL) printf("none");
        if (row != NULL) printf("%s %.16s...", path, hex);
    }
    printf("\n");
    c->n++;
}

// Seconds, checkpoints with the lengths of what tells of them, and paths differ between any two runs.
static bool is_compared(const char *name) {
    if (str_ends(str_of(name), STR(STAGE_RECORD_SUFFIX))) return false; // stages are compared one by one
    return strcmp(name, METRICS_TIMING_FILE) != 0 && strcmp(name, RECIPE_FILE) != 0 && strncmp(name, "checkpoints/", 12) != 0;
}

// Two lists of hashes, whose rows are known by `member`: "key" of inputs and of a stage's outputs, "path" of a manifest's.
static void compare_hashes(Compare *c, const char *what, const char *member, json_t *a, json_t *b) {
    json_t *row;
    size_t i;
    json_array_foreach(a, i, row) {
        const char *name = json_string_value(json_object_get(row, member));
        json_t *other = same_row(b, a, i, member);
        if (!is_compared(name)) continue;
        if (!json_equal(json_object_get(row, "sha256"), json_object_get(other, "sha256"))) hashes_differ(c, what, name, row, other);
    }
    json_array_foreach(b, i, row) {
        const char *name = json_string_value(json_object_get(row, member));
        if (is_compared(name) && same_row(a, b, i, member) == NULL) hashes_differ(c, what, name, NULL, row);
    }
}

// ---- metrics

static void name_metrics(Compare *c, Str a, Str b) {
    json_t *row_a = NULL, *row_b = NULL, *value, *step;
    const char *key;
    if (json_parse(a, METRICS_FILE, &row_a, NULL) && json_parse(b, METRICS_FILE, &row_b, NULL)) {
        step = json_object_get(row_a, "step");
        printf("%smetrics: the first step that differs is %" JSON_INTEGER_FORMAT "\n", c->where, json_integer_value(step));
        c->n++;
        json_object_foreach(row_a, key, value) {
            json_t *other = json_object_get(row_b, key);
            if (json_equal(value, other)) continue;
            c->n--; // counted once, above
            differ(c, key, value, other);
        }
    } else {
        printf("%smetrics: a row that is no JSON\n", c->where);
        c->n++;
    }
    json_decref(row_a);
    json_decref(row_b);
}

static bool compare_lines(Compare *c, LineReader *a, LineReader *b, Error *error) {
    for (size_t n = 0;; n++) {
        Str line_a, line_b;
        int got_a = line_reader_next(a, &line_a, error), got_b = got_a >= 0 ? line_reader_next(b, &line_b, error) : -1;
        if (got_b < 0) return false;
        if (got_a == 0 && got_b == 0) {
            printf("%smetrics: the same for all %zu steps\n", c->where, n);
            return true;
        }
        if (got_a != got_b) {
            printf("%smetrics: the same for %zu steps, where %s ends\n", c->where, n, got_a == 0 ? "the first" : "the second");
            c->n++;
            return true;
        }
        if (str_equal(line_a, line_b)) continue;
        name_metrics(c, line_a, line_b);
        return true;
    }
}

static bool compare_metrics(Compare *c, const char *folder_a, const char *folder_b, Error *error) {
    char *path_a = path_join(folder_a, METRICS_FILE), *path_b = path_join(folder_b, METRICS_FILE);
    LineReader *a = NULL, *b = NULL;
    bool ok = !file_exists(path_a) || !file_exists(path_b) ||
              (line_reader_open(path_a, METRICS_ROW_MAX_BYTES, &a, error) &&
               line_reader_open(path_b, METRICS_ROW_MAX_BYTES, &b, error) && compare_lines(c, a, b, error));
    line_reader_close(a);
    line_reader_close(b);
    mem_free(path_a);
    mem_free(path_b);
    return ok;
}

// ---- runs

static bool compare_records(Compare *c, const Record *a, const Record *b, Error *error) {
    static const char *const values[] = {"program", "processor", "backend", "command"}, *const objects[] = {"build", "libraries"};
    const char *command = json_string_value(json_object_get(a->record, "command"));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *value_a = json_object_get(a->record, values[i]), *value_b = json_object_get(b->record, values[i]);
        if (value_a != value_b && !json_equal(value_a, value_b)) differ(c, values[i], value_a, value_b);
    }
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        compare_objects(c, objects[i], json_object_get(a->record, objects[i]), json_object_get(b->record, objects[i]), command, every_key);
    }
    compare_objects(c, "option", json_object_get(a->record, "options"), json_object_get(b->record, "options"), command, is_setting);
    compare_hashes(c, "input", "key", json_object_get(a->record, "inputs"), json_object_get(b->record, "inputs"));
    compare_hashes(c, "output", a->is_stage ? "key" : "path", json_object_get(a->record, "outputs"), json_object_get(b->record, "outputs"));
    return a->is_stage || a->is_file || compare_metrics(c, a->folder, b->folder, error);
}

// A record's name below its run: "" for the run itself.
static const char *name_in(const RecordList *list, const Record *record) { return record->name + strlen(list->run); }

static const Record *find_record(const RecordList *in, const RecordList *list, const Record *record) {
    for (size_t i = 0; i < in->n; i++) {
        const Record *other = &in->records[i];
        if (other->is_stage == record->is_stage && strcmp(name_in(in, other), name_in(list, record)) == 0) return other;
    }
    return NULL;
}

// A stage that wrote a manifest of its own, in both runs, says more there.
static bool says_more(const RecordList *list, const RecordList *other, const Record *record) {
    for (size_t i = 0; i < list->n; i++) {
        const Record *manifest = &list->records[i];
        if (record->is_stage && !manifest->is_stage && strcmp(manifest->folder, record->folder) == 0 &&
            find_record(other, list, manifest) != NULL) {
            return true;
        }
    }
    return false;
}

static void missing(Compare *c, const RecordList *in, const RecordList *from) {
    for (size_t i = 0; i < from->n; i++) {
        if (!from->records[i].is_stage || find_record(in, from, &from->records[i]) != NULL) continue;
        printf("%s: is in %s alone\n", name_in(from, &from->records[i]) + 1, from->run);
        c->n++;
    }
}

bool records_compare(const RecordList *a, const RecordList *b, Error *error) {
    Compare c = {.where = ""};
    for (size_t i = 0; i < a->n; i++) {
        const Record *other = find_record(b, a, &a->records[i]);
        if (other == NULL || says_more(a, b, &a->records[i])) continue;
        const char *name = name_in(a, &a->records[i]);
        char where[256];
        snprintf(where, sizeof where, "%s%s", name + (*name == '/'), *name != 0 ? ": " : "");
        c.where = where;
        if (!compare_records(&c, &a->records[i], other, error)) return false;
    }
    missing(&c, b, a);
    missing(&c, a, b);
    if (c.n == 0) printf("no difference\n");
    return c.n == 0 || error_set(error, "%s and %s differ in %zu place%s", a->run, b->run, c.n, c.n > 1 ? "s" : "");
}
