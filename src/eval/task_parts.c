#include "eval/task_parts.h"

#include <string.h>

#include "eval/extract_impl.h"
#include "eval/math/grade.h"

Str task_keep(const TaskReader *reader, Str text) {
    return (Str){arena_strndup(reader->arena, text.ptr, text.len), text.len};
}

// The member under the first of the keys that is there and not null, else NULL.
static json_t *find_member(json_t *row, const char *keys) {
    for (const char *at = keys; *at != '\0';) {
        size_t n = strcspn(at, "|");
        char key[64];
        memcpy(key, at, n);
        key[n] = '\0';
        json_t *member = json_object_get(row, key);
        if (member != NULL && !json_is_null(member)) return member;
        at += n + (at[n] == '|');
    }
    return NULL;
}

bool task_text_or_none(json_t *row, const char *where, const char *keys, const TaskReader *reader, Str *out,
                       Error *error) {
    *out = (Str){NULL, 0};
    json_t *member = find_member(row, keys);
    if (member == NULL) return true;
    if (json_is_string(member)) {
        *out = task_keep(reader, (Str){json_string_value(member), json_string_length(member)});
        return true;
    }
    if (!json_is_number(member)) return error_set(error, "%s: key \"%s\": expected a text or a number", where, keys);
    Buf text;
    buf_init(&text, 0);
    JsonWriter w = json_writer(&text);
    if (json_is_integer(member))
        jw_int(&w, json_integer_value(member));
    else
        jw_f64(&w, json_real_value(member));
    *out = task_keep(reader, buf_str(&text));
    buf_free(&text);
    return true;
}

bool task_need_text(json_t *row, const char *where, const char *keys, const TaskReader *reader, Str *out,
                    Error *error) {
    if (!task_text_or_none(row, where, keys, reader, out, error)) return false;
    return out->ptr != NULL || error_set(error, "%s: expected a value under key \"%s\"", where, keys);
}

Str task_boxed(Str solution) { return extract_last_boxed(solution); }

bool task_grade_math(const TaskGrader *grader, const TaskQuestion *question, Str text, const ExtractSettings *settings,
                     TaskVerdict *verdict, Error *error) {
    (void)grader, (void)error;
    const GradeSettings grading = {.extract = GRADE_EXTRACT_PRED, .tags = *settings};
    GradeResult result;
    math_grade(question->gold, text, &grading, &result);
    verdict->right = result.equal;
    verdict->found = result.pred;
    if (result.pred.answer.ptr == NULL) {
        verdict->name = "no_answer";
    } else {
        verdict->name = result.equal ? "right" : "wrong";
        verdict->how = math_how_name(result.how);
    }
    grade_result_free(&result);
    return true;
}

bool task_same_math(Str a, Str b) {
    const GradeSettings grading = {.extract = GRADE_EXTRACT_NONE};
    GradeResult result;
    math_grade(a, b, &grading, &result);
    bool same = result.equal;
    grade_result_free(&result);
    return same;
}
