// rlt plan: the memory and the time that a training command, or every training stage of a recipe, needs, from shapes alone.
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/command_table.h"
#include "commands/commands.h"
#include "commands/model_bundle.h"
#include "commands/run_shape.h"
#include "commands/stages.h"
#include "formats/hf_config.h"

#define CONFIG_MAX_BYTES ((size_t)1 << 20)
#define GIB ((double)(1 << 30))

static const OptionRow rows[] = {
    {"recipe", OPTION_TEXT, NULL, 0, 0, NULL, "sft or rl, or a recipe of stages (YAML), of which every sft and rl stage is planned."},
    {"settings", OPTION_INPUT, "", 0, 0, NULL, "Of one command: its keys as a YAML file."},
    {"model_config", OPTION_INPUT, "", 0, 0, NULL, "A config.json in place of the model's: of a model that is not there."},
    {"student_config", OPTION_INPUT, "", 0, 0, NULL, "The same in place of the student's."},
    {"row_tokens", OPTION_INT, "0", 0, 1e7, NULL, "sft: tokens of the longest row; 0: max_length, or else max_rows + 1, at most the model's positions."},
    {"data_rows", OPTION_INT, "0", 0, 1e12, NULL, "sft: rows of the data, for epochs; 0: the time of one step alone."},
    {"prompt_tokens", OPTION_INT, "512", 1, 1e7, NULL, "rl: tokens of the longest prompt; at most half of the model's positions."},
    {"student_tokens", OPTION_INT, "768", 1, 1e7, NULL, "rl: tokens of the longest text of the student, the explanation left out; at most half of its positions."},
    {"memory", OPTION_REAL, "0", 0, 1e9, NULL, "GiB that may be used; 0: what this machine has available."},
    {"gflops", OPTION_REAL, "0", 0, 1e9, NULL, "Rate of matrix products in GFLOP/s; 0: measured here, in half a second."},
    {"out", OPTION_OUTPUT, "", 0, 0, NULL, "Of a recipe: as `rlt run` takes it."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of a recipe: ${seed}."},
    {"*", OPTION_TEXT, "", 0, 0, NULL, "The command's keys, or VARIABLE=value and STAGE.KEY=value of a recipe."},
    {0},
};

typedef struct Planner {
    const Options *options;
    Backend *backend;
    StageList list;      // of a recipe
    uint64_t available;
    double flops_per_s;
    Buf *out;
} Planner;

// ---- shapes of models, wherever they are known from

static bool config_from_json(const char *path, ModelConfig *config, Error *error) {
    Buf text;
    json_t *json = NULL;
    if (!file_read(path, CONFIG_MAX_BYTES, &text, error)) return false;
    bool ok = json_parse(buf_str(&text), path, &json, error) && hf_config_parse(json, path, config, error);
    json_decref(json);
    buf_free(&text);
    return ok;
}

static bool config_from_model(const char *path, ModelConfig *config, Error *error) {
    char *json = path_join(path, "config.json");
    ModelFile *file;
    bool ok;
    if (file_exists(json)) {
        ok = config_from_json(json, config, error);
    } else if ((ok = model_file_open(path, &file, error))) { // GGUF, or an adapter with its base
        *config = *model_file_config(file);
        model_file_close(file);
    }
    mem_free(json);
    return ok;
}

static const Stage *stage_that_writes(const Planner *p, const char *path) {
    for (int i = 0; i < p->list.n_stages; i++) {
        size_t length = strlen(p->list.stages[i].folder);
        if (strncmp(path, p->list.stages[i].folder, length) == 0 && (path[length] == '/' || path[length] == 0)) return &p->list.stages[i];
    }
    return NULL;
}

// A value of a stage, its default where the recipe leaves it.
static const char *stage_value(const Stage *stage, const char *key) {
    const char *value = stage_key_value(stage, key);
    return value != NULL ? value : option_find(stage->command, key)->fallback;
}

static int32_t stage_int(const Stage *stage, const char *key) { return (int32_t)strtol(stage_value(stage, key), NULL, 10); }

// A vocabulary that is not made yet has as many ids as its stage is told to make.
static bool scratch_vocabulary(const Planner *p, const char *path, int32_t *vocabulary, Error *error) {
    const Stage *maker = stage_that_writes(p, path);
    if (maker != NULL && strcmp(maker->command->name, "data tokenizer") == 0) {
        *vocabulary = stage_int(maker, "vocabulary");
        return true;
    }
    Tokenizer *tokenizer;
    ChatTemplate chat;
    bool has_chat;
    if (!tokenizer_open(path, &tokenizer, &chat, &has_chat, error)) return false;
    *vocabulary = tokenizer_size(tokenizer);
    tokenizer_destroy(tokenizer);
    return true;
}

static bool config_from_stage(const Planner *p, const Stage *stage, int depth, ModelConfig *config, Error *error);

static bool config_of(const Planner *p, const char *path, int depth, ModelConfig *config, Error *error) {
    const Stage *stage = stage_that_writes(p, path);
    if (stage != NULL && !file_exists(path) && !dir_exists(path)) return config_from_stage(p, stage, depth + 1, config, error);
    return config_from_model(path, config, error);
}

static bool config_from_stage(const Planner *p, const Stage *stage, int depth, ModelConfig *config, Error *error) {
    bool trains = strcmp(stage->command->name, "sft") == 0 || strcmp(stage->command->name, "rl") == 0;
    if (!trains || depth > STAGES_MAX) return error_set(error, "stage \"%s\": writes no model whose shape is known", stage->name);
    const char *model = stage_value(stage, "model");
    if (model != NULL && *model != 0) return config_of(p, model, depth, config, error);
    int32_t vocabulary, heads = stage_int(stage, "scratch.heads"), hidden = stage_int(stage, "scratch.hidden");
    if (!scratch_vocabulary(p, stage_value(stage, "scratch.tokenizer"), &vocabulary, error)) return false;
    *config = (ModelConfig){.family = MODEL_QWEN3, .vocabulary = vocabulary, .hidden = hidden,
                            .n_layers = stage_int(stage, "scratch.layers"), .n_heads = heads,
                            .n_kv_heads = stage_int(stage, "scratch.kv_heads"), .head_dim = hidden / heads,
                            .ffn = stage_int(stage, "scratch.ffn"), .max_positions = stage_int(stage, "scratch.positions"),
                            .norm_eps = 1e-6f, .tied = strcmp(stage_value(stage, "scratch.tied"), "true") == 0, .qk_norm = true,
                            .rope = {.kind = ROPE_DEFAULT, .theta = 10000}, .bos_id = -1, .eos_id = -1, .pad_id = -1};
    return model_config_check(config, stage->name, error);
}

// Of the key "model" or "student" of one command.
static bool command_config(const Planner *p, const Options *o, const char *key, const char *config_key, ModelConfig *config,
                           Error *error) {
    const char *given = options_text(p->options, config_key), *path = options_text(o, key);
    if (*given != 0) return config_from_json(given, config, error);
    if (*path != 0) return config_of(p, path, 0, config, error);
    return error_set(error, "rlt plan: give %s=PATH of a model, or %s=PATH of a config.json", key, config_key);
}

// ---- the rate of matrix products

static double measure_flops(Backend *be, const ModelConfig *config) {
    const int32_t n_rows = 256, n_in = config->hidden, n_out = config->ffn < 8192 ? config->ffn : 8192;
    size_t x_bytes = (size_t)n_rows * (size_t)n_in * 4, out_bytes = (size_t)n_rows * (size_t)n_out * 4;
    Weight w = {RUN(be, alloc, RUN(be, weight_bytes, DTYPE_F32, n_out, n_in)), n_out, n_in, DTYPE_F32};
    Dev x = RUN(be, alloc, x_bytes), out = RUN(be, alloc, out_bytes);
    double best_s = 1e9;
    for (double start = time_now_s(), now = start; now - start < 0.5;) {
        double before = now;
        RUN(be, linear, mat(out, n_rows, n_out), mat(x, n_rows, n_in), w, VEC_NONE, (Mat){{0}, 0, 0});
        now = time_now_s();
        best_s = now - before < best_s ? now - before : best_s;
    }
    RUN(be, release, w.data);
    RUN(be, release, x);
    RUN(be, release, out);
    return 2.0 * n_rows * n_in * n_out / best_s;
}

static void add_time(Buf *out, double seconds) {
    if (seconds >= 3600) buf_printf(out, "%.1f h", seconds / 3600);
    else buf_printf(out, seconds >= 10 ? "%.0f s" : "%.2g s", seconds);
}

// ---- one command

static bool report(Planner *p, const char *name, const RunShape *shape, int64_t steps, bool *all_fit) {
    MemoryPlan plan = memory_plan(p->backend, shape);
    double rate = options_real(p->options, "gflops") * 1e9;
    if (rate == 0) rate = p->flops_per_s > 0 ? p->flops_per_s : (p->flops_per_s = measure_flops(p->backend, shape->policy));
    double step_s = run_step_flops(shape) / rate;
    buf_printf(p->out, "%s\n", name);
    memory_plan_write(&plan, p->out);
    buf_printf(p->out, "  a step of %.3g GFLOP at %.3g GFLOP/s: ", run_step_flops(shape) / 1e9, rate / 1e9);
    add_time(p->out, step_s);
    if (steps > 0) {
        buf_printf(p->out, "; %lld steps: ", (long long)steps);
        add_time(p->out, step_s * (double)steps);
    }
    buf_add_text(p->out, " at least\n");
    if (plan.peak_bytes <= p->available) return true;
    *all_fit = false;
    buf_printf(p->out, "  does not fit into %.3f GiB; ", (double)p->available / GIB);
    Buf nearest;
    buf_init(&nearest, 0);
    bool any = memory_plan_nearest(p->backend, shape, p->available, &nearest);
    buf_printf(p->out, "%s%s\n", any ? "fits with: " : "no setting of it fits", any ? nearest.data : "");
    buf_free(&nearest);
    return true;
}

static bool plan_sft(Planner *p, const char *name, const Options *o, const ModelConfig *config, bool *all_fit, Error *error) {
    int64_t longest = options_int(p->options, "row_tokens"), n_rows = options_int(p->options, "data_rows");
    if (longest == 0) longest = options_int(o, "max_length");
    if (longest == 0) longest = options_int(o, "max_rows") + 1;
    if (longest > config->max_positions) longest = config->max_positions;
    RunShape shape;
    if (!sft_shape(o, config, (int32_t)(longest < 2 ? 2 : longest), &shape, error)) return false;
    shape.other_bytes = process_resident_bytes();
    return report(p, name, &shape, n_rows > 0 || options_int(o, "steps") > 0 ? sft_steps(o, n_rows) : 0, all_fit);
}

// A length that leaves room for a completion.
static int32_t half_at_most(const Planner *p, const char *key, const ModelConfig *config) {
    int64_t length = options_int(p->options, key), most = config->max_positions / 2;
    return (int32_t)(length < most ? length : most);
}

static bool plan_rl(Planner *p, const char *name, const Options *o, const ModelConfig *policy, bool *all_fit, Error *error) {
    ModelConfig student;
    bool own = *options_text(o, "student") != 0 || *options_text(p->options, "student_config") != 0;
    RunShape shape;
    if (own && !command_config(p, o, "student", "student_config", &student, error)) return false;
    if (!rl_shape(o, policy, own ? &student : NULL, half_at_most(p, "prompt_tokens", policy),
                  half_at_most(p, "student_tokens", own ? &student : policy), &shape, error)) {
        return false;
    }
    shape.other_bytes = process_resident_bytes();
    return report(p, name, &shape, options_int(o, "steps"), all_fit);
}

static bool is_planned(const Command *command) { return strcmp(command->name, "sft") == 0 || strcmp(command->name, "rl") == 0; }

static bool plan_command(Planner *p, const char *name, const Options *o, const ModelConfig *config, bool *all_fit, Error *error) {
    return strcmp(options_command(o)->name, "sft") == 0 ? plan_sft(p, name, o, config, all_fit, error)
                                                        : plan_rl(p, name, o, config, all_fit, error);
}

typedef struct Arguments {
    char *list[256];
    int n;
} Arguments;

static bool add_argument(Arguments *a, const char *key, const char *value, Error *error) {
    if (a->n == sizeof a->list / sizeof *a->list) return error_set(error, "command line: more than %d keys", a->n);
    Buf text;
    buf_init(&text, 0);
    if (key != NULL) buf_printf(&text, "%s=", key);
    buf_add_text(&text, value);
    a->list[a->n++] = text.data;
    return true;
}

static void arguments_free(Arguments *a) {
    for (int i = 0; i < a->n; i++) mem_free(a->list[i]);
}

// Paths that must be given but are not read here.
static bool add_unread(Arguments *a, const Command *command, Error *error) {
    for (const OptionRow *row = command->rows; row->key != NULL; row++) {
        if (row->fallback == NULL && !add_argument(a, row->key, "", error)) return false;
    }
    return true;
}

static bool plan_one(Planner *p, const Command *command, bool *all_fit, Error *error) {
    Arguments a = {0};
    const char *settings = options_text(p->options, "settings");
    bool usage, ok = *settings == 0 || add_argument(&a, NULL, settings, error);
    ok = ok && (*settings != 0 || add_unread(&a, command, error));
    for (size_t i = 0; ok && i < options_n_extra(p->options); i++) {
        const char *key, *value;
        options_extra(p->options, i, &key, &value);
        ok = add_argument(&a, key, value, error);
    }
    Options *o;
    ModelConfig config;
    if (ok && (ok = options_parse(command, a.n, a.list, &o, &usage, error))) {
        ok = command_config(p, o, "model", "model_config", &config, error) && plan_command(p, command->name, o, &config, all_fit, error);
        options_free(o);
    }
    arguments_free(&a);
    return ok;
}

// ---- a recipe

static bool plan_stage(Planner *p, const Stage *stage, bool *all_fit, Error *error) {
    Arguments a = {0};
    bool usage, ok = true;
    for (size_t k = 0; ok && k < stage->n_keys; k++) ok = add_argument(&a, stage->keys[k].key, stage->keys[k].value, error);
    Options *o;
    ModelConfig config;
    if (ok && (ok = options_parse(stage->command, a.n, a.list, &o, &usage, error))) {
        ok = config_from_stage(p, stage, 0, &config, error) && plan_command(p, stage->name, o, &config, all_fit, error);
        options_free(o);
    }
    arguments_free(&a);
    return ok || error_prefix(error, "stage \"%s\"", stage->name);
}

static bool plan_recipe(Planner *p, bool *all_fit, Error *error) {
    size_t n = options_n_extra(p->options);
    StageOverride *overrides = mem_alloc(n, sizeof *overrides);
    for (size_t i = 0; i < n; i++) options_extra(p->options, i, &overrides[i].key, &overrides[i].value);
    const char *out = options_text(p->options, "out");
    bool ok = stages_read(options_text(p->options, "recipe"), *out != 0 ? out : "out", options_text(p->options, "seed"), overrides, n,
                          command_find, &p->list, error);
    if (ok) {
        for (int i = 0; ok && i < p->list.n_stages; i++) {
            if (is_planned(p->list.stages[i].command)) ok = plan_stage(p, &p->list.stages[i], all_fit, error);
        }
        stages_free(&p->list);
    }
    mem_free(overrides);
    return ok;
}

static bool run(const Options *options, Error *error) {
    Buf out;
    buf_init(&out, 0);
    double memory = options_real(options, "memory");
    Planner p = {.options = options, .out = &out};
    const Command *command = command_find(options_text(options, "recipe"));
    if (command != NULL && !is_planned(command)) return error_set(error, "rlt plan %s: expected sft, rl or a recipe", command->name);
    if (!backend_create("cpu", &p.backend, error)) return false;
    uint64_t base = process_resident_bytes(); // taken already, and in every plan
    p.available = memory > 0 ? (uint64_t)(memory * GIB) : mem_available_bytes() + base;
    bool all_fit = true, ok = command != NULL ? plan_one(&p, command, &all_fit, error) : plan_recipe(&p, &all_fit, error);
    if (out.len > 0) fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
    backend_destroy(p.backend);
    if (!ok || all_fit) return ok;
    return error_set(error, "rlt plan: not all of it fits into %.2f GiB", (double)p.available / GIB);
}

const Command command_plan = {"plan", "memory and time that training needs, before it runs", "recipe settings", rows, run};
