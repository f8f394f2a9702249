#include "base/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"

#define LOCK_WAIT_MS 3000
#define LOCK_LOOK_MS 20
#define READ_BYTES ((size_t)64 << 10)
#define WRITE_BYTES ((size_t)256 << 10)

// ---- Names and folders ----

bool file_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

bool dir_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool file_size(const char *path, uint64_t *size_bytes, Error *error) {
    struct stat info;
    if (stat(path, &info) != 0) return error_set_errno(error, "%s", path);
    if (!S_ISREG(info.st_mode)) return error_set(error, "%s: expected a regular file", path);
    *size_bytes = (uint64_t)info.st_size;
    return true;
}

static char *with_suffix(const char *path, const char *suffix) {
    Buf name;
    buf_init(&name, 0);
    buf_printf(&name, "%s%s", path, suffix);
    return name.data;
}

// The folder that holds `path`, to be freed: "a/b" -> "a", "b" -> ".", "/b" -> "/"; slashes at the end do not count.
static char *parent_of(const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    while (end > 0 && path[end - 1] != '/') end--;
    while (end > 1 && path[end - 1] == '/') end--;
    return end == 0 ? mem_strdup(".") : mem_strndup(path, end);
}

bool dir_make(const char *path, Error *error) {
    char *part = mem_strdup(path);
    bool ok = true;
    for (char *c = part; ok; c++) {
        if (*c != '/' && *c != '\0') continue;
        char held = *c;
        *c = '\0';
        // Also where mkdir fails for another reason (a read-only parent), a folder that is there is fine.
        if (part[0] != '\0' && mkdir(part, 0777) != 0) {
            int number = errno;
            if (!dir_exists(part)) {
                errno = number == EEXIST ? ENOTDIR : number;
                ok = error_set_errno(error, "%s: cannot make the folder", part);
            }
        }
        *c = held;
        if (held == '\0') break;
    }
    mem_free(part);
    return ok;
}

static int remove_visit(const char *path, const struct stat *info, int type, struct FTW *where) {
    (void)info, (void)type, (void)where;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool path_remove(const char *path, Error *error) {
    if (nftw(path, remove_visit, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) return true;
    return error_set_errno(error, "%s: cannot remove", path);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

bool dir_list(const char *path, char ***names, size_t *count, Error *error) {
    DIR *dir = opendir(path);
    if (dir == NULL) return error_set_errno(error, "%s", path);
    char **list = mem_alloc(0, sizeof *list);
    size_t used = 0, cap = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (used == cap) {
            cap = cap * 2 + 16;
            list = mem_realloc(list, cap, sizeof *list);
        }
        list[used++] = mem_strdup(entry->d_name);
    }
    bool ok = errno == 0 || error_set_errno(error, "%s", path);
    closedir(dir);
    if (!ok) {
        for (size_t i = 0; i < used; i++) mem_free(list[i]);
        mem_free(list);
        return false;
    }
    qsort(list, used, sizeof *list, compare_names);
    *names = list;
    *count = used;
    return true;
}

char *path_join(const char *dir, const char *name) {
    if (name[0] == '/' || dir[0] == '\0') return mem_strdup(name);
    size_t length = strlen(dir);
    Buf path;
    buf_init(&path, 0);
    buf_printf(&path, "%s%s%s", dir, dir[length - 1] == '/' ? "" : "/", name);
    return path.data;
}

bool dir_sync(const char *path, Error *error) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    // Some file systems cannot sync a folder (EINVAL): nothing more can be done there.
    bool ok = fsync(fd) == 0 || errno == EINVAL || error_set_errno(error, "%s: cannot sync the folder", path);
    close(fd);
    return ok;
}

bool dir_lock(const char *path, int *lock, Error *error) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    int left_ms = LOCK_WAIT_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        // some file systems know no locks: nothing more can be done there
        if (errno != EWOULDBLOCK && errno != EINTR) break;
        if (errno == EWOULDBLOCK && (left_ms -= LOCK_LOOK_MS) <= 0) {
            close(fd);
            return error_set(error, "%s: another process is writing there", path);
        }
        usleep(LOCK_LOOK_MS * 1000);
    }
    *lock = fd;
    return true;
}

void dir_unlock(int lock) {
    if (lock >= 0) close(lock);
}

static bool parent_sync(const char *path, Error *error) {
    char *parent = parent_of(path);
    bool ok = dir_sync(parent, error);
    mem_free(parent);
    return ok;
}

// ---- Reading ----

// As read(2), again after a signal.
static ssize_t read_some(int fd, void *bytes, size_t count) {
    ssize_t got;
    do got = read(fd, bytes, count);
    while (got < 0 && errno == EINTR);
    return got;
}

