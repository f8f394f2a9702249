// A golden folder's tokenizer and chat template.
#ifndef RLT_TESTS_ORACLE_TEXT_H
#define RLT_TESTS_ORACLE_TEXT_H

#include "base/json.h"
#include "text/chat.h"
#include "text/dialogue.h"
#include "text/tokenizer.h"

typedef struct OracleText {
    Tokenizer *tokenizer;
    ChatTemplate chat;
} OracleText;
MUST_CHECK bool oracle_text_load(const char *dir, OracleText *out, Error *error);
void oracle_text_free(OracleText *text);

MUST_CHECK bool oracle_read_ids(json_t *array, const char *where, Ids *ids, Error *error);
// An array of numbers; *values to be freed with mem_free.
MUST_CHECK bool oracle_need_numbers(json_t *object, const char *where, const char *key, float **values, size_t *count,
                                    Error *error);

#endif
