#include "eval/code/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define ERRORS_KEPT_BYTES 4096
#define NOBODY 65534
#define MAX_ARGUMENTS 96
#define STATUS_MAX_BYTES 4096

struct Sandbox {
    char *bwrap; // path
    bool bounds_tmp, ends_userns; // what this version of bwrap can do (0.7, 0.8)
};

// Descriptors in the child: 0, 1, 2, bwrap's own report, then a file each.
enum { FD_STATUS = 3, FD_FILES = 4 };

typedef struct Run { // one run, in the parent; -1: closed
    int in, out[2], err[2], status[2], files[SANDBOX_MAX_FILES];
    size_t n_files;
    pid_t pid;
    double deadline_s;
    Buf report; // bwrap's status lines
} Run;

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void close_all(Run *run) {
    close_fd(&run->in);
    for (int end = 0; end < 2; end++) {
        close_fd(&run->out[end]), close_fd(&run->err[end]), close_fd(&run->status[end]);
    }
    for (size_t i = 0; i < run->n_files; i++) close_fd(&run->files[i]);
}

// Bytes as a file in memory, read from its start.
static bool memory_file(Str bytes, int *fd, Error *error) {
    *fd = memfd_create("sandbox", MFD_CLOEXEC);
    if (*fd < 0) return error_set_errno(error, "sandbox: a file in memory");
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(*fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return error_set_errno(error, "sandbox: a file in memory of %zu bytes", bytes.len);
        done += (size_t)n;
    }
    return lseek(*fd, 0, SEEK_SET) == 0 || error_set_errno(error, "sandbox: a file in memory");
}

static bool open_all(Run *run, const SandboxJob *job, Error *error) {
    assert(job->n_files <= SANDBOX_MAX_FILES);
    *run = (Run){-1, {-1, -1}, {-1, -1}, {-1, -1}, {0}, job->n_files, -1, 0, {0}};
    for (size_t i = 0; i < SANDBOX_MAX_FILES; i++) run->files[i] = -1;
    bool ok = memory_file(job->input, &run->in, error);
    for (size_t i = 0; ok && i < job->n_files; i++) ok = memory_file(job->files[i].bytes, &run->files[i], error);
    if (ok && (pipe2(run->out, O_CLOEXEC) != 0 || pipe2(run->err, O_CLOEXEC) != 0 || pipe2(run->status, O_CLOEXEC) != 0)) {
        ok = error_set_errno(error, "sandbox: a pipe");
    }
    if (!ok) close_all(run);
    return ok;
}

// The command line; numbers and descriptors as text in `texts`, which outlives it.
static void command_line(const Sandbox *sandbox, const SandboxJob *job, const char **argv, char texts[][24]) {
    static const char *const fixed[] = {
        "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
        "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox",
        "--ro-bind", "/usr", "/usr", "--ro-bind-try", "/bin", "/bin", "--ro-bind-try", "/lib", "/lib",
        "--ro-bind-try", "/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--chdir", "/tmp", "--clearenv",
        "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8",
        "--setenv", "PYTHONHASHSEED", "0", "--setenv", "OMP_NUM_THREADS", "1", "--setenv", "OPENBLAS_NUM_THREADS", "1",
    };
    size_t n = 0, n_texts = 0;
    argv[n++] = sandbox->bwrap;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) argv[n++] = fixed[i];
    if (sandbox->ends_userns) argv[n++] = "--disable-userns";
    if (sandbox->bounds_tmp) {
        snprintf(texts[n_texts], 24, "%zu", job->memory_bytes);
        argv[n++] = "--size", argv[n++] = texts[n_texts++];
    }
    argv[n++] = "--tmpfs", argv[n++] = "/tmp";
    snprintf(texts[n_texts], 24, "%d", FD_STATUS);
    argv[n++] = "--json-status-fd", argv[n++] = texts[n_texts++];
    for (size_t i = 0; i < job->n_files; i++) {
        snprintf(texts[n_texts], 24, "%d", FD_FILES + (int)i);
        argv[n++] = "--ro-bind-data", argv[n++] = texts[n_texts++], argv[n++] = job->files[i].path;
    }
    for (size_t i = 0; job->argv[i] != NULL; i++) {
        argv[n++] = job->argv[i];
        assert(n < MAX_ARGUMENTS);
    }
    argv[n] = NULL;
}

// From here to exec in the child of a program with threads: system calls only.

static void limit(int what, rlim_t value) {
    struct rlimit both = {value, value};
    setrlimit(what, &both); // a lower limit that is there already stays
}

// Deep recursion in an interpreter takes stack; what is not used costs nothing.
static void raise_stack(rlim_t bytes) {
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) != 0) return;
    stack.rlim_cur = stack.rlim_max < bytes ? stack.rlim_max : bytes;
    setrlimit(RLIMIT_STACK, &stack);
}

