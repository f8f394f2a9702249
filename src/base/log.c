#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

static LogLevel log_level = LOG_INFO;

void log_set_level(LogLevel level) { log_level = level; }

static void log_line(const char *head, const char *format, va_list args) {
    char line[2048];
    vsnprintf(line, sizeof line, format, args);
    fprintf(stderr, "%s%s\n", head, line);
}

void log_info(const char *format, ...) {
    if (log_level < LOG_INFO) return;
    va_list args;
    va_start(args, format);
    log_line("", format, args);
    va_end(args);
}

void log_debug(const char *format, ...) {
    if (log_level < LOG_DEBUG) return;
    va_list args;
    va_start(args, format);
    log_line("", format, args);
    va_end(args);
}

void log_warn(const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_line("warning: ", format, args);
    va_end(args);
}

double time_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

struct Progress {
    const char *what, *unit;
    uint64_t total, done;
    double start_s, shown_s;
    bool terminal;
    char note[160];
};

Progress *progress_begin(const char *what, const char *unit, uint64_t total) {
    Progress *p = mem_alloc(1, sizeof *p);
    p->what = what;
    p->unit = unit;
    p->total = total;
    p->start_s = p->shown_s = time_now_s();
    p->terminal = isatty(STDERR_FILENO) == 1;
    return p;
}

static void show(const Progress *p, bool last) {
    if (log_level < LOG_INFO) return;
    double seconds = time_now_s() - p->start_s, rate = seconds > 0 ? (double)p->done / seconds : 0;
    char left[48] = "";
    if (last) {
        snprintf(left, sizeof left, ", %.0f s", seconds);
    } else if (p->total > p->done && rate > 0) {
        snprintf(left, sizeof left, ", %.0f s left", (double)(p->total - p->done) / rate);
    }
    char of[32] = "";
    if (p->total > 0) snprintf(of, sizeof of, "/%llu", (unsigned long long)p->total);
    fprintf(stderr, "%s%s: %s %llu%s, %.3g/s%s%s%s%s", p->terminal ? "\r\033[K" : "", p->what, p->unit,
            (unsigned long long)p->done, of, rate, left, *p->note != 0 ? ", " : "", p->note, p->terminal && !last ? "" : "\n");
    fflush(stderr);
}

void progress_update(Progress *p, uint64_t done, const char *note) {
    p->done = done;
    if (note != NULL) snprintf(p->note, sizeof p->note, "%s", note);
    double now = time_now_s();
    if (now - p->shown_s < (p->terminal ? 0.2 : 10.0)) return;
    p->shown_s = now;
    show(p, false);
}

void progress_end(Progress *p) {
    if (p == NULL) return;
    show(p, true);
    mem_free(p);
}

uint64_t process_peak_bytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}
