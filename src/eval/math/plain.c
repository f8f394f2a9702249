// Answers that are no formula: the letter of a choice, a time of the day, words.
#include <ctype.h>
#include <string.h>

#include "eval/math/parse_impl.h"

static const Term *text_term(Arena *arena, Str words) {
    Term *t = term_new(arena, TERM_TEXT, 0);
    t->name = (Str){arena_strndup(arena, words.ptr, words.len), words.len};
    return t;
}

// The content of \text{...} and its like where that is the whole; else the text
static Str unwrap(Str text) {
    static const char *const commands[] = {"\\text{", "\\textbf{", "\\mathrm{", "\\mbox{", "\\textrm{"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        Str open = str_of(commands[i]);
        if (!str_starts(text, open) || !str_ends(text, STR("}"))) continue;
        Str inner = {text.ptr + open.len, text.len - open.len - 1};
        if (memchr(inner.ptr, '{', inner.len) == NULL && memchr(inner.ptr, '}', inner.len) == NULL)
            return str_trim(inner);
    }
    return text;
}

static bool is_choice(Str text, Str *letter) { // (A)
    if (text.len != 3 || text.ptr[0] != '(' || text.ptr[2] != ')') return false;
    if (text.ptr[1] < 'A' || text.ptr[1] > 'J') return false;
    *letter = (Str){text.ptr + 1, 1};
    return true;
}

// ---- Times: 4:30 p.m., 20:34:00, 9:05 ----

typedef struct Clock {
    Str rest;
    int hours, minutes, seconds; // -1: not given
    char half;                   // 'a', 'p' or 0
} Clock;

#define TIME_MAX_BYTES 40

static void without_wraps(Str text, Buf *out) { // 4{:}30 \text{ p.m.} -> 4:30 p.m.
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\') {
            while (i + 1 < text.len && isalpha((unsigned char)text.ptr[i + 1]))
                i++;
            if (i + 1 < text.len && strchr(",;! ", text.ptr[i + 1]) != NULL) i++;
        } else if (strchr("{}~$", text.ptr[i]) == NULL) {
            buf_add_char(out, text.ptr[i]);
        }
    }
}

static int read_two(Str *rest, size_t least) {
    size_t n = 0;
    int value = 0;
    while (n < rest->len && n < 2 && isdigit((unsigned char)rest->ptr[n]))
        value = 10 * value + rest->ptr[n++] - '0';
    if (n < least) return -1;
    *rest = (Str){rest->ptr + n, rest->len - n};
    return value;
}

static bool skip(Str *rest, char c) {
    if (rest->len == 0 || tolower((unsigned char)rest->ptr[0]) != c) return false;
    *rest = (Str){rest->ptr + 1, rest->len - 1};
    return true;
}

static bool read_half(Clock *t) {
    t->rest = str_trim(t->rest);
    if (t->rest.len == 0) return true;
    t->half = (char)tolower((unsigned char)t->rest.ptr[0]);
    if ((t->half != 'a' && t->half != 'p') || !skip(&t->rest, t->half)) return false;
    skip(&t->rest, '.');
    if (!skip(&t->rest, 'm')) return false;
    skip(&t->rest, '.');
    return t->rest.len == 0;
}

// A ratio such as 3:10 is no time: seconds, a half of the day or minutes below ten show one.
static bool is_time(Str text, Buf *out) {
    Clock t = {.rest = text, .minutes = -1, .seconds = -1};
    t.hours = read_two(&t.rest, 1);
    if (t.hours < 0 || t.hours > 24 || !skip(&t.rest, ':')) return false;
    t.minutes = read_two(&t.rest, 2);
    if (t.minutes < 0 || t.minutes > 59) return false;
    if (skip(&t.rest, ':')) {
        t.seconds = read_two(&t.rest, 2);
        if (t.seconds < 0 || t.seconds > 59) return false;
    }
    if (!read_half(&t) || (t.seconds < 0 && t.half == 0 && t.minutes > 9)) return false;
    buf_printf(out, "%d:%02d", t.hours, t.minutes);
    if (t.seconds > 0) buf_printf(out, ":%02d", t.seconds);
    if (t.half != 0) buf_printf(out, " %cm", t.half);
    return true;
}

// ---- Words ----

static bool is_prose(Str text) { // words and their punctuation, three letters in a row somewhere
    size_t run = 0, longest = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!isalnum((unsigned char)c) && strchr(" '-.,:;()&?!/\n", c) == NULL) return false;
        run = isalpha((unsigned char)c) ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    return longest >= 3;
}

static bool has_meaning(Str word) {
    return word_function(word) != NULL || word_constant(word) != NULL || word_sign(word) != 0 ||
           word_number(word) != NULL;
}

// Three words or more without a sign or a letter that could be a variable
static bool is_sentence(Str text) {
    size_t words = 0;
    for (size_t i = 0; i < text.len;) {
        size_t n = 0;
        while (i + n < text.len && (isalpha((unsigned char)text.ptr[i + n]) || text.ptr[i + n] == '\''))
            n++;
        Str word = {text.ptr + i, n};
        if (n == 0 && text.ptr[i] != ' ' && text.ptr[i] != ',') return false;
        if (n == 1 && strchr("aAI", word.ptr[0]) == NULL) return false;
        if (n > 0 && (has_meaning(word) || word_is_unit(word))) return false;
        words += n > 0;
        i += n > 0 ? n : 1;
    }
    return words >= 3;
}

bool parse_plain(Str tidy, bool prose, Arena *arena, const Term **term) {
    Str text = unwrap(tidy), letter;
    if (prose) {
        if (!is_prose(text)) return false;
        *term = text_term(arena, text);
        return true;
    }
    if (is_choice(text, &letter)) {
        *term = text_term(arena, letter);
        return true;
    }
    const char *constant = word_constant(text);
    if (constant != NULL) {
        *term = term_named(arena, TERM_CONSTANT, constant, 0);
        return true;
    }
    if (word_is_reals(text)) {
        *term = term_named(arena, TERM_SYMBOL, "\\mathbb{R}", 0);
        return true;
    }
    if (word_is_empty_set(text)) {
        *term = term_new(arena, TERM_SET, 0);
        return true;
    }
    if (is_sentence(text)) {
        *term = text_term(arena, text);
        return true;
    }
    if (tidy.len > TIME_MAX_BYTES) return false;
    Buf bare, out;
    buf_init(&bare, 0);
    buf_init(&out, 0);
    without_wraps(tidy, &bare);
    bool time = is_time(buf_str(&bare), &out);
    if (time) *term = text_term(arena, buf_str(&out));
    buf_free(&bare);
    buf_free(&out);
    return time;
}
