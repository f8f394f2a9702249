// rlt rl: GRPO with the RLT reward (a teacher that is given the solution) or with the correctness reward (the baseline, or
// a student after distillation).
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/philox.h"
#include "commands/commands.h"
#include "commands/generate_options.h"
#include "commands/grading.h"
#include "commands/lora_options.h"
#include "commands/build_info.h"
#include "commands/rl_options.h"
#include "commands/rl_records.h"
#include "commands/rollout_file.h"
#include "commands/run_folder.h"
#include "commands/run_shape.h"
#include "commands/training.h"
#include "data/rows.h"
#include "methods/rl.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, NULL, 0, 0, NULL, "The policy to go on from: a Hugging Face folder or a GGUF file."},
    LORA_OPTIONS,
    {"student", OPTION_INPUT, "", 0, 0, NULL, "reward=teacher: the frozen student that judges explanations; none: the policy as it starts."},
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "Rows with question and solution; reward=correctness: the task's own form."},
    {"out", OPTION_OUTPUT, NULL, 0, 0, NULL, "The run's folder; the trained model is its model/."},
    {"reward", OPTION_CHOICE, "teacher", 0, 0, "teacher|correctness", "teacher: r_SS - r_KL + r_match of an explanation; correctness: +1, -0.5, -1 of an answer."},
    {"task", OPTION_CHOICE, "countdown", 0, 0, TASK_NAMES, "reward=correctness: the task whose questions `data` holds, as for rlt eval."},
    {"prompt", OPTION_CHOICE, "task", 0, 0, TASK_PROMPTS, "reward=correctness: the prompt, as for rlt eval."},
    {"steps", OPTION_INT, "125", 1, 1e9, NULL, "Optimiser batches."},
    {"tokens_of", OPTION_INPUT, "", 0, 0, NULL, "Another RL run's folder: stops after the step at which as many tokens have been sampled as there in all."},
    {"questions", OPTION_INT, "16", 1, 1e6, NULL, "Questions a step."},
    {"samples", OPTION_INT, "64", 2, 1e6, NULL, "Completions a question: the group."},
    {"updates", OPTION_INT, "1", 1, 1000, NULL, "Optimiser steps a batch; more than one clips the ratio."},
    {"beta", OPTION_REAL, "0.04", 0, 100, NULL, "Weight of the k3 penalty to the reference model; 0: no reference."},
    {"clip_epsilon", OPTION_REAL, "0.2", 0, 1, NULL, "Width of the ratio's clip."},
    {"student_dtype", OPTION_CHOICE, "same", 0, 0, "same|" DTYPES, "Type in which the student's weights are held; same: as dtype."},
    {"reference_dtype", OPTION_CHOICE, "same", 0, 0, "same|" DTYPES,
     "Type in which the reference's weights are held; same: as dtype. A sync rounds to it."},
    {"sync_every", OPTION_INT, "32", 0, 1e9, NULL, "Steps between syncs of the reference; 0: never. With LoRA never: it is the frozen start."},
    {"sync_share", OPTION_REAL, "0.9", 0, 1, NULL, "reference = share * policy + (1 - share) * reference."},
    {"temperature", OPTION_REAL, "0.7", 0.01, 100, NULL, "Of sampling and of every log-prob."},
    {"max_tokens", OPTION_INT, "1024", 1, 1e7, NULL, "New tokens a completion."},
    SLOT_OPTIONS,
    {"max_rows", OPTION_INT, "2048", 1, 1e7, NULL, "Tokens a batch of scoring or training; changes no bit of the result."},
    {"tape_mib", OPTION_INT, "1024", 0, 1e7, NULL, "MiB for the rollout's activations, at most: what is there, the update need not compute again. Changes no bit."},
    {"entropy", OPTION_BOOL, "true", 0, 0, NULL, "Whether the policy's entropy is measured (costs a little)."},
    {"log_samples", OPTION_INT, "2", 0, 1e6, NULL, "Completions a step that are kept in samples.jsonl."},
    {"log_tokens", OPTION_BOOL, "false", 0, 0, NULL, "reward=teacher: these keep their tokens, and of each its value in r_KL or r_SS."},
    REWARD_OPTIONS,
    REWARD_SUM_OPTIONS,
    TRAINING_OPTIONS("1e-6", "constant", "0", "0"),
    {0},
};

