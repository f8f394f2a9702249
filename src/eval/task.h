// A task of evaluation: its data in the form in which its publishers ship it, its prompt and its grading, in one file
// of src/eval/tasks/. One table names them all; `rlt eval` and `rlt rl reward=correctness` take a task from it.
//
// Contract
// - TaskQuestions owns all that its questions say; a question lives as long.
// - Grading reads any bytes. It says nothing but its verdict for what a text holds, and fails only where programs are
// to
//   be run and cannot be.
// - A question, its prompt and its verdict do not depend on the row's place in its file.
#ifndef RLT_EVAL_TASK_H
#define RLT_EVAL_TASK_H

#include "base/json.h"
#include "base/mem.h"
#include "eval/code/grade.h"
#include "eval/extract.h"
#include "text/dialogue.h"

typedef struct TaskFile { // a file as it is published
    const char *what;
    const char *where; // publisher
    const char *licence;
    const char *sha256; // NULL: not known
} TaskFile;

typedef struct TaskQuestion {
    Str id;          // as published; else the first 16 hex digits of the SHA-256 of `text`
    Str text;        // what is asked, without instructions on the form of the answer
    Str gold;        // the right answer as a text; "" where there is none to be shown (tests of programs)
    Str system;      // the student's system prompt for this row (key "system"); ptr NULL: none
    const void *own; // what the task has read besides
    json_t *row;     // the row as it was read, where it was asked for; else NULL
} TaskQuestion;

typedef struct TaskReader { // what reading a row may need
    Arena *arena;           // for all that stays
    uint64_t seed;          // of choices that are shuffled
} TaskReader;

typedef struct TaskGrader {
    const DialogueFormat *format; // borrowed: the tags around thought and solution
    Sandbox *sandbox;             // NULL: the task runs no programs
    CodeLimits limits;
} TaskGrader;

#define TASK_MESSAGE_MAX 256

typedef struct TaskVerdict {
    bool right;
    bool tagged;                    // a complete pair of solution tags is there
    const char *name;               // "right", "wrong", "no_answer", "wrong_value", ...
    const char *how;                // how a right or wrong answer was compared; NULL: does not apply
    Extracted found;                // the answer, borrowed from the text; ptr NULL: none
    char message[TASK_MESSAGE_MAX]; // of a program that failed; else ""
} TaskVerdict;

typedef struct Task Task;
struct Task {
    const char *name, *about;
    const TaskFile *files; // ends with a row whose `what` is NULL
    bool csv;              // its file is CSV; else what data/row_source.h reads
    // What is put before the question (prompt "rlt"), or after it (prompt "lighteval"); "": nothing.
    const char *before, *after;
    const char *prompt; // the kind that prompt=task means
    // Fills text, gold and what else is known of the row; id where one is published. The row is borrowed.
    bool (*read)(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *question, Error *error);
    void (*release)(TaskQuestion *question); // NULL: all is in the arena
    // `settings` says which part of the text is looked at. Sets right, name, how, found, message.
    bool (*grade)(const TaskGrader *grader, const TaskQuestion *question, Str text, const ExtractSettings *settings,
                  TaskVerdict *verdict, Error *error);
    // Whether two answers, as found, are the same, for majority votes. NULL: answers to this task have no vote.
    bool (*same)(Str a, Str b);
    bool runs_programs;
};

extern const Task *const task_table[];      // ends with NULL
const Task *task_by_name(const char *name); // NULL: unknown
#define TASK_NAMES "countdown|aime24|aime25|math500|math|gsm8k|olympiadbench|gpqa|livecodebench|jsonl|exact"
#define TASK_PROMPTS "task|plain|rlt|skythought|lighteval"

typedef struct TaskQuestions {
    const Task *task;
    TaskQuestion *list;
    size_t count;
    Arena *arena;
} TaskQuestions;

// Reads a file of the task's form. At least one row. keep_rows: questions hold their rows. On failure `questions` is
// empty and needs no free.
MUST_CHECK bool task_questions_read(const Task *task, const char *path, uint64_t seed, bool keep_rows,
                                    TaskQuestions *questions, Error *error);
void task_questions_free(TaskQuestions *questions); // a zeroed one is fine

// The kind that a name of TASK_PROMPTS means for a task: the task's own for "task".
const char *task_prompt_kind(const Task *task, const char *name);
// Appends what the user's turn holds. kind: one of TASK_PROMPTS.
void task_prompt(const Task *task, const char *kind, const TaskQuestion *question, Buf *out);

// Fails where the task runs programs and the sandbox cannot be had.
MUST_CHECK bool task_grader_open(const Task *task, const DialogueFormat *format, TaskGrader *grader, Error *error);
void task_grader_close(TaskGrader *grader); // a zeroed one is fine

// The verdict on a completion. Answers are looked for after the thought, inside of the last complete pair of solution
// tags if there is one, else in all that follows the thought. A thought that was opened and never closed holds none,
// unless solution tags follow.
MUST_CHECK bool task_grade(const TaskGrader *grader, const Task *task, const TaskQuestion *question, Str text,
                           TaskVerdict *verdict, Error *error);

#endif
