#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

bool file_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
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

char *path_join(const char *dir, const char *name) {
    if (name[0] == '/' || *dir == 0) return mem_strdup(name);
    size_t n = strlen(dir), m = strlen(name);
    bool slash = dir[n - 1] == '/';
    char *path = mem_alloc(n + m + 2, 1);
    memcpy(path, dir, n);
    if (!slash) path[n++] = '/';
    memcpy(path + n, name, m + 1);
    return path;
}

// The folder that holds `path`, to be freed.
static char *path_parent(const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

bool dir_make(const char *path, Error *error) {
    char *copy = mem_strdup(path);
    bool ok = true;
    for (char *at = copy + 1; ok; at++) {
        if (*at != '/' && *at != 0) continue;
        char held = *at;
        *at = 0;
        if (mkdir(copy, 0777) != 0 && (errno != EEXIST || !dir_exists(copy))) ok = error_set_errno(error, "%s", copy);
        *at = held;
        if (held == 0) break;
    }
    mem_free(copy);
    return ok;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

bool dir_list(const char *path, char ***names, size_t *count, Error *error) {
    DIR *dir = opendir(path);
    if (dir == NULL) return error_set_errno(error, "%s", path);
    size_t cap = 0;
    *names = NULL;
    *count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (*count == cap) {
            cap = cap * 2 + 16;
            *names = mem_realloc(*names, cap, sizeof **names);
        }
        (*names)[(*count)++] = mem_strdup(entry->d_name);
    }
    closedir(dir);
    if (*count > 0) qsort(*names, *count, sizeof **names, compare_names);
    return true;
}

bool path_remove(const char *path, Error *error) {
    struct stat info;
    if (lstat(path, &info) != 0) return errno == ENOENT || error_set_errno(error, "%s", path);
    if (S_ISDIR(info.st_mode)) {
        char **names;
        size_t count;
        if (!dir_list(path, &names, &count, error)) return false;
        bool ok = true;
        for (size_t i = 0; i < count; i++) {
            char *child = path_join(path, names[i]);
            ok = ok && path_remove(child, error);
            mem_free(child);
            mem_free(names[i]);
        }
        mem_free(names);
        if (!ok) return false;
    }
    return remove(path) == 0 || error_set_errno(error, "%s: removing", path);
}

bool file_read(const char *path, size_t max_bytes, Buf *out, Error *error) {
    buf_init(out, max_bytes);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return error_set_errno(error, "%s", path);
    char block[1 << 15];
    size_t n;
    bool ok = true;
    while (ok && (n = fread(block, 1, sizeof block, file)) > 0) {
        if (n > max_bytes - out->len) {
            ok = error_set(error, "%s: over the limit of %zu bytes", path, max_bytes);
        } else {
            buf_add(out, block, n);
        }
    }
    if (ok && ferror(file)) ok = error_set_errno(error, "%s: reading", path);
    fclose(file);
    if (!ok) buf_free(out);
    return ok;
}

bool file_map(const char *path, FileMap *map, Error *error) {
    *map = (FileMap){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    struct stat info;
    bool ok = true;
    if (fstat(fd, &info) != 0) {
        ok = error_set_errno(error, "%s", path);
    } else if (!S_ISREG(info.st_mode)) {
        ok = error_set(error, "%s: expected a regular file", path);
    } else if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) {
            ok = error_set_errno(error, "%s: mapping", path);
        } else {
            *map = (FileMap){data, (size_t)info.st_size};
        }
    }
    close(fd);
    return ok;
}

void file_unmap(FileMap *map) {
    if (map->data != NULL) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (FileMap){0};
}

// ---- lines

struct LineReader {
    FILE *file;
    char *path, *line;
    size_t cap, max_bytes, number;
};

