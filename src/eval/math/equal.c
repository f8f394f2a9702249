#include "eval/math/equal_impl.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define MAX_NESTED 64

const char *math_how_name(MathHow how) {
    static const char *const names[] = {
        [MATH_SAME_TEXT] = "same_text", [MATH_SAME_FORM] = "same_form", [MATH_NUMERIC] = "numeric",
        [MATH_ROUNDED] = "rounded",     [MATH_DIFFERENT] = "different", [MATH_UNDECIDED] = "undecided",
        [MATH_UNPARSED] = "unparsed",
    };
    return names[how];
}

bool work_spend(Compare *c, int64_t units) {
    c->work -= units;
    return c->work > 0;
}

MathVerdict verdict(bool equal, MathHow how) {
    return (MathVerdict){equal, how};
}

MathVerdict verdict_both(MathVerdict a, MathVerdict b) {
    if (a.equal && b.equal) return a.how > b.how ? a : b; // MathHow is in order of strength
    if (!a.equal && !b.equal) return a.how == MATH_DIFFERENT ? a : b;
    return a.equal ? b : a;
}

// ---- Words ----

static bool spell(const Term *t, Buf *out) { // the letters of a word, also where they were read as a product
    switch (t->kind) {
    case TERM_SYMBOL:
    case TERM_TEXT:
    case TERM_CONSTANT:
        buf_add_str(out, t->name);
        return out->len < 4096;
    case TERM_MULTIPLY:
        for (int32_t i = 0; i < t->n; i++) {
            if (!spell(t->args[i], out)) return false;
        }
        return true;
    default:
        return false;
    }
}

static void drop_spaces(Buf *text) {
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] != ' ') text->data[n++] = text->data[i];
    }
    text->len = n;
}

// "A. Paris", "(A) 12 apples" beside A: a choice with what it says
static bool names_choice(const Term *letter, const Term *words) {
    if (letter->kind != TERM_SYMBOL || letter->name.len != 1 || words->kind != TERM_TEXT) return false;
    Str text = words->name;
    if (text.len > 0 && text.ptr[0] == '(') text.ptr++, text.len--;
    return text.len > 3 && text.ptr[0] >= 'A' && text.ptr[0] <= 'J' && text.ptr[0] == letter->name.ptr[0] &&
           strchr(".:)", text.ptr[1]) != NULL && text.ptr[2] == ' ';
}

// Single letters as they are written (x is not X), words whatever their case.
static MathVerdict compare_words(const Term *gold, const Term *pred) {
    if (names_choice(gold, pred) || names_choice(pred, gold)) return verdict(true, MATH_SAME_FORM);
    Buf a, b;
    buf_init(&a, 1 << 20), buf_init(&b, 1 << 20);
    bool same = spell(gold, &a) && spell(pred, &b);
    if (same) {
        drop_spaces(&a), drop_spaces(&b);
        same = a.len == b.len && a.len > 0;
        if (same && a.len == 1)
            same = a.data[0] == b.data[0];
        else
            same = same && strncasecmp(a.data, b.data, a.len) == 0;
    }
    buf_free(&a), buf_free(&b);
    return verdict(same, same ? MATH_SAME_FORM : MATH_DIFFERENT);
}

// ---- Kinds ----

static const Term *unwrap(const Term *t) {
    for (;;) {
        bool single = (t->kind == TERM_LIST || t->kind == TERM_AND || t->kind == TERM_TUPLE) && t->n == 1;
        if (!single && !(t->kind == TERM_UNITS && !is_expression(t->args[0]))) return t;
        t = t->args[0];
    }
}

static bool is_collection(const Term *t) {
    return t->kind == TERM_LIST || t->kind == TERM_SET;
}

static bool is_region(const Term *t) { // meant as a set of real numbers
    return t->kind == TERM_INTERVAL || t->kind == TERM_UNION || t->kind == TERM_INTERSECT || t->kind == TERM_DIFFERENCE;
}

