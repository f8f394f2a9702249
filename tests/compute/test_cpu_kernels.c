// The inner loops of the cpu backend, each instruction set that this processor has: chains against fmaf one at a time,
// to the bit; e^x and log against the C library in double; sums against the order that the header states, to the bit.
#include <float.h>
#include "op_test.h"
// what the lines below test
#include "compute/cpu/cpu_ops.h"

static const CpuKernels *tables[3];
static int n_tables;

static int setup(void **state)
{
    (void)state;
    tables[n_tables++] = cpu_kernels_portable();
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        tables[n_tables++] = cpu_kernels_avx2();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        tables[n_tables++] = cpu_kernels_avx512();
#endif
    return 0;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// Reference: exp in double. kernels' v_exp promises 1.1 ulp; below 2^-126, where F32 thins out, 1 spacing of 2^-149.
static void exp_is_close(void **state)
{
    (void)state;
    enum { N = 4096 };
    float x[N], p[N], first[N];
    for (int part = 0; part < 64; part++) {
        for (int i = 0; i < N; i++)
            x[i] = -106.0f + 195.0f * (float)(part * N + i) / (64 * N);
        for (int t = 0; t < n_tables; t++) {
            tables[t]->probabilities(p, x, N, 1, 0);
            for (int i = 0; i < N; i++) {
                double exact = exp((double)x[i]);
                if (exact > FLT_MAX)
                    continue;
                int e;
                frexp(exact, &e);
                double ulp = ldexp(1, e - 24 > -149 ? e - 24 : -149);
                if (!(fabs(p[i] - exact) <= 1.1 * ulp))
                    fail_msg("%s: exp(%.9g) = %.9g, expected %.9g", tables[t]->isa, (double)x[i], (double)p[i], exact);
            }
            if (t == 0)
                memcpy(first, p, sizeof p);
            assert_memory_equal(p, first, sizeof p);
        }
    }
}

static void exp_of_extremes(void **state)
{
    (void)state;
    const float x[] = {-INFINITY, INFINITY, NAN, 0, -0.0f, -1e30f, 1e30f, -104, 89};
    for (int t = 0; t < n_tables; t++) {
        float p[COUNT(x)];
        tables[t]->probabilities(p, x, COUNT(x), 1, 0);
        assert_true(p[0] == 0 && isinf(p[1]) && isnan(p[2]) && p[3] == 1 && p[4] == 1 && p[5] == 0 && isinf(p[6]));
        assert_true(p[7] == 0 && isinf(p[8]));
    }
}

// Reference: log in double, whose rounding to F32 errs by half an ulp.
static void log_is_close(void **state)
{
    (void)state;
    for (uint32_t bits = 1; bits < 0x7f800000u; bits += 99991) {
        float x = float_of(bits);
        double exact = log((double)x);
        assert_true(fabs(cpu_log(x) - exact) <= fabs(exact) * 0x1.01p-24);
    }
    assert_true(cpu_log(1) == 0 && cpu_log(0) == -INFINITY && isinf(cpu_log(INFINITY)) && isnan(cpu_log(-1)));
    assert_true(isnan(cpu_log(NAN)));
}

enum { LEN_MAX = 70, B_ROW = 48 }; // a row of b: not of a panel's length
enum { TALL = 2 * TILE_ROWS + 6 }; // rows: tiles of more than TILE_ROWS are split inside

static float b_at(const Tile *t, bool bf16, int k, int j)
{
    int panel = j / PANEL, column = j % PANEL;
    if (!bf16)
        return ((const float *)t->b)[(size_t)panel * t->b_panel + (size_t)k * t->b_row + (size_t)column];
    uint16_t half =
        ((const uint16_t *)t->b)[(size_t)panel * t->b_panel + (size_t)(k / 2 * 2 * PANEL + column * 2 + k % 2)];
    return float_of((uint32_t)half << 16);
}

static void check_tile(const CpuKernels *kernels, const Tile *tile, int kind, const float *before)
{
    for (int i = 0; i < tile->rows; i++) {
        for (int j = 0; j < tile->panels * PANEL; j++) {
            size_t at = (size_t)i * tile->c_row + (size_t)(j / PANEL) * tile->c_panel + (size_t)(j % PANEL);
            float sum = tile->load ? before[at] : 0;
            for (int k = 0; k < tile->len; k++) {
                float a = kind == 2 ? tile->a[(size_t)k * tile->a_row + (size_t)i] : tile->a[(size_t)i * tile->a_row + (size_t)k];
                sum = fmaf(a, b_at(tile, kind == 1, k, j), sum);
            }
            if (bits_of(sum) != bits_of(tile->c[at]))
                fail_msg("%s: kind %d, %d rows, %d panels, %d long: [%d][%d] is %.9g, expected %.9g", kernels->isa,
                         kind, tile->rows, tile->panels, tile->len, i, j, (double)tile->c[at], (double)sum);
        }
    }
}

static void tiles_are_chains(void **state)
{
    (void)state;
    size_t a_size = TILE_ROWS * BLOCK_K, b_size = 4 * LEN_MAX * 2 * PANEL + 1024, c_size = TALL * 4 * PANEL;
    float *a = random_floats(a_size, 1, 1), *b = random_floats(b_size, 2, 1), *before = random_floats(c_size, 3, 1);
    float *c = host_floats(c_size);
    uint16_t *halves = mem_alloc(b_size, sizeof *halves);
    for (size_t i = 0; i < b_size; i++)
        halves[i] = (uint16_t)(bits_of(b[i]) >> 16);
    static const int32_t lengths[] = {0, 1, 2, 7, LEN_MAX};
    for (int t = 0; t < n_tables; t++)
        for (int kind = 0; kind < 3; kind++)
            for (int rows = 1; rows <= TALL; rows++)
                for (int panels = 1; panels == 1 || (panels <= 4 && rows * panels <= TILE_ROWS); panels *= 2)
                    for (size_t l = 0; l < COUNT(lengths); l++) {
                        bool known = l % 2; // strides that the kernels know, for which they have loops of their own
                        size_t column = known && rows <= TILE_ROWS ? TILE_ROWS : TALL + 1;
                        Tile tile = {.c = c, .c_row = PANEL, .c_panel = (size_t)rows * PANEL, .a = a, .b = b, .a_row = kind == 2 ? column : LEN_MAX + 3,
                                     .b_row = known ? PANEL : B_ROW, .b_panel = LEN_MAX * B_ROW + 16, .rows = rows, .panels = panels,
                                     .len = lengths[l], .load = (rows + (int)l) % 2};
                        if (kind == 1) {
                            tile.b = halves;
                            tile.b_panel = LEN_MAX * 2 * PANEL;
                        }
                        memcpy(c, before, c_size * sizeof *c);
                        (kind == 0   ? tables[t]->tile
                         : kind == 1 ? tables[t]->tile_bf16
                                     : tables[t]->tile_columns)(&tile);
                        check_tile(tables[t], &tile, kind, before);
                        size_t end = (size_t)(rows * panels) * PANEL;
                        assert_memory_equal(c + end, before + end, (c_size - end) * sizeof *c);
                    }
    mem_free(a), mem_free(b), mem_free(before), mem_free(c), mem_free(halves);
}

// 16 lanes by index mod 16, then the tree l + 8, + 4, + 2, + 1.
static float tree(float lanes[16])
{
    for (int half = 8; half >= 1; half /= 2)
        for (int i = 0; i < half; i++)
            lanes[i] += lanes[i + half];
    return lanes[0];
}

static void sums_have_their_order(void **state)
{
    (void)state;
    enum { N = 700 };
    float *x = random_floats(N, 4, 1), *y = random_floats(N, 5, 1);
    for (int32_t n = 1; n <= N; n += 1 + n / 9) {
        float lanes[16] = {0}, expected;
        for (int i = 0; i < n; i++)
            lanes[i % 16] = fmaf(x[i], y[i], lanes[i % 16]);
        expected = tree(lanes);
        for (int t = 0; t < n_tables; t++) {
            float line[3][BLOCK_K + 32], e[N], max, top = -INFINITY;
            assert_int_equal(bits_of(tables[t]->dot(x, y, n)), bits_of(expected));
            for (int i = 0; i < n; i++) {
                line[i / BLOCK_K][i % BLOCK_K] = x[i];
                top = fmaxf(top, x[i]);
            }
            float sum = tables[t]->softmax_line(line[0], BLOCK_K + 32, n, &max);
            tables[t]->probabilities(e, x, n, 1, top);
            float sums[16] = {0};
            for (int i = 0; i < n; i++) {
                sums[i % 16] += e[i];
                assert_int_equal(bits_of(line[i / BLOCK_K][i % BLOCK_K]), bits_of(e[i]));
            }
            assert_true(max == top);
            assert_int_equal(bits_of(sum), bits_of(tree(sums)));
        }
    }
    mem_free(x), mem_free(y);
}

static void rearrangements(void **state)
{
    (void)state;
    float *from = random_floats(PANEL * 100, 6, 1), to[100 * PANEL];
    for (int t = 0; t < n_tables; t++) {
        for (int rows = 1; rows <= PANEL; rows++) {
            for (int cols = 1; cols <= 70; cols += 23) {
                for (int i = 0; i < 100 * PANEL; i++)
                    to[i] = 99;
                tables[t]->transpose(to, from, 100, rows, cols);
                for (int c = 0; c < 100; c++)
                    for (int j = 0; j < PANEL; j++)
                        assert_true(to[c * PANEL + j] == (c < cols && j < rows ? from[j * 100 + c] : 99));
            }
        }
        uint16_t halves[10 * PANEL];
        for (int i = 0; i < 10 * PANEL; i++)
            halves[i] = (uint16_t)(bits_of(from[i]) >> 16);
        tables[t]->widen_panel(to, halves, 3, 6);
        for (int k = 3; k < 9; k++)
            for (int j = 0; j < PANEL; j++)
                assert_int_equal(bits_of(to[(k - 3) * PANEL + j]),
                                 (uint32_t)halves[k / 2 * 2 * PANEL + j * 2 + k % 2] << 16);
    }
    mem_free(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_close),    cmocka_unit_test(exp_of_extremes),       cmocka_unit_test(log_is_close),
        cmocka_unit_test(tiles_are_chains), cmocka_unit_test(sums_have_their_order), cmocka_unit_test(rearrangements),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
