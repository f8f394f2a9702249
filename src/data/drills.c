#include "data/drills.h"

#include <assert.h>
#include <inttypes.h>

#include "base/json.h"
#include "base/mem.h"
#include "data/countdown.h"

enum { DRAW_DRILLS = 2, DRAW_DRILLS_CHECK = 3 }; // `step` of the draws' addresses, beside those of countdown.c

#define HIT_TRIES 256 // draws for an expression of a wanted value, before a line misses instead
#define RECALL_CHANCE 0.4

DrillOptions drill_options_default(void) {
    return (DrillOptions){.seed = 0,
                          .n_rows = 20000,
                          .lines = 8,
                          .numbers_min = 3,
                          .numbers_max = 3,
                          .number_min = 1,
                          .number_max = 10,
                          .rules = {.value_max = 100, .fractions = false, .negatives = false},
                          .check_share = 0.5,
                          .copy_share = 0.15,
                          .single_share = 0.1,
                          .permute_share = 0.25,
                          .recall_share = 0,
                          .compare_share = 0,
                          .hit_share = 0.35};
}

static bool in_range(const char *key, int64_t value, int64_t min, int64_t max, Error *error) {
    if (value >= min && value <= max) return true;
    return error_set(error, "key \"%s\": expected %" PRId64 " to %" PRId64 ", got %" PRId64, key, min, max, value);
}

static bool is_share(const char *key, double value, Error *error) {
    return (value >= 0 && value <= 1) || error_set(error, "key \"%s\": expected 0 to 1, got %g", key, value);
}

static bool try_expression(const DrillOptions *o, Draws *draws, int32_t n, Expression *out) {
    int64_t numbers[EXPRESSION_MAX_NUMBERS];
    for (int32_t i = 0; i < n; i++) numbers[i] = draw_between(draws, o->number_min, o->number_max);
    return expression_draw(numbers, n, &o->rules, draws, out);
}

// Draws expressions of the most numbers until a few keep the rules: fewer than one in a thousand is too few to work
// with.
static bool rules_let_enough_through(const DrillOptions *o) {
    Draws draws = draws_begin(o->seed, RNG_DATA, DRAW_DRILLS_CHECK, 0, 0);
    int kept = 0;
    for (int tries = 0; kept < 16 && tries < 16000; tries++) {
        Expression e;
        kept += try_expression(o, &draws, o->numbers_max, &e);
    }
    return kept == 16;
}

static double total_share(const DrillOptions *o) {
    return o->check_share + o->copy_share + o->single_share + o->permute_share + o->recall_share + o->compare_share;
}

bool drill_options_check(const DrillOptions *o, Error *error) {
    bool ok = in_range("n_rows", o->n_rows, 0, DRILLS_MAX_ROWS, error) &&
              in_range("lines", o->lines, 1, DRILLS_MAX_LINES, error) &&
              in_range("numbers_min", o->numbers_min, 2, EXPRESSION_MAX_NUMBERS, error) &&
              in_range("numbers_max", o->numbers_max, o->numbers_min, EXPRESSION_MAX_NUMBERS, error) &&
              in_range("number_min", o->number_min, 0, COUNTDOWN_MAX_NUMBER, error) &&
              in_range("number_max", o->number_max, o->number_min, COUNTDOWN_MAX_NUMBER, error) &&
              in_range("value_max", o->rules.value_max, 1, INT32_MAX, error) &&
              is_share("check_share", o->check_share, error) && is_share("copy_share", o->copy_share, error) &&
              is_share("single_share", o->single_share, error) &&
              is_share("permute_share", o->permute_share, error) &&
              is_share("recall_share", o->recall_share, error) &&
              is_share("compare_share", o->compare_share, error) && is_share("hit_share", o->hit_share, error);
    if (!ok) return false;
    if (total_share(o) <= 0)
        return error_set(error, "expected a share of some kind above 0");
    if (!rules_let_enough_through(o))
        return error_set(error,
                         "key \"value_max\": expected room for the results of numbers from %d to %d, got %" PRId64,
                         o->number_min, o->number_max, o->rules.value_max);
    return true;
}