typedef struct RlRun {
    const Options *options;
    Backend *backend;
    ModelBundle policy, student_bundle;
    Model *model;                   // the policy, in F32: the trainer's master
    Model *reference, *own_student; // own_student: the policy as it started
    Model *student;
    Dev sync_scratch;
    KvCache *cache;
    Tape *tape;
    Pass *decode_pass, *reference_pass, *student_pass;
    Pass *teacher_pass; // of the policy, where the reward reads more of it than its log-probs
    DialogueFormat format;
    Dialogue dialogue, student_dialogue;
    RltScorer scorer;
    Grading grading;
    Rows data;
    RlQuestion *questions; // [n_questions]
    Ids *prompts;          // [n_questions] of the policy
    RltTexts *texts;       // [n_questions] of the student; NULL: none judges
    size_t n_questions;
    Trainer *trainer;
    RunFolder *folder;
    RlRecords records;
    RolloutKeeper keeper;
    StepCounts keeping; // of this step's rollout file, a record
    Sha256Hex build;    // of this program
    Arena *memory;      // a step's
    Rl rl;
} RlRun;

static void rl_run_free(RlRun *r) {
    reward_sum_close(&r->rl.sum);
    pass_destroy(r->teacher_pass);
    run_folder_close(r->folder);
    kv_cache_destroy(r->cache);
    tape_destroy(r->tape);
    pass_destroy(r->decode_pass);
    pass_destroy(r->reference_pass);
    pass_destroy(r->student_pass);
    trainer_destroy(r->trainer);
    if (r->backend != NULL) RUN(r->backend, release, r->sync_scratch);
    model_destroy(r->reference);
    model_destroy(r->own_student);
    model_destroy(r->model);
    for (size_t i = 0; r->prompts != NULL && i < r->n_questions; i++) ids_free(&r->prompts[i]);
    for (size_t i = 0; r->texts != NULL && i < r->n_questions; i++) rlt_texts_free(&r->texts[i]);
    mem_free(r->prompts);
    mem_free(r->texts);
    mem_free(r->questions);
    arena_destroy(r->memory);
    rows_free(&r->data);
    grading_close(&r->grading);
    dialogue_format_free(&r->format);
    model_bundle_close(&r->student_bundle);
    model_bundle_close(&r->policy);
    backend_destroy(r->backend);
}

// The policy as it starts: with LoRA what was loaded, at no cost; else a copy, in the type that `key` says.
static bool keep_start(const RlRun *r, const char *key, Model **start, Error *error) {
    if (!lora_wanted(r->options)) {
        *start = model_copy_as(r->model, dtype_option(r->options, key));
        return true;
    }
    if (dtype_option(r->options, key) != dtype_option(r->options, "dtype"))
        return error_set(error, "key \"%s\": expected same with LoRA: what was loaded serves, and takes no memory", key);
    *start = model_hold(r->policy.model);
    return true;
}

// The student named by a path: with LoRA the policy's own base, where that is what the path names.
static bool load_student(RlRun *r, const char *path, Error *error) {
    const char *base = model_file_base(r->policy.file);
    if (!lora_wanted(r->options) || strcmp(path, base != NULL ? base : options_text(r->options, "model")) != 0)
        return model_bundle_load(&r->student_bundle, r->backend, dtype_option(r->options, "student_dtype"), error);
    r->student_bundle.model = model_hold(model_base(r->model));
    return true;
}

static bool is_teacher(const RlRun *r) { return strcmp(options_text(r->options, "reward"), "teacher") == 0; }

static bool open_student(RlRun *r, Error *error) {
    if (!is_teacher(r)) return true;
    const char *path = options_text(r->options, "student");
    const ModelBundle *text = &r->policy;
    if (*path == 0) {
        if (!keep_start(r, "student_dtype", &r->own_student, error)) return false;
        r->student = r->own_student;
    } else {
        if (!model_bundle_open_key(r->options, "student", &r->student_bundle, error) ||
            !model_bundle_need_chat(&r->student_bundle, error) || !load_student(r, path, error)) {
            return false;
        }
        r->student = r->student_bundle.model;
        text = &r->student_bundle;
        if (tokenizer_size(text->tokenizer) != tokenizer_size(r->policy.tokenizer)) {
            return error_set(error, "%s: its tokenizer has %d ids, the policy's %d: the explanation's ids must mean the same to both",
                             path, tokenizer_size(text->tokenizer), tokenizer_size(r->policy.tokenizer));
        }
    }
    r->student_dialogue = (Dialogue){text->tokenizer, &text->chat, &r->format};
    r->student_pass = pass_create(r->student, (PassSettings){0});
    return true;
}

