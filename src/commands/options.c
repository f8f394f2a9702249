#include "commands/options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/yaml.h"

#define KEY_MAX 128

typedef struct Value {
    char *text; // owned
    bool given;
} Value;

struct Options {
    const Command *command;
    int n_rows;
    Value *values; // [n_rows], in the table's order
    struct { char *key, *value; } *extra; // keys beyond the table
    size_t n_extra;
};

static int row_index(const Command *command, const char *key) {
    for (int i = 0; command->rows[i].key != NULL; i++) {
        if (strcmp(command->rows[i].key, key) == 0) return i;
    }
    return -1;
}

const OptionRow *option_find(const Command *command, const char *key) {
    int i = row_index(command, key);
    return i < 0 ? NULL : &command->rows[i];
}

// Levenshtein distance of short strings.
static int edit_distance(const char *a, const char *b) {
    int line[KEY_MAX + 1];
    int n = (int)strnlen(b, KEY_MAX);
    for (int j = 0; j <= n; j++) line[j] = j;
    for (int i = 1; a[i - 1] != 0; i++) {
        int diagonal = line[0];
        line[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (line[j] + 1 < best) best = line[j] + 1;
            if (line[j - 1] + 1 < best) best = line[j - 1] + 1;
            diagonal = line[j];
            line[j] = best;
        }
    }
    return line[n];
}

const char *option_nearest(const Command *command, const char *key) {
    const char *best = NULL;
    int best_distance = 1 << 20;
    for (int i = 0; command->rows[i].key != NULL; i++) {
        int distance = edit_distance(key, command->rows[i].key);
        if (distance < best_distance) {
            best_distance = distance;
            best = command->rows[i].key;
        }
    }
    return best;
}

// ---- checking one value

static bool is_choice(const char *choices, const char *text) {
    size_t length = strlen(text);
    for (const char *at = choices;; at++) {
        const char *end = strchrnul(at, '|');
        if ((size_t)(end - at) == length && memcmp(at, text, length) == 0) return true;
        if (*end == 0) return false;
        at = end;
    }
}

static bool check_number(const OptionRow *row, const char *where, const char *text, Error *error) {
    char *end;
    errno = 0;
    double value = row->type == OPTION_INT ? (double)strtoll(text, &end, 10) : strtod(text, &end);
    const char *kind = row->type == OPTION_INT ? "a whole number" : "a number";
    if (end == text || *end != 0 || errno == ERANGE || isnan(value)) {
        return error_set(error, "%s: %s=%s: expected %s", where, row->key, text, kind);
    }
    if ((row->min != 0 || row->max != 0) && (value < row->min || value > row->max)) {
        return error_set(error, "%s: %s=%s: expected %s from %g to %g", where, row->key, text, kind, row->min, row->max);
    }
    return true;
}

static bool check_value(const OptionRow *row, const char *where, const char *text, Error *error) {
    switch (row->type) {
    case OPTION_INT:
    case OPTION_REAL: return check_number(row, where, text, error);
    case OPTION_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) return true;
        return error_set(error, "%s: %s=%s: expected true or false", where, row->key, text);
    case OPTION_CHOICE:
        if (is_choice(row->choices, text)) return true;
        return error_set(error, "%s: %s=%s: expected one of %s", where, row->key, text, row->choices);
    case OPTION_TEXT:
    case OPTION_INPUT:
    case OPTION_OUTPUT: break;
    }
    return true;
}

static bool set_value(Options *options, const char *where, const char *key, const char *text, Error *error) {
    int i = row_index(options->command, key);
    if (i < 0 && row_index(options->command, "*") >= 0) {
        options->extra = mem_realloc(options->extra, options->n_extra + 1, sizeof *options->extra);
        options->extra[options->n_extra].key = mem_strdup(key);
        options->extra[options->n_extra++].value = mem_strdup(text);
        return true;
    }
    if (i < 0) {
        return error_set(error, "%s: unknown key \"%s\" of rlt %s; the nearest is \"%s\"", where, key, options->command->name,
                         option_nearest(options->command, key));
    }
    if (!check_value(&options->command->rows[i], where, text, error)) return false;
    mem_free(options->values[i].text);
    options->values[i] = (Value){mem_strdup(text), true};
    return true;
}

// ---- recipes

static bool set_from_tree(Options *options, const char *path, const char *prefix, json_t *tree, Error *error);