// An expression over fresh numbers that keeps the rules. Fewer numbers keep them more often than numbers_max, of which
// drill_options_check has seen at least one in a thousand: this ends.
static void fresh_expression(const DrillOptions *o, Draws *draws, int32_t n, Expression *out) {
    while (!try_expression(o, draws, n, out)) {}
}

static int32_t draw_n(const DrillOptions *o, Draws *draws) {
    return (int32_t)draw_between(draws, o->numbers_min, o->numbers_max);
}

// A whole value that some expression has.
static int64_t draw_target(const DrillOptions *o, Draws *draws) {
    for (int tries = 0; tries < HIT_TRIES; tries++) {
        Expression e;
        fresh_expression(o, draws, draw_n(o, draws), &e);
        if (expression_value(&e).den == 1) return expression_value(&e).num;
    }
    return draw_between(draws, 0, o->rules.value_max);
}

// ---- kinds

// Ends a line whose answer begins at byte `from`.
static void end_line(DrillText *out, size_t from) {
    buf_add_text(&out->text, " ;");
    assert(out->n_answers < DRILLS_MAX_LINES && out->text.len <= INT32_MAX);
    out->from[out->n_answers] = (int32_t)from;
    out->to[out->n_answers++] = (int32_t)out->text.len;
}

static const CountdownStyle *drill_style(void) { return countdown_style_by_name("short"); }

// How rows begin whose kind is one part of Countdown.
static void begin_question(DrillText *out, const int64_t *numbers, int32_t n, int64_t target) {
    drill_style()->question(drill_style(), &out->text, numbers, n, target);
}

// The same over numbers that nothing after it uses, and its " ?".
static void begin_idle_question(const DrillOptions *o, Draws *draws, DrillText *out, int64_t target) {
    int64_t numbers[EXPRESSION_MAX_NUMBERS];
    int32_t n = draw_n(o, draws);
    for (int32_t i = 0; i < n; i++) numbers[i] = draw_between(draws, o->number_min, o->number_max);
    begin_question(out, numbers, n, target);
    buf_add_text(&out->text, " ?");
}

static void write_check(const DrillOptions *o, Draws *draws, DrillText *out) {
    const CountdownStyle *style = drill_style();
    int64_t target = draw_target(o, draws);
    begin_idle_question(o, draws, out, target);
    for (int32_t line = 0; line < o->lines; line++) {
        bool hit = draw_chance(draws, o->hit_share), found;
        Expression e;
        int tries = 0;
        do {
            fresh_expression(o, draws, draw_n(o, draws), &e);
            found = fraction_equal(expression_value(&e), fraction_of(target));
        } while (hit && !found && ++tries < HIT_TRIES);
        size_t start = out->text.len;
        style->attempt(style, &out->text, &e, target, 0, found);
        end_line(out, (size_t)str_find(buf_str(&out->text), STR("="), start) + 1);
    }
}

static void write_copy(const DrillOptions *o, Draws *draws, DrillText *out) {
    for (int32_t line = 0; line < o->lines; line++) {
        Expression e;
        fresh_expression(o, draws, draw_n(o, draws), &e);
        expression_write(&out->text, &NOTATION_TIGHT, &e, 0);
        buf_add_text(&out->text, " |");
        size_t from = out->text.len;
        expression_write(&out->text, &NOTATION_TIGHT, &e, 0);
        end_line(out, from);
    }
}

static void write_single(const DrillOptions *o, Draws *draws, DrillText *out) {
    for (int32_t line = 0; line < o->lines; line++) {
        Expression e;
        fresh_expression(o, draws, 2, &e);
        size_t start = out->text.len;
        expression_write_step(&out->text, &NOTATION_TIGHT, &e, 0);
        end_line(out, (size_t)str_find(buf_str(&out->text), STR("="), start) + 1);
    }
}

// Draws another expression over the same numbers; leaves *e where none is found.
static void another_over(const DrillOptions *o, Draws *draws, const int64_t *numbers, Expression *e) {
    Expression next;
    for (int tries = 0; tries < HIT_TRIES; tries++) {
        if (!expression_draw(numbers, e->n, &o->rules, draws, &next)) continue;
        *e = next;
        return;
    }
}

