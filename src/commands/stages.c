#include "commands/stages.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/yaml.h"

#define VALUE_MAX_BYTES 4096

const OptionRow recipe_rows[] = {
    {"name", OPTION_TEXT, "run", 0, 0, NULL, "Title of the table."},
    {"about", OPTION_TEXT, "", 0, 0, NULL, "What the recipe is for; for people."},
    {"extends", OPTION_INPUT, "", 0, 0, NULL, "Another recipe, from this file's folder, whose keys hold where this one does not set them."},
    {"variables", OPTION_TEXT, "", 0, 0, NULL, "Mapping of names to values: ${name} in later values; `rlt run RECIPE name=value` overrides."},
    {"stages", OPTION_TEXT, NULL, 0, 0, NULL, "List of stages, in the order in which they run; at most 64."},
    {"stages[].stage", OPTION_TEXT, NULL, 0, 0, NULL, "Name of letters, digits, _ and -: the stage's folder in the run's, ${name} in later values."},
    {"stages[].command", OPTION_TEXT, "", 0, 0, NULL, "A command of this program; must be given, unless `like` gives it."},
    {"stages[].like", OPTION_TEXT, "", 0, 0, NULL, "An earlier stage, whose command and keys hold where this one does not set them."},
    {"stages[].pattern", OPTION_BOOL, "false", 0, 0, NULL, "No stage of its own: only what later ones are like."},
    {"stages[].with", OPTION_TEXT, "", 0, 0, NULL, "Mapping of the command's keys to values; `rlt run RECIPE STAGE.KEY=value` overrides."},
    {"table", OPTION_TEXT, "", 0, 0, NULL, "List of rows of the final table; at most 64."},
    {"table[].label", OPTION_TEXT, NULL, 0, 0, NULL, "What stands in the row's first column."},
    {"table[].eval", OPTION_TEXT, NULL, 0, 0, NULL, "The eval stage whose results the row shows."},
    {0},
};
static const Command recipe_keys = {"run's recipe", "", "", recipe_rows, NULL}; // for the nearest key

typedef struct Reader {
    const char *recipe;
    json_t *variables; // name -> string
    StageOverride *overrides;
    size_t n_overrides;
    Error *error;
} Reader;

void stages_free(StageList *list) {
    mem_free(list->name);
    recipe_files_free(&list->files);
    for (int i = 0; i < list->n_stages; i++) {
        Stage *stage = &list->stages[i];
        for (size_t k = 0; k < stage->n_keys; k++) {
            mem_free(stage->keys[k].key);
            mem_free(stage->keys[k].value);
        }
        mem_free(stage->keys);
        mem_free(stage->name);
        mem_free(stage->folder);
    }
    for (int i = 0; i < list->n_table; i++) {
        mem_free(list->table[i].label);
        mem_free(list->table[i].stage);
    }
    *list = (StageList){0};
}

// ---- values

// Replaces every ${name}; the result is to be freed. NULL with the error set where a name is unknown.
static char *expand(const Reader *r, const char *where, const char *text) {
    Buf out;
    buf_init(&out, 0);
    while (*text != 0) {
        const char *end = strncmp(text, "${", 2) == 0 ? strchr(text, '}') : NULL;
        if (end == NULL) {
            buf_add_char(&out, *text++);
        } else {
            char *name = mem_strndup(text + 2, (size_t)(end - text - 2));
            json_t *value = json_object_get(r->variables, name);
            if (value == NULL) {
                error_set(r->error, "%s: %s: ${%s}: no variable and no earlier stage has this name", r->recipe, where, name);
                mem_free(name);
                buf_free(&out);
                return NULL;
            }
            buf_add_text(&out, json_string_value(value));
            mem_free(name);
            text = end + 1;
        }
        if (out.len > VALUE_MAX_BYTES) {
            error_set(r->error, "%s: %s: a value over %d bytes", r->recipe, where, VALUE_MAX_BYTES);
            buf_free(&out);
            return NULL;
        }
    }
    if (out.data == NULL) buf_add_text(&out, "");
    return out.data;
}

