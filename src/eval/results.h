// What a run of evaluation leaves: samples.jsonl, a row an answer, and what is computed from it: results.json, a table,
// a comparison with another run. Everything here is a function of samples.jsonl (and a seed for resampling) alone.
#ifndef RLT_EVAL_RESULTS_H
#define RLT_EVAL_RESULTS_H

#include "base/json.h"
#include "base/mem.h"
#include "eval/stats.h"
#include "eval/task.h"

typedef struct SampleRow { // one answer; borrowed
    int64_t row;           // of the question in its data, from 0
    int32_t sample;
    const TaskQuestion *question;
    Str prompt, output;
    const TaskVerdict *verdict;
    int32_t same_as;     // the first sample of the question with the same answer; -1: no answer, or no votes
    int64_t tokens;      // below 0: not known
    int32_t put, waits;  // tokens put in by force, thoughts gone on with
    bool closed;         // the thought was closed by force
    const char *finish;  // "stop", "length", ...
    const char *refusal; // why a server gave no answer; NULL: it did
} SampleRow;
void sample_row_write(const SampleRow *row, Buf *out); // one JSON line

typedef struct EvalCount {
    Str name;
    int64_t n;
} EvalCount;
#define EVAL_COUNTS_MAX 32

typedef struct EvalSamples { // owned
    int64_t n;               // questions
    int32_t samples;         // answers each
    Str *ids;                // [n]
    bool *right;             // [n * samples]
    int64_t *same_as;        // [n * samples]; -1: no vote
    bool votes;              // there are some
    int64_t n_tagged, n_truncated, n_tokens, n_tokens_known, n_closed, n_put, n_waits, n_refused;
    EvalCount verdicts[EVAL_COUNTS_MAX], rules[EVAL_COUNTS_MAX];
    size_t n_verdicts, n_rules;
    Arena *arena;
} EvalSamples;

// Reads a whole samples.jsonl: its questions' answers stand together, `samples` each. On failure nothing is to be
// freed.
MUST_CHECK bool eval_samples_read(const char *path, EvalSamples *samples, Error *error);
void eval_samples_free(EvalSamples *samples); // a zeroed one is fine

typedef struct EvalFigure {
    char name[16]; // "pass@1", "pass@8", "maj@8"
    double value;
    Interval interval; // Wilson's where each question gives right or wrong; else bootstrap over questions
    const char *by;    // "wilson", "bootstrap"
} EvalFigure;
#define EVAL_FIGURES_MAX 40

// pass@k for k = 1, 2, 4, ... and all samples; maj@k (k > 1) where there are votes. Returns how many.
size_t eval_figures(const EvalSamples *samples, uint64_t seed, EvalFigure figures[EVAL_FIGURES_MAX]);

typedef struct EvalAbout { // what results.json says besides; borrowed
    const char *task, *prompt;
    const char *data_sha256;
    const char *published; // the published file that the data is, NULL: none that is known
} EvalAbout;
void eval_results_write(const EvalSamples *samples, const EvalAbout *about, const EvalFigure *figures, size_t n,
                        Buf *out);
void eval_table_write(const EvalSamples *samples, const EvalAbout *about, const EvalFigure *figures, size_t n,
                      Buf *out);

typedef struct EvalComparison {
    int64_t n, only_a, only_b; // questions that both runs have; those of one alone
    double a, b;               // pass@1 on the n
    PairedDifference pass;     // of a - b
    int64_t right_a, right_b;  // sample 0: right in a alone, in b alone
    double mcnemar_p;          // of these
} EvalComparison;

// Pairs questions by id. Fails where no question is in both.
MUST_CHECK bool eval_compare(const EvalSamples *a, const EvalSamples *b, uint64_t seed, EvalComparison *out,
                             Error *error);
void eval_comparison_write(const EvalComparison *c, Buf *json);
void eval_comparison_table(const EvalComparison *c, const char *a, const char *b, Buf *text);

#endif
