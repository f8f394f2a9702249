// rlt run: a recipe of stages. Each stage is a command of this program in a process of its own. What a stage was made of and
// what it left is its record, OUT/STAGE.stage.json: written when it begins, with its outputs when it is done. A stage whose
// record is what it would be now, and whose outputs are as recorded, is skipped; an interrupted one goes on; a changed one
// is run anew.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/command_table.h"
#include "commands/commands.h"
#include "commands/manifest.h"
#include "commands/record.h"
#include "commands/stages.h"

static const OptionRow rows[] = {
    {"recipe", OPTION_INPUT, NULL, 0, 0, NULL, "A recipe of stages (YAML)."},
    {"out", OPTION_OUTPUT, "", 0, 0, NULL, "Folder of the whole run, a folder a stage; none: runs/NAME-SEED."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "${seed} in the recipe."},
    {"until", OPTION_TEXT, "", 0, 0, NULL, "Stops after this stage."},
    {"dry_run", OPTION_BOOL, "false", 0, 0, NULL, "Checks every key of every stage and prints the resolved recipe; runs nothing."},
    {"*", OPTION_TEXT, "", 0, 0, NULL, "VARIABLE=value and STAGE.KEY=value override the recipe."},
    {0},
};

typedef struct StageResult {
    bool skipped;
    double seconds;
    uint64_t peak_bytes;
} StageResult;

// ---- a stage's record. It lies beside the stage's folder, so that it is no part of the outputs it vouches for.

static const char *stage_value(const void *stage, const OptionRow *row) { return stage_key_value(stage, row->key); }

// Everything but the outputs: program, command, options, inputs.
static bool describe(const Stage *stage, json_t **record, Error *error) {
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_object_begin(&w);
    jw_kstring(&w, "program", STR("rlt " RLT_VERSION));
    jw_kstring(&w, "command", str_of(stage->command->name));
    jw_key(&w, "options");
    jw_object_begin(&w);
    for (size_t i = 0; i < stage->n_keys; i++) jw_kstring(&w, stage->keys[i].key, str_of(stage->keys[i].value));
    jw_object_end(&w);
    bool ok = manifest_inputs(&w, stage->command->rows, stage_value, stage, NULL, 0, error);
    jw_object_end(&w);
    ok = ok && json_parse(buf_str(&text), stage->name, record, error);
    buf_free(&text);
    return ok || error_prefix(error, "stage \"%s\"", stage->name);
}

// SHA-256 of what the stage wrote: the paths of its OPTION_OUTPUT keys, as rows of `outputs`.
static bool hash_outputs(const Stage *stage, json_t *outputs, Error *error) {
    for (size_t i = 0; i < stage->n_keys; i++) {
        const OptionRow *row = option_find(stage->command, stage->keys[i].key);
        if (row->type != OPTION_OUTPUT || *stage->keys[i].value == 0) continue;
        char hex[65];
        if (!path_sha256(stage->keys[i].value, hex, error)) return false;
        json_t *output = json_pack("{s:s, s:s, s:s}", "key", row->key, "path", stage->keys[i].value, "sha256", hex);
        json_array_append_new(outputs, output);
    }
    return true;
}

static char *record_file(const Stage *stage) {
    Buf path;
    buf_init(&path, 0);
    buf_printf(&path, "%s%s", stage->folder, STAGE_RECORD_SUFFIX);
    return path.data;
}

// The record that is there, without its outputs, which go to *outputs (NULL: it was interrupted). NULL: none, or not whole.
static json_t *read_record(const Stage *stage, json_t **outputs) {
    char *path = record_file(stage);
    json_t *record = NULL;
    *outputs = NULL;
    if (file_exists(path) && json_read_file(path, &record, NULL) && json_is_object(record)) {
        *outputs = json_incref(json_object_get(record, "outputs"));
        json_object_del(record, "outputs");
    }
    mem_free(path);
    return record;
}

static bool write_record(const Stage *stage, json_t *record, Error *error) {
    char *path = record_file(stage);
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    jw_json(&w, record);
    buf_add_char(&text, '\n');
    bool ok = file_write_atomic(path, text.data, text.len, error);
    buf_free(&text);
    mem_free(path);
    return ok;
}

typedef enum StageState { STAGE_NEW, STAGE_INTERRUPTED, STAGE_DONE } StageState;

