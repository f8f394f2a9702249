// A model with its text parts, opened from one path: weights, tokenizer, chat template, ids that end a turn.
#ifndef RLT_COMMANDS_MODEL_BUNDLE_H
#define RLT_COMMANDS_MODEL_BUNDLE_H

#include "commands/options.h"
#include "formats/model_io.h"
#include "text/chat.h"
#include "text/tokenizer.h"

#define BASE_OPTION                                                                                                               \
    {"base", OPTION_INPUT, "", 0, 0, NULL,                                                                                        \
     "Of an adapter (a folder that PEFT reads) given as a model: its base model; none: the one that adapter_config.json names."}

// Types in which the weights of a model that is not trained can be held.
#define DTYPES "f32|bf16|q8_0"
#define DTYPE_OPTION                                                                                                              \
    {"dtype", OPTION_CHOICE, "f32", 0, 0, DTYPES,                                                                                 \
     "Type in which the weights are held; q8_0: 8 bits, a scale for 32 of them, at some loss (docs/design.md)."}
// Of a key whose choices are among "same|" DTYPES; same: what the key "dtype" says.
Dtype dtype_option(const Options *options, const char *key);

typedef struct ModelBundle {
    ModelFile *file;
    Model *model;          // NULL until loaded
    Tokenizer *tokenizer;
    bool has_chat;
    ChatTemplate chat;     // when has_chat
    char chat_error[512];  // why not, otherwise
    Ids stop_ids;          // eos ids of the file and the chat template's turn end
} ModelBundle;

// Opens the file, the tokenizer and the chat template; no weights yet.
MUST_CHECK bool model_bundle_open(const char *path, ModelBundle *bundle, Error *error);
// As model_bundle_open; the base of an adapter is `base` unless that is "".
MUST_CHECK bool model_bundle_open_over(const char *path, const char *base, ModelBundle *bundle, Error *error);
// As model_bundle_open_over, of what `key` and BASE_OPTION hold.
MUST_CHECK bool model_bundle_open_key(const Options *options, const char *key, ModelBundle *bundle, Error *error);
MUST_CHECK bool model_bundle_load(ModelBundle *bundle, Backend *backend, Dtype dtype, Error *error);
void model_bundle_close(ModelBundle *bundle); // a zeroed one is fine
// The chat template, or an error that says which file lacks it.
MUST_CHECK bool model_bundle_need_chat(const ModelBundle *bundle, Error *error);

// Saves a model (or the values of a param arena beside it) with a tokenizer and a chat template as a Hugging Face folder.
MUST_CHECK bool model_bundle_save(const Model *model, Dev arena, const Tokenizer *tokenizer, const ChatTemplate *chat,
                                  const char *path, Dtype dtype, Error *error);
// tokenizer.json, tokenizer_config.json and chat_template.jinja alone.
MUST_CHECK bool tokenizer_save(const Tokenizer *tokenizer, const ChatTemplate *chat, const char *path, Error *error);
// A folder with tokenizer.json (a trained tokenizer, or a model's); its chat template where it has one.
MUST_CHECK bool tokenizer_open(const char *path, Tokenizer **tokenizer, ChatTemplate *chat, bool *has_chat, Error *error);

#endif
