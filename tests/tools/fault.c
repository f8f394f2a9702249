// Preloaded into a program: at the n-th call that changes the file system, or from it on, the call fails or the process dies.
//
//   FAULT=count                 changes nothing
//   FAULT=kill:N                SIGKILL in place of call N
//   FAULT=torn:N                as kill; where call N is a write, half of its bytes are written first
//   FAULT=full:N                call N and all later ones that need room (write, mkdir, open that creates) fail with ENOSPC
//   FAULT=once:N                call N alone fails, with EIO
//   FAULT_COUNT=FILE            at the end the number of calls is written to it
// Calls counted: write and pwrite but to standard output and error, fsync, rename, mkdir, ftruncate, unlink, remove, open for
// writing.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long n_calls;
static long at = -1;
static char how[8] = "";

__attribute__((constructor)) static void read_fault(void) {
    const char *fault = getenv("FAULT");
    if (fault != NULL && sscanf(fault, "%7[a-z]:%ld", how, &at) < 1) _exit(99);
}

__attribute__((destructor)) static void write_count(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL) return;
    fprintf(file, "%ld\n", atomic_load(&n_calls));
    fclose(file);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// Whether the call is to fail, with errno set. Does not return where the process is to die.
static bool fails(bool needs_room) {
    long n = atomic_fetch_add(&n_calls, 1) + 1;
    if (at < 1 || n < at) return false;
    if (strcmp(how, "full") == 0) {
        errno = ENOSPC;
        return needs_room;
    }
    if (n != at) return false;
    if (strcmp(how, "once") != 0) die();
    errno = EIO;
    return true;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t count) {
    if (fd == STDOUT_FILENO || fd == STDERR_FILENO) return REAL(write)(fd, bytes, count);
    bool torn = strcmp(how, "torn") == 0 && atomic_load(&n_calls) + 1 == at;
    if (torn) (void)!REAL(write)(fd, bytes, count / 2);
    return fails(true) ? -1 : REAL(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return fails(true) ? -1 : REAL(pwrite)(fd, bytes, count, offset);
}

int fsync(int fd) { return fails(true) ? -1 : REAL(fsync)(fd); }
int rename(const char *from, const char *to) { return fails(false) ? -1 : REAL(rename)(from, to); }
int mkdir(const char *path, mode_t mode) { return fails(true) ? -1 : REAL(mkdir)(path, mode); }
int ftruncate(int fd, off_t size) { return fails(false) ? -1 : REAL(ftruncate)(fd, size); }
int unlink(const char *path) { return fails(false) ? -1 : REAL(unlink)(path); }
int remove(const char *path) { return fails(false) ? -1 : REAL(remove)(path); }

int open(const char *path, int flags, ...) {
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    bool writes = (flags & O_ACCMODE) != O_RDONLY && strncmp(path, "/dev/", 5) != 0;
    return writes && fails((flags & O_CREAT) != 0) ? -1 : REAL(open)(path, flags, mode);
}
