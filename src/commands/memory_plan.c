#include "commands/memory_plan.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/draft.h"
#include "methods/sft.h"

#define GIB ((double)(1 << 30))
#define STOP_BYTES 256 // of the tag that ends a completion; one that is longer takes a little more

static int32_t min_i32(int64_t a, int64_t b) { return (int32_t)(a < b ? a : b); }
static int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

const char *plan_part_name(PlanPart part) {
    static const char *const names[N_PLAN_PARTS] = {"weights",  "gradients", "optimiser",   "reference", "student",
                                                    "K/V cache", "activations", "workspace", "tape", "rollout", "other"};
    return names[part];
}

// ---- the largest passes

static bool is_rl(const RunShape *s) { return s->questions > 0; }

// Sequences of a group, or one alone that exceeds max_rows: `prefix` tokens that a batch shares, `rest` of each sequence.
static PassSize scored(const RunShape *s, int32_t prefix, int32_t rest) {
    int64_t all = ((int64_t)prefix + (int64_t)s->samples * rest) * s->questions;
    int32_t rows = min_i32(all, max_i64(s->max_rows, (int64_t)prefix + rest));
    int32_t most = min_i32((int64_t)s->questions * (s->samples + 1), rows);
    int64_t group = (int64_t)prefix + (int64_t)s->samples * rest; // one that does not fit is cut below its prefix
    return (PassSize){.rows = rows, .predictions = rows + s->questions * s->samples, .segments = most, .depth = 2,
                      .longest = prefix + rest, .prefix = group > s->max_rows && s->samples > 1 ? prefix : 0};
}

PassSize run_train_size(const RunShape *s) {
    if (!is_rl(s)) return sft_pass_size(s->longest, s->batch, s->max_rows);
    // the completions of one question, below its prompt
    int64_t all = (int64_t)s->samples * (s->max_tokens - 1);
    int32_t rows = min_i32(all, max_i64((int64_t)s->max_rows - s->prompt, s->max_tokens - 1));
    rows = rows > 1 ? rows : 1;
    return (PassSize){.rows = rows, .predictions = rows + s->samples, .segments = min_i32(s->samples, rows) + 1, .depth = 2,
                      .longest = s->prompt + s->max_tokens, .prefix = s->prompt, .prefix_rows = min_i32(all, INT32_MAX / 2),
                      .train = true};
}

PassSize run_reference_size(const RunShape *s) { return scored(s, s->prompt, s->max_tokens); }

// How its text is cut into what a group shares and what follows a completion is not known here: both are bounded by all of it.
PassSize run_student_size(const RunShape *s) {
    PassSize size = scored(s, 0, s->student_text + s->max_tokens);
    int64_t group = (int64_t)s->samples * (s->student_text + s->max_tokens);
    if (group > s->max_rows && s->samples > 1) size.prefix = s->student_text;
    return size;
}

static int32_t slots_used(const RunShape *s) { return min_i32(s->slots, (int64_t)s->questions * s->samples); }

int32_t run_cache_rows(const RunShape *s) {
    int64_t largest = (int64_t)s->prompt + s->max_tokens;
    int64_t rows = s->cache_rows > 0 ? max_i64(s->cache_rows, largest) : slots_used(s) * largest;
    int64_t all = s->questions * ((int64_t)s->prompt + (int64_t)s->samples * s->max_tokens);
    return min_i32(rows < all ? rows : all, INT32_MAX);
}

int32_t run_tape_rows(const RunShape *s) {
    if (s->checkpointing || s->lora.dropout > 0) return 0; // the update computes its forward another way
    GenerateSize size = {s->questions, s->samples, s->prompt, s->max_tokens, s->slots, s->speculate, true};
    int64_t rows = generate_tape_rows(&size), room = (int64_t)(s->tape_bytes / tape_bytes(s->policy, 1));
    return min_i32(rows < room ? rows : room, INT32_MAX);
}

