// Sets of real numbers: intervals, points, their unions, and the inequalities in one variable that mean them.
#include "eval/math/equal_impl.h"

#define MAX_PIECES 64

typedef struct Piece { // lo < hi, or lo = hi and both closed; NULL: without end
    const Term *lo, *hi;
    bool lo_open, hi_open;
} Piece;

typedef struct RealSet { // pieces that neither meet nor touch, ascending
    Piece pieces[MAX_PIECES];
    int32_t n;
    Str variable; // whose values these are; empty where none was named
} RealSet;

static bool read_set(Compare *c, const Term *t, RealSet *out);

// ---- Endpoints ----

// As constants_order; NULL is minus infinity for `lo`, plus infinity for hi.
static int order_lo(Compare *c, const Term *a, const Term *b) {
    if (a == NULL || b == NULL) return (b == NULL) - (a == NULL);
    return constants_order(c, a, b);
}

static int order_hi(Compare *c, const Term *a, const Term *b) {
    if (a == NULL || b == NULL) return (a == NULL) - (b == NULL);
    return constants_order(c, a, b);
}

// Whether piece `a` begins before `b`: 1 yes, 0 no, -1 not known
static int begins_before(Compare *c, const Piece *a, const Piece *b) {
    int order = order_lo(c, a->lo, b->lo);
    if (order == 2) return -1;
    return order < 0 || (order == 0 && !a->lo_open && b->lo_open);
}

// Adds a piece in order, merging what meets or touches it. False where the order is not known.
static bool add_piece(Compare *c, RealSet *set, Piece piece) {
    int32_t at = 0;
    RealSet old = *set;
    int before = 0;
    while (at < old.n && (before = begins_before(c, &old.pieces[at], &piece)) == 1)
        at++;
    if (before < 0 || old.n == MAX_PIECES) return false;
    set->n = 0;
    Piece sorted[MAX_PIECES + 1];
    int32_t n = 0;
    for (int32_t i = 0; i < at; i++)
        sorted[n++] = old.pieces[i];
    sorted[n++] = piece;
    for (int32_t i = at; i < old.n; i++)
        sorted[n++] = old.pieces[i];
    for (int32_t i = 0; i < n; i++) {
        Piece *last = set->n > 0 ? &set->pieces[set->n - 1] : NULL;
        if (last == NULL) {
            set->pieces[set->n++] = sorted[i];
            continue;
        }
        // last.hi against sorted.lo: no end above, or none below, always meets
        int order = last->hi == NULL || sorted[i].lo == NULL ? 1 : constants_order(c, last->hi, sorted[i].lo);
        if (order == 2) return false;
        if (order < 0 || (order == 0 && last->hi_open && sorted[i].lo_open)) {
            set->pieces[set->n++] = sorted[i];
            continue;
        }
        int end = order_hi(c, last->hi, sorted[i].hi);
        if (end == 2) return false;
        if (end < 0)
            last->hi = sorted[i].hi, last->hi_open = sorted[i].hi_open;
        else if (end == 0)
            last->hi_open = last->hi_open && sorted[i].hi_open;
    }
    return true;
}

static bool add_set(Compare *c, RealSet *set, const RealSet *other) {
    for (int32_t i = 0; i < other->n; i++) {
        if (!add_piece(c, set, other->pieces[i])) return false;
    }
    if (set->variable.len == 0) set->variable = other->variable;
    return other->variable.len == 0 || str_equal(set->variable, other->variable);
}

static bool complement(RealSet *set) {
    RealSet out = {.variable = set->variable};
    const Term *from = NULL;
    bool from_open = true, done = false;
    for (int32_t i = 0; i < set->n; i++) {
        const Piece *p = &set->pieces[i];
        if (p->lo != NULL) {
            if (out.n == MAX_PIECES) return false;
            out.pieces[out.n++] = (Piece){from, p->lo, from_open, !p->lo_open};
        }
        from = p->hi;
        from_open = !p->hi_open;
        done = p->hi == NULL;
    }
    if (!done) {
        if (out.n == MAX_PIECES) return false;
        out.pieces[out.n++] = (Piece){from, NULL, from_open, true};
    }
    *set = out;
    return true;
}

// By De Morgan
static bool intersect(Compare *c, RealSet *set, RealSet *other) {
    return complement(set) && complement(other) && add_set(c, set, other) && complement(set);
}

// ---- Inequalities ----

static const Term *substitute(Compare *c, const Term *t, Str name, const Term *value) {
    if (t->kind == TERM_SYMBOL) return str_equal(t->name, name) ? value : t;
    if (t->n == 0) return t;
    Term *copy = term_new(c->arena, t->kind, t->n);
    const Term **args = copy->args;
    *copy = *t;
    copy->args = args;
    for (int32_t i = 0; i < t->n; i++)
        args[i] = substitute(c, t->args[i], name, value);
    return copy;
}

