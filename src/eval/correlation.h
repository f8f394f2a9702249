// How two columns of numbers go together.
#ifndef RLT_EVAL_CORRELATION_H
#define RLT_EVAL_CORRELATION_H

#include <stddef.h>

// Pearson's: the covariance over both standard deviations, in [-1, 1]. NaN for fewer than two values and where a column
// is constant.
double pearson(const double *x, const double *y, size_t n);
// Spearman's: Pearson's of the ranks; equal values share the mean of their ranks.
double spearman(const double *x, const double *y, size_t n);

#endif
