#include "methods/score_rlt.h"

#include <assert.h>
#include <string.h>

#include "engine/score_kl.h"

void rlt_sample_free(RltSample *sample) {
    mem_free(sample->own_teacher_logp);
    mem_free(sample->student_logp);
    mem_free(sample->solution_logp);
    mem_free(sample->exact_kl);
    mem_free(sample->ss_values);
    mem_free(sample->kl_values);
    sample->own_teacher_logp = sample->student_logp = sample->solution_logp = NULL;
    sample->exact_kl = sample->ss_values = sample->kl_values = NULL;
}

// Everything that scoring needs to keep alive while the model runs: ids by question and by sample.
typedef struct Workspace {
    ScoreSequence *sequences;
    Ids *before;    // [n_questions] the student's text before o, or the teacher's prompt
    Ids *after;     // [n_questions] the student's text after o
    int32_t *from, *to; // [n_questions] of s within `after`
    Ids *joined;    // [n_samples] o and what follows
    float **logp;   // [n_samples] over all of `joined`
} Workspace;

static void student_sequence(Workspace *w, int32_t q, int32_t i, const RltSample *sample) {
    Ids *joined = &w->joined[i];
    ids_extend(joined, sample->ids, sample->n_explanation);
    ids_extend(joined, w->after[q].data, w->after[q].len);
    // up to the last token of s: what comes after it is not asked for
    int32_t to = sample->n_explanation + w->to[q];
    w->logp[i] = mem_alloc((size_t)to + 1, sizeof(float));
    w->sequences[i] = (ScoreSequence){w->before[q].data, w->before[q].len, joined->data, joined->len, 0, to, w->logp[i]};
}

static void student_results(const Workspace *w, int32_t q, int32_t i, RltSample *sample) {
    int32_t n_o = sample->n_explanation, n_s = w->to[q] - w->from[q];
    sample->student_logp = mem_alloc((size_t)n_o + 1, sizeof(float));
    sample->solution_logp = mem_alloc((size_t)n_s + 1, sizeof(float));
    sample->n_solution = n_s;
    memcpy(sample->student_logp, w->logp[i], (size_t)n_o * sizeof(float));
    memcpy(sample->solution_logp, w->logp[i] + n_o + w->from[q], (size_t)n_s * sizeof(float));
}

static bool score_student(RltScorer *scorer, RltQuestion *questions, int32_t n_questions, Workspace *w, Error *error) {
    int32_t i = 0;
    for (int32_t q = 0; q < n_questions; q++) {
        const RltQuestion *question = &questions[q];
        dialogue_student_before(scorer->student_dialogue, question->student_system, question->question, &w->before[q]);
        dialogue_student_after(scorer->student_dialogue, question->solution, &w->after[q], &w->from[q], &w->to[q]);
        for (int32_t s = 0; s < question->n_samples; s++) student_sequence(w, q, i++, &question->samples[s]);
    }
    if (!score_sequences(scorer->student, scorer->student_pass, w->sequences, i, scorer->temperature, scorer->max_rows,
                         &scorer->counts, error)) {
        return error_prefix(error, "student");
    }
    i = 0;
    for (int32_t q = 0; q < n_questions; q++) {
        for (int32_t s = 0; s < questions[q].n_samples; s++) student_results(w, q, i++, &questions[q].samples[s]);
    }
    return true;
}

static bool score_teacher(RltScorer *scorer, RltQuestion *questions, int32_t n_questions, Workspace *w, Error *error) {
    int32_t n = 0;
    for (int32_t q = 0; q < n_questions; q++) {
        RltQuestion *question = &questions[q];
        w->before[q].len = 0;
        dialogue_teacher_prompt(scorer->teacher_dialogue, question->question, question->solution, &w->before[q]);
        for (int32_t s = 0; s < question->n_samples; s++) {
            RltSample *sample = &question->samples[s];
            if (sample->teacher_logp != NULL) continue;
            sample->own_teacher_logp = mem_alloc((size_t)sample->n_explanation + 1, sizeof(float));
            w->sequences[n++] = (ScoreSequence){w->before[q].data, w->before[q].len, sample->ids, sample->n_explanation, 0,
                                                sample->n_explanation, sample->own_teacher_logp};
        }
    }
    if (!score_sequences(scorer->teacher, scorer->teacher_pass, w->sequences, n, scorer->temperature, scorer->max_rows,
                         &scorer->counts, error)) {
        return error_prefix(error, "teacher");
    }
    return true;
}

