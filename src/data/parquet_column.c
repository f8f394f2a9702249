// A column's pages, one at a time, as entries: repetition level, definition level, and a value where there is one.
#include <string.h>
#include <zlib.h>

#include "data/parquet_impl.h"
#include "data/parquet_page.h"

typedef enum Encoding { // numbers of the format
    ENCODING_PLAIN = 0,
    ENCODING_PLAIN_DICTIONARY = 2,
    ENCODING_RLE = 3,
    ENCODING_RLE_DICTIONARY = 8,
} Encoding;

struct ParquetColumn {
    const char *path;
    const ParquetSchema *schema;
    size_t leaf;
    const ParquetNode *node;
    size_t *unpacked_left;
    const uint8_t *file;
    const ParquetChunk *chunk;
    const uint8_t *at, *end;        // pages of the chunk that are not read yet
    uint64_t chunk_left, page_left; // entries
    Buf page;
    ParquetRuns repetitions, definitions;
    Encoding encoding;
    ParquetRuns indices; // of a dictionary; of BOOLEAN in RLE: the values
    const uint8_t *plain, *plain_end;
    unsigned plain_bit; // of BOOLEAN
    Buf dictionary;
    Str *entries; // [n_entries] of the dictionary
    size_t n_entries;
    bool has_dictionary;
    bool looked; // at the entry that is next
    uint8_t repetition, definition;
    ParquetValue value;
};

ParquetColumn *parquet_column_open(const char *path, const ParquetSchema *schema, size_t leaf, size_t *unpacked_left) {
    ParquetColumn *c = mem_alloc(1, sizeof *c);
    c->path = path;
    c->schema = schema;
    c->leaf = leaf;
    c->node = &schema->nodes[schema->leaves[leaf]];
    c->unpacked_left = unpacked_left;
    buf_init(&c->page, PARQUET_PAGE_MAX_BYTES + 1);
    buf_init(&c->dictionary, PARQUET_PAGE_MAX_BYTES + 1);
    return c;
}

void parquet_column_close(ParquetColumn *c) {
    if (c == NULL) return;
    buf_free(&c->page);
    buf_free(&c->dictionary);
    mem_free(c->entries);
    mem_free(c);
}

void parquet_column_start(ParquetColumn *c, Str file, const ParquetChunk *chunk) {
    c->file = (const uint8_t *)file.ptr;
    c->chunk = chunk;
    c->at = c->file + chunk->from;
    c->end = c->file + chunk->to;
    c->chunk_left = chunk->n_values;
    c->page_left = 0;
    c->has_dictionary = c->looked = false;
}

bool parquet_column_error(const ParquetColumn *c, const char *what, Error *error) {
    char name[256];
    parquet_column_name(c->schema, c->leaf, name, sizeof name);
    return error_set(error, "%s: column \"%s\": %s", c->path, name, what);
}

// ---- unpacking

// Takes the bytes of `out_bytes` unpacked ones off the page; `store` holds them where they are packed.
static bool unpack(ParquetColumn *c, const PageHeader *h, Str packed, size_t out_bytes, Buf *store, Str *out,
                   Error *error) {
    if (out_bytes > PARQUET_PAGE_MAX_BYTES) return parquet_column_error(c, "a page is too large", error);
    if (out_bytes > *c->unpacked_left) return parquet_column_error(c, "unpacks to more bytes than are allowed", error);
    *c->unpacked_left -= out_bytes;
    int codec = h->packed ? c->chunk->codec : PARQUET_UNCOMPRESSED;
    if (codec == PARQUET_UNCOMPRESSED) {
        *out = packed;
        return packed.len == out_bytes || parquet_column_error(c, "a page's size is wrong", error);
    }
    buf_clear(store);
    buf_reserve(store, out_bytes);
    // A page of nulls alone may have no bytes at all.
    if (out_bytes > 0 && !parquet_unpack(codec, packed, (uint8_t *)store->data, out_bytes))
        return parquet_column_error(c, "a page's packed bytes are damaged", error);
    *out = (Str){store->data, out_bytes};
    return true;
}

// ---- the dictionary

static size_t plain_bytes(ParquetType type) {
    return type == PARQUET_INT32 || type == PARQUET_FLOAT ? 4 : type == PARQUET_INT64 || type == PARQUET_DOUBLE ? 8 : 0;
}