static bool holds_region(const Term *t) { // a list of inequalities or intervals
    if (is_region(t)) return true;
    if (t->kind == TERM_RELATION) {
        for (int32_t i = 0; i + 1 < t->n; i++) {
            if (t->relations[i] != REL_EQ && t->relations[i] != REL_APPROX) return true;
        }
        return false;
    }
    if (t->kind != TERM_LIST && t->kind != TERM_AND && t->kind != TERM_SET) return false;
    for (int32_t i = 0; i < t->n; i++) {
        if (holds_region(t->args[i])) return true;
    }
    return false;
}

// (a, b) is the open interval beside an interval.
static MathVerdict compare_intervals(Compare *c, const Term *gold, const Term *pred) {
    bool left_g = gold->kind == TERM_TUPLE || gold->open_left, right_g = gold->kind == TERM_TUPLE || gold->open_right;
    bool left_p = pred->kind == TERM_TUPLE || pred->open_left, right_p = pred->kind == TERM_TUPLE || pred->open_right;
    if (left_g != left_p || right_g != right_p) return verdict(false, MATH_DIFFERENT);
    MathVerdict left = compare_terms(c, gold->args[0], pred->args[0]);
    return left.equal ? verdict_both(left, compare_terms(c, gold->args[1], pred->args[1])) : left;
}

static bool is_pair(const Term *t) {
    return (t->kind == TERM_INTERVAL || t->kind == TERM_TUPLE) && t->n == 2;
}

// a < x < b as the interval (a, b), whose ends have variables; else the term itself
static const Term *chain_interval(Compare *c, const Term *t) {
    if (t->kind != TERM_RELATION || t->n != 3 || t->args[1]->kind != TERM_SYMBOL) return t;
    TermRelation left = (TermRelation)t->relations[0], right = (TermRelation)t->relations[1];
    if ((left != REL_LT && left != REL_LE) || (right != REL_LT && right != REL_LE)) return t;
    Term *interval = term_new(c->arena, TERM_INTERVAL, 2);
    interval->args[0] = t->args[0];
    interval->args[1] = t->args[2];
    interval->open_left = left == REL_LT;
    interval->open_right = right == REL_LT;
    return interval;
}

// The same kind of node with equal parts, in any order: for unions with variables in them
static MathVerdict compare_regions(Compare *c, const Term *gold, const Term *pred) {
    MathVerdict result;
    if (compare_real_sets(c, gold, pred, &result)) return result;
    if (is_pair(gold) && is_pair(pred)) return compare_intervals(c, gold, pred);
    if (gold->kind != pred->kind || gold->n != pred->n) return verdict(false, MATH_UNDECIDED);
    if (gold->kind == TERM_DIFFERENCE) {
        result = compare_terms(c, gold->args[0], pred->args[0]);
        return result.equal ? verdict_both(result, compare_terms(c, gold->args[1], pred->args[1])) : result;
    }
    return compare_collections(c, make_list(c, TERM_SET, gold->args, gold->n),
                               make_list(c, TERM_SET, pred->args, pred->n));
}

// "2k\pi, k \in \mathbb{Z}": what stands before the last item, if that says of what set a variable of it is; else NULL
static const Term *undeclared(Compare *c, const Term *t) {
    if ((t->kind != TERM_LIST && t->kind != TERM_AND) || t->n < 2) return NULL;
    const Term *last = t->args[t->n - 1];
    if (last->kind != TERM_RELATION || last->n != 2 || last->relations[0] != REL_IN) return NULL;
    if (last->args[0]->kind != TERM_SYMBOL || last->args[1]->kind != TERM_SYMBOL) return NULL;
    const Term *rest = t->n == 2 ? t->args[0] : make_list(c, t->kind, t->args, t->n - 1);
    return term_has_symbol(rest, last->args[0]->name) ? rest : NULL;
}

// {(1, 2)} beside (1, 2): the only element
static const Term *only_element(const Term *t, const Term *beside) {
    return t->kind == TERM_SET && t->n == 1 && beside->kind != TERM_SET ? t->args[0] : t;
}

