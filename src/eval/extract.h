// Where in a completion the answer stands.
#ifndef RLT_EVAL_EXTRACT_H
#define RLT_EVAL_EXTRACT_H

#include "base/buf.h"

typedef enum ExtractRule { // in the order in which they are tried
    EXTRACT_NONE,          // nothing found
    EXTRACT_TAGS,          // between the last complete pair of solution tags (then on: boxed inside of them, if any)
    EXTRACT_BOXED,         // the last \boxed{} or \fbox{} with balanced braces
    EXTRACT_PHRASE,        // after "final answer is", "answer:", "ANSWER:" ...
    EXTRACT_LAST_MATH,     // the last $...$, \(...\), \[...\]
    EXTRACT_LAST_NUMBER,   // the last number
    EXTRACT_WHOLE,         // the whole text is taken as the answer
} ExtractRule;
const char *extract_rule_name(ExtractRule rule); // "tags", "boxed", ...

typedef struct ExtractSettings {         // NULL or "": not looked for
    const char *thought_close;           // what comes before its last occurrence is not looked at
    const char *solution_open, *solution_close;
} ExtractSettings;

typedef struct Extracted {
    Str answer;      // borrowed from the text; ptr NULL where nothing was found
    size_t from, to; // its bytes in the text
    ExtractRule rule;
} Extracted;

Extracted extract_answer(Str text, const ExtractSettings *settings);

#endif