// The first pass of as many questions as the slots begin with: their prompts whole, and a token (and a draft) a slot.
PassSize run_decode_size(const RunShape *s) {
    int32_t slots = slots_used(s), roots = min_i32(s->questions, (slots + s->samples - 1) / s->samples + 1);
    int64_t new_tokens = (int64_t)roots * s->prompt, drafts = s->speculate ? (int64_t)slots * (1 + DRAFT_MAX) : slots;
    return (PassSize){.rows = min_i32(new_tokens + drafts, INT32_MAX), .predictions = min_i32(drafts, INT32_MAX),
                      .segments = 2 * slots + 2, .depth = 3, .longest = s->prompt + s->max_tokens, .sample = true};
}

RlSize run_step_size(const RunShape *s) {
    return (RlSize){.generate = {s->questions, s->samples, s->prompt, s->max_tokens, s->slots, s->speculate, run_tape_rows(s) > 0},
                    .student_text = s->student_text, .token_bytes = s->token_bytes, .stop_bytes = STOP_BYTES};
}

// ---- parts

static uint64_t trained_bytes(Backend *backend, const RunShape *s) {
    return s->lora.rank > 0 ? lora_bytes(backend, s->policy, &s->lora) : model_arena_bytes(backend, s->policy);
}

// A pass, the tables of its model's positions, and the arrays of a batch beside it.
static uint64_t pass_part(const ModelConfig *config, int32_t rank, PassSettings settings, const PassSize *size) {
    uint64_t arrays = (uint64_t)size->segments * sizeof(Segment) + (uint64_t)size->rows * 2 * sizeof(int32_t) +
                      (uint64_t)size->predictions * (3 * sizeof(int32_t) + 3 * sizeof(float));
    return pass_bytes(config, rank, settings, size) + rope_bytes(config, size->longest) + arrays;
}

static void add_training(Backend *be, const RunShape *s, MemoryPlan *plan) {
    PassSize size = run_train_size(s);
    uint64_t trained = trained_bytes(be, s);
    plan->bytes[PLAN_WEIGHTS] = s->lora.rank > 0 ? trained + model_bytes(be, s->policy, s->base_dtype) : trained;
    plan->bytes[PLAN_GRADIENTS] = trained;
    plan->bytes[PLAN_OPTIMISER] = 2 * trained;
    PassSettings settings = {.backward = true, .checkpointing = s->checkpointing, .dropout = s->lora.dropout > 0};
    plan->bytes[PLAN_ACTIVATIONS] = pass_part(s->policy, s->lora.rank, settings, &size);
    plan->bytes[PLAN_WORKSPACE] = model_work_bytes(be, s->policy, &size);
}

static void widen(MemoryPlan *plan, uint64_t work) {
    if (work > plan->bytes[PLAN_WORKSPACE]) plan->bytes[PLAN_WORKSPACE] = work;
}

static void add_rl(Backend *be, const RunShape *s, MemoryPlan *plan) {
    PassSize decode = run_decode_size(s);
    RlSize step = run_step_size(s);
    plan->bytes[PLAN_ROLLOUT] = rl_step_bytes(&step);
    plan->bytes[PLAN_CACHE] = kv_cache_bytes(s->policy, run_cache_rows(s));
    int32_t tape = run_tape_rows(s);
    plan->bytes[PLAN_TAPE] = tape_bytes(s->policy, tape);
    plan->bytes[PLAN_ACTIVATIONS] += pass_part(s->policy, s->lora.rank, (PassSettings){.record = tape > 0}, &decode);
    widen(plan, model_work_bytes(be, s->policy, &decode));
    if (s->reference) {
        PassSize size = run_reference_size(s);
        plan->bytes[PLAN_REFERENCE] = s->reference_is_base ? 0 : model_bytes(be, s->policy, s->reference_dtype);
        plan->bytes[PLAN_ACTIVATIONS] += pass_part(s->policy, 0, (PassSettings){0}, &size);
        widen(plan, model_work_bytes(be, s->policy, &size));
    }
    if (s->student != NULL) {
        PassSize size = run_student_size(s);
        plan->bytes[PLAN_STUDENT] = s->student_is_base ? 0 : model_bytes(be, s->student, s->student_dtype);
        plan->bytes[PLAN_ACTIVATIONS] += pass_part(s->student, 0, (PassSettings){0}, &size);
        widen(plan, model_work_bytes(be, s->student, &size));
    }
}

