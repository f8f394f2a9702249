#include "commands/rewrite_prompt.h"

#include "base/file.h"

bool rewrite_prompt_read(const char *path, Buf *prompt, Error *error) {
    if (!file_read(path, REWRITE_PROMPT_MAX_BYTES, prompt, error)) return false;
    if (str_find(buf_str(prompt), STR("{explanation}"), 0) >= 0) return true;
    buf_free(prompt);
    return error_set(error, "%s: expected {explanation} in the prompt, and {question} and {solution} as wanted", path);
}

void rewrite_prompt_fill(Str prompt, const Row *row, Buf *out) {
    const struct {
        Str name, value;
    } fields[] = {
        {STR("{question}"), row->question}, {STR("{solution}"), row->solution}, {STR("{explanation}"), row->trace}};
    while (prompt.len > 0) {
        size_t skip = 1, i = 0, n = sizeof fields / sizeof *fields;
        while (i < n && !str_starts(prompt, fields[i].name))
            i++;
        if (i < n) {
            buf_add_str(out, fields[i].value);
            skip = fields[i].name.len;
        } else {
            buf_add_char(out, *prompt.ptr);
        }
        prompt.ptr += skip, prompt.len -= skip;
    }
}
