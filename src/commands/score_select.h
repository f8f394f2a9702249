// What `rlt score` does with scored rows: which are kept, how their rewards go together with other columns, and reading
// back those that an interrupted run has left.
#ifndef RLT_COMMANDS_SCORE_SELECT_H
#define RLT_COMMANDS_SCORE_SELECT_H

#include "data/rows.h"

enum { SCORED_REWARD, SCORED_R_SS, SCORED_R_KL, SCORED_MATCH, N_SCORED };

typedef struct ScoredRow {
    const Row *row;
    double values[N_SCORED];
    bool kept;
} ScoredRow;

typedef struct ScoreSelection {
    bool best;          // first: of rows with one question and solution the one of the best reward
    size_t top, bottom; // then so many of the best or of the worst; 0: all. Not both
} ScoreSelection;

// Sets `kept`. Of equal rewards the earlier row goes before.
void score_select(const ScoreSelection *selection, ScoredRow *rows, size_t n);

// lines: one for each row, in order. Writes those that are kept beside and renames.
MUST_CHECK bool score_write_selected(Str lines, const ScoredRow *rows, size_t n, const char *out, Error *error);

// columns: "a,b". Every row that has a value there has a number, true or false.
MUST_CHECK bool score_check_columns(const char *columns, const char *path, const Rows *rows, Error *error);
// For each column, for the reward and each of its parts a line
//   {"column": ..., "of": "reward", "n": rows that have a value, "pearson": ..., "spearman": ...}
// (null where there is none: fewer than two rows, or a constant).
void score_correlate(const char *columns, const ScoredRow *rows, size_t n, Buf *out);

// Whole lines at the beginning of `path`, their number and bytes; fills the values of these rows. A line that is not of
// its row is an error.
MUST_CHECK bool score_read_done(const char *path, ScoredRow *rows, size_t n, size_t *n_done, uint64_t *bytes,
                                Error *error);

#endif