MemoryPlan memory_plan(Backend *backend, const RunShape *shape) {
    MemoryPlan plan = {0};
    add_training(backend, shape, &plan);
    if (is_rl(shape)) add_rl(backend, shape, &plan);
    plan.bytes[PLAN_OTHER] = shape->other_bytes;
    for (int i = 0; i < N_PLAN_PARTS; i++) plan.peak_bytes += plan.bytes[i];
    return plan;
}

void memory_plan_write(const MemoryPlan *plan, Buf *out) {
    bool small = (double)plan->peak_bytes < GIB;
    double unit = small ? GIB / 1024 : GIB;
    const char *name = small ? "MiB" : "GiB";
    for (int i = 0; i < N_PLAN_PARTS; i++) {
        if (plan->bytes[i] > 0) buf_printf(out, "  %-12s %9.3f %s\n", plan_part_name((PlanPart)i), (double)plan->bytes[i] / unit, name);
    }
    buf_printf(out, "  %-12s %9.3f %s\n", "peak", (double)plan->peak_bytes / unit, name);
}

// ---- what fits

// A change of one setting towards less memory: false when there is nothing left to change.
typedef struct Move {
    const char *key;
    bool (*make)(RunShape *shape);
    void (*write)(const RunShape *shape, Buf *out); // the value
} Move;

static bool use_checkpointing(RunShape *s) {
    if (s->checkpointing) return false;
    return s->checkpointing = true;
}
static void write_true(const RunShape *s, Buf *out) {
    (void)s;
    buf_add_text(out, "true");
}

static bool halve(int32_t *value, int32_t least) {
    if (*value / 2 < least) return false;
    *value /= 2;
    return true;
}
static bool fewer_rows(RunShape *s) { return halve(&s->max_rows, 64); }
static void write_rows(const RunShape *s, Buf *out) { buf_printf(out, "%d", s->max_rows); }
static bool fewer_slots(RunShape *s) { return is_rl(s) && halve(&s->slots, 1); }
static void write_slots(const RunShape *s, Buf *out) { buf_printf(out, "%d", s->slots); }

static bool no_tape(RunShape *s) {
    if (run_tape_rows(s) == 0) return false;
    s->tape_bytes = 0;
    return true;
}
static void write_tape(const RunShape *s, Buf *out) { buf_printf(out, "%d", (int)(s->tape_bytes >> 20)); }

static bool small_reference(RunShape *s) {
    if (!is_rl(s) || !s->reference || s->reference_is_base || s->reference_dtype == DTYPE_Q8_0) return false;
    s->reference_dtype = DTYPE_Q8_0;
    return true;
}
static bool small_student(RunShape *s) {
    if (!is_rl(s) || s->student == NULL || s->student_is_base || s->student_dtype == DTYPE_Q8_0) return false;
    s->student_dtype = DTYPE_Q8_0;
    return true;
}
static void write_q8(const RunShape *s, Buf *out) {
    (void)s;
    buf_add_text(out, "q8_0");
}

static bool use_lora(RunShape *s) {
    if (s->lora.rank > 0) return false;
    s->lora = (LoraConfig){.rank = 16, .alpha = 16, .targets = (1u << N_LORA_TARGETS) - 1};
    s->reference_is_base = s->reference;
    s->reference_dtype = DTYPE_F32;
    return true;
}
static void write_rank(const RunShape *s, Buf *out) { buf_printf(out, "%d", s->lora.rank); }

static const Move moves[] = { // what changes the results least comes first
    {"tape_mib", no_tape, write_tape},
    {"slots", fewer_slots, write_slots},
    {"max_rows", fewer_rows, write_rows},
    {"checkpointing", use_checkpointing, write_true},
    {"reference_dtype", small_reference, write_q8},
    {"student_dtype", small_student, write_q8},
    {"lora.rank", use_lora, write_rank},
};
#define N_MOVES (sizeof moves / sizeof *moves)

