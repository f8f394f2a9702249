#include "text/dialogue.h"

#include <string.h>

#include "base/mem.h"

void dialogue_format_init(DialogueFormat *f) {
    *f = (DialogueFormat){
        .teacher_system = mem_strdup(
            "You are a teacher. You are given a question together with its correct solution, and you write the "
            "reasoning that a student could have followed to get there. Reason from the question alone, one small "
            "step after the other, check what you find, and let the last steps arrive at the given solution. Put your "
            "reasoning between <|begin_of_explanation|> and <|end_of_explanation|>."),
        .student_system = mem_strdup(
            "You solve problems. First reason step by step between <|begin_of_thought|> and <|end_of_thought|>: "
            "explore, check, and correct yourself where needed. Then give the final answer between "
            "<|begin_of_solution|> and <|end_of_solution|>."),
        .solution_open = mem_strdup("<|begin_of_solution|>"),
        .solution_close = mem_strdup("<|end_of_solution|>"),
        .explanation_open = mem_strdup("<|begin_of_explanation|>"),
        .explanation_close = mem_strdup("<|end_of_explanation|>"),
        .thought_open = mem_strdup("<|begin_of_thought|>"),
        .thought_close = mem_strdup("<|end_of_thought|>"),
        .padding = mem_strdup("\n\n"),
    };
}

void dialogue_format_free(DialogueFormat *f) {
    mem_free(f->teacher_system), mem_free(f->student_system);
    mem_free(f->solution_open), mem_free(f->solution_close);
    mem_free(f->explanation_open), mem_free(f->explanation_close);
    mem_free(f->thought_open), mem_free(f->thought_close);
    mem_free(f->padding);
    *f = (DialogueFormat){0};
}

// System turn (left out when empty), the question, the assistant's turn open.
static void open_turns(const Dialogue *d, const char *system, Str question, Buf *text) {
    ChatMessage messages[2] = {{STR("system"), str_of(system)}, {STR("user"), question}};
    bool has_system = *system != 0;
    chat_render(d->chat, has_system ? messages : messages + 1, has_system ? 2 : 1, true, text);
}

static void encode_text(const Dialogue *d, const Buf *text, Ids *ids) {
    tokenizer_encode(d->tokenizer, buf_str(text), ids);
}

// ---- prompts

void dialogue_teacher_lead(const DialogueFormat *f, Str solution, Buf *text) {
    buf_add_text(text, f->solution_open);
    buf_add_str(text, solution);
    buf_printf(text, "%s%s%s%s", f->solution_close, f->padding, f->explanation_open, f->padding);
}

void dialogue_teacher_prompt(const Dialogue *d, Str question, Str solution, Ids *ids) {
    Buf text;
    buf_init(&text, 0);
    open_turns(d, d->format->teacher_system, question, &text);
    dialogue_teacher_lead(d->format, solution, &text);
    encode_text(d, &text, ids);
    buf_free(&text);
}

void dialogue_student_prompt(const Dialogue *d, const char *system, Str question, Ids *ids) {
    Buf text;
    buf_init(&text, 0);
    open_turns(d, system != NULL ? system : d->format->student_system, question, &text);
    encode_text(d, &text, ids);
    buf_free(&text);
}

void dialogue_student_before(const Dialogue *d, const char *system, Str question, Ids *ids) {
    Buf text;
    buf_init(&text, 0);
    open_turns(d, system != NULL ? system : d->format->student_system, question, &text);
    buf_printf(&text, "%s%s", d->format->thought_open, d->format->padding);
    encode_text(d, &text, ids);
    buf_free(&text);
}

static size_t character_bytes(Str text, size_t at) {
    size_t n = utf8_sequence(text.ptr + at, text.len - at);
    return n > 0 ? n : 1;
}

// Where s lies in `text`, the tokens' own bytes of head s tail. Normalisation may have changed s, and (a mark at its
// start) joined it to the head's last character: that character is not of s.
static void find_between(Str text, Str head, Str tail, size_t *from, size_t *to) {
    size_t n = 0;
    while (n < head.len && n < text.len && text.ptr[n] == head.ptr[n]) n++;
    if (n < head.len && n < text.len) {
        while (n > 0 && ((unsigned char)text.ptr[n] & 0xC0) == 0x80) n--;
        n += character_bytes(text, n);
    }
    size_t m = 0;
    while (m < tail.len && m < text.len - n && text.ptr[text.len - 1 - m] == tail.ptr[tail.len - 1 - m]) m++;
    *from = n;
    *to = text.len - m;
}

// The range of tokens that begin at or after `from` and end at or before `to`; 0, 0: none.
static void tokens_within(const Ids *ends, size_t from, size_t to, int32_t *first, int32_t *end) {
    *first = *end = 0;
    for (int32_t i = ends->len - 1; i >= 0; i--) {
        size_t token_from = i > 0 ? (size_t)ends->data[i - 1] : 0, token_to = (size_t)ends->data[i];
        if (token_from < from || token_to > to) continue;
        if (*end == 0) *end = i + 1;
        *first = i;
    }
}

