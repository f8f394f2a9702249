// Brackets and what they hold: groups, tuples, intervals, sets, matrices.
#include "eval/math/parse_impl.h"

// ---- Commas ----

// Within brackets "1,234" is two numbers, unless a comma with a space behind it, or a semicolon, parts the elements:
// (1,000, 2,000).
static bool commas_split(const Parser *p) {
    int32_t depth = 0;
    for (size_t i = 0; p->at + i < p->n; i++) {
        const Token *t = peek_at(p, i);
        depth += (t->kind == TOKEN_OPEN) - (t->kind == TOKEN_CLOSE);
        if (depth < 0) return true;
        bool separates = t->kind == TOKEN_SIGN && depth == 0;
        if (separates && (t->code == ';' || (t->code == ',' && peek_at(p, i + 1)->spaced))) return false;
    }
    return true;
}

// ---- Elements ----

static bool closes(const Parser *p, int open) { // brackets of intervals may differ, also outwards: ]0, 1[
    const Token *t = peek(p);
    if (open == BRACKET_ROUND || open == BRACKET_SQUARE) {
        if (t->kind == TOKEN_OPEN) return t->code == BRACKET_SQUARE;
        return t->kind == TOKEN_CLOSE && (t->code == BRACKET_ROUND || t->code == BRACKET_SQUARE);
    }
    if (t->kind == TOKEN_CLOSE && t->code == open) return true;
    if (t->kind == TOKEN_CLOSE && open == BRACKET_SET) return t->code == BRACKET_GROUP;
    return open == BRACKET_BAR && t->kind == TOKEN_BAR;
}

static bool take_comma(Parser *p, bool *joined) {
    *joined = is_sign(p, SIGN_AND) || is_sign(p, SIGN_OR);
    if (!*joined && !is_sign(p, ',') && !is_sign(p, ';')) return false;
    p->at++;
    return true;
}

// {x : x > 0}, {x | x > 0}: the condition; with what x may be where that says more
static const Term *parse_builder(Parser *p, const Term *element) {
    p->at++;
    p->builds_set = false;
    const Term *condition = parse_list(p);
    if (element->kind == TERM_SYMBOL) return condition;
    bool member = element->kind == TERM_RELATION && element->n == 2 && element->relations[0] == REL_IN;
    if (member && str_equal(element->args[1]->name, STR("\\mathbb{R}"))) return condition;
    return member ? new_two(p, TERM_AND, element, condition) : new_call(p, "set_of", element, condition);
}

const Term *parse_elements(Parser *p, Items *items) {
    int open = peek(p)->code;
    Parser outer = *p;
    p->at++;
    p->bars = 0;
    p->inside++;
    p->differential = false;
    p->commas_split = commas_split(p);
    p->builds_set = open == BRACKET_SET;
    const Term *built = NULL;
    bool joined = false, any_joined = false;
    if (is_kind(p, TOKEN_OPEN) || !closes(p, open)) { // the [ of [[1, 2], [3, 4]] closes nothing
        do {
            items_add(p, items, parse_statement(p));
            any_joined |= joined;
            bool builder = is_sign(p, ':') || is_kind(p, TOKEN_BAR) || is_sign(p, SIGN_MID);
            if (p->builds_set && builder) built = parse_builder(p, items->items[0]);
            p->builds_set = false;
        } while (!p->failed && built == NULL && take_comma(p, &joined));
    }
    if (!closes(p, open)) fail(p, "a closing bracket");
    p->at++;
    p->bars = outer.bars;
    p->inside = outer.inside;
    p->differential = outer.differential;
    p->commas_split = outer.commas_split;
    p->builds_set = outer.builds_set;
    if (built != NULL) items->n = 0;
    if (built == NULL && any_joined) {
        built = items_term(p, TERM_LIST, items);
        items->n = 0;
    }
    return built;
}

// ---- Brackets ----

static bool is_infinite(const Term *t) {
    if (t->kind == TERM_NEGATE) t = t->args[0];
    return t->kind == TERM_CONSTANT && str_equal(t->name, STR("infinity"));
}

// `right`: the token that closed it. (a, b) is a tuple, unless an end is infinite.
static const Term *round_or_square(Parser *p, bool open_left, bool outward, const Token *right, const Items *items) {
    bool square_right = right->code == BRACKET_SQUARE, closed_right = square_right && right->kind == TOKEN_CLOSE;
    if (items->n == 0) return fail(p, "something in brackets");
    if (items->n == 1) return open_left == !square_right && !outward ? items->items[0] : fail(p, "a pair of brackets");
    const Term *const *ends = items->items;
    bool round = open_left && !square_right && !outward;
    if (items->n == 2 && (!round || is_infinite(ends[0]) || is_infinite(ends[1]))) {
        Term *t = (Term *)items_term(p, TERM_INTERVAL, items);
        t->open_left = open_left;
        t->open_right = !closed_right;
        return t;
    }
    bool plain = !outward && (open_left ? !square_right : closed_right);
    return plain ? items_term(p, TERM_TUPLE, items) : fail(p, "an interval's two ends");
}

