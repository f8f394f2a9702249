// Tuples in order; sets and lists in any order.
#include "eval/math/equal_impl.h"

typedef struct Items {
    const Term *items[ELEMENTS_MAX];
    int32_t n;
    bool too_many;
} Items;

static void add_item(Items *items, const Term *t) {
    if (items->n == ELEMENTS_MAX)
        items->too_many = true;
    else
        items->items[items->n++] = t;
}

// A list's items with lists in it opened and every \pm as two items; "n = 1, 2" too.
static void collect(Compare *c, const Term *t, Items *items) {
    if (t->kind == TERM_LIST || (t->kind == TERM_SET && items->n == 0) || t->kind == TERM_AND) {
        for (int32_t i = 0; i < t->n; i++) {
            if (t->args[i]->kind == TERM_SET)
                add_item(items, t->args[i]);
            else
                collect(c, t->args[i], items);
        }
    } else if (t->kind != TERM_SET && term_has_kind(t, TERM_PLUS_MINUS)) {
        add_item(items, choose_sign(c, t, true));
        add_item(items, choose_sign(c, t, false));
    } else {
        add_item(items, t);
    }
}

static void remove_doubles(Compare *c, Items *items) {
    int32_t n = 0;
    for (int32_t i = 0; i < items->n; i++) {
        bool seen = false;
        for (int32_t j = 0; j < n && !seen; j++)
            seen = compare_terms(c, items->items[j], items->items[i]).equal;
        if (!seen) items->items[n++] = items->items[i];
    }
    items->n = n;
}

// The part of a name before its subscript: of x_1 and x_2 alike
static Str stem(const Term *name) {
    if (name->kind != TERM_SYMBOL) return name->name;
    ptrdiff_t at = str_find(name->name, STR("_"), 0);
    return at < 0 ? name->name : (Str){name->name.ptr, (size_t)at};
}

// "x = 1, y = 2": values of different variables, which stand in an order
static bool are_named(const Items *items) {
    for (int32_t i = 0; i < items->n; i++) {
        const Term *name = assigned_name(items->items[i]);
        if (name == NULL) return false;
        for (int32_t j = 0; j < i; j++) {
            const Term *other = assigned_name(items->items[j]);
            bool one_stem =
                name->kind == TERM_SYMBOL && other->kind == TERM_SYMBOL && str_equal(stem(name), stem(other));
            if (one_stem || term_same(name, other)) return false;
        }
    }
    return items->n > 1;
}

static bool any_named(const Items *items) {
    for (int32_t i = 0; i < items->n; i++) {
        if (assigned_name(items->items[i]) != NULL) return true;
    }
    return false;
}

static MathVerdict in_order(Compare *c, const Items *gold, const Items *pred) {
    MathVerdict all = verdict(true, MATH_SAME_FORM);
    for (int32_t i = 0; i < gold->n && all.how != MATH_DIFFERENT; i++) {
        all = verdict_both(all, compare_terms(c, gold->items[i], pred->items[i]));
    }
    return all;
}

// Each item of gold takes the first free equal one of pred. Equality being one of classes, first come is enough.
static MathVerdict in_any_order(Compare *c, const Items *gold, const Items *pred) {
    bool taken[ELEMENTS_MAX] = {false};
    MathVerdict all = verdict(true, MATH_SAME_FORM);
    for (int32_t i = 0; i < gold->n; i++) {
        bool found = false;
        MathHow failure = MATH_DIFFERENT;
        for (int32_t step = 0; step < pred->n && !found; step++) {
            int32_t j = (i + step) % pred->n; // most often the order is the same
            if (taken[j]) continue;
            MathVerdict one = compare_terms(c, gold->items[i], pred->items[j]);
            if (!one.equal) {
                if (one.how == MATH_UNDECIDED) failure = MATH_UNDECIDED;
                continue;
            }
            taken[j] = found = true;
            all = verdict_both(all, one);
        }
        if (!found) return verdict(false, failure);
    }
    return all;
}

// "x + 11 or 11 + x": one answer in several forms, where one is asked for
static bool all_are(Compare *c, const Term *gold, const Term *pred) {
    bool single = is_expression(gold) && !term_has_kind(gold, TERM_PLUS_MINUS);
    if (!single || pred->kind != TERM_LIST || pred->n < 2 || pred->n > 4) return false;
    for (int32_t i = 0; i < pred->n; i++) {
        if (!compare_terms(c, gold, pred->args[i]).equal) return false;
    }
    return true;
}

// The first named item's name goes for the items that follow without one: "n = 1, 2, 3" is one variable's values.
MathVerdict compare_collections(Compare *c, const Term *gold, const Term *pred) {
    if (all_are(c, gold, pred)) return verdict(true, MATH_SAME_FORM);
    Items *both = arena_alloc(c->arena, 2, sizeof *both);
    Items *g = &both[0], *p = &both[1];
    bool ordered_gold = gold->kind == TERM_TUPLE, ordered_pred = pred->kind == TERM_TUPLE;
    if ((ordered_gold && pred->kind == TERM_SET) || (ordered_pred && gold->kind == TERM_SET)) {
        return verdict(false, MATH_DIFFERENT); // an order, and none
    }
    if (ordered_gold) {
        for (int32_t i = 0; i < gold->n; i++)
            add_item(g, gold->args[i]);
    } else {
        collect(c, gold, g);
    }
    if (ordered_pred) {
        for (int32_t i = 0; i < pred->n; i++)
            add_item(p, pred->args[i]);
    } else {
        collect(c, pred, p);
    }
    if (g->too_many || p->too_many) return verdict(false, MATH_UNDECIDED);
    bool is_set = gold->kind == TERM_SET || pred->kind == TERM_SET;
    if (is_set && !ordered_gold && !ordered_pred) remove_doubles(c, g), remove_doubles(c, p);
    if (g->n != p->n) return verdict(false, MATH_DIFFERENT);
    bool one_named = are_named(g) ? !any_named(p) : are_named(p) && !any_named(g);
    if (ordered_gold || ordered_pred || one_named) return in_order(c, g, p);
    return in_any_order(c, g, p);
}