static void set_limits(const SandboxJob *job) {
    raise_stack((rlim_t)512 << 20);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, (rlim_t)ceil(job->time_s) + 1);
    limit(RLIMIT_FSIZE, job->memory_bytes);
    limit(RLIMIT_NOFILE, 256);
    limit(RLIMIT_AS, job->memory_bytes);
}

// glibc's setuid asks all threads of the process, of which the child has but one: the calls themselves.
static bool become_nobody(void) {
    return geteuid() != 0 || (syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) == 0 &&
                              syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0);
}

static _Noreturn void child(const Run *run, const SandboxJob *job, const char **argv) {
    int from[FD_FILES + SANDBOX_MAX_FILES] = {run->in, run->out[1], run->err[1], run->status[1]};
    size_t n = FD_FILES + run->n_files;
    for (size_t i = 0; i < run->n_files; i++) from[FD_FILES + i] = run->files[i];
    bool ok = setpgid(0, 0) == 0;
    // first all beyond the places that they go to, then each to its place, which is not closed by exec
    for (size_t i = 0; i < n; i++) ok = ok && (from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64)) >= 0;
    syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC); // before Linux 5.11 what others left open stays open
    for (size_t i = 0; i < n; i++) ok = ok && dup2(from[i], (int)i) >= 0;
    set_limits(job);
    // no environment: what runs inside can read that of bwrap, its first process, in /proc/1/environ
    char *const nothing[] = {NULL};
    if (ok && become_nobody()) execve(argv[0], (char *const *)argv, nothing);
    _exit(125);
}

// Back in the parent.

typedef struct Sink {
    int *fd;
    Buf *to;
    size_t max;
    bool keep_end; // beyond max: the end is kept, not the start
} Sink;

