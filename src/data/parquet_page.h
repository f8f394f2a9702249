// Headers of Parquet's pages; for parquet*.c alone.
#ifndef RLT_DATA_PARQUET_PAGE_H
#define RLT_DATA_PARQUET_PAGE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum PageType { PAGE_DATA = 0, PAGE_INDEX = 1, PAGE_DICTIONARY = 2, PAGE_DATA_V2 = 3 } PageType;

typedef struct PageHeader {
    int64_t type;
    int64_t unpacked_bytes, packed_bytes; // not below 0
    bool has_sum;
    uint32_t sum;     // CRC-32 of the packed bytes
    int64_t n_values; // of a data page nulls too; not below 0
    int64_t encoding;
    int64_t definition_encoding, repetition_encoding; // version 1
    int64_t definition_bytes, repetition_bytes;       // version 2: of the levels, which are not packed; not below 0
    bool packed;                                      // false: version 2 says that the codec was not used
} PageHeader;

// Reads the header at *at and steps behind it. False where it is broken, or its page is longer than [*at, end).
bool parquet_page_header(const uint8_t **at, const uint8_t *end, PageHeader *header);

#endif