static const char *find_override(const Reader *r, const char *key) {
    for (size_t i = 0; i < r->n_overrides; i++) {
        if (strcmp(r->overrides[i].key, key) != 0) continue;
        r->overrides[i].used = true;
        return r->overrides[i].value;
    }
    return NULL;
}

static bool set_variable(const Reader *r, const char *name, const char *text) {
    const char *override = find_override(r, name);
    char *value = expand(r, name, override != NULL ? override : text);
    if (value == NULL) return false;
    json_object_set_new(r->variables, name, json_string(value));
    mem_free(value);
    return true;
}

static bool read_variables(const Reader *r, json_t *root) {
    const char *name;
    json_t *node, *variables = json_object_get(root, "variables");
    if (variables == NULL) return true;
    if (!json_is_object(variables)) return error_set(r->error, "%s: key \"variables\": expected a mapping", r->recipe);
    json_object_foreach(variables, name, node) {
        char *text = option_value_text(node);
        if (text == NULL) return error_set(r->error, "%s: variable \"%s\": expected one value", r->recipe, name);
        bool ok = set_variable(r, name, text);
        mem_free(text);
        if (!ok) return false;
    }
    return true;
}

// ---- stages

// Whether every key of a mapping is one of the recipe's, `prefix` before it ("stages[].").
static bool known_keys(const Reader *r, json_t *mapping, const char *prefix) {
    const char *key;
    json_t *node;
    if (!json_is_object(mapping)) return error_set(r->error, "%s: key \"%s\": expected mappings", r->recipe, prefix);
    json_object_foreach(mapping, key, node) {
        char name[128];
        snprintf(name, sizeof name, "%s%.64s", prefix, key);
        if (strchr(key, '[') == NULL && option_find(&recipe_keys, name) != NULL) continue;
        return error_set(r->error, "%s: unknown key \"%s\"; the nearest is \"%s\"", r->recipe, name, option_nearest(&recipe_keys, name));
    }
    return true;
}

// Takes `value`. `reward.kl` and `reward: {kl: }` are one key: the later one holds.
static void set_key(Stage *stage, const char *key, char *value) {
    for (size_t i = 0; i < stage->n_keys; i++) {
        if (strcmp(stage->keys[i].key, key) != 0) continue;
        mem_free(stage->keys[i].value);
        stage->keys[i].value = value;
        return;
    }
    stage->keys = mem_realloc(stage->keys, stage->n_keys + 1, sizeof *stage->keys);
    stage->keys[stage->n_keys++] = (StageKey){mem_strdup(key), value};
}

static bool add_key(const Reader *r, Stage *stage, const char *key, json_t *node) {
    if (option_find(stage->command, key) == NULL) {
        return error_set(r->error, "%s: stage \"%s\": unknown key \"%s\" of rlt %s; the nearest is \"%s\"", r->recipe, stage->name, key,
                         stage->command->name, option_nearest(stage->command, key));
    }
    char *text = option_value_text(node);
    if (text == NULL) return error_set(r->error, "%s: stage \"%s\": key \"%s\": expected one value", r->recipe, stage->name, key);
    char name[256];
    snprintf(name, sizeof name, "%s.%s", stage->name, key);
    const char *override = find_override(r, name);
    char *value = expand(r, name, override != NULL ? override : text);
    mem_free(text);
    if (value == NULL) return false;
    char where[512];
    snprintf(where, sizeof where, "%s: stage \"%s\"", r->recipe, stage->name);
    if (!option_check(option_find(stage->command, key), where, value, r->error)) {
        mem_free(value);
        return false;
    }
    set_key(stage, key, value);
    return true;
}

static bool add_keys(const Reader *r, Stage *stage, const char *prefix, json_t *with) {
    const char *name;
    json_t *node;
    json_object_foreach(with, name, node) {
        char key[256];
        snprintf(key, sizeof key, "%s%s%s", prefix, *prefix != 0 ? "." : "", name);
        bool ok = json_is_object(node) ? add_keys(r, stage, key, node) : add_key(r, stage, key, node);
        if (!ok) return false;
    }
    return true;
}