static bool read_all(int fd, const char *path, size_t max_bytes, Buf *out, Error *error) {
    for (;;) {
        size_t room = max_bytes - out->len;
        char beyond;
        if (room > 0) {
            if (room > READ_BYTES) room = READ_BYTES;
            if (out->cap > out->len + 1 && out->cap - out->len - 1 < room) room = out->cap - out->len - 1;
            buf_reserve(out, room);
        }
        ssize_t got = room > 0 ? read_some(fd, out->data + out->len, room) : read_some(fd, &beyond, 1);
        if (got < 0) return error_set_errno(error, "%s", path);
        if (got == 0) break;
        if (room == 0) return error_set(error, "%s: expected at most %zu bytes", path, max_bytes);
        out->len += (size_t)got;
        out->data[out->len] = '\0';
    }
    return true;
}

bool file_read(const char *path, size_t max_bytes, Buf *out, Error *error) {
    buf_init(out, max_bytes);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    struct stat info;
    bool ok = fstat(fd, &info) == 0 || error_set_errno(error, "%s", path);
    if (ok && S_ISREG(info.st_mode)) {
        if ((uint64_t)info.st_size > max_bytes) {
            ok = error_set(error, "%s: expected at most %zu bytes, found %llu", path, max_bytes,
                           (unsigned long long)info.st_size);
        } else {
            buf_reserve(out, (size_t)info.st_size);
        }
    }
    ok = ok && read_all(fd, path, max_bytes, out, error);
    close(fd);
    if (!ok) buf_free(out);
    return ok;
}

bool file_map(const char *path, FileMap *map, Error *error) {
    *map = (FileMap){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    struct stat info;
    bool ok = fstat(fd, &info) == 0 || error_set_errno(error, "%s", path);
    if (ok && !S_ISREG(info.st_mode)) ok = error_set(error, "%s: expected a regular file", path);
    if (ok && info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            ok = error_set_errno(error, "%s: cannot map", path);
        } else {
            *map = (FileMap){data, (size_t)info.st_size};
        }
    }
    close(fd);
    return ok;
}

void file_unmap(FileMap *map) {
    if (map->data != NULL) munmap((void *)map->data, map->size);
    *map = (FileMap){0};
}

void file_map_forget(const void *data, size_t bytes) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)data + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)data + bytes) / page * page; // whole pages alone: neighbours share the others
    if (from < to) madvise((void *)from, to - from, MADV_DONTNEED);
}

// ---- Lines ----

struct LineReader {
    char *path; // as errors name it
    int fd;
    size_t max_line_bytes;
    Buf bytes;    // read and not yet given out, from `start`
    size_t start; // of the next line
    size_t number;
    bool at_end;
};

bool line_reader_open(const char *path, size_t max_line_bytes, LineReader **reader, Error *error) {
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    LineReader *made = mem_alloc(1, sizeof *made);
    made->path = mem_strdup(standard ? "standard input" : path);
    made->fd = fd;
    made->max_line_bytes = max_line_bytes;
    buf_init(&made->bytes, max_line_bytes + 2 + READ_BYTES); // a line with its "\r\n", and one more read
    *reader = made;
    return true;
}

// Reads more behind what is there, moving the unfinished line to the front first. -1: an error; else as read(2).
static ssize_t line_reader_fill(LineReader *reader) {
    Buf *bytes = &reader->bytes;
    bytes->len -= reader->start;
    if (bytes->data != NULL) memmove(bytes->data, bytes->data + reader->start, bytes->len);
    reader->start = 0;
    buf_reserve(bytes, READ_BYTES);
    ssize_t got = read_some(reader->fd, bytes->data + bytes->len, READ_BYTES);
    if (got > 0) bytes->len += (size_t)got;
    bytes->data[bytes->len] = '\0';
    return got;
}

static int line_reader_give(LineReader *reader, size_t length, size_t newline_bytes, Str *line, Error *error) {
    Str found = {reader->bytes.data + reader->start, length};
    if (newline_bytes > 0 && found.len > 0 && found.ptr[found.len - 1] == '\r') found.len--;
    if (found.len > reader->max_line_bytes) {
        error_set(error, "%s:%zu: expected a line of at most %zu bytes", reader->path, reader->number,
                  reader->max_line_bytes);
        return -1;
    }
    reader->start += length + newline_bytes;
    *line = found;
    return 1;
}

