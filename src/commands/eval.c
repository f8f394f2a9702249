// rlt eval: a task's questions put to a model or a server, its answers graded, with intervals; two runs beside each other.
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/eval_run.h"
#include "commands/manifest.h"
#include "commands/server.h"
#include "eval/results.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, "", 0, 0, NULL, "The student: a Hugging Face folder or a GGUF file."},
    SERVER_OPTIONS,
    {"data", OPTION_INPUT, "", 0, 0, NULL, "The task's questions, in the form in which they are published (docs/eval-tasks.md)."},
    {"out", OPTION_OUTPUT, "", 0, 0, NULL, "Folder for results.json and samples.jsonl."},
    {"task", OPTION_CHOICE, "countdown", 0, 0, TASK_NAMES, "What is asked, and how an answer is graded."},
    {"prompt", OPTION_CHOICE, "task", 0, 0, TASK_PROMPTS,
     "task: the task's own; plain: the question alone; rlt, skythought: how to answer, then the question; lighteval: after it."},
    {"list", OPTION_BOOL, "false", 0, 0, NULL, "Lists the tasks: where their data are published, licences, SHA-256; nothing else is done."},
    {"against", OPTION_INPUT, "", 0, 0, NULL,
     "Another run's folder: the two beside each other, question by question. Without model and server: `out`, finished, beside it."},
    {"limit", OPTION_INT, "0", 0, 1e9, NULL, "Only the first so many rows; 0: all."},
    {"samples", OPTION_INT, "1", 1, 1e4, NULL, "Answers a question."},
    {"temperature", OPTION_REAL, "0.7", 0, 100, NULL, "Of sampling; 0: greedy."},
    {"top_p", OPTION_REAL, "1", 0, 1, NULL, "Only the most probable tokens that make up this mass."},
    {"max_tokens", OPTION_INT, "1024", 1, 1e7, NULL, "New tokens an answer."},
    {"thought_max", OPTION_INT, "0", 0, 1e7, NULL, "Tokens after which an open thought is closed and the solution begun; 0: never."},
    {"thought_min", OPTION_INT, "0", 0, 1e7, NULL, "A thought that closes before so many tokens is gone on with; 0: never."},
    {"waits", OPTION_INT, "2", 0, 1000, NULL, "At most so many times."},
    {"wait_text", OPTION_TEXT, "Wait,", 0, 0, NULL, "What then stands in place of the closing tag."},
    {"slots", OPTION_INT, "64", 1, 1e6, NULL, "Answers in flight at once."},
    {"cache_rows", OPTION_INT, "0", 0, 1e9, NULL, "Rows of the K/V cache; 0: what the slots need at most."},
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw: answers, order of choices, bootstrap."},
    {"resume", OPTION_BOOL, "false", 0, 0, NULL, "Goes on with what an interrupted run has left in `out`, to the same bits."},
    {"dtype", OPTION_CHOICE, "f32", 0, 0, "f32|bf16", "Type in which the weights are held."},
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    {"tags", OPTION_CHOICE, "trained", 0, 0, "trained|full|short",
     "trained: tags and system prompt of the model's own training, where its folder says; else full. As for rlt sft."},
    {"student_system", OPTION_INPUT, "", 0, 0, NULL, "File with the system prompt; none: that of the training, or our own."},
    {0},
};

// Options that change nothing in what is found.
static const char *const free_keys[] = {
    "slots", "cache_rows", "resume", "against", "list", "out", "in_flight", "requests_per_second", "request_tries",
    "request_seconds", "key_env",
};

static void eval_run_free(EvalRun *run) {
    file_appender_close(run->out);
    task_grader_close(&run->grader);
    task_questions_free(&run->questions);
    dialogue_format_free(&run->format);
    mem_free(run->todo);
    mem_free(run->partial);
}

static void list_tasks(void) {
    for (size_t i = 0; task_table[i] != NULL; i++) {
        const Task *task = task_table[i];
        printf("%s: %s\n", task->name, task->about);
        for (const TaskFile *f = task->files; f->what != NULL; f++) {
            printf("    %s\n        published  %s\n        licence    %s\n        SHA-256    %s\n", f->what, f->where,
                   f->licence, f->sha256 != NULL ? f->sha256 : "not known");
        }
    }
}