static bool set_from_node(Options *options, const char *path, const char *key, json_t *node, Error *error) {
    if (json_is_object(node)) return set_from_tree(options, path, key, node, error);
    char number[64];
    const char *text = number;
    if (json_is_string(node)) {
        text = json_string_value(node);
    } else if (json_is_boolean(node)) {
        text = json_is_true(node) ? "true" : "false";
    } else if (json_is_integer(node)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(node));
    } else if (json_is_real(node)) {
        snprintf(number, sizeof number, "%.17g", json_real_value(node));
    } else if (json_is_null(node)) {
        text = "";
    } else {
        return error_set(error, "%s: key \"%s\": expected one value, not a list", path, key);
    }
    return set_value(options, path, key, text, error);
}

static bool set_from_tree(Options *options, const char *path, const char *prefix, json_t *tree, Error *error) {
    const char *name;
    json_t *node;
    json_object_foreach(tree, name, node) {
        char key[KEY_MAX];
        int n = snprintf(key, sizeof key, "%s%s%s", prefix, *prefix != 0 ? "." : "", name);
        if (n < 0 || (size_t)n >= sizeof key) return error_set(error, "%s: a key longer than %d characters", path, KEY_MAX - 1);
        if (!set_from_node(options, path, key, node, error)) return false;
    }
    return true;
}

static bool set_from_recipe(Options *options, const char *path, Error *error) {
    json_t *tree;
    if (!yaml_read_file(path, &tree, error)) return false;
    bool ok = json_is_object(tree) ? set_from_tree(options, path, "", tree, error)
                                   : error_set(error, "%s: expected a mapping of keys to values", path);
    json_decref(tree);
    return ok;
}

// ---- arguments

static bool is_recipe(const char *argument) {
    Str text = str_of(argument);
    return strchr(argument, '=') == NULL && (str_ends(text, STR(".yaml")) || str_ends(text, STR(".yml")));
}

// --key value: a key that is no switch takes the argument after it.
static const char *key_of_next(const Options *options, const char *argument) {
    if (strncmp(argument, "--", 2) != 0 || strchr(argument, '=') != NULL) return NULL;
    const OptionRow *row = option_find(options->command, argument + 2);
    return row != NULL && row->type != OPTION_BOOL ? row->key : NULL;
}

static bool set_from_argument(Options *options, const char *argument, const char **positional, Error *error) {
    if (strncmp(argument, "--", 2) == 0) argument += 2; // --resume is resume=true, --key=value is key=value
    const char *equals = strchr(argument, '=');
    char key[KEY_MAX];
    if (equals != NULL && (size_t)(equals - argument) < sizeof key) {
        memcpy(key, argument, (size_t)(equals - argument));
        key[equals - argument] = 0;
        return set_value(options, "command line", key, equals + 1, error);
    }
    const OptionRow *row = option_find(options->command, argument);
    if (row != NULL && row->type == OPTION_BOOL) return set_value(options, "command line", argument, "true", error);
    size_t length = strcspn(*positional, " ");
    if (length == 0 || length >= sizeof key) {
        return error_set(error, "command line: \"%s\": expected key=value", argument);
    }
    memcpy(key, *positional, length);
    key[length] = 0;
    *positional += length + ((*positional)[length] == ' ');
    return set_value(options, "command line", key, argument, error);
}

static bool check_required(const Options *options, Error *error) {
    for (int i = 0; i < options->n_rows; i++) {
        const OptionRow *row = &options->command->rows[i];
        if (options->values[i].text == NULL) {
            return error_set(error, "rlt %s: key \"%s\" must be given: %s", options->command->name, row->key, row->help);
        }
    }
    return true;
}

bool options_parse(const Command *command, int n_arguments, char **arguments, Options **out, bool *usage, Error *error) {
    Options *options = mem_alloc(1, sizeof *options);
    options->command = command;
    while (command->rows[options->n_rows].key != NULL) options->n_rows++;
    options->values = mem_alloc((size_t)options->n_rows, sizeof *options->values);
    for (int i = 0; i < options->n_rows; i++) {
        const char *fallback = command->rows[i].fallback;
        if (fallback != NULL) options->values[i].text = mem_strdup(fallback);
    }
    *usage = false;
    bool ok = true;
    const char *positional = command->positional, *key;
    for (int i = 0; ok && i < n_arguments; i++) {
        if (i == 0 && is_recipe(arguments[i]) && strcmp(command->positional, "recipe") != 0) {
            ok = set_from_recipe(options, arguments[i], error);
        } else if ((key = key_of_next(options, arguments[i])) != NULL && i + 1 < n_arguments) {
            ok = set_value(options, "command line", key, arguments[++i], error);
            *usage = !ok;
        } else {
            ok = set_from_argument(options, arguments[i], &positional, error);
            *usage = !ok;
        }
    }
    if (ok) {
        ok = check_required(options, error);
        *usage = !ok;
    }
    if (!ok) {
        options_free(options);
        return false;
    }
    *out = options;
    return true;
}