// Overrides of keys that the recipe leaves at their defaults.
static bool add_overrides(const Reader *r, Stage *stage) {
    size_t n = strlen(stage->name);
    for (size_t i = 0; i < r->n_overrides; i++) {
        StageOverride *o = &r->overrides[i];
        if (o->used || strncmp(o->key, stage->name, n) != 0 || o->key[n] != '.') continue;
        json_t *value = json_string(o->value);
        bool ok = add_key(r, stage, o->key + n + 1, value);
        json_decref(value);
        if (!ok) return false;
    }
    return true;
}

const char *stage_key_value(const Stage *stage, const char *key) {
    for (size_t i = 0; i < stage->n_keys; i++) {
        if (strcmp(stage->keys[i].key, key) == 0) return stage->keys[i].value;
    }
    return NULL;
}

static bool has_required(const Reader *r, const Stage *stage) {
    for (const OptionRow *row = stage->command->rows; row->key != NULL; row++) {
        if (row->fallback != NULL || stage_key_value(stage, row->key) != NULL) continue;
        return error_set(r->error, "%s: stage \"%s\": key \"%s\" of rlt %s must be given: %s", r->recipe, stage->name, row->key,
                         stage->command->name, row->help);
    }
    return true;
}

static bool is_name(const char *text) {
    if (*text == 0 || strlen(text) > 64) return false;
    for (; *text != 0; text++) {
        if (!isalnum((unsigned char)*text) && *text != '_' && *text != '-') return false;
    }
    return true;
}

// Puts under stage i what the earlier stage that it is like says: command and keys, not yet expanded.
static bool fill_like(const Reader *r, json_t *stages, size_t i) {
    json_t *node = json_array_get(stages, i), *like = json_object_get(node, "like"), *row;
    size_t k;
    if (like == NULL) return true;
    const char *name = json_string_value(like);
    json_array_foreach(stages, k, row) {
        const char *other = json_string_value(json_object_get(row, "stage"));
        if (k >= i || name == NULL || other == NULL || strcmp(name, other) != 0) continue;
        json_t *command = json_object_get(row, "command"), *with = json_deep_copy(json_object_get(row, "with"));
        if (json_object_get(node, "command") == NULL) json_object_set(node, "command", command);
        if (json_is_object(with) && json_is_object(json_object_get(node, "with"))) recipe_merge(with, json_object_get(node, "with"));
        if (with != NULL) json_object_set_new(node, "with", with);
        return true;
    }
    return error_set(r->error, "%s: stage %zu: like \"%s\": expected the name of an earlier stage", r->recipe, i + 1,
                     name != NULL ? name : "");
}

static bool read_stage(const Reader *r, json_t *node, const char *out, const Command *(*find)(const char *), Stage *stage) {
    Str name, command;
    if (!json_need_string(node, r->recipe, "stage", &name, r->error) || !json_need_string(node, r->recipe, "command", &command, r->error)) {
        return false;
    }
    if (!is_name(name.ptr)) {
        return error_set(r->error, "%s: stage \"%s\": expected a name of letters, digits, _ and -", r->recipe, name.ptr);
    }
    if (json_object_get(r->variables, name.ptr) != NULL) {
        return error_set(r->error, "%s: stage \"%s\": the name is taken", r->recipe, name.ptr);
    }
    stage->name = mem_strdup(name.ptr);
    stage->folder = path_join(out, name.ptr);
    stage->command = find(command.ptr);
    if (stage->command == NULL) {
        return error_set(r->error, "%s: stage \"%s\": there is no command \"%s\"", r->recipe, name.ptr, command.ptr);
    }
    json_object_set_new(r->variables, stage->name, json_string(stage->folder));
    json_t *with = json_object_get(node, "with");
    if (with != NULL && !json_is_object(with)) {
        return error_set(r->error, "%s: stage \"%s\": key \"with\": expected a mapping", r->recipe, name.ptr);
    }
    return add_keys(r, stage, "", with) && add_overrides(r, stage) && has_required(r, stage);
}

