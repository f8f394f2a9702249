// A growable byte buffer with a stated maximum, and a view of bytes.
//
// Invariant: data[len] == 0 whenever data is not NULL, so `data` can be read as a C string when it holds no NUL bytes.
#ifndef RLT_BASE_BUF_H
#define RLT_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "base/mem.h"

typedef struct Str { // not owned, not NUL-terminated
    const char *ptr;
    size_t len;
} Str;

#define STR(literal) ((Str){(literal), sizeof(literal) - 1})
Str str_of(const char *c_string);
bool str_equal(Str a, Str b);
bool str_starts(Str text, Str prefix);
bool str_ends(Str text, Str suffix);
// Byte index of the first `needle` in text at or after `from`, or -1.
ptrdiff_t str_find(Str text, Str needle, size_t from);
// Byte index of the last `needle` that ends at or before `end` <= text.len, or -1.
ptrdiff_t str_find_last(Str text, Str needle, size_t end);
Str str_trim(Str text); // ASCII white space off both ends

typedef struct Buf {
    char *data;
    size_t len, cap;
    size_t max; // len never exceeds it: a bug (assert) in the buf_* that cannot fail; 0 means BUF_MAX_DEFAULT
} Buf;

#define BUF_MAX_DEFAULT ((size_t)1 << 34)

void buf_init(Buf *buf, size_t max_bytes);
void buf_free(Buf *buf);
Buf buf_in_arena(Arena *arena, size_t max_bytes); // of a fixed size; the arena's, so never buf_free'd
void buf_clear(Buf *buf);
void buf_reserve(Buf *buf, size_t extra_bytes);
void buf_add(Buf *buf, const void *bytes, size_t count);
void buf_add_str(Buf *buf, Str text);
void buf_add_text(Buf *buf, const char *c_string);
void buf_add_char(Buf *buf, char c);
void buf_printf(Buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
Str buf_str(const Buf *buf);

// UTF-8: length of the valid sequence at text[0..len) (1-4), or 0 when it is not valid UTF-8 (overlong, surrogates,
// > U+10FFFF).
size_t utf8_sequence(const char *text, size_t len);
// Appends `text` with every invalid byte sequence replaced by U+FFFD (one per maximal invalid part, as Python's
// errors="replace").
void buf_add_utf8_lossy(Buf *buf, Str text);

#endif
