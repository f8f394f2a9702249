// The table of commands.
#ifndef RLT_COMMANDS_COMMAND_TABLE_H
#define RLT_COMMANDS_COMMAND_TABLE_H

#include "commands/options.h"

extern const Command *const command_table[]; // ends with NULL
// By its whole name ("data countdown"), NULL when there is none.
const Command *command_find(const char *name);

// "data countdown" is in the group "data".
bool command_in_group(const Command *command, const char *group);
bool command_group_exists(const char *group);

#endif
