#include "methods/score_rlt.h"

#include <assert.h>
#include <string.h>

#include "engine/score_kl.h"

void rlt_texts_make(RltTexts *t, const Dialogue *student, const char *system, Str question, Str solution) {
    dialogue_student_before(student, system, question, &t->before);
    dialogue_student_after(student, solution, &t->after, &t->from, &t->to);
}

void rlt_texts_free(RltTexts *texts) {
    ids_free(&texts->before);
    ids_free(&texts->after);
}

// Everything that scoring needs to keep alive while the model runs: by question and by sample.
typedef struct Workspace {
    Arena *memory;
    ScoreSequence *sequences;
    RltTexts *texts;        // [n_questions] views; `before` a copy: what is shared is told by its address, and two
                            // questions of a call may be one of the data
    RltTexts *own;          // [n_questions] of questions that bring none
    Ids *prompts;           // [n_questions] of the teacher, where it is run
    float **logp;           // [n_samples] over o and what follows
} Workspace;

static float *take_floats(Arena *memory, int32_t n) { return arena_alloc(memory, (size_t)n, sizeof(float)); }

static void student_sequence(Workspace *w, int32_t q, int32_t i, const RltSample *sample) {
    const RltTexts *texts = &w->texts[q];
    int32_t n_o = sample->n_explanation, n = n_o + texts->after.len;
    int32_t *joined = arena_alloc(w->memory, (size_t)n, sizeof *joined);
    if (n_o > 0) memcpy(joined, sample->ids, (size_t)n_o * sizeof *joined);
    memcpy(joined + n_o, texts->after.data, (size_t)texts->after.len * sizeof *joined);
    // up to the last token of s: what comes after it is not asked for
    int32_t to = n_o + texts->to;
    w->logp[i] = take_floats(w->memory, to);
    w->sequences[i] = (ScoreSequence){texts->before.data, texts->before.len, joined, n, 0, to, w->logp[i]};
}

// Both lie in the sequence's own log-probs.
static void student_results(const Workspace *w, int32_t q, int32_t i, RltSample *sample) {
    const RltTexts *texts = &w->texts[q];
    sample->n_solution = texts->to - texts->from;
    sample->student_logp = w->logp[i];
    sample->solution_logp = w->logp[i] + sample->n_explanation + texts->from;
}

