#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

extern char **environ;

struct Process {
    pid_t pid;
    int in, out; // this side's ends: to its standard input, from its standard output
    char *name;
};

// The program leads a process group of its own, so that what it starts can be ended with it.
static int spawn(const char *const *argv, int in, int out, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults, none;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    sigemptyset(&defaults), sigaddset(&defaults, SIGPIPE), sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int failed = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

char *process_find(const char *name) {
    if (strchr(name, '/') != NULL) return file_exists(name) ? mem_strdup(name) : NULL;
    const char *path = getenv("PATH");
    for (const char *from = path, *end; from != NULL; from = *end != 0 ? end + 1 : NULL) {
        end = strchrnul(from, ':');
        char *dir = end > from ? mem_strndup(from, (size_t)(end - from)) : mem_strdup("."), *file = path_join(dir, name);
        mem_free(dir);
        if (file_exists(file) && access(file, X_OK) == 0) return file;
        mem_free(file);
    }
    return NULL;
}

static void close_all(const int *fds, int n) {
    for (int i = 0; i < n; i++)
        close(fds[i]);
}

bool process_open(const char *const *argv, Process **process, Error *error) {
    int fds[4]; // its input: read 0, write 1; its output: read 2, write 3
    *process = NULL;
    if (pipe2(fds, O_CLOEXEC) != 0) return error_set_errno(error, "program %s", argv[0]);
    if (pipe2(fds + 2, O_CLOEXEC) != 0) {
        error_set_errno(error, "program %s", argv[0]);
        close_all(fds, 2);
        return false;
    }
    pid_t pid;
    int failed = spawn(argv, fds[0], fds[3], &pid);
    close(fds[0]), close(fds[3]);
    if (failed != 0) {
        close(fds[1]), close(fds[2]);
        errno = failed;
        return error_set_errno(error, "program %s: expected a program that can be started", argv[0]);
    }
    fcntl(fds[1], F_SETFL, O_NONBLOCK), fcntl(fds[2], F_SETFL, O_NONBLOCK);
    Process *made = mem_alloc(1, sizeof *made);
    *made = (Process){pid, fds[1], fds[2], mem_strdup(argv[0])};
    *process = made;
    return true;
}

static bool ended_within(pid_t pid, double seconds) {
    const struct timespec nap = {0, 2000000};
    for (double until_s = time_now_s() + seconds;;) {
        if (waitpid(pid, NULL, WNOHANG) == pid) return true;
        if (time_now_s() >= until_s) return false;
        nanosleep(&nap, NULL);
    }
}

void process_close(Process *process) {
    if (process == NULL) return;
    close(process->in), close(process->out);
    if (process->pid > 0) {
        bool ended = ended_within(process->pid, 1);
        kill(-process->pid, SIGKILL); // and what it has left running
        if (!ended) waitpid(process->pid, NULL, 0);
    }
    mem_free(process->name);
    mem_free(process);
}

// ---- an exchange

typedef struct Exchange {
    Process *process;
    Str input;
    const ProcessLimits *limits;
    Buf *output;
    size_t n_lines, n_wanted, line_bytes; // whole lines so far; bytes of the one that is coming
    double until_s;
} Exchange;

static bool fail_ended(Exchange *x, Error *error) {
    pid_t pid = x->process->pid;
    const char *name = x->process->name;
    if (!ended_within(pid, 0.2)) // its output is closed, itself not ended
        return error_set(error, "program %s: closed its output after %zu of %zu lines", name, x->n_lines, x->n_wanted);
    x->process->pid = 0;
    kill(-pid, SIGKILL);
    return error_set(error, "program %s: ended after %zu of %zu lines", name, x->n_lines, x->n_wanted);
}

static bool read_some(Exchange *x, Error *error) {
    char bytes[1 << 16];
    ssize_t n = read(x->process->out, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) return fail_ended(x, error);
    for (ssize_t i = 0; i < n; i++) {
        if (x->n_lines == x->n_wanted)
            return error_set(error, "program %s: more output than the expected %zu lines", x->process->name,
                             x->n_wanted);
        if (++x->line_bytes > x->limits->line_max_bytes) {
            return error_set(error, "program %s: line %zu is longer than %zu bytes", x->process->name, x->n_lines + 1,
                             x->limits->line_max_bytes);
        }
        buf_add_char(x->output, bytes[i]);
        if (bytes[i] != '\n') continue;
        x->n_lines++;
        x->line_bytes = 0;
        x->until_s = time_now_s() + x->limits->line_s;
    }
    return true;
}

// A program that has ended shows at its output, so a broken pipe here is no error of its own.
static void write_some(Exchange *x) {
    ssize_t n = write(x->process->in, x->input.ptr, x->input.len);
    if (n < 0 && errno != EAGAIN && errno != EINTR) x->input.len = 0;
    if (n <= 0) return;
    x->input.ptr += n;
    x->input.len -= (size_t)n;
}

static bool exchange(Exchange *x, Error *error) {
    while (x->n_lines < x->n_wanted || x->input.len > 0) {
        struct pollfd fds[2] = {{x->process->out, POLLIN, 0}, {x->input.len > 0 ? x->process->in : -1, POLLOUT, 0}};
        double wait_s = x->until_s - time_now_s();
        if (wait_s <= 0) {
            return error_set(error, "program %s: no answer within %g s after %zu of %zu lines", x->process->name,
                             x->limits->line_s, x->n_lines, x->n_wanted);
        }
        if (poll(fds, 2, (int)ceil(fmin(wait_s, 1e5) * 1000)) < 0 && errno != EINTR)
            return error_set_errno(error, "program %s", x->process->name);
        if (fds[1].revents != 0) write_some(x);
        if (fds[0].revents != 0 && !read_some(x, error)) return false;
    }
    return true;
}

bool process_exchange(Process *process, Str input, size_t n_lines, const ProcessLimits *limits, Buf *output,
                      Error *error) {
    Exchange x = {process, input, limits, output, 0, n_lines, 0, time_now_s() + limits->line_s};
    // the signal of a pipe without a reader is held back from this thread and taken off again
    sigset_t pipe_signal, before;
    const struct timespec at_once = {0};
    sigemptyset(&pipe_signal), sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    bool ok = process->pid > 0 ? exchange(&x, error) : error_set(error, "program %s: has ended", process->name);
    if (!sigismember(&before, SIGPIPE)) {
        while (sigtimedwait(&pipe_signal, NULL, &at_once) == SIGPIPE) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}
