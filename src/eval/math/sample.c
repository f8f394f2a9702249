// Two expressions at random points, in ball arithmetic of rising precision.
//
// A point at which the enclosures are disjoint proves that the expressions differ. Where they overlap at every point
// with a radius of at most 2^-AGREE_BITS (of the larger value, or of 1), the expressions are taken to be equal.
// Constants have one point: it is looked at in the highest precision, with the radius of 1 (beside 10^300 sin(1) a
// difference of 1 counts too).
//
// The points are real and drawn from fixed addresses; those at which an even root or a logarithm of a negative number
// would be taken do not count, since an answer is meant where it is defined. Where no such point is found (as in
// (-1)^n), whole numbers are tried, then complex values at real points.
#include "base/philox.h"
#include "eval/math/equal_impl.h"

#define AGREE_BITS 200
#define POINTS_NEEDED 5
#define POINTS_LEAST 12
#define POINTS_TRIED 64
#define SIGN_BITS 4
#define MAX_SYMBOLS 24
#define SEED 20250622

typedef enum Domain { DOMAIN_REAL, DOMAIN_WHOLE, DOMAIN_COMPLEX } Domain;
static const slong precisions[] = {80, 272, 768, 2048};
#define N_PRECISIONS 4

typedef struct Samples {
    Compare *c;
    const Term *a, *b;
    bool proportional;
    Str names[MAX_SYMBOLS];
    int32_t n;
    Domain domain;
    acb_ptr values;    // [n] of the point looked at
    acb_ptr reference; // [n] proportional: of the point that gives the factor
} Samples;

static bool collect(Samples *s, const Term *t) {
    if (t->kind == TERM_SYMBOL) {
        for (int32_t i = 0; i < s->n; i++) {
            if (str_equal(s->names[i], t->name)) return true;
        }
        if (s->n == MAX_SYMBOLS) return false;
        s->names[s->n++] = t->name;
        return true;
    }
    for (int32_t i = 0; i < t->n; i++) {
        if (!collect(s, t->args[i])) return false;
    }
    return true;
}

// Multiples of 1/4096 below 4, 1, 40 and 400 in turn. Variable i is negative where bit i mod SIGN_BITS of the point's
// number is set, so that the first 2^n points have every pattern of signs. Whole: 1 .. 24.
static void draw_point(const Samples *s, uint32_t point, acb_ptr values) {
    static const ulong ranges[] = {4, 1, 40, 400};
    for (int32_t i = 0; i < s->n; i++) {
        RngAddress address = {.seed = SEED, .purpose = RNG_GRADE, .step = point, .position = (uint32_t)i};
        acb_zero(&values[i]);
        if (s->domain == DOMAIN_WHOLE) {
            acb_set_ui(&values[i], 1 + rng_below(&address, 24));
            continue;
        }
        address.question = 1;
        acb_set_ui(&values[i], 1 + rng_below(&address, ranges[(point ^ point >> 2) % 4] * 4096));
        acb_mul_2exp_si(&values[i], &values[i], -12);
        if (point >> i % SIGN_BITS & 1) acb_neg(&values[i], &values[i]);
    }
}

static bool both_values(Samples *s, acb_srcptr values, slong precision, acb_t x, acb_t y) {
    Env env = {s->names, values, s->n, precision, s->domain != DOMAIN_COMPLEX};
    return numeric_value(s->c, s->a, &env, x) && numeric_value(s->c, s->b, &env, y);
}

// What has to be equal at this point: the two values, or a(point) b(reference) and a(reference) b(point).
static bool sides(Samples *s, slong precision, acb_t x, acb_t y) {
    if (!both_values(s, s->values, precision, x, y)) return false;
    if (!s->proportional) return true;
    acb_t x0, y0;
    acb_init(x0), acb_init(y0);
    bool ok = both_values(s, s->reference, precision, x0, y0) && !acb_contains_zero(x0) && !acb_contains_zero(y0);
    acb_mul(x, x, y0, precision);
    acb_mul(y, y, x0, precision);
    acb_clear(x0), acb_clear(y0);
    return ok;
}

// of_size: of the larger value where that is beyond 1
static bool is_tight(const acb_t x, const acb_t y, bool of_size) {
    mag_t size, radius, other;
    mag_init(size), mag_init(radius), mag_init(other);
    mag_one(size);
    if (of_size) {
        acb_get_mag(other, x);
        mag_max(size, size, other);
        acb_get_mag(other, y);
        mag_max(size, size, other);
    }
    mag_mul_2exp_si(size, size, -AGREE_BITS);
    mag_max(radius, arb_radref(acb_realref(x)), arb_radref(acb_imagref(x)));
    mag_max(radius, radius, arb_radref(acb_realref(y)));
    mag_max(radius, radius, arb_radref(acb_imagref(y)));
    bool tight = mag_cmp(radius, size) <= 0;
    mag_clear(size), mag_clear(radius), mag_clear(other);
    return tight;
}

