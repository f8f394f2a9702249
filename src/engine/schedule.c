#include "engine/schedule.h"

#include <math.h>

float schedule_rate(const Schedule *schedule, int64_t step) {
    if (step < schedule->warmup_steps) {
        return (float)(schedule->peak * (double)step / (double)schedule->warmup_steps);
    }
    int64_t rest = schedule->total_steps - schedule->warmup_steps;
    double done = rest > 0 ? (double)(step - schedule->warmup_steps) / (double)rest : 0;
    if (done > 1) done = 1;
    switch (schedule->kind) {
    case SCHEDULE_LINEAR: return (float)(schedule->peak * (1 - done));
    case SCHEDULE_COSINE: return (float)(schedule->peak * 0.5 * (1 + cos(M_PI * done)));
    case SCHEDULE_CONSTANT: break;
    }
    return schedule->peak;
}
