// What differs between two runs: program, libraries, processor, settings, inputs, results, and the first step at which their
// metrics part.
#ifndef RLT_COMMANDS_VERIFY_COMPARE_H
#define RLT_COMMANDS_VERIFY_COMPARE_H

#include "commands/record.h"

// Prints a line a difference. Fails, saying how many there are, unless there are none.
MUST_CHECK bool records_compare(const RecordList *a, const RecordList *b, Error *error);

#endif
