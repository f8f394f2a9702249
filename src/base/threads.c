#include "base/threads.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"

#define SPIN_NS 200000 // how long a thread looks for work, or for the end of it, before it sleeps

typedef struct Worker {
    Threads *pool;
    int index;
    pthread_t thread;
} Worker;

// A job is `open` from its publication until its tasks are given out. Workers that take part are counted in `inside`: a
// worker goes in, looks whether the job is (still) open, and goes out when no task is left. The caller closes the job
// and waits until nobody is inside, so that what describes the job is written only while nobody reads it.
struct Threads {
    Worker **workers; // 1 .. n_workers - 1; the caller is worker 0
    int n_workers;

    ThreadsTask *task;
    void *context;
    int32_t n_tasks;
    int width; // workers of this job
    atomic_int next;
    atomic_bool open;
    atomic_int inside;
    atomic_uint job; // number of jobs published: what a waiting worker watches

    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    atomic_int asleep;         // workers that wait for `wake`
    atomic_bool caller_asleep; // for `done`
    bool stop;                 // under the mutex
};

int threads_available(void)
{
    const char *wanted = getenv("OMP_NUM_THREADS");
    long n = wanted ? strtol(wanted, NULL, 10) : 0; // "4,2": threads of nested regions follow, of which we have none
    cpu_set_t processors;
    if (n < 1)
        n = sched_getaffinity(0, sizeof processors, &processors) == 0 ? CPU_COUNT(&processors) : sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n < THREADS_MAX ? (int)n : THREADS_MAX;
}

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void do_tasks(Threads *pool, int worker)
{
    for (int i; (i = atomic_fetch_add(&pool->next, 1)) < pool->n_tasks;)
        pool->task(pool->context, i, worker);
}

static void take_part(Threads *pool, int worker)
{
    atomic_fetch_add(&pool->inside, 1);
    if (atomic_load(&pool->open) && worker < pool->width)
        do_tasks(pool, worker);
    if (atomic_fetch_sub(&pool->inside, 1) == 1 && atomic_load(&pool->caller_asleep)) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->mutex);
    }
}

// Waits for a job after number `seen`; false: the pool ends.
static bool wait_for_job(Threads *pool, unsigned seen)
{
    for (int64_t end = now_ns() + SPIN_NS; now_ns() < end; relax())
        if (atomic_load(&pool->job) != seen)
            return true;
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->asleep, 1); // before the look below: whoever publishes after it sees a sleeper
    while (!pool->stop && atomic_load(&pool->job) == seen)
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->asleep, 1);
    bool go_on = !pool->stop;
    pthread_mutex_unlock(&pool->mutex);
    return go_on;
}

static void *worker_main(void *argument)
{
    Worker *worker = argument;
    for (unsigned seen = 0; wait_for_job(worker->pool, seen);) {
        seen = atomic_load(&worker->pool->job);
        take_part(worker->pool, worker->index);
    }
    return NULL;
}

Threads *threads_create(void)
{
    Threads *pool = mem_alloc(1, sizeof *pool);
    pool->n_workers = 1;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    return pool;
}

static void add_workers(Threads *pool, int workers)
{
    if (workers > pool->n_workers)
        pool->workers = mem_realloc(pool->workers, (size_t)workers, sizeof *pool->workers);
    while (pool->n_workers < workers) {
        Worker *worker = mem_alloc(1, sizeof *worker);
        *worker = (Worker){.pool = pool, .index = pool->n_workers};
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
            mem_free(worker);
            return;
        }
        pool->workers[pool->n_workers++] = worker;
    }
}

void threads_destroy(Threads *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 1; i < pool->n_workers; i++) {
        pthread_join(pool->workers[i]->thread, NULL);
        mem_free(pool->workers[i]);
    }
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    mem_free(pool->workers);
    mem_free(pool);
}

static void publish(Threads *pool)
{
    atomic_store(&pool->next, 0);
    atomic_store(&pool->open, true);
    atomic_fetch_add(&pool->job, 1);
    if (atomic_load(&pool->asleep) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void wait_until_left(Threads *pool)
{
    atomic_store(&pool->open, false);
    for (int64_t end = now_ns() + SPIN_NS; atomic_load(&pool->inside) > 0; relax())
        if (now_ns() >= end)
            break;
    if (atomic_load(&pool->inside) == 0)
        return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_asleep, true);
    while (atomic_load(&pool->inside) > 0)
        pthread_cond_wait(&pool->done, &pool->mutex);
    atomic_store(&pool->caller_asleep, false);
    pthread_mutex_unlock(&pool->mutex);
}

void threads_run(Threads *pool, int workers, int32_t n_tasks, ThreadsTask *task, void *context)
{
    assert(workers >= 1 && n_tasks >= 0);
    if (workers > n_tasks)
        workers = n_tasks;
    if (workers <= 1) {
        for (int32_t i = 0; i < n_tasks; i++)
            task(context, i, 0);
        return;
    }
    add_workers(pool, workers);
    pool->task = task;
    pool->context = context;
    pool->n_tasks = n_tasks;
    pool->width = workers;
    publish(pool);
    do_tasks(pool, 0);
    wait_until_left(pool);
}
