// rlt logp: log-probs of given ids under a model.
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/model_bundle.h"
#include "engine/score.h"

static const OptionRow rows[] = {
    {"model", OPTION_INPUT, NULL, 0, 0, NULL, "A Hugging Face folder or a GGUF file."},
    BASE_OPTION,
    {"in", OPTION_INPUT, NULL, 0, 0, NULL, "JSONL with ids in each row."},
    {"out", OPTION_OUTPUT, "-", 0, 0, NULL, "JSONL with logp [len - 1], of each next id; -: standard output."},
    {"temperature", OPTION_REAL, "1", 0.01, 100, NULL, "Logits are divided by it."},
    {"max_rows", OPTION_INT, "2048", 1, 1e7, NULL, "Tokens a batch; changes no bit of the result."},
    DTYPE_OPTION,
    {"backend", OPTION_TEXT, "cpu", 0, 0, NULL, "ref, cpu, cpu:portable, cpu:avx2, cpu:avx512."},
    {0},
};

typedef struct Sequences {
    Ids *ids;
    size_t n, cap;
} Sequences;

static bool read_ids(Str line, const char *where, int32_t vocabulary, Ids *ids, Error *error) {
    json_t *row, *array, *id;
    size_t i;
    if (!json_parse(line, where, &row, error)) return false;
    bool ok = json_need_array(row, where, "ids", &array, error);
    if (ok) {
        json_array_foreach(array, i, id) {
            bool fits = json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) < vocabulary;
            if (!fits) {
                ok = error_set(error, "%s: key \"ids\": element %zu: expected an id from 0 to %d", where, i, vocabulary - 1);
                break;
            }
            ids_add(ids, (int32_t)json_integer_value(id));
        }
    }
    json_decref(row);
    return ok;
}

static bool read_all(const char *path, int32_t vocabulary, Sequences *s, Error *error) {
    LineReader *reader;
    if (!line_reader_open(path, JSON_LINE_MAX_BYTES, &reader, error)) return false;
    Str line;
    int got = 0;
    bool ok = true;
    while (ok && (got = line_reader_next(reader, &line, error)) > 0) {
        if (str_trim(line).len == 0) continue;
        if (s->n == s->cap) {
            s->cap = s->cap * 2 + 64;
            s->ids = mem_realloc(s->ids, s->cap, sizeof *s->ids);
        }
        s->ids[s->n] = (Ids){0};
        char where[512];
        snprintf(where, sizeof where, "%.400s:%zu", path, line_reader_number(reader));
        ok = read_ids(line, where, vocabulary, &s->ids[s->n++], error);
    }
    line_reader_close(reader);
    return ok && got == 0;
}

static bool score_all(const Options *o, Model *model, const Sequences *s, Error *error) {
    ScoreSequence *sequences = mem_alloc(s->n, sizeof *sequences);
    for (size_t i = 0; i < s->n; i++) {
        int32_t n = s->ids[i].len;
        sequences[i] = (ScoreSequence){NULL, 0, s->ids[i].data, n, n > 0 ? 1 : 0, n, mem_alloc((size_t)n + 1, sizeof(float))};
        if (n < 2) sequences[i].from = sequences[i].to = n;
    }
    Pass *pass = pass_create(model, (PassSettings){0});
    FileWriter *writer = NULL;
    bool ok = score_sequences(model, pass, sequences, (int32_t)s->n, (float)options_real(o, "temperature"),
                              (int32_t)options_int(o, "max_rows"), NULL, error) &&
              file_writer_open(options_text(o, "out"), &writer, error);
    Buf line;
    buf_init(&line, 0);
    for (size_t i = 0; ok && i < s->n; i++) {
        buf_clear(&line);
        JsonWriter w = json_writer(&line);
        jw_object_begin(&w);
        jw_kf32_array(&w, "logp", sequences[i].logp, s->ids[i].len > 0 ? (size_t)s->ids[i].len - 1 : 0);
        jw_object_end(&w);
        buf_add_char(&line, '\n');
        file_writer_add_str(writer, buf_str(&line));
    }
    ok = ok && file_writer_commit(writer, error);
    buf_free(&line);
    pass_destroy(pass);
    for (size_t i = 0; i < s->n; i++) mem_free(sequences[i].logp);
    mem_free(sequences);
    return ok;
}

static bool run(const Options *options, Error *error) {
    ModelFile *file = NULL;
    Backend *backend = NULL;
    Model *model = NULL;
    Sequences s = {0};
    Dtype dtype = dtype_option(options, "dtype");
    bool ok = backend_create(options_text(options, "backend"), &backend, error) &&
              model_file_open_over(options_text(options, "model"), options_text(options, "base"), &file, error) &&
              read_all(options_text(options, "in"), model_file_config(file)->vocabulary, &s, error) &&
              model_load(file, backend, dtype, &model, error) && score_all(options, model, &s, error);
    for (size_t i = 0; i < s.n; i++) ids_free(&s.ids[i]);
    mem_free(s.ids);
    model_destroy(model);
    model_file_close(file);
    backend_destroy(backend);
    return ok;
}

const Command command_logp = {"logp", "log-probs of given ids", "", rows, run};