static bool is_statement(const Term *t) {
    return t->kind == TERM_RELATION || t->kind == TERM_AND;
}

static MathVerdict compare_kinds(Compare *c, const Term *gold, const Term *pred) {
    MathVerdict result;
    const Term *bare_gold = undeclared(c, gold), *bare_pred = undeclared(c, pred);
    if (bare_gold != NULL && bare_pred == NULL) return compare_terms(c, bare_gold, pred);
    if (bare_pred != NULL && bare_gold == NULL) return compare_terms(c, gold, bare_pred);
    if (holds_region(gold) || holds_region(pred)) {
        if (compare_real_sets(c, gold, pred, &result)) return result;
    }
    const Term *inner_gold = only_element(gold, pred), *inner_pred = only_element(pred, gold);
    if (inner_gold != gold || inner_pred != pred) return compare_terms(c, inner_gold, inner_pred);
    if (is_pair(gold) != is_pair(pred)) {
        gold = chain_interval(c, gold);
        pred = chain_interval(c, pred);
    }
    if (gold->kind == TERM_MATRIX || pred->kind == TERM_MATRIX) return compare_matrices(c, gold, pred);
    bool listed = is_collection(gold) || is_collection(pred) || gold->kind == TERM_AND || pred->kind == TERM_AND;
    if (is_statement(gold) != is_statement(pred) && !is_collection(gold) && !is_collection(pred)) {
        const Term *g = assigned_value(c, gold), *p = assigned_value(c, pred);
        if (g != NULL || p != NULL) return compare_terms(c, g != NULL ? g : gold, p != NULL ? p : pred);
    }
    if (gold->kind == TERM_RELATION && pred->kind == TERM_RELATION) return compare_relations(c, gold, pred);
    // "n = 2, 3" may be one statement about a list: its values then
    if (listed && gold->kind == TERM_RELATION) {
        const Term *value = assigned_value(c, gold);
        if (value != NULL && !is_expression(value)) return compare_terms(c, value, pred);
    }
    if (listed && pred->kind == TERM_RELATION) {
        const Term *value = assigned_value(c, pred);
        if (value != NULL && !is_expression(value)) return compare_terms(c, gold, value);
    }
    if (listed) return compare_collections(c, gold, pred);
    if (is_region(gold) || is_region(pred)) return compare_regions(c, gold, pred);
    if (gold->kind == TERM_TUPLE && pred->kind == TERM_TUPLE) return compare_collections(c, gold, pred);
    if (gold->kind == TERM_TEXT || pred->kind == TERM_TEXT) return compare_words(gold, pred);
    if (is_expression(gold) && is_expression(pred)) return compare_scalars(c, gold, pred);
    return verdict(false, MATH_DIFFERENT);
}

MathVerdict compare_terms(Compare *c, const Term *gold, const Term *pred) {
    gold = unwrap(gold);
    pred = unwrap(pred);
    if (term_same(gold, pred)) return verdict(true, MATH_SAME_FORM);
    if (!work_spend(c, 50) || c->depth >= MAX_NESTED) return verdict(false, MATH_UNDECIDED);
    c->depth++;
    const Term *g = matrix_evaluate(c, gold), *p = matrix_evaluate(c, pred);
    const Term *pair[2] = {g, p};
    for (int i = 0; i < 2; i++) {
        if (is_collection(pair[i]) || !term_has_kind(pair[i], TERM_PLUS_MINUS)) continue;
        const Term *both[2] = {choose_sign(c, pair[i], true), choose_sign(c, pair[i], false)};
        pair[i] = make_list(c, TERM_LIST, both, 2);
    }
    MathVerdict result = compare_kinds(c, pair[0], pair[1]);
    c->depth--;
    return result;
}

MathVerdict math_equal(const Term *gold, const Term *pred) {
    if (term_same(gold, pred)) return verdict(true, MATH_SAME_FORM);
    Compare c = {.arena = arena_create(), .work = COMPARE_MAX_WORK};
    MathVerdict result = compare_terms(&c, gold, pred);
    arena_destroy(c.arena);
    return result;
}
