#include "text/chat.h"

#include <string.h>

#define LLAMA3_DATED "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"

static bool has(Str text, const char *needle) { return str_find(text, str_of(needle), 0) >= 0; }

static void set_default(ChatTemplate *out, Str text) {
    size_t n = text.len < sizeof out->default_system - 1 ? text.len : sizeof out->default_system - 1;
    memcpy(out->default_system, text.ptr, n);
    out->default_system[n] = 0;
}

// The literal text that a ChatML template inserts as a system turn: what stands between "<|im_start|>system", a newline
// (real or written \n) and "<|im_end|>", with nothing of Jinja in it. Empty where there is none.
static Str inserted_system(Str jinja) {
    static const char *const heads[] = {"<|im_start|>system\n", "<|im_start|>system\\n"};
    for (size_t h = 0; h < 2; h++) {
        Str head = str_of(heads[h]);
        for (ptrdiff_t at = str_find(jinja, head, 0); at >= 0; at = str_find(jinja, head, (size_t)at + 1)) {
            size_t from = (size_t)at + head.len;
            ptrdiff_t end = str_find(jinja, STR("<|im_end|>"), from);
            if (end < 0) continue;
            Str text = {jinja.ptr + from, (size_t)end - from};
            bool literal = text.len > 0 && text.len < 250 && !has(text, "'") && !has(text, "{") && !has(text, "\"") && !has(text, "#");
            if (literal) return text;
        }
    }
    return (Str){"", 0};
}

bool chat_recognise(Str jinja, const char *source, ChatTemplate *out, Error *error) {
    *out = (ChatTemplate){0};
    if (has(jinja, "<|start_header_id|>") && has(jinja, "<|eot_id|>")) {
        out->family = CHAT_LLAMA3;
        if (has(jinja, "Cutting Knowledge Date")) set_default(out, STR(LLAMA3_DATED));
        return true;
    }
    // reasoning templates that open a thought by themselves, or that drop turns, are others than these
    bool opens_thought = has(jinja, "assistant\\n<think>\\n' }}{%- endif") || (has(jinja, "<think>") && !has(jinja, "enable_thinking"));
    if (has(jinja, "<|im_start|>") && has(jinja, "<|im_end|>") && !opens_thought) {
        Str system = inserted_system(jinja);
        set_default(out, system);
        if (has(jinja, "enable_thinking")) {
            out->family = CHAT_QWEN3;
        } else if (has(system, "Qwen")) {
            out->family = CHAT_QWEN25;
        } else if (has(system, "SmolLM")) {
            out->family = CHAT_SMOLLM2;
        } else {
            out->family = CHAT_CHATML;
        }
        return true;
    }
    return error_set(error, "%s: a chat template that is not known; known are ChatML, Qwen2.5, Qwen3, SmolLM2 and Llama-3", source);
}

bool chat_by_name(const char *name, ChatTemplate *out, Error *error) {
    static const struct { const char *name; ChatFamily family; const char *system; } known[] = {
        {"chatml", CHAT_CHATML, ""},
        {"qwen2.5", CHAT_QWEN25, "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."},
        {"qwen3", CHAT_QWEN3, ""},
        {"smollm2", CHAT_SMOLLM2, "You are a helpful AI assistant named SmolLM, trained by Hugging Face"},
        {"llama3", CHAT_LLAMA3, ""},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        *out = (ChatTemplate){.family = known[i].family};
        set_default(out, str_of(known[i].system));
        return true;
    }
    return error_set(error, "chat template \"%s\": expected chatml, qwen2.5, qwen3, smollm2 or llama3", name);
}

// ---- templates of our own wording, for saved models; chat_recognise reads them back to the same family

static void chatml_jinja(const ChatTemplate *chat, Buf *out) {
    if (chat->default_system[0] != 0) {
        buf_printf(out,
                   "{%% if messages[0]['role'] != 'system' %%}{{ '<|im_start|>system\\n%s<|im_end|>\\n' }}{%% endif %%}",
                   chat->default_system);
    }
    if (chat->family == CHAT_QWEN3) buf_add_text(out, "{# as with enable_thinking: thoughts of earlier turns are left out #}");
    buf_add_text(out, "{% for turn in messages %}{% set text = turn['content'] %}");
    if (chat->family == CHAT_QWEN3) {
        buf_add_text(out, "{% if turn['role'] == 'assistant' and '</think>' in text %}"
                          "{% set text = text.split('</think>')[-1].lstrip('\\n') %}{% endif %}");
    }
    buf_add_text(out, "{{ '<|im_start|>' + turn['role'] + '\\n' + text + '<|im_end|>\\n' }}{% endfor %}"
                      "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}\n");
}

