#include "text/chat.h"

#include <assert.h>
#include <string.h>
#include <utf8proc.h>

bool chat_by_name(const char *name, ChatTemplate *out, Error *error) {
    static const struct { const char *name; ChatTemplate chat; } known[] = {
        {"chatml", {CHAT_CHATML, ""}},
        {"qwen2.5", {CHAT_QWEN25, "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."}},
        {"qwen3", {CHAT_QWEN3, ""}},
        {"smollm2", {CHAT_SMOLLM2, "You are a helpful AI assistant named SmolLM, trained by Hugging Face"}},
        {"llama3", {CHAT_LLAMA3, ""}},
        {"llama3.1", {CHAT_LLAMA3, "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        *out = known[i].chat;
        return true;
    }
    return error_set(error, "chat template \"%s\": expected chatml, qwen2.5, qwen3, smollm2, llama3 or llama3.1", name);
}

// ---- pieces

static bool is_role(const ChatMessage *message, const char *role) { return str_equal(message->role, str_of(role)); }

static Str strip_newlines(Str text, bool left, bool right) {
    while (left && text.len > 0 && text.ptr[0] == '\n') text.ptr++, text.len--;
    while (right && text.len > 0 && text.ptr[text.len - 1] == '\n') text.len--;
    return text;
}

// Python's str.isspace, which Jinja's trim goes by: separators and the controls that are white space or separate.
static bool is_space(utf8proc_int32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F) || c == 0x85 ||
           utf8proc_category(c) == UTF8PROC_CATEGORY_ZS || c == 0x2028 || c == 0x2029;
}

// As Jinja's trim. Bytes that are not UTF-8 are no white space.
static Str trim(Str text) {
    size_t from = 0, to = 0; // to: the end of the last character that is no white space
    bool begun = false;
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_sequence(text.ptr + i, text.len - i);
        utf8proc_int32_t c = -1;
        if (n > 0) utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + i, (utf8proc_ssize_t)n, &c);
        if (n == 0) n = 1;
        if (c < 0 || !is_space(c)) {
            if (!begun) from = i;
            begun = true;
            to = i + n;
        }
        i += n;
    }
    return (Str){text.ptr + from, to - from};
}

// The text after the last `mark`; without one, the whole.
static Str after_last(Str text, Str mark) {
    for (ptrdiff_t at; (at = str_find(text, mark, 0)) >= 0;) {
        size_t skip = (size_t)at + mark.len;
        text = (Str){text.ptr + skip, text.len - skip};
    }
    return text;
}

// ---- ChatML and its kin

static void chatml_turn(Buf *out, Str role, Str content) {
    buf_add_text(out, "<|im_start|>");
    buf_add_str(out, role);
    buf_add_char(out, '\n');
    buf_add_str(out, content);
    buf_add_text(out, "<|im_end|>\n");
}

// Qwen3: an assistant's turn before the last question loses its thought; one after it keeps the thought, in one form.
static void qwen3_assistant(Buf *out, Str content, bool after_last_question, bool last) {
    Str thought = {"", 0};
    ptrdiff_t close = str_find(content, STR("</think>"), 0);
    if (close >= 0) { // the thought ends at the first one, the answer begins after the last
        thought = strip_newlines((Str){content.ptr, (size_t)close}, false, true);
        thought = strip_newlines(after_last(thought, STR("<think>")), true, false);
        content = strip_newlines(after_last(content, STR("</think>")), true, false);
    }
    if (!after_last_question || (!last && thought.len == 0)) {
        chatml_turn(out, STR("assistant"), content);
        return;
    }
    buf_add_text(out, "<|im_start|>assistant\n<think>\n");
    buf_add_str(out, strip_newlines(thought, true, true));
    buf_add_text(out, "\n</think>\n\n");
    buf_add_str(out, strip_newlines(content, true, false));
    buf_add_text(out, "<|im_end|>\n");
}

// Index of the last user message that is no tool's answer; the last message where there is none.
static int last_question(const ChatMessage *messages, int n) {
    for (int i = n - 1; i >= 0; i--) {
        Str content = messages[i].content;
        bool tool = str_starts(content, STR("<tool_response>")) && str_ends(content, STR("</tool_response>"));
        if (is_role(&messages[i], "user") && !tool) return i;
    }
    return n - 1;
}

static void chatml_render(const ChatTemplate *chat, const ChatMessage *messages, int n, Buf *out) {
    bool has_system = n > 0 && is_role(&messages[0], "system");
    if (!has_system && chat->default_system[0] != 0) chatml_turn(out, STR("system"), str_of(chat->default_system));
    int question = last_question(messages, n);
    for (int i = 0; i < n; i++) {
        if (chat->family == CHAT_QWEN3 && is_role(&messages[i], "assistant")) {
            qwen3_assistant(out, messages[i].content, i > question, i == n - 1);
        } else {
            chatml_turn(out, messages[i].role, messages[i].content);
        }
    }
}

// ---- Llama-3

static void llama3_turn(Buf *out, Str role, const char *preface, Str content) {
    buf_add_text(out, "<|start_header_id|>");
    buf_add_str(out, role);
    buf_add_text(out, "<|end_header_id|>\n\n");
    buf_add_text(out, preface);
    buf_add_str(out, trim(content));
    buf_add_text(out, "<|eot_id|>");
}

static void llama3_render(const ChatTemplate *chat, const ChatMessage *messages, int n, Buf *out) {
    bool dated = chat->default_system[0] != 0, has_system = n > 0 && is_role(&messages[0], "system");
    buf_add_text(out, "<|begin_of_text|>");
    if (dated) llama3_turn(out, STR("system"), chat->default_system, has_system ? messages[0].content : (Str){"", 0});
    for (int i = dated && has_system ? 1 : 0; i < n; i++) llama3_turn(out, messages[i].role, "", messages[i].content);
}

// ---- all

void chat_render(const ChatTemplate *chat, const ChatMessage *messages, int n, bool generation_prompt, Buf *out) {
    assert(n >= 0);
    if (chat->family == CHAT_LLAMA3) {
        llama3_render(chat, messages, n, out);
    } else {
        chatml_render(chat, messages, n, out);
    }
    if (generation_prompt) chat_open_assistant(chat, out);
}

void chat_open_assistant(const ChatTemplate *chat, Buf *out) {
    bool llama3 = chat->family == CHAT_LLAMA3;
    buf_add_text(out, llama3 ? "<|start_header_id|>assistant<|end_header_id|>\n\n" : "<|im_start|>assistant\n");
}

Str chat_turn_end(const ChatTemplate *chat) {
    return chat->family == CHAT_LLAMA3 ? STR("<|eot_id|>") : STR("<|im_end|>\n");
}