// The ids of all prompts and of what the student reads; tokens of the longest prompt, and of the longest text of the student
// without the completion.
static void encode_texts(RlRun *r, int32_t *prompt, int32_t *student_text) {
    const RlReward *reward = rl_reward_by_name(options_text(r->options, "reward"));
    Rl rl = {.dialogue = &r->dialogue};
    r->prompts = mem_alloc(r->n_questions, sizeof *r->prompts);
    if (r->student != NULL) r->texts = mem_alloc(r->n_questions, sizeof *r->texts);
    *prompt = *student_text = 0;
    for (size_t i = 0; i < r->n_questions; i++) {
        RlQuestion *question = &r->questions[i];
        reward->prompt(&rl, question, &r->prompts[i]);
        question->prompt = &r->prompts[i];
        *prompt = r->prompts[i].len > *prompt ? r->prompts[i].len : *prompt;
        if (r->student == NULL) continue;
        RltTexts *texts = &r->texts[i];
        rlt_texts_make(texts, &r->student_dialogue, question->system, question->question, question->solution);
        question->texts = texts;
        int32_t both = texts->before.len + texts->after.len;
        *student_text = both > *student_text ? both : *student_text;
    }
}

// What the run takes, from its shape: checked, then reserved whole, before the first step.
static bool reserve(RlRun *r, Error *error) {
    int32_t prompt, student_text;
    encode_texts(r, &prompt, &student_text);
    const ModelConfig *student = r->student_bundle.model != NULL ? model_config(r->student) : NULL;
    RunShape shape;
    if (!rl_shape(r->options, model_config(r->model), student, prompt, student_text, &shape, error)) return false;
    shape.token_bytes = tokenizer_longest_bytes(r->policy.tokenizer);
    uint64_t loaded = model_memory(r->model);
    if (r->reference != NULL && !shape.reference_is_base) loaded += model_memory(r->reference);
    if (r->student != NULL && !shape.student_is_base) loaded += model_memory(r->student);
    shape.other_bytes = process_resident_bytes() > loaded ? process_resident_bytes() - loaded : 0;
    if (!memory_plan_check(r->backend, &shape, loaded, "rl", error)) return false;
    TrainerSettings settings = training_settings(r->options);
    r->trainer = trainer_create(r->model, &settings);
    PassSize train = run_train_size(&shape), decode = run_decode_size(&shape);
    PassSize reference = run_reference_size(&shape), judge = run_student_size(&shape);
    trainer_reserve(r->trainer, &train);
    Model *policy = trainer_model(r->trainer);
    int32_t tape_rows = run_tape_rows(&shape);
    if (tape_rows > 0) r->tape = tape_create(policy, tape_rows);
    r->decode_pass = pass_create(policy, (PassSettings){.record = tape_rows > 0});
    model_reserve(policy, r->decode_pass, &decode);
    if (r->reference != NULL) model_reserve(r->reference, r->reference_pass, &reference);
    if (r->student != NULL) model_reserve(r->student, r->student_pass, &judge);
    r->cache = kv_cache_create(r->model, run_cache_rows(&shape));
    RlSize step = run_step_size(&shape);
    r->memory = arena_create();
    arena_reserve(r->memory, rl_step_bytes(&step));
    return true;
}

// Without its weights: a run that has ended needs none.
static bool open_policy(RlRun *r, Error *error) {
    return model_bundle_open_key(r->options, "model", &r->policy, error) && model_bundle_need_chat(&r->policy, error) &&
           policy_check(r->options, &r->policy, error);
}

