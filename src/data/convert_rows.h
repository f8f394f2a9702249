// Published rows into this program's: a question, a solution, where there is one a reasoning_trace and a system prompt,
// and every other column as it was.
//
// Read are rows that have `question` (or `prompt`) and `solution`, and rows that hold a chat in `conversations` or
// `messages`: a list of {"role" or "from": TEXT, "content" or "value": TEXT}, in it one question (user, human) and one
// answer (assistant, gpt), before them at most one system prompt. The answer holds
//   THOUGHT_OPEN trace THOUGHT_CLOSE SOLUTION_OPEN solution SOLUTION_CLOSE
// each tag once, and nothing but white space outside. That is how Bespoke-Stratos-17k is published.
#ifndef RLT_DATA_CONVERT_ROWS_H
#define RLT_DATA_CONVERT_ROWS_H

#include "base/json.h"

typedef enum ConvertColumn {
    CONVERT_QUESTION,
    CONVERT_SOLUTION,
    CONVERT_TRACE,
    CONVERT_SYSTEM,
    CONVERT_CHAT,
    CONVERT_COLUMNS
} ConvertColumn;

typedef struct ConvertRules {
    // The column that each is taken from; NULL: the usual names. A row must have a column that is named here. What it
    // had under the usual name is kept as original_NAME.
    const char *columns[CONVERT_COLUMNS];
    const char *thought_open, *thought_close, *solution_open, *solution_close;
    bool untagged; // an answer without thought tags has no trace, one without solution tags is all solution
    bool trim;     // newlines at the ends of solution and trace are padding, and are dropped
} ConvertRules;

// Changes `object` in place. On failure the message begins with `where`, and the object is to be dropped.
// The chat's column is left out where all that it says has gone elsewhere: it stays where a message has further keys,
// and where question and solution were there already (it is then not looked at).
MUST_CHECK bool convert_row(json_t *object, const ConvertRules *rules, const char *where, Error *error);

#endif
