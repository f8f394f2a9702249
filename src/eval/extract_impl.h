// The finders behind extract.h. A Str whose ptr is NULL: not found. Results are views of the text given.
#ifndef RLT_EVAL_EXTRACT_IMPL_H
#define RLT_EVAL_EXTRACT_IMPL_H

#include "eval/extract.h"

#define EXTRACT_NOTHING ((Str){0})

// text[from..to) without the white space at its ends.
Str extract_slice(Str text, size_t from, size_t to);
// Off both ends: white space, ** ` and quotes; closing . , ; : and one pair of math marks that encloses all.
Str extract_tidy(Str text);
bool extract_is_space(char c);
bool extract_is_letter(char c); // ASCII
bool extract_is_digit(char c);
// Whether `word` (small letters) stands at text[at], in any case of its letters.
bool extract_starts_word(Str text, size_t at, const char *word);
// Whether text[from..to) is only what joins items of a list: a comma, ;, &, "and", "or", in any number, with white space (no
// new line), math marks, \quad, \text{} between. words_only: a comma is not enough.
bool extract_is_connector(Str text, size_t from, size_t to, bool words_only);

// Math that opens at text[at] with $, $$, \( or \[: its inside, and the place after its closing mark. It ends with its
// paragraph; a closing $ before a digit is a price ("$5 and $6"), so that there is no math.
bool extract_math_at(Str text, size_t at, Str *inside, size_t *end);
Str extract_last_math(Str text, size_t *end);
Str extract_last_boxed(Str text);
// The last number with its sign, thousands, decimals, exponent, fraction (also \frac{1}{2}, 3 1/2) and percent sign.
// said: only one right after "is", "are", "=", "equals" and the like.
Str extract_last_number(Str text, bool said);
// A short line that is an expression, a number with a unit or a name of few letters, and no sentence.
bool extract_is_expression(Str text);

// The last place before text[*before] where an answer is announced ("the answer is", "####"): *rest is what follows to the
// end of the text, *before that place. Words that judge ("the answer is correct") announce nothing.
bool extract_announced(Str text, size_t *before, Str *rest);
// The sentence or the math with which `rest` begins.
Str extract_said(Str rest);
Str extract_last_announced(Str text);

// The part of a text in which an answer is looked for: after the thought, inside of the tags.
// false: there is none. *tagged: solution tags were found.
bool extract_region(Str text, const ExtractSettings *settings, Str *region, bool *tagged);

#endif