// The divergence after each token of o's path, over the whole vocabulary: both models' hidden states side by side.
static bool score_exact_kl(RltScorer *scorer, RltQuestion *questions, int32_t n_questions, Workspace *w, Error *error) {
    assert(scorer->teacher != NULL);
    int32_t n_samples = 0, n = 0;
    for (int32_t q = 0; q < n_questions; q++) n_samples += questions[q].n_samples;
    ScoreSequence *students = mem_alloc((size_t)n_samples, sizeof *students);
    Ids *prompts = mem_alloc((size_t)n_questions, sizeof *prompts);
    for (int32_t q = 0; q < n_questions; q++) {
        RltQuestion *question = &questions[q];
        w->before[q].len = 0;
        dialogue_student_before(scorer->student_dialogue, question->student_system, question->question, &w->before[q]);
        dialogue_teacher_prompt(scorer->teacher_dialogue, question->question, question->solution, &prompts[q]);
        for (int32_t s = 0; s < question->n_samples; s++, n++) {
            RltSample *sample = &question->samples[s];
            int32_t n_o = sample->n_explanation;
            sample->exact_kl = mem_alloc((size_t)n_o + 1, sizeof(float));
            w->sequences[n] = (ScoreSequence){prompts[q].data, prompts[q].len, sample->ids, n_o, 0, n_o, sample->exact_kl};
            students[n] = (ScoreSequence){w->before[q].data, w->before[q].len, sample->ids, n_o, 0, n_o, NULL};
        }
    }
    KlSide teacher = {scorer->teacher, scorer->teacher_pass, w->sequences};
    KlSide student = {scorer->student, scorer->student_pass, students};
    bool ok = score_kl(&teacher, &student, n, scorer->temperature, scorer->max_rows, &scorer->counts, error);
    for (int32_t q = 0; q < n_questions; q++) ids_free(&prompts[q]);
    mem_free(prompts);
    mem_free(students);
    return ok;
}

static void set_reward(const RltScorer *scorer, RltSample *sample) {
    const float *teacher = sample->teacher_logp != NULL ? sample->teacher_logp : sample->own_teacher_logp;
    RewardTokens tokens = {teacher, sample->student_logp, sample->exact_kl, sample->n_explanation,
                           sample->solution_logp, sample->n_solution, sample->closed};
    if (sample->want_tokens) {
        sample->ss_values = mem_alloc((size_t)sample->n_solution + 1, sizeof(float));
        sample->kl_values = mem_alloc((size_t)sample->n_explanation + 1, sizeof(float));
    }
    sample->parts = reward_rlt(&scorer->rewards, &tokens, sample->ss_values, sample->kl_values);
}

static void find_explanations(const RltScorer *scorer, RltQuestion *questions, int32_t n_questions) {
    Buf text;
    buf_init(&text, 0);
    for (int32_t q = 0; q < n_questions; q++) {
        for (int32_t s = 0; s < questions[q].n_samples; s++) {
            RltSample *sample = &questions[q].samples[s];
            buf_clear(&text);
            Explanation found = dialogue_find_explanation(scorer->teacher_dialogue, sample->ids, sample->n, &text);
            sample->n_explanation = found.n_ids;
            sample->closed = found.closed;
        }
    }
    buf_free(&text);
}

bool score_rlt(RltScorer *scorer, RltQuestion *questions, int32_t n_questions, Error *error) {
    int32_t n_samples = 0;
    for (int32_t q = 0; q < n_questions; q++) n_samples += questions[q].n_samples;
    size_t nq = (size_t)n_questions, ns = (size_t)n_samples;
    Workspace w = {mem_alloc(ns, sizeof(ScoreSequence)), mem_alloc(nq, sizeof(Ids)), mem_alloc(nq, sizeof(Ids)),
                   mem_alloc(nq, sizeof(int32_t)), mem_alloc(nq, sizeof(int32_t)), mem_alloc(ns, sizeof(Ids)),
                   mem_alloc(ns, sizeof(float *))};
    find_explanations(scorer, questions, n_questions);
    bool ok = score_student(scorer, questions, n_questions, &w, error) &&
              (scorer->teacher == NULL || score_teacher(scorer, questions, n_questions, &w, error)) &&
              (scorer->rewards.kl_estimator != KL_EXACT || score_exact_kl(scorer, questions, n_questions, &w, error));
    for (int32_t q = 0; ok && q < n_questions; q++) {
        for (int32_t s = 0; s < questions[q].n_samples; s++) set_reward(scorer, &questions[q].samples[s]);
    }
    for (int32_t i = 0; i < n_samples; i++) {
        ids_free(&w.joined[i]);
        mem_free(w.logp[i]);
    }
    for (int32_t q = 0; q < n_questions; q++) {
        ids_free(&w.before[q]);
        ids_free(&w.after[q]);
    }
    mem_free(w.sequences), mem_free(w.before), mem_free(w.after), mem_free(w.from), mem_free(w.to), mem_free(w.joined);
    mem_free(w.logp);
    return ok;
}
