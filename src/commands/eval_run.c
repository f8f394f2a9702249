#include "commands/eval_run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/results.h"

// ---- what an interrupted run has left

// Marks the questions whose answers all lie in the file, and finds where the last of them ends. Answers of a question
// stand together; what follows the last whole group is cut off.
static bool read_done(const EvalRun *run, bool *done, uint64_t *keep_bytes, Error *error) {
    LineReader *lines;
    if (!line_reader_open(run->partial, JSON_LINE_MAX_BYTES, &lines, error)) return false;
    uint64_t bytes = 0, size;
    bool ok = file_size(run->partial, &size, error);
    Str line;
    int more;
    int32_t next = 0;
    while (ok && (more = line_reader_next(lines, &line, error)) != 0) {
        ok = more > 0;
        if (!ok) break;
        bytes += line.len + 1;
        if (bytes > size) break; // no newline at the end
        json_t *row;
        int64_t q = 0, sample = 0;
        char where[512];
        snprintf(where, sizeof where, "%.400s:%zu", run->partial, line_reader_number(lines));
        if (!json_parse(line, where, &row, error)) {
            ok = false;
            break;
        }
        ok = (json_is_object(row) || error_set(error, "%s: expected an object", where)) &&
             json_need_int(row, where, "row", 0, run->n - 1, &q, error) &&
             json_need_int(row, where, "sample", next, next, &sample, error);
        json_decref(row);
        next = (next + 1) % run->samples;
        if (ok && next == 0) done[q] = true, *keep_bytes = bytes;
    }
    line_reader_close(lines);
    return ok;
}

bool eval_gather_open(EvalRun *run, Error *error) {
    run->partial = path_join(options_text(run->options, "out"), EVAL_PARTIAL_FILE);
    bool *done = mem_alloc((size_t)run->n, sizeof *done);
    uint64_t keep_bytes = 0;
    bool resume = options_bool(run->options, "resume") && file_exists(run->partial);
    bool ok = (!resume || read_done(run, done, &keep_bytes, error)) &&
              file_appender_open(run->partial, keep_bytes, &run->out, error);
    run->todo = mem_alloc((size_t)run->n, sizeof *run->todo);
    for (int32_t q = 0; ok && q < run->n; q++) {
        if (!done[q]) run->todo[run->n_todo++] = q;
    }
    run->n_answered = (uint64_t)(run->n - run->n_todo) * (uint64_t)run->samples;
    mem_free(done);
    return ok;
}

// ---- grading

// The first earlier sample with the same answer; itself where there is none, -1 without an answer or votes. Only the
// first of each kind is looked at.
static int32_t find_same(const Task *task, const TaskVerdict *verdicts, const int32_t *same_as, int32_t sample) {
    Str answer = verdicts[sample].found.answer;
    if (task->same == NULL || answer.ptr == NULL) return -1;
    for (int32_t i = 0; i < sample; i++) {
        if (same_as[i] != i) continue;
        Str other = verdicts[i].found.answer;
        if (str_equal(other, answer) || task->same(other, answer)) return i;
    }
    return sample;
}

static void add_row(const EvalRun *run, int32_t q, int32_t sample, Str prompt, const EvalAnswer *answer,
                    const TaskVerdict *verdict, int32_t same_as, Buf *lines) {
    const SampleRow row = {.row = q,
                           .sample = sample,
                           .question = &run->questions.list[q],
                           .prompt = prompt,
                           .output = buf_str(&answer->text),
                           .verdict = verdict,
                           .same_as = same_as,
                           .tokens = answer->tokens,
                           .put = answer->put,
                           .waits = answer->waits,
                           .closed = answer->closed,
                           .finish = answer->finish,
                           .refusal = answer->refusal};
    sample_row_write(&row, lines);
}

bool eval_gather_add(EvalRun *run, int32_t q, const EvalAnswer *answers, Error *error) {
    const TaskQuestion *question = &run->questions.list[q];
    TaskVerdict *verdicts = mem_alloc((size_t)run->samples, sizeof *verdicts);
    int32_t *same_as = mem_alloc((size_t)run->samples, sizeof *same_as);
    Buf prompt, lines;
    buf_init(&prompt, 0), buf_init(&lines, 0);
    task_prompt(run->task, run->prompt, question, &prompt);
    bool ok = true;
    for (int32_t s = 0; ok && s < run->samples; s++) {
        ok = task_grade(&run->grader, run->task, question, buf_str(&answers[s].text), &verdicts[s], error);
        if (!ok) break;
        same_as[s] = find_same(run->task, verdicts, same_as, s);
        add_row(run, q, s, buf_str(&prompt), &answers[s], &verdicts[s], same_as[s], &lines);
    }
    ok = ok && file_appender_add(run->out, buf_str(&lines), error);
    run->n_answered += (uint64_t)run->samples;
    progress_update(run->progress, run->n_answered, NULL);
    buf_free(&prompt), buf_free(&lines);
    mem_free(verdicts), mem_free(same_as);
    return ok;
}

// ---- the finished file

typedef struct Group { // a question's lines in the partial file
    size_t from, to;
} Group;

static bool find_groups(const EvalRun *run, const FileMap *map, Group *groups, Error *error) {
    size_t from = 0;
    int32_t lines = 0;
    for (size_t i = 0; i < map->size; i++) {
        if (map->data[i] != '\n' || ++lines % run->samples != 0) continue;
        const char *key = "{\"row\":"; // with which each line begins
        size_t n = strlen(key);
        assert(i - from > n && memcmp(map->data + from, key, n) == 0);
        long long q = strtoll((const char *)map->data + from + n, NULL, 10); // a comma ends it
        if (q < 0 || q >= run->n || groups[q].to > 0) {
            return error_set(error, "%s: row %lld: expected each question once", run->partial, q);
        }
        groups[q] = (Group){from, i + 1};
        from = i + 1;
    }
    for (int32_t q = 0; q < run->n; q++) {
        if (groups[q].to == 0) return error_set(error, "%s: row %d is missing", run->partial, q);
    }
    return true;
}

bool eval_gather_finish(EvalRun *run, const char *path, Error *error) {
    FileMap map;
    FileWriter *writer;
    if (!file_appender_sync(run->out, error) || !file_map(run->partial, &map, error)) return false;
    Group *groups = mem_alloc((size_t)run->n, sizeof *groups);
    bool ok = find_groups(run, &map, groups, error) && file_writer_open(path, &writer, error);
    if (ok) {
        for (int32_t q = 0; q < run->n; q++) {
            file_writer_add(writer, map.data + groups[q].from, groups[q].to - groups[q].from);
        }
        ok = file_writer_commit(writer, error);
    }
    mem_free(groups);
    file_unmap(&map);
    return ok;
}

bool eval_gather_remove(EvalRun *run, Error *error) {
    file_appender_close(run->out);
    run->out = NULL;
    return path_remove(run->partial, error);
}
