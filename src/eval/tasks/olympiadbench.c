// OlympiadBench, mathematics with open answers, text only. final_answer is a list of texts, mostly of one; several are
// one answer that lists them all.
#include "eval/task_parts.h"
#include "eval/tasks/tasks.h"

#define ANSWERS_MAX 64

static bool read_answers(json_t *row, const char *where, const TaskReader *reader, Str *gold, Error *error) {
    json_t *list;
    if (!json_need_array(row, where, "final_answer", &list, error)) return false;
    size_t n = json_array_size(list);
    if (n < 1 || n > ANSWERS_MAX) {
        return error_set(error, "%s: key \"final_answer\": expected 1 to %d answers, found %zu", where, ANSWERS_MAX, n);
    }
    Buf text;
    buf_init(&text, 0);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        json_t *answer = json_array_get(list, i);
        ok = json_is_string(answer) || error_set(error, "%s: key \"final_answer\": expected texts", where);
        if (!ok) break;
        if (i > 0) buf_add_text(&text, ", ");
        buf_add(&text, json_string_value(answer), json_string_length(answer));
    }
    if (ok) *gold = task_keep(reader, buf_str(&text));
    buf_free(&text);
    return ok;
}

// What the question refers to stands in `context`, where there is some.
static bool read_question(json_t *row, const char *where, const TaskReader *reader, Str *out, Error *error) {
    Str question, context;
    if (!task_need_text(row, where, "question", reader, &question, error) ||
        !task_text_or_none(row, where, "context", reader, &context, error)) {
        return false;
    }
    *out = question;
    if (context.len == 0) return true;
    Buf text;
    buf_init(&text, 0);
    buf_add_str(&text, context);
    buf_add_text(&text, "\n\n");
    buf_add_str(&text, question);
    *out = task_keep(reader, buf_str(&text));
    buf_free(&text);
    return true;
}

static bool read(json_t *row, const char *where, const TaskReader *reader, TaskQuestion *q, Error *error) {
    Str modality;
    if (!task_text_or_none(row, where, "modality", reader, &modality, error)) return false;
    if (modality.ptr != NULL && !str_equal(modality, STR("Text-only"))) {
        return error_set(error, "%s: key \"modality\": expected Text-only: pictures are not shown to the model", where);
    }
    return read_question(row, where, reader, &q->text, error) &&
           read_answers(row, where, reader, &q->gold, error) &&
           task_text_or_none(row, where, "id", reader, &q->id, error);
}

static const TaskFile files[] = {
    {"mathematics, English, open answers, text only, test.jsonl, 675 rows",
     "github.com/hkust-nlp/simpleRL-reason, examples/simplelr_math_eval/data/olympiadbench", "MIT",
     "bb8c1e38a16ea9eacb77530315a674d883f267fbff79183effc53681b4fcc416"},
    {"OE_TO_maths_en_COMP, Parquet, 674 rows", "huggingface.co/datasets/Hothan/OlympiadBench", "as stated there", NULL},
    {0},
};

const Task task_olympiad = {.name = "olympiadbench", .about = "olympiad mathematics with open answers", .files = files,
                            .before = TASK_BOXED_BEFORE, .after = TASK_BOXED_AFTER, .prompt = "rlt", .read = read,
                            .grade = task_grade_math, .same = task_same_math};
