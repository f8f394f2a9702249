// Chat templates: messages in, the model's text out. Known families are recognised from the template's text; an unknown one is
// refused with the list of what is known (we render the families ourselves and run no template language).
#ifndef RLT_TEXT_CHAT_H
#define RLT_TEXT_CHAT_H

#include "base/buf.h"
#include "base/error.h"

typedef enum ChatFamily {
    CHAT_CHATML,        // <|im_start|>role\n...<|im_end|>\n, nothing inserted
    CHAT_QWEN25,        // ChatML; inserts "You are Qwen, created by Alibaba Cloud. You are a helpful assistant." without a system message
    CHAT_QWEN3,         // ChatML; thought blocks of earlier assistant turns are dropped as its template does
    CHAT_SMOLLM2,       // ChatML; inserts "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    CHAT_LLAMA3,        // <|start_header_id|>role<|end_header_id|>\n\n...<|eot_id|>; the 3.1 and 3.2 ones insert their dated system text
} ChatFamily;

typedef struct ChatTemplate {
    ChatFamily family;
    char default_system[256]; // inserted when the first message is not a system one; "" = none
} ChatTemplate;

typedef struct ChatMessage {
    Str role, content; // role: system, user or assistant
} ChatMessage;

// Recognises a template's Jinja text. `source` names the file in messages.
MUST_CHECK bool chat_recognise(Str jinja, const char *source, ChatTemplate *out, Error *error);
// The Jinja text that Hugging Face needs, in our own words, for saving a model with this template.
void chat_jinja(const ChatTemplate *chat, Buf *out);
// By name: chatml, qwen2.5, qwen3, smollm2, llama3.
MUST_CHECK bool chat_by_name(const char *name, ChatTemplate *out, Error *error);
// Appends the rendering; with `generation_prompt` it ends with the assistant's header.
void chat_render(const ChatTemplate *chat, const ChatMessage *messages, int n_messages, bool generation_prompt, Buf *out);
// Appends the assistant's header, open for content to follow; and what ends a turn ("<|im_end|>").
void chat_open_assistant(const ChatTemplate *chat, Buf *out);
Str chat_turn_end(const ChatTemplate *chat);

#endif
