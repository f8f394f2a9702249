// Files: whole reads with a limit, maps, lines, and writes that are never seen half done.
#ifndef RLT_BASE_FILE_H
#define RLT_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/buf.h"
#include "base/error.h"

bool file_exists(const char *path);
bool dir_exists(const char *path);
// Size in bytes of a regular file.
MUST_CHECK bool file_size(const char *path, uint64_t *size_bytes, Error *error);
// Makes a folder and its parents; fine when it is there.
MUST_CHECK bool dir_make(const char *path, Error *error);
// Removes a file or a folder with everything in it; fine when it is not there.
MUST_CHECK bool path_remove(const char *path, Error *error);
// Names in a folder, sorted by bytes, without . and ..; free each and the array with mem_free.
MUST_CHECK bool dir_list(const char *path, char ***names, size_t *count, Error *error);
// "dir/name", to be freed with mem_free; an absolute `name` is returned as it is.
char *path_join(const char *dir, const char *name);

// Reads a whole file of at most max_bytes into `out` (initialised by this call; freed by the caller with buf_free).
MUST_CHECK bool file_read(const char *path, size_t max_bytes, Buf *out, Error *error);

// A read-only map of a whole file. Unmapped with file_unmap. An empty file has data NULL, size 0.
typedef struct FileMap {
    const uint8_t *data;
    size_t size;
} FileMap;
MUST_CHECK bool file_map(const char *path, FileMap *map, Error *error);
void file_unmap(FileMap *map);
// Bytes of a map that have been read: their pages leave the process's memory (a later read brings them back).
void file_map_forget(const void *data, size_t bytes);

// Lines of a text file, one at a time, without the newline ("\r\n" too). A line over max_line_bytes is an error that
// names the file and the line. path "-" is standard input.
typedef struct LineReader LineReader;
MUST_CHECK bool line_reader_open(const char *path, size_t max_line_bytes, LineReader **reader, Error *error);
// 1: a line, valid until the next call; 0: the end; -1: an error.
int line_reader_next(LineReader *reader, Str *line, Error *error);
size_t line_reader_number(const LineReader *reader); // of the last line, from 1
void line_reader_close(LineReader *reader);

// Writing beside and renaming: bytes go to "<path>.partial"; commit flushes, fsyncs, renames and fsyncs the folder.
// Until commit the old file, if any, is intact. A writer that is not committed must be aborted (removes the partial
// file). Write errors (a full disk) are kept and reported by commit, so single writes need no check. path "-" is standard
// output; it and a path that is a device or a pipe are written in place.
typedef struct FileWriter FileWriter;
MUST_CHECK bool file_writer_open(const char *path, FileWriter **writer, Error *error);
void file_writer_add(FileWriter *writer, const void *bytes, size_t count);
void file_writer_add_str(FileWriter *writer, Str text);
MUST_CHECK bool file_writer_commit(FileWriter *writer, Error *error); // frees the writer in either case
void file_writer_abort(FileWriter *writer);                           // NULL is fine
// The three steps in one.
MUST_CHECK bool file_write_atomic(const char *path, const void *bytes, size_t count, Error *error);
// Makes a folder's new names durable.
MUST_CHECK bool dir_sync(const char *path, Error *error);
// One process at a time writes in a folder: takes its lock, which ends with the process or with dir_unlock. A lock that
// another process holds is waited for as long as a killed one may take to go, then it is an error. Nothing is written.
MUST_CHECK bool dir_lock(const char *path, int *lock, Error *error);
void dir_unlock(int lock); // below 0: none
// Renames, then syncs the folder of `to`. An existing folder `to` is first moved aside and then removed, so that at any
// moment either the old or the new one has the name (or the old one has "<to>.old", which path_recover puts back).
// Begins with path_recover(to).
MUST_CHECK bool path_replace(const char *from, const char *to, Error *error);
// After a crash inside path_replace: if `path` is missing and "<path>.old" is there, puts it back; removes left-overs.
MUST_CHECK bool path_recover(const char *path, Error *error);

// Appending rows that survive a crash: opened with `keep_bytes`, the file is first cut to that size (a resumed run).
typedef struct FileAppender FileAppender;
MUST_CHECK bool file_appender_open(const char *path, uint64_t keep_bytes, FileAppender **appender, Error *error);
// Written through (no user-space buffer left); on a failure what was written of `text` is taken back.
MUST_CHECK bool file_appender_add(FileAppender *appender, Str text, Error *error);
uint64_t file_appender_size(const FileAppender *appender); // bytes in the file
MUST_CHECK bool file_appender_sync(FileAppender *appender, Error *error);
void file_appender_close(FileAppender *appender);

#endif