// Outputs that have changed since they were vouched for are made anew, never resumed.
static StageState stage_state(const Stage *stage, json_t *record) {
    json_t *outputs, *old = read_record(stage, &outputs), *now = json_array();
    StageState state = STAGE_NEW;
    if (old != NULL && json_equal(old, record)) {
        if (outputs == NULL) state = STAGE_INTERRUPTED;
        if (outputs != NULL && hash_outputs(stage, now, NULL) && json_equal(outputs, now)) state = STAGE_DONE;
    }
    json_decref(now);
    json_decref(outputs);
    json_decref(old);
    return state;
}

// ---- running one

static char *key_value(const char *key, const char *value) {
    Buf text;
    buf_init(&text, 0);
    buf_printf(&text, "%s=%s", key, value);
    return text.data;
}

static char **stage_arguments(const Stage *stage, bool resume) {
    char **arguments = mem_alloc(stage->n_keys + 5, sizeof *arguments);
    size_t n = 0;
    arguments[n++] = mem_strdup("rlt");
    const char *space = strchr(stage->command->name, ' ');
    if (space == NULL) {
        arguments[n++] = mem_strdup(stage->command->name);
    } else {
        arguments[n++] = mem_strndup(stage->command->name, (size_t)(space - stage->command->name));
        arguments[n++] = mem_strdup(space + 1);
    }
    for (size_t i = 0; i < stage->n_keys; i++) arguments[n++] = key_value(stage->keys[i].key, stage->keys[i].value);
    if (resume) arguments[n++] = mem_strdup("resume=true");
    return arguments;
}

static void print_command(const Stage *stage, char **arguments) {
    Buf line;
    buf_init(&line, 0);
    buf_printf(&line, "== %s:", stage->name);
    for (char **a = arguments; *a != NULL; a++) buf_printf(&line, " %s", *a);
    log_info("%s", line.data);
    buf_free(&line);
}

// The child's part: it ends with this process, whatever ends it, so that a stage never writes on without its run.
static _Noreturn void become_stage(char **arguments, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) execv("/proc/self/exe", arguments);
    _exit(127);
}

static bool spawn_stage(const Stage *stage, bool resume, StageResult *result, Error *error) {
    char **arguments = stage_arguments(stage, resume);
    print_command(stage, arguments);
    double start = time_now_s();
    pid_t parent = getpid(), child = fork();
    if (child == 0) become_stage(arguments, parent);
    for (char **a = arguments; *a != NULL; a++) mem_free(*a);
    mem_free(arguments);
    if (child < 0) return error_set_errno(error, "stage \"%s\": starting", stage->name);
    int status;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0) {
        if (errno != EINTR) return error_set_errno(error, "stage \"%s\": waiting", stage->name);
    }
    result->seconds = time_now_s() - start;
    result->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
    if (WIFSIGNALED(status)) return error_set(error, "stage \"%s\": ended by signal %d", stage->name, WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) return error_set(error, "stage \"%s\": failed (status %d)", stage->name, WEXITSTATUS(status));
    return true;
}

static bool run_anew(const Stage *stage, json_t *record, bool resume, StageResult *result, Error *error) {
    json_t *outputs = json_array();
    bool ok = (resume || path_remove(stage->folder, error)) && dir_make(stage->folder, error) && write_record(stage, record, error) &&
              spawn_stage(stage, resume, result, error) && hash_outputs(stage, outputs, error);
    json_object_set_new(record, "outputs", outputs);
    return ok && write_record(stage, record, error);
}

static bool run_stage(const Stage *stage, StageResult *result, Error *error) {
    json_t *record;
    if (!describe(stage, &record, error)) return false;
    StageState state = stage_state(stage, record);
    bool ok = true;
    result->skipped = state == STAGE_DONE;
    if (result->skipped) {
        log_info("== %s: done already", stage->name);
    } else {
        bool resume = state == STAGE_INTERRUPTED && option_find(stage->command, "resume") != NULL;
        ok = run_anew(stage, record, resume, result, error);
    }
    json_decref(record);
    return ok;
}

// ---- the table

static bool table_row(const StageList *list, const TableRow *row, const char *out, Buf *text, Error *error) {
    (void)list;
    char *folder = path_join(out, row->stage), *path = path_join(folder, "results.json");
    json_t *results = NULL;
    double accuracy = 0, low = 0, high = 0;
    int64_t n = 0;
    bool ok = json_read_file(path, &results, error) && json_need_int(results, path, "n", 0, INT64_MAX, &n, error) &&
              json_need_number(results, path, "pass_at_1", &accuracy, error) && json_need_number(results, path, "low", &low, error) &&
              json_need_number(results, path, "high", &high, error);
    if (ok) {
        buf_printf(text, "| %-44s | %6lld | %5.1f%% | %5.1f%% - %5.1f%% |\n", row->label, (long long)n, 100 * accuracy, 100 * low,
                   100 * high);
    }
    json_decref(results);
    mem_free(path);
    mem_free(folder);
    return ok;
}