static uint64_t read_le(const uint8_t *at, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

// The next PLAIN value's bytes, without the length before a BYTE_ARRAY.
static bool cut_plain(ParquetType type, const uint8_t **at, const uint8_t *end, Str *value) {
    size_t have = (size_t)(end - *at), bytes = plain_bytes(type);
    if (type == PARQUET_BYTE_ARRAY) {
        if (have < 4) return false;
        bytes = read_le(*at, 4);
        *at += 4;
        have -= 4;
    }
    if (bytes > have) return false;
    *value = (Str){(const char *)*at, bytes};
    *at += bytes;
    return true;
}

static bool read_dictionary(ParquetColumn *c, const PageHeader *h, Str packed, Error *error) {
    Str bytes;
    if (c->has_dictionary || c->chunk_left < c->chunk->n_values)
        return parquet_column_error(c, "a second dictionary", error);
    if (c->node->type == PARQUET_BOOLEAN || (h->encoding != ENCODING_PLAIN && h->encoding != ENCODING_PLAIN_DICTIONARY))
        return parquet_column_error(c, "a dictionary of an unknown kind", error);
    if ((uint64_t)h->unpacked_bytes > PARQUET_DICTIONARY_MAX_BYTES)
        return parquet_column_error(c, "its dictionary is too large", error);
    if (!unpack(c, h, packed, (size_t)h->unpacked_bytes, &c->dictionary, &bytes, error)) return false;
    size_t least = c->node->type == PARQUET_BYTE_ARRAY ? 4 : plain_bytes(c->node->type);
    if ((uint64_t)h->n_values > bytes.len / least)
        return parquet_column_error(c, "its dictionary ends too early", error);
    c->n_entries = (size_t)h->n_values;
    c->entries = mem_realloc(c->entries, c->n_entries, sizeof *c->entries);
    const uint8_t *at = (const uint8_t *)bytes.ptr, *end = bytes.len > 0 ? at + bytes.len : at;
    for (size_t i = 0; i < c->n_entries; i++) {
        if (!cut_plain(c->node->type, &at, end, &c->entries[i]))
            return parquet_column_error(c, "its dictionary ends too early", error);
    }
    c->has_dictionary = true;
    return true;
}

// ---- data pages

static Str cut(Str *bytes, size_t count) {
    Str front = {bytes->ptr, count};
    bytes->ptr += count;
    bytes->len -= count;
    return front;
}

// Bytes behind their own length of four bytes.
static bool cut_counted(Str *bytes, Str *out) {
    if (bytes->len < 4) return false;
    size_t count = read_le((const uint8_t *)bytes->ptr, 4);
    cut(bytes, 4);
    if (count > bytes->len) return false;
    *out = cut(bytes, count);
    return true;
}

static unsigned bits_for(unsigned max) {
    unsigned bits = 0;
    while (max >> bits != 0)
        bits++;
    return bits;
}

// Sets up the levels, and leaves in `bytes` what is behind them.
static bool start_levels_v1(ParquetColumn *c, const PageHeader *h, Str packed, Str *bytes, Error *error) {
    Str repetitions = {0}, definitions = {0};
    if (!unpack(c, h, packed, (size_t)h->unpacked_bytes, &c->page, bytes, error)) return false;
    bool repeats = c->node->repetition_level > 0, defines = c->node->definition > 0;
    if ((repeats && h->repetition_encoding != ENCODING_RLE) || (defines && h->definition_encoding != ENCODING_RLE))
        return parquet_column_error(c, "levels in encoding BIT_PACKED are not read", error);
    if ((repeats && !cut_counted(bytes, &repetitions)) || (defines && !cut_counted(bytes, &definitions)))
        return parquet_column_error(c, "a page ends inside its levels", error);
    c->repetitions = parquet_runs(repetitions, bits_for(c->node->repetition_level));
    c->definitions = parquet_runs(definitions, bits_for(c->node->definition));
    return true;
}

static bool start_levels_v2(ParquetColumn *c, const PageHeader *h, Str packed, Str *bytes, Error *error) {
    uint64_t levels = (uint64_t)h->repetition_bytes + (uint64_t)h->definition_bytes;
    if (levels > packed.len || levels > (uint64_t)h->unpacked_bytes)
        return parquet_column_error(c, "a page ends inside its levels", error);
    c->repetitions = parquet_runs(cut(&packed, (size_t)h->repetition_bytes), bits_for(c->node->repetition_level));
    c->definitions = parquet_runs(cut(&packed, (size_t)h->definition_bytes), bits_for(c->node->definition));
    return unpack(c, h, packed, (size_t)((uint64_t)h->unpacked_bytes - levels), &c->page, bytes, error);
}

static bool refuse_encoding(const ParquetColumn *c, int64_t encoding, Error *error) {
    static const char *const names[] = {
        "PLAIN",          "GROUP_VAR_INT",       "PLAIN_DICTIONARY",        "RLE",
        "BIT_PACKED",     "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY",
        "RLE_DICTIONARY", "BYTE_STREAM_SPLIT"};
    char what[80];
    snprintf(what, sizeof what, "encoding %s is not read",
             encoding >= 0 && encoding < 10 ? names[encoding] : "of an unknown number");
    return parquet_column_error(c, what, error);
}

static bool start_values(ParquetColumn *c, int64_t encoding, Str bytes, Error *error) {
    c->encoding = (Encoding)encoding;
    c->plain = (const uint8_t *)bytes.ptr;
    c->plain_end = bytes.len > 0 ? c->plain + bytes.len : c->plain;
    c->plain_bit = 0;
    if (encoding == ENCODING_PLAIN) return true;
    if (encoding == ENCODING_RLE && c->node->type == PARQUET_BOOLEAN) {
        Str runs = {0};
        if (bytes.len > 0 && !cut_counted(&bytes, &runs))
            return parquet_column_error(c, "a page ends too early", error);
        c->indices = parquet_runs(runs, 1);
        return true;
    }
    if (encoding != ENCODING_PLAIN_DICTIONARY && encoding != ENCODING_RLE_DICTIONARY)
        return refuse_encoding(c, encoding, error);
    if (!c->has_dictionary) return parquet_column_error(c, "its dictionary is missing", error);
    c->encoding = ENCODING_RLE_DICTIONARY;
    unsigned width = bytes.len > 0 ? *(const uint8_t *)bytes.ptr : 0; // none where all is null
    if (width > 32) return parquet_column_error(c, "dictionary indices of more than 32 bits", error);
    if (bytes.len > 0) cut(&bytes, 1);
    c->indices = parquet_runs(bytes, width);
    return true;
}

static bool start_page(ParquetColumn *c, Error *error) {
    PageHeader h;
    if (!parquet_page_header(&c->at, c->end, &h)) return parquet_column_error(c, "a broken page header", error);
    Str packed = {(const char *)c->at, (size_t)h.packed_bytes}, bytes;
    c->at += h.packed_bytes;
    if (h.has_sum && (uint32_t)crc32_z(0, (const Bytef *)packed.ptr, packed.len) != h.sum)
        return parquet_column_error(c, "a page does not have its check sum", error);
    if (h.type == PAGE_DICTIONARY) return read_dictionary(c, &h, packed, error);
    if (h.type != PAGE_DATA && h.type != PAGE_DATA_V2) return true; // an index, or what a later format has
    if ((uint64_t)h.n_values > c->chunk_left) return parquet_column_error(c, "more values than its footer says", error);
    c->page_left = (uint64_t)h.n_values;
    bool ok = h.type == PAGE_DATA ? start_levels_v1(c, &h, packed, &bytes, error)
                                  : start_levels_v2(c, &h, packed, &bytes, error);
    return ok && start_values(c, h.encoding, bytes, error);
}

// ---- entries

static bool next_bytes(ParquetColumn *c, Str *bytes) {
    if (c->encoding == ENCODING_PLAIN) return cut_plain(c->node->type, &c->plain, c->plain_end, bytes);
    uint32_t index;
    if (!parquet_runs_next(&c->indices, &index) || index >= c->n_entries) return false;
    *bytes = c->entries[index];
    return true;
}

static bool next_boolean(ParquetColumn *c) {
    uint32_t bit;
    if (c->encoding == ENCODING_RLE) {
        if (!parquet_runs_next(&c->indices, &bit)) return false;
    } else {
        if (c->plain == c->plain_end) return false;
        bit = *c->plain >> c->plain_bit & 1;
        c->plain_bit = (c->plain_bit + 1) % 8;
        c->plain += c->plain_bit == 0;
    }
    c->value.whole = bit;
    return true;
}

static bool next_value(ParquetColumn *c) {
    if (c->node->type == PARQUET_BOOLEAN) return next_boolean(c);
    Str bytes;
    if (!next_bytes(c, &bytes)) return false;
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    float single;
    switch (c->node->type) {
    case PARQUET_INT32:
        c->value.whole = (int32_t)(uint32_t)read_le(at, 4);
        break;
    case PARQUET_INT64:
        c->value.whole = (int64_t)read_le(at, 8);
        break;
    case PARQUET_FLOAT:
        memcpy(&single, &(uint32_t){(uint32_t)read_le(at, 4)}, sizeof single);
        c->value.real = single;
        break;
    case PARQUET_DOUBLE:
        memcpy(&c->value.real, &(uint64_t){read_le(at, 8)}, sizeof c->value.real);
        break;
    default:
        c->value.bytes = bytes;
    }
    return true;
}

static bool next_level(ParquetRuns *runs, unsigned max, uint8_t *level) {
    uint32_t value = 0;
    if (max > 0 && (!parquet_runs_next(runs, &value) || value > max)) return false;
    *level = (uint8_t)value;
    return true;
}

int parquet_column_peek(ParquetColumn *c, Error *error) {
    if (c->looked) return 1;
    if (c->chunk_left == 0) return 0;
    while (c->page_left == 0) {
        if (c->at == c->end) {
            parquet_column_error(c, "fewer values than its footer says", error);
            return -1;
        }
        if (!start_page(c, error)) return -1;
    }
    if (!next_level(&c->repetitions, c->node->repetition_level, &c->repetition) ||
        !next_level(&c->definitions, c->node->definition, &c->definition)) {
        parquet_column_error(c, "broken levels", error);
        return -1;
    }
    if (c->definition == c->node->definition && !next_value(c)) {
        parquet_column_error(c, "a page ends too early, or an index is beyond its dictionary", error);
        return -1;
    }
    c->page_left--;
    c->chunk_left--;
    c->looked = true;
    return 1;
}

uint8_t parquet_column_repetition(const ParquetColumn *c) {
    return c->repetition;
}

uint8_t parquet_column_definition(const ParquetColumn *c) {
    return c->definition;
}

const ParquetValue *parquet_column_value(const ParquetColumn *c) {
    return &c->value;
}

void parquet_column_pass(ParquetColumn *c) {
    c->looked = false;
}
