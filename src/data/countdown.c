#include "data/countdown.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"

// `step` of the draws' addresses: what a draw of a candidate is for.
enum { DRAW_QUESTION = 0, DRAW_TRACE = 1 };

#define CANDIDATE_TRIES 64      // expressions drawn over a candidate's numbers before it is given up
#define ATTEMPT_TRIES 64        // expressions drawn for one failed attempt before the trace goes on without it
#define STALL_CANDIDATES 400000 // candidates in a row without a new question before the ranges are called too small

CountdownOptions countdown_options_default(void) {
    return (CountdownOptions){.seed = 0,
                              .n_train = 16000,
                              .n_test = 1000,
                              .numbers_min = 3,
                              .numbers_max = 4,
                              .number_min = 1,
                              .number_max = 100,
                              .target_min = 10,
                              .target_max = 100,
                              .rules = {.value_max = 0, .fractions = false, .negatives = false},
                              .attempts_max = 4,
                              .train_repeats = 1,
                              .test_share = 1.0 / 16,
                              .style = countdown_style_by_name("plain")};
}

static bool in_range(const char *key, int64_t value, int64_t min, int64_t max, Error *error) {
    if (value >= min && value <= max) return true;
    return error_set(error, "key \"%s\": expected %" PRId64 " to %" PRId64 ", got %" PRId64, key, min, max, value);
}

bool countdown_options_check(const CountdownOptions *o, Error *error) {
    assert(o->style != NULL);
    if (!(o->test_share >= 0 && o->test_share <= 1)) // also a NaN
        return error_set(error, "key \"test_share\": expected 0 to 1, got %g", o->test_share);
    return in_range("n_train", o->n_train, 0, COUNTDOWN_MAX_QUESTIONS, error) &&
           in_range("n_test", o->n_test, 0, COUNTDOWN_MAX_QUESTIONS, error) &&
           in_range("numbers_min", o->numbers_min, 2, EXPRESSION_MAX_NUMBERS, error) &&
           in_range("numbers_max", o->numbers_max, o->numbers_min, EXPRESSION_MAX_NUMBERS, error) &&
           in_range("number_min", o->number_min, 0, COUNTDOWN_MAX_NUMBER, error) &&
           in_range("number_max", o->number_max, o->number_min, COUNTDOWN_MAX_NUMBER, error) &&
           in_range("target_max", o->target_max, o->target_min, INT32_MAX, error) &&
           in_range("value_max", o->rules.value_max, 0, INT32_MAX, error) &&
           in_range("attempts_max", o->attempts_max, 0, COUNTDOWN_MAX_ATTEMPTS, error) &&
           in_range("train_repeats", o->train_repeats, 1, COUNTDOWN_MAX_QUESTIONS, error);
}

// ---- forms

typedef struct Form { // no padding: compared and hashed as bytes, zeros where unused
    int64_t n;
    int64_t numbers[EXPRESSION_MAX_NUMBERS];
    int64_t target;
    int64_t solution[EXPRESSION_MAX_ITEMS];
} Form;

// The canonical form: numbers sorted, no solution.
static Form form_of(const int64_t *numbers, int32_t n, int64_t target) {
    Form form;
    memset(&form, 0, sizeof form);
    form.n = n;
    form.target = target;
    for (int32_t i = 0; i < n; i++) { // insertion sort
        int32_t at = i;
        for (; at > 0 && form.numbers[at - 1] > numbers[i]; at--) form.numbers[at] = form.numbers[at - 1];
        form.numbers[at] = numbers[i];
    }
    return form;
}

