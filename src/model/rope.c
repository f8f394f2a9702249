// Rotary position embeddings: inverse frequencies of each kind of scaling, and the table of cos and sin.
#include <assert.h>
#include <math.h>

#include "base/mem.h"
#include "base/threads.h"
#include "model/model_impl.h"

#define PI 3.14159265358979323846

// llama3 (Llama 3.1's published scaling): wavelengths above original/low are divided by factor, those below
// original/high kept,
// those between interpolated.
static double llama3_frequency(const RopeConfig *rope, double frequency)
{
    double original = rope->original_max_positions;
    double wavelength = 2 * PI / frequency;
    if (wavelength < original / rope->high_freq_factor)
        return frequency;
    if (wavelength > original / rope->low_freq_factor)
        return frequency / rope->factor;
    double smooth = (original / wavelength - rope->low_freq_factor) / (rope->high_freq_factor - rope->low_freq_factor);
    return (1 - smooth) * frequency / rope->factor + smooth * frequency;
}

// YaRN (arXiv 2309.00071, section 3.2): the dimension (of 0 .. head_dim/2) that turns `turns` times over the original
// context.
static double yarn_dimension(const RopeConfig *rope, int32_t head_dim, double turns)
{
    return head_dim * log(rope->original_max_positions / (turns * 2 * PI)) / (2 * log(rope->theta));
}

static void yarn_frequencies(const RopeConfig *rope, int32_t head_dim, double *inv_freq)
{
    double low = fmax(floor(yarn_dimension(rope, head_dim, rope->beta_fast)), 0);
    double high = fmin(ceil(yarn_dimension(rope, head_dim, rope->beta_slow)), head_dim - 1);
    if (low == high)
        high += 0.001; // as the common implementation does, for a ramp that is a step
    for (int32_t i = 0; i < head_dim / 2; i++) {
        double ramp = fmin(fmax((i - low) / (high - low), 0), 1); // 0: extrapolate (keep), 1: interpolate
        inv_freq[i] = inv_freq[i] / rope->factor * ramp + inv_freq[i] * (1 - ramp);
    }
}

void rope_frequencies(const RopeConfig *rope, int32_t head_dim, double *inv_freq, double *scale)
{
    *scale = 1;
    for (int32_t i = 0; i < head_dim / 2; i++)
        inv_freq[i] = pow(rope->theta, -2.0 * i / head_dim);
    switch (rope->kind) {
    case ROPE_DEFAULT:
        break;
    case ROPE_LINEAR:
        for (int32_t i = 0; i < head_dim / 2; i++)
            inv_freq[i] /= rope->factor;
        break;
    case ROPE_LLAMA3:
        for (int32_t i = 0; i < head_dim / 2; i++)
            inv_freq[i] = llama3_frequency(rope, inv_freq[i]);
        break;
    case ROPE_YARN:
        yarn_frequencies(rope, head_dim, inv_freq);
        *scale = rope->attention_factor;
        if (*scale == 0)
            *scale = rope->factor > 1 ? 0.1 * log(rope->factor) + 1 : 1;
        break;
    }
}

#define POSITIONS_A_TASK 64

typedef struct Table {
    const double *inv_freq; // [half]
    double scale;
    int32_t half, n_positions;
    float *cosines, *sines; // [n_positions, half]
} Table;

// The angle is a product of two F32 numbers rounded to F32, since that is what published models are trained with: at
// position 32768 an exact angle would differ from theirs by up to 0.002.
static void positions_task(void *context, int32_t task, int worker)
{
    (void)worker;
    const Table *table = context;
    int32_t first = task * POSITIONS_A_TASK;
    for (int32_t position = first; position < table->n_positions && position < first + POSITIONS_A_TASK; position++) {
        for (int32_t i = 0; i < table->half; i++) {
            float angle = (float)position * (float)table->inv_freq[i];
            size_t at = (size_t)position * (size_t)table->half + (size_t)i;
            table->cosines[at] = (float)(cos((double)angle) * table->scale);
            table->sines[at] = (float)(sin((double)angle) * table->scale);
        }
    }
}

static void fill_positions(const ModelConfig *config, int32_t n_positions, float *cosines, float *sines)
{
    int32_t half = config->head_dim / 2, n_tasks = (n_positions + POSITIONS_A_TASK - 1) / POSITIONS_A_TASK;
    double *inv_freq = mem_alloc((size_t)half, sizeof *inv_freq);
    Table table = {.inv_freq = inv_freq, .half = half, .n_positions = n_positions, .cosines = cosines, .sines = sines};
    rope_frequencies(&config->rope, config->head_dim, inv_freq, &table.scale);
    Threads *threads = threads_create();
    threads_run(threads, threads_available(), n_tasks, positions_task, &table);
    threads_destroy(threads);
    mem_free(inv_freq);
}

static int32_t rope_capacity(int32_t now, int32_t n_positions)
{
    int32_t capacity = now > 0 ? now : 1024;
    while (capacity < n_positions)
        capacity *= 2;
    assert(capacity > 0 && capacity <= 1 << 30);
    return capacity;
}

size_t rope_bytes(const ModelConfig *config, int32_t longest)
{
    return (size_t)rope_capacity(0, longest) * (size_t)config->head_dim * sizeof(float); // cos and sin of half each
}

void rope_table_reserve(Model *model, int32_t n_positions)
{
    RopeTable *table = &model->rope;
    if (n_positions <= table->n_positions)
        return;
    int32_t capacity = rope_capacity(table->n_positions, n_positions);

    int32_t half = model->config.head_dim / 2;
    size_t count = (size_t)capacity * (size_t)half;
    size_t bytes = count * sizeof(float);
    float *host = mem_alloc(2 * count, sizeof *host);
    fill_positions(&model->config, capacity, host, host + count);
    rope_table_release(model);
    table->cos = RUN(model->backend, alloc, 2 * bytes);
    table->sin = dev_offset(table->cos, bytes);
    table->n_positions = capacity;
    table->half_dim = half;
    RUN(model->backend, upload, table->cos, host, 2 * bytes);
    mem_free(host);
}

void rope_table_release(Model *model)
{
    RUN(model->backend, release, model->rope.cos);
    model->rope = (RopeTable){0};
}
