#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

Str str_of(const char *c_string) { return (Str){c_string, strlen(c_string)}; }
bool str_equal(Str a, Str b) { return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0); }

bool str_starts(Str text, Str prefix) {
    return text.len >= prefix.len && (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

bool str_ends(Str text, Str suffix) {
    return text.len >= suffix.len &&
           (suffix.len == 0 || memcmp(text.ptr + text.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

ptrdiff_t str_find(Str text, Str needle, size_t from) {
    if (from > text.len || needle.len > text.len - from) return -1;
    if (needle.len == 0) return (ptrdiff_t)from;
    const char *found = memmem(text.ptr + from, text.len - from, needle.ptr, needle.len);
    return found == NULL ? -1 : found - text.ptr;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Str str_trim(Str text) {
    while (text.len > 0 && is_space(text.ptr[0])) text.ptr++, text.len--;
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) text.len--;
    return text;
}

void buf_init(Buf *buf, size_t max_bytes) { *buf = (Buf){.max = max_bytes > 0 ? max_bytes : BUF_MAX_DEFAULT}; }

void buf_free(Buf *buf) {
    mem_free(buf->data);
    buf->data = NULL;
    buf->len = buf->cap = 0;
}

void buf_clear(Buf *buf) {
    buf->len = 0;
    if (buf->data != NULL) buf->data[0] = 0;
}

void buf_reserve(Buf *buf, size_t extra_bytes) {
    if (buf->max == 0) buf->max = BUF_MAX_DEFAULT; // a zeroed Buf
    assert(extra_bytes <= buf->max && buf->len <= buf->max - extra_bytes);
    size_t need = buf->len + extra_bytes + 1;
    if (need <= buf->cap) return;
    size_t cap = buf->cap + buf->cap / 2;
    if (cap < need) cap = need;
    if (cap < 64) cap = 64;
    buf->data = mem_realloc(buf->data, cap, 1);
    buf->cap = cap;
}

void buf_add(Buf *buf, const void *bytes, size_t count) {
    buf_reserve(buf, count);
    if (count > 0) memcpy(buf->data + buf->len, bytes, count);
    buf->len += count;
    buf->data[buf->len] = 0;
}

void buf_add_str(Buf *buf, Str text) { buf_add(buf, text.ptr, text.len); }
void buf_add_text(Buf *buf, const char *c_string) { buf_add(buf, c_string, strlen(c_string)); }
void buf_add_char(Buf *buf, char c) { buf_add(buf, &c, 1); }

void buf_printf(Buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(n >= 0);
    buf_reserve(buf, (size_t)n);
    vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
    va_end(again);
    buf->len += (size_t)n;
}

Str buf_str(const Buf *buf) { return (Str){buf->data != NULL ? buf->data : "", buf->len}; }

// ---- UTF-8

// Length of the sequence that a lead byte announces, and the range of its second byte; 0 when it is no lead byte.
static size_t utf8_lead(uint8_t lead, uint8_t *low, uint8_t *high) {
    *low = 0x80, *high = 0xBF;
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (lead == 0xE0) *low = 0xA0;  // overlong
        if (lead == 0xED) *high = 0x9F; // surrogates
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0) *low = 0x90;
        if (lead == 0xF4) *high = 0x8F; // beyond U+10FFFF
        return 4;
    }
    return 0;
}

// Bytes at the start of text that form a valid sequence or the start of one; *whole tells which.
static size_t utf8_part(const char *text, size_t len, bool *whole) {
    uint8_t low, high;
    size_t n = utf8_lead((uint8_t)text[0], &low, &high), i = 1;
    for (; i < n && i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c < low || c > high) break;
        low = 0x80, high = 0xBF;
    }
    *whole = n > 0 && i == n;
    return i;
}

size_t utf8_sequence(const char *text, size_t len) {
    if (len == 0) return 0;
    bool whole;
    size_t n = utf8_part(text, len, &whole);
    return whole ? n : 0;
}

void buf_add_utf8_lossy(Buf *buf, Str text) {
    for (size_t i = 0; i < text.len;) {
        bool whole;
        size_t n = utf8_part(text.ptr + i, text.len - i, &whole);
        if (whole) {
            buf_add(buf, text.ptr + i, n);
        } else {
            buf_add_text(buf, "\xEF\xBF\xBD");
        }
        i += n;
    }
}
