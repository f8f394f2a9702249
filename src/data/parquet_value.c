#include <math.h>
#include <stdio.h>

#include "data/parquet_impl.h"

#define SECONDS_A_DAY 86400

// Rounds down, below 0 too.
static int64_t divide(int64_t a, int64_t b, int64_t *rest) {
    int64_t q = a / b - (a % b < 0);
    *rest = a - q * b;
    return q;
}

// "2025-01-31" of days since 1970-01-01 in the Gregorian calendar, carried on before its begin. Years are counted from
// March, so that the day that leap years add comes last; 400 of them have 146097 days.
static int print_date(int64_t days, char *out, size_t size) {
    int64_t day, year = divide(days + 719468, 146097, &day) * 400; // 719468 days from 0000-03-01 to 1970-01-01
    int64_t of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= of_era * 365 + of_era / 4 - of_era / 100;
    int64_t month = (5 * day + 2) / 153; // March: 0; (153 m + 2) / 5 days before it
    day -= (153 * month + 2) / 5;
    year += of_era + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;
    return snprintf(out, size, "%04lld-%02lld-%02lld", (long long)year, (long long)month, (long long)day + 1);
}

static json_t *timestamp(const ParquetNode *leaf, int64_t value) {
    char text[96];
    int64_t fraction, second, seconds = divide(value, leaf->units_per_s, &fraction);
    int64_t days = divide(seconds, SECONDS_A_DAY, &second);
    int digits = leaf->units_per_s == 1000 ? 3 : leaf->units_per_s == 1000000 ? 6 : 9;
    int n = print_date(days, text, sizeof text);
    n += snprintf(text + n, sizeof text - (size_t)n, "T%02d:%02d:%02d.%0*lld%s", (int)(second / 3600),
                  (int)(second / 60 % 60), (int)(second % 60), digits, (long long)fraction, leaf->in_utc ? "Z" : "");
    return json_stringn(text, (size_t)n);
}

static json_t *whole(const ParquetNode *leaf, int64_t value) {
    if (leaf->meaning == PARQUET_UNSIGNED && leaf->type == PARQUET_INT32) value = (uint32_t)value;
    if (leaf->meaning == PARQUET_UNSIGNED && value < 0) return json_real((double)(uint64_t)value);
    if (leaf->meaning == PARQUET_TIMESTAMP) return timestamp(leaf, value);
    if (leaf->meaning != PARQUET_DATE) return json_integer(value);
    char text[48];
    int n = print_date(value, text, sizeof text);
    return json_stringn(text, (size_t)n);
}

json_t *parquet_value_json(const ParquetNode *leaf, const ParquetValue *value) {
    switch (leaf->type) {
    case PARQUET_BOOLEAN:
        return json_boolean(value->whole);
    case PARQUET_INT32:
    case PARQUET_INT64:
        return whole(leaf, value->whole);
    case PARQUET_FLOAT:
    case PARQUET_DOUBLE:
        return isfinite(value->real) ? json_real(value->real) : json_null();
    default:
        return json_stringn(value->bytes.ptr != NULL ? value->bytes.ptr : "", value->bytes.len);
    }
}
