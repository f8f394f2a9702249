// Any JSON object as a published row: converted, or one line of error; what is converted has its question and solution,
// and converting it again changes nothing.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/convert_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds) abort();
}

static void check(json_t *object, const ConvertRules *rules, const ConvertRules *plain) {
    Error error = {""};
    if (!convert_row(object, rules, "fuzz", &error)) {
        must(strncmp(error.message, "fuzz: ", 6) == 0 && strchr(error.message, '\n') == NULL);
        return;
    }
    must(json_string_length(json_object_get(object, "question")) > 0);
    must(json_string_length(json_object_get(object, "solution")) > 0);
    json_t *again = json_deep_copy(object);
    must(convert_row(again, plain, "again", &error));
    must(json_equal(object, again));
    json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // Short tags, so that a change hits them.
    ConvertRules rules = {
        .thought_open = "<t>", .thought_close = "</t>", .solution_open = "<s>", .solution_close = "</s>"};
    ConvertRules plain = rules;
    if (size == 0) return 0;
    rules.untagged = data[0] & 1;
    rules.trim = plain.trim = data[0] & 2;
    if (data[0] & 4) rules.columns[CONVERT_QUESTION] = "p";
    if (data[0] & 8) rules.columns[CONVERT_CHAT] = "messages";
    json_t *object;
    if (!json_parse((Str){(const char *)data + 1, size - 1}, "fuzz", &object, NULL)) return 0;
    if (json_is_object(object)) check(object, &rules, &plain);
    json_decref(object);
    return 0;
}
