#include "commands/stages.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/yaml.h"

#define VALUE_MAX_BYTES 4096

typedef struct Reader {
    const char *recipe;
    json_t *variables; // name -> string
    StageOverride *overrides;
    size_t n_overrides;
    Error *error;
} Reader;

void stages_free(StageList *list) {
    mem_free(list->name);
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

static char *scalar_text(json_t *node) {
    char number[64];
    if (json_is_string(node)) return mem_strdup(json_string_value(node));
    if (json_is_boolean(node)) return mem_strdup(json_is_true(node) ? "true" : "false");
    if (json_is_null(node)) return mem_strdup("");
    if (json_is_integer(node)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(node));
    } else if (json_is_real(node)) {
        snprintf(number, sizeof number, "%.17g", json_real_value(node));
    } else {
        return NULL;
    }
    return mem_strdup(number);
}

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
        char *text = scalar_text(node);
        if (text == NULL) return error_set(r->error, "%s: variable \"%s\": expected one value", r->recipe, name);
        bool ok = set_variable(r, name, text);
        mem_free(text);
        if (!ok) return false;
    }
    return true;
}

// ---- stages

static bool add_key(const Reader *r, Stage *stage, const char *key, json_t *node) {
    if (option_find(stage->command, key) == NULL) {
        return error_set(r->error, "%s: stage \"%s\": unknown key \"%s\" of rlt %s; the nearest is \"%s\"", r->recipe, stage->name, key,
                         stage->command->name, option_nearest(stage->command, key));
    }
    char *text = scalar_text(node);
    if (text == NULL) return error_set(r->error, "%s: stage \"%s\": key \"%s\": expected one value", r->recipe, stage->name, key);
    char name[256];
    snprintf(name, sizeof name, "%s.%s", stage->name, key);
    const char *override = find_override(r, name);
    char *value = expand(r, name, override != NULL ? override : text);
    mem_free(text);
    if (value == NULL) return false;
    stage->keys = mem_realloc(stage->keys, stage->n_keys + 1, sizeof *stage->keys);
    stage->keys[stage->n_keys++] = (StageKey){mem_strdup(key), value};
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

static bool is_name(const char *text) {
    if (*text == 0 || strlen(text) > 64) return false;
    for (; *text != 0; text++) {
        if (!isalnum((unsigned char)*text) && *text != '_' && *text != '-') return false;
    }
    return true;
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
    return add_keys(r, stage, "", with) && add_overrides(r, stage);
}

static bool read_stages(const Reader *r, json_t *root, const char *out, const Command *(*find)(const char *), StageList *list) {
    json_t *stages, *node;
    size_t i;
    if (!json_need_array(root, r->recipe, "stages", &stages, r->error)) return false;
    if (json_array_size(stages) > STAGES_MAX) return error_set(r->error, "%s: more than %d stages", r->recipe, STAGES_MAX);
    json_array_foreach(stages, i, node) {
        if (!read_stage(r, node, out, find, &list->stages[list->n_stages++])) return false;
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
        if (!json_need_string(node, r->recipe, "label", &label, r->error) || !json_need_string(node, r->recipe, "eval", &stage, r->error)) {
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
    static const char *const known[] = {"name", "variables", "stages", "table", "about"};
    const char *key;
    json_t *node;
    json_object_foreach(root, key, node) {
        bool ok = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) ok |= strcmp(known[i], key) == 0;
        if (!ok) return error_set(r->error, "%s: unknown key \"%s\": expected name, about, variables, stages or table", r->recipe, key);
    }
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
    if (!yaml_read_file(recipe, &root, error)) return false;
    Reader r = {recipe, json_object(), overrides, n_overrides, error};
    json_object_set_new(r.variables, "out", json_string(out));
    json_object_set_new(r.variables, "seed", json_string(seed));
    bool ok = json_is_object(root) ? read_root(&r, root, out, find, list) : error_set(error, "%s: expected a mapping", recipe);
    json_decref(r.variables);
    json_decref(root);
    if (!ok) stages_free(list);
    return ok;
}
