// Tiles of matrix products, and the rearrangements that feed them. See Tile in kernels.h.

// The most vectors of a tile whose accumulators stay in registers, beside the row of b and one broadcast.
#if defined(__AVX512F__)
#define MAX_VECTORS 24
#else
#define MAX_VECTORS 6
#endif

typedef enum TileKind { TILE_F32, TILE_BF16, TILE_COLUMNS } TileKind;

// Where vector v of a row of several panels begins.
VEC size_t vector_at(int v, size_t panel_stride) { return (size_t)(v / 2) * panel_stride + (size_t)(v % 2) * 16; }

// One step of the chains: acc[i][v] += a[i] * b[v].
VEC void tile_step(V16 acc[TILE_ROWS][8], int mr, int nv, const float *a, size_t a_row, const V16 *b)
{
#pragma GCC unroll 12
    for (int i = 0; i < mr; i++) {
        V16 a_i = v_set1(a[(size_t)i * a_row]);
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++)
            acc[i][v] = v_fma(a_i, b[v], acc[i][v]);
    }
}

VEC void tile_chain_f32(V16 acc[TILE_ROWS][8], int mr, int nv, int first, const Tile *t, const float *a, size_t a_row,
                        size_t a_k)
{
    const float *b = t->b;
    for (int32_t k = 0; k < t->len; k++) {
        V16 b_k[8];
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++)
            b_k[v] = v_load(b + vector_at(v + first, t->b_panel));
        tile_step(acc, mr, nv, a, a_row, b_k);
        a += a_k;
        b += t->b_row;
    }
}

VEC void tile_chain_bf16(V16 acc[TILE_ROWS][8], int mr, int nv, int first, const Tile *t, const float *a)
{
    const uint16_t *b = t->b; // a pair of k for each of 32 columns: a row of 64
    for (int32_t k = 0; k < t->len; k += 2) {
        V16 b_k[8];
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++)
            b_k[v] = v_bf16_first(b + 2 * vector_at(v + first, t->b_panel / 2));
        tile_step(acc, mr, nv, a + k, BLOCK_K, b_k);
        if (k + 1 == t->len)
            break;
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++)
            b_k[v] = v_bf16_second(b + 2 * vector_at(v + first, t->b_panel / 2));
        tile_step(acc, mr, nv, a + k + 1, BLOCK_K, b_k);
        b += 2 * PANEL;
    }
}

// Rows row .. row + mr - 1 and vectors first .. first + nv - 1 of a tile. mr, nv, kind are constants where it is inlined.
VEC void tile_part(TileKind kind, int mr, int nv, const Tile *t, int row, int first)
{
    V16 acc[TILE_ROWS][8];
    float *c = t->c + (size_t)row * t->c_row;
#pragma GCC unroll 12
    for (int i = 0; i < mr; i++) {
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++)
            acc[i][v] = t->load ? v_load(c + (size_t)i * t->c_row + vector_at(v + first, t->c_panel)) : v_set1(0);
    }
    if (kind == TILE_F32)
        tile_chain_f32(acc, mr, nv, first, t, t->a + (size_t)row * BLOCK_K, BLOCK_K, 1);
    else if (kind == TILE_COLUMNS)
        tile_chain_f32(acc, mr, nv, first, t, t->a + row, 1, t->a_k);
    else
        tile_chain_bf16(acc, mr, nv, first, t, t->a + (size_t)row * BLOCK_K);
#pragma GCC unroll 12
    for (int i = 0; i < mr; i++) {
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++)
            v_store(c + (size_t)i * t->c_row + vector_at(v + first, t->c_panel), acc[i][v]);
    }
}

#define TILE_CASE(MR, NV) \
    case MR: \
        tile_part(kind, MR, NV, t, row, first); \
        break;

#if MAX_VECTORS == 24

VEC void tile_any(TileKind kind, const Tile *t)
{
    const int row = 0, first = 0;
    switch (t->rows + 16 * (t->panels - 1)) {
        TILE_CASE(1, 2) TILE_CASE(2, 2) TILE_CASE(3, 2) TILE_CASE(4, 2) TILE_CASE(5, 2) TILE_CASE(6, 2)
        TILE_CASE(7, 2) TILE_CASE(8, 2) TILE_CASE(9, 2) TILE_CASE(10, 2) TILE_CASE(11, 2) TILE_CASE(12, 2)
#undef TILE_CASE
#define TILE_CASE(MR, PANELS) \
    case (MR) + 16 * ((PANELS) - 1): \
        tile_part(kind, MR, 2 * (PANELS), t, row, first); \
        break;
        TILE_CASE(1, 2) TILE_CASE(2, 2) TILE_CASE(3, 2) TILE_CASE(4, 2) TILE_CASE(5, 2) TILE_CASE(6, 2)
        TILE_CASE(1, 4) TILE_CASE(2, 4) TILE_CASE(3, 4)
    default:
        __builtin_unreachable();
    }
}

#else // 16 registers of half a vector: up to 6 rows of one vector, or one row of several

VEC void tile_any(TileKind kind, const Tile *t)
{
    if (t->rows == 1) {
        const int row = 0;
        for (int first = 0; first < 2 * t->panels; first += 2)
            tile_part(kind, 1, 2, t, row, first);
        return;
    }
    for (int row = 0; row < t->rows; row += 6) {
        for (int first = 0; first < 2 * t->panels; first++) {
            switch (t->rows - row < 6 ? t->rows - row : 6) {
                TILE_CASE(1, 1) TILE_CASE(2, 1) TILE_CASE(3, 1) TILE_CASE(4, 1) TILE_CASE(5, 1) TILE_CASE(6, 1)
            default:
                __builtin_unreachable();
            }
        }
    }
}

#endif

static void tile(const Tile *t) { tile_any(TILE_F32, t); }
static void tile_bf16(const Tile *t) { tile_any(TILE_BF16, t); }
static void tile_columns(const Tile *t) { tile_any(TILE_COLUMNS, t); }

static void transpose(float *to, const float *from, size_t from_row, int32_t n_rows, int32_t n_cols)
{
    for (int32_t r = 0; r < n_rows; r += 16) {
        int rows = n_rows - r < 16 ? n_rows - r : 16;
        for (int32_t c = 0; c < n_cols; c += 16) {
            int cols = n_cols - c < 16 ? n_cols - c : 16;
            V16 m[16];
            for (int i = 0; i < 16; i++)
                m[i] = i < rows ? v_load_n(from + (size_t)(r + i) * from_row + c, cols) : v_set1(0);
            v_transpose(m);
            for (int i = 0; i < cols; i++)
                v_store_n(to + (size_t)(c + i) * PANEL + r, m[i], rows);
        }
    }
}

static void widen_panel(float *to, const uint16_t *panel, int32_t from, int32_t count)
{
    for (int32_t k = from; k < from + count; k++) {
        const uint16_t *pair = panel + (size_t)(k / 2) * 2 * PANEL;
        for (int v = 0; v < 2; v++) {
            V16 values = k % 2 ? v_bf16_second(pair + 32 * v) : v_bf16_first(pair + 32 * v);
            v_store(to + (size_t)(k - from) * PANEL + 16 * v, values);
        }
    }
}
