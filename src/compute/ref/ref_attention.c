// Attention over a forest: softmax(scale q k^T) v (Vaswani et al. 2017), where the keys of a token are those of its
// path: its segment's ancestors from the root down, then its own segment up to itself. Grouped queries (Ainslie et al.
// 2023): query head h reads K/V head h / (H/G).
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "compute/ref/ref_ops.h"

typedef struct Shape {
    int32_t n_heads, heads_per_kv, head_dim, longest_path;
} Shape;

static Shape check_shape(Mat lse, Mat q, Mat k, Mat v, const Forest *forest, int32_t head_dim)
{
    forest_check(forest);
    assert(head_dim >= 1 && q.cols % head_dim == 0 && k.cols % head_dim == 0 && q.cols % k.cols == 0);
    assert(q.rows == forest->n_rows && k.rows == forest->n_kv && v.rows == k.rows && v.cols == k.cols);
    Shape shape = {.n_heads = q.cols / head_dim, .heads_per_kv = q.cols / k.cols, .head_dim = head_dim};
    assert(lse.rows == q.rows && lse.cols == shape.n_heads);
    for (int32_t i = 0; i < forest->n_segments; i++) {
        int32_t length = forest->segments[i].position + forest->segments[i].n_tokens;
        if (length > shape.longest_path)
            shape.longest_path = length;
    }
    return shape;
}

// The KV rows that token `index` of a segment sees, in the order of its sequence; returns how many.
static int32_t path_of_token(const Forest *forest, int32_t segment, int32_t index, int32_t *kv_rows)
{
    const Segment *s = &forest->segments[segment];
    int32_t n = 0;
    if (s->parent >= 0)
        n = path_of_token(forest, s->parent, forest->segments[s->parent].n_tokens - 1, kv_rows);
    for (int32_t t = 0; t <= index; t++)
        kv_rows[n++] = s->kv_row + t;
    return n;
}