void chat_jinja(const ChatTemplate *chat, Buf *out) {
    if (chat->family != CHAT_LLAMA3) {
        chatml_jinja(chat, out);
        return;
    }
    bool dated = chat->default_system[0] != 0;
    buf_add_text(out, "{{ bos_token }}");
    if (dated) {
        buf_add_text(out, "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
                          "{% set messages = messages[1:] %}{% else %}{% set system = '' %}{% endif %}"
                          "{{ '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n"
                          "Today Date: 26 Jul 2024\\n\\n' + system | trim + '<|eot_id|>' }}");
    }
    buf_add_text(out, "{% for turn in messages %}{{ '<|start_header_id|>' + turn['role'] + '<|end_header_id|>\\n\\n' + "
                      "turn['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
                      "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}\n");
}

// ---- rendering

static bool is_role(const ChatMessage *message, const char *role) { return str_equal(message->role, str_of(role)); }

static void chatml_turn(Buf *out, Str role, Str content) {
    buf_add_text(out, "<|im_start|>");
    buf_add_str(out, role);
    buf_add_char(out, '\n');
    buf_add_str(out, content);
    buf_add_text(out, "<|im_end|>\n");
}

static Str strip_newlines(Str text, bool left, bool right) {
    while (left && text.len > 0 && text.ptr[0] == '\n') text.ptr++, text.len--;
    while (right && text.len > 0 && text.ptr[text.len - 1] == '\n') text.len--;
    return text;
}

// Qwen3: an assistant's turn before the last question loses its thought; one after it keeps the thought in a fixed form.
static void qwen3_assistant(Buf *out, Str content, bool after_last_question, bool last) {
    Str thought = {"", 0};
    ptrdiff_t close = -1;
    for (ptrdiff_t at = str_find(content, STR("</think>"), 0); at >= 0; at = str_find(content, STR("</think>"), (size_t)at + 1)) {
        if (close < 0) { // the thought ends at the first one, the answer begins after the last
            thought = strip_newlines((Str){content.ptr, (size_t)at}, false, true);
            for (ptrdiff_t open; (open = str_find(thought, STR("<think>"), 0)) >= 0;) {
                thought = (Str){thought.ptr + open + 7, thought.len - (size_t)open - 7};
            }
            thought = strip_newlines(thought, true, false);
        }
        close = at;
    }
    if (close >= 0) {
        size_t from = (size_t)close + 8;
        content = strip_newlines((Str){content.ptr + from, content.len - from}, true, false);
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

static void llama3_turn(Buf *out, Str role, const char *preface, Str content) {
    buf_add_text(out, "<|start_header_id|>");
    buf_add_str(out, role);
    buf_add_text(out, "<|end_header_id|>\n\n");
    buf_add_text(out, preface);
    buf_add_str(out, str_trim(content));
    buf_add_text(out, "<|eot_id|>");
}

static void llama3_render(const ChatTemplate *chat, const ChatMessage *messages, int n, Buf *out) {
    bool dated = chat->default_system[0] != 0, has_system = n > 0 && is_role(&messages[0], "system");
    buf_add_text(out, "<|begin_of_text|>");
    if (dated) llama3_turn(out, STR("system"), chat->default_system, has_system ? messages[0].content : (Str){"", 0});
    for (int i = dated && has_system ? 1 : 0; i < n; i++) llama3_turn(out, messages[i].role, "", messages[i].content);
}

void chat_render(const ChatTemplate *chat, const ChatMessage *messages, int n, bool generation_prompt, Buf *out) {
    if (chat->family == CHAT_LLAMA3) {
        llama3_render(chat, messages, n, out);
    } else {
        bool has_system = n > 0 && is_role(&messages[0], "system");
        if (!has_system && chat->default_system[0] != 0) chatml_turn(out, STR("system"), str_of(chat->default_system));
        int last_question = -1;
        for (int i = 0; i < n; i++) {
            if (is_role(&messages[i], "user")) last_question = i;
        }
        for (int i = 0; i < n; i++) {
            if (chat->family == CHAT_QWEN3 && is_role(&messages[i], "assistant")) {
                qwen3_assistant(out, messages[i].content, i > last_question, i == n - 1);
            } else {
                chatml_turn(out, messages[i].role, messages[i].content);
            }
        }
    }
    if (generation_prompt) chat_open_assistant(chat, out);
}

void chat_open_assistant(const ChatTemplate *chat, Buf *out) {
    buf_add_text(out, chat->family == CHAT_LLAMA3 ? "<|start_header_id|>assistant<|end_header_id|>\n\n" : "<|im_start|>assistant\n");
}

Str chat_turn_end(const ChatTemplate *chat) { return chat->family == CHAT_LLAMA3 ? STR("<|eot_id|>") : STR("<|im_end|>\n"); }
