// Matrices and vectors: their sums, products and determinants done, then compared entry by entry.
#include "eval/math/equal_impl.h"

typedef struct Grid { // of a matrix, or a tuple as one row
    int32_t rows, columns;
    const Term *const *entries;
    bool is_tuple;
} Grid;

static bool is_row(const Term *t) { // (1, 2), [1, 2]
    bool closed = t->kind == TERM_INTERVAL && !t->open_left && !t->open_right;
    return (t->kind == TERM_TUPLE || closed) && t->n > 0;
}

// [[1, 2], [3, 4]] as a matrix; else the term itself
static const Term *rows_as_matrix(Compare *c, const Term *t) {
    if (!is_row(t) || !is_row(t->args[0])) return t;
    int32_t columns = t->args[0]->n;
    for (int32_t i = 0; i < t->n; i++) {
        if (!is_row(t->args[i]) || t->args[i]->n != columns) return t;
    }
    if (t->n > ELEMENTS_MAX / columns) return t;
    Term *matrix = term_new(c->arena, TERM_MATRIX, t->n * columns);
    matrix->rows = t->n;
    for (int32_t i = 0; i < matrix->n; i++)
        matrix->args[i] = t->args[i / columns]->args[i % columns];
    return matrix;
}

static bool read_grid(const Term *t, Grid *g) {
    if (t->kind == TERM_MATRIX && t->rows > 0 && t->n > 0 && t->n % t->rows == 0 && t->n <= ELEMENTS_MAX) {
        *g = (Grid){t->rows, t->n / t->rows, t->args, false};
        return true;
    }
    if (is_row(t) && t->n <= ELEMENTS_MAX) { // [1, 2] may mean a row
        *g = (Grid){1, t->n, t->args, true};
        return true;
    }
    return false;
}

static Term *new_matrix(Compare *c, int32_t rows, int32_t columns, bool is_tuple) {
    Term *t = term_new(c->arena, is_tuple ? TERM_TUPLE : TERM_MATRIX, rows * columns);
    if (!is_tuple) t->rows = rows;
    return t;
}

static const Term *add(Compare *c, const Term *a, const Term *b) {
    Grid x, y;
    if (!read_grid(a, &x) || !read_grid(b, &y) || x.rows != y.rows || x.columns != y.columns) return NULL;
    Term *sum = new_matrix(c, x.rows, x.columns, x.is_tuple && y.is_tuple);
    for (int32_t i = 0; i < sum->n; i++)
        sum->args[i] = make_sum(c, x.entries[i], y.entries[i]);
    return sum;
}

static const Term *scale(Compare *c, const Term *factor, const Term *a, bool divide) {
    Grid x;
    if (!is_expression(factor) || !read_grid(a, &x)) return NULL;
    Term *t = new_matrix(c, x.rows, x.columns, x.is_tuple);
    for (int32_t i = 0; i < t->n; i++) {
        t->args[i] = divide ? make_quotient(c, x.entries[i], factor) : make_product(c, factor, x.entries[i]);
    }
    return t;
}

// Numbers stay numbers, so that powers of matrices do not grow; NULL where an entry grows beyond all bounds.
static const Term *settle(Compare *c, const Term *entry) {
    fmpq_t value;
    fmpq_init(value);
    bool short_number =
        number_value(c, entry, value) && fmpz_bits(fmpq_numref(value)) <= 1024 && fmpz_bits(fmpq_denref(value)) <= 1024;
    if (short_number) entry = make_number(c, value);
    fmpq_clear(value);
    return short_number || term_is_small(entry) ? entry : NULL;
}

static const Term *multiply(Compare *c, const Term *a, const Term *b) {
    Grid x, y;
    bool grid_a = !is_expression(a) && read_grid(a, &x), grid_b = !is_expression(b) && read_grid(b, &y);
    if (!grid_a && !grid_b && is_expression(a) && is_expression(b)) return make_product(c, a, b);
    if (grid_a != grid_b) return grid_b ? scale(c, a, b, false) : scale(c, b, a, false);
    if (!grid_a || x.columns != y.rows || !work_spend(c, 100L * x.rows * x.columns * y.columns)) return NULL;
    Term *t = new_matrix(c, x.rows, y.columns, false);
    for (int32_t i = 0; i < x.rows; i++) {
        for (int32_t j = 0; j < y.columns; j++) {
            Term *sum = term_new(c->arena, TERM_ADD, x.columns + 1);
            sum->args[x.columns] = term_integer(c->arena, 0);
            for (int32_t k = 0; k < x.columns; k++) {
                sum->args[k] = make_product(c, x.entries[i * x.columns + k], y.entries[k * y.columns + j]);
            }
            t->args[i * y.columns + j] = settle(c, sum);
            if (t->args[i * y.columns + j] == NULL) return NULL;
        }
    }
    return t;
}

// By the first row; at most 6 x 6.
static const Term *determinant(Compare *c, const Term *const *entries, int32_t size) {
    if (size == 1) return entries[0];
    if (size > 6 || !work_spend(c, 200)) return NULL;
    Term *sum = term_new(c->arena, TERM_ADD, size);
    for (int32_t skip = 0; skip < size; skip++) {
        const Term *minor[25];
        int32_t n = 0;
        for (int32_t i = size; i < size * size; i++) {
            if (i % size != skip) minor[n++] = entries[i];
        }
        const Term *inner = determinant(c, minor, size - 1);
        if (inner == NULL) return NULL;
        inner = make_product(c, entries[skip], inner);
        sum->args[skip] = skip % 2 == 0 ? inner : make_negated(c, inner);
    }
    return sum;
}