static bool load_models(RlRun *r, Error *error) {
    if (!policy_load(r->options, &r->policy, r->backend, &r->model, error)) return false;
    r->dialogue = (Dialogue){r->policy.tokenizer, &r->policy.chat, &r->format};
    if (!open_student(r, error)) return false;
    if (options_real(r->options, "beta") > 0) {
        if (!keep_start(r, "reference_dtype", &r->reference, error)) return false;
        r->reference_pass = pass_create(r->reference, (PassSettings){0});
        size_t scratch_bytes = model_blend_bytes(r->reference);
        if (scratch_bytes > 0) r->sync_scratch = RUN(r->backend, alloc, scratch_bytes);
    }
    return reserve(r, error);
}

static bool read_data(RlRun *r, Error *error) {
    const char *path = options_text(r->options, "data");
    if (!is_teacher(r)) {
        uint64_t seed = (uint64_t)options_int(r->options, "seed");
        if (!grading_open(options_text(r->options, "task"), options_text(r->options, "prompt"), path, seed, &r->format, &r->grading, error)) return false;
        r->n_questions = r->grading.questions.count;
        r->questions = mem_alloc(r->n_questions, sizeof *r->questions);
        grading_questions(&r->grading, r->questions);
        return true;
    }
    RowsLimits limits = rows_limits_default();
    limits.required = ROW_QUESTION | ROW_SOLUTION;
    if (!rows_read(path, &limits, &r->data, error)) return false;
    if (r->data.count == 0) return error_set(error, "%s: no rows", path);
    r->n_questions = r->data.count;
    r->questions = mem_alloc(r->n_questions, sizeof *r->questions);
    for (size_t i = 0; i < r->n_questions; i++) {
        const Row *row = &r->data.rows[i];
        r->questions[i] = (RlQuestion){.question = row->question, .solution = row->solution, .system = row->system.ptr, .row = row,
                                       .index = (uint32_t)i};
    }
    return true;
}

static bool set_up(RlRun *r, Error *error) {
    const Options *o = r->options;
    r->records = (RlRecords){r->folder, r->policy.tokenizer, is_teacher(r) ? &r->student_dialogue : NULL, &r->rl.sum,
                             options_int(o, "log_samples")};
    r->scorer = (RltScorer){.memory = r->memory, .student = r->student, .student_pass = r->student_pass, .student_dialogue = &r->student_dialogue,
                            .teacher_dialogue = &r->dialogue, .temperature = (float)options_real(o, "temperature"),
                            .max_rows = (int32_t)options_int(o, "max_rows")};
    if (!reward_settings_from_options(o, &r->scorer.rewards, error)) return false;
    if (is_teacher(r) && r->scorer.rewards.kl_estimator == KL_EXACT) {
        r->scorer.teacher = trainer_model(r->trainer);
        r->scorer.teacher_pass = r->teacher_pass = pass_create(r->scorer.teacher, (PassSettings){0});
    }
    r->rl = (Rl){
        .memory = r->memory,
        .trainer = r->trainer,
        .decode_pass = r->decode_pass,
        .tape = r->tape,
        .reference = r->reference,
        .reference_pass = r->reference_pass,
        .sync_scratch = r->sync_scratch,
        .reference_is_start = !lora_wanted(o),
        .dialogue = &r->dialogue,
        .scorer = is_teacher(r) ? &r->scorer : NULL,
        .grade = grade_completion,
        .grade_context = &r->grading,
        .reward = rl_reward_by_name(options_text(o, "reward")),
        .generate = {.sampling = {.temperature = (float)options_real(o, "temperature"), .top_p = 1},
                     .seed = (uint64_t)options_int(o, "seed"),
                     .max_tokens = (int32_t)options_int(o, "max_tokens"),
                     .stop_ids = r->policy.stop_ids.data,
                     .n_stop_ids = r->policy.stop_ids.len,
                     .max_slots = (int32_t)options_int(o, "slots"),
                     .cache_rows = (int32_t)options_int(o, "cache_rows"),
                     .cache = r->cache,
                     .speculate = options_bool(o, "speculate")},
        .group_size = (int32_t)options_int(o, "samples"),
        .grpo = {.temperature = (float)options_real(o, "temperature"),
                 .beta = options_real(o, "beta"),
                 .clip_epsilon = options_real(o, "clip_epsilon"),
                 .max_rows = (int32_t)options_int(o, "max_rows"),
                 .want_entropy = options_bool(o, "entropy")},
        .updates = (int32_t)options_int(o, "updates"),
        .sync_every = lora_wanted(o) ? 0 : (int32_t)options_int(o, "sync_every"),
        .sync_policy_share = (float)options_real(o, "sync_share"),
    };
    if (is_teacher(r) && options_bool(o, "log_tokens")) {
        int64_t questions = options_int(o, "questions"); // rl_record_samples takes them question by question
        r->rl.n_kept_tokens = (int32_t)((options_int(o, "log_samples") + questions - 1) / questions);
    }
    return reward_sum_open(o, options_int(o, "max_tokens"), &r->format, is_teacher(r), &r->rl.sum, error);
}