static const Term *set_of(Parser *p, const Items *items) {
    Term *t = new_term(p, TERM_SET, items->n);
    for (int32_t i = 0; i < items->n; i++)
        t->args[i] = items->items[i];
    return t;
}

// \left\{ \begin{array}{l} x = 1 \\ y = 2 \end{array} \right.: no bracket closes the brace after the environment.
static bool braced_rows_ahead(const Parser *p) {
    int32_t depth = 0;
    if (!is_code(p, TOKEN_OPEN, BRACKET_SET) || !is_code_at(p, 1, TOKEN_COMMAND, 'b')) return false;
    for (size_t i = 1; p->at + i < p->n; i++) {
        const Token *t = peek_at(p, i);
        if (t->kind == TOKEN_COMMAND) depth += (t->code == 'b') - (t->code == 'e');
        if (depth == 0) return !is_code_at(p, i + 1, TOKEN_CLOSE, BRACKET_SET);
    }
    return false;
}

const Term *parse_bracket(Parser *p) {
    if (braced_rows_ahead(p)) {
        p->at++;
        return parse_environment(p, true);
    }
    int open = peek(p)->code;
    bool outward = is_kind(p, TOKEN_CLOSE); // ]0, 1[
    Items items = {0};
    const Term *joined = parse_elements(p, &items);
    const Token *right = &p->tokens[p->failed ? p->n - 1 : p->at - 1];
    if (joined != NULL) return joined;
    switch (open) {
    case BRACKET_ROUND:
        return round_or_square(p, true, false, right, &items);
    case BRACKET_SQUARE:
        return round_or_square(p, outward, outward, right, &items);
    case BRACKET_SET:
        return set_of(p, &items);
    case BRACKET_ANGLE:
        return items.n > 0 ? items_term(p, TERM_TUPLE, &items) : fail(p, "something in brackets");
    default:
        break;
    }
    if (items.n != 1) return fail(p, "one expression in these brackets");
    const char *size = items.items[0]->kind == TERM_MATRIX ? "det" : "abs";
    return new_call(p, open == BRACKET_FLOOR ? "floor" : open == BRACKET_CEIL ? "ceil" : size, items.items[0], NULL);
}

// ---- Environments ----

static bool take_row(Parser *p, int32_t *rows) {
    bool any = false;
    while (take_sign(p, SIGN_ROW))
        any = true;
    *rows += any;
    return any;
}

static bool at_end(const Parser *p) {
    return (is_kind(p, TOKEN_COMMAND) && peek(p)->code == 'e') || is_kind(p, TOKEN_END);
}

static const Term *parse_rows(Parser *p, Items *entries, int32_t *rows) {
    *rows = 1;
    while (!p->failed && !at_end(p)) {
        while (is_kind(p, TOKEN_WORDS)) // "if" of cases
            p->at++;
        items_add(p, entries, parse_statement(p));
        take_sign(p, ',');
        if (take_sign(p, '&')) continue;
        if (!take_row(p, rows)) break;
        *rows -= at_end(p);
    }
    if (p->failed || is_kind(p, TOKEN_END) || entries->n == 0 || !at_end(p)) return fail(p, "the end of a matrix");
    p->at++;
    return NULL;
}

const Term *parse_environment(Parser *p, bool braced) {
    Str name = peek(p)->text;
    bool matrix = str_ends(name, STR("matrix")) || str_ends(name, STR("matrix*")) || str_equal(name, STR("array"));
    bool cases = str_ends(name, STR("cases")) || (braced && matrix);
    Parser outer = *p;
    p->at++;
    p->inside++;
    p->bars = 0;
    p->commas_split = p->builds_set = p->differential = false;
    Items entries = {0};
    int32_t rows = 1;
    const Term *t;
    if (matrix || cases) {
        t = parse_rows(p, &entries, &rows);
    } else {
        p->aligned = true;
        t = parse_list(p);
        if (!at_end(p) || is_kind(p, TOKEN_END)) t = fail(p, "the end of aligned lines");
        p->at++;
    }
    p->inside = outer.inside;
    p->bars = outer.bars;
    p->commas_split = outer.commas_split;
    p->builds_set = outer.builds_set;
    p->differential = outer.differential;
    p->aligned = outer.aligned;
    if (t != NULL) return t;
    if (cases && entries.n == rows) return items_term(p, TERM_LIST, &entries);
    if (entries.n % rows != 0) return fail(p, "rows of one length");
    Term *grid = new_term(p, TERM_MATRIX, entries.n);
    for (int32_t i = 0; i < entries.n; i++)
        grid->args[i] = entries.items[i];
    grid->rows = rows;
    if (cases) return new_call(p, "cases", grid, NULL);
    return name.ptr[0] == 'v' ? new_call(p, "det", grid, NULL) : grid;
}
