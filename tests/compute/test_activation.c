// RoPE and SwiGLU against `ref`, their inverses and gradients.
#include "op_test.h"

// ---- rope
typedef struct RopeCase {
    int32_t t, heads, head_dim;
} RopeCase;
static const RopeCase rope_cases[] = {{1, 1, 2}, {3, 2, 8}, {17, 5, 16}, {9, 3, 32}, {33, 2, 64}, {40, 4, 128}};
enum { POSITIONS = 50 };

// Frequencies of theta 10000 as in the paper, with a factor as YaRN has.
static void make_table(float *cos_table, float *sin_table, int32_t head_dim, double factor)
{
    int32_t half = head_dim / 2;
    for (int32_t p = 0; p < POSITIONS; p++) {
        for (int32_t i = 0; i < half; i++) {
            double angle = p * pow(10000, -2.0 * i / head_dim);
            cos_table[p * half + i] = (float)(factor * cos(angle));
            sin_table[p * half + i] = (float)(factor * sin(angle));
        }
    }
}

static void run_rope(Backend *be, const RopeCase *c, float *x, const int32_t *positions, double factor, bool inverse)
{
    int32_t half = c->head_dim / 2;
    float *table = host_floats((size_t)(2 * POSITIONS * half));
    make_table(table, table + POSITIONS * half, c->head_dim, factor);
    Mat cos_mat = put_mat(be, table, POSITIONS, half);
    Mat sin_mat = put_mat(be, table + POSITIONS * half, POSITIONS, half);
    Mat m = put_mat(be, x, c->t, c->heads * c->head_dim);
    RUN(be, rope, m, c->head_dim, (RopeTable){cos_mat.data, sin_mat.data, POSITIONS, half}, positions, inverse);
    take_mat(be, x, m);
    drop_mat(be, cos_mat), drop_mat(be, sin_mat);
    mem_free(table);
}

// Tolerance: two products and a sum of numbers up to 1.3: 3 u * 2 * 1.3.
static void rope_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rope_cases); i++) {
        const RopeCase *c = &rope_cases[i];
        size_t n = (size_t)(c->t * c->heads * c->head_dim);
        float *x = random_floats(n, (uint32_t)i, 1);
        int32_t *positions = random_ids((size_t)c->t, (uint32_t)i, POSITIONS);
        for (int inverse = 0; inverse < 2; inverse++) {
            float *expected = copy_floats(x, n);
            run_rope(bed.ref, c, expected, positions, 1.3, inverse);
            for (int b = 0; b < bed.n_cpu; b++) {
                float *actual = copy_floats(x, n);
                run_rope(bed.cpu[b], c, actual, positions, 1.3, inverse);
                expect_near_by(actual, expected, 8 * U, n, label("rope %zu %s", i, backend_describe(bed.cpu[b])));
                mem_free(actual);
            }
            mem_free(expected);
        }
        mem_free(x), mem_free(positions);
    }
}

// Independent of tables of pairs: a rotation by p * theta_i is a product of complex numbers x_i + i x_{i+D/2} and e^{i
// angle}. Tolerance: cos and sin rounded to F32 and two products, of numbers up to sqrt 2: 4 u * 1.5.
static void rope_rotates(void **state)
{
    (void)state;
    const RopeCase c = {POSITIONS, 2, 8};
    float *x = random_floats(POSITIONS * 16, 3, 1), *y = copy_floats(x, POSITIONS * 16);
    int32_t positions[POSITIONS];
    for (int p = 0; p < POSITIONS; p++)
        positions[p] = p;
    run_rope(bed.ref, &c, y, positions, 1, false);
    for (int p = 0; p < POSITIONS; p++) {
        for (int i = 0; i < 16; i++) {
            int pair = i % 4, head = i / 8 * 8;
            double a = x[p * 16 + head + pair], b = x[p * 16 + head + pair + 4];
            double radius = hypot(a, b), angle = atan2(b, a) + p * pow(10000, -2.0 * pair / 8);
            double expected = i % 8 < 4 ? radius * cos(angle) : radius * sin(angle);
            assert_true(fabs(y[p * 16 + i] - expected) <= 6 * U);
        }
    }
    // the inverse undoes it (and multiplies by the factor squared where there is one)
    run_rope(bed.ref, &c, y, positions, 1, true);
    expect_near_by(y, x, 16 * U, POSITIONS * 16, "rope there and back");
    mem_free(x), mem_free(y);
}