static bool print_table(const StageList *list, const char *out, const StageResult *results, Error *error) {
    Buf text;
    buf_init(&text, 0);
    buf_printf(&text, "| %-44s | %6s | %6s | %15s |\n|%.46s|%.8s|%.8s|%.17s|\n", list->name, "n", "pass@1", "95% interval",
               "----------------------------------------------", "--------", "--------", "-----------------");
    bool ok = true;
    for (int i = 0; ok && i < list->n_table; i++) ok = table_row(list, &list->table[i], out, &text, error);
    double total = 0;
    uint64_t peak = 0;
    for (int i = 0; i < list->n_stages; i++) {
        total += results[i].seconds;
        if (results[i].peak_bytes > peak) peak = results[i].peak_bytes;
    }
    char *path = path_join(out, "table.md");
    ok = ok && file_write_atomic(path, text.data, text.len, error);
    mem_free(path);
    if (ok) {
        printf("%s", text.data);
        printf("\n%.0f s, %.2f GiB at most in one stage\nwritten to %s: a folder a stage, table.md\n", total,
               (double)peak / 1073741824.0, out);
    }
    buf_free(&text);
    return ok;
}

static bool run_all(const StageList *list, const char *out, const char *until, Error *error) {
    StageResult results[STAGES_MAX] = {0};
    for (int i = 0; i < list->n_stages; i++) {
        if (!run_stage(&list->stages[i], &results[i], error)) return false;
        if (strcmp(list->stages[i].name, until) == 0) return true;
    }
    for (int i = 0; i < list->n_stages; i++) {
        if (results[i].skipped) continue;
        log_info("%-24s %7.1f s %6.2f GiB", list->stages[i].name, results[i].seconds, (double)results[i].peak_bytes / 1073741824.0);
    }
    return print_table(list, out, results, error) && manifest_finish(out, false, error); // a stage's files are in its record
}

// recipe.yaml with every value as the stages get it, and the manifest. A run that is called again with the same recipe and
// the same build leaves the same bytes.
static bool write_recipe(const StageList *list, const char *out, const Options *options, Error *error) {
    Buf text;
    buf_init(&text, 0);
    stages_write_yaml(list, &text);
    char *path = path_join(out, RECIPE_FILE);
    bool ok = file_write_atomic(path, text.data, text.len, error) &&
              manifest_write(out, options, NULL, (const char *const *)list->files.paths + 1, list->files.n - 1, error);
    mem_free(path);
    buf_free(&text);
    return ok;
}

static bool run_recipe(const StageList *list, const char *out, const Options *options, Error *error) {
    if (options_bool(options, "dry_run")) {
        Buf text;
        buf_init(&text, 0);
        stages_write_yaml(list, &text);
        fputs(text.data, stdout);
        buf_free(&text);
        return true;
    }
    int lock = -1;
    bool ok = dir_make(out, error) && dir_lock(out, &lock, error) && write_recipe(list, out, options, error) &&
              run_all(list, out, options_text(options, "until"), error);
    dir_unlock(lock);
    return ok;
}

static void choose_folder(const Options *options, Buf *folder) {
    const char *recipe = options_text(options, "recipe"), *out = options_text(options, "out");
    if (*out != 0) {
        buf_add_text(folder, out);
    } else {
        const char *slash = strrchr(recipe, '/'), *name = slash != NULL ? slash + 1 : recipe;
        buf_printf(folder, "runs/%.*s-%s", (int)strcspn(name, "."), name, options_text(options, "seed"));
    }
}

static bool run(const Options *options, Error *error) {
    size_t n = options_n_extra(options);
    StageOverride *overrides = mem_alloc(n, sizeof *overrides);
    for (size_t i = 0; i < n; i++) options_extra(options, i, &overrides[i].key, &overrides[i].value);
    Buf folder;
    buf_init(&folder, 0);
    choose_folder(options, &folder);
    StageList list;
    bool ok = stages_read(options_text(options, "recipe"), folder.data, options_text(options, "seed"), overrides, n, command_find, &list,
                          error);
    if (ok) {
        ok = run_recipe(&list, folder.data, options, error);
        stages_free(&list);
    }
    buf_free(&folder);
    mem_free(overrides);
    return ok;
}

const Command command_run = {"run", "a recipe of stages, each skipped when it is done", "recipe", rows, run};