void options_free(Options *options) {
    if (options == NULL) return;
    for (int i = 0; i < options->n_rows; i++) mem_free(options->values[i].text);
    for (size_t i = 0; i < options->n_extra; i++) {
        mem_free(options->extra[i].key);
        mem_free(options->extra[i].value);
    }
    mem_free(options->extra);
    mem_free(options->values);
    mem_free(options);
}

// ---- values

static int need_row(const Options *options, const char *key) {
    int i = row_index(options->command, key);
    assert(i >= 0);
    return i;
}

const char *options_text(const Options *options, const char *key) { return options->values[need_row(options, key)].text; }
int64_t options_int(const Options *options, const char *key) { return strtoll(options_text(options, key), NULL, 10); }
double options_real(const Options *options, const char *key) { return strtod(options_text(options, key), NULL); }
bool options_bool(const Options *options, const char *key) { return strcmp(options_text(options, key), "true") == 0; }

bool options_given(const Options *options, const char *key) {
    const Value *value = &options->values[need_row(options, key)];
    return *value->text != 0;
}

size_t options_n_extra(const Options *options) { return options->n_extra; }

void options_extra(const Options *options, size_t index, const char **key, const char **value) {
    assert(index < options->n_extra);
    *key = options->extra[index].key;
    *value = options->extra[index].value;
}

const Command *options_command(const Options *options) { return options->command; }

static json_t *options_tree(const Options *options) {
    json_t *tree = json_object();
    for (int i = 0; i < options->n_rows; i++) {
        const OptionRow *row = &options->command->rows[i];
        const char *text = options->values[i].text;
        bool is_text = row->type == OPTION_TEXT || row->type == OPTION_INPUT || row->type == OPTION_OUTPUT ||
                       row->type == OPTION_CHOICE;
        json_t *node = row->type == OPTION_INT    ? json_integer(strtoll(text, NULL, 10))
                       : row->type == OPTION_BOOL ? json_boolean(strcmp(text, "true") == 0)
                       : is_text                  ? json_string(text)
                                                  : json_real(strtod(text, NULL));
        if (node == NULL) node = row->type == OPTION_REAL ? json_string(text) : json_string(""); // inf; text that is not UTF-8
        json_object_set_new(tree, row->key, node);
    }
    return tree;
}

void options_write_yaml(const Options *options, Buf *out) {
    json_t *tree = options_tree(options);
    yaml_write(out, tree);
    json_decref(tree);
}

void options_write_json(const Options *options, JsonWriter *w) {
    json_t *tree = options_tree(options);
    jw_json(w, tree);
    json_decref(tree);
}

// ---- help

static const char *type_name(OptionType type) {
    switch (type) {
    case OPTION_INT: return "whole number";
    case OPTION_REAL: return "number";
    case OPTION_BOOL: return "true|false";
    case OPTION_INPUT: return "path, read";
    case OPTION_OUTPUT: return "path, written";
    case OPTION_CHOICE:
    case OPTION_TEXT: break;
    }
    return "text";
}

void options_write_help(const Command *command, Buf *out) {
    bool takes_options = strcmp(command->positional, "recipe") != 0; // else its first argument is a recipe of stages
    buf_printf(out, "rlt %s: %s\n\nusage: rlt %s%s", command->name, command->summary, command->name,
               takes_options ? " [recipe.yaml]" : "");
    for (const char *at = command->positional; *at != 0;) {
        size_t length = strcspn(at, " ");
        buf_printf(out, " [%.*s]", (int)length, at);
        at += length + (at[length] == ' ');
    }
    buf_add_text(out, " [key=value ...]\n\n");
    for (const OptionRow *row = command->rows; row->key != NULL; row++) {
        buf_printf(out, "  %s (%s", row->key, row->type == OPTION_CHOICE ? row->choices : type_name(row->type));
        if (row->min != 0 || row->max != 0) buf_printf(out, ", %g to %g", row->min, row->max);
        if (row->fallback == NULL) {
            buf_add_text(out, "; must be given)");
        } else if (*row->fallback == 0) {
            buf_add_text(out, ")");
        } else {
            buf_printf(out, "; default %s)", row->fallback);
        }
        buf_printf(out, "\n      %s\n", row->help);
    }
}