// ---- going on

static bool is_free(const char *key) {
    for (size_t i = 0; i < sizeof free_keys / sizeof free_keys[0]; i++) {
        if (strcmp(free_keys[i], key) == 0) return true;
    }
    return false;
}

static bool same_options(const Options *options, json_t *old, const char *path, Error *error) {
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    options_write_json(options, &w);
    json_t *now, *value;
    const char *key;
    bool ok = json_parse(buf_str(&text), "options", &now, error);
    buf_free(&text);
    if (!ok) return false;
    json_object_foreach(now, key, value) {
        if (!ok || is_free(key) || json_equal(value, json_object_get(old, key))) continue;
        ok = error_set(error, "%s: the run that is to go on had another value of \"%s\"", path, key);
    }
    json_decref(now);
    return ok;
}

static bool same_inputs(json_t *old, const char *path, Error *error) {
    const char *input;
    json_t *value;
    json_object_foreach(old, input, value) {
        char hex[65];
        if (!path_sha256(input, hex, error)) return false;
        if (json_string_value(value) == NULL || strcmp(hex, json_string_value(value)) != 0) {
            return error_set(error, "%s: the run that is to go on read another %s", path, input);
        }
    }
    return true;
}

// With resume: that what lies in the folder is of the same options and inputs.
static bool check_same_run(const EvalRun *run, const char *folder, Error *error) {
    char *path = path_join(folder, "manifest.json");
    json_t *manifest = NULL, *options, *inputs;
    bool ok = true;
    if (options_bool(run->options, "resume") && file_exists(path)) {
        ok = json_read_file(path, &manifest, error) &&
             json_need_object(manifest, path, "options", &options, error) &&
             json_need_object(manifest, path, "inputs", &inputs, error) &&
             same_options(run->options, options, path, error) && same_inputs(inputs, path, error);
    }
    json_decref(manifest);
    mem_free(path);
    return ok;
}

// ---- results

static const char *published_name(const Task *task, const char *sha256) {
    for (const TaskFile *f = task->files; f->what != NULL; f++) {
        if (f->sha256 != NULL && strcmp(f->sha256, sha256) == 0) return f->what;
    }
    return NULL;
}

static bool write_in(const char *folder, const char *name, const Buf *text, Error *error) {
    char *path = path_join(folder, name);
    bool ok = file_write_atomic(path, text->data, text->len, error);
    mem_free(path);
    return ok;
}

static bool write_results(const EvalRun *run, const char *folder, const char *samples_path, Error *error) {
    EvalSamples samples;
    Sha256Hex hash;
    if (!eval_samples_read(samples_path, &samples, error)) return false;
    bool ok = sha256_file(options_text(run->options, "data"), &hash, error);
    if (ok) {
        EvalFigure figures[EVAL_FIGURES_MAX];
        size_t n = eval_figures(&samples, (uint64_t)options_int(run->options, "seed"), figures);
        EvalAbout about = {run->task->name, run->prompt, hash.text, published_name(run->task, hash.text)};
        Buf json, table;
        buf_init(&json, 0), buf_init(&table, 0);
        eval_results_write(&samples, &about, figures, n, &json);
        eval_table_write(&samples, &about, figures, n, &table);
        ok = write_in(folder, "results.json", &json, error);
        if (ok) fputs(table.data, stdout);
        buf_free(&json), buf_free(&table);
    }
    eval_samples_free(&samples);
    return ok;
}

static bool compare(const Options *options, Error *error) {
    const char *here = options_text(options, "out"), *there = options_text(options, "against");
    if (*there == '\0') return true;
    char *path_a = path_join(here, "samples.jsonl"), *path_b = path_join(there, "samples.jsonl");
    EvalSamples a = {0}, b = {0};
    EvalComparison c;
    bool ok = eval_samples_read(path_a, &a, error) && eval_samples_read(path_b, &b, error) &&
              eval_compare(&a, &b, (uint64_t)options_int(options, "seed"), &c, error);
    if (ok) {
        Buf json, table;
        buf_init(&json, 0), buf_init(&table, 0);
        eval_comparison_write(&c, &json);
        eval_comparison_table(&c, here, there, &table);
        ok = write_in(here, "against.json", &json, error);
        if (ok) fputs(table.data, stdout);
        buf_free(&json), buf_free(&table);
    }
    eval_samples_free(&a), eval_samples_free(&b);
    mem_free(path_a), mem_free(path_b);
    return ok;
}