static FormAnswer at_point(Samples *s) {
    acb_t x, y;
    acb_init(x), acb_init(y);
    FormAnswer answer = FORM_UNKNOWN;
    bool constant = s->n == 0;
    int levels = constant ? N_PRECISIONS : N_PRECISIONS - 1, first = constant ? N_PRECISIONS - 1 : 1;
    for (int level = 0; level < levels && answer == FORM_UNKNOWN; level = level == 0 ? first : level + 1) {
        if (!sides(s, precisions[level], x, y)) continue;
        if (!acb_overlaps(x, y))
            answer = FORM_DIFFERENT;
        else if (level >= first && is_tight(x, y, !constant))
            answer = FORM_EQUAL;
    }
    acb_clear(x), acb_clear(y);
    return answer;
}

// The point that gives the factor: both values proven not to be 0, and the factor's sign known.
static bool find_reference(Samples *s, int *sign) {
    acb_t x, y;
    acb_init(x), acb_init(y);
    bool found = false;
    for (uint32_t point = 0; point < POINTS_TRIED && !found; point++) {
        draw_point(s, 1024 + point, s->reference);
        found = both_values(s, s->reference, precisions[1], x, y) && !acb_contains_zero(x) && !acb_contains_zero(y);
    }
    if (found) {
        acb_div(x, x, y, precisions[1]);
        *sign = arb_is_positive(acb_realref(x)) ? 1 : arb_is_negative(acb_realref(x)) ? -1 : 0;
    }
    acb_clear(x), acb_clear(y);
    return found;
}

// |x| is x on one side of 0: what is defined by pieces is looked at at every point.
static bool has_pieces(const Term *t) {
    static const char *const names[] = {"abs", "min", "max", "floor", "ceil", "sqrt", "root", "mod"};
    for (size_t i = 0; t->kind == TERM_FUNCTION && i < sizeof names / sizeof names[0]; i++) {
        if (str_equal(t->name, str_of(names[i]))) return true;
    }
    for (int32_t i = 0; i < t->n; i++) {
        if (has_pieces(t->args[i])) return true;
    }
    return false;
}

static FormAnswer in_domain(Samples *s, int *sign) {
    if (s->proportional && !find_reference(s, sign)) return FORM_UNKNOWN;
    int32_t agreed = 0, needed = s->n == 0 ? 1 : POINTS_NEEDED, tried = s->n == 0 ? 1 : POINTS_TRIED;
    int32_t least = s->n == 0 ? 1 : has_pieces(s->a) || has_pieces(s->b) ? POINTS_TRIED : POINTS_LEAST;
    for (int32_t point = 0; point < tried && (agreed < needed || point < least); point++) {
        if (s->c->work <= 0) return FORM_UNKNOWN;
        draw_point(s, (uint32_t)point, s->values);
        FormAnswer answer = at_point(s);
        if (answer == FORM_DIFFERENT) return FORM_DIFFERENT;
        agreed += answer == FORM_EQUAL;
    }
    return agreed >= needed ? FORM_EQUAL : FORM_UNKNOWN;
}

static bool has_imaginary(const Term *t) {
    if (term_is_constant(t, "i")) return true;
    for (int32_t i = 0; i < t->n; i++) {
        if (has_imaginary(t->args[i])) return true;
    }
    return false;
}

static FormAnswer samples_run(Compare *c, const Term *a, const Term *b, bool proportional, int *sign) {
    Samples s = {.c = c, .a = a, .b = b, .proportional = proportional};
    if (!collect(&s, a) || !collect(&s, b)) return FORM_UNKNOWN;
    if (proportional && s.n == 0) return FORM_UNKNOWN;
    s.values = _acb_vec_init(s.n + 1);
    s.reference = _acb_vec_init(s.n + 1);
    s.domain = has_imaginary(a) || has_imaginary(b) ? DOMAIN_COMPLEX : DOMAIN_REAL;
    FormAnswer answer = in_domain(&s, sign);
    while (answer == FORM_UNKNOWN && s.domain != DOMAIN_COMPLEX) {
        s.domain = s.n > 0 && s.domain == DOMAIN_REAL ? DOMAIN_WHOLE : DOMAIN_COMPLEX;
        answer = in_domain(&s, sign);
    }
    _acb_vec_clear(s.values, s.n + 1);
    _acb_vec_clear(s.reference, s.n + 1);
    return answer;
}

FormAnswer samples_compare(Compare *c, const Term *a, const Term *b) {
    return samples_run(c, a, b, false, &(int){0});
}

FormAnswer samples_proportional(Compare *c, const Term *a, const Term *b, int *sign) {
    return samples_run(c, a, b, true, sign);
}

int constants_order(Compare *c, const Term *a, const Term *b) {
    MathVerdict same = compare_expressions(c, a, b);
    if (same.equal) return 0;
    acb_t x, y;
    acb_init(x), acb_init(y);
    int order = 2;
    for (int level = 0; level < N_PRECISIONS && order == 2; level++) {
        Env env = {NULL, NULL, 0, precisions[level], true};
        if (!numeric_value(c, a, &env, x) || !numeric_value(c, b, &env, y)) continue;
        if (!arb_is_zero(acb_imagref(x)) || !arb_is_zero(acb_imagref(y))) break;
        if (arb_lt(acb_realref(x), acb_realref(y)))
            order = -1;
        else if (arb_gt(acb_realref(x), acb_realref(y)))
            order = 1;
    }
    acb_clear(x), acb_clear(y);
    return order;
}