typedef struct RopeFunction {
    const RopeCase *c;
    float *x, *dout;
    const int32_t *positions;
} RopeFunction;

static Scalar rope_loss(void *context)
{
    const RopeFunction *f = context;
    size_t n = (size_t)(f->c->t * f->c->heads * f->c->head_dim);
    float *y = copy_floats(f->x, n);
    run_rope(bed.ref, f->c, y, f->positions, 1.3, false);
    Scalar s = weighted_sum(y, f->dout, n);
    mem_free(y);
    return s;
}

static void rope_inverse_is_the_gradient(void **state)
{
    (void)state;
    const RopeCase c = {3, 2, 4};
    const int32_t positions[3] = {0, 7, 3};
    float *x = random_floats(24, 1, 1), *dout = random_floats(24, 2, 1), *dx = copy_floats(dout, 24);
    run_rope(bed.ref, &c, dx, positions, 1.3, true);
    RopeFunction f = {&c, x, dout, positions};
    expect_gradient(dx, x, 24, rope_loss, &f, "rope");
    mem_free(x), mem_free(dout), mem_free(dx);
}

// ---- swiglu
typedef struct SwigluCase {
    int32_t t, f;
    float scale;
} SwigluCase;
static const SwigluCase swiglu_cases[] = {{1, 1, 1}, {2, 33, 5}, {7, 64, 30}, {16, 100, 200}, {65, 31, 2}};

// alias 0: new matrices, 1: over gate, 2: over up
static void run_swiglu(Backend *be, const SwigluCase *c, const float *gate, const float *up, int alias, float *out)
{
    Mat g = put_mat(be, gate, c->t, c->f), u = put_mat(be, up, c->t, c->f), y = put_nan(be, c->t, c->f);
    Mat to = alias == 0 ? y : alias == 1 ? g : u;
    RUN(be, swiglu, to, g, u);
    RUN(be, download, out, to.data, mat_count(to) * sizeof(float));
    drop_mat(be, g), drop_mat(be, u), drop_mat(be, y);
}

static void run_swiglu_backward(Backend *be, const SwigluCase *c, const float *gate, const float *up, const float *dout,
                                bool in_place, float *dgate, float *dup)
{
    Mat g = put_mat(be, gate, c->t, c->f), u = put_mat(be, up, c->t, c->f), d = put_mat(be, dout, c->t, c->f);
    Mat dg = put_nan(be, c->t, c->f), du = put_nan(be, c->t, c->f);
    Mat to_gate = in_place ? g : dg, to_up = in_place ? u : du;
    RUN(be, swiglu_backward, to_gate, to_up, d, g, u);
    RUN(be, download, dgate, to_gate.data, mat_count(g) * sizeof(float));
    RUN(be, download, dup, to_up.data, mat_count(g) * sizeof(float));
    drop_mat(be, g), drop_mat(be, u), drop_mat(be, d), drop_mat(be, dg), drop_mat(be, du);
}

