#include <string.h>

#include "base/mem.h"
#include "commands/eval_run.h"
#include "commands/training.h"

#define LEVELS 3 // RUN/checkpoints/STEP/.. and RUN/model/..: where a manifest of the model's training may lie

// Options of the training whose folder holds the model; NULL: none is known.
static bool training_options(const char *model, json_t **options, Error *error) {
    *options = NULL;
    Buf path;
    buf_init(&path, 0);
    buf_add_text(&path, model);
    bool ok = true;
    for (int level = 0; ok && level < LEVELS && *options == NULL; level++) {
        buf_add_text(&path, "/..");
        char *file = path_join(path.data, "manifest.json");
        json_t *manifest = NULL;
        if (file_exists(file)) ok = json_read_file(file, &manifest, error);
        const char *command = json_string_value(json_object_get(manifest, "command"));
        if (command != NULL && (strcmp(command, "sft") == 0 || strcmp(command, "rl") == 0)) {
            *options = json_incref(json_object_get(manifest, "options"));
        }
        json_decref(manifest);
        mem_free(file);
    }
    buf_free(&path);
    return ok;
}

static const char *text_of(json_t *options, const char *key, const char *fallback) {
    const char *text = json_string_value(json_object_get(options, key));
    return text != NULL ? text : fallback;
}

bool eval_format(const Options *options, DialogueFormat *format, Error *error) {
    const char *tags = options_text(options, "tags"), *system = options_text(options, "student_system");
    const char *model = options_text(options, "model");
    json_t *trained = NULL;
    if (*model != '\0' && strcmp(tags, "trained") == 0 && !training_options(model, &trained, error)) return false;
    if (strcmp(tags, "trained") == 0) {
        tags = text_of(trained, "tags", "full");
        if (*system == '\0') system = text_of(trained, "student_system", "");
    }
    bool ok = dialogue_format_set(format, tags, "", system, error);
    if (!ok && trained != NULL) {
        error_prefix(error, "the system prompt with which %s was trained (student_system= names another place)", model);
    }
    json_decref(trained);
    return ok;
}