static const Term *first_symbol(const Term *t) {
    if (t->kind == TERM_SYMBOL) return t;
    for (int32_t i = 0; i < t->n; i++) {
        const Term *found = first_symbol(t->args[i]);
        if (found != NULL) return found;
    }
    return NULL;
}

static TermRelation turned(TermRelation relation) {
    switch (relation) {
    case REL_LT:
        return REL_GT;
    case REL_LE:
        return REL_GE;
    case REL_GT:
        return REL_LT;
    case REL_GE:
        return REL_LE;
    default:
        return relation;
    }
}

static bool is_infinite(const Term *t, bool *negative) {
    *negative = t->kind == TERM_NEGATE;
    if (*negative) t = t->args[0];
    return term_is_constant(t, "infinity");
}

// {x: x relation value}
static bool half_line(Compare *c, TermRelation relation, const Term *value, RealSet *out) {
    out->n = 0;
    bool negative;
    if (!is_expression(value) || term_has_variables(value)) return false;
    if (is_infinite(value, &negative)) { // x < infinity: all
        bool all = negative ? relation == REL_GT || relation == REL_GE : relation == REL_LT || relation == REL_LE;
        return all && add_piece(c, out, (Piece){NULL, NULL, true, true});
    }
    switch (relation) {
    case REL_EQ:
        return add_piece(c, out, (Piece){value, value, false, false});
    case REL_NE:
        return add_piece(c, out, (Piece){NULL, value, true, true}) &&
               add_piece(c, out, (Piece){value, NULL, true, true});
    case REL_LT:
    case REL_LE:
        return add_piece(c, out, (Piece){NULL, value, true, relation == REL_LT});
    case REL_GT:
    case REL_GE:
        return add_piece(c, out, (Piece){value, NULL, relation == REL_GT, true});
    default:
        return false;
    }
}

static bool solve(Compare *c, const Term *left, TermRelation relation, const Term *right, Str variable, RealSet *out);

// |u| relation k
static bool solve_abs(Compare *c, const Term *u, TermRelation relation, const Term *k, Str variable, RealSet *out) {
    if (constants_order(c, k, term_integer(c->arena, 0)) != 1) return false;
    RealSet other = {.variable = variable};
    const Term *minus = make_negated(c, k);
    if (!solve(c, u, relation, k, variable, out) || !solve(c, u, turned(relation), minus, variable, &other))
        return false;
    bool inside = relation == REL_LT || relation == REL_LE || relation == REL_NE;
    return inside ? intersect(c, out, &other) : add_set(c, out, &other);
}

// left relation right, where their difference is a x + b
static bool solve(Compare *c, const Term *left, TermRelation relation, const Term *right, Str variable, RealSet *out) {
    bool in_left = term_has_symbol(left, variable), in_right = term_has_symbol(right, variable);
    if (!in_left) return in_right && solve(c, right, turned(relation), left, variable, out);
    if (!in_right && left->kind == TERM_SYMBOL) return half_line(c, relation, right, out);
    if (!in_right && term_is_function(left, "abs", 1))
        return solve_abs(c, left->args[0], relation, right, variable, out);
    bool ignored;
    if (!is_expression(left) || !is_expression(right) || is_infinite(right, &ignored)) return false;
    const Term *f = make_difference(c, left, right), *zero = term_integer(c->arena, 0),
               *one = term_integer(c->arena, 1);
    const Term *b = substitute(c, f, variable, zero), *a = make_difference(c, substitute(c, f, variable, one), b);
    const Term *x = term_named(c->arena, TERM_SYMBOL, arena_strndup(c->arena, variable.ptr, variable.len), 0);
    if (!compare_expressions(c, f, make_sum(c, make_product(c, a, x), b)).equal) return false;
    int sign = constants_order(c, a, zero);
    if (sign != 1 && sign != -1) return false;
    const Term *root = make_negated(c, make_quotient(c, b, a));
    return half_line(c, sign > 0 ? relation : turned(relation), root, out);
}

static bool read_relation(Compare *c, const Term *t, RealSet *out) {
    if (t->n == 2 && t->relations[0] == REL_IN && t->args[0]->kind == TERM_SYMBOL) {
        if (!read_set(c, t->args[1], out)) return false;
        out->variable = t->args[0]->name;
        return true;
    }
    const Term *symbol = first_symbol(t);
    if (symbol == NULL) return false;
    out->variable = symbol->name;
    for (int32_t i = 0; i + 1 < t->n; i++) {
        RealSet part = {.variable = symbol->name};
        if (!solve(c, t->args[i], t->relations[i], t->args[i + 1], symbol->name, &part)) return false;
        if (i == 0)
            *out = part;
        else if (!intersect(c, out, &part))
            return false;
    }
    return true;
}

