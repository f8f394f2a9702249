// rlt eval: a task's questions put to a model or a server, its answers graded, with intervals; two runs beside each other.
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/eval_run.h"
#include "commands/generate_options.h"
#include "commands/manifest.h"
#include "commands/model_bundle.h"
#include "commands/server.h"
#include "eval/results.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, "", 0, 0, NULL, "The student: a Hugging Face folder or a GGUF file."},
    BASE_OPTION,
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
    SLOT_OPTIONS,
    {"seed", OPTION_INT, "1", 0, 4294967295.0, NULL, "Of every draw: answers, order of choices, bootstrap."},
    {"resume", OPTION_BOOL, "false", 0, 0, NULL, "Goes on with what an interrupted run has left in `out`, to the same bits."},
    DTYPE_OPTION,
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    {"tags", OPTION_CHOICE, "trained", 0, 0, "trained|full|short",
     "trained: tags and system prompt of the model's own training, where its folder says; else full. As for rlt sft."},
    {"student_system", OPTION_INPUT, "", 0, 0, NULL, "File with the system prompt; none: that of the training, or our own."},
    {0},
};

static void eval_run_free(EvalRun *run) {
    file_appender_close(run->out);
    backend_destroy(run->backend);
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
        ok = write_in(here, AGAINST_FILE, &json, error);
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
        !task_questions_read(run->task, path, (uint64_t)options_int(o, "seed"), false, &run->questions, error) ||
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
    char *samples = path_join(folder, "samples.jsonl");
    bool ok = eval_gather_open(run, error);
    if (ok && run->n_todo > 0) {
        run->progress = progress_begin("eval", "answer", (uint64_t)run->n * (uint64_t)run->samples);
        progress_resume(run->progress, run->n_answered);
        ok = (server ? eval_by_server : eval_by_model)(run, error);
        progress_end(run->progress);
    }
    ok = ok && eval_gather_finish(run, samples, error) && write_results(run, folder, samples, error) &&
         eval_gather_remove(run, error);
    mem_free(samples);
    return ok;
}

// An earlier run's results go before the record of this one comes, which would vouch for them after a kill in between.
static bool begin_anew(const EvalRun *run, const char *folder, Error *error) {
    char *samples = path_join(folder, "samples.jsonl"), *results = path_join(folder, "results.json");
    bool ok = path_remove(results, error) && path_remove(samples, error) && recipe_write(folder, run->options, error) &&
              manifest_write(folder, run->options, run->backend, NULL, 0, error);
    mem_free(samples), mem_free(results);
    return ok;
}

// Writes what the run is made of, or checks that what an interrupted one was made of is the same. *finished: nothing is
// left to do.
static bool begin(EvalRun *run, const char *folder, bool *finished, Error *error) {
    bool resume = options_bool(run->options, "resume");
    char *results = path_join(folder, "results.json"), *partial = path_join(folder, EVAL_PARTIAL_FILE);
    bool partly = file_exists(partial);
    *finished = resume && file_exists(results) && !partly;
    bool ok = dir_make(folder, error);
    if (partly && !resume)
        ok = error_set(error, "%s: holds an unfinished run; resume=true goes on with it, or choose another folder", folder);
    else if (*finished)
        ok = ok && manifest_check_options(folder, run->options, error);
    else if (resume && partly)
        ok = ok && manifest_resume(folder, run->options, run->backend, error);
    else
        ok = ok && begin_anew(run, folder, error);
    mem_free(results), mem_free(partial);
    return ok;
}

static bool evaluate(EvalRun *run, const char *folder, Error *error) {
    const Options *o = run->options;
    bool server, finished;
    if (!server_or_model(o, &server, error)) return false;
    if (server && (options_int(o, "thought_max") > 0 || options_int(o, "thought_min") > 0)) {
        return error_set(error, "thought_max and thought_min: expected 0 with a server, which thinks by itself");
    }
    if (!open_run(run, error) || (!server && !backend_create(options_text(o, "backend"), &run->backend, error)) ||
        !begin(run, folder, &finished, error)) {
        return false;
    }
    if (finished) log_info("%s: finished already", folder);
    // a run that was killed behind its last answer has its results, and no record of them
    return (finished || answer_all(run, server, folder, error)) && manifest_finish(folder, false, error);
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
