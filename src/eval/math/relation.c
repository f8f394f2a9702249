// Equations, inequalities and statements of what something is.
#include <ctype.h>

#include "eval/math/equal_impl.h"

// ---- "x = 3" is 3 ----

static bool is_capital(Str name) {
    return name.len > 0 && isupper((unsigned char)name.ptr[0]);
}

static bool is_name(const Term *t);

// AB, V_1 : V_2, AB : BC: lengths and the like; xy is a product.
static bool are_capital_names(const Term *t) {
    for (int32_t i = 0; i < t->n; i++) {
        const Term *part = t->args[i];
        bool length = t->kind != TERM_MULTIPLY && part->kind == TERM_MULTIPLY && are_capital_names(part);
        if (!length && (part->kind != TERM_SYMBOL || !is_capital(part->name))) return false;
    }
    return t->n > 0;
}

static bool are_names(const Term *t) {
    for (int32_t i = 0; i < t->n; i++) {
        if (!is_name(t->args[i])) return false;
    }
    return t->n > 0;
}

static bool is_name(const Term *t) {
    switch (t->kind) {
    case TERM_SYMBOL:
    case TERM_TEXT:
    case TERM_CONSTANT:
        return true;
    case TERM_FUNCTION:
        if (!function_is_known(t->name)) return true;
        return str_equal(t->name, STR("abs")) && t->n == 1 && (is_name(t->args[0]) || are_capital_names(t->args[0]));
    case TERM_MULTIPLY:
    case TERM_DIVIDE:
        return are_capital_names(t);
    case TERM_TUPLE:
    case TERM_LIST:
        return are_names(t);
    default:
        return false;
    }
}

static bool is_valued(const Term *t) {
    return t->kind == TERM_RELATION && t->n >= 2;
}

static bool occurs_in(const Term *name, const Term *value) {
    return name->kind == TERM_SYMBOL && term_has_symbol(value, name->name);
}

// The last of a chain of equalities; what follows "approximately" only where nothing stands before it.
static const Term *last_value(const Term *t) {
    const Term *value = NULL;
    for (int32_t i = 1; i < t->n; i++) {
        TermRelation relation = (TermRelation)t->relations[i - 1];
        if (relation != REL_EQ && relation != REL_APPROX) return NULL;
        if (relation == REL_APPROX && (i > 1 || !is_name(t->args[0]))) break;
        value = t->args[i];
        if (relation == REL_APPROX) break;
    }
    return value;
}

// The side that names and the side that is the value; false where the relation is no such statement.
static bool split(const Term *t, const Term **name, const Term **value) {
    if (!is_valued(t)) return false;
    const Term *first = t->args[0];
    if (t->n == 2 && t->relations[0] == REL_IN && is_name(first)) {
        *name = first;
        *value = t->args[1];
        return true;
    }
    *value = last_value(t);
    *name = first;
    if (*value == NULL) { // 1/3 approximately 0.33 is 1/3
        *value = first;
        return t->relations[0] == REL_APPROX && !term_has_variables(first);
    }
    if (is_name(first) && !occurs_in(first, *value)) return true;
    if (!term_has_variables(first) && is_name(*value) && t->n == 2 && (*value)->kind != TERM_CONSTANT) { // 3 = x
        *name = *value;
        *value = first;
        return true;
    }
    return is_expression(first) && !term_has_variables(first) && is_expression(*value) && !term_has_variables(*value);
}

const Term *assigned_value(Compare *c, const Term *t) {
    const Term *name, *value;
    (void)c;
    return split(t, &name, &value) ? value : NULL;
}

const Term *assigned_name(const Term *t) {
    const Term *name, *value;
    return split(t, &name, &value) ? name : NULL;
}

// ---- Two relations ----

static const Term *rename_symbol(Compare *c, const Term *t, Str from, const Term *to) {
    if (t->kind == TERM_SYMBOL) return str_equal(t->name, from) ? to : t;
    Term *copy = term_new(c->arena, t->kind, t->n);
    const Term **args = copy->args;
    *copy = *t;
    copy->args = args;
    for (int32_t i = 0; i < t->n; i++)
        args[i] = rename_symbol(c, t->args[i], from, to);
    return copy;
}

// f(n) = n + 1 and f(x) = x + 1: the argument's own name does not matter.
static const Term *rename_argument(Compare *c, const Term *t, const Term *from, const Term *to) {
    if (from->kind != TERM_FUNCTION || to->kind != TERM_FUNCTION || from->n != 1 || to->n != 1 ||
        !str_equal(from->name, to->name) || from->args[0]->kind != TERM_SYMBOL || to->args[0]->kind != TERM_SYMBOL) {
        return NULL;
    }
    if (!term_same(from, to) && term_has_symbol(t, to->args[0]->name)) return NULL; // f(m) = n is not f(n) = n
    return rename_symbol(c, t, from->args[0]->name, to->args[0]);
}

