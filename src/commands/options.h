// Options of a command: one table drives parsing, --help, the resolved recipe and docs/commands/.
//
// Values come from, in this order, each over the one before: the table's defaults, a recipe file (YAML; nested mappings
// are flattened, `reward: {beta: 1}` is reward.beta), and key=value arguments. Every value is checked against its row; an
// unknown key names its nearest neighbour. A recipe may extend another (recipe_file.h).
#ifndef RLT_COMMANDS_OPTIONS_H
#define RLT_COMMANDS_OPTIONS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/json.h"

typedef enum OptionType {
    OPTION_TEXT,
    OPTION_INT,
    OPTION_REAL,
    OPTION_BOOL,
    OPTION_CHOICE,   // one of `choices`
    OPTION_INPUT,    // path of a file or folder that is read
    OPTION_OUTPUT,   // path that is written
    OPTION_PROGRAM,  // a program that is run: its path, or a JSON array of it and its arguments
} OptionType;

typedef struct OptionRow {
    const char *key;
    OptionType type;
    const char *fallback; // as text; NULL: must be given; "" for paths and texts: none
    double min, max;      // of numbers; both 0: any
    const char *choices;  // "a|b|c"
    const char *help;     // a sentence
} OptionRow;

typedef struct Options Options;

typedef struct Command {
    const char *name;        // "sft", or two words: "data countdown"
    const char *summary;     // one line for `rlt --help`
    const char *positional;  // keys that arguments without '=' fill, in order, separated by spaces; "" for none
    const OptionRow *rows;   // ends with a row whose key is NULL
    bool (*run)(const Options *options, Error *error);
} Command;

// `arguments`: what follows the command's name. A first argument that ends in .yaml or .yml is the recipe.
// `--key` is key=true where it is a switch, `--key value` and `--key=value` are key=value.
// usage is set when the failure is one of usage (exit status 2), unset when it is of a file's content (1).
bool options_parse(const Command *command, int n_arguments, char **arguments, Options **options, bool *usage, Error *error);
void options_free(Options *options);

// Values by key; a key that is not in the table is a bug (assert).
const char *options_text(const Options *options, const char *key);
int64_t options_int(const Options *options, const char *key);
double options_real(const Options *options, const char *key);
bool options_bool(const Options *options, const char *key);
bool options_given(const Options *options, const char *key); // set by recipe or argument, or has a default that is not ""

// Keys beyond the table, for a command whose table has a row "*": in the order given.
size_t options_n_extra(const Options *options);
void options_extra(const Options *options, size_t index, const char **key, const char **value);

const Command *options_command(const Options *options);
int options_n_arguments(const Options *options); // as they were given to options_parse
const char *options_argument(const Options *options, int index);
// All keys and values as YAML, in the table's order.
void options_write_yaml(const Options *options, Buf *out);
// {"key": value, ...} in the table's order.
void options_write_json(const Options *options, JsonWriter *w);
// The text of --help, and the part of it that lists rows.
void options_write_help(const Command *command, Buf *out);
void option_rows_write_help(const OptionRow *rows, Buf *out);
// A bound of a row in as few digits, of 6 at least, as read back: "1e+09", "4294967295".
typedef struct BoundText {
    char text[32];
} BoundText;
BoundText option_bound_text(double bound);
// Whether a text is a value of the row's type and range; the message begins with `where`.
MUST_CHECK bool option_check(const OptionRow *row, const char *where, const char *text, Error *error);
// A checked value in its row's type.
json_t *option_json(const OptionRow *row, const char *text);
// A value of a recipe as an argument would give it, to be freed ("" for null); NULL for a list or a mapping.
char *option_value_text(json_t *node);
// Looks a key up in a command's table; NULL when there is none.
const OptionRow *option_find(const Command *command, const char *key);
// The table's key nearest to `key` by edit distance.
const char *option_nearest(const Command *command, const char *key);

#endif