// Tolerance: exp, a sum, a quotient and two products, relatively; far out, where e^-x overflows, the result may be 0:
// the true one is below |g u| e^-87. The derivative of the gate has a zero, so there its terms' sizes count.
static void swiglu_agrees_with_ref(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(swiglu_cases); i++) {
        const SwigluCase *c = &swiglu_cases[i];
        size_t n = (size_t)(c->t * c->f);
        uint32_t stream = 3 * (uint32_t)i;
        float *gate = random_floats(n, stream, c->scale), *up = random_floats(n, stream + 1, c->scale);
        float *dout = random_floats(n, stream + 2, 1);
        float *y = host_floats(n), *dg = host_floats(n), *du = host_floats(n);
        float *y_ref = host_floats(n), *dg_ref = host_floats(n), *du_ref = host_floats(n);
        double *y_tolerance = mem_alloc(n, sizeof(double)), *g_tolerance = mem_alloc(n, sizeof(double));
        double *u_tolerance = mem_alloc(n, sizeof(double));
        run_swiglu(bed.ref, c, gate, up, 0, y_ref);
        run_swiglu_backward(bed.ref, c, gate, up, dout, false, dg_ref, du_ref);
        for (size_t e = 0; e < n; e++) {
            double g = gate[e], u = fabs((double)up[e]), s = 1 / (1 + exp(-g)), dy = fabs((double)dout[e]);
            double relative = TEST_EXP_ERROR + 6 * U, floor = exp(-87) * (1 + fabs(g));
            y_tolerance[e] = relative * fabs(g) * s * u + floor * u;
            u_tolerance[e] = relative * dy * fabs(g) * s + floor * dy;
            g_tolerance[e] = 2 * relative * dy * u * s * (1 + fabs(g)) + floor * dy * u;
        }
        for (int b = 0; b < bed.n_cpu; b++) {
            const char *name = backend_describe(bed.cpu[b]);
            for (int alias = 0; alias < 3; alias++) {
                run_swiglu(bed.cpu[b], c, gate, up, alias, y);
                expect_near(y, y_ref, y_tolerance, n, label("swiglu %zu alias %d %s", i, alias, name));
            }
            for (int in_place = 0; in_place < 2; in_place++) {
                run_swiglu_backward(bed.cpu[b], c, gate, up, dout, in_place, dg, du);
                expect_near(dg, dg_ref, g_tolerance, n, label("swiglu dgate %zu %s", i, name));
                expect_near(du, du_ref, u_tolerance, n, label("swiglu dup %zu %s", i, name));
            }
        }
        float *all[] = {gate, up, dout, y, dg, du, y_ref, dg_ref, du_ref};
        for (size_t k = 0; k < COUNT(all); k++)
            mem_free(all[k]);
        mem_free(y_tolerance), mem_free(g_tolerance), mem_free(u_tolerance);
    }
}

typedef struct SwigluFunction {
    const SwigluCase *c;
    float *gate, *up, *dout;
} SwigluFunction;

static Scalar swiglu_loss(void *context)
{
    const SwigluFunction *f = context;
    float out[32];
    run_swiglu(bed.ref, f->c, f->gate, f->up, 0, out);
    return weighted_sum(out, f->dout, (size_t)(f->c->t * f->c->f));
}

static void swiglu_backward_is_the_gradient(void **state)
{
    (void)state;
    const SwigluCase c = {4, 8, 3};
    float *gate = random_floats(32, 1, 3), *up = random_floats(32, 2, 2), *dout = random_floats(32, 3, 1);
    float dgate[32], dup[32];
    run_swiglu_backward(bed.ref, &c, gate, up, dout, false, dgate, dup);
    SwigluFunction f = {&c, gate, up, dout};
    expect_gradient(dgate, gate, 32, swiglu_loss, &f, "swiglu dgate");
    expect_gradient(dup, up, 32, swiglu_loss, &f, "swiglu dup");
    mem_free(gate), mem_free(up), mem_free(dout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rope_agrees_with_ref),
        cmocka_unit_test(rope_rotates),
        cmocka_unit_test(rope_inverse_is_the_gradient),
        cmocka_unit_test(swiglu_agrees_with_ref),
        cmocka_unit_test(swiglu_backward_is_the_gradient),
    };
    return RUN_OP_TESTS(tests);
}