static double dot(const float *a, const float *b, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

// One head of one row: out_h = sum_j p_j v_j, p = softmax(s), s_j = scale q.k_j. kv_offset: its K/V head.
static void attend(float *out_h, float *lse_h, const float *q_h, Mat k, Mat v, const int32_t *path, int32_t n_path,
                   int32_t kv_offset, int32_t head_dim, float scale, double *scores, double *sum_v)
{
    double max = -INFINITY, total = 0;
    for (int32_t j = 0; j < n_path; j++) {
        scores[j] = (double)scale * dot(q_h, ref_row(k, path[j]) + kv_offset, head_dim);
        max = fmax(max, scores[j]);
    }
    memset(sum_v, 0, (size_t)head_dim * sizeof *sum_v);
    for (int32_t j = 0; j < n_path; j++) {
        double e = exp(scores[j] - max);
        total += e;
        for (int32_t d = 0; d < head_dim; d++)
            sum_v[d] += e * (ref_row(v, path[j]) + kv_offset)[d];
    }
    for (int32_t d = 0; d < head_dim; d++)
        out_h[d] = (float)(sum_v[d] / total);
    *lse_h = (float)(max + log(total));
}

void ref_attention(Backend *be, Mat out, Mat lse, Mat q, Mat k, Mat v, const Forest *forest, int32_t head_dim,
                   float scale)
{
    Shape shape = check_shape(lse, q, k, v, forest, head_dim);
    assert(out.rows == q.rows && out.cols == q.cols);
    int32_t *path = mem_alloc((size_t)shape.longest_path, sizeof *path);
    double *scores = mem_alloc((size_t)shape.longest_path, sizeof *scores);
    double *sum_v = mem_alloc((size_t)head_dim, sizeof *sum_v);
    for (int32_t i = 0; i < forest->n_segments; i++) {
        const Segment *s = &forest->segments[i];
        for (int32_t t = 0; t < s->n_new; t++) {
            int32_t row = s->row + t, n_path = path_of_token(forest, i, s->n_tokens - s->n_new + t, path);
            for (int32_t h = 0; h < shape.n_heads; h++)
                attend(ref_row(out, row) + h * head_dim, ref_row(lse, row) + h, ref_row(q, row) + h * head_dim, k, v,
                       path, n_path, h / shape.heads_per_kv * head_dim, head_dim, scale, scores, sum_v);
        }
    }
    mem_free(path);
    mem_free(scores);
    mem_free(sum_v);
}

void ref_attention_cached(Backend *be, Mat out, Mat lse, Mat q, CachedKv kv, const Forest *forest, float scale)
{
    Mat k = mat(kv.k, kv.rows, kv.cols), v = mat(kv.v, kv.rows, kv.cols);
    ref_attention(be, out, lse, q, k, v, forest, kv.head_dim, scale);
}

// Gradients of K and V, summed in double over all rows before they are added to the F32 ones.
typedef struct KvSums {
    double *dk, *dv; // [R, G*D]
} KvSums;

// One head of one row. With p_j = exp(scale q.k_j - lse), D = dout.out (= sum_j p_j dout.v_j), ds_j = p_j (dout.v_j -
// D):
//   dq = scale sum_j ds_j k_j,  dk_j += scale ds_j q,  dv_j += p_j dout.      (Dao et al. 2022, appendix B.2)
static void attend_backward(float *dq_h, KvSums sums, const float *dout_h, const float *out_h, double lse_h,
                            const float *q_h, Mat k, Mat v, const int32_t *path, int32_t n_path, int32_t kv_offset,
                            int32_t head_dim, float scale, double *sum_q)
{
    double d_dot = dot(dout_h, out_h, head_dim);
    memset(sum_q, 0, (size_t)head_dim * sizeof *sum_q);
    for (int32_t j = 0; j < n_path; j++) {
        const float *k_j = ref_row(k, path[j]) + kv_offset, *v_j = ref_row(v, path[j]) + kv_offset;
        size_t at = (size_t)path[j] * (size_t)k.cols + (size_t)kv_offset;
        double p = exp((double)scale * dot(q_h, k_j, head_dim) - lse_h);
        double ds = p * (dot(dout_h, v_j, head_dim) - d_dot);
        for (int32_t d = 0; d < head_dim; d++) {
            sum_q[d] += scale * ds * k_j[d];
            sums.dk[at + (size_t)d] += scale * ds * q_h[d];
            sums.dv[at + (size_t)d] += p * dout_h[d];
        }
    }
    for (int32_t d = 0; d < head_dim; d++)
        dq_h[d] = (float)sum_q[d];
}

void ref_attention_backward(Backend *be, Mat dq, Mat dk, Mat dv, Mat dout, Mat out, Mat lse, Mat q, Mat k, Mat v,
                            const Forest *forest, int32_t head_dim, float scale)
{
    Shape shape = check_shape(lse, q, k, v, forest, head_dim);
    assert(dq.rows == q.rows && dq.cols == q.cols && dout.rows == q.rows && dout.cols == q.cols);
    assert(out.rows == q.rows && out.cols == q.cols);
    assert(dk.rows == k.rows && dk.cols == k.cols && dv.rows == k.rows && dv.cols == k.cols);
    size_t n_kv = (size_t)k.rows * (size_t)k.cols;
    KvSums sums = {mem_alloc(n_kv, sizeof(double)), mem_alloc(n_kv, sizeof(double))};
    int32_t *path = mem_alloc((size_t)shape.longest_path, sizeof *path);
    double *sum_q = mem_alloc((size_t)head_dim, sizeof *sum_q);
    for (int32_t i = 0; i < forest->n_segments; i++) {
        const Segment *s = &forest->segments[i];
        for (int32_t t = 0; t < s->n_new; t++) {
            int32_t row = s->row + t, n_path = path_of_token(forest, i, s->n_tokens - s->n_new + t, path);
            for (int32_t h = 0; h < shape.n_heads; h++) {
                int32_t at = h * head_dim;
                attend_backward(ref_row(dq, row) + at, sums, ref_row(dout, row) + at, ref_row(out, row) + at,
                                ref_row(lse, row)[h], ref_row(q, row) + at, k, v, path, n_path,
                                h / shape.heads_per_kv * head_dim, head_dim, scale, sum_q);
            }
        }
    }
    for (size_t i = 0; i < n_kv; i++) {
        ref_floats(dk.data)[i] = (float)(ref_floats(dk.data)[i] + sums.dk[i]);
        ref_floats(dv.data)[i] = (float)(ref_floats(dv.data)[i] + sums.dv[i]);
    }
    mem_free(sums.dk);
    mem_free(sums.dv);
    mem_free(path);
    mem_free(sum_q);
}