static MathVerdict compare_assigned(Compare *c, const Term *gold, const Term *pred) {
    const Term *name_g, *value_g, *name_p, *value_p;
    MathVerdict no = verdict(false, MATH_UNDECIDED);
    if (!split(gold, &name_g, &value_g) || !split(pred, &name_p, &value_p)) return no;
    if (!is_name(name_g) && !is_name(name_p)) return compare_terms(c, value_g, value_p);
    if (compare_terms(c, name_g, name_p).equal) return compare_terms(c, value_g, value_p);
    const Term *renamed = rename_argument(c, value_p, name_p, name_g);
    return renamed == NULL ? no : compare_terms(c, value_g, renamed);
}

// left - right; NULL where a side is no expression
static const Term *sides_difference(Compare *c, const Term *t) {
    if (t->n != 2 || !is_expression(t->args[0]) || !is_expression(t->args[1])) return NULL;
    return make_difference(c, t->args[0], t->args[1]);
}

static bool is_equation(TermRelation r) {
    return r == REL_EQ || r == REL_APPROX || r == REL_NE;
}

// The signs of the inequality that a factor of this sign leaves: turned where it is negative
static TermRelation times_sign(TermRelation r, int sign) {
    if (sign > 0 || is_equation(r)) return r;
    return r == REL_LT ? REL_GT : r == REL_LE ? REL_GE : r == REL_GT ? REL_LT : r == REL_GE ? REL_LE : r;
}

static MathVerdict compare_differences(Compare *c, const Term *gold, const Term *pred) {
    const Term *g = sides_difference(c, gold), *p = sides_difference(c, pred);
    TermRelation rg = (TermRelation)gold->relations[0], rp = (TermRelation)pred->relations[0];
    if (g == NULL || p == NULL || rg == REL_IN || rp == REL_IN) return verdict(false, MATH_UNDECIDED);
    if (rg == REL_APPROX) rg = REL_EQ;
    if (rp == REL_APPROX) rp = REL_EQ;
    if (is_equation(rg) ? rg != rp : is_equation(rp)) return verdict(false, MATH_DIFFERENT);
    int sign = 0;
    MathHow how = MATH_SAME_FORM;
    FormAnswer answer = forms_proportional(c, g, p, is_equation(rg), &sign);
    if (answer == FORM_UNKNOWN) {
        answer = samples_proportional(c, g, p, &sign);
        how = MATH_NUMERIC;
    }
    if (answer == FORM_UNKNOWN) return verdict(false, MATH_UNDECIDED);
    // A proof that the sides' differences are not proportional is none that the equations differ (x = 1, x^3 = 1),
    // but the answers are not the same statement.
    if (answer == FORM_DIFFERENT || times_sign(rp, sign) != rg) return verdict(false, MATH_DIFFERENT);
    return verdict(true, how);
}

// Chains member by member, or the other way round: 1 < x < y and y > x > 1
static MathVerdict compare_chains(Compare *c, const Term *gold, const Term *pred) {
    MathVerdict best = verdict(false, MATH_UNDECIDED);
    if (gold->n != pred->n) return best;
    for (int turn = 0; turn < 2; turn++) {
        MathVerdict all = verdict(true, MATH_SAME_FORM);
        int32_t n = gold->n;
        for (int32_t i = 0; i < n && all.equal; i++) {
            all = verdict_both(all, compare_terms(c, gold->args[i], pred->args[turn ? n - 1 - i : i]));
            if (i + 1 == n) break;
            TermRelation r = (TermRelation)pred->relations[turn ? n - 2 - i : i];
            if (times_sign(r, turn ? -1 : 1) != (TermRelation)gold->relations[i]) all = verdict(false, MATH_DIFFERENT);
        }
        if (all.equal) return all;
    }
    return best;
}

static bool orders(const Term *t) { // has < <= > >= or is a set's element
    if (t->kind == TERM_AND || t->kind == TERM_LIST) return t->n > 0 && orders(t->args[0]);
    if (t->kind != TERM_RELATION) return false;
    for (int32_t i = 0; i + 1 < t->n; i++) {
        if (!is_equation((TermRelation)t->relations[i]) || t->relations[i] == REL_NE) return true;
    }
    return false;
}

MathVerdict compare_relations(Compare *c, const Term *gold, const Term *pred) {
    MathVerdict result;
    if ((orders(gold) || orders(pred)) && compare_real_sets(c, gold, pred, &result)) return result;
    bool both = gold->kind == TERM_RELATION && pred->kind == TERM_RELATION;
    if (!both) {
        const Term *g = assigned_value(c, gold), *p = assigned_value(c, pred);
        if (g == NULL && p == NULL) return verdict(false, MATH_DIFFERENT);
        return compare_terms(c, g != NULL ? g : gold, p != NULL ? p : pred);
    }
    result = compare_assigned(c, gold, pred);
    if (result.equal) return result;
    if (gold->n == 2 && pred->n == 2) {
        result = compare_differences(c, gold, pred);
        if (result.equal) return result;
    }
    MathVerdict chain = compare_chains(c, gold, pred);
    return chain.equal ? chain : result;
}
