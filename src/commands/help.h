// The overview of commands, for `rlt`, `rlt --help` and `rlt help`.
#ifndef RLT_COMMANDS_HELP_H
#define RLT_COMMANDS_HELP_H

#include "base/buf.h"

void help_write_overview(Buf *out, const char *group); // "": of all groups

#endif