int line_reader_next(LineReader *reader, Str *line, Error *error) {
    size_t searched = 0; // bytes of the line that hold no newline
    reader->number++;
    for (;;) {
        size_t have = reader->bytes.len - reader->start;
        const char *from = have > 0 ? reader->bytes.data + reader->start : NULL;
        const char *newline = have > searched ? memchr(from + searched, '\n', have - searched) : NULL;
        if (newline != NULL) return line_reader_give(reader, (size_t)(newline - from), 1, line, error);
        // At the end, or too long whatever follows: a last line without a newline.
        if ((reader->at_end && have > 0) || have > reader->max_line_bytes + 1) {
            return line_reader_give(reader, have, 0, line, error);
        }
        if (reader->at_end) {
            reader->number--;
            return 0;
        }
        searched = have;
        ssize_t got = line_reader_fill(reader);
        if (got < 0) {
            error_set_errno(error, "%s:%zu", reader->path, reader->number);
            return -1;
        }
        reader->at_end = got == 0;
    }
}

size_t line_reader_number(const LineReader *reader) { return reader->number; }

void line_reader_close(LineReader *reader) {
    if (reader == NULL) return;
    if (reader->fd != STDIN_FILENO) close(reader->fd);
    buf_free(&reader->bytes);
    mem_free(reader->path);
    mem_free(reader);
}

// ---- Writing ----

// Writes all bytes, or returns false with errno set; *written counts what went out.
static bool write_all(int fd, const char *bytes, size_t count, size_t *written) {
    *written = 0;
    while (*written < count) {
        ssize_t put = write(fd, bytes + *written, count - *written);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        *written += (size_t)put;
    }
    return true;
}

struct FileWriter {
    char *path;
    char *partial; // NULL: written in place (standard output, a device, a pipe)
    int fd;
    int failed; // errno of the first write that failed, or 0
    size_t used;
    char block[WRITE_BYTES];
};

bool file_writer_open(const char *path, FileWriter **writer, Error *error) {
    bool standard = strcmp(path, "-") == 0;
    struct stat info;
    bool there = !standard && stat(path, &info) == 0;
    if (there && S_ISDIR(info.st_mode)) return error_set(error, "%s: expected a file, found a folder", path);
    // A device or a pipe has no old content to keep, and must not be replaced by a file.
    bool in_place = standard || (there && !S_ISREG(info.st_mode));
    char *partial = in_place ? NULL : with_suffix(path, ".partial");
    int fd = STDOUT_FILENO;
    if (standard) {
        fflush(stdout); // what was printed before comes first
    } else {
        int flags = in_place ? O_WRONLY : O_WRONLY | O_CREAT | O_TRUNC;
        fd = open(in_place ? path : partial, flags | O_CLOEXEC, 0666);
    }
    if (fd < 0) {
        error_set_errno(error, "%s: cannot write", path);
        mem_free(partial);
        return false;
    }
    FileWriter *made = mem_alloc(1, sizeof *made);
    made->path = mem_strdup(standard ? "standard output" : path);
    made->partial = partial;
    made->fd = fd;
    *writer = made;
    return true;
}

static void file_writer_put(FileWriter *writer, const char *bytes, size_t count) {
    size_t written;
    if (writer->failed == 0 && !write_all(writer->fd, bytes, count, &written)) writer->failed = errno;
}

static void file_writer_flush(FileWriter *writer) {
    file_writer_put(writer, writer->block, writer->used);
    writer->used = 0;
}

void file_writer_add(FileWriter *writer, const void *bytes, size_t count) {
    if (count > WRITE_BYTES - writer->used) file_writer_flush(writer);
    if (count > WRITE_BYTES) {
        file_writer_put(writer, bytes, count);
    } else if (count > 0) {
        memcpy(writer->block + writer->used, bytes, count);
        writer->used += count;
    }
}

void file_writer_add_str(FileWriter *writer, Str text) { file_writer_add(writer, text.ptr, text.len); }

static void file_writer_free(FileWriter *writer) {
    mem_free(writer->path);
    mem_free(writer->partial);
    mem_free(writer);
}

bool file_writer_commit(FileWriter *writer, Error *error) {
    file_writer_flush(writer);
    if (writer->failed == 0 && writer->partial != NULL && fsync(writer->fd) != 0) writer->failed = errno;
    // close may tell of a delayed write error (network file systems)
    if (writer->fd != STDOUT_FILENO && close(writer->fd) != 0 && writer->failed == 0) writer->failed = errno;
    if (writer->failed == 0 && writer->partial != NULL && rename(writer->partial, writer->path) != 0) {
        writer->failed = errno;
    }
    bool ok = writer->failed == 0;
    if (!ok) {
        if (writer->partial != NULL) unlink(writer->partial);
        errno = writer->failed;
        error_set_errno(error, "%s: cannot write", writer->path);
    } else if (writer->partial != NULL) {
        ok = parent_sync(writer->path, error);
    }
    file_writer_free(writer);
    return ok;
}