// false: more than fits.
static bool drain(Sink *sink) {
    char bytes[65536];
    ssize_t n = read(*sink->fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (n <= 0) {
        close_fd(sink->fd);
        return true;
    }
    size_t count = (size_t)n;
    if (!sink->keep_end) {
        size_t room = sink->max - sink->to->len;
        buf_add(sink->to, bytes, count < room ? count : room);
        return count <= room;
    }
    buf_add(sink->to, bytes, count);
    if (sink->to->len > 2 * sink->max) {
        memmove(sink->to->data, sink->to->data + sink->to->len - sink->max, sink->max);
        sink->to->len = sink->max;
    }
    return true;
}

static void kill_all(const Run *run) {
    kill(-run->pid, SIGKILL); // bwrap; with it, by --die-with-parent, the first process of the namespace, and so all of it
    kill(run->pid, SIGKILL);  // before its setpgid
}

// What is killed dies a little later: its ends of the pipes close with it.
static void settle(Run *run) {
    double until_s = time_now_s() + 2;
    static const size_t n = 65536;
    char *bytes = mem_alloc(n, 1);
    while ((run->out[0] >= 0 || run->err[0] >= 0) && time_now_s() < until_s) {
        struct pollfd polled[2] = {{run->out[0], POLLIN, 0}, {run->err[0], POLLIN, 0}};
        if (poll(polled, 2, 100) <= 0) continue;
        if (polled[0].revents != 0 && read(run->out[0], bytes, n) <= 0) close_fd(&run->out[0]);
        if (polled[1].revents != 0 && read(run->err[0], bytes, n) <= 0) close_fd(&run->err[0]);
    }
    mem_free(bytes);
}

// Reads until all ends are closed (then nothing of the run is left that holds them) or the run is ended here.
static SandboxEnd watch(Run *run, const SandboxJob *job, SandboxResult *result) {
    Sink sinks[] = {{&run->out[0], &result->output, job->output_max_bytes, false},
                    {&run->err[0], &result->errors, ERRORS_KEPT_BYTES, true},
                    {&run->status[0], &run->report, STATUS_MAX_BYTES, true}};
    while (*sinks[0].fd >= 0 || *sinks[1].fd >= 0 || *sinks[2].fd >= 0) {
        double left_s = run->deadline_s - time_now_s();
        if (left_s <= 0) return SANDBOX_TIMEOUT;
        struct pollfd polled[3];
        for (int i = 0; i < 3; i++) polled[i] = (struct pollfd){*sinks[i].fd, POLLIN, 0}; // poll passes over -1
        if (poll(polled, 3, (int)fmin(1000, ceil(left_s * 1000))) < 0) continue;          // EINTR
        for (int i = 0; i < 3; i++) {
            if (polled[i].revents != 0 && !drain(&sinks[i])) return SANDBOX_TOO_MUCH_OUTPUT;
        }
    }
    return SANDBOX_EXITED;
}

// bwrap says {"exit-code": N} once the program ended; without that it failed before.
static bool read_exit_code(Str report, int *code) {
    static const char key[] = "\"exit-code\":";
    ptrdiff_t at = str_find(report, str_of(key), 0);
    if (at < 0) return false;
    *code = atoi(report.ptr + (size_t)at + sizeof key - 1);
    return true;
}

static bool say_failed(const Buf *errors, Error *error) {
    Str line = str_trim(buf_str(errors));
    const char *end = line.len > 0 ? memchr(line.ptr, '\n', line.len) : NULL;
    if (end != NULL) line.len = (size_t)(end - line.ptr);
    return error_set(error, "sandbox: bwrap makes no sandbox here (%.*s): expected a system that lets users make namespaces",
                     (int)line.len, line.len > 0 ? line.ptr : "");
}

bool sandbox_run(const Sandbox *sandbox, const SandboxJob *job, SandboxResult *result, Error *error) {
    Run run;
    if (!open_all(&run, job, error)) return false;
    const char *argv[MAX_ARGUMENTS];
    char texts[2 + SANDBOX_MAX_FILES][24];
    command_line(sandbox, job, argv, texts);
    *result = (SandboxResult){.end = SANDBOX_EXITED};
    buf_init(&result->output, 0), buf_init(&result->errors, 0), buf_init(&run.report, 0);
    double start_s = time_now_s();
    run.deadline_s = start_s + job->time_s;
    run.pid = fork();
    if (run.pid == 0) child(&run, job, argv);
    bool ok = run.pid > 0 || error_set_errno(error, "sandbox: a process");
    if (ok) {
        close_fd(&run.in), close_fd(&run.out[1]), close_fd(&run.err[1]), close_fd(&run.status[1]);
        result->end = watch(&run, job, result);
        if (result->end != SANDBOX_EXITED) kill_all(&run);
        while (waitpid(run.pid, NULL, 0) < 0 && errno == EINTR) {}
        if (result->end != SANDBOX_EXITED) settle(&run);
        result->wall_s = time_now_s() - start_s;
        bool ended = read_exit_code(buf_str(&run.report), &result->exit_code);
        if (result->end == SANDBOX_EXITED && !ended) ok = say_failed(&result->errors, error);
    }
    close_all(&run);
    buf_free(&run.report);
    if (!ok) sandbox_result_free(result);
    return ok;
}

void sandbox_result_free(SandboxResult *result) {
    buf_free(&result->output);
    buf_free(&result->errors);
}

// The first executable `name` on PATH, NULL where there is none.
static char *find_program(const char *name) {
    const char *path = getenv("PATH");
    for (const char *at = path != NULL ? path : "/usr/bin:/bin"; *at != '\0';) {
        size_t n = strcspn(at, ":");
        char *file = mem_alloc(n + strlen(name) + 2, 1);
        memcpy(file, at, n);
        file[n] = '/';
        strcpy(file + n + 1, name);
        if (n > 0 && file[0] == '/' && access(file, X_OK) == 0) return file;
        mem_free(file);
        at += n + (at[n] == ':');
    }
    return NULL;
}

static bool probe(const Sandbox *sandbox, Error *error) {
    static const char *const argv[] = {"/bin/true", NULL};
    const SandboxJob job = {argv, NULL, 0, {"", 0}, 30, (size_t)256 << 20, 4096};
    SandboxResult result;
    if (!sandbox_run(sandbox, &job, &result, error)) return false;
    bool ok = result.end == SANDBOX_EXITED && result.exit_code == 0;
    if (!ok) say_failed(&result.errors, error);
    sandbox_result_free(&result);
    return ok;
}

bool sandbox_open(Sandbox **sandbox, Error *error) {
    Sandbox *made = mem_alloc(1, sizeof *made);
    made->bwrap = find_program("bwrap");
    bool ok = made->bwrap != NULL || error_set(error, "sandbox: bwrap is not on PATH: install the package bubblewrap");
    if (ok) {
        // from the most that bwrap can do to the least: older ones refuse options that they do not know
        made->bounds_tmp = made->ends_userns = true;
        ok = probe(made, error);
        if (!ok) made->ends_userns = false, ok = probe(made, error);
        if (!ok) made->bounds_tmp = false, ok = probe(made, error);
    }
    if (!ok) {
        sandbox_close(made);
        made = NULL;
    }
    *sandbox = made;
    return ok;
}

void sandbox_close(Sandbox *sandbox) {
    if (sandbox == NULL) return;
    mem_free(sandbox->bwrap);
    mem_free(sandbox);
}