// By Cramer's rule; at most 4 x 4. NULL where it is no square.
static const Term *inverse(Compare *c, const Term *t) {
    Grid x;
    if (!read_grid(t, &x) || x.rows != x.columns || x.rows < 2 || x.rows > 4) return NULL;
    int32_t size = x.rows;
    const Term *whole = determinant(c, x.entries, size);
    Term *out = new_matrix(c, size, size, false);
    for (int32_t at = 0; at < size * size; at++) {
        const Term *minor[9];
        int32_t n = 0, row = at / size, column = at % size;
        for (int32_t i = 0; i < size * size; i++) {
            if (i / size != row && i % size != column) minor[n++] = x.entries[i];
        }
        const Term *value = determinant(c, minor, size - 1);
        if (value == NULL || whole == NULL) return NULL;
        if ((row + column) % 2 == 1) value = make_negated(c, value);
        out->args[column * size + row] = make_quotient(c, value, whole);
    }
    return out;
}

static const Term *power(Compare *c, const Term *base, const Term *exponent) {
    fmpq_t times;
    fmpq_init(times);
    const Term *t = NULL;
    bool known = number_value(c, exponent, times) && fmpz_is_one(fmpq_denref(times));
    if (known && fmpz_equal_si(fmpq_numref(times), -1)) {
        t = inverse(c, base);
    } else if (known && fmpq_sgn(times) > 0 && fmpz_cmp_ui(fmpq_numref(times), 8) <= 0) {
        t = base;
        for (ulong i = fmpz_get_ui(fmpq_numref(times)); i > 1 && t != NULL; i--)
            t = multiply(c, t, base);
    }
    fmpq_clear(times);
    return t;
}

static const Term *evaluate_function(Compare *c, const Term *t, const Term *of) {
    Grid x;
    if (of->kind != TERM_MATRIX || !read_grid(of, &x)) return NULL;
    if ((str_equal(t->name, STR("det")) || str_equal(t->name, STR("abs"))) && x.rows == x.columns) {
        return determinant(c, x.entries, x.rows);
    }
    if (!str_equal(t->name, STR("transpose"))) return NULL;
    Term *turned = new_matrix(c, x.columns, x.rows, false);
    for (int32_t i = 0; i < of->n; i++)
        turned->args[i % x.columns * x.rows + i / x.columns] = x.entries[i];
    return turned;
}

static const Term *evaluate(Compare *c, const Term *t) {
    if (t->kind == TERM_UNITS) return evaluate(c, t->args[0]);
    if (!is_expression(t) || !work_spend(c, 50)) return t;
    if (!term_has_kind(t, TERM_MATRIX) && !term_has_kind(t, TERM_TUPLE)) return t;
    const Term *value = t->n > 0 ? evaluate(c, t->args[0]) : t;
    if (value == NULL) return NULL;
    switch (t->kind) {
    case TERM_ADD:
        for (int32_t i = 1; i < t->n && value != NULL; i++) {
            const Term *next = evaluate(c, t->args[i]);
            if (next != NULL && is_expression(value) && is_expression(next))
                value = make_sum(c, value, next);
            else
                value = next == NULL ? NULL : add(c, value, next);
        }
        return value;
    case TERM_MULTIPLY:
        for (int32_t i = 1; i < t->n && value != NULL; i++) {
            const Term *next = evaluate(c, t->args[i]);
            value = next == NULL ? NULL : multiply(c, value, next);
        }
        return value;
    case TERM_NEGATE:
        return is_expression(value) ? make_negated(c, value) : scale(c, term_integer(c->arena, -1), value, false);
    case TERM_DIVIDE:
        return is_expression(value) ? t : scale(c, t->args[1], value, true);
    case TERM_POWER:
        return is_expression(value) ? t : power(c, value, t->args[1]);
    case TERM_FUNCTION:
        return t->n == 1 ? evaluate_function(c, t, value) : NULL;
    default:
        return NULL;
    }
}

const Term *matrix_evaluate(Compare *c, const Term *t) {
    const Term *value = evaluate(c, t);
    return value == NULL || !term_is_small(value) ? t : value;
}

MathVerdict compare_matrices(Compare *c, const Term *gold, const Term *pred) {
    Grid x, y;
    gold = rows_as_matrix(c, gold), pred = rows_as_matrix(c, pred);
    if (!read_grid(gold, &x) || !read_grid(pred, &y)) return verdict(false, MATH_DIFFERENT);
    bool vectors = (x.is_tuple || y.is_tuple) && (x.rows == 1 || x.columns == 1) && (y.rows == 1 || y.columns == 1);
    int32_t n = x.rows * x.columns;
    bool same_shape = vectors ? n == y.rows * y.columns : x.rows == y.rows && x.columns == y.columns;
    if (!same_shape) return verdict(false, MATH_DIFFERENT);
    MathVerdict all = verdict(true, MATH_SAME_FORM);
    for (int32_t i = 0; i < n && all.how != MATH_DIFFERENT; i++) {
        all = verdict_both(all, compare_terms(c, x.entries[i], y.entries[i]));
    }
    return all;
}
