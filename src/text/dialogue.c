#include "text/dialogue.h"

#include <string.h>

#include "base/mem.h"

void dialogue_format_init(DialogueFormat *f) {
    *f = (DialogueFormat){
        .teacher_system = mem_strdup(
            "You are a teacher. You are given a question together with its correct solution, and you write the reasoning "
            "that a student could have followed to get there. Reason from the question alone, one small step after the other, "
            "check what you find, and let the last steps arrive at the given solution. Put your reasoning between "
            "<|begin_of_explanation|> and <|end_of_explanation|>."),
        .student_system = mem_strdup(
            "You solve problems. First reason step by step between <|begin_of_thought|> and <|end_of_thought|>: explore, "
            "check, and correct yourself where needed. Then give the final answer between <|begin_of_solution|> and "
            "<|end_of_solution|>."),
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

static void encode_text(const Dialogue *d, const Buf *text, Ids *ids) { tokenizer_encode(d->tokenizer, buf_str(text), ids); }

// ---- prompts

void dialogue_teacher_prompt(const Dialogue *d, Str question, Str solution, Ids *ids) {
    const DialogueFormat *f = d->format;
    Buf text;
    buf_init(&text, 0);
    open_turns(d, f->teacher_system, question, &text);
    buf_add_text(&text, f->solution_open);
    buf_add_str(&text, solution);
    buf_printf(&text, "%s%s%s%s", f->solution_close, f->padding, f->explanation_open, f->padding);
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

void dialogue_student_after(const Dialogue *d, Str solution, Ids *ids, int32_t *solution_from, int32_t *solution_to) {
    const DialogueFormat *f = d->format;
    Buf text;
    buf_init(&text, 0);
    buf_printf(&text, "%s%s%s", f->thought_close, f->padding, f->solution_open);
    int32_t from = (int32_t)text.len;
    buf_add_str(&text, solution);
    int32_t to = (int32_t)text.len;
    buf_add_text(&text, f->solution_close);
    Ids ends = {0};
    tokenizer_encode_offsets(d->tokenizer, buf_str(&text), ids, &ends);
    // a token is of s when it begins at or after s begins and ends at or before s ends
    *solution_from = *solution_to = -1;
    for (int32_t i = 0; i < ends.len; i++) {
        int32_t begin = i > 0 ? ends.data[i - 1] : 0;
        if (begin < from || ends.data[i] > to) continue;
        if (*solution_from < 0) *solution_from = i;
        *solution_to = i + 1;
    }
    if (*solution_from < 0) *solution_from = *solution_to = 0;
    ids_free(&ends);
    buf_free(&text);
}

// ---- what a teacher has written

Explanation dialogue_find_explanation(const Dialogue *d, const int32_t *ids, int32_t n_ids, Buf *decoded) {
    size_t start = decoded->len;
    tokenizer_decode(d->tokenizer, ids, n_ids, false, decoded);
    Str text = {buf_str(decoded).ptr + start, decoded->len - start};
    ptrdiff_t close = str_find(text, str_of(d->format->explanation_close), 0);
    ptrdiff_t turn_end = str_find(text, str_trim(chat_turn_end(d->chat)), 0);
    bool closed = close >= 0 && (turn_end < 0 || close < turn_end);
    size_t end = closed ? (size_t)close : turn_end >= 0 ? (size_t)turn_end : text.len;
    int32_t n = 0;
    Buf token;
    buf_init(&token, 0);
    for (size_t at = 0; n < n_ids; n++) {
        buf_clear(&token);
        tokenizer_decode(d->tokenizer, &ids[n], 1, false, &token);
        at += token.len;
        if (at > end) break;
    }
    buf_free(&token);
    return (Explanation){n, closed, str_trim((Str){text.ptr, end})};
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

void dialogue_student_example(const Dialogue *d, const char *system, Str question, Str trace, Str solution, Ids *ids, int32_t *from) {
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
    for (ptrdiff_t at = str_find(completion, close, 0); at >= 0; at = str_find(completion, close, from)) from = (size_t)at + close.len;
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
