// Errors of outside things: a wrong file, row, key or value, a full disk.
//
// A function that can fail on what comes from outside returns `bool`, true for success, and takes an `Error *` last.
// On failure it has filled the error with one line that names the file, row or key and what was expected.
// Only src/commands/ prints errors and exits. A bug (a broken contract between functions) is an assert, never an Error.
#ifndef RLT_BASE_ERROR_H
#define RLT_BASE_ERROR_H

#include <stdbool.h>

#define ERROR_MESSAGE_MAX 1024

typedef struct Error {
    char message[ERROR_MESSAGE_MAX]; // one line, no newline at the end; cut when longer
} Error;

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_arg, first_arg) __attribute__((format(printf, fmt_arg, first_arg)))

// Fills `error` (which may be NULL) and returns false, so that a failure reads `return error_set(error, "...", ...)`.
bool error_set(Error *error, const char *format, ...) PRINTF_LIKE(2, 3);

// As error_set, with ": " and strerror(errno) at the end; errno is read before anything else.
bool error_set_errno(Error *error, const char *format, ...) PRINTF_LIKE(2, 3);

// Puts "context: " in front of a message that is already there, and returns false.
bool error_prefix(Error *error, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
