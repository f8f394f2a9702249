#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"

// ---- Views ----

Str str_of(const char *c_string) { return (Str){c_string, strlen(c_string)}; }

bool str_equal(Str a, Str b) { return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0); }

bool str_starts(Str text, Str prefix) {
    return text.len >= prefix.len && str_equal((Str){text.ptr, prefix.len}, prefix);
}

bool str_ends(Str text, Str suffix) {
    return text.len >= suffix.len && str_equal((Str){text.ptr + (text.len - suffix.len), suffix.len}, suffix);
}

ptrdiff_t str_find(Str text, Str needle, size_t from) {
    if (from > text.len || needle.len > text.len - from) return -1;
    if (needle.len == 0) return (ptrdiff_t)from;
    const char *found = memmem(text.ptr + from, text.len - from, needle.ptr, needle.len);
    return found != NULL ? found - text.ptr : -1;
}

ptrdiff_t str_find_last(Str text, Str needle, size_t end) {
    assert(end <= text.len);
    for (size_t at = end; at >= needle.len; at--) {
        if (needle.len == 0 || memcmp(text.ptr + at - needle.len, needle.ptr, needle.len) == 0)
            return (ptrdiff_t)(at - needle.len);
    }
    return -1;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Str str_trim(Str text) {
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) text.len--;
    return text;
}

// ---- Buffers ----

static size_t max_of(const Buf *buf) { return buf->max > 0 ? buf->max : BUF_MAX_DEFAULT; }

void buf_init(Buf *buf, size_t max_bytes) { *buf = (Buf){.max = max_bytes}; }

Buf buf_in_arena(Arena *arena, size_t max_bytes) {
    size_t cap = max_bytes + 1; // the NUL
    return (Buf){.data = arena_alloc(arena, cap, 1), .cap = cap, .max = max_bytes > 0 ? max_bytes : 1};
}

void buf_free(Buf *buf) {
    mem_free(buf->data);
    *buf = (Buf){.max = buf->max};
}

void buf_clear(Buf *buf) {
    buf->len = 0;
    if (buf->data != NULL) buf->data[0] = '\0';
}

void buf_reserve(Buf *buf, size_t extra_bytes) {
    assert(buf->len <= max_of(buf));
    if (extra_bytes > max_of(buf) - buf->len) {
        assert(!"a buffer over its maximum");
        mem_out_of_memory(extra_bytes); // stops the program in builds without asserts too
    }
    size_t need = buf->len + extra_bytes + 1; // the NUL at the end; the maximum is far from SIZE_MAX
    if (need <= buf->cap) return;
    size_t cap = buf->cap + buf->cap / 2;
    if (cap < 64) cap = 64;
    if (cap > max_of(buf)) cap = max_of(buf) + 1;
    if (cap < need) cap = need;
    buf->data = mem_realloc(buf->data, cap, 1);
    buf->cap = cap;
    buf->data[buf->len] = '\0';
}

void buf_add(Buf *buf, const void *bytes, size_t count) {
    buf_reserve(buf, count);
    if (count > 0) memcpy(buf->data + buf->len, bytes, count);
    buf->len += count;
    buf->data[buf->len] = '\0';
}

void buf_add_str(Buf *buf, Str text) { buf_add(buf, text.ptr, text.len); }
void buf_add_text(Buf *buf, const char *c_string) { buf_add(buf, c_string, strlen(c_string)); }
void buf_add_char(Buf *buf, char c) { buf_add(buf, &c, 1); }

void buf_printf(Buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int count = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(count >= 0);
    buf_reserve(buf, (size_t)count);
    vsnprintf(buf->data + buf->len, (size_t)count + 1, format, again);
    va_end(again);
    buf->len += (size_t)count;
}

Str buf_str(const Buf *buf) { return (Str){buf->data != NULL ? buf->data : "", buf->len}; }

// ---- UTF-8 ----

// The well-formed sequences of The Unicode Standard, table 3-7: after a first byte, how many bytes follow and the range
// of the second one (it rules out overlong forms, surrogates and values over U+10FFFF); the others lie in 80..BF.
typedef struct Lead { int following; uint8_t second_min, second_max; } Lead;

static Lead utf8_lead(uint8_t byte) {
    if (byte < 0x80) return (Lead){0, 0, 0};
    if (byte >= 0xC2 && byte <= 0xDF) return (Lead){1, 0x80, 0xBF};
    if (byte == 0xE0) return (Lead){2, 0xA0, 0xBF};
    if (byte == 0xED) return (Lead){2, 0x80, 0x9F};
    if (byte >= 0xE1 && byte <= 0xEF) return (Lead){2, 0x80, 0xBF};
    if (byte == 0xF0) return (Lead){3, 0x90, 0xBF};
    if (byte >= 0xF1 && byte <= 0xF3) return (Lead){3, 0x80, 0xBF};
    if (byte == 0xF4) return (Lead){3, 0x80, 0x8F};
    return (Lead){-1, 0, 0};
}

// The length of the longest prefix of text (at least 1 byte) that is a sequence or begins one; *valid tells which.
static size_t utf8_scan(const char *text, size_t len, bool *valid) {
    Lead lead = utf8_lead((uint8_t)text[0]);
    *valid = false;
    if (lead.following < 0) return 1;
    for (size_t i = 1; i <= (size_t)lead.following; i++) {
        if (i == len) return i;
        uint8_t byte = (uint8_t)text[i];
        uint8_t low = i == 1 ? lead.second_min : 0x80, high = i == 1 ? lead.second_max : 0xBF;
        if (byte < low || byte > high) return i;
    }
    *valid = true;
    return (size_t)lead.following + 1;
}

size_t utf8_sequence(const char *text, size_t len) {
    if (len == 0) return 0;
    bool valid;
    size_t bytes = utf8_scan(text, len, &valid);
    return valid ? bytes : 0;
}

void buf_add_utf8_lossy(Buf *buf, Str text) {
    size_t good_from = 0;
    for (size_t i = 0; i < text.len;) {
        bool valid;
        size_t bytes = utf8_scan(text.ptr + i, text.len - i, &valid);
        if (!valid) {
            buf_add(buf, text.ptr + good_from, i - good_from);
            buf_add_text(buf, "\xEF\xBF\xBD");
            good_from = i + bytes;
        }
        i += bytes;
    }
    if (text.len > good_from) buf_add(buf, text.ptr + good_from, text.len - good_from);
}