void file_writer_abort(FileWriter *writer) {
    if (writer == NULL) return;
    if (writer->fd != STDOUT_FILENO) close(writer->fd);
    if (writer->partial != NULL) unlink(writer->partial);
    file_writer_free(writer);
}

bool file_write_atomic(const char *path, const void *bytes, size_t count, Error *error) {
    FileWriter *writer;
    if (!file_writer_open(path, &writer, error)) return false;
    file_writer_add(writer, bytes, count);
    return file_writer_commit(writer, error);
}

// ---- Replacing ----

static bool rename_or_error(const char *from, const char *to, Error *error) {
    return rename(from, to) == 0 || error_set_errno(error, "%s: cannot rename to %s", from, to);
}

// rename(2) cannot replace a folder that is not empty, so the old one steps aside. The old one is removed only when the
// new name is on the disk.
static bool replace_folder(const char *from, const char *to, const char *old, Error *error) {
    if (!rename_or_error(to, old, error)) return false;
    if (!rename_or_error(from, to, error)) {
        rename(old, to); // if this fails too, path_recover does it later
        return false;
    }
    return parent_sync(to, error) && path_remove(old, error);
}

bool path_replace(const char *from, const char *to, Error *error) {
    // Looked at before anything moves: a missing `from` changes nothing.
    struct stat info;
    if (lstat(from, &info) != 0) return error_set_errno(error, "%s", from);
    if (!path_recover(to, error)) return false; // an earlier call may have been cut off
    if (!dir_exists(to)) return rename_or_error(from, to, error) && parent_sync(to, error);
    char *old = with_suffix(to, ".old");
    bool ok = replace_folder(from, to, old, error);
    mem_free(old);
    return ok;
}

bool path_recover(const char *path, Error *error) {
    char *old = with_suffix(path, ".old");
    struct stat info;
    bool ok;
    if (lstat(path, &info) != 0 && lstat(old, &info) == 0) {
        ok = rename_or_error(old, path, error) && parent_sync(path, error);
    } else {
        ok = path_remove(old, error);
    }
    mem_free(old);
    return ok;
}

// ---- Appending ----

struct FileAppender {
    char *path;
    int fd;
    uint64_t size_bytes;
};

static bool appender_prepare(int fd, const char *path, uint64_t keep_bytes, Error *error) {
    struct stat info;
    if (fstat(fd, &info) != 0) return error_set_errno(error, "%s", path);
    if (!S_ISREG(info.st_mode)) return error_set(error, "%s: expected a regular file", path);
    if ((uint64_t)info.st_size < keep_bytes) {
        return error_set(error, "%s: expected at least %llu bytes, found %llu", path, (unsigned long long)keep_bytes,
                         (unsigned long long)info.st_size);
    }
    if ((uint64_t)info.st_size > keep_bytes && ftruncate(fd, (off_t)keep_bytes) != 0) {
        return error_set_errno(error, "%s: cannot cut to %llu bytes", path, (unsigned long long)keep_bytes);
    }
    return parent_sync(path, error); // the name may be new
}

bool file_appender_open(const char *path, uint64_t keep_bytes, FileAppender **appender, Error *error) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return error_set_errno(error, "%s: cannot write", path);
    if (!appender_prepare(fd, path, keep_bytes, error)) {
        close(fd);
        return false;
    }
    FileAppender *made = mem_alloc(1, sizeof *made);
    *made = (FileAppender){mem_strdup(path), fd, keep_bytes};
    *appender = made;
    return true;
}

bool file_appender_add(FileAppender *appender, Str text, Error *error) {
    size_t written;
    if (write_all(appender->fd, text.ptr, text.len, &written)) {
        appender->size_bytes += text.len;
        return true;
    }
    error_set_errno(error, "%s: cannot write", appender->path);
    // No half row stays; where cutting fails too, a resumed run cuts by its `keep_bytes`.
    if (written > 0 && ftruncate(appender->fd, (off_t)appender->size_bytes) != 0) appender->size_bytes += written;
    return false;
}

uint64_t file_appender_size(const FileAppender *appender) { return appender->size_bytes; }

bool file_appender_sync(FileAppender *appender, Error *error) {
    return fsync(appender->fd) == 0 || error_set_errno(error, "%s: cannot sync", appender->path);
}

void file_appender_close(FileAppender *appender) {
    if (appender == NULL) return;
    close(appender->fd);
    mem_free(appender->path);
    mem_free(appender);
}
