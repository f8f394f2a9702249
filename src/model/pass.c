// The workspace of a pass: one arena, carved into matrices for each batch.
#include "model/model.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "model/model_impl.h"

// Hands out places from `base` on, each at a multiple of 64 bytes. With base DEV_NONE it only measures.
typedef struct Carver {
    Dev base;
    size_t used_bytes;
} Carver;

static Dev carve(Carver *carver, int64_t n_floats)
{
    Dev place = dev_offset(carver->base, carver->used_bytes);
    carver->used_bytes += ((size_t)n_floats * sizeof(float) + 63) / 64 * 64;
    return place;
}

static Mat carve_mat(Carver *carver, int32_t rows, int32_t cols)
{
    return mat(carve(carver, (int64_t)rows * cols), rows, cols);
}

static Vec carve_vec(Carver *carver, int64_t n)
{
    assert(n <= INT32_MAX);
    return vec(carve(carver, n), (int32_t)n);
}

// Its last `rows` rows.
static Mat mat_tail(Mat m, int32_t rows)
{
    size_t skipped = (size_t)(m.rows - rows) * (size_t)m.cols * sizeof(float);
    return mat(dev_offset(m.data, skipped), rows, m.cols);
}

// Everything of one layer but x.
static void carve_layer(Carver *carver, const Pass *pass, LayerActs *acts, int32_t n_rows)
{
    const ModelConfig *config = &pass->config;
    int32_t q_dim = config->n_heads * config->head_dim, kv_dim = config->n_kv_heads * config->head_dim;
    acts->q = carve_mat(carver, n_rows, q_dim);
    acts->k_all = carve_mat(carver, pass->n_prefix + n_rows, kv_dim);
    acts->v_all = carve_mat(carver, pass->n_prefix + n_rows, kv_dim);
    acts->k = mat_tail(acts->k_all, n_rows);
    acts->v = mat_tail(acts->v_all, n_rows);
    acts->q_pre = acts->q;
    acts->k_pre = acts->k;
    if (config->qk_norm) {
        acts->q_rstd = carve_vec(carver, (int64_t)n_rows * config->n_heads);
        acts->k_rstd = carve_vec(carver, (int64_t)n_rows * config->n_kv_heads);
        if (pass->settings.backward || pass->settings.record) {
            acts->q_pre = carve_mat(carver, n_rows, q_dim);
            acts->k_pre = carve_mat(carver, n_rows, kv_dim);
        }
    }
    acts->att = carve_mat(carver, n_rows, q_dim);
    acts->lse = carve_mat(carver, n_rows, config->n_heads);
    bool own_mid = pass->settings.backward || pass->settings.record;
    acts->mid = own_mid ? carve_mat(carver, n_rows, config->hidden) : acts->x;
    acts->gate = carve_mat(carver, n_rows, config->ffn);
    acts->up = carve_mat(carver, n_rows, config->ffn);
}

static void carve_layers(Carver *carver, Pass *pass, int32_t n_rows)
{
    int32_t hidden = pass->config.hidden;
    bool own_x = pass->settings.backward, own_rest = own_x && !pass->settings.checkpointing;
    for (int32_t layer = 0; layer < pass->config.n_layers; layer++) {
        LayerActs *acts = &pass->acts[layer];
        Mat x = layer == 0 || own_x ? carve_mat(carver, n_rows, hidden) : pass->acts[0].x;
        if (layer > 0)
            *acts = pass->acts[0];
        acts->x = x;
        if (layer == 0 || own_rest)
            carve_layer(carver, pass, acts, n_rows);
    }
    pass->x_final = own_x ? carve_mat(carver, n_rows, hidden) : pass->acts[0].x;
    pass->rstd_final = carve_vec(carver, n_rows);
}

