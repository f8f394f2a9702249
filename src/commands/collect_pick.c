#include "commands/collect_pick.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "commands/rl_options.h"

struct Picker {
    const DialogueFormat *format;
    bool many_attempts;
    int64_t budget;     // tokens of the student's training row; 0: none
    ModelBundle bundle; // the student's; its model NULL without rewards
    Dialogue student_dialogue, teacher_dialogue;
    Pass *student_pass, *teacher_pass;
    bool has_rewards, has_teacher; // has_teacher: attempts bring the teacher's log-probs
    RltScorer scorer;
    RewardSum sum;
};

static void attempt_free(Attempt *attempt) {
    buf_free(&attempt->trace);
    completion_free(&attempt->completion);
}

void attempts_free(Attempts *attempts) {
    for (int32_t i = 0; i < attempts->n; i++)
        attempt_free(&attempts->list[i]);
    mem_free(attempts->list);
    attempts->list = NULL;
    attempts->n = 0;
}

// ---- opening

static bool open_scorer(Picker *p, const Options *o, Backend *backend, const ModelBundle *teacher, Error *error) {
    const char *path = options_text(o, "student");
    Dtype dtype = strcmp(options_text(o, "dtype"), "bf16") == 0 ? DTYPE_BF16 : DTYPE_F32;
    RewardSettings rewards;
    if (!reward_settings_from_options(o, &rewards, error) ||
        !reward_sum_open(o, options_int(o, "max_tokens"), p->format, true, &p->sum, error)) {
        return false;
    }
    if (options_real(o, "temperature") <= 0)
        return error_set(error, "key temperature: expected above 0 with a student");
    if (!model_bundle_load(&p->bundle, backend, dtype, error)) return false;
    p->has_teacher = teacher != NULL;
    if (!p->has_teacher) { // nobody knows log pi_T
        rewards.n_kl = 0;
        rewards.kl_estimator = KL_K1;
    } else if (tokenizer_size(p->bundle.tokenizer) != tokenizer_size(teacher->tokenizer)) {
        return error_set(
            error, "%s: its tokenizer has %d ids, the teacher's %d: the explanation's ids must mean the same to both",
            path, tokenizer_size(p->bundle.tokenizer), tokenizer_size(teacher->tokenizer));
    }
    p->student_pass = pass_create(p->bundle.model, (PassSettings){0});
    p->teacher_dialogue =
        p->has_teacher ? (Dialogue){teacher->tokenizer, &teacher->chat, p->format} : p->student_dialogue;
    p->scorer = (RltScorer){.memory = arena_create(),
                            .student = p->bundle.model,
                            .student_pass = p->student_pass,
                            .student_dialogue = &p->student_dialogue,
                            .teacher_dialogue = &p->teacher_dialogue,
                            .rewards = rewards,
                            .temperature = (float)options_real(o, "temperature"),
                            .max_rows = (int32_t)options_int(o, "max_rows")};
    if (rewards.kl_estimator == KL_EXACT) {
        p->scorer.teacher = teacher->model;
        p->scorer.teacher_pass = p->teacher_pass = pass_create(teacher->model, (PassSettings){0});
    }
    p->has_rewards = true;
    return true;
}

static bool open_student(Picker *p, const Options *o, const ModelBundle *teacher, Error *error) {
    const char *path = options_text(o, "student");
    p->budget = options_int(o, "budget");
    if (*path == 0) {
        if (p->budget == 0) return true;
        if (teacher == NULL) return error_set(error, "key budget: expected key student too, whose tokenizer counts");
        p->student_dialogue = (Dialogue){teacher->tokenizer, &teacher->chat, p->format};
        return true;
    }
    if (!model_bundle_open_key(o, "student", &p->bundle, error) || !model_bundle_need_chat(&p->bundle, error))
        return false;
    int32_t positions = model_file_config(p->bundle.file)->max_positions;
    if (p->budget == 0 || p->budget > positions) p->budget = positions;
    p->student_dialogue = (Dialogue){p->bundle.tokenizer, &p->bundle.chat, p->format};
    return true;
}

bool picker_open(const Options *options, const DialogueFormat *format, Backend *backend, const ModelBundle *teacher,
                 Picker **picker, Error *error) {
    Picker *p = mem_alloc(1, sizeof *p);
    p->format = format;
    p->many_attempts = options_int(options, "attempts") > 1;
    bool ok = open_student(p, options, teacher, error) &&
              (p->bundle.file == NULL || open_scorer(p, options, backend, teacher, error));
    if (!ok) picker_close(p), p = NULL;
    *picker = p;
    return ok;
}

