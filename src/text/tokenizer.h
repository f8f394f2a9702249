// Byte-level BPE tokenizers: GPT-2, SmolLM2, Qwen2/2.5/3 and Llama-3 kinds.
//
// A tokenizer is built from a Hugging Face tokenizer.json, from a TokenizerSpec (which the loader of a GGUF file
// fills), or trained. It is immutable after that and can be shared by threads. Ids are int32_t, 0 .. tokenizer_size-1.
#ifndef RLT_TEXT_TOKENIZER_H
#define RLT_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/error.h"

#define TOKENIZER_MAX_TOKENS 1000000
#define TOKENIZER_MAX_TEXT_BYTES ((size_t)256 << 20) // of one call; more is a bug of the caller

typedef struct Tokenizer Tokenizer;

typedef enum SplitRule {
    SPLIT_GPT2,    // ByteLevel's own pattern
    SPLIT_SMOLLM,  // every digit alone, then GPT-2's pattern
    SPLIT_QWEN2,   // single digits
    SPLIT_LLAMA3,  // digits in groups of up to three
} SplitRule;

// Plain arrays of a vocabulary; borrowed during tokenizer_from_spec only. Tokens are in GPT-2's byte-to-unicode
// alphabet, special ones are literal text.
typedef struct TokenizerSpec {
    const Str *tokens;    // [n_tokens], by id
    int32_t n_tokens;
    const Str *merges;    // [n_merges] "left right", best first
    int32_t n_merges;
    const bool *special;  // [n_tokens]: control tokens, matched in text before anything else
    SplitRule split;
    bool nfc;             // text is brought to NFC first
    const char *source;   // names the file in messages
} TokenizerSpec;

MUST_CHECK bool tokenizer_from_spec(const TokenizerSpec *spec, Tokenizer **out, Error *error);
// The text of a tokenizer.json. What it asks for and we lack (another model, normalizer, pre-tokenizer, construct of a
// split pattern, added tokens that take spaces along) is refused by name.
MUST_CHECK bool tokenizer_from_json(Str json, const char *source, Tokenizer **out, Error *error);
void tokenizer_destroy(Tokenizer *tokenizer); // NULL is fine

int32_t tokenizer_size(const Tokenizer *tokenizer); // largest id + 1
// Id of a token by its exact text (special tokens: literal text), or -1.
int32_t tokenizer_id(const Tokenizer *tokenizer, Str text);
// Matched in text before anything else; and of these those that are no text, which decoding can skip.
bool tokenizer_is_special(const Tokenizer *tokenizer, int32_t id);
bool tokenizer_is_control(const Tokenizer *tokenizer, int32_t id);

// A growable list of ids.
typedef struct Ids {
    int32_t *data;
    int32_t len, cap;
} Ids;
void ids_free(Ids *ids);
void ids_add(Ids *ids, int32_t id);
void ids_extend(Ids *ids, const int32_t *data, int32_t count);

// Appends the ids of `text` (any bytes; specials in the text are recognised; nothing is added at the ends).
void tokenizer_encode(const Tokenizer *tokenizer, Str text, Ids *ids);
// As encode; also appends for each id the byte offset at which the token's bytes end: in `text` where true is returned,
// else in what the ids decode to (the text after NFC, invalid UTF-8 replaced, bytes that the vocabulary lacks left
// out).
bool tokenizer_encode_offsets(const Tokenizer *tokenizer, Str text, Ids *ids, Ids *ends);
// Appends the raw bytes of the tokens (specials as their text); may end inside a UTF-8 sequence. Unknown ids are left
// out.
void tokenizer_decode(const Tokenizer *tokenizer, const int32_t *ids, int32_t count, bool skip_special, Buf *out);

// How many bytes that appends, specials included; and those of the longest token.
size_t tokenizer_decoded_bytes(const Tokenizer *tokenizer, const int32_t *ids, int32_t count);
size_t tokenizer_longest_bytes(const Tokenizer *tokenizer);

// Trains a byte-level BPE: 256 bytes, `vocabulary_size` tokens in all (fewer when no pair occurs twice any more) with
// `specials` last (ids at the end). Ties between pairs: higher count first, then the lower left id, then the lower
// right id. Text comes as documents, invalid UTF-8 replaced.
typedef struct TokenizerTraining {
    const Str *documents;
    size_t n_documents;
    const Str *specials;  // removed from the documents before counting
    int32_t n_specials;
    int32_t n_control;    // the first so many specials are control tokens, which decoding can skip; the others are text
    int32_t vocabulary_size;
    SplitRule split;
} TokenizerTraining;
MUST_CHECK bool tokenizer_train(const TokenizerTraining *training, Tokenizer **out, Error *error);
// Writes tokenizer.json text that Hugging Face tokenizers loads to the same ids.
void tokenizer_to_json(const Tokenizer *tokenizer, Buf *out);

#endif