bool line_reader_open(const char *path, size_t max_line_bytes, LineReader **reader, Error *error) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) return error_set_errno(error, "%s", path);
    struct stat info;
    if (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode)) {
        fclose(file);
        return error_set(error, "%s: is a folder, expected a file", path);
    }
    *reader = mem_alloc(1, sizeof **reader);
    **reader = (LineReader){.file = file, .path = mem_strdup(path), .max_bytes = max_line_bytes};
    return true;
}

int line_reader_next(LineReader *r, Str *line, Error *error) {
    size_t n = 0;
    int c;
    while ((c = getc_unlocked(r->file)) != EOF && c != '\n') {
        if (n == r->max_bytes) {
            error_set(error, "%s:%zu: a line over %zu bytes", r->path, r->number + 1, r->max_bytes);
            return -1;
        }
        if (n + 1 >= r->cap) {
            r->cap = r->cap * 2 + 256;
            r->line = mem_realloc(r->line, r->cap, 1);
        }
        r->line[n++] = (char)c;
    }
    if (c == EOF && ferror(r->file)) {
        error_set_errno(error, "%s: reading", r->path);
        return -1;
    }
    if (c == EOF && n == 0) return 0;
    r->number++;
    if (n > 0 && r->line[n - 1] == '\r') n--;
    *line = (Str){n > 0 ? r->line : "", n};
    return 1;
}

size_t line_reader_number(const LineReader *r) { return r->number; }

void line_reader_close(LineReader *r) {
    if (r == NULL) return;
    if (r->file != stdin) fclose(r->file);
    mem_free(r->path);
    mem_free(r->line);
    mem_free(r);
}

// ---- writing beside and renaming

struct FileWriter {
    FILE *file;
    char *path, *partial; // partial NULL: standard output
    int error_number;     // the first failure, 0: none
};

bool file_writer_open(const char *path, FileWriter **writer, Error *error) {
    FileWriter *w = mem_alloc(1, sizeof *w);
    w->path = mem_strdup(path);
    if (strcmp(path, "-") == 0) {
        w->file = stdout;
    } else {
        w->partial = mem_alloc(strlen(path) + sizeof ".partial", 1);
        strcpy(w->partial, path);
        strcat(w->partial, ".partial");
        w->file = fopen(w->partial, "wb");
    }
    if (w->file == NULL) {
        error_set_errno(error, "%s", w->partial);
        mem_free(w->path);
        mem_free(w->partial);
        mem_free(w);
        return false;
    }
    *writer = w;
    return true;
}

void file_writer_add(FileWriter *w, const void *bytes, size_t count) {
    if (w->error_number != 0 || count == 0) return;
    if (fwrite(bytes, 1, count, w->file) != count) w->error_number = errno != 0 ? errno : EIO;
}

void file_writer_add_str(FileWriter *w, Str text) { file_writer_add(w, text.ptr, text.len); }

static void writer_free(FileWriter *w) {
    mem_free(w->path);
    mem_free(w->partial);
    mem_free(w);
}

bool dir_sync(const char *path, Error *error) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    bool ok = fsync(fd) == 0 || errno == EINVAL || error_set_errno(error, "%s: syncing", path);
    close(fd);
    return ok;
}

static bool sync_parent(const char *path, Error *error) {
    char *parent = path_parent(path);
    bool ok = dir_sync(parent, error);
    mem_free(parent);
    return ok;
}

bool file_writer_commit(FileWriter *w, Error *error) {
    bool to_file = w->partial != NULL;
    if (w->error_number == 0 && fflush(w->file) != 0) w->error_number = errno;
    if (to_file && w->error_number == 0 && fsync(fileno(w->file)) != 0) w->error_number = errno;
    if (to_file && fclose(w->file) != 0 && w->error_number == 0) w->error_number = errno;
    bool ok = true;
    if (w->error_number == 0 && to_file && rename(w->partial, w->path) != 0) w->error_number = errno;
    if (w->error_number != 0) {
        errno = w->error_number;
        ok = error_set_errno(error, "%s: writing", w->path);
        if (to_file) unlink(w->partial);
    } else if (to_file) {
        ok = sync_parent(w->path, error);
    }
    writer_free(w);
    return ok;
}

