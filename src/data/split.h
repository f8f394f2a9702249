// Splits rows into two parts so that no question stands in both.
#ifndef RLT_DATA_SPLIT_H
#define RLT_DATA_SPLIT_H

#include "data/rows.h"

// Appends the question as it is compared: Unicode's NFKC with case folding, white space in runs of one blank, none at
// the ends.
void question_normalise(Str question, Buf *out);

// Chooses at most n_test rows, in_test[count] says which. Rows whose questions are the same when normalised go
// together. The order of choice is that of SHA-256(seed, normalised question): what is chosen does not depend on the
// order of the rows, and a row that is added changes little. A question with more rows than are still wanted is passed
// over; so it can be that fewer are chosen. Returns how many. Every row must have a question.
size_t split_choose(const Row *rows, size_t count, size_t n_test, uint64_t seed, bool *in_test);

#endif
