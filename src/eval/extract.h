// Where in a completion the answer stands. Kinds of texts and what is taken of each: docs/extraction.md.
//
// Everything is borrowed: an answer is a view of the text. Nothing is allocated but a stack of open boxes, freed before
// return. Time is linear in the text, whatever its bytes (tests: 1 MB of braces, dollars, "answer is").
#ifndef RLT_EVAL_EXTRACT_H
#define RLT_EVAL_EXTRACT_H

#include "base/buf.h"

typedef enum ExtractRule { // in the order in which they are tried
    EXTRACT_NONE,          // nothing found
    EXTRACT_TAGS,          // between the last complete pair of solution tags: the rules below inside of them, or all
    EXTRACT_BOXED,         // the last \boxed{} or \fbox{} with balanced braces; of a list of boxes ("\boxed{1} and
                           // \boxed{2}") all, with their \boxed{}
    EXTRACT_PHRASE,        // after "final answer is", "answer:", "ANSWER:", "####" ...
    EXTRACT_LAST_MATH,     // the last $...$, \(...\), \[...\]; two joined by "and" or "or" count as one, marks included
    EXTRACT_LAST_NUMBER,   // the last number
    EXTRACT_WHOLE,         // the whole text; before the last number where the text is an expression and no prose
} ExtractRule;
const char *extract_rule_name(ExtractRule rule); // "tags", "boxed", ...

typedef struct ExtractSettings {         // NULL or "": not looked for
    const char *thought_close;           // what comes before its last occurrence is not looked at
    const char *solution_open, *solution_close;
    // What a text without thought_close is. false: a thought that was never closed, in which nothing is found, since an
    // answer tried out in a thought is no answer. true: an answer without a thought, for models that think at will.
    bool thought_optional;
} ExtractSettings;

typedef struct Extracted {
    Str answer;      // borrowed from the text; ptr NULL where nothing was found
    size_t from, to; // its bytes in the text
    ExtractRule rule;
} Extracted;

// settings NULL: none of them.
Extracted extract_answer(Str text, const ExtractSettings *settings);

// The letter chosen among the first n_choices (2 .. 26) of the alphabet, in capitals, 0 where there is none; `where` (may be
// NULL) receives its place. In a box, after "answer is", alone on a line, as "(C)" or "**C**", then the last capital
// that stands alone. Neither the article "a", nor a capital "A" before a word in small letters, is a choice.
char extract_choice(Str text, const ExtractSettings *settings, int n_choices, Extracted *where);

#endif
