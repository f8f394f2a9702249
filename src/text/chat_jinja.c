// Templates of our own wording, for saved models: each renders as chat_render does.
#include "text/chat.h"

// A Jinja string's inside.
static void add_escaped(const char *text, Buf *out) {
    for (; *text != 0; text++) {
        if (*text == '\n') {
            buf_add_text(out, "\\n");
            continue;
        }
        if (*text == '\\' || *text == '\'' || *text == '"') buf_add_char(out, '\\');
        buf_add_char(out, *text);
    }
}

static const char qwen3_turns[] =
    "{%- set last = namespace(question=messages|length - 1) -%}\n"
    "{%- for turn in messages -%}\n"
    "{%- set text = turn['content'] -%}\n"
    "{%- set tool = text.startswith('<tool_response>') and text.endswith('</tool_response>') -%}\n"
    "{%- if turn['role'] == 'user' and not tool -%}\n"
    "{%- set last.question = loop.index0 -%}\n"
    "{%- endif -%}\n"
    "{%- endfor -%}\n"
    "{%- for turn in messages -%}\n"
    "{%- set text = turn['content'] -%}\n"
    "{%- if turn['role'] == 'assistant' -%}\n"
    "{%- set thought = '' -%}\n"
    "{%- if '</think>' in text -%}\n"
    "{%- set thought = text.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') -%}\n"
    "{%- set text = text.split('</think>')[-1].lstrip('\\n') -%}\n"
    "{%- endif -%}\n"
    "{%- if loop.index0 > last.question and (loop.last or thought) -%}\n"
    "{%- set text = '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + text.lstrip('\\n') -%}\n"
    "{%- endif -%}\n"
    "{%- endif -%}\n"
    "{{- '<|im_start|>' + turn['role'] + '\\n' + text + '<|im_end|>\\n' -}}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}\n"
    "{%- if enable_thinking is defined and enable_thinking is false -%}\n"
    "{{- '<think>\\n\\n</think>\\n\\n' -}}\n"
    "{%- endif -%}\n"
    "{%- endif -%}\n";

static const char chatml_turns[] = "{%- for turn in messages -%}\n"
                                   "{{- '<|im_start|>' + turn['role'] + '\\n' + turn['content'] + '<|im_end|>\\n' -}}\n"
                                   "{%- endfor -%}\n"
                                   "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}\n";

static void chatml_jinja(const ChatTemplate *chat, Buf *out) {
    if (chat->default_system[0] != 0) {
        buf_add_text(out, "{%- if not messages or messages[0]['role'] != 'system' -%}{{- '<|im_start|>system\\n");
        add_escaped(chat->default_system, out);
        buf_add_text(out, "<|im_end|>\\n' -}}{%- endif -%}\n");
    }
    buf_add_text(out, chat->family == CHAT_QWEN3 ? qwen3_turns : chatml_turns);
}

static void llama3_jinja(const ChatTemplate *chat, Buf *out) {
    buf_add_text(out, "{{- '<|begin_of_text|>' -}}\n");
    if (chat->default_system[0] != 0) {
        buf_add_text(out, "{%- set system = '' -%}\n"
                          "{%- if messages and messages[0]['role'] == 'system' -%}\n"
                          "{%- set system = messages[0]['content'] | trim -%}\n"
                          "{%- set messages = messages[1:] -%}\n"
                          "{%- endif -%}\n"
                          "{{- '<|start_header_id|>system<|end_header_id|>\\n\\n");
        add_escaped(chat->default_system, out);
        buf_add_text(out, "' + system + '<|eot_id|>' -}}\n");
    }
    buf_add_text(out, "{%- for turn in messages -%}\n"
                      "{{- '<|start_header_id|>' + turn['role'] + '<|end_header_id|>\\n\\n' -}}\n"
                      "{{- turn['content'] | trim -}}{{- '<|eot_id|>' -}}\n"
                      "{%- endfor -%}\n"
                      "{%- if add_generation_prompt -%}\n"
                      "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}\n"
                      "{%- endif -%}\n");
}

void chat_jinja(const ChatTemplate *chat, Buf *out) {
    buf_add_text(out, CHAT_OWN_MARK " turns and thoughts as the family has them -#}\n");
    if (chat->family == CHAT_LLAMA3) {
        llama3_jinja(chat, out);
    } else {
        chatml_jinja(chat, out);
    }
}
