// A pool of threads that share out the tasks of one job at a time.
//
// Why not OpenMP's parallel regions: their barriers wait for every thread, spinning for milliseconds, so on a machine
// with other work a region of 20 us takes tens of milliseconds (docs/log.md). Here a job is finished when its tasks
// are: a thread that the system has not yet let run is not waited for, and waiting threads sleep after some 20 us.
//
// Contract: a pool is used from one thread at a time. What tasks compute must not depend on which worker runs them or
// in what order; `worker` is for scratch memory only.
#ifndef RLT_BASE_THREADS_H
#define RLT_BASE_THREADS_H

#include <stdint.h>

typedef struct Threads Threads;

// worker: 0 .. workers - 1, never the same for two tasks that run at the same time.
typedef void ThreadsTask(void *context, int32_t task, int worker);

// How many workers this process may have: OMP_NUM_THREADS (its first number; at most THREADS_MAX) where it is set to a whole
// number of 1 or more, else the processors that the process may run on.
#define THREADS_MAX 1024
int threads_available(void);

Threads *threads_create(void); // with no threads yet
void threads_destroy(Threads *threads); // NULL is fine
// Runs task(context, i, worker) for i = 0 .. n_tasks - 1 with at most `workers` workers, the caller being worker 0, and
// returns when all are done. Threads are created when first needed; where the system gives none, fewer work.
// workers == 1: in order, in the caller.
void threads_run(Threads *threads, int workers, int32_t n_tasks, ThreadsTask *task, void *context);

#endif