void file_writer_abort(FileWriter *w) {
    if (w == NULL) return;
    if (w->partial != NULL) {
        fclose(w->file);
        unlink(w->partial);
    }
    writer_free(w);
}

bool file_write_atomic(const char *path, const void *bytes, size_t count, Error *error) {
    FileWriter *writer;
    if (!file_writer_open(path, &writer, error)) return false;
    file_writer_add(writer, bytes, count);
    return file_writer_commit(writer, error);
}

// ---- replacing folders

static char *path_with(const char *path, const char *suffix) {
    char *name = mem_alloc(strlen(path) + strlen(suffix) + 1, 1);
    strcpy(name, path);
    strcat(name, suffix);
    return name;
}

bool path_recover(const char *path, Error *error) {
    char *old = path_with(path, ".old");
    struct stat info;
    bool has_old = lstat(old, &info) == 0, has_path = lstat(path, &info) == 0, ok = true;
    if (has_old && has_path) ok = path_remove(old, error);
    if (has_old && !has_path && rename(old, path) != 0) ok = error_set_errno(error, "%s: putting back", path);
    mem_free(old);
    return ok;
}

bool path_replace(const char *from, const char *to, Error *error) {
    if (!path_recover(to, error)) return false;
    char *old = path_with(to, ".old");
    bool ok = true, is_dir = dir_exists(to);
    if (is_dir && rename(to, old) != 0) ok = error_set_errno(error, "%s: moving aside", to);
    if (ok && rename(from, to) != 0) {
        ok = error_set_errno(error, "%s: renaming to %s", from, to);
        if (is_dir && rename(old, to) != 0) ok = error_set_errno(error, "%s: moving back", to);
    }
    ok = ok && sync_parent(to, error);
    if (ok && is_dir) ok = path_remove(old, error);
    mem_free(old);
    return ok;
}

// ---- appending

struct FileAppender {
    int fd;
    char *path;
    uint64_t size;
};

bool file_appender_open(const char *path, uint64_t keep_bytes, FileAppender **appender, Error *error) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return error_set_errno(error, "%s", path);
    struct stat info;
    bool ok = fstat(fd, &info) == 0 || error_set_errno(error, "%s", path);
    if (ok && (uint64_t)info.st_size < keep_bytes) {
        ok = error_set(error, "%s: %llu bytes, expected at least %llu", path, (unsigned long long)info.st_size,
                       (unsigned long long)keep_bytes);
    }
    if (ok && (ftruncate(fd, (off_t)keep_bytes) != 0 || lseek(fd, (off_t)keep_bytes, SEEK_SET) < 0)) {
        ok = error_set_errno(error, "%s: cutting", path);
    }
    if (!ok) {
        close(fd);
        return false;
    }
    *appender = mem_alloc(1, sizeof **appender);
    **appender = (FileAppender){fd, mem_strdup(path), keep_bytes};
    return true;
}

bool file_appender_add(FileAppender *a, Str text, Error *error) {
    for (size_t done = 0; done < text.len;) {
        ssize_t n = write(a->fd, text.ptr + done, text.len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            error_set_errno(error, "%s: writing", a->path);
            // what was there before stays whole: a part of a row is taken back
            if (ftruncate(a->fd, (off_t)a->size) == 0) (void)!lseek(a->fd, (off_t)a->size, SEEK_SET);
            return false;
        }
        done += (size_t)n;
    }
    a->size += text.len;
    return true;
}

uint64_t file_appender_size(const FileAppender *a) { return a->size; }

bool file_appender_sync(FileAppender *a, Error *error) {
    return fsync(a->fd) == 0 || error_set_errno(error, "%s: syncing", a->path);
}

void file_appender_close(FileAppender *a) {
    if (a == NULL) return;
    close(a->fd);
    mem_free(a->path);
    mem_free(a);
}
