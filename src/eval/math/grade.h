// Grades one answer: finds it in a text where asked, tidies, parses and compares; compares texts where one does not
// parse.
#ifndef RLT_EVAL_MATH_GRADE_H
#define RLT_EVAL_MATH_GRADE_H

#include "eval/extract.h"
#include "eval/math/equal.h"

typedef enum GradeExtract { // where an answer is first looked for in a text
    GRADE_EXTRACT_NONE,     // both texts are answers
    GRADE_EXTRACT_PRED,
    GRADE_EXTRACT_BOTH,
} GradeExtract;
bool grade_extract_by_name(Str name, GradeExtract *out); // "none", "pred", "both"

typedef struct GradeSettings {
    GradeExtract extract;
    ExtractSettings tags;
    bool forms; // fills gold_form and pred_form
} GradeSettings;

typedef struct GradeResult {
    bool equal;
    MathHow how;
    Extracted gold, pred; // the answers that were compared; borrowed. rule EXTRACT_WHOLE: the text as it was given
    bool gold_parsed, pred_parsed; // neither is tried where the texts are the same and no forms are wanted
    Buf gold_form, pred_form;      // term_write's line; empty where the answer does not parse
} GradeResult;

// `result` is overwritten, and freed with grade_result_free. Never fails; any bytes will do. Bounded in time as
// math_equal.
void math_grade(Str gold, Str pred, const GradeSettings *settings, GradeResult *result);
void grade_result_free(GradeResult *result);

#endif
