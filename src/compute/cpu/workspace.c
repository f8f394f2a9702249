// What the operations of a pass need of the workspaces, and making room for it at once.
#include <string.h>
#include "base/mem.h"
#include "compute/cpu/cpu_ops.h"

static WorkNeeds needs_of(int threads, const WorkShape *s)
{
    WorkNeeds needs = {0};
    product_needs(&needs, threads, s->rows, s->q_cols, s->hidden, s->backward);
    product_needs(&needs, threads, s->rows, s->kv_cols, s->hidden, s->backward);
    product_needs(&needs, threads, s->rows, s->hidden, s->q_cols, s->backward);
    product_needs(&needs, threads, s->rows, s->ffn, s->hidden, s->backward);
    product_needs(&needs, threads, s->rows, s->hidden, s->ffn, s->backward);
    param_needs(&needs, s->parameters);
    attention_needs(&needs, threads, s);
    if (s->predictions > 0)
        head_needs(&needs, threads, s);
    if (s->predictions > 0 && s->sample)
        sample_needs(&needs, threads, s);
    if (s->backward)
        attention_backward_needs(&needs, threads, s);
    if (s->predictions > 0 && s->backward)
        head_backward_needs(&needs, threads, s);
    return needs;
}

size_t cpu_work_bytes(Backend *be, const WorkShape *shape)
{
    WorkNeeds needs = needs_of(cpu_state(be)->max_threads, shape);
    size_t bytes = 0;
    for (int i = 0; i < N_WORK; i++)
        bytes += needs.bytes[i];
    return bytes;
}

// A worker's stack is touched by its first task.
static void touch_stack(void *context, int32_t task, int worker)
{
    (void)context, (void)task, (void)worker;
    volatile char room[16 << 10];
    for (size_t i = 0; i < sizeof room; i += 1024)
        room[i] = 0;
}

void cpu_work_reserve(Backend *be, const WorkShape *shape)
{
    CpuState *state = cpu_state(be);
    WorkNeeds needs = needs_of(state->max_threads, shape);
    for (int i = 0; i < N_WORK; i++)
        cpu_work_grow(be, (CpuWork)i, needs.bytes[i]);
    cpu_run(be, state->max_threads, 64 * state->max_threads, touch_stack, NULL);
}