void picker_close(Picker *p) {
    if (p == NULL) return;
    reward_sum_close(&p->sum);
    arena_destroy(p->scorer.memory);
    pass_destroy(p->student_pass);
    pass_destroy(p->teacher_pass);
    model_bundle_close(&p->bundle);
    mem_free(p);
}

// ---- attempts

static bool is_short_enough(const Picker *p, const Row *row, int32_t n_ids) {
    Ids ids = {0};
    int32_t from, to;
    dialogue_student_before(&p->student_dialogue, row->system.ptr, row->question, &ids);
    dialogue_student_after(&p->student_dialogue, row->solution, &ids, &from, &to);
    int64_t n = (int64_t)ids.len + n_ids;
    ids_free(&ids);
    return n <= model_config(p->bundle.model)->max_positions;
}

static bool fits_budget(const Picker *p, const Row *row, Str trace) {
    if (p->budget == 0) return true;
    Ids ids = {0};
    int32_t from;
    dialogue_student_example(&p->student_dialogue, row->system.ptr, row->question, trace, row->solution, &ids, &from);
    bool fits = ids.len <= p->budget;
    ids_free(&ids);
    return fits;
}

// What a teacher would have written of this explanation, in the student's ids.
static void encode_trace(const Picker *p, Attempt *attempt) {
    Buf text;
    Ids ids = {0};
    buf_init(&text, 0);
    buf_add_str(&text, buf_str(&attempt->trace));
    if (attempt->closed) buf_printf(&text, "%s%s", p->format->padding, p->format->explanation_close);
    tokenizer_encode(p->student_dialogue.tokenizer, buf_str(&text), &ids);
    attempt->completion = (Completion){ids.data, NULL, ids.len, attempt->closed ? FINISH_STOP : FINISH_LENGTH};
    buf_free(&text);
}

bool picker_add(const Picker *p, Attempts *attempts, Str trace, bool closed, Completion completion) {
    Attempt made = {.completion = completion, .closed = closed};
    buf_init(&made.trace, 0);
    buf_add_utf8_lossy(&made.trace, trace);
    made.fits = fits_budget(p, attempts->row, buf_str(&made.trace));
    if (p->has_rewards && !p->has_teacher) {
        completion_free(&made.completion);
        encode_trace(p, &made);
    }
    made.short_enough = !p->has_rewards || is_short_enough(p, attempts->row, made.completion.n);
    bool good = made.closed && made.fits;
    if (good || !p->has_rewards) { // those before it are of no use any more
        for (int32_t i = 0; i < attempts->n; i++)
            attempt_free(&attempts->list[i]);
        attempts->n = 0;
    }
    attempts->list = mem_realloc(attempts->list, (size_t)attempts->n + 1, sizeof *attempts->list);
    attempts->list[attempts->n++] = made;
    attempts->n_made++;
    return good;
}

static void keep_only(Attempts *attempts, int32_t which) {
    for (int32_t i = 0; i < attempts->n; i++) {
        if (i != which) attempt_free(&attempts->list[i]);
    }
    attempts->list[0] = attempts->list[which];
    attempts->n = 1;
}

// ---- rewards

static int32_t n_scored(const Attempts *attempts) {
    int32_t n = 0;
    for (int32_t a = 0; a < attempts->n; a++)
        n += attempts->list[a].short_enough;
    return n;
}

typedef struct Scoring {
    RltQuestion *questions;
    RltSample *samples;
    SummedReward *sums;
    float *unknown; // zeros in place of log pi_T
    int32_t n_questions, n;
} Scoring;