// ---- the run

static bool open_run(EvalRun *run, Error *error) {
    const Options *o = run->options;
    const char *path = options_text(o, "data");
    if (strcmp(path, "-") == 0) return error_set(error, "key data: expected a file, found standard input");
    if (!eval_format(o, &run->format, error) ||
        !task_questions_read(run->task, path, (uint64_t)options_int(o, "seed"), &run->questions, error) ||
        !task_grader_open(run->task, &run->format, &run->grader, error)) {
        return false;
    }
    size_t limit = (size_t)options_int(o, "limit"), count = run->questions.count;
    size_t n = limit > 0 && limit < count ? limit : count;
    run->samples = (int32_t)options_int(o, "samples");
    if (n > INT32_MAX / (size_t)run->samples) return error_set(error, "%s: too many answers for one run", path);
    run->n = (int32_t)n;
    return true;
}

static bool answer_all(EvalRun *run, bool server, const char *folder, Error *error) {
    char *samples = path_join(folder, "samples.jsonl"), *results = path_join(folder, "results.json");
    bool ok = eval_gather_open(run, error) && path_remove(samples, error) && path_remove(results, error);
    if (ok && run->n_todo > 0) {
        run->progress = progress_begin("eval", "answer", (uint64_t)run->n * (uint64_t)run->samples);
        progress_resume(run->progress, run->n_answered);
        ok = (server ? eval_by_server : eval_by_model)(run, error);
        progress_end(run->progress);
    }
    ok = ok && eval_gather_finish(run, samples, error) && write_results(run, folder, samples, error) &&
         eval_gather_remove(run, error);
    mem_free(samples), mem_free(results);
    return ok;
}

static bool is_finished(const EvalRun *run, const char *folder) {
    char *results = path_join(folder, "results.json"), *partial = path_join(folder, "answers.jsonl.partial");
    bool finished = options_bool(run->options, "resume") && file_exists(results) && !file_exists(partial);
    mem_free(results), mem_free(partial);
    return finished;
}

static bool evaluate(EvalRun *run, const char *folder, Error *error) {
    const Options *o = run->options;
    bool server;
    if (!server_or_model(o, &server, error)) return false;
    if (server && (options_int(o, "thought_max") > 0 || options_int(o, "thought_min") > 0)) {
        return error_set(error, "thought_max and thought_min: expected 0 with a server, which thinks by itself");
    }
    const char *inputs[] = {options_text(o, "data"), options_text(o, "model")};
    if (!open_run(run, error) || !dir_make(folder, error) || !check_same_run(run, folder, error)) return false;
    if (is_finished(run, folder)) {
        log_info("%s: finished already", folder);
        return true;
    }
    return manifest_write(folder, o, NULL, inputs, 2, error) && answer_all(run, server, folder, error);
}

static bool need(const Options *options, const char *key, Error *error) {
    return options_text(options, key)[0] != '\0' ||
           error_set(error, "rlt eval: key \"%s\" must be given: %s", key,
                     option_find(options_command(options), key)->help);
}

static bool run(const Options *options, Error *error) {
    if (options_bool(options, "list")) {
        list_tasks();
        return true;
    }
    const char *folder = options_text(options, "out");
    if (!need(options, "out", error)) return false;
    bool asks = options_given(options, "model") || options_given(options, "server") || !options_given(options, "against");
    if (asks) {
        if (!need(options, "data", error)) return false;
        const Task *task = task_by_name(options_text(options, "task"));
        const char *prompt = task_prompt_kind(task, options_text(options, "prompt"));
        EvalRun eval = {.options = options, .task = task, .prompt = prompt};
        dialogue_format_init(&eval.format);
        bool ok = evaluate(&eval, folder, error);
        eval_run_free(&eval);
        if (!ok) return false;
    }
    return compare(options, error);
}

const Command command_eval = {"eval", "a task's questions answered and graded, with intervals", "", rows, run};