static void carve_scratch(Carver *carver, Pass *pass, int32_t n_rows)
{
    const ModelConfig *config = &pass->config;
    int32_t q_dim = config->n_heads * config->head_dim, kv_dim = config->n_kv_heads * config->head_dim;
    LayerScratch *s = &pass->scratch;
    *s = (LayerScratch){0};
    int32_t n_normed = n_rows + (pass->n_prefix > 0);
    pass->normed = carve_mat(carver, n_normed, config->hidden);
    s->h = mat(pass->normed.data, n_rows, config->hidden);
    s->rstd = carve_vec(carver, n_rows);
    if (!pass->settings.backward) {
        s->act = pass->settings.record ? carve_mat(carver, n_rows, config->ffn) : pass->acts[0].gate; // not read again
        return;
    }
    s->act = carve_mat(carver, n_rows, config->ffn);
    pass->dnormed = carve_mat(carver, n_normed, config->hidden);
    s->dh = mat(pass->dnormed.data, n_rows, config->hidden);
    s->dq = carve_mat(carver, n_rows, q_dim);
    s->dk_all = carve_mat(carver, pass->n_prefix + n_rows, kv_dim);
    s->dv_all = carve_mat(carver, pass->n_prefix + n_rows, kv_dim);
    s->dk = mat_tail(s->dk_all, n_rows);
    s->dv = mat_tail(s->dv_all, n_rows);
    s->datt = carve_mat(carver, n_rows, q_dim);
    pass->dx = carve_mat(carver, n_rows, config->hidden);
}

static void carve_adapters(Carver *carver, Pass *pass, int32_t n_rows)
{
    const ModelConfig *config = &pass->config;
    int32_t q_dim = config->n_heads * config->head_dim;
    int32_t widest = config->ffn > config->hidden ? config->ffn : config->hidden;
    LayerScratch *s = &pass->scratch;
    s->low = carve_mat(carver, n_rows, pass->rank);
    if (!pass->settings.backward)
        return;
    s->dlow = carve_mat(carver, n_rows, pass->rank);
    if (pass->settings.dropout)
        s->dropped = carve_mat(carver, n_rows, widest > q_dim ? widest : q_dim);
}

// Returns the bytes used.
static size_t carve_pass(Pass *pass, Dev base, int32_t n_rows, int32_t n_predictions)
{
    Carver carver = {base, 0};
    carve_layers(&carver, pass, n_rows);
    carve_scratch(&carver, pass, n_rows);
    if (pass->rank > 0)
        carve_adapters(&carver, pass, n_rows);
    pass->head_x = carve_mat(&carver, n_predictions, pass->config.hidden);
    if (pass->settings.backward) {
        pass->head_dx = carve_mat(&carver, n_predictions, pass->config.hidden);
        pass->head_lse = carve_vec(&carver, n_predictions);
    }
    return carver.used_bytes;
}

static void init_pass(Pass *pass, const ModelConfig *config, int32_t lora_rank, PassSettings settings)
{
    *pass = (Pass){.config = *config, .settings = settings};
    pass->rank = lora_rank;
    pass->acts = mem_alloc((size_t)config->n_layers, sizeof *pass->acts);
}

Pass *pass_create(Model *model, PassSettings settings)
{
    Pass *pass = mem_alloc(1, sizeof *pass);
    init_pass(pass, &model->config, model->base ? model->lora.rank : 0, settings);
    pass->backend = model->backend;
    return pass;
}

void pass_destroy(Pass *pass)
{
    if (!pass)
        return;
    RUN(pass->backend, release, pass->arena);
    batch_free(&pass->batch);
    mem_free(pass->logp);
    mem_free(pass->positions);
    mem_free(pass->row_keys);
    mem_free(pass->pred_rows);
    prefix_destroy(pass->own_prefix);
    mem_free(pass->acts);
    mem_free(pass);
}

size_t pass_arena_bytes(const ModelConfig *config, int32_t lora_rank, PassSettings settings, int32_t n_prefix,
                        int32_t n_rows, int32_t n_predictions)
{
    Pass pass;
    init_pass(&pass, config, lora_rank, settings);
    pass.n_prefix = n_prefix;
    size_t bytes = carve_pass(&pass, DEV_NONE, n_rows, n_predictions);
    mem_free(pass.acts);
    return bytes;
}

static void reserve_row_keys(Pass *pass, int32_t n_rows)
{
    if (!pass->settings.dropout || n_rows <= pass->cap_row_keys)
        return;
    pass->row_keys = mem_realloc(pass->row_keys, (size_t)n_rows, sizeof *pass->row_keys);
    memset(pass->row_keys, 0, (size_t)n_rows * sizeof *pass->row_keys);
    pass->cap_row_keys = n_rows;
}

