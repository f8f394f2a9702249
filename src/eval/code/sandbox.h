// Programs that nobody has read, run where they can harm nothing: Bubblewrap (bwrap) with namespaces of their own.
//
// Inside there is /usr (with /bin, /lib, /lib64) to read, an empty /tmp of bounded size, /proc and /dev of its own, no
// network, no other process, no environment, no file of this machine besides. Time, memory, file sizes, open files and
// output are bounded; everything that a run started is dead when sandbox_run returns. Started by root, programs run as
// user 65534 (nobody).
//
// sandbox_run may be called from several threads at once.
#ifndef RLT_EVAL_CODE_SANDBOX_H
#define RLT_EVAL_CODE_SANDBOX_H

#include <stddef.h>

#include "base/buf.h"

typedef struct Sandbox Sandbox;

// Finds bwrap on PATH and runs /bin/true in it. Fails, with one line that says what to do, where it is missing or the
// system does not let it make namespaces (many containers do not).
MUST_CHECK bool sandbox_open(Sandbox **sandbox, Error *error);
void sandbox_close(Sandbox *sandbox); // NULL is fine

typedef struct SandboxFile {
    const char *path; // inside, absolute
    Str bytes;        // read-only there
} SandboxFile;

#define SANDBOX_MAX_FILES 8

typedef struct SandboxJob { // borrowed
    const char *const *argv; // ends with NULL; argv[0] an absolute path inside
    const SandboxFile *files;
    size_t n_files;
    Str input;               // of standard input
    double time_s;           // by the clock; the same, rounded up, of processor time
    size_t memory_bytes;     // of address space, each process; also of /tmp
    size_t output_max_bytes; // of standard output
} SandboxJob;

typedef enum SandboxEnd {
    SANDBOX_EXITED, // exit_code; 128 + n where signal n ended it
    SANDBOX_TIMEOUT,
    SANDBOX_TOO_MUCH_OUTPUT,
} SandboxEnd;

typedef struct SandboxResult {
    SandboxEnd end;
    int exit_code;
    double wall_s;
    Buf output; // standard output, at most output_max_bytes
    Buf errors; // the last 4 KiB of standard error
} SandboxResult;

// Fails where the sandbox itself could not be made, never for what the program does. On success free the result with
// sandbox_result_free.
MUST_CHECK bool sandbox_run(const Sandbox *sandbox, const SandboxJob *job, SandboxResult *result, Error *error);
void sandbox_result_free(SandboxResult *result);

#endif
