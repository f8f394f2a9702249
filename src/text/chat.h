// Chat templates: messages in, the model's text out. Known families are recognised from the template's text; an unknown
// one is refused with the list of what is known (we render the families ourselves and run no template language). Tools,
// and reasoning apart from content, are not rendered.
#ifndef RLT_TEXT_CHAT_H
#define RLT_TEXT_CHAT_H

#include "base/buf.h"
#include "base/error.h"

typedef enum ChatFamily {
    CHAT_CHATML,  // <|im_start|>role\n...<|im_end|>\n
    CHAT_QWEN25,  // ChatML; without a system message inserts that it is Qwen
    CHAT_QWEN3,   // ChatML; thoughts of assistant turns before the last question are dropped, later ones take one form
    CHAT_SMOLLM2, // ChatML; without a system message inserts that it is SmolLM
    CHAT_LLAMA3,  // <|begin_of_text|>, then <|start_header_id|>role<|end_header_id|>\n\n...<|eot_id|>, each trimmed;
                  // 3.1 to 3.3 put dates before the system text ("26 Jul 2024", their template's own default)
} ChatFamily;

typedef struct ChatTemplate {
    ChatFamily family;
    // ChatML and kin: inserted when the first message is not a system one. Llama-3: stands before the system text, also
    // when there is none. "": nothing.
    char default_system[256];
} ChatTemplate;

typedef struct ChatMessage {
    Str role, content; // role: system, user or assistant
} ChatMessage;

// How templates of our own wording begin.
#define CHAT_OWN_MARK "{#- rlt:"

// Recognises a template's Jinja text. `source` names the file in messages. Templates that open a thought by themselves
// (QwQ) or have turns of another kind (DeepSeek-R1) are refused.
MUST_CHECK bool chat_recognise(Str jinja, const char *source, ChatTemplate *out, Error *error);
// The Jinja text that Hugging Face needs, in our own words, for saving a model with this template; recognised again.
void chat_jinja(const ChatTemplate *chat, Buf *out);
// By name: chatml, qwen2.5, qwen3, smollm2, llama3 (no dates), llama3.1 (and 3.2, 3.3).
MUST_CHECK bool chat_by_name(const char *name, ChatTemplate *out, Error *error);
// Appends the rendering; with `generation_prompt` it ends with the assistant's header.
void chat_render(const ChatTemplate *chat, const ChatMessage *messages, int n_messages, bool generation_prompt,
                 Buf *out);
// Appends the assistant's header, open for content to follow.
void chat_open_assistant(const ChatTemplate *chat, Buf *out);
// What ends a turn: the end-of-turn token, and white space that follows it in a rendering ("<|im_end|>\n" and so on).
Str chat_turn_end(const ChatTemplate *chat);

#endif
