// A program that runs beside this one: lines to its standard input, lines from its standard output, with limits of time
// and size. Its standard error is this program's. No shell is involved: argv is what it gets.
//
// One thread at a time uses a Process. The program's end closes its pipes; when this program dies, its input ends.
#ifndef RLT_BASE_PROCESS_H
#define RLT_BASE_PROCESS_H

#include <stddef.h>

#include "base/buf.h"

typedef struct Process Process;

// The file that starting `name` runs: itself where it has a '/', else what PATH has; to be freed. NULL: none is found.
char *process_find(const char *name);

// argv ends with NULL; argv[0] is looked up on PATH where it has no '/'. Fails where it cannot be started.
MUST_CHECK bool process_open(const char *const *argv, Process **process, Error *error);
// Ends its input and gives it a second to end by itself; then it is killed. NULL is fine.
void process_close(Process *process);

typedef struct ProcessLimits {
    double line_s; // the longest wait for the next whole line of output
    size_t line_max_bytes;
} ProcessLimits;

// Writes `input` while it reads, until n_lines whole lines have come; they are appended to `output`, newlines included.
// Fails where the program ends, waits too long, or writes too long a line or anything beyond those lines; it cannot be
// used again then. The message says after how many of the lines.
MUST_CHECK bool process_exchange(Process *process, Str input, size_t n_lines, const ProcessLimits *limits, Buf *output,
                                 Error *error);

#endif
