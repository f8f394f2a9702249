// Lines for the person who runs the program: on standard error, never on standard output.
#ifndef RLT_BASE_LOG_H
#define RLT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

typedef enum LogLevel { LOG_QUIET = 0, LOG_INFO = 1, LOG_DEBUG = 2 } LogLevel;
void log_set_level(LogLevel level); // default LOG_INFO
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2); // always shown, begins "warning: "

double time_now_s(void); // monotonic clock

// Progress of long work: on a terminal one line that is rewritten (at most 5 times a second) with done/total, rate and
// time left; elsewhere a plain line about every 10 seconds and at the end.
typedef struct Progress Progress;
Progress *progress_begin(const char *what, const char *unit, uint64_t total); // total 0: unknown
// `done` was there before this run: it counts as done, but not in rate and time left. At most once, before any update.
void progress_resume(Progress *progress, uint64_t done);
void progress_update(Progress *progress, uint64_t done, const char *note);     // note may be NULL; e.g. "loss 1.234"
void progress_end(Progress *progress);                                         // frees

// Peak resident memory of this process so far, in bytes.
uint64_t process_peak_bytes(void);
// Resident memory of this process now, in bytes; 0 where the system does not say.
uint64_t process_resident_bytes(void);
// Page faults of this process so far, minor and major.
uint64_t process_page_faults(void);

#endif