void dialogue_student_after(const Dialogue *d, Str solution, Ids *ids, int32_t *solution_from, int32_t *solution_to) {
    const DialogueFormat *f = d->format;
    Buf text, bytes;
    buf_init(&text, 0);
    buf_init(&bytes, 0);
    buf_printf(&text, "%s%s%s", f->thought_close, f->padding, f->solution_open);
    size_t head = text.len, from, to;
    buf_add_str(&text, solution);
    buf_add_text(&text, f->solution_close);
    Ids ends = {0};
    int32_t start = ids->len;
    tokenizer_encode_offsets(d->tokenizer, buf_str(&text), ids, &ends); // in what the ids decode to
    tokenizer_decode(d->tokenizer, ids->data + start, ids->len - start, false, &bytes);
    find_between(buf_str(&bytes), (Str){text.data, head}, str_of(f->solution_close), &from, &to);
    tokens_within(&ends, from, to, solution_from, solution_to);
    ids_free(&ends);
    buf_free(&text);
    buf_free(&bytes);
}

// ---- what a teacher has written

// Without the end-of-text token that ended the sampling.
static int32_t without_last_control(const Dialogue *d, const int32_t *ids, int32_t n) {
    int32_t close = tokenizer_id(d->tokenizer, str_of(d->format->explanation_close));
    return n > 0 && tokenizer_is_control(d->tokenizer, ids[n - 1]) && ids[n - 1] != close ? n - 1 : n;
}

// How many leading ids end at or before text[end].
static int32_t ids_before(const Dialogue *d, const int32_t *ids, int32_t n_ids, size_t end) {
    int32_t n = 0;
    for (size_t at = 0; n < n_ids; n++) {
        at += tokenizer_decoded_bytes(d->tokenizer, &ids[n], 1);
        if (at > end) break;
    }
    return n;
}

Explanation dialogue_find_explanation(const Dialogue *d, const int32_t *ids, int32_t n_ids, Buf *decoded) {
    size_t start = decoded->len;
    n_ids = without_last_control(d, ids, n_ids);
    tokenizer_decode(d->tokenizer, ids, n_ids, false, decoded);
    Str text = {buf_str(decoded).ptr + start, decoded->len - start};
    ptrdiff_t close = str_find(text, str_of(d->format->explanation_close), 0);
    ptrdiff_t turn_end = str_find(text, str_trim(chat_turn_end(d->chat)), 0);
    bool closed = close >= 0 && (turn_end < 0 || close < turn_end);
    size_t end = closed ? (size_t)close : turn_end >= 0 ? (size_t)turn_end : text.len;
    return (Explanation){ids_before(d, ids, n_ids, end), closed, str_trim((Str){text.ptr, end})};
}

// ---- rows to learn from

void dialogue_teacher_example(const Dialogue *d, Str question, Str solution, Str trace, Ids *ids, int32_t *from) {
    int32_t start = ids->len;
    dialogue_teacher_prompt(d, question, solution, ids);
    *from = ids->len - start;
    Buf text;
    buf_init(&text, 0);
    buf_add_str(&text, trace);
    buf_printf(&text, "%s%s", d->format->padding, d->format->explanation_close);
    buf_add_str(&text, str_trim(chat_turn_end(d->chat)));
    encode_text(d, &text, ids);
    buf_free(&text);
}

void dialogue_student_example(const Dialogue *d, const char *system, Str question, Str trace, Str solution, Ids *ids,
                              int32_t *from) {
    const DialogueFormat *f = d->format;
    int32_t start = ids->len;
    dialogue_student_prompt(d, system, question, ids);
    *from = ids->len - start;
    Buf text;
    buf_init(&text, 0);
    buf_printf(&text, "%s%s", f->thought_open, f->padding);
    buf_add_str(&text, trace);
    buf_printf(&text, "%s%s%s%s", f->padding, f->thought_close, f->padding, f->solution_open);
    buf_add_str(&text, solution);
    buf_add_text(&text, f->solution_close);
    buf_add_str(&text, str_trim(chat_turn_end(d->chat)));
    encode_text(d, &text, ids);
    buf_free(&text);
}

bool dialogue_read_solution(const DialogueFormat *f, Str completion, Str *solution) {
    Str close = str_of(f->thought_close), open = str_of(f->solution_open), end = str_of(f->solution_close);
    size_t from = 0;
    for (ptrdiff_t at; (at = str_find(completion, close, from)) >= 0;) from = (size_t)at + close.len;
    bool found = false;
    for (ptrdiff_t at = str_find(completion, open, from); at >= 0; at = str_find(completion, open, from)) {
        from = (size_t)at + open.len;
        ptrdiff_t to = str_find(completion, end, from);
        if (to < 0) break;
        *solution = (Str){completion.ptr + from, (size_t)to - from};
        found = true;
    }
    return found;
}
