// One decoder layer, forward and backward:
//   mid = x + o_proj(attention(rope(qk_norm(q, k)), v)),  q, k, v = projections of norm1(x)
//   out = mid + down_proj(silu(gate) * up),               gate, up = projections of norm2(mid)
// Shapes: T rows of the pass, R KV rows, C hidden, H query heads, G key/value heads, D head size, F feed-forward width.
// What is cheap to compute again from what is kept (norms' outputs, SwiGLU's output) is not kept.
#include <math.h>

#include "model/model_impl.h"

static float attention_scale(const ModelConfig *config)
{
    return (float)(1.0 / sqrt((double)config->head_dim));
}

// q[T,H*D], k[T,G*D], v[T,G*D] from h[T,C].
static void project_qkv(const LayerRun *run, const LayerParams *params, const LayerActs *acts)
{
    Backend *be = run->backend;
    const ModelConfig *config = run->config;
    Mat h = run->scratch.h;
    projection_forward(run, &params->q, acts->q_pre, h, MAT_NONE);
    projection_forward(run, &params->k, acts->k_pre, h, MAT_NONE);
    projection_forward(run, &params->v, acts->v, h, MAT_NONE);
    if (config->qk_norm) { // over every head: [T*H, D], [T*G, D]
        int32_t d = config->head_dim;
        RUN(be, rmsnorm, mat_reshape(acts->q, d), acts->q_rstd, mat_reshape(acts->q_pre, d), params->q_norm,
            config->norm_eps);
        RUN(be, rmsnorm, mat_reshape(acts->k, d), acts->k_rstd, mat_reshape(acts->k_pre, d), params->k_norm,
            config->norm_eps);
    }
    RUN(be, rope, acts->q, config->head_dim, run->rope, run->positions, false);
    RUN(be, rope, acts->k, config->head_dim, run->rope, run->positions, false);
}

static void attention_forward(const LayerRun *run, const LayerParams *params, const LayerActs *acts,
                              const CachedKv *cached)
{
    Backend *be = run->backend;
    const ModelConfig *config = run->config;
    RUN(be, rmsnorm, run->scratch.h, run->scratch.rstd, acts->x, params->norm1, config->norm_eps);
    project_qkv(run, params, acts);
    if (cached) {
        RUN(be, kv_write, *cached, acts->k, acts->v, run->forest);
        RUN(be, attention_cached, acts->att, acts->lse, acts->q, *cached, run->forest, attention_scale(config));
    } else {
        RUN(be, attention, acts->att, acts->lse, acts->q, acts->k_all, acts->v_all, run->forest, config->head_dim,
            attention_scale(config));
    }
    projection_forward(run, &params->o, acts->mid, acts->att, acts->x);
}

static void feed_forward(const LayerRun *run, const LayerParams *params, const LayerActs *acts, Mat x_out)
{
    Backend *be = run->backend;
    const LayerScratch *s = &run->scratch;
    RUN(be, rmsnorm, s->h, s->rstd, acts->mid, params->norm2, run->config->norm_eps);
    projection_forward(run, &params->gate, acts->gate, s->h, MAT_NONE);
    projection_forward(run, &params->up, acts->up, s->h, MAT_NONE);
    if (dev_is_none(x_out.data))
        return;
    RUN(be, swiglu, s->act, acts->gate, acts->up);
    projection_forward(run, &params->down, x_out, s->act, acts->mid);
}

void layer_forward(const LayerRun *run, const LayerParams *params, const LayerActs *acts, const CachedKv *cached,
                   Mat x_out)
{
    attention_forward(run, params, acts, cached);
    feed_forward(run, params, acts, x_out);
}

