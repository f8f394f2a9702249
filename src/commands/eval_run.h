// The parts of `rlt eval`: what is asked and graded, where the answers come from, and the file in which they gather.
//
// Answers of a question are graded and appended to EVAL_PARTIAL_FILE in one write as soon as the last of them has
// ended, in whatever order that is; at the end they are sorted into samples.jsonl. So an interruption loses no whole
// question, and the finished file has the same bytes whatever the slots, the threads and the interruptions.
#ifndef RLT_COMMANDS_EVAL_RUN_H
#define RLT_COMMANDS_EVAL_RUN_H

#include "base/file.h"
#include "base/log.h"
#include "commands/options.h"
#include "compute/compute.h"
#include "eval/task.h"

#define EVAL_PARTIAL_FILE "answers.jsonl.partial"

typedef struct EvalRun {
    const Options *options;
    const Task *task;
    const char *prompt; // the kind of prompt
    DialogueFormat format;
    TaskQuestions questions;
    TaskGrader grader;
    Backend *backend;   // NULL with a server
    int32_t n, samples; // questions that are asked, answers each
    int32_t *todo;      // [n_todo]: questions without answers so far
    int32_t n_todo;
    char *partial;      // its path
    FileAppender *out;
    Progress *progress;
    uint64_t n_answered; // answers so far
} EvalRun;

// ---- eval_run.c

// Opens the partial file, with resume after what an interrupted run has left, and sets todo.
MUST_CHECK bool eval_gather_open(EvalRun *run, Error *error);
// One answer as it came.
typedef struct EvalAnswer {
    Buf text;
    int64_t tokens; // below 0: not known
    int32_t put, waits;
    bool closed;
    const char *finish;  // borrowed
    const char *refusal; // borrowed; NULL: none
} EvalAnswer;
// Grades and appends the answers [samples] of question q.
MUST_CHECK bool eval_gather_add(EvalRun *run, int32_t q, const EvalAnswer *answers, Error *error);
// All are there: writes samples.jsonl. The partial file stays until eval_gather_remove.
MUST_CHECK bool eval_gather_finish(EvalRun *run, const char *path, Error *error);
MUST_CHECK bool eval_gather_remove(EvalRun *run, Error *error);

// ---- eval_answers.c: fill what is to do

MUST_CHECK bool eval_by_model(EvalRun *run, Error *error);
MUST_CHECK bool eval_by_server(EvalRun *run, Error *error);

// ---- eval_format.c

// Tags and system prompt: as the options say, else (tags=trained, no student_system) those with which the model was
// trained, where a manifest.json of `rlt sft` or `rlt rl` lies beside or above it; else the defaults.
MUST_CHECK bool eval_format(const Options *options, DialogueFormat *format, Error *error);

#endif
