// The memory that a run takes, from shapes alone, before it is taken: what `rlt plan` prints, and what sft and rl check
// when they start.
//
// The sizes are those of the functions that allocate (model_bytes, pass_bytes, kv_cache_bytes, model_work_bytes), so a
// plan is what a run reserves, not an estimate of it. Its bounds are those of the settings: a step that fills them.
#ifndef RLT_COMMANDS_MEMORY_PLAN_H
#define RLT_COMMANDS_MEMORY_PLAN_H

#include "base/buf.h"
#include "model/lora.h"
#include "methods/rl.h"
#include "model/model.h"

// What a training run is made of. Zeros and NULL are what is not there.
typedef struct RunShape {
    const ModelConfig *policy;
    LoraConfig lora;            // rank 0: every parameter is trained
    Dtype base_dtype;           // with LoRA, of the frozen base
    bool checkpointing;
    int32_t max_rows;           // tokens a batch of training or scoring
    // sft
    int32_t batch, longest;     // rows a step, tokens of the longest
    // rl
    int32_t questions, samples; // questions 0: no RL
    int32_t slots, cache_rows, max_tokens;
    bool speculate;
    uint64_t tape_bytes;        // at most, of the rollout's activations for the update
    size_t token_bytes;         // of the tokenizer's longest token
    int32_t prompt;             // tokens of the longest prompt
    const ModelConfig *student; // NULL: none
    int32_t student_text;       // tokens of the longest text of the student, without the completion
    bool student_is_base, reference_is_base; // with LoRA: no memory of its own
    Dtype student_dtype, reference_dtype;
    bool reference;
    uint64_t other_bytes;       // the program, its tokenizer, its data
} RunShape;

typedef enum PlanPart {
    PLAN_WEIGHTS, PLAN_GRADIENTS, PLAN_OPTIMISER, PLAN_REFERENCE, PLAN_STUDENT, PLAN_CACHE, PLAN_ACTIVATIONS, PLAN_WORKSPACE,
    PLAN_TAPE, PLAN_ROLLOUT, PLAN_OTHER, N_PLAN_PARTS
} PlanPart;
const char *plan_part_name(PlanPart part);

typedef struct MemoryPlan {
    uint64_t bytes[N_PLAN_PARTS];
    uint64_t peak_bytes; // their sum: all of them live through the run
} MemoryPlan;

MemoryPlan memory_plan(Backend *backend, const RunShape *shape);
// The largest passes of a run, for reserving: of training, of decoding, of the reference's and the student's scoring.
PassSize run_train_size(const RunShape *shape);
PassSize run_decode_size(const RunShape *shape);
PassSize run_reference_size(const RunShape *shape);
PassSize run_student_size(const RunShape *shape);
int32_t run_cache_rows(const RunShape *shape);
int32_t run_tape_rows(const RunShape *shape); // 0: no tape
RlSize run_step_size(const RunShape *shape); // of completions, rewards and all that a step keeps of them

// A line a part and the peak.
void memory_plan_write(const MemoryPlan *plan, Buf *out);
// Settings nearest to the shape's that fit into `available`, as "max_rows=512 checkpointing=true"; false when there are none.
bool memory_plan_nearest(Backend *backend, const RunShape *shape, uint64_t available, Buf *settings);
// Logs the plan in a line; an error with the nearest settings where it does not fit. loaded: bytes of models that are in
// memory already.
MUST_CHECK bool memory_plan_check(Backend *backend, const RunShape *shape, uint64_t loaded, const char *command, Error *error);

// Multiply-adds of a step, about: forward of a token through the layers and, where it predicts, the head.
double run_step_flops(const RunShape *shape);

#endif
