// Learning-rate schedules: linear warm-up, then constant, linear or cosine decay to zero.
#ifndef RLT_ENGINE_SCHEDULE_H
#define RLT_ENGINE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum ScheduleKind { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE } ScheduleKind;

typedef struct Schedule {
    ScheduleKind kind;
    float peak;           // learning rate
    int64_t warmup_steps; // the rate rises as step / warmup_steps
    int64_t total_steps;
} Schedule;

// Rate of step 0, 1, ... (the form of Transformers' get_*_schedule_with_warmup: step s of warm-up has s / warmup_steps, so
// that the first step of a warmed-up run has rate 0 and the last one is just above 0).
float schedule_rate(const Schedule *schedule, int64_t step);

#endif