// ---- Terms as sets ----

static bool read_interval(Compare *c, const Term *t, bool open_left, bool open_right, RealSet *out) {
    bool lo_negative, hi_negative;
    Piece piece = {t->args[0], t->args[1], open_left, open_right};
    if (is_infinite(t->args[0], &lo_negative)) piece.lo = NULL, piece.lo_open = true;
    if (is_infinite(t->args[1], &hi_negative)) piece.hi = NULL, piece.hi_open = true;
    if ((piece.lo == NULL && !lo_negative) || (piece.hi == NULL && hi_negative)) return false;
    for (int32_t i = 0; i < 2; i++) {
        if (!is_expression(t->args[i]) || term_has_variables(t->args[i])) return false;
    }
    if (piece.lo != NULL && piece.hi != NULL) {
        int order = constants_order(c, piece.lo, piece.hi);
        if (order > 0 || (order == 0 && (open_left || open_right))) return false;
    }
    return add_piece(c, out, piece);
}

static bool read_point(Compare *c, const Term *t, RealSet *out) {
    if (!is_expression(t) || term_has_variables(t)) return false;
    return add_piece(c, out, (Piece){t, t, false, false});
}

static bool read_part(Compare *c, const Term *t, RealSet *out) { // one member of a list or a set
    if (t->kind == TERM_SET || t->kind == TERM_LIST || t->kind == TERM_SYMBOL || !is_expression(t)) {
        return read_set(c, t, out); // a symbol: R alone
    }
    return read_point(c, t, out);
}

static bool read_combined(Compare *c, const Term *t, RealSet *out) {
    bool unite = t->kind == TERM_UNION || t->kind == TERM_LIST;
    for (int32_t i = 0; i < t->n; i++) {
        RealSet part = {0};
        if (!read_part(c, t->args[i], &part)) return false;
        if (i == 0) {
            *out = part;
        } else if (unite) {
            if (!add_set(c, out, &part)) return false;
        } else {
            if (t->kind == TERM_DIFFERENCE && !complement(&part)) return false;
            if (!intersect(c, out, &part)) return false;
        }
    }
    return t->n > 0;
}

static bool read_set(Compare *c, const Term *t, RealSet *out) {
    if (!work_spend(c, 20)) return false;
    switch (t->kind) {
    case TERM_INTERVAL:
        return t->n == 2 && read_interval(c, t, t->open_left, t->open_right, out);
    case TERM_TUPLE: // (1, 2) beside a set is the open interval
        return t->n == 2 && read_interval(c, t, true, true, out);
    case TERM_SET:
        for (int32_t i = 0; i < t->n; i++) {
            if (!read_point(c, t->args[i], out)) return false;
        }
        return true;
    case TERM_RELATION:
        return read_relation(c, t, out);
    case TERM_LIST:
    case TERM_UNION:
    case TERM_INTERSECT:
    case TERM_AND:
        return read_combined(c, t, out);
    case TERM_DIFFERENCE:
        return t->n == 2 && read_combined(c, t, out);
    case TERM_SYMBOL:
    case TERM_TEXT:
        if (!str_equal(t->name, STR("R")) && !str_equal(t->name, STR("\\mathbb{R}")) &&
            !str_equal(t->name, STR("reals")) && !str_equal(t->name, STR("all real numbers"))) {
            return false;
        }
        return add_piece(c, out, (Piece){NULL, NULL, true, true});
    default:
        return false;
    }
}

bool compare_real_sets(Compare *c, const Term *gold, const Term *pred, MathVerdict *out) {
    RealSet *sets = arena_alloc(c->arena, 2, sizeof *sets);
    RealSet *g = &sets[0], *p = &sets[1];
    if (!read_set(c, gold, g) || !read_set(c, pred, p)) return false;
    *out = verdict(false, MATH_DIFFERENT);
    if (g->variable.len > 0 && p->variable.len > 0 && !str_equal(g->variable, p->variable)) return true;
    if (g->n != p->n) return true;
    MathVerdict all = verdict(true, MATH_SAME_FORM);
    for (int32_t i = 0; i < g->n && all.equal; i++) {
        const Piece *a = &g->pieces[i], *b = &p->pieces[i];
        if ((a->lo == NULL) != (b->lo == NULL) || (a->hi == NULL) != (b->hi == NULL)) return true;
        if (a->lo != NULL && a->lo_open != b->lo_open) return true;
        if (a->hi != NULL && a->hi_open != b->hi_open) return true;
        if (a->lo != NULL) all = verdict_both(all, compare_scalars(c, a->lo, b->lo));
        if (a->hi != NULL) all = verdict_both(all, compare_scalars(c, a->hi, b->hi));
    }
    *out = all;
    return true;
}
