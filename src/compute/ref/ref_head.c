// The log-prob head. z = W x / temperature, lse = log sum_j e^{z_j}, logp_i = z_i - lse.
#include <math.h>
#include "base/mem.h"
#include "compute/ref/ref_ops.h"

void ref_scaled_logits(double *z, const float *x, Weight w, float temperature)
{
    for (int32_t j = 0; j < w.n_out; j++) {
        double sum = 0;
        for (int32_t c = 0; c < w.n_in; c++)
            sum += (double)x[c] * ref_weight_at(w, j, c);
        z[j] = sum / temperature;
    }
}

static double log_sum_exp(const double *z, int32_t n)
{
    double max = -INFINITY, sum = 0;
    for (int32_t j = 0; j < n; j++)
        max = fmax(max, z[j]);
    for (int32_t j = 0; j < n; j++)
        sum += exp(z[j] - max);
    return max + log(sum);
}

void ref_head_logits(Backend *be, float *logits, Mat x, Weight w)
{
    assert(x.cols == w.n_in);
    double *z = mem_alloc((size_t)w.n_out, sizeof *z);
    for (int32_t p = 0; p < x.rows; p++) {
        ref_scaled_logits(z, ref_row(x, p), w, 1);
        for (int32_t j = 0; j < w.n_out; j++)
            logits[(size_t)p * (size_t)w.n_out + (size_t)j] = (float)z[j];
    }
    mem_free(z);
}

// Entropy = -sum_j p_j log p_j = lse - sum_j p_j z_j.
void ref_head_logprobs(Backend *be, float *logp, float *entropy, Vec lse, Mat x, Weight w, const int32_t *targets,
                       float temperature)
{
    assert(x.cols == w.n_in && temperature > 0 && (dev_is_none(lse.data) || lse.n == x.rows));
    double *z = mem_alloc((size_t)w.n_out, sizeof *z);
    for (int32_t p = 0; p < x.rows; p++) {
        assert(targets[p] >= 0 && targets[p] < w.n_out);
        ref_scaled_logits(z, ref_row(x, p), w, temperature);
        double log_sum = log_sum_exp(z, w.n_out), mean_z = 0;
        logp[p] = (float)(z[targets[p]] - log_sum);
        if (!dev_is_none(lse.data))
            ref_floats(lse.data)[p] = (float)log_sum;
        if (entropy) {
            for (int32_t j = 0; j < w.n_out; j++)
                mean_z += exp(z[j] - log_sum) * z[j];
            entropy[p] = (float)(log_sum - mean_z);
        }
    }
    mem_free(z);
}

void ref_head_kl(Backend *be, float *kl, Mat x, Weight w, Mat other_x, Weight other_w, float temperature)
{
    assert(x.cols == w.n_in && other_x.cols == other_w.n_in && x.rows == other_x.rows && w.n_out == other_w.n_out);
    assert(temperature > 0);
    double *z = mem_alloc((size_t)w.n_out, sizeof *z), *other = mem_alloc((size_t)w.n_out, sizeof *other);
    for (int32_t p = 0; p < x.rows; p++) {
        ref_scaled_logits(z, ref_row(x, p), w, temperature);
        ref_scaled_logits(other, ref_row(other_x, p), other_w, temperature);
        double log_sum = log_sum_exp(z, w.n_out), other_log_sum = log_sum_exp(other, w.n_out), sum = 0;
        for (int32_t j = 0; j < w.n_out; j++)
            sum += exp(z[j] - log_sum) * ((z[j] - log_sum) - (other[j] - other_log_sum));
        kl[p] = (float)sum;
    }
    mem_free(z);
    mem_free(other);
}

// d logp_i / d z_j = [i = j] - p_j, so with d_j = dlogp ([j = target] - p_j) / temperature:
//   dx = sum_j d_j w_j,  dw_j += d_j x.
void ref_head_logprobs_backward(Backend *be, Mat dx, Weight dw, const float *dlogp, Vec lse, Mat x, Weight w,
                                const int32_t *targets, float temperature)
{
    bool frozen = dev_is_none(dw.data);
    assert(x.cols == w.n_in && dx.rows == x.rows && dx.cols == x.cols && lse.n == x.rows && temperature > 0);
    assert(frozen || (dw.n_out == w.n_out && dw.n_in == w.n_in && dw.dtype == DTYPE_F32));
    double *z = mem_alloc((size_t)w.n_out, sizeof *z);
    double *sum_x = mem_alloc((size_t)w.n_in, sizeof *sum_x);
    double *sum_w = mem_alloc(frozen ? 0 : ref_weight_count(w), sizeof *sum_w); // all rows, then added to dw
    for (int32_t p = 0; p < x.rows; p++) {
        assert(targets[p] >= 0 && targets[p] < w.n_out);
        ref_scaled_logits(z, ref_row(x, p), w, temperature);
        for (int32_t c = 0; c < w.n_in; c++)
            sum_x[c] = 0;
        for (int32_t j = 0; j < w.n_out; j++) {
            double p_j = exp(z[j] - ref_floats(lse.data)[p]);
            double d_j = dlogp[p] * ((j == targets[p]) - p_j) / temperature;
            for (int32_t c = 0; c < w.n_in; c++) {
                sum_x[c] += d_j * ref_weight_at(w, j, c);
                if (!frozen)
                    sum_w[(size_t)j * (size_t)w.n_in + (size_t)c] += d_j * ref_row(x, p)[c];
            }
        }
        for (int32_t c = 0; c < w.n_in; c++)
            ref_row(dx, p)[c] = (float)sum_x[c];
    }
    for (size_t i = 0; !frozen && i < ref_weight_count(w); i++)
        ref_floats(dw.data)[i] = (float)(ref_floats(dw.data)[i] + sum_w[i]);
    mem_free(z);
    mem_free(sum_x);
    mem_free(sum_w);
}
