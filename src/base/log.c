#include "base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/mem.h"

#define TERMINAL_PERIOD_S 0.2
#define PLAIN_PERIOD_S 10.0

// Mutable globals: the level that log.h states, and whether a progress line stands on the terminal (it is wiped before
// another line is written).
static atomic_int level = LOG_INFO;
static atomic_bool progress_line_shown;

void log_set_level(LogLevel new_level) { atomic_store(&level, (int)new_level); }

// One write a line, so that lines of several threads or ranks do not mix.
static void write_line(const char *prefix, const char *format, va_list args) {
    char text[4096];
    vsnprintf(text, sizeof text, format, args);
    const char *wipe = atomic_exchange(&progress_line_shown, false) ? "\r\033[K" : "";
    fprintf(stderr, "%s%s%s\n", wipe, prefix, text);
    fflush(stderr);
}

void log_info(const char *format, ...) {
    if (atomic_load(&level) < LOG_INFO) return;
    va_list args;
    va_start(args, format);
    write_line("", format, args);
    va_end(args);
}

void log_debug(const char *format, ...) {
    if (atomic_load(&level) < LOG_DEBUG) return;
    va_list args;
    va_start(args, format);
    write_line("", format, args);
    va_end(args);
}

void log_warn(const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line("warning: ", format, args);
    va_end(args);
}

double time_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

uint64_t process_peak_bytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024; // Linux counts KiB
}

uint64_t process_resident_bytes(void) {
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r"); // in pages
    if (file == NULL) return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2) resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_page_faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

// ---- Progress ----

struct Progress {
    char *what, *unit;
    char note[128];
    uint64_t total, done;
    uint64_t done_before; // of `done`, by an earlier run
    double started_s, shown_s; // shown_s: when a line was last written
    bool terminal;
};

Progress *progress_begin(const char *what, const char *unit, uint64_t total) {
    Progress *progress = mem_alloc(1, sizeof *progress);
    progress->what = mem_strdup(what);
    progress->unit = mem_strdup(unit);
    progress->total = total;
    progress->terminal = isatty(STDERR_FILENO) == 1;
    progress->started_s = time_now_s();
    // A terminal shows work at once; elsewhere short work gives only its last line.
    progress->shown_s = progress->terminal ? progress->started_s - TERMINAL_PERIOD_S : progress->started_s;
    return progress;
}

static void add_duration(Buf *line, double seconds) {
    uint64_t whole = (uint64_t)(seconds + 0.5);
    if (whole >= 3600) {
        buf_printf(line, "%lluh%02llum", (unsigned long long)(whole / 3600), (unsigned long long)(whole / 60 % 60));
    } else if (whole >= 60) {
        buf_printf(line, "%llum%02llus", (unsigned long long)(whole / 60), (unsigned long long)(whole % 60));
    } else {
        buf_printf(line, "%llus", (unsigned long long)whole);
    }
}

// "what: 12/40 steps, 3.1/s, 9s left, loss 1.234"; at the end "... in 13s" instead of the time left.
static void compose(const Progress *progress, double now_s, bool last, Buf *line) {
    double elapsed_s = now_s - progress->started_s;
    double rate = elapsed_s > 0 ? (double)(progress->done - progress->done_before) / elapsed_s : 0;
    buf_printf(line, "%s: %llu", progress->what, (unsigned long long)progress->done);
    if (progress->total > 0) buf_printf(line, "/%llu", (unsigned long long)progress->total);
    buf_printf(line, " %s, %.3g/s", progress->unit, rate);
    if (last) {
        buf_add_text(line, " in ");
        add_duration(line, elapsed_s);
    } else if (progress->total > progress->done && rate > 0) {
        buf_add_text(line, ", ");
        add_duration(line, (double)(progress->total - progress->done) / rate);
        buf_add_text(line, " left");
    }
    if (progress->note[0] != '\0') buf_printf(line, ", %s", progress->note);
}

static void show(Progress *progress, double now_s, bool last) {
    progress->shown_s = now_s;
    if (atomic_load(&level) < LOG_INFO) return;
    Buf line;
    buf_init(&line, 0);
    compose(progress, now_s, last, &line);
    if (progress->terminal) {
        fprintf(stderr, "\r\033[K%s%s", line.data, last ? "\n" : "");
        atomic_store(&progress_line_shown, !last);
    } else {
        fprintf(stderr, "%s\n", line.data);
    }
    fflush(stderr);
    buf_free(&line);
}

void progress_resume(Progress *progress, uint64_t done) {
    assert(progress->done == 0);
    progress->done = progress->done_before = done;
}

void progress_update(Progress *progress, uint64_t done, const char *note) {
    assert(done >= progress->done_before);
    progress->done = done;
    if (note != NULL) snprintf(progress->note, sizeof progress->note, "%s", note);
    double now_s = time_now_s();
    if (now_s - progress->shown_s >= (progress->terminal ? TERMINAL_PERIOD_S : PLAIN_PERIOD_S)) {
        show(progress, now_s, false);
    }
}

void progress_end(Progress *progress) {
    if (progress == NULL) return;
    show(progress, time_now_s(), true);
    mem_free(progress->what);
    mem_free(progress->unit);
    mem_free(progress);
}
