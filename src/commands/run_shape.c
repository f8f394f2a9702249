#include "commands/run_shape.h"

#include <string.h>

#include "commands/lora_options.h"

#define TOKEN_BYTES 128 // of the longest token, for a plan: a run knows its tokenizer's

static bool training_shape(const Options *o, const ModelConfig *config, RunShape *shape, Error *error) {
    *shape = (RunShape){.policy = config, .checkpointing = options_bool(o, "checkpointing"),
                        .max_rows = (int32_t)options_int(o, "max_rows")};
    if (!lora_wanted(o)) return true;
    shape->base_dtype = dtype_option(o, "lora.base_dtype");
    return lora_config_from_options(o, &shape->lora, error);
}

bool sft_shape(const Options *o, const ModelConfig *config, int32_t longest, RunShape *shape, Error *error) {
    if (!training_shape(o, config, shape, error)) return false;
    shape->batch = (int32_t)options_int(o, "batch");
    shape->longest = longest;
    return true;
}

bool rl_shape(const Options *o, const ModelConfig *policy, const ModelConfig *student, int32_t prompt, int32_t student_text,
              RunShape *shape, Error *error) {
    if (!training_shape(o, policy, shape, error)) return false;
    bool lora = lora_wanted(o);
    shape->questions = (int32_t)options_int(o, "questions");
    shape->samples = (int32_t)options_int(o, "samples");
    shape->slots = (int32_t)options_int(o, "slots");
    shape->cache_rows = (int32_t)options_int(o, "cache_rows");
    shape->max_tokens = (int32_t)options_int(o, "max_tokens");
    if (shape->max_tokens > policy->max_positions - prompt) shape->max_tokens = policy->max_positions - prompt;
    if (shape->max_tokens < 1) {
        return error_set(error, "key \"model\": %d positions, which a prompt of %d tokens fills", policy->max_positions, prompt);
    }
    shape->speculate = options_bool(o, "speculate");
    shape->tape_bytes = (uint64_t)options_int(o, "tape_mib") << 20;
    shape->token_bytes = TOKEN_BYTES;
    shape->prompt = prompt;
    shape->reference = options_real(o, "beta") > 0;
    shape->reference_dtype = dtype_option(o, "reference_dtype");
    shape->reference_is_base = lora;
    if (strcmp(options_text(o, "reward"), "teacher") == 0) {
        shape->student = student != NULL ? student : policy;
        shape->student_is_base = lora && student == NULL;
        shape->student_dtype = dtype_option(o, "student_dtype");
        shape->student_text = student_text;
    }
    return true;
}

int64_t sft_steps(const Options *o, int64_t n_rows) {
    int64_t steps = options_int(o, "steps"), batch = options_int(o, "batch");
    if (steps == 0) steps = (int64_t)(options_real(o, "epochs") * (double)n_rows + (double)batch - 1) / batch;
    return steps > 0 ? steps : 1;
}
