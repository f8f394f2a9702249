// Functions that have a meaning: \sin^2 x, \log_2 8, \gcd(a, b); and \int, \sum, \prod, \lim, which are kept as calls.
#include "eval/math/parse_impl.h"

// ---- Arguments ----

static bool takes_one_atom(Str name) { // sqrt 2 x is (sqrt 2) x
    return str_equal(name, STR("sqrt")) || str_equal(name, STR("cbrt")) || str_equal(name, STR("abs")) ||
           str_equal(name, STR("floor")) || str_equal(name, STR("ceil"));
}

// Of an argument without brackets: numbers, names and what has arguments of its own
static bool goes_on(const Parser *p, bool after_number) {
    const Token *t = peek(p);
    if (t->kind == TOKEN_DIGITS) return !after_number;
    if (t->kind == TOKEN_NAME) return !at_differential(p);
    if (t->kind == TOKEN_CONSTANT) return true;
    if (t->kind != TOKEN_COMMAND || t->code != 0) return false;
    return is_command(p, "frac") || is_command(p, "sqrt") || is_command(p, "vec") || is_command(p, "binom");
}

static bool is_angle(const Items *items) { // of numbers and pi alone: \sin \pi/6
    bool pi = false;
    for (int32_t i = 0; i < items->n; i++) {
        const Term *t = items->items[i];
        bool is_pi = t->kind == TERM_CONSTANT && str_equal(t->name, STR("pi"));
        if (!is_pi && t->kind != TERM_NUMBER) return false;
        pi |= is_pi;
    }
    return pi;
}

static const Term *parse_bare_argument(Parser *p, Str name) {
    Items items = {0};
    bool minus = take_sign(p, '-');
    items_add(p, &items, takes_one_atom(name) && is_kind(p, TOKEN_DIGITS) ? parse_number(p) : parse_power(p));
    while (!p->failed && !takes_one_atom(name)) {
        bool number = items.items[items.n - 1]->kind == TERM_NUMBER;
        if (!goes_on(p, number)) break;
        items_add(p, &items, parse_power(p));
    }
    const Term *t = items_term(p, TERM_MULTIPLY, &items);
    if (is_sign(p, '/') && is_angle(&items) && peek_at(p, 1)->kind == TOKEN_DIGITS) {
        p->at++;
        t = new_two(p, TERM_DIVIDE, t, parse_number(p));
    }
    return minus ? new_one(p, TERM_NEGATE, t) : t;
}

static bool opens_arguments(const Parser *p) {
    const Token *t = peek(p);
    if (t->kind != TOKEN_OPEN) return false;
    return t->code == BRACKET_ROUND || t->code == BRACKET_SQUARE || t->code == BRACKET_SET || t->code == BRACKET_GROUP;
}

// A set's elements are arguments too: \max\{a, b\}.
static void parse_arguments(Parser *p, Str name, Items *arguments) {
    if (!opens_arguments(p)) {
        items_add(p, arguments, parse_bare_argument(p, name));
        return;
    }
    int open = peek(p)->code;
    const Term *joined = parse_elements(p, arguments);
    int close = p->failed ? open : p->tokens[p->at - 1].code;
    if (close != open && open != BRACKET_SET) fail(p, "the same closing bracket");
    if (joined != NULL) items_add(p, arguments, joined);
    if (arguments->n == 1 && arguments->items[0]->kind == TERM_LIST) { // {a, b}
        const Term *list = arguments->items[0];
        arguments->n = 0;
        for (int32_t i = 0; i < list->n; i++)
            items_add(p, arguments, list->args[i]);
    }
}

// ---- Functions ----

static const char *inverse_of(Str name) {
    static const char *const names[][2] = {
        {"sin", "arcsin"},  {"cos", "arccos"},  {"tan", "arctan"},  {"cot", "arccot"}, {"sec", "arcsec"},
        {"csc", "arccsc"},  {"sinh", "arsinh"}, {"cosh", "arcosh"}, {"tanh", "artanh"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_equal(name, str_of(names[i][0]))) return names[i][1];
    }
    return NULL;
}

static bool is_minus_one(const Term *t) {
    return t->kind == TERM_NEGATE && is_whole(t->args[0]) && str_equal(t->args[0]->digits, STR("1"));
}

// \log_28 is log base 2 of 8, \log_10 5 of base 10: one digit where nothing else would be left for the argument.
static const Term *parse_log_base(Parser *p) {
    p->at++;
    const Token *t = peek(p), *after = peek_at(p, 1);
    bool left = after->kind == TOKEN_DIGITS || after->kind == TOKEN_NAME || after->kind == TOKEN_OPEN ||
                after->kind == TOKEN_COMMAND || after->kind == TOKEN_CONSTANT || after->kind == TOKEN_BAR ||
                (after->kind == TOKEN_SIGN && after->code == '^');
    return t->kind == TOKEN_DIGITS && left ? parse_number(p) : parse_argument(p);
}

