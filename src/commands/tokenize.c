// rlt tokenize: JSON strings in, id arrays out, one a line.
#include <stdio.h>

#include "base/file.h"
#include "commands/commands.h"
#include "commands/model_bundle.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, NULL, 0, 0, NULL, "A Hugging Face folder (tokenizer.json) or a GGUF file."},
    {"in", OPTION_INPUT, "-", 0, 0, NULL, "A JSON string a line; -: standard input."},
    {"out", OPTION_OUTPUT, "-", 0, 0, NULL, "A JSON array of ids a line, no tokens added; -: standard output."},
    {0},
};

static bool tokenize_line(const Tokenizer *tokenizer, Str line, const char *where, Buf *out, Error *error) {
    json_t *text;
    if (!json_parse(line, where, &text, error)) return false;
    bool ok = json_is_string(text) || error_set(error, "%s: expected a JSON string", where);
    if (ok) {
        Ids ids = {0};
        tokenizer_encode(tokenizer, (Str){json_string_value(text), json_string_length(text)}, &ids);
        JsonWriter w = json_writer(out);
        jw_array_begin(&w);
        for (int32_t i = 0; i < ids.len; i++) jw_int(&w, ids.data[i]);
        jw_array_end(&w);
        buf_add_char(out, '\n');
        ids_free(&ids);
    }
    json_decref(text);
    return ok;
}

static bool tokenize_all(const Options *options, const Tokenizer *tokenizer, FileWriter *writer, Error *error) {
    LineReader *reader;
    const char *path = options_text(options, "in");
    if (!line_reader_open(path, JSON_LINE_MAX_BYTES, &reader, error)) return false;
    Buf out;
    buf_init(&out, 0);
    Str line;
    int got = 0;
    bool ok = true;
    while (ok && (got = line_reader_next(reader, &line, error)) > 0) {
        char where[512];
        snprintf(where, sizeof where, "%.400s:%zu", path, line_reader_number(reader));
        buf_clear(&out);
        ok = tokenize_line(tokenizer, line, where, &out, error);
        if (ok) file_writer_add_str(writer, buf_str(&out));
    }
    buf_free(&out);
    line_reader_close(reader);
    return ok && got == 0;
}

static bool run(const Options *options, Error *error) {
    ModelBundle bundle;
    const char *path = options_text(options, "model");
    Tokenizer *alone = NULL;
    ChatTemplate chat;
    bool has_chat;
    char *config = path_join(path, "config.json"), *adapter = path_join(path, "adapter_config.json");
    bool folder_without_model = dir_exists(path) && !file_exists(config) && !file_exists(adapter);
    mem_free(config);
    mem_free(adapter);
    bool ok = folder_without_model ? tokenizer_open(path, &alone, &chat, &has_chat, error) : model_bundle_open(path, &bundle, error);
    if (!ok) return false;
    FileWriter *writer;
    ok = file_writer_open(options_text(options, "out"), &writer, error);
    if (ok) {
        ok = tokenize_all(options, alone != NULL ? alone : bundle.tokenizer, writer, error);
        if (ok) {
            ok = file_writer_commit(writer, error);
        } else {
            file_writer_abort(writer);
        }
    }
    if (alone != NULL) {
        tokenizer_destroy(alone);
    } else {
        model_bundle_close(&bundle);
    }
    return ok;
}

const Command command_tokenize = {"tokenize", "ids of JSON strings, one a line", "model", rows, run};
