#include "commands/options.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/yaml.h"
#include "commands/recipe_file.h"

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
    char **arguments; // as they were given
    int n_arguments;
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
        return error_set(error, "%s: %s=%s: expected %s from %s to %s", where, row->key, text, kind,
                         option_bound_text(row->min).text, option_bound_text(row->max).text);
    }
    return true;
}

bool option_check(const OptionRow *row, const char *where, const char *text, Error *error) {
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
    case OPTION_OUTPUT:
    case OPTION_PROGRAM: break;
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
    if (!option_check(&options->command->rows[i], where, text, error)) return false;
    mem_free(options->values[i].text);
    options->values[i] = (Value){mem_strdup(text), true};
    return true;
}

// ---- recipes

// The shortest text that reads back to the same bits.
static void real_text(double value, char *text, size_t size) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (strtod(text, NULL) == value) return;
    }
}

char *option_value_text(json_t *node) {
    char number[64] = "";
    if (json_is_string(node)) return mem_strdup(json_string_value(node));
    if (json_is_boolean(node)) return mem_strdup(json_is_true(node) ? "true" : "false");
    if (json_is_integer(node)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(node));
    } else if (json_is_real(node)) {
        real_text(json_real_value(node), number, sizeof number);
    } else if (!json_is_null(node)) {
        return NULL;
    }
    return mem_strdup(number);
}

static bool set_from_tree(Options *options, const char *path, const char *prefix, json_t *tree, Error *error);

static bool set_from_node(Options *options, const char *path, const char *key, json_t *node, Error *error) {
    if (json_is_object(node)) return set_from_tree(options, path, key, node, error);
    char *text = option_value_text(node);
    if (text == NULL) return error_set(error, "%s: key \"%s\": expected one value, not a list", path, key);
    bool ok = set_value(options, path, key, text, error);
    mem_free(text);
    return ok;
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
    if (!recipe_read(path, &tree, NULL, error)) return false;
    bool ok = set_from_tree(options, path, "", tree, error);
    json_decref(tree);
    return ok;
}

// ---- arguments

static bool is_recipe(const char *argument) {
    Str text = str_of(argument);
    return strchr(argument, '=') == NULL && (str_ends(text, STR(".yaml")) || str_ends(text, STR(".yml")));
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

// `--key value` in two arguments: *next is the value's and is taken.
static bool set_from_pair(Options *options, const char *argument, const char *next, bool *taken, Error *error) {
    const OptionRow *row = strncmp(argument, "--", 2) == 0 ? option_find(options->command, argument + 2) : NULL;
    *taken = row != NULL && row->type != OPTION_BOOL && next != NULL;
    return !*taken || set_value(options, "command line", row->key, next, error);
}

static bool set_from_arguments(Options *options, int n, char **arguments, bool *usage, Error *error) {
    const char *positional = options->command->positional;
    for (int i = 0; i < n; i++) {
        bool taken = false, recipe = i == 0 && is_recipe(arguments[i]) && strncmp(positional, "recipe", 6) != 0;
        *usage = !recipe;
        if (recipe && !set_from_recipe(options, arguments[i], error)) return false;
        if (recipe) continue;
        if (!set_from_pair(options, arguments[i], i + 1 < n ? arguments[i + 1] : NULL, &taken, error)) return false;
        if (!taken && !set_from_argument(options, arguments[i], &positional, error)) return false;
        i += taken;
    }
    return true;
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
    options->arguments = mem_alloc((size_t)n_arguments, sizeof *options->arguments);
    while (options->n_arguments < n_arguments) {
        options->arguments[options->n_arguments] = mem_strdup(arguments[options->n_arguments]);
        options->n_arguments++;
    }
    *usage = false;
    bool ok = set_from_arguments(options, n_arguments, arguments, usage, error);
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
    for (int i = 0; i < options->n_arguments; i++) mem_free(options->arguments[i]);
    mem_free(options->arguments);
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

int options_n_arguments(const Options *options) { return options->n_arguments; }
const char *options_argument(const Options *options, int index) { return options->arguments[index]; }

json_t *option_json(const OptionRow *row, const char *text) {
    bool is_text = row->type == OPTION_TEXT || row->type == OPTION_INPUT || row->type == OPTION_OUTPUT ||
                   row->type == OPTION_PROGRAM || row->type == OPTION_CHOICE;
    json_t *node = row->type == OPTION_INT    ? json_integer(strtoll(text, NULL, 10))
                   : row->type == OPTION_BOOL ? json_boolean(strcmp(text, "true") == 0)
                   : is_text                  ? json_string(text)
                                              : json_real(strtod(text, NULL));
    if (node == NULL) node = row->type == OPTION_REAL ? json_string(text) : json_string(""); // inf; text that is not UTF-8
    return node;
}

static json_t *options_tree(const Options *options) {
    json_t *tree = json_object();
    for (int i = 0; i < options->n_rows; i++) {
        const OptionRow *row = &options->command->rows[i];
        json_object_set_new(tree, row->key, option_json(row, options->values[i].text));
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