static const Term *call_of(Parser *p, Str name, const Term *base, const Items *arguments) {
    if (str_equal(name, STR("lg"))) {
        name = STR("log");
        base = new_digits(p, STR("10"));
    } else if (str_equal(name, STR("cbrt"))) {
        name = STR("root");
        base = new_digits(p, STR("3"));
    }
    bool first = base != NULL;
    Term *t = new_term(p, TERM_FUNCTION, arguments->n + first);
    t->name = name;
    if (first) t->args[0] = base;
    for (int32_t i = 0; i < arguments->n; i++)
        t->args[i + first] = arguments->items[i];
    return t;
}

static const Term *parse_function_exponent(Parser *p) {
    if (take_sign(p, '-')) return new_one(p, TERM_NEGATE, parse_argument(p));
    return is_kind(p, TOKEN_DIGITS) ? parse_script_digits(p) : parse_argument(p);
}

const Term *parse_function(Parser *p) {
    if (!enter(p)) return fail(p, "a function");
    Str name = peek(p)->text;
    p->at++;
    const Term *base = NULL, *exponent = NULL;
    for (int i = 0; i < 2 && !p->failed; i++) { // \log_2^3 x and \log^3_2 x
        if (is_sign(p, '_') && base == NULL) {
            bool logarithm = str_equal(name, STR("log")) || str_equal(name, STR("lg"));
            base = logarithm ? parse_log_base(p) : fail(p, "no subscript");
        } else if (take_sign(p, '^')) {
            exponent = parse_function_exponent(p);
        }
    }
    const char *inverse = exponent != NULL && is_minus_one(exponent) ? inverse_of(name) : NULL;
    if (inverse != NULL) name = str_of(inverse), exponent = NULL;
    Items arguments = {0};
    parse_arguments(p, name, &arguments);
    const Term *t = call_of(p, name, base, &arguments);
    leave(p);
    return exponent != NULL ? new_two(p, TERM_POWER, t, exponent) : t;
}

// ---- Integrals, sums, products, limits ----

bool at_differential(const Parser *p) {
    if (!p->differential || !is_kind(p, TOKEN_NAME) || !str_equal(peek(p)->text, STR("d"))) return false;
    return peek_at(p, 1)->kind == TOKEN_NAME && !peek_at(p, 1)->spaced;
}

typedef struct Bounds {
    const Term *variable, *from, *to; // NULL: not given
} Bounds;

static void set_lower(Bounds *b, const Term *t) { // k = 1 names the variable too
    bool named = t->kind == TERM_RELATION && t->n == 2 && t->relations[0] == REL_EQ;
    if (named) b->variable = t->args[0];
    b->from = named ? t->args[1] : t;
}

static const Term *parse_lower(Parser *p) { // {k=1}, {x \to 0}, or a single sign
    if (!is_code(p, TOKEN_OPEN, BRACKET_GROUP)) return parse_argument(p);
    if (is_code_at(p, 1, TOKEN_CLOSE, BRACKET_GROUP)) { // \int_{}^{}
        p->at += 2;
        return NULL;
    }
    p->at++;
    const Term *t = parse_statement(p);
    if (take_sign(p, SIGN_TO)) t = new_call(p, "to", t, parse_statement(p));
    if (!take_close(p, BRACKET_GROUP)) return fail(p, "a closing brace");
    return t;
}

static void parse_bounds(Parser *p, Bounds *b) {
    while (!p->failed && (is_sign(p, '_') || is_sign(p, '^'))) {
        bool lower = is_sign(p, '_');
        p->at++;
        const Term *t = parse_lower(p);
        if (t == NULL) continue;
        if (lower)
            set_lower(b, t);
        else
            b->to = t;
    }
}

static const Term *parse_integrand(Parser *p, Bounds *b) {
    bool old = p->differential;
    p->differential = true;
    const Term *t = at_differential(p) ? new_digits(p, STR("1")) : parse_sum(p);
    p->differential = old;
    if (is_kind(p, TOKEN_NAME) && str_equal(peek(p)->text, STR("d")) && peek_at(p, 1)->kind == TOKEN_NAME) {
        b->variable = new_name(p, TERM_SYMBOL, peek_at(p, 1)->text);
        p->at += 2;
    }
    return t;
}

const Term *parse_calculus(Parser *p) {
    Bounds b = {0};
    Str command = peek(p)->text;
    bool integral = str_equal(command, STR("int"));
    p->at++;
    parse_bounds(p, &b);
    Items parts = {0};
    items_add(p, &parts, integral ? parse_integrand(p, &b) : parse_product(p));
    const Term *further[] = {b.variable, b.from, b.to};
    for (int i = 0; i < 3; i++) {
        if (further[i] != NULL) items_add(p, &parts, further[i]);
    }
    Term *t = new_term(p, TERM_FUNCTION, parts.n);
    t->name = integral ? STR("integral") : command;
    for (int32_t i = 0; i < parts.n; i++)
        t->args[i] = parts.items[i];
    return t;
}
