// FLINT's headers that exact comparison uses, wherever this version of FLINT keeps them: the balls of Arb stand in
// <acb.h> before FLINT 3 and in <flint/acb.h> from there on.
#ifndef RLT_EVAL_MATH_FLINT_HEADERS_H
#define RLT_EVAL_MATH_FLINT_HEADERS_H

#include <flint/flint.h>
//
#include <flint/fmpq.h>
#include <flint/fmpz.h>
#include <flint/fmpz_mpoly.h>
#if __has_include(<flint/acb.h>)
#include <flint/acb.h>
#else
#include <acb.h>
#endif

#endif
