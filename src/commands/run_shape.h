// From the options of `rlt sft` and `rlt rl` to the shape that memory_plan.h plans.
#ifndef RLT_COMMANDS_RUN_SHAPE_H
#define RLT_COMMANDS_RUN_SHAPE_H

#include "commands/memory_plan.h"
#include "commands/options.h"

// longest: tokens of the longest row.
MUST_CHECK bool sft_shape(const Options *options, const ModelConfig *config, int32_t longest, RunShape *shape, Error *error);
// student NULL: the policy as it starts judges. prompt: tokens of the longest prompt; student_text: of the longest text of the
// student without the completion.
MUST_CHECK bool rl_shape(const Options *options, const ModelConfig *policy, const ModelConfig *student, int32_t prompt,
                         int32_t student_text, RunShape *shape, Error *error);
// Optimiser steps that the options ask for; n_rows: of the data, for epochs.
int64_t sft_steps(const Options *options, int64_t n_rows);

#endif
