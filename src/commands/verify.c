// rlt verify: whether a run's files are what its manifest says, what differs between two runs, and any step once more.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "commands/command_table.h"
#include "commands/commands.h"
#include "commands/manifest.h"
#include "commands/record.h"
#include "commands/verify_compare.h"

static const OptionRow rows[] = {
    {"run", OPTION_INPUT, NULL, 0, 0, NULL, "The folder of a run or of a run of stages; or the file that `rlt score` or `rlt collect` left."},
    {"other", OPTION_INPUT, "", 0, 0, NULL, "Another run's folder or file: says what differs between the two."},
    {"replay", OPTION_INT, "-1", -1, 1e9, NULL,
     "Computes this step of an sft or rl run again (as metrics.jsonl counts, from 0), from the nearest checkpoint, and compares."},
    {0},
};

// ---- hashes

typedef struct Count {
    size_t n, wrong;
} Count;

static void check_path(const RecordList *list, const Record *record, bool output, json_t *row, Count *count) {
    const char *path = json_string_value(json_object_get(row, "path")), *was = json_string_value(json_object_get(row, "sha256"));
    const char *key = json_string_value(json_object_get(row, "key"));
    char now[65], *file = record_path(list, record, output, path);
    Error why;
    bool there = path_sha256(file, now, &why), same = there && strcmp(was, now) == 0;
    count->n++;
    count->wrong += !same;
    if (!same) printf("%s: %s %s: ", record->name, output ? "output" : "input", key != NULL ? key : path);
    if (!there) printf("%s\n", why.message);
    if (there && !same) printf("%s: SHA-256 %.16s..., recorded was %.16s...\n", file, now, was);
    mem_free(file);
}

static Count check_paths(const RecordList *list, const Record *record, bool output) {
    Count count = {0};
    json_t *row;
    size_t i;
    json_array_foreach(json_object_get(record->record, output ? "outputs" : "inputs"), i, row) {
        check_path(list, record, output, row, &count);
    }
    return count;
}

static bool verify(const RecordList *list, Error *error) {
    size_t n = 0, wrong = 0;
    for (size_t i = 0; i < list->n; i++) {
        const Record *record = &list->records[i];
        bool ended = json_object_get(record->record, "outputs") != NULL;
        Count inputs = check_paths(list, record, false), outputs = check_paths(list, record, true);
        if (inputs.wrong + outputs.wrong == 0) {
            printf("%s: %s: %zu inputs, %zu outputs as recorded%s\n", record->name, record->is_stage ? "stage" : "manifest", inputs.n,
                   outputs.n, ended ? "" : " (it has not ended)");
        }
        n += inputs.n + outputs.n;
        wrong += inputs.wrong + outputs.wrong;
    }
    return wrong == 0 || error_set(error, "%s: %zu of %zu hashes are not as recorded", list->run, wrong, n);
}

// ---- a step once more

// The run is started where it was started first: its inputs are named from there.
static bool enter_directory(const RecordList *list, Error *error) {
    if (list->directory == NULL || !dir_exists(list->directory)) return true;
    return chdir(list->directory) == 0 || error_set_errno(error, "%s", list->directory);
}

static bool run_again(const Command *command, const char *run, int64_t step, Error *error) {
    Buf out, replay;
    buf_init(&out, 0), buf_init(&replay, 0);
    buf_printf(&out, "out=%s", run);
    buf_printf(&replay, "replay=%" PRId64, step);
    char *recipe = path_join(run, RECIPE_FILE), *arguments[] = {recipe, out.data, "resume=false", replay.data};
    Options *options;
    bool usage, ok = options_parse(command, 4, arguments, &options, &usage, error);
    if (ok) {
        ok = command->run(options, error);
        options_free(options);
    }
    mem_free(recipe);
    buf_free(&out), buf_free(&replay);
    return ok;
}

static bool replay(const RecordList *list, int64_t step, Error *error) {
    const char *name = json_string_value(json_object_get(list->records[0].record, "command"));
    const Command *command = command_find(name);
    if (command == NULL || option_find(command, "replay") == NULL || command == &command_verify) {
        return error_set(error, "%s: a run of rlt %s: replay takes the folder of an sft or rl run, for example that of a stage",
                         list->run, name);
    }
    Count inputs = check_paths(list, &list->records[0], false);
    if (inputs.wrong > 0) return error_set(error, "%s: %zu of its inputs are not as recorded: no replay", list->run, inputs.wrong);
    char *run = realpath(list->run, NULL);
    if (run == NULL) return error_set_errno(error, "%s", list->run);
    bool ok = enter_directory(list, error) && run_again(command, run, step, error);
    free(run);
    return ok;
}

static bool run(const Options *options, Error *error) {
    const char *other = options_text(options, "other");
    int64_t step = options_int(options, "replay");
    RecordList list, list_b;
    if (step >= 0 && *other != 0) return error_set(error, "key replay: expected one run");
    if (!records_read(options_text(options, "run"), &list, error)) return false;
    bool ok;
    if (*other != 0) {
        ok = records_read(other, &list_b, error);
        if (ok) {
            ok = records_compare(&list, &list_b, error);
            records_free(&list_b);
        }
    } else {
        ok = step >= 0 ? replay(&list, step, error) : verify(&list, error);
    }
    records_free(&list);
    return ok;
}

const Command command_verify = {"verify", "a run's hashes, two runs side by side, a step once more", "run other", rows, run};