void pass_reserve(Pass *pass, int32_t n_rows, int32_t n_predictions)
{
    pass->forward_of = NULL; // what is carved from here on is another batch's
    size_t bytes = carve_pass(pass, DEV_NONE, n_rows, n_predictions);
    if (bytes > pass->arena_bytes) {
        RUN(pass->backend, release, pass->arena);
        pass->arena = RUN(pass->backend, alloc, bytes);
        pass->arena_bytes = bytes;
    }
    if (n_rows > pass->cap_positions) {
        pass->positions = mem_realloc(pass->positions, (size_t)n_rows, sizeof *pass->positions);
        memset(pass->positions, 0, (size_t)n_rows * sizeof *pass->positions); // in memory before the pass
        pass->cap_positions = n_rows;
    }
    if (n_predictions > pass->cap_pred_rows) {
        pass->pred_rows = mem_realloc(pass->pred_rows, (size_t)n_predictions, sizeof *pass->pred_rows);
        memset(pass->pred_rows, 0, (size_t)n_predictions * sizeof *pass->pred_rows);
        pass->cap_pred_rows = n_predictions;
    }
    reserve_row_keys(pass, n_rows);
}

Batch *pass_batch(Pass *pass)
{
    batch_clear(&pass->batch);
    return &pass->batch;
}

float *pass_logp(Pass *pass, int32_t n)
{
    if (n > pass->cap_logp) {
        pass->logp = mem_realloc(pass->logp, (size_t)n, sizeof *pass->logp);
        memset(pass->logp, 0, (size_t)n * sizeof *pass->logp); // in memory before the pass
        pass->cap_logp = n;
    }
    return pass->logp;
}

void pass_begin(Pass *pass, Model *model, const Forest *forest, int32_t n_predictions)
{
    assert(forest->n_rows > 0 || pass->prefix);
    assert(pass->backend == model->backend && pass->config.hidden == model->config.hidden &&
           pass->config.n_layers == model->config.n_layers && pass->config.ffn == model->config.ffn &&
           pass->config.n_heads == model->config.n_heads && pass->config.n_kv_heads == model->config.n_kv_heads &&
           pass->config.head_dim == model->config.head_dim && pass->config.qk_norm == model->config.qk_norm);
    assert(!model->base || model->lora.rank <= pass->rank);
    forest_check(forest);
    pass->n_prefix = pass->prefix ? pass->prefix->n_tokens : 0;
    pass_reserve(pass, forest->n_rows, n_predictions);
    carve_pass(pass, pass->arena, forest->n_rows, n_predictions);
    pass->n_rows = forest->n_rows;
    pass->n_predictions = n_predictions;

    forest_positions(forest, pass->positions);
    int32_t last = 0;
    for (int32_t row = 0; row < forest->n_rows; row++)
        last = pass->positions[row] > last ? pass->positions[row] : last;
    rope_table_reserve(model, last + 1);
}

void pass_set_dropout(Pass *pass, PassDropout dropout)
{
    assert(dropout.rate == 0 || pass->settings.dropout);
    pass->dropout = dropout;
}

static void address_rows(Pass *pass, const Batch *batch)
{
    if (pass->dropout.rate == 0)
        return;
    reserve_row_keys(pass, batch->forest.n_rows);
    for (int32_t i = 0; i < batch->forest.n_segments; i++) {
        const Segment *segment = &batch->segments[i];
        RngAddress address = {.seed = pass->dropout.seed, .purpose = RNG_DROPOUT, .step = pass->dropout.step,
                              .question = batch->addresses[i].question, .sample = batch->addresses[i].sample};
        int32_t cached = segment->n_tokens - segment->n_new;
        for (int32_t t = 0; t < segment->n_new; t++) {
            uint32_t bits[4];
            address.position = (uint32_t)(segment->position + cached + t);
            rng_bits(&address, bits);
            pass->row_keys[segment->row + t] = (uint64_t)bits[1] << 32 | bits[0];
        }
    }
}

void pass_take_batch(Pass *pass, const Batch *batch)
{
    address_rows(pass, batch);
    pass->places = pass_plays(pass, batch) ? batch->places : NULL;
}
