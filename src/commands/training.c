#include "commands/training.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/lora_options.h"

#define SYSTEM_PROMPT_MAX_BYTES ((size_t)1 << 20)

Schedule training_schedule(const Options *options, int64_t steps) {
    const char *name = options_text(options, "schedule");
    ScheduleKind kind = strcmp(name, "cosine") == 0   ? SCHEDULE_COSINE
                        : strcmp(name, "linear") == 0 ? SCHEDULE_LINEAR
                                                      : SCHEDULE_CONSTANT;
    double warmup = options_real(options, "warmup_ratio") * (double)steps;
    return (Schedule){kind, (float)options_real(options, "lr"), (int64_t)ceil(warmup), steps};
}

TrainerSettings training_settings(const Options *options) {
    return (TrainerSettings){
        .beta1 = (float)options_real(options, "beta1"),
        .beta2 = (float)options_real(options, "beta2"),
        .eps = (float)options_real(options, "eps"),
        .weight_decay = (float)options_real(options, "weight_decay"),
        .clip_norm = (float)options_real(options, "clip"),
        .checkpointing = options_bool(options, "checkpointing"),
        .dropout = lora_wanted(options) ? (float)options_real(options, "lora.dropout") : 0,
        .seed = (uint64_t)options_int(options, "seed"),
        .dtype = lora_wanted(options) ? DTYPE_F32 : dtype_option(options, "dtype"),
    };
}

Dtype training_save_dtype(const Options *options) {
    return dtype_option(options, "save_dtype");
}

StepCounts step_counts_begin(void) {
    return (StepCounts){mem_counts().allocations, process_page_faults()};
}

void step_counts_end(StepCounts *counts) {
    StepCounts now = step_counts_begin();
    *counts = (StepCounts){now.allocations - counts->allocations, now.page_faults - counts->page_faults};
}

static void set_text(char **to, const char *text) {
    mem_free(*to);
    *to = mem_strdup(text);
}

static bool read_prompt(char **to, const char *path, Error *error) {
    if (*path == 0) return true;
    Buf text;
    if (!file_read(path, SYSTEM_PROMPT_MAX_BYTES, &text, error)) return false;
    Str trimmed = str_trim(buf_str(&text));
    mem_free(*to);
    *to = mem_strndup(trimmed.ptr, trimmed.len);
    buf_free(&text);
    return true;
}

bool dialogue_format_set(DialogueFormat *format, const char *tags, const char *teacher_system,
                         const char *student_system, Error *error) {
    if (strcmp(tags, "short") == 0) {
        set_text(&format->padding, "");
        set_text(&format->teacher_system, "");
        set_text(&format->student_system, "");
    }
    return read_prompt(&format->teacher_system, teacher_system, error) &&
           read_prompt(&format->student_system, student_system, error);
}

bool dialogue_format_from_options(DialogueFormat *format, const Options *options, Error *error) {
    return dialogue_format_set(format, options_text(options, "tags"), options_text(options, "teacher_system"),
                               options_text(options, "student_system"), error);
}
