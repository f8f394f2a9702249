// The text of --help, from a command's table.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/options.h"

static const char *type_name(OptionType type) {
    switch (type) {
    case OPTION_INT: return "whole number";
    case OPTION_REAL: return "number";
    case OPTION_BOOL: return "true|false";
    case OPTION_INPUT: return "path, read";
    case OPTION_OUTPUT: return "path, written";
    case OPTION_PROGRAM: return "program, run";
    case OPTION_CHOICE:
    case OPTION_TEXT: break;
    }
    return "text";
}

BoundText option_bound_text(double bound) {
    BoundText out;
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(out.text, sizeof out.text, "%.*g", digits, bound);
        if (strtod(out.text, NULL) == bound) break;
    }
    return out;
}

void option_rows_write_help(const OptionRow *rows, Buf *out) {
    for (const OptionRow *row = rows; row->key != NULL; row++) {
        buf_printf(out, "  %s (%s", row->key, row->type == OPTION_CHOICE ? row->choices : type_name(row->type));
        if (row->min != 0 || row->max != 0)
            buf_printf(out, ", %s to %s", option_bound_text(row->min).text, option_bound_text(row->max).text);
        if (row->fallback == NULL) {
            buf_add_text(out, "; must be given)");
        } else if (*row->fallback == 0) {
            buf_add_text(out, ")");
        } else {
            buf_printf(out, "; default %s)", row->fallback);
        }
        buf_printf(out, "\n      %s\n", row->help);
    }
}

void options_write_help(const Command *command, Buf *out) {
    bool takes_options = strncmp(command->positional, "recipe", 6) != 0; // else its first argument is a recipe of stages
    buf_printf(out, "rlt %s: %s\n\nusage: rlt %s%s", command->name, command->summary, command->name,
               takes_options ? " [recipe.yaml]" : "");
    for (const char *at = command->positional; *at != 0;) {
        size_t length = strcspn(at, " ");
        buf_printf(out, " [%.*s]", (int)length, at);
        at += length + (at[length] == ' ');
    }
    buf_add_text(out, " [key=value ...]\n\n");
    option_rows_write_help(command->rows, out);
}