static bool form_is_test(const Form *form, double test_share) {
    char text[EXPRESSION_MAX_NUMBERS * 21 + 32];
    size_t used = 0;
    for (int64_t i = 0; i < form->n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%" PRId64 " ", form->numbers[i]);
    used += (size_t)snprintf(text + used, sizeof text - used, "= %" PRId64, form->target);
    Sha256Hex digest = sha256_bytes(text, used);
    digest.text[8] = 0;
    return (double)strtoul(digest.text, NULL, 16) < test_share * 4294967296.0;
}

bool countdown_is_test(const int64_t *numbers, int32_t n, int64_t target, double test_share) {
    Form form = form_of(numbers, n, target);
    return form_is_test(&form, test_share);
}

// Open-addressed counts of forms; at most half full.
typedef struct FormSlot {
    Form form; // n == 0: empty
    int64_t count;
} FormSlot;

typedef struct FormCounts {
    FormSlot *slots;
    size_t capacity, used;
} FormCounts;

static uint64_t form_hash(const Form *form) {
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    const unsigned char *bytes = (const unsigned char *)form;
    for (size_t i = 0; i < sizeof *form; i++) hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash ^ (hash >> 29);
}

static FormSlot *find_slot(FormCounts *counts, const Form *form) {
    size_t at = form_hash(form) & (counts->capacity - 1);
    while (counts->slots[at].form.n != 0 && memcmp(&counts->slots[at].form, form, sizeof *form) != 0)
        at = (at + 1) & (counts->capacity - 1);
    return &counts->slots[at];
}

// The count of a form, 0 at first; valid until the next call.
static int64_t *form_count(FormCounts *counts, const Form *form) {
    if (counts->used * 2 >= counts->capacity) {
        FormCounts larger = {NULL, counts->capacity == 0 ? 1024 : counts->capacity * 2, counts->used};
        larger.slots = mem_alloc(larger.capacity, sizeof *larger.slots);
        for (size_t i = 0; i < counts->capacity; i++)
            if (counts->slots[i].form.n != 0) *find_slot(&larger, &counts->slots[i].form) = counts->slots[i];
        mem_free(counts->slots);
        *counts = larger;
    }
    FormSlot *slot = find_slot(counts, form);
    if (slot->form.n == 0) {
        slot->form = *form;
        counts->used++;
    }
    return &slot->count;
}

// ---- candidates

typedef struct Candidate {
    int64_t numbers[EXPRESSION_MAX_NUMBERS];
    Expression solution;
    int64_t target;
} Candidate;

// Candidate `index`, a function of options and index alone; false when its numbers gave no fitting target.
static bool candidate_draw(const CountdownOptions *o, uint32_t index, Candidate *out) {
    Draws draws = draws_begin(o->seed, RNG_DATA, DRAW_QUESTION, index, 0);
    int32_t n = (int32_t)draw_between(&draws, o->numbers_min, o->numbers_max);
    for (int32_t i = 0; i < n; i++) out->numbers[i] = draw_between(&draws, o->number_min, o->number_max);
    for (int tries = 0; tries < CANDIDATE_TRIES; tries++) {
        if (!expression_draw(out->numbers, n, &o->rules, &draws, &out->solution)) continue;
        Fraction value = expression_value(&out->solution);
        out->target = value.num;
        if (value.den == 1 && value.num >= o->target_min && value.num <= o->target_max) return true;
    }
    return false;
}

// Up to attempts_max different expressions that miss the target; returns how many.
static int32_t draw_failures(const CountdownOptions *o, const Candidate *c, uint32_t index, Expression *failures) {
    Draws draws = draws_begin(o->seed, RNG_DATA, DRAW_TRACE, index, 0);
    int32_t wanted = (int32_t)draw_between(&draws, 0, o->attempts_max), n = 0;
    for (int32_t tries = 0; n < wanted && tries < wanted * ATTEMPT_TRIES; tries++) {
        Expression *e = &failures[n];
        if (!expression_draw(c->numbers, c->solution.n, &o->rules, &draws, e)) continue;
        if (fraction_equal(expression_value(e), fraction_of(c->target))) continue;
        bool fresh = true;
        for (int32_t i = 0; i < n; i++) fresh = fresh && !expression_same(&failures[i], e);
        n += fresh;
    }
    return n;
}

static Str into_arena(Arena *arena, Buf *text) {
    Str copy = {arena_strndup(arena, text->len > 0 ? text->data : "", text->len), text->len};
    buf_clear(text);
    return copy;
}

static void question_write(const CountdownOptions *o, const Candidate *c, uint32_t index, Arena *arena, Buf *text,
                           CountdownQuestion *out) {
    const CountdownStyle *style = o->style;
    memcpy(out->numbers, c->numbers, sizeof out->numbers);
    out->n = c->solution.n;
    out->target = c->target;
    style->question(style, text, c->numbers, out->n, c->target);
    out->question = into_arena(arena, text);
    expression_write(text, style->notation, &c->solution, 0);
    out->solution = into_arena(arena, text);
    Expression failures[COUNTDOWN_MAX_ATTEMPTS];
    int32_t n_failures = draw_failures(o, c, index, failures);
    for (int32_t i = 0; i < n_failures; i++) style->attempt(style, text, &failures[i], c->target, i, false);
    style->attempt(style, text, &c->solution, c->target, n_failures, true);
    out->trace = into_arena(arena, text);
}

// ---- sets

typedef struct Filling {
    const CountdownOptions *options;
    FormCounts canonical, exact; // questions kept of a canonical form; of one with this order and this solution
    CountdownSet *set;
} Filling;

// Where a candidate goes: NULL when it is not new enough or its split is full.
static CountdownQuestion *place_for(Filling *f, const Candidate *c) {
    const CountdownOptions *o = f->options;
    Form form = form_of(c->numbers, c->solution.n, c->target);
    bool test = form_is_test(&form, o->test_share);
    if (test ? f->set->n_test == o->n_test : f->set->n_train == o->n_train) return NULL;
    int64_t *kept = form_count(&f->canonical, &form);
    if (*kept >= (test ? 1 : o->train_repeats)) return NULL;
    memcpy(form.numbers, c->numbers, (size_t)c->solution.n * sizeof *form.numbers);
    expression_postfix(&c->solution, form.solution);
    int64_t *same = form_count(&f->exact, &form);
    if (*same > 0) return NULL;
    ++*same;
    ++*kept;
    return test ? &f->set->test[f->set->n_test++] : &f->set->train[f->set->n_train++];
}

static bool fill(Filling *f, Buf *text, Arena *arena, Error *error) {
    const CountdownOptions *o = f->options;
    CountdownSet *set = f->set;
    uint32_t index = 0, stalled = 0;
    while (set->n_train < o->n_train || set->n_test < o->n_test) {
        if (stalled == STALL_CANDIDATES || index == UINT32_MAX)
            return error_set(error,
                             "countdown: found %d of %d training and %d of %d test questions: expected wider ranges of "
                             "numbers and targets, more train_repeats or another test_share",
                             set->n_train, o->n_train, set->n_test, o->n_test);
        Candidate candidate = {.target = 0};
        uint32_t at = index++;
        stalled++;
        if (!candidate_draw(o, at, &candidate)) continue;
        CountdownQuestion *place = place_for(f, &candidate);
        if (place == NULL) continue;
        question_write(o, &candidate, at, arena, text, place);
        stalled = 0;
    }
    return true;
}

bool countdown_generate(const CountdownOptions *options, Arena *arena, CountdownSet *set, Error *error) {
    memset(set, 0, sizeof *set);
    if (!countdown_options_check(options, error)) return false;
    set->train = arena_alloc(arena, (size_t)options->n_train, sizeof *set->train);
    set->test = arena_alloc(arena, (size_t)options->n_test, sizeof *set->test);
    Filling filling = {.options = options, .set = set};
    Buf text;
    buf_init(&text, 0);
    bool ok = fill(&filling, &text, arena, error);
    buf_free(&text);
    mem_free(filling.canonical.slots);
    mem_free(filling.exact.slots);
    return ok;
}

void countdown_write(const CountdownQuestion *question, Buf *out) {
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kstring(&w, "question", question->question);
    jw_kstring(&w, "solution", question->solution);
    jw_kstring(&w, "reasoning_trace", question->trace);
    jw_key(&w, "numbers");
    jw_array_begin(&w);
    for (int32_t i = 0; i < question->n; i++) jw_int(&w, question->numbers[i]);
    jw_array_end(&w);
    jw_kint(&w, "target", question->target);
    jw_object_end(&w);
    buf_add_char(out, '\n');
}
