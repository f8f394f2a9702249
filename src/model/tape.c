// A tape: rows of all layers' activations, written by forwards and read in place of forwards.
#include <assert.h>

#include "base/mem.h"
#include "model/model_impl.h"

#define LAYER_MATS 12 // at most, of what layer_mats lists

struct Tape {
    Backend *backend;
    Dev memory;
    int32_t n_rows, cap_rows;
};

// What a layer's backward reads besides its input x, [T, anything] each; returns how many.
static int layer_mats(const ModelConfig *config, const LayerActs *acts, Mat mats[LAYER_MATS])
{
    int n = 0;
    const Mat always[] = {acts->q, acts->k, acts->v, acts->att, acts->lse, acts->mid, acts->gate, acts->up};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        mats[n++] = always[i];
    if (!config->qk_norm)
        return n;
    mats[n++] = acts->q_pre;
    mats[n++] = acts->k_pre;
    mats[n++] = mat(acts->q_rstd.data, acts->q.rows, config->n_heads);
    mats[n++] = mat(acts->k_rstd.data, acts->k.rows, config->n_kv_heads);
    return n;
}

// Floats of a row of layer_mats.
static size_t layer_cols(const ModelConfig *config)
{
    size_t q = (size_t)config->n_heads * (size_t)config->head_dim, k = (size_t)config->n_kv_heads * (size_t)config->head_dim;
    size_t cols = 2 * q + 2 * k + (size_t)config->n_heads + (size_t)config->hidden + 2 * (size_t)config->ffn;
    return config->qk_norm ? cols + q + k + (size_t)config->n_heads + (size_t)config->n_kv_heads : cols;
}

static size_t row_floats(const ModelConfig *config)
{
    size_t n_layers = (size_t)config->n_layers;
    return (n_layers + 1) * (size_t)config->hidden + n_layers * layer_cols(config);
}

size_t tape_bytes(const ModelConfig *config, int32_t n_rows)
{
    return row_floats(config) * (size_t)n_rows * sizeof(float);
}

Tape *tape_create(Model *model, int32_t n_rows)
{
    assert(n_rows > 0);
    Tape *tape = mem_alloc(1, sizeof *tape);
    *tape = (Tape){.backend = model->backend, .cap_rows = n_rows};
    tape->memory = RUN(model->backend, alloc, tape_bytes(&model->config, n_rows));
    return tape;
}

void tape_destroy(Tape *tape)
{
    if (!tape)
        return;
    RUN(tape->backend, release, tape->memory);
    mem_free(tape);
}

void tape_clear(Tape *tape)
{
    tape->n_rows = 0;
}

int32_t tape_rows_left(const Tape *tape)
{
    return tape->cap_rows - tape->n_rows;
}

int32_t pass_record(Pass *pass, Tape *tape, const int32_t *rows, int32_t n)
{
    assert(pass->settings.record && tape->backend == pass->backend);
    pass->recorded = (Recording){0};
    if (n == 0 || n > tape_rows_left(tape))
        return -1;
    pass->recorded = (Recording){tape, rows, n, tape->n_rows};
    tape->n_rows += n;
    return pass->recorded.place;
}

void pass_play(Pass *pass, const Tape *tape)
{
    assert(!pass->settings.checkpointing || !tape);
    pass->tape = tape;
}

bool pass_plays(const Pass *pass, const Batch *batch)
{
    return pass->tape && batch->n_recorded == batch->forest.n_rows && pass->dropout.rate == 0;
}

// A matrix of the tape, cols wide, `skipped` floats a row after its beginning.
static Mat tape_mat(const Tape *tape, size_t skipped, int32_t cols)
{
    return mat(dev_offset(tape->memory, skipped * (size_t)tape->cap_rows * sizeof(float)), tape->cap_rows, cols);
}

static void record(const Pass *pass, size_t skipped, Mat from)
{
    const Recording *r = &pass->recorded;
    Mat all = tape_mat(r->tape, skipped, from.cols);
    Mat to = mat(dev_offset(all.data, (size_t)r->place * (size_t)from.cols * sizeof(float)), r->n_rows, from.cols);
    RUN(pass->backend, rows_gather, to, from, r->rows);
}

static size_t layer_at(const Pass *pass, int32_t layer)
{
    return (size_t)(pass->config.n_layers + 1) * (size_t)pass->config.hidden + (size_t)layer * layer_cols(&pass->config);
}

void tape_record_stream(const Pass *pass, int32_t layer, Mat x)
{
    if (pass->recorded.tape)
        record(pass, (size_t)layer * (size_t)pass->config.hidden, x);
}

void tape_record_layer(const Pass *pass, int32_t layer)
{
    if (!pass->recorded.tape)
        return;
    Mat mats[LAYER_MATS];
    size_t at = layer_at(pass, layer);
    for (int i = 0, n = layer_mats(&pass->config, &pass->acts[layer], mats); i < n; at += (size_t)mats[i++].cols)
        record(pass, at, mats[i]);
    assert(at == layer_at(pass, layer + 1));
}

void tape_play_stream(const Pass *pass, int32_t layer, Mat x)
{
    Mat from = tape_mat(pass->tape, (size_t)layer * (size_t)pass->config.hidden, x.cols);
    RUN(pass->backend, rows_gather, x, from, pass->places);
}

void tape_play_layer(const Pass *pass, int32_t layer)
{
    Mat mats[LAYER_MATS];
    size_t at = layer_at(pass, layer);
    for (int i = 0, n = layer_mats(&pass->config, &pass->acts[layer], mats); i < n; at += (size_t)mats[i++].cols)
        RUN(pass->backend, rows_gather, mats[i], tape_mat(pass->tape, at, mats[i].cols), pass->places);
}
