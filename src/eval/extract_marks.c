// Marks of LaTeX in which answers stand: boxes and math.
#include "base/mem.h"
#include "eval/extract_impl.h"

#include <string.h>

// An outermost box that closed: its bytes with \boxed{}, its inside, and where the list of boxes that it ends begins.
typedef struct Box {
    bool is_set;
    size_t from, to, inside_from, inside_to, list_from;
} Box;

typedef struct OpenBox {
    size_t from, brace; // places of the backslash and of the brace
    size_t depth;       // open braces, its own included
    Box before;         // the last box when this one opened: what it is a list with
} OpenBox;

typedef struct Boxes {
    OpenBox *items; // a stack
    size_t count, capacity;
    size_t depth; // braces open now
    Box last;
} Boxes;

// Whether "\boxed" or "\fbox" ends at text[at]; *from: its backslash.
static bool box_command_before(Str text, size_t at, size_t *from) {
    static const Str names[] = {{"\\boxed", 6}, {"\\fbox", 5}};
    for (size_t i = 0; i < 2; i++) {
        if (at >= names[i].len && memcmp(text.ptr + at - names[i].len, names[i].ptr, names[i].len) == 0) {
            *from = at - names[i].len;
            return true;
        }
    }
    return false;
}

static void close_box(Str text, Box box, Box before, Box *last) {
    Str inside = extract_slice(text, box.inside_from, box.inside_to);
    if (inside.len == 0) return;
    // \boxed{\boxed{5}}: the inner inside stays
    if (last->is_set && last->from == (size_t)(inside.ptr - text.ptr) && last->to == last->from + inside.len) {
        box.inside_from = last->inside_from;
        box.inside_to = last->inside_to;
    }
    box.is_set = true;
    box.list_from =
        before.is_set && extract_is_connector(text, before.to, box.from, false) ? before.list_from : box.from;
    *last = box;
}

// "\boxed 5", "\boxed -\frac{1}{2}$": to white space, $ or \) outside of braces.
static size_t bare_box_end(Str text, size_t at) {
    size_t depth = 0;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '{') depth++;
        if (c == '}' && depth-- == 0) break;
        if (depth > 0) continue;
        if (extract_is_space(c) || c == '$') break;
        if (c == '\\' && at + 1 < text.len && strchr(")]\\", text.ptr[at + 1]) != NULL) break;
    }
    return at;
}

// A box without braces that begins with the backslash at text[*at]; moves *at beyond it.
static void take_bare_box(Str text, size_t *at, Box *last) {
    size_t end = *at + 1;
    while (end < text.len && extract_is_letter(text.ptr[end])) end++;
    size_t from, inside = end;
    if (end == *at + 1 || !box_command_before(text, end, &from) || from != *at) return;
    while (inside < text.len && (text.ptr[inside] == ' ' || text.ptr[inside] == '\t')) inside++;
    if (inside >= text.len || text.ptr[inside] == '{') {
        *at = inside - 1; // the brace is the next byte looked at
        return;
    }
    if (inside == end) return; // "\boxed(" and the like
    size_t to = bare_box_end(text, inside);
    while (to > inside && strchr(".,;", text.ptr[to - 1]) != NULL) to--;
    close_box(text, (Box){.from = from, .to = to, .inside_from = inside, .inside_to = to}, *last, last);
    *at = to - (to > from);
}

static void open_brace(Boxes *boxes, Str text, size_t at) {
    boxes->depth++;
    size_t command = at, from;
    while (command > 0 && (text.ptr[command - 1] == ' ' || text.ptr[command - 1] == '\t')) command--;
    if (!box_command_before(text, command, &from)) return;
    if (boxes->count == boxes->capacity) {
        boxes->capacity = boxes->capacity > 0 ? 2 * boxes->capacity : 16;
        boxes->items = mem_realloc(boxes->items, boxes->capacity, sizeof *boxes->items);
    }
    boxes->items[boxes->count++] = (OpenBox){from, at, boxes->depth, boxes->last};
}

static void close_brace(Boxes *boxes, Str text, size_t at) {
    if (boxes->depth == 0) return;
    boxes->depth--;
    if (boxes->count == 0 || boxes->items[boxes->count - 1].depth != boxes->depth + 1) return;
    OpenBox open = boxes->items[--boxes->count];
    Box box = {.from = open.from, .to = at + 1, .inside_from = open.brace + 1, .inside_to = at};
    close_box(text, box, open.before, &boxes->last);
}

