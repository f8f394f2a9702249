#include "methods/reward_program.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/process.h"

#define ARGUMENTS_MAX REWARD_PROGRAM_FILES_MAX
#define ANSWER_MAX_BYTES ((size_t)64 << 10)

struct RewardProgram {
    Process *process;
    char *name;
    double seconds;
};

// The strings of a JSON array; borrowed from it.
static bool read_arguments(json_t *array, const char **argv, Error *error) {
    json_t *item;
    size_t i;
    bool ok = json_is_array(array) && json_array_size(array) >= 1 && json_array_size(array) <= ARGUMENTS_MAX;
    if (ok) {
        json_array_foreach(array, i, item) {
            ok = ok && json_is_string(item) && strlen(json_string_value(item)) == json_string_length(item);
            if (ok) argv[i] = json_string_value(item);
        }
    }
    ok = ok && argv[0][0] != '\0';
    return ok || error_set(error, "reward.program: expected a path or an array of 1 to %d strings, the program first",
                           ARGUMENTS_MAX);
}

// argv of a command, ended by NULL; borrowed from it and from *array.
static bool parse_command(const char *command, const char **argv, json_t **array, Error *error) {
    argv[0] = command;
    return command[0] != '[' ||
           (json_parse(str_of(command), "reward.program", array, error) && read_arguments(*array, argv, error));
}

bool reward_program_open(const char *command, double seconds, RewardProgram **program, Error *error) {
    const char *argv[ARGUMENTS_MAX + 1] = {NULL};
    json_t *array = NULL;
    Process *process = NULL;
    *program = NULL;
    bool ok = parse_command(command, argv, &array, error) && process_open(argv, &process, error);
    if (ok) {
        *program = mem_alloc(1, sizeof **program);
        **program = (RewardProgram){process, mem_strdup(argv[0]), seconds};
    } else {
        error_prefix(error, "reward");
    }
    json_decref(array);
    return ok;
}

bool reward_program_files(const char *command, RewardProgramFiles *files, Error *error) {
    const char *argv[ARGUMENTS_MAX + 1] = {NULL};
    json_t *array = NULL;
    *files = (RewardProgramFiles){.n = 0};
    bool ok = parse_command(command, argv, &array, error);
    char *program = ok ? process_find(argv[0]) : NULL;
    if (ok && program == NULL) ok = error_set(error, "program %s: expected a program that can be started", argv[0]);
    if (ok) files->paths[files->n++] = program;
    for (int i = 1; ok && argv[i] != NULL; i++) {
        uint64_t size;
        if (file_size(argv[i], &size, NULL)) files->paths[files->n++] = mem_strdup(argv[i]);
    }
    json_decref(array);
    return ok;
}

void reward_program_files_free(RewardProgramFiles *files) {
    for (int i = 0; i < files->n; i++) mem_free(files->paths[i]);
    files->n = 0;
}

void reward_program_close(RewardProgram *program) {
    if (program == NULL) return;
    process_close(program->process);
    mem_free(program->name);
    mem_free(program);
}

static void write_query(int32_t id, const RewardQuery *query, Buf *out) {
    Buf row;
    buf_init(&row, 0);
    row_write(query->row, &row);
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kint(&w, "id", id);
    jw_key(&w, "row");
    buf_add(out, row.data, row.len - 1); // without its newline
    w.need_comma = true;
    jw_kstring(&w, "completion", query->completion);
    jw_kint(&w, "tokens", query->n_tokens);
    jw_kbool(&w, "truncated", query->truncated);
    jw_object_end(&w);
    buf_add_char(out, '\n');
    buf_free(&row);
}

bool reward_answer_parse(Str line, const char *where, int64_t id, double *reward, Error *error) {
    json_t *answer = NULL;
    int64_t said;
    bool ok = json_parse(line, where, &answer, error);
    if (ok && !json_is_object(answer)) ok = error_set(error, "%s: expected an object", where);
    ok = ok && json_need_number(answer, where, "reward", reward, error) &&
         json_int_or(answer, where, "id", INT64_MIN, INT64_MAX, id, &said, error);
    if (ok && !isfinite(*reward)) ok = error_set(error, "%s: key \"reward\": expected a finite number", where);
    if (ok && said != id)
        ok = error_set(error, "%s: key \"id\": expected %lld, in the order of the questions", where, (long long)id);
    json_decref(answer);
    return ok;
}

static bool read_answers(const RewardProgram *program, Str text, int32_t n, double *rewards, Error *error) {
    size_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        size_t end = (size_t)str_find(text, STR("\n"), at);
        char where[256];
        snprintf(where, sizeof where, "program %.200s: answer %d of %d", program->name, i + 1, n);
        if (!reward_answer_parse((Str){text.ptr + at, end - at}, where, i, &rewards[i], error)) return false;
        at = end + 1;
    }
    return true;
}

bool reward_program_ask(RewardProgram *program, const RewardQuery *queries, int32_t n, double *rewards, Error *error) {
    Buf input, output;
    buf_init(&input, 0), buf_init(&output, 0);
    for (int32_t i = 0; i < n; i++)
        write_query(i, &queries[i], &input);
    ProcessLimits limits = {program->seconds, ANSWER_MAX_BYTES};
    bool ok = process_exchange(program->process, buf_str(&input), (size_t)n, &limits, &output, error) &&
              read_answers(program, buf_str(&output), n, rewards, error);
    buf_free(&input), buf_free(&output);
    return ok || error_prefix(error, "reward");
}