static bool read_stages(const Reader *r, json_t *root, const char *out, const Command *(*find)(const char *), StageList *list) {
    json_t *stages, *node;
    size_t i;
    if (!json_need_array(root, r->recipe, "stages", &stages, r->error)) return false;
    if (json_array_size(stages) > STAGES_MAX) return error_set(r->error, "%s: more than %d stages", r->recipe, STAGES_MAX);
    json_array_foreach(stages, i, node) {
        bool pattern;
        if (!known_keys(r, node, "stages[].") || !fill_like(r, stages, i) ||
            !json_bool_or(node, r->recipe, "pattern", false, &pattern, r->error)) {
            return false;
        }
        if (!pattern && !read_stage(r, node, out, find, &list->stages[list->n_stages++])) return false;
    }
    return true;
}

static bool read_table(const Reader *r, json_t *root, StageList *list) {
    json_t *table = json_object_get(root, "table"), *node;
    size_t i;
    if (table == NULL) return true;
    if (!json_is_array(table) || json_array_size(table) > STAGES_MAX) {
        return error_set(r->error, "%s: key \"table\": expected a list of at most %d rows", r->recipe, STAGES_MAX);
    }
    json_array_foreach(table, i, node) {
        Str label, stage;
        if (!known_keys(r, node, "table[].") || !json_need_string(node, r->recipe, "label", &label, r->error) || !json_need_string(node, r->recipe, "eval", &stage, r->error)) {
            return false;
        }
        bool known = false;
        for (int s = 0; s < list->n_stages; s++) known |= strcmp(list->stages[s].name, stage.ptr) == 0;
        if (!known) return error_set(r->error, "%s: table: \"%s\" is no stage", r->recipe, stage.ptr);
        list->table[list->n_table++] = (TableRow){mem_strdup(label.ptr), mem_strdup(stage.ptr)};
    }
    return true;
}

static bool read_root(const Reader *r, json_t *root, const char *out, const Command *(*find)(const char *), StageList *list) {
    if (!known_keys(r, root, "")) return false;
    Str name;
    if (!json_string_or(root, r->recipe, "name", STR("run"), &name, r->error)) return false;
    list->name = mem_strndup(name.ptr, name.len);
    if (!read_variables(r, root) || !read_stages(r, root, out, find, list) || !read_table(r, root, list)) return false;
    for (size_t i = 0; i < r->n_overrides; i++) {
        if (!r->overrides[i].used) {
            return error_set(r->error, "%s: \"%s\" is no variable and no STAGE.KEY of this recipe", r->recipe, r->overrides[i].key);
        }
    }
    return true;
}

bool stages_read(const char *recipe, const char *out, const char *seed, StageOverride *overrides, size_t n_overrides,
                 const Command *(*find)(const char *name), StageList *list, Error *error) {
    *list = (StageList){0};
    json_t *root;
    if (!recipe_read(recipe, &root, &list->files, error)) return false;
    Reader r = {recipe, json_object(), overrides, n_overrides, error};
    json_object_set_new(r.variables, "out", json_string(out));
    json_object_set_new(r.variables, "seed", json_string(seed));
    bool ok = read_root(&r, root, out, find, list);
    json_decref(r.variables);
    json_decref(root);
    if (!ok) stages_free(list);
    return ok;
}

// ---- writing

static json_t *stage_tree(const Stage *stage) {
    json_t *with = json_object();
    for (size_t i = 0; i < stage->n_keys; i++) {
        const OptionRow *row = option_find(stage->command, stage->keys[i].key);
        json_object_set_new(with, row->key, option_json(row, stage->keys[i].value));
    }
    return json_pack("{s:s, s:s, s:o}", "stage", stage->name, "command", stage->command->name, "with", with);
}

void stages_write_yaml(const StageList *list, Buf *out) {
    json_t *stages = json_array(), *table = json_array();
    for (int i = 0; i < list->n_stages; i++) json_array_append_new(stages, stage_tree(&list->stages[i]));
    for (int i = 0; i < list->n_table; i++) {
        json_array_append_new(table, json_pack("{s:s, s:s}", "label", list->table[i].label, "eval", list->table[i].stage));
    }
    json_t *tree = json_pack("{s:s, s:o, s:o}", "name", list->name, "stages", stages, "table", table);
    yaml_write(out, tree);
    json_decref(tree);
}