// dx[T,C]: in d loss / d out, out d loss / d mid.
static void feed_forward_backward(const LayerRun *run, const LayerParams *params, const LayerParams *grads,
                                  const LayerActs *acts, Mat dx)
{
    Backend *be = run->backend;
    const LayerScratch *s = &run->scratch;

    // down_proj: its input act[T,F] is computed again, then its place takes its gradient.
    RUN(be, swiglu, s->act, acts->gate, acts->up);
    projection_backward(run, &params->down, &grads->down, dx, s->act, s->act, false);
    Mat dgate = acts->gate, dup = acts->up;
    RUN(be, swiglu_backward, dgate, dup, s->act, acts->gate, acts->up);

    // gate_proj, up_proj: their input h[T,C] is computed again.
    RUN(be, rmsnorm, s->h, s->rstd, acts->mid, params->norm2, run->config->norm_eps);
    projection_backward(run, &params->gate, &grads->gate, dgate, s->h, s->dh, false);
    projection_backward(run, &params->up, &grads->up, dup, s->h, s->dh, true);
    RUN(be, rmsnorm_backward, dx, grads->norm2, s->dh, acts->mid, params->norm2, s->rstd);
}

// From dq, dk behind RoPE and QK norm back to the projections' outputs; returns them.
static void qk_backward(const LayerRun *run, const LayerParams *params, const LayerParams *grads,
                        const LayerActs *acts, Mat *dq, Mat *dk)
{
    Backend *be = run->backend;
    int32_t d = run->config->head_dim;
    RUN(be, rope, *dq, d, run->rope, run->positions, true);
    RUN(be, rope, *dk, d, run->rope, run->positions, true);
    if (!run->config->qk_norm)
        return;
    // q and k have been read for the last time: their places take the gradients before the norm.
    RUN(be, zero, acts->q.data, (size_t)acts->q.rows * (size_t)acts->q.cols * sizeof(float));
    RUN(be, zero, acts->k.data, (size_t)acts->k.rows * (size_t)acts->k.cols * sizeof(float));
    RUN(be, rmsnorm_backward, mat_reshape(acts->q, d), grads->q_norm, mat_reshape(*dq, d),
        mat_reshape(acts->q_pre, d), params->q_norm, acts->q_rstd);
    RUN(be, rmsnorm_backward, mat_reshape(acts->k, d), grads->k_norm, mat_reshape(*dk, d),
        mat_reshape(acts->k_pre, d), params->k_norm, acts->k_rstd);
    *dq = acts->q;
    *dk = acts->k;
}

// dx[T,C]: in d loss / d mid, out d loss / d x.
static void attention_layer_backward(const LayerRun *run, const LayerParams *params, const LayerParams *grads,
                                     const LayerActs *acts, Mat dx)
{
    Backend *be = run->backend;
    const ModelConfig *config = run->config;
    const LayerScratch *s = &run->scratch;

    projection_backward(run, &params->o, &grads->o, dx, acts->att, s->datt, false);

    Mat dq = s->dq, dk = s->dk, dv = s->dv;
    RUN(be, attention_backward, dq, s->dk_all, s->dv_all, s->datt, acts->att, acts->lse, acts->q, acts->k_all,
        acts->v_all, run->forest, config->head_dim, attention_scale(config));
    qk_backward(run, params, grads, acts, &dq, &dk);

    // q_proj, k_proj, v_proj: their input h[T,C] is computed again.
    RUN(be, rmsnorm, s->h, s->rstd, acts->x, params->norm1, config->norm_eps);
    projection_backward(run, &params->q, &grads->q, dq, s->h, s->dh, false);
    projection_backward(run, &params->k, &grads->k, dk, s->h, s->dh, true);
    projection_backward(run, &params->v, &grads->v, dv, s->h, s->dh, true);
    RUN(be, rmsnorm_backward, dx, grads->norm1, s->dh, acts->x, params->norm1, s->rstd);
}

void layer_backward(const LayerRun *run, const LayerParams *params, const LayerParams *grads, const LayerActs *acts,
                    Mat dx)
{
    feed_forward_backward(run, params, grads, acts, dx);
    attention_layer_backward(run, params, grads, acts, dx);
}
