// Options that training commands share, and what they mean.
#ifndef RLT_COMMANDS_TRAINING_H
#define RLT_COMMANDS_TRAINING_H

#include "commands/options.h"
#include "compute/compute.h"
#include "engine/schedule.h"
#include "engine/trainer.h"
#include "text/dialogue.h"

#define DIALOGUE_OPTIONS                                                                                                          \
    {"teacher_system", OPTION_INPUT, "", 0, 0, NULL, "File with the teacher's system prompt; none: our own."},                    \
    {"student_system", OPTION_INPUT, "", 0, 0, NULL, "File with the student's system prompt; none: our own."},                    \
    {"tags", OPTION_CHOICE, "full", 0, 0, "full|short",                                                                           \
     "full: the tags of the paper with two newlines of padding; short: the same tags, no padding and empty system prompts."}

#define TRAINING_OPTIONS(lr, schedule, warmup, decay)                                                                             \
    {"lr", OPTION_REAL, lr, 0, 10, NULL, "Peak learning rate."},                                                                  \
    {"schedule", OPTION_CHOICE, schedule, 0, 0, "constant|linear|cosine", "Learning rate after the warm-up."},                    \
    {"warmup_ratio", OPTION_REAL, warmup, 0, 1, NULL, "Part of the steps in which the rate rises from 0."},                       \
    {"weight_decay", OPTION_REAL, decay, 0, 10, NULL, "AdamW's decay, on every parameter."},                                      \
    {"beta1", OPTION_REAL, "0.9", 0, 1, NULL, "AdamW."},                                                                          \
    {"beta2", OPTION_REAL, "0.95", 0, 1, NULL, "AdamW."},                                                                         \
    {"eps", OPTION_REAL, "1e-8", 0, 1, NULL, "AdamW."},                                                                           \
    {"clip", OPTION_REAL, "1.0", 0, 1e9, NULL, "Largest global gradient norm; 0: no clipping."},                                  \
    {"checkpointing", OPTION_BOOL, "false", 0, 0, NULL, "Keeps layer inputs only and computes each layer again in the backward."}, \
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw."},                                                           \
    {"checkpoint_every", OPTION_INT, "0", 0, 1e9, NULL, "Steps between checkpoints; 0: only the finished model."},                \
    {"keep", OPTION_INT, "2", 1, 1e6, NULL, "Checkpoints that are kept."},                                                        \
    {"resume", OPTION_BOOL, "false", 0, 0, NULL, "Goes on from the newest checkpoint of `out`, to the same bits."},               \
    {"replay", OPTION_INT, "-1", -1, 1e9, NULL,                                                                                    \
     "Computes the steps of the run in `out` up to this one again, from the nearest checkpoint, and compares; -1: off."},          \
    {"dtype", OPTION_CHOICE, "f32", 0, 0, "f32|bf16",                                                                             \
     "Type of the weights that are computed with; bf16: the optimiser moves F32 ones, rounded after each step. LoRA: of the base."}, \
    {"save_dtype", OPTION_CHOICE, "f32", 0, 0, "f32|bf16", "Type of the finished model's weights on disk."},                      \
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},                                 \
    DIALOGUE_OPTIONS

// Allocations (mem_counts) and page faults of the process within a step: from the choice of its rows to the optimiser's
// step, without its records.
typedef struct StepCounts {
    uint64_t allocations, page_faults;
} StepCounts;
StepCounts step_counts_begin(void);
void step_counts_end(StepCounts *counts); // what begin gave -> what has come since

Schedule training_schedule(const Options *options, int64_t steps);
TrainerSettings training_settings(const Options *options);
Dtype training_save_dtype(const Options *options);
// Applies DIALOGUE_OPTIONS to an initialised format.
MUST_CHECK bool dialogue_format_from_options(DialogueFormat *format, const Options *options, Error *error);
// The same from their values: full or short, and files with system prompts ("": none).
MUST_CHECK bool dialogue_format_set(DialogueFormat *format, const char *tags, const char *teacher_system,
                                    const char *student_system, Error *error);

#endif