static bool fits(Backend *backend, const RunShape *shape, uint64_t available) {
    return memory_plan(backend, shape).peak_bytes <= available;
}

// One setting alone where that is enough, else several: each to its end before the next.
bool memory_plan_nearest(Backend *backend, const RunShape *shape, uint64_t available, Buf *settings) {
    for (size_t m = 0; m < N_MOVES; m++) {
        RunShape one = *shape;
        bool moved = true;
        while (!fits(backend, &one, available) && moved) moved = moves[m].make(&one);
        if (!moved) continue;
        buf_printf(settings, "%s=", moves[m].key);
        moves[m].write(&one, settings);
        return true;
    }
    RunShape all = *shape;
    bool used[N_MOVES] = {0};
    for (size_t m = 0; m < N_MOVES && !fits(backend, &all, available); m++) {
        uint64_t before = memory_plan(backend, &all).peak_bytes;
        RunShape next = all;
        while (!fits(backend, &next, available) && moves[m].make(&next)) used[m] = true;
        if (memory_plan(backend, &next).peak_bytes < before) all = next;
        else used[m] = false;
    }
    if (!fits(backend, &all, available)) return false;
    for (size_t m = 0, n = 0; m < N_MOVES; m++) {
        if (!used[m]) continue;
        buf_printf(settings, "%s%s=", n++ > 0 ? " " : "", moves[m].key);
        moves[m].write(&all, settings);
    }
    return true;
}

bool memory_plan_check(Backend *backend, const RunShape *shape, uint64_t loaded, const char *command, Error *error) {
    MemoryPlan plan = memory_plan(backend, shape);
    uint64_t available = mem_available_bytes(), taken = shape->other_bytes + loaded;
    if (available < UINT64_MAX - taken) available += taken;
    if (plan.peak_bytes <= available) {
        log_info("%s: %.2f GiB of memory planned, %.2f available", command, (double)plan.peak_bytes / GIB, (double)available / GIB);
        return true;
    }
    Buf nearest;
    buf_init(&nearest, 0);
    bool any = memory_plan_nearest(backend, shape, available, &nearest);
    error_set(error, "rlt %s: takes %.2f GiB of memory, %.2f are available; %s%s", command, (double)plan.peak_bytes / GIB,
              (double)available / GIB, any ? "fits with: " : "no setting of it fits", any ? nearest.data : "");
    buf_free(&nearest);
    return false;
}

// ---- time

// Of a token in a forward: two for each weight of the layers, and attention over half of the longest path.
static double token_flops(const ModelConfig *c, double context) {
    double q = (double)c->n_heads * c->head_dim, kv = (double)c->n_kv_heads * c->head_dim, h = c->hidden;
    return c->n_layers * (2 * (2 * h * q + 2 * h * kv + 3 * h * c->ffn) + 4 * q * context);
}

static double head_flops(const ModelConfig *c) { return 2.0 * c->hidden * c->vocabulary; }

double run_step_flops(const RunShape *s) {
    double passes = s->checkpointing ? 4 : 3; // a backward is two forwards; LoRA spares most of one of them
    if (s->lora.rank > 0) passes -= 1;
    if (!is_rl(s)) {
        double tokens = (double)s->batch * (s->longest - 1);
        return tokens * (passes * token_flops(s->policy, s->longest / 2.0) + 3 * head_flops(s->policy));
    }
    double sampled = (double)s->questions * s->samples * s->max_tokens, context = s->prompt + s->max_tokens / 2.0;
    double one = token_flops(s->policy, context) + head_flops(s->policy), prompts = (double)s->questions * s->prompt;
    double flops = sampled * (one + passes * token_flops(s->policy, context) + 3 * head_flops(s->policy));
    flops += prompts * (1 + passes) * token_flops(s->policy, s->prompt / 2.0);
    if (s->reference) flops += sampled * one + prompts * token_flops(s->policy, s->prompt / 2.0);
    if (s->student != NULL) {
        double text = (double)s->questions * s->samples * (s->student_text + s->max_tokens);
        flops += text * (token_flops(s->student, (s->student_text + s->max_tokens) / 2.0) + head_flops(s->student));
    }
    return flops;
}
