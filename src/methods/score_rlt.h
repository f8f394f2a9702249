// The RLT reward of explanations: what the frozen student makes of them. Used by RL, collection and `rlt score`.
#ifndef RLT_METHODS_SCORE_RLT_H
#define RLT_METHODS_SCORE_RLT_H

#include "engine/score.h"
#include "methods/rewards.h"
#include "text/dialogue.h"

// One explanation to be scored. Inputs first, results after; result arrays are allocated by score_rlt and freed with
// rlt_sample_free.
typedef struct RltSample {
    const int32_t *ids;        // [n] the teacher's completion, as sampled
    int32_t n;
    const float *teacher_logp; // [n]; NULL: computed with the teacher model
    bool want_tokens;          // fill ss_values and kl_values

    int32_t n_explanation;     // leading ids that belong to o
    bool closed;
    float *own_teacher_logp;   // [n_explanation], when computed here
    float *student_logp;       // [n_explanation]
    float *exact_kl;           // [n_explanation], with KL_EXACT; else NULL
    float *solution_logp;      // [n_solution]
    int32_t n_solution;
    float *ss_values, *kl_values; // [n_solution], [n_explanation]: what was reduced; NULL unless wanted
    RewardParts parts;
} RltSample;

typedef struct RltQuestion { // a question with its samples
    Str question, solution;
    const char *student_system; // NULL: the format's
    RltSample *samples;
    int32_t n_samples;
} RltQuestion;

typedef struct RltScorer {
    Model *student;
    Pass *student_pass;
    const Dialogue *student_dialogue;
    Model *teacher;                   // NULL where every sample brings teacher_logp and kl is not exact
    Pass *teacher_pass;
    const Dialogue *teacher_dialogue; // tags, to find the closing one
    RewardSettings rewards;
    float temperature;
    int32_t max_rows;                 // tokens a scoring batch
    ScoreCounts counts;               // added to
} RltScorer;

// Fills the results of every sample. The student reads q, o and s in one pass; q is shared by a question's samples.
// A sequence longer than a model's positions is an error naming the question's index.
MUST_CHECK bool score_rlt(RltScorer *scorer, RltQuestion *questions, int32_t n_questions, Error *error);
void rlt_sample_free(RltSample *sample);

#endif
