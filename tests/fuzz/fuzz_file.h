// Bytes as a file that has a path, for parsers that map files: in memory, without a name of its own.
#ifndef RLT_TESTS_FUZZ_FILE_H
#define RLT_TESTS_FUZZ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUZZ_PATH_MAX 64

static inline int fuzz_file(const uint8_t *data, size_t size, char path[FUZZ_PATH_MAX]) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0) abort();
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, data + done, size - done);
        if (n <= 0) abort();
        done += (size_t)n;
    }
    snprintf(path, FUZZ_PATH_MAX, "/proc/self/fd/%d", fd);
    return fd;
}

static inline void fuzz_file_close(int fd) { close(fd); }

#endif
