#include "data/records.h"

#include <string.h>

#include "base/mem.h"

typedef enum State { AT_START, IN_LINES, IN_ARRAY, AFTER_ARRAY } State;

struct Records {
    ByteReader *bytes;
    size_t max_record_bytes;
    State state;
    Str block; // what is left of the reader's block
    Buf record;
    size_t number;
    bool array_element_due; // a comma came: the array may not end before the next element
};

Records *records_open(ByteReader *bytes, size_t max_record_bytes) {
    Records *made = mem_alloc(1, sizeof *made);
    made->bytes = bytes;
    made->max_record_bytes = max_record_bytes;
    buf_init(&made->record, max_record_bytes);
    return made;
}

void records_close(Records *r) {
    if (r == NULL) return;
    byte_reader_close(r->bytes);
    buf_free(&r->record);
    mem_free(r);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// 1: the block holds at least one byte; 0: the end; -1: an error.
static int have_bytes(Records *r, Error *error) {
    return r->block.len > 0 ? 1 : byte_reader_next(r->bytes, &r->block, error);
}

static void drop(Records *r, size_t count) {
    r->block.ptr += count;
    r->block.len -= count;
}

// Moves the block's first `count` bytes to the record.
static bool take(Records *r, size_t count, Error *error) {
    if (count > r->max_record_bytes - r->record.len) {
        return error_set(error, "%s:%zu: expected a %s of at most %zu bytes", byte_reader_name(r->bytes), r->number,
                         r->state == IN_ARRAY ? "row" : "line", r->max_record_bytes);
    }
    buf_add(&r->record, r->block.ptr, count);
    drop(r, count);
    return true;
}

// Passes white space over, counting lines; then the kind of file is known.
static int start(Records *r, Error *error) {
    int status;
    r->number = 1;
    while ((status = have_bytes(r, error)) == 1 && is_space(r->block.ptr[0])) {
        r->number += r->block.ptr[0] == '\n';
        drop(r, 1);
    }
    if (status != 1) return status;
    r->state = r->block.ptr[0] == '[' ? IN_ARRAY : IN_LINES;
    if (r->state == IN_ARRAY) drop(r, 1);
    r->number = r->state == IN_ARRAY ? 0 : r->number - 1;
    return 1;
}

// ---- lines

// 1: a line, blank ones too; 0: the end; -1: an error.
static int next_line(Records *r, Error *error) {
    int status = have_bytes(r, error);
    if (status != 1) return status;
    buf_clear(&r->record);
    r->number++;
    for (; status == 1; status = have_bytes(r, error)) {
        const char *newline = memchr(r->block.ptr, '\n', r->block.len);
        size_t count = newline != NULL ? (size_t)(newline - r->block.ptr) : r->block.len;
        if (!take(r, count, error)) return -1;
        if (newline == NULL) continue;
        drop(r, 1);
        break;
    }
    return status < 0 ? -1 : 1;
}

// ---- elements of an array

typedef struct Nesting {
    size_t depth;
    bool in_string, escaped;
} Nesting;

// Steps over `c`; true where it ends the element, outside which it stands.
static bool ends_element(Nesting *n, char c) {
    if (n->in_string) {
        if (!n->escaped && c == '"') n->in_string = false;
        n->escaped = !n->escaped && c == '\\';
        return false;
    }
    if (n->depth == 0 && (c == ',' || c == ']')) return true;
    if (c == '"') n->in_string = true;
    if (c == '{' || c == '[') n->depth++;
    if ((c == '}' || c == ']') && n->depth > 0) n->depth--;
    return false;
}

static int next_element(Records *r, Error *error) {
    Nesting nesting = {0};
    int status;
    buf_clear(&r->record);
    r->number++;
    while ((status = have_bytes(r, error)) == 1) {
        size_t count = 0;
        while (count < r->block.len && !ends_element(&nesting, r->block.ptr[count]))
            count++;
        bool ended = count < r->block.len;
        if (!take(r, count, error)) return -1;
        if (!ended) continue;
        bool last = r->block.ptr[0] == ']', blank = str_trim(buf_str(&r->record)).len == 0;
        drop(r, 1);
        if (blank && (!last || r->array_element_due)) {
            error_set(error, "%s:%zu: expected a row between the commas", byte_reader_name(r->bytes), r->number);
            return -1;
        }
        r->array_element_due = !last;
        if (last) r->state = AFTER_ARRAY;
        return blank ? 0 : 1;
    }
    if (status == 0) {
        error_set(error, "%s:%zu: ends inside its array", byte_reader_name(r->bytes), r->number);
        status = -1;
    }
    return status;
}

static int after_array(Records *r, Error *error) {
    int status;
    while ((status = have_bytes(r, error)) == 1 && is_space(r->block.ptr[0]))
        drop(r, 1);
    if (status != 1) return status;
    error_set(error, "%s: text after its array", byte_reader_name(r->bytes));
    return -1;
}

int records_next(Records *r, Str *record, size_t *number, Error *error) {
    int status = r->state == AT_START ? start(r, error) : 1;
    while (status == 1) {
        if (r->state == AFTER_ARRAY) return after_array(r, error);
        status = r->state == IN_ARRAY ? next_element(r, error) : next_line(r, error);
        // An array without elements goes on to what follows it.
        if (status == 0 && r->state == AFTER_ARRAY) return after_array(r, error);
        *record = str_trim(buf_str(&r->record));
        *number = r->number;
        if (status == 1 && record->len > 0) return 1;
    }
    return status;
}
