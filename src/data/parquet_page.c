#include "data/parquet_page.h"

#include "data/thrift.h"

// DataPageHeader and DictionaryPageHeader, whose first two fields are the same.
static void read_version_1(Thrift *t, PageHeader *h) {
    for (ThriftField f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            h->n_values = thrift_int(t, &f);
            break;
        case 2:
            h->encoding = thrift_int(t, &f);
            break;
        case 3:
            if (h->type == PAGE_DATA)
                h->definition_encoding = thrift_int(t, &f);
            else
                thrift_skip(t, &f); // whether the dictionary is sorted
            break;
        case 4:
            h->repetition_encoding = thrift_int(t, &f);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
}

static void read_version_2(Thrift *t, PageHeader *h) {
    for (ThriftField f = {0}; thrift_field(t, &f);) {
        switch (f.id) {
        case 1:
            h->n_values = thrift_int(t, &f);
            break;
        case 4:
            h->encoding = thrift_int(t, &f);
            break;
        case 5:
            h->definition_bytes = thrift_int(t, &f);
            break;
        case 6:
            h->repetition_bytes = thrift_int(t, &f);
            break;
        case 7:
            h->packed = thrift_bool(t, &f);
            break;
        default:
            thrift_skip(t, &f);
        }
    }
}

bool parquet_page_header(const uint8_t **at, const uint8_t *end, PageHeader *h) {
    Thrift t = {*at, end, false};
    *h = (PageHeader){.type = -1, .unpacked_bytes = -1, .packed_bytes = -1, .packed = true};
    for (ThriftField f = {0}; thrift_field(&t, &f);) {
        bool version_1 = (f.id == 5 && h->type == PAGE_DATA) || (f.id == 7 && h->type == PAGE_DICTIONARY);
        if (f.id == 1) {
            h->type = thrift_int(&t, &f);
        } else if (f.id == 2) {
            h->unpacked_bytes = thrift_int(&t, &f);
        } else if (f.id == 3) {
            h->packed_bytes = thrift_int(&t, &f);
        } else if (f.id == 4) {
            h->has_sum = true;
            h->sum = (uint32_t)thrift_int(&t, &f);
        } else if (version_1 && thrift_struct(&t, &f)) {
            read_version_1(&t, h);
        } else if (f.id == 8 && h->type == PAGE_DATA_V2 && thrift_struct(&t, &f)) {
            read_version_2(&t, h);
        } else {
            thrift_skip(&t, &f);
        }
    }
    *at = t.at;
    return !t.bad && h->type >= 0 && h->unpacked_bytes >= 0 && h->packed_bytes >= 0 && h->packed_bytes <= end - t.at &&
           h->n_values >= 0 && h->definition_bytes >= 0 && h->repetition_bytes >= 0;
}
