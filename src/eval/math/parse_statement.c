// Lists, relations and operations on sets.
#include "eval/math/parse_impl.h"

// ---- Sets and ratios ----

static const Term *parse_sets(Parser *p) {
    static const struct {
        int sign;
        TermKind kind;
    } operations[] = {
        {SIGN_UNION, TERM_UNION}, {SIGN_INTERSECT, TERM_INTERSECT}, {SIGN_DIFFERENCE, TERM_DIFFERENCE}};
    const Term *t = parse_sum(p);
    for (bool more = true; more && !p->failed;) {
        more = false;
        for (size_t i = 0; i < 3; i++) {
            if (!is_sign(p, operations[i].sign)) continue;
            Items items = {0};
            items_add(p, &items, t);
            // Differences have two sides each; the others are joined as far as they go on.
            while (take_sign(p, operations[i].sign)) {
                items_add(p, &items, parse_sum(p));
                if (operations[i].kind == TERM_DIFFERENCE) break;
            }
            t = items_term(p, operations[i].kind, &items);
            more = true;
        }
    }
    return t;
}

static const Term *parse_ratio(Parser *p) { // 3:4 is 3/4; 1:2:3 is a triple
    Items items = {0};
    items_add(p, &items, parse_sets(p));
    while (!p->failed && !p->builds_set && take_sign(p, ':'))
        items_add(p, &items, parse_sets(p));
    const Term *t = items_term(p, items.n == 2 ? TERM_DIVIDE : TERM_TUPLE, &items);
    return t;
}

// ---- Relations ----

static const Term *relation_term(Parser *p, const Items *sides, const uint8_t *relations) {
    Term *t = new_term(p, TERM_RELATION, sides->n);
    uint8_t *copy = arena_alloc(p->arena, (size_t)sides->n, 1);
    for (int32_t i = 0; i < sides->n; i++) {
        t->args[i] = sides->items[i];
        copy[i] = relations[i];
    }
    t->relations = copy;
    return t;
}

// x \notin S, A \subseteq B: kept as calls of functions without a value
static const Term *parse_statement_of_sets(Parser *p, const Term *left) {
    if (is_command(p, "not") && is_code_at(p, 1, TOKEN_RELATION, REL_IN)) {
        p->at += 2;
        return new_call(p, "not_in", left, parse_sets(p));
    }
    if (take_sign(p, SIGN_NOT_IN)) return new_call(p, "not_in", left, parse_sets(p));
    if (take_sign(p, SIGN_SUBSET)) return new_call(p, "subset", left, parse_sets(p));
    if (take_sign(p, SIGN_SUPERSET)) return new_call(p, "subset", parse_sets(p), left);
    return left;
}

static int take_relation(Parser *p) { // of TermRelation, or -1
    size_t row = p->aligned && is_sign(p, SIGN_ROW); // the next row of align goes on
    if (is_command(p, "not") && is_code_at(p, 1, TOKEN_RELATION, REL_EQ)) {
        p->at += 2;
        return REL_NE;
    }
    const Token *t = peek_at(p, row);
    if (t->kind != TOKEN_RELATION) return -1;
    p->at += row + 1;
    return t->code;
}

static const Term *take_modulus(Parser *p, const Term *t) { // 3 \pmod{5}
    while (is_command(p, "pmod") && !p->failed) {
        p->at++;
        t = new_call(p, "mod", t, parse_argument(p));
    }
    return t;
}

#define RELATIONS_MAX 64 // of one chain

const Term *parse_statement(Parser *p) {
    if (!enter(p)) return fail(p, "a statement");
    if (is_code(p, TOKEN_RELATION, REL_EQ) || is_code(p, TOKEN_RELATION, REL_APPROX)) p->at++; // "= 5"
    Items sides = {0};
    uint8_t relations[RELATIONS_MAX + 1] = {0};
    items_add(p, &sides, take_modulus(p, parse_ratio(p)));
    sides.items[0] = parse_statement_of_sets(p, sides.items[0]);
    int relation;
    while (!p->failed && (relation = take_relation(p)) >= 0) {
        if (sides.n > RELATIONS_MAX) return fail(p, "at most 64 relations in a chain");
        relations[sides.n - 1] = (uint8_t)relation;
        items_add(p, &sides, take_modulus(p, parse_ratio(p)));
    }
    leave(p);
    return sides.n == 1 ? sides.items[0] : relation_term(p, &sides, relations);
}

// ---- Lists ----

typedef struct Separators {
    bool comma, semicolon, and, or ;
} Separators;

static bool take_separator(Parser *p, Separators *seen) {
    bool any = false, row = true;
    for (bool more = true; more;) { // ", and"
        more = true;
        row = p->aligned && is_sign(p, SIGN_ROW);
        if (is_sign(p, ','))
            seen->comma = true;
        else if (is_sign(p, ';') || row)
            seen->semicolon = true;
        else if (is_sign(p, SIGN_AND))
            seen->and = true;
        else if (is_sign(p, SIGN_OR))
            seen->or = true;
        else
            more = false;
        p->at += more;
        any |= more;
    }
    if (!any && declaration_ahead(p)) any = seen->comma = true;
    return any;
}

static bool is_condition(const Term *t, bool *unequal) { // an inequality, or membership
    if (t->kind == TERM_AND) return true;
    if (t->kind != TERM_RELATION) return false;
    bool order = false;
    for (int32_t i = 0; i + 1 < t->n; i++) {
        order |= t->relations[i] != REL_EQ && t->relations[i] != REL_APPROX;
        *unequal |= t->relations[i] == REL_NE;
    }
    return order;
}

// Inequalities between which "and" stands, or one of which is x != a, hold together; otherwise they are alternatives.
static bool hold_together(const Items *items, const Separators *seen) {
    bool unequal = false, all = true;
    for (int32_t i = 0; i < items->n; i++)
        all &= is_condition(items->items[i], &unequal);
    return all && !seen->or && (seen->and || unequal);
}

// "1, 2; 3, 4" is pairs.
static void close_group(Parser *p, Items *groups, Items *group) {
    if (group->n > 0) items_add(p, groups, items_term(p, TERM_TUPLE, group));
    *group = (Items){0};
}

const Term *parse_list(Parser *p) {
    if (!enter(p)) return fail(p, "a list");
    Items items = {0}, groups = {0}, group = {0};
    Separators all = {0}, seen = {0};
    do {
        if (seen.semicolon) close_group(p, &groups, &group);
        const Term *t = parse_statement(p);
        items_add(p, &items, t);
        items_add(p, &group, t);
        seen = (Separators){0};
        if (!take_separator(p, &seen)) break;
        all = (Separators){all.comma || seen.comma, all.semicolon || seen.semicolon, all.and || seen.and,
                           all.or || seen.or };
    } while (!p->failed && !is_kind(p, TOKEN_END) && !is_kind(p, TOKEN_CLOSE));
    close_group(p, &groups, &group);
    leave(p);
    if (all.comma && all.semicolon) return items_term(p, TERM_LIST, &groups);
    return items_term(p, hold_together(&items, &all) ? TERM_AND : TERM_LIST, &items);
}