Str extract_last_boxed(Str text) {
    if (str_find(text, STR("boxed"), 0) < 0 && str_find(text, STR("fbox"), 0) < 0) return EXTRACT_NOTHING;
    Boxes boxes = {0};
    for (size_t at = 0; at < text.len; at++) {
        char c = text.ptr[at], next = at + 1 < text.len ? text.ptr[at + 1] : ' ';
        if (c == '\\' && (next == '{' || next == '}')) {
            at++;
        } else if (c == '\\' && next == '\\') {
            // "\\boxed", as in texts that were escaped twice, is a box; "\\" before anything else a new line
            at += at + 2 >= text.len || strchr("bf", text.ptr[at + 2]) == NULL;
        } else if (c == '\\') {
            take_bare_box(text, &at, &boxes.last);
        } else if (c == '{') {
            open_brace(&boxes, text, at);
        } else if (c == '}') {
            close_brace(&boxes, text, at);
        }
    }
    mem_free(boxes.items);
    const Box *last = &boxes.last;
    if (!last->is_set) return EXTRACT_NOTHING;
    if (last->list_from < last->from) return extract_slice(text, last->list_from, last->to);
    Str inside = extract_slice(text, last->inside_from, last->inside_to), tidy = extract_tidy(inside);
    return tidy.len > 0 ? tidy : inside; // \boxed{.}
}

static bool is_blank_line(Str text, size_t at) { // a new line, at text[at], that is followed by another
    do at++;
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t' || text.ptr[at] == '\r'));
    return at < text.len && text.ptr[at] == '\n';
}

static bool two_at(Str text, size_t at, char a, char b) {
    return at + 1 < text.len && text.ptr[at] == a && text.ptr[at + 1] == b;
}

// The place of the mark that closes the math whose inside begins at text[at]; text.len where there is none. Another
// opening mark, or the end of the paragraph, ends the search: so all searches of one text together are linear.
static size_t find_close(Str text, size_t at, bool dollar, size_t n_marks, char close) {
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '\n' && is_blank_line(text, at)) return text.len;
        if (c == '\\' && at + 1 < text.len) {
            char next = text.ptr[at + 1];
            if (!dollar && next == close) return at;
            if (next == '(' || next == '[') return text.len;
            at++;
        } else if (dollar && c == '$' && (n_marks == 1 || two_at(text, at, '$', '$'))) {
            return at;
        }
    }
    return text.len;
}

bool extract_math_at(Str text, size_t at, Str *inside, size_t *end) {
    bool dollar = text.ptr[at] == '$';
    size_t n_marks = 2;
    if (dollar)
        n_marks = two_at(text, at, '$', '$') ? 2 : 1;
    else if (!two_at(text, at, '\\', '(') && !two_at(text, at, '\\', '['))
        return false;
    char close = !dollar && text.ptr[at + 1] == '[' ? ']' : ')';
    size_t to = find_close(text, at + n_marks, dollar, n_marks, close), beyond = to + n_marks;
    if (to >= text.len) return false;
    Str found = extract_slice(text, at + n_marks, to);
    bool price = dollar && n_marks == 1 && beyond < text.len && extract_is_digit(text.ptr[beyond]);
    bool prose = dollar && n_marks == 1 && strchr("?!", found.len > 0 ? found.ptr[0] : ' ') != NULL; // "how many $? 5$"
    if (found.len == 0 || price || prose) return false;
    *inside = found;
    *end = beyond;
    return true;
}

Str extract_last_math(Str text, size_t *end) {
    Str last = EXTRACT_NOTHING;
    size_t list_from = 0, last_end = 0;
    bool list = false;
    for (size_t at = 0; at < text.len;) {
        char c = text.ptr[at];
        size_t math_end;
        Str inside;
        if ((c == '$' || c == '\\') && extract_math_at(text, at, &inside, &math_end)) {
            list = last.ptr != NULL && extract_is_connector(text, last_end, at, true);
            if (!list) list_from = at;
            last = inside;
            last_end = at = math_end;
        } else {
            at += c == '\\' || two_at(text, at, '$', '$') ? 2 : 1;
        }
    }
    *end = last_end;
    return list ? extract_slice(text, list_from, last_end) : last;
}