static void write_permute(const DrillOptions *o, Draws *draws, DrillText *out) {
    Expression e; // the numbers of one expression that keeps the rules have others, or at least itself
    fresh_expression(o, draws, draw_n(o, draws), &e);
    int64_t numbers[EXPRESSION_MAX_NUMBERS];
    for (int32_t i = 0; i < e.n; i++) numbers[i] = e.values[i].num;
    begin_question(out, numbers, e.n, draw_target(o, draws));
    buf_add_text(&out->text, " ?");
    for (int32_t line = 0; line < o->lines; line++) {
        another_over(o, draws, numbers, &e);
        size_t from = out->text.len;
        expression_write(&out->text, &NOTATION_TIGHT, &e, 0);
        end_line(out, from);
    }
}

// A given expression comes back among others over the same numbers.
static void write_recall(const DrillOptions *o, Draws *draws, DrillText *out) {
    Expression given;
    fresh_expression(o, draws, draw_n(o, draws), &given);
    int64_t numbers[EXPRESSION_MAX_NUMBERS];
    for (int32_t i = 0; i < given.n; i++) numbers[i] = given.values[i].num;
    begin_question(out, numbers, given.n, draw_target(o, draws));
    buf_add_text(&out->text, " |");
    expression_write(&out->text, &NOTATION_TIGHT, &given, 0);
    buf_add_text(&out->text, " ?");
    for (int32_t line = 0; line < o->lines; line++) {
        Expression e = given;
        if (!draw_chance(draws, RECALL_CHANCE)) another_over(o, draws, numbers, &e);
        size_t from = out->text.len;
        expression_write(&out->text, &NOTATION_TIGHT, &e, 0);
        end_line(out, from);
    }
}

static void write_compare(const DrillOptions *o, Draws *draws, DrillText *out) {
    int64_t target = draw_between(draws, 0, o->rules.value_max);
    begin_idle_question(o, draws, out, target);
    for (int32_t line = 0; line < o->lines; line++) {
        bool hit = draw_chance(draws, o->hit_share);
        int64_t value = hit ? target : draw_between(draws, 0, o->rules.value_max);
        buf_printf(&out->text, " =%" PRId64 " vs%" PRId64, value, target);
        size_t from = out->text.len;
        buf_add_text(&out->text, value == target ? " yes" : " no");
        end_line(out, from);
    }
}

void drill_make(const DrillOptions *o, uint32_t index, DrillText *out) {
    const struct {
        double share;
        void (*write)(const DrillOptions *o, Draws *draws, DrillText *out);
    } kinds[] = {{o->check_share, write_check},
                 {o->copy_share, write_copy},
                 {o->single_share, write_single},
                 {o->permute_share, write_permute},
                 {o->recall_share, write_recall},
                 {o->compare_share, write_compare}};
    buf_clear(&out->text);
    out->n_answers = 0;
    Draws draws = draws_begin(o->seed, RNG_DATA, DRAW_DRILLS, index, 0);
    double total = total_share(o);
    double at = rng_uniform(&draws.next) * total;
    draws.next.position++;
    int chosen = -1; // the last kind of any weight takes what rounding leaves
    for (int i = 0; i < 6; i++) {
        if (kinds[i].share <= 0) continue;
        chosen = i;
        if (at < kinds[i].share) break;
        at -= kinds[i].share;
    }
    kinds[chosen].write(o, &draws, out);
}

void drill_write(const DrillOptions *options, uint32_t index, Buf *out) {
    DrillText *row = mem_alloc(1, sizeof *row);
    buf_init(&row->text, 0);
    drill_make(options, index, row);
    JsonWriter w = json_writer(out);
    jw_object_begin(&w);
    jw_kstring(&w, "text", buf_str(&row->text));
    jw_key(&w, "answers");
    jw_array_begin(&w);
    for (int32_t i = 0; i < row->n_answers; i++) {
        jw_array_begin(&w);
        jw_int(&w, row->from[i]);
        jw_int(&w, row->to[i]);
        jw_array_end(&w);
    }
    jw_array_end(&w);
    jw_object_end(&w);
    buf_add_char(out, '\n');
    buf_free(&row->text);
    mem_free(row);
}