static Scoring scoring_make(const Picker *p, const Attempts *attempts, int32_t n) {
    Scoring s = {0};
    int32_t longest = 0;
    for (int32_t i = 0; i < n; i++) {
        s.n += n_scored(&attempts[i]);
        for (int32_t a = 0; a < attempts[i].n; a++) {
            if (attempts[i].list[a].completion.n > longest) longest = attempts[i].list[a].completion.n;
        }
    }
    s.questions = mem_alloc((size_t)n, sizeof *s.questions);
    s.samples = mem_alloc((size_t)s.n, sizeof *s.samples);
    s.sums = mem_alloc((size_t)s.n, sizeof *s.sums);
    s.unknown = mem_alloc((size_t)longest + 1, sizeof *s.unknown);
    int32_t at = 0;
    const Row *last = NULL;
    for (int32_t i = 0; i < n; i++) {
        const Row *row = attempts[i].row;
        if (n_scored(&attempts[i]) > 0 && row != last) {
            s.questions[s.n_questions++] =
                (RltQuestion){row->question, row->solution, row->system.ptr, NULL, &s.samples[at], 0};
            last = row;
        }
        for (int32_t a = 0; a < attempts[i].n; a++) {
            const Completion *c = &attempts[i].list[a].completion;
            if (!attempts[i].list[a].short_enough) continue;
            s.samples[at] = (RltSample){.ids = c->ids, .n = c->n, .teacher_logp = p->has_teacher ? c->logp : s.unknown};
            s.sums[at] =
                (SummedReward){.ids = c->ids, .n_ids = c->n, .row = row, .truncated = c->finish == FINISH_LENGTH};
            s.questions[s.n_questions - 1].n_samples++;
            at++;
        }
    }
    return s;
}

static void scoring_free(Scoring *s) {
    mem_free(s->questions), mem_free(s->samples), mem_free(s->sums), mem_free(s->unknown);
}

static bool score_attempts(Picker *p, Attempts *attempts, int32_t n, Error *error) {
    Scoring s = scoring_make(p, attempts, n);
    bool ok = score_rlt(&p->scorer, s.questions, s.n_questions, error);
    for (int32_t i = 0; i < s.n; i++)
        s.sums[i].own = s.samples[i].parts.reward;
    ok = ok && reward_sum_completions(&p->sum, p->teacher_dialogue.tokenizer, s.sums, s.n, error);
    int32_t at = 0;
    for (int32_t i = 0; ok && i < n; i++) {
        for (int32_t a = 0; a < attempts[i].n; a++) {
            Attempt *to = &attempts[i].list[a];
            to->reward = -INFINITY;
            if (!to->short_enough) continue;
            to->parts = s.samples[at].parts;
            to->reward = s.sums[at].total;
            memcpy(to->added, s.sums[at++].added, sizeof to->added);
        }
    }
    scoring_free(&s);
    arena_clear(p->scorer.memory);
    return ok;
}

bool picker_choose(Picker *p, Attempts *attempts, int32_t n, Error *error) {
    if (p->has_rewards && !score_attempts(p, attempts, n, error)) return false;
    for (int32_t i = 0; i < n; i++) {
        int32_t best = 0;
        for (int32_t a = 1; a < attempts[i].n; a++) {
            if (attempts[i].list[a].reward > attempts[i].list[best].reward) best = a;
        }
        if (attempts[i].n > 1) keep_only(&attempts[i], best);
    }
    return true;
}

// ---- a row

static void set_rewards(const Picker *p, const Attempt *attempt, json_t *other) {
    json_object_set_new(other, "reward", json_real(attempt->reward));
    json_object_set_new(other, "r_ss", json_real(attempt->parts.r_ss));
    if (p->has_teacher) json_object_set_new(other, "r_kl", json_real(attempt->parts.r_kl));
    json_object_set_new(other, "match", json_real(attempt->parts.match));
    for (int k = 0; k < N_ADDED_REWARDS; k++) {
        char key[32];
        if (p->sum.weights[k] == 0) continue;
        snprintf(key, sizeof key, "%s_reward", added_reward_name(k));
        json_object_set_new(other, key, json_real(attempt->added[k]));
    }
}

void picker_write(const Picker *p, const Attempts *attempts, Buf *out) {
    const Attempt *taken = attempts->n > 0 ? &attempts->list[0] : NULL;
    Row copy = *attempts->row;
    copy.trace = taken != NULL ? buf_str(&taken->trace) : STR("");
    if (copy.trace.ptr == NULL) copy.trace = STR("");
    json_t *other = copy.other = copy.other != NULL ? json_deep_copy(copy.other) : json_object();
    json_object_set_new(other, "sample", json_integer(attempts->sample));
    json_object_set_new(other, "closed", json_boolean(taken != NULL && taken->closed));
    if (p->budget > 0) json_object_set_new(other, "fits", json_boolean(taken != NULL && taken->fits));
    if (p->many_attempts) json_object_set_new(other, "attempts", json_integer(attempts->n_made));
    if (attempts->refusal != NULL) json_object_set_new(other, "refused", json_string(attempts->refusal));
    if (p->has_rewards && taken != NULL && taken->short_enough) set_rewards(p, taken, other);
    row_write(&copy, out);
    json_decref(other);
}
