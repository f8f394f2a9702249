#include <snappy-c.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "data/parquet_impl.h"

const char *parquet_codec_refused(int codec) {
    switch (codec) {
    case PARQUET_UNCOMPRESSED:
    case PARQUET_SNAPPY:
    case PARQUET_GZIP:
    case PARQUET_ZSTD:
        return NULL;
    case 3:
        return "LZO";
    case 4:
        return "BROTLI";
    case 5:
        return "LZ4";
    case 7:
        return "LZ4_RAW";
    default:
        return "of an unknown number";
    }
}

static bool unpack_gzip(Str packed, uint8_t *out, size_t out_bytes) {
    z_stream z = {0};
    if (packed.len > UINT32_MAX || out_bytes > UINT32_MAX) return false;
    if (inflateInit2(&z, 32 + MAX_WBITS) != Z_OK) mem_out_of_memory(1 << 16); // 32: gzip or zlib, by its head
    z.next_in = (Bytef *)packed.ptr, z.avail_in = (uInt)packed.len;
    z.next_out = out, z.avail_out = (uInt)out_bytes;
    int status = inflate(&z, Z_FINISH);
    bool ok = status == Z_STREAM_END && z.avail_out == 0;
    inflateEnd(&z);
    return ok;
}

static bool unpack_snappy(Str packed, uint8_t *out, size_t out_bytes) {
    size_t found = 0;
    if (snappy_uncompressed_length(packed.ptr, packed.len, &found) != SNAPPY_OK || found != out_bytes) return false;
    return snappy_uncompress(packed.ptr, packed.len, (char *)out, &found) == SNAPPY_OK && found == out_bytes;
}

bool parquet_unpack(int codec, Str packed, uint8_t *out, size_t out_bytes) {
    switch (codec) {
    case PARQUET_UNCOMPRESSED:
        if (packed.len != out_bytes) return false;
        if (out_bytes > 0) memcpy(out, packed.ptr, out_bytes);
        return true;
    case PARQUET_SNAPPY:
        return unpack_snappy(packed, out, out_bytes);
    case PARQUET_GZIP:
        return unpack_gzip(packed, out, out_bytes);
    case PARQUET_ZSTD:
        return ZSTD_decompress(out, out_bytes, packed.ptr, packed.len) == out_bytes;
    default:
        return false;
    }
}
