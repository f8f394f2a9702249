// One projection y = W x + b + residual, with an adapter over it or without: forward, and backward for both.
#include "model/model_impl.h"

static bool is_adapted(const Projection *p) {
    return !dev_is_none(p->a.data);
}

// What the adapter sees of x[T, n_in]: x itself, or x with dropout in scratch.dropped.
static Mat adapter_input(const LayerRun *run, const Projection *p, Mat x) {
    if (run->dropout.rate == 0) return x;
    Mat dropped = mat(run->scratch.dropped.data, x.rows, x.cols);
    DropoutMask mask = run->dropout;
    mask.stream = p->stream;
    RUN(run->backend, dropout, dropped, x, &mask, false);
    return dropped;
}

static void scale_in_place(const LayerRun *run, Mat m, float factor) {
    RUN(run->backend, dropout, m, m, &(DropoutMask){.factor = factor}, false);
}

// scratch.low[T, rank] = s A input
static Mat adapter_low(const LayerRun *run, const Projection *p, Mat input) {
    Mat low = mat(run->scratch.low.data, input.rows, p->a.n_out);
    RUN(run->backend, linear, low, input, p->a, VEC_NONE, MAT_NONE);
    scale_in_place(run, low, p->scale);
    return low;
}

void projection_forward(const LayerRun *run, const Projection *p, Mat out, Mat x, Mat residual) {
    RUN(run->backend, linear, out, x, p->w, p->bias, residual);
    if (!is_adapted(p)) return;
    Mat low = adapter_low(run, p, adapter_input(run, p, x));
    RUN(run->backend, linear, out, low, p->b, VEC_NONE, out);
}

// dA, dB; returns scratch.dlow[T, rank] = s B^T dout, the gradient of A's output.
static Mat adapter_gradients(const LayerRun *run, const Projection *p, const Projection *grads, Mat dout, Mat x) {
    Backend *be = run->backend;
    Mat input = adapter_input(run, p, x);
    Mat low = adapter_low(run, p, input), dlow = mat(run->scratch.dlow.data, dout.rows, p->a.n_out);
    RUN(be, linear_backward_weight, grads->b, VEC_NONE, dout, low);
    RUN(be, linear_backward_input, dlow, dout, p->b, false);
    scale_in_place(run, dlow, p->scale);
    RUN(be, linear_backward_weight, grads->a, VEC_NONE, dlow, input);
    return dlow;
}

// dx += d'(A^T dlow), d' dropout's own mask.
static void adapter_input_gradient(const LayerRun *run, const Projection *p, Mat dx, Mat dlow) {
    Backend *be = run->backend;
    if (run->dropout.rate == 0) {
        RUN(be, linear_backward_input, dx, dlow, p->a, true);
        return;
    }
    Mat seen = mat(run->scratch.dropped.data, dx.rows, dx.cols);
    DropoutMask mask = run->dropout;
    mask.stream = p->stream;
    RUN(be, linear_backward_input, seen, dlow, p->a, false);
    RUN(be, dropout, dx, seen, &mask, true);
}

void projection_backward(const LayerRun *run, const Projection *p, const Projection *grads, Mat dout, Mat x, Mat dx,
                         bool accumulate) {
    Backend *be = run->backend;
    Mat dlow = MAT_NONE;
    if (!dev_is_none(grads->w.data)) RUN(be, linear_backward_weight, grads->w, grads->bias, dout, x);
    if (is_adapted(p)) // before dx, which may take the place of x
        dlow = adapter_gradients(run, p, grads, dout, x);
    RUN(be, linear_backward_input, dx, dout, p->w, accumulate);
    if (is_adapted(p)) adapter_input_gradient(run, p, dx, dlow);
}
