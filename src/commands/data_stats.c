// rlt data stats: how long what rows hold is, and what of it a limit on tokens would cut off.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "commands/commands.h"
#include "commands/model_bundle.h"
#include "commands/training.h"
#include "data/row_source.h"

// clang-format off
static const OptionRow stats_rows[] = {
    {"data", OPTION_INPUT, NULL, 0, 0, NULL, "Rows: JSON lines or an array, also .gz and .zst, or Parquet."},
    {"model", OPTION_INPUT, "", 0, 0, NULL, "Counts in this model's tokens; none: in bytes."},
    BASE_OPTION,
    {"max_tokens", OPTION_INT, "0", 0, 1e7, NULL, "Counts the whole examples with more tokens, which sft max_length leaves out; 0: does not."},
    {"format", OPTION_CHOICE, "student", 0, 0, "student|teacher", "Layout of a whole example, as sft trains on it: with its prompt, tags and end of turn."},
    DIALOGUE_OPTIONS,
    {0},
};
// clang-format on

enum { QUESTION, SOLUTION, TRACE, COMPLETION, TEXT, EXAMPLE, N_LENGTHS };

typedef struct Lengths {
    const char *name;
    int64_t *values;
    size_t n, capacity;
} Lengths;

typedef struct Stats {
    const Options *options;
    ModelBundle bundle; // no tokenizer: bytes
    DialogueFormat format;
    Lengths lengths[N_LENGTHS];
    size_t n_rows, n_bad, n_over;
    Ids ids;
} Stats;

// ---- what is printed

static int compare_lengths(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// Of sorted values, linear between neighbours (NumPy's default).
static double quantile(const Lengths *l, double share) {
    double place = share * (double)(l->n - 1), low = floor(place);
    size_t i = (size_t)low, next = i + 1 < l->n ? i + 1 : i;
    return (double)l->values[i] + (place - low) * (double)(l->values[next] - l->values[i]);
}

static void print_lengths(Lengths *l) {
    if (l->n == 0) return;
    qsort(l->values, l->n, sizeof *l->values, compare_lengths);
    double sum = 0;
    for (size_t i = 0; i < l->n; i++)
        sum += (double)l->values[i];
    printf("%-16s %9zu %9.0f %11.1f %11.1f %11.1f %11.1f %9.0f %11.1f\n", l->name, l->n, quantile(l, 0),
           quantile(l, 0.25), quantile(l, 0.5), quantile(l, 0.75), quantile(l, 0.95), quantile(l, 1),
           sum / (double)l->n);
}

static void print_stats(Stats *s) {
    int64_t limit = options_int(s->options, "max_tokens");
    printf("rows: %zu, not parsed: %zu, lengths in %s\n", s->n_rows, s->n_bad,
           s->bundle.tokenizer != NULL ? "tokens" : "bytes");
    printf("%-16s %9s %9s %11s %11s %11s %11s %9s %11s\n", "", "rows", "min", "25%", "median", "75%", "95%", "max",
           "mean");
    for (int i = 0; i < N_LENGTHS; i++)
        print_lengths(&s->lengths[i]);
    if (limit > 0) {
        printf("over max_tokens=%lld: %zu of %zu examples\n", (long long)limit, s->n_over, s->lengths[EXAMPLE].n);
    }
}

// ---- what is counted

static void add_length(Lengths *l, int64_t value) {
    if (l->n == l->capacity) {
        l->capacity = l->capacity * 2 + 64;
        l->values = mem_realloc(l->values, l->capacity, sizeof *l->values);
    }
    l->values[l->n++] = value;
}

static void measure(Stats *s, Str text, Lengths *l) {
    if (text.ptr == NULL) return;
    int64_t length = (int64_t)text.len;
    if (s->bundle.tokenizer != NULL) {
        s->ids.len = 0;
        tokenizer_encode(s->bundle.tokenizer, text, &s->ids);
        length = s->ids.len;
    }
    add_length(l, length);
}

// The whole example, where the row has what one needs and the model has a chat template.
static void measure_example(Stats *s, const Row *row) {
    if (!s->bundle.has_chat || row->question.ptr == NULL || row->solution.ptr == NULL || row->trace.ptr == NULL) return;
    Dialogue d = {s->bundle.tokenizer, &s->bundle.chat, &s->format};
    int32_t from;
    s->ids.len = 0;
    if (strcmp(options_text(s->options, "format"), "teacher") == 0) {
        dialogue_teacher_example(&d, row->question, row->solution, row->trace, &s->ids, &from);
    } else {
        dialogue_student_example(&d, row->system.ptr, row->question, row->trace, row->solution, &s->ids, &from);
    }
    add_length(&s->lengths[EXAMPLE], s->ids.len);
    int64_t limit = options_int(s->options, "max_tokens");
    s->n_over += limit > 0 && s->ids.len > limit;
}

static void measure_row(Stats *s, const Row *row) {
    const Str parts[] = {row->question, row->solution, row->trace, row->completion, row->text};
    for (int i = QUESTION; i <= TEXT; i++)
        measure(s, parts[i], &s->lengths[i]);
    measure_example(s, row);
}

static bool measure_all(Stats *s, RowSource *source, const RowsLimits *limits, Error *error) {
    RowSourceStatus status;
    json_t *object;
    while ((status = row_source_next(source, &object, error)) == ROW_SOURCE_ROW || status == ROW_SOURCE_BAD_ROW) {
        Arena *arena = arena_create();
        Row row;
        bool ok =
            status == ROW_SOURCE_ROW && row_from_json(object, row_source_where(source), limits, arena, &row, error);
        if (ok) {
            measure_row(s, &row);
            row_release(&row);
        } else {
            log_warn("%s", error->message);
        }
        s->n_rows += ok;
        s->n_bad += !ok;
        arena_destroy(arena);
    }
    return status == ROW_SOURCE_END;
}

static bool open_model(Stats *s, Error *error) {
    const Options *o = s->options;
    bool limited = options_int(o, "max_tokens") > 0;
    if (!options_given(o, "model"))
        return !limited || error_set(error, "key \"max_tokens\": expected a model, whose tokens are meant");
    return model_bundle_open_key(o, "model", &s->bundle, error) &&
           dialogue_format_from_options(&s->format, o, error) &&
           (!limited || model_bundle_need_chat(&s->bundle, error));
}

static bool run_stats(const Options *o, Error *error) {
    static const char *const names[] = {"question", "solution", "reasoning_trace", "completion", "text", "example"};
    RowsLimits limits = rows_limits_default();
    RowSource *source = NULL;
    Stats s = {.options = o};
    dialogue_format_init(&s.format);
    for (int i = 0; i < N_LENGTHS; i++)
        s.lengths[i].name = names[i];
    bool ok = open_model(&s, error) && row_source_open(options_text(o, "data"), &limits, &source, error) &&
              measure_all(&s, source, &limits, error);
    if (ok) print_stats(&s);
    row_source_close(source);
    for (int i = 0; i < N_LENGTHS; i++)
        mem_free(s.lengths[i].values);
    ids_free(&s.ids);
    dialogue_format_free(&s.format);
    model_bundle_close(&s.bundle);
    return ok;
}

const Command command_data_stats = {"data stats", "lengths of what rows hold", "data model", stats_rows, run_stats};