// ---- rollouts that an interrupted run has sampled already

static RolloutKey rollout_key(const RlRun *r, int64_t step, int32_t n) {
    return (RolloutKey){step, r->build, n, model_config(r->model)->vocabulary};
}

static void count_keeping(RlRun *r, StepCounts since) {
    step_counts_end(&since);
    r->keeping.allocations += since.allocations;
    r->keeping.page_faults += since.page_faults;
}

static bool load_rollout(void *context, int64_t step, Completion *completions, int32_t n, GenerateCounts *counts, bool *found,
                         Error *error) {
    RlRun *r = context;
    StepCounts begin = step_counts_begin();
    RolloutKey key = rollout_key(r, step, n);
    char *path = run_folder_rollout(r->folder, step);
    bool ok = rollout_load(path, &key, completions, counts, found, error);
    if (ok && *found) log_info("%s: step %lld was sampled before the interruption", run_folder_path(r->folder), (long long)step);
    mem_free(path);
    count_keeping(r, begin);
    return ok;
}

static bool save_rollout(void *context, int64_t step, const Completion *completions, int32_t n, const GenerateCounts *counts,
                         Error *error) {
    RlRun *r = context;
    StepCounts begin = step_counts_begin();
    RolloutKey key = rollout_key(r, step, n);
    char *path = run_folder_rollout(r->folder, step);
    bool ok = rollout_save(path, &key, completions, counts, error);
    mem_free(path);
    count_keeping(r, begin);
    return ok;
}

// A run that can go on keeps them; a replay computes everything again.
static bool keep_rollouts(RlRun *r, Error *error) {
    if (options_int(r->options, "checkpoint_every") == 0 || options_int(r->options, "replay") >= 0) return true;
    char *path = path_join(run_folder_path(r->folder), "rollouts");
    bool ok = dir_make(path, error) && program_build(&r->build, error);
    mem_free(path);
    r->keeper = (RolloutKeeper){load_rollout, save_rollout, r};
    r->rl.keeper = &r->keeper;
    return ok;
}

// ---- the loop

static void choose_questions(const RlRun *r, int64_t step, int32_t n, int32_t *permutation, int64_t *epoch, RlQuestion *chosen) {
    int64_t count = (int64_t)r->n_questions;
    for (int32_t i = 0; i < n; i++) {
        int64_t place = step * n + i, at_epoch = place / count;
        if (at_epoch != *epoch) {
            rng_permutation((uint64_t)options_int(r->options, "seed"), (uint32_t)at_epoch, 0, permutation, (int32_t)count);
            *epoch = at_epoch;
        }
        chosen[i] = r->questions[permutation[place % count]];
    }
}

// Tokens that a run has sampled in its first so many steps: the sum over its metrics.jsonl.
static bool sampled_tokens(const char *folder, int64_t steps, double *sum, Error *error) {
    char *path = path_join(folder, METRICS_FILE);
    LineReader *reader;
    bool ok = line_reader_open(path, METRICS_ROW_MAX_BYTES, &reader, error);
    Str line;
    int got = 0;
    *sum = 0;
    while (ok && steps-- > 0 && (got = line_reader_next(reader, &line, error)) > 0) {
        json_t *row = NULL;
        double tokens = 0;
        ok = json_parse(line, path, &row, error) && json_need_number(row, path, "tokens_sampled", &tokens, error);
        *sum += tokens;
        json_decref(row);
    }
    line_reader_close(reader);
    mem_free(path);
    return ok && got >= 0;
}

