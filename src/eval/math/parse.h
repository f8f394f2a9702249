// LaTeX and plain text to terms.
#ifndef RLT_EVAL_MATH_PARSE_H
#define RLT_EVAL_MATH_PARSE_H

#include "eval/math/term.h"

#define MATH_PARSE_MAX_BYTES (64 * 1024)

// Parses one answer, without its $ or \boxed{} or with them. Fails, with a reason, on what is no answer of any known
// form; never crashes, hangs or grows beyond TERM_MAX_NODES, whatever the text. `*term` lives in `arena`.
MUST_CHECK bool math_parse(Str text, Arena *arena, const Term **term, Error *error);

#endif