static bool score_student(RltScorer *scorer, RltQuestion *questions, int32_t n_questions, Workspace *w, Error *error) {
    int32_t i = 0;
    for (int32_t q = 0; q < n_questions; q++) {
        const RltQuestion *question = &questions[q];
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
        dialogue_teacher_prompt(scorer->teacher_dialogue, question->question, question->solution, &w->prompts[q]);
        for (int32_t s = 0; s < question->n_samples; s++) {
            RltSample *sample = &question->samples[s];
            if (sample->teacher_logp != NULL) continue;
            sample->own_teacher_logp = take_floats(w->memory, sample->n_explanation);
            w->sequences[n++] = (ScoreSequence){w->prompts[q].data, w->prompts[q].len, sample->ids, sample->n_explanation, 0,
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
    ScoreSequence *students = arena_alloc(w->memory, (size_t)n_samples, sizeof *students);
    for (int32_t q = 0; q < n_questions; q++) {
        RltQuestion *question = &questions[q];
        const Ids *before = &w->texts[q].before, *prompt = &w->prompts[q]; // score_teacher's
        for (int32_t s = 0; s < question->n_samples; s++, n++) {
            RltSample *sample = &question->samples[s];
            int32_t n_o = sample->n_explanation;
            sample->exact_kl = take_floats(w->memory, n_o);
            w->sequences[n] = (ScoreSequence){prompt->data, prompt->len, sample->ids, n_o, 0, n_o, sample->exact_kl};
            students[n] = (ScoreSequence){before->data, before->len, sample->ids, n_o, 0, n_o, NULL};
        }
    }
    KlSide teacher = {scorer->teacher, scorer->teacher_pass, w->sequences};
    KlSide student = {scorer->student, scorer->student_pass, students};
    return score_kl(&teacher, &student, n, scorer->temperature, scorer->max_rows, &scorer->counts, error);
}

static void set_reward(const RltScorer *scorer, RltSample *sample, double *scratch) {
    const float *teacher = sample->teacher_logp != NULL ? sample->teacher_logp : sample->own_teacher_logp;
    RewardTokens tokens = {teacher, sample->student_logp, sample->exact_kl, sample->n_explanation,
                           sample->solution_logp, sample->n_solution, sample->closed};
    if (sample->want_tokens) {
        sample->ss_values = take_floats(scorer->memory, sample->n_solution);
        sample->kl_values = take_floats(scorer->memory, sample->n_explanation);
    }
    sample->parts = reward_rlt(&scorer->rewards, &tokens, sample->ss_values, sample->kl_values, scratch);
}

static void set_rewards(const RltScorer *scorer, RltQuestion *questions, int32_t n_questions) {
    int32_t most = 0;
    for (int32_t q = 0; q < n_questions; q++) {
        for (int32_t s = 0; s < questions[q].n_samples; s++) {
            const RltSample *sample = &questions[q].samples[s];
            int32_t n = sample->n_explanation > sample->n_solution ? sample->n_explanation : sample->n_solution;
            most = n > most ? n : most;
        }
    }
    double *scratch = arena_alloc(scorer->memory, 2 * (size_t)most, sizeof *scratch);
    for (int32_t q = 0; q < n_questions; q++) {
        for (int32_t s = 0; s < questions[q].n_samples; s++) set_reward(scorer, &questions[q].samples[s], scratch);
    }
}

static void find_explanations(const RltScorer *scorer, RltQuestion *questions, int32_t n_questions) {
    const Dialogue *d = scorer->teacher_dialogue;
    size_t most = 0; // bytes of a completion
    for (int32_t q = 0; q < n_questions; q++) {
        for (int32_t s = 0; s < questions[q].n_samples; s++) {
            size_t bytes = tokenizer_decoded_bytes(d->tokenizer, questions[q].samples[s].ids, questions[q].samples[s].n);
            most = bytes > most ? bytes : most;
        }
    }
    Buf text = buf_in_arena(scorer->memory, most);
    for (int32_t q = 0; q < n_questions; q++) {
        for (int32_t s = 0; s < questions[q].n_samples; s++) {
            RltSample *sample = &questions[q].samples[s];
            buf_clear(&text);
            Explanation found = dialogue_find_explanation(d, sample->ids, sample->n, &text);
            sample->n_explanation = found.n_ids;
            sample->closed = found.closed;
        }
    }
}

static void find_texts(const RltScorer *scorer, const RltQuestion *questions, int32_t n_questions, Workspace *w) {
    for (int32_t q = 0; q < n_questions; q++) {
        const RltQuestion *question = &questions[q];
        const RltTexts *texts = question->texts;
        if (texts == NULL) {
            rlt_texts_make(&w->own[q], scorer->student_dialogue, question->student_system, question->question, question->solution);
            texts = &w->own[q];
        }
        w->texts[q] = *texts;
        w->texts[q].before.data = arena_alloc(w->memory, (size_t)texts->before.len, sizeof(int32_t));
        memcpy(w->texts[q].before.data, texts->before.data, (size_t)texts->before.len * sizeof(int32_t));
    }
}

bool score_rlt(RltScorer *scorer, RltQuestion *questions, int32_t n_questions, Error *error) {
    int32_t n_samples = 0;
    for (int32_t q = 0; q < n_questions; q++) n_samples += questions[q].n_samples;
    size_t nq = (size_t)n_questions, ns = (size_t)n_samples;
    Arena *m = scorer->memory;
    Workspace w = {m, arena_alloc(m, ns, sizeof(ScoreSequence)), arena_alloc(m, nq, sizeof(RltTexts)),
                   arena_alloc(m, nq, sizeof(RltTexts)), arena_alloc(m, nq, sizeof(Ids)), arena_alloc(m, ns, sizeof(float *))};
    find_explanations(scorer, questions, n_questions);
    find_texts(scorer, questions, n_questions, &w);
    bool ok = score_student(scorer, questions, n_questions, &w, error) &&
              (scorer->teacher == NULL || score_teacher(scorer, questions, n_questions, &w, error)) &&
              (scorer->rewards.kl_estimator != KL_EXACT || score_exact_kl(scorer, questions, n_questions, &w, error));
    if (ok) set_rewards(scorer, questions, n_questions);
    for (int32_t q = 0; q < n_questions; q++) {
        rlt_texts_free(&w.own[q]);
        ids_free(&w.prompts[q]);
    }
    return ok;
}

size_t score_rlt_bytes(const RltSize *z) {
    size_t questions = (size_t)z->questions, samples = questions * (size_t)z->samples, max_tokens = (size_t)z->max_tokens;
    size_t text = max_tokens + (size_t)z->student_text;
    // o and what follows, its log-probs, and where tokens are wanted the values of o and s
    size_t a_sample = sizeof(ScoreSequence) + sizeof(float *) + text * (sizeof(int32_t) + 2 * sizeof(float)) + 4 * ARENA_ALIGN;
    size_t a_question = 2 * sizeof(RltTexts) + sizeof(Ids) + (size_t)z->student_text * sizeof(int32_t) + ARENA_ALIGN;
    return samples * a_sample + questions * a_question + max_tokens * z->token_bytes + 2 * text * sizeof(double) + 8 * ARENA_ALIGN;
}
