#include "base/byte_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"

#define BLOCK_BYTES ((size_t)64 << 10)
#define MAGIC_BYTES 4
#define ZSTD_WINDOW_LOG_MAX 27 // 128 MiB, what the zstd program takes by itself

typedef enum Packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD } Packing;

struct ByteReader {
    char *name;
    int fd;
    Packing packing;
    size_t max_bytes, given;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool file_ended;
    bool inside; // of a packed part: the file must not end here
    size_t in_from, in_to;
    size_t magic_bytes;
    char magic[MAGIC_BYTES];
    char in[BLOCK_BYTES];
    char out[BLOCK_BYTES];
};

static bool fill(ByteReader *r, Error *error) {
    ssize_t got;
    do
        got = read(r->fd, r->in + r->in_to, sizeof r->in - r->in_to);
    while (got < 0 && errno == EINTR);
    if (got < 0) return error_set_errno(error, "%s", r->name);
    r->in_to += (size_t)got;
    r->file_ended = got == 0;
    return true;
}

static bool start(ByteReader *r, Error *error) {
    while (r->in_to < MAGIC_BYTES && !r->file_ended) {
        if (!fill(r, error)) return false;
    }
    r->magic_bytes = r->in_to < MAGIC_BYTES ? r->in_to : MAGIC_BYTES;
    memcpy(r->magic, r->in, r->magic_bytes);
    Str magic = {r->magic, r->magic_bytes};
    if (str_starts(magic, STR("\x1f\x8b"))) {
        r->packing = PACKING_GZIP;
        if (inflateInit2(&r->gzip, 16 + MAX_WBITS) != Z_OK) mem_out_of_memory(BLOCK_BYTES);
    } else if (str_equal(magic, STR("\x28\xb5\x2f\xfd"))) {
        r->packing = PACKING_ZSTD;
        r->zstd = ZSTD_createDStream();
        if (r->zstd == NULL) mem_out_of_memory(BLOCK_BYTES);
        ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    }
    return true;
}

bool byte_reader_open(const char *path, size_t max_bytes, ByteReader **reader, Error *error) {
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set_errno(error, "%s", path);
    ByteReader *made = mem_alloc(1, sizeof *made);
    made->name = mem_strdup(standard ? "standard input" : path);
    made->fd = fd;
    made->max_bytes = max_bytes;
    if (!start(made, error)) {
        byte_reader_close(made);
        return false;
    }
    *reader = made;
    return true;
}

static bool damaged(const ByteReader *r, const char *kind, const char *why, Error *error) {
    return error_set(error, "%s: damaged %s data: %s", r->name, kind, why);
}

// One step of unpacking: takes from in[in_from, in_to), *made receives the bytes put into `out`.
static bool unpack_gzip(ByteReader *r, size_t *made, Error *error) {
    if (!r->inside && inflateReset(&r->gzip) != Z_OK) return damaged(r, "gzip", "unknown", error);
    r->gzip.next_in = (Bytef *)r->in + r->in_from;
    r->gzip.avail_in = (uInt)(r->in_to - r->in_from);
    r->gzip.next_out = (Bytef *)r->out;
    r->gzip.avail_out = sizeof r->out;
    int status = inflate(&r->gzip, Z_NO_FLUSH);
    r->in_from = r->in_to - r->gzip.avail_in;
    *made = sizeof r->out - r->gzip.avail_out;
    r->inside = status != Z_STREAM_END;
    if (status == Z_MEM_ERROR) mem_out_of_memory(BLOCK_BYTES);
    return status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR ||
           damaged(r, "gzip", r->gzip.msg != NULL ? r->gzip.msg : "unknown", error);
}

static bool unpack_zstd(ByteReader *r, size_t *made, Error *error) {
    ZSTD_inBuffer in = {r->in, r->in_to, r->in_from};
    ZSTD_outBuffer out = {r->out, sizeof r->out, 0};
    size_t status = ZSTD_decompressStream(r->zstd, &out, &in);
    if (ZSTD_isError(status)) return damaged(r, "zstd", ZSTD_getErrorName(status), error);
    r->in_from = in.pos;
    r->inside = status != 0;
    *made = out.pos;
    return true;
}

static bool give_plain(ByteReader *r, Str *bytes, Error *error) {
    if (r->in_from == r->in_to && !r->file_ended) {
        r->in_from = r->in_to = 0;
        if (!fill(r, error)) return false;
    }
    *bytes = (Str){r->in + r->in_from, r->in_to - r->in_from};
    r->in_from = r->in_to;
    return true;
}

static bool give_unpacked(ByteReader *r, Str *bytes, Error *error) {
    size_t made = 0;
    while (made == 0) {
        if (r->in_from == r->in_to && !r->file_ended) {
            r->in_from = r->in_to = 0;
            if (!fill(r, error)) return false;
        }
        if (r->in_from == r->in_to && !r->inside) break;
        // An unpacker may hold bytes back when the file has ended, so it is asked once more.
        bool last = r->file_ended && r->in_from == r->in_to;
        bool ok = r->packing == PACKING_GZIP ? unpack_gzip(r, &made, error) : unpack_zstd(r, &made, error);
        if (!ok) return false;
        if (last && made == 0 && r->inside) return error_set(error, "%s: ends inside its packed data", r->name);
    }
    *bytes = (Str){r->out, made};
    return true;
}

int byte_reader_next(ByteReader *r, Str *bytes, Error *error) {
    bool ok = r->packing == PACKING_NONE ? give_plain(r, bytes, error) : give_unpacked(r, bytes, error);
    if (!ok) return -1;
    if (bytes->len > r->max_bytes - r->given) {
        error_set(error, "%s: expected at most %zu bytes in all%s", r->name, r->max_bytes,
                  r->packing == PACKING_NONE ? "" : ", unpacked");
        return -1;
    }
    r->given += bytes->len;
    return bytes->len > 0;
}

Str byte_reader_magic(const ByteReader *r) {
    return (Str){r->magic, r->magic_bytes};
}

const char *byte_reader_name(const ByteReader *r) {
    return r->name;
}

void byte_reader_close(ByteReader *r) {
    if (r == NULL) return;
    if (r->packing == PACKING_GZIP) inflateEnd(&r->gzip);
    ZSTD_freeDStream(r->zstd);
    if (r->fd != STDIN_FILENO) close(r->fd);
    mem_free(r->name);
    mem_free(r);
}