static bool one_step(RlRun *r, int64_t step, float rate, const RlQuestion *chosen, int32_t n, Progress *progress, double *sampled,
                     Error *error) {
    RlRollout rollout = {0};
    RlMetrics m;
    r->keeping = (StepCounts){0};
    StepCounts work = step_counts_begin();
    bool ok = rl_step(&r->rl, step, rate, chosen, n, &rollout, &m, error);
    step_counts_end(&work);
    work = (StepCounts){work.allocations - r->keeping.allocations, work.page_faults - r->keeping.page_faults};
    if (ok && r->grading.failed) ok = error_set(error, "%s", r->grading.error.message);
    ok = ok && rl_record_metrics(&r->records, step, rate, &m, &work, error) &&
         rl_record_samples(&r->records, step, &rollout, error);
    if (!ok) return false;
    if (m.reference_equal) log_info("step %lld: the reference has the policy's weights, so its log-probs are the rollout's", (long long)step);
    *sampled += (double)m.generate.tokens_sampled;
    char note[128];
    if (is_teacher(r)) {
        snprintf(note, sizeof note, "reward %.3f (ss %.3f, kl %.3f), closed %.2f, length %.0f", m.reward, m.r_ss, m.r_kl, m.closed,
                 m.length);
    } else {
        snprintf(note, sizeof note, "reward %.3f, right %.3f, length %.0f", m.reward, m.right, m.length);
    }
    progress_update(progress, (uint64_t)step + 1, note);
    return true;
}

static bool train(RlRun *r, Error *error) {
    const Options *o = r->options;
    int64_t steps = options_int(o, "steps"), every = options_int(o, "checkpoint_every"), step, epoch = -1;
    int32_t n = (int32_t)options_int(o, "questions");
    Schedule schedule = training_schedule(o, steps);
    Model *moving = lora_wanted(o) ? NULL : r->reference; // what does not move is no state
    CheckpointParts parts = {r->trainer, moving, r->policy.tokenizer, &r->policy.chat, 0};
    double budget = INFINITY, sampled = 0;
    if (!run_folder_restore(r->folder, &parts, &step, error)) return false;
    if (options_given(o, "tokens_of") && (!sampled_tokens(options_text(o, "tokens_of"), INT64_MAX, &budget, error) ||
                                          !sampled_tokens(run_folder_path(r->folder), step, &sampled, error))) {
        return false;
    }
    int32_t *permutation = mem_alloc(r->n_questions, sizeof *permutation);
    RlQuestion *chosen = mem_alloc((size_t)n, sizeof *chosen);
    Progress *progress = progress_begin("rl", "step", (uint64_t)steps);
    progress_resume(progress, (uint64_t)step);
    bool ok = true;
    for (int64_t end = run_folder_end(r->folder, steps); ok && step < end && sampled < budget; step++) {
        choose_questions(r, step, n, permutation, &epoch, chosen);
        ok = one_step(r, step, schedule_rate(&schedule, step), chosen, n, progress, &sampled, error);
        parts.step = step + 1;
        if (ok && every > 0 && (step + 1) % every == 0 && step + 1 < steps) {
            ok = run_folder_checkpoint(r->folder, &parts, (int)options_int(o, "keep"), error);
        }
    }
    progress_end(progress);
    mem_free(permutation);
    mem_free(chosen);
    return ok && run_folder_finish(r->folder, &parts, training_save_dtype(o), error);
}

static bool run(const Options *options, Error *error) {
    RlRun r = {.options = options};
    dialogue_format_init(&r.format);
    bool ok = backend_create(options_text(options, "backend"), &r.backend, error) &&
              dialogue_format_from_options(&r.format, options, error) && read_data(&r, error) &&
              open_policy(&r, error) &&
              run_folder_open(options_text(options, "out"), options, r.backend, &r.folder, error);
    if (ok && run_folder_finished(r.folder)) {
        log_info("%s: finished already", options_text(options, "out"));
    } else {
        ok = ok && load_models(&r, error) && set_up(&r, error) && keep_rollouts(&r, error) && train(&r, error);
    }
    rl_run_free(&r);
    return ok;
}

const Command command_rl = {"rl", "reinforcement learning (GRPO) with the RLT or the correctness reward", "", rows, run};
