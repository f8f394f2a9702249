// The pool: every task runs exactly once, by a worker that nobody else is at that time, whatever the numbers.
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
// cmocka needs the four above first
#include <cmocka.h>
#include <stdatomic.h>
#include <unistd.h>
#include "base/threads.h"

enum { WORKERS_MAX = 8, TASKS_MAX = 1000 };

typedef struct Job {
    int workers;
    atomic_int runs[TASKS_MAX];
    atomic_int busy[WORKERS_MAX];
    atomic_int wrong;
    long scratch[WORKERS_MAX]; // of a worker: no lock needed, which ThreadSanitizer would tell
    int pause_us;
} Job;

static void count_task(void *context, int32_t task, int worker)
{
    Job *job = context;
    if (worker < 0 || worker >= job->workers || atomic_fetch_add(&job->busy[worker], 1) != 0)
        atomic_fetch_add(&job->wrong, 1);
    atomic_fetch_add(&job->runs[task], 1);
    job->scratch[worker] += task;
    if (job->pause_us > 0)
        usleep((unsigned)job->pause_us);
    atomic_fetch_sub(&job->busy[worker], 1);
}

static void run(Threads *threads, int workers, int32_t n_tasks, int pause_us)
{
    static Job job;
    job = (Job){.workers = workers, .pause_us = pause_us};
    threads_run(threads, workers, n_tasks, count_task, &job);
    long sum = 0;
    for (int i = 0; i < WORKERS_MAX; i++)
        sum += job.scratch[i];
    for (int32_t i = 0; i < TASKS_MAX; i++)
        assert_int_equal(atomic_load(&job.runs[i]), i < n_tasks);
    assert_int_equal(atomic_load(&job.wrong), 0);
    assert_int_equal(sum, (long)n_tasks * (n_tasks - 1) / 2);
}

static void every_task_once(void **state)
{
    (void)state;
    Threads *threads = threads_create();
    for (int workers = 1; workers <= WORKERS_MAX; workers++)
        for (int32_t n_tasks = 0; n_tasks <= TASKS_MAX; n_tasks += 1 + n_tasks * 2)
            run(threads, workers, n_tasks, 0);
    for (int i = 0; i < 3000; i++) // small jobs in quick succession, widths going up and down
        run(threads, 1 + i % WORKERS_MAX, 1 + i % 13, 0);
    threads_destroy(threads);
}

// Pauses past the time that waiting threads spin: they go to sleep and must be woken, the caller too.
static void sleepers_wake(void **state)
{
    (void)state;
    Threads *threads = threads_create();
    for (int i = 0; i < 40; i++) {
        run(threads, 3, 5, i % 2 ? 300 : 0);
        usleep((unsigned)(i % 4) * 100);
    }
    threads_destroy(threads);
}

static void unused_pools_end(void **state)
{
    (void)state;
    Threads *threads = threads_create();
    threads_destroy(threads); // never used
    threads_destroy(NULL);
}

static void available_threads(void **state)
{
    (void)state;
    static const struct { const char *set; int expected; } cases[] = {
        {"1", 1}, {"3", 3}, {"4,2", 4}, {"1024", 1024}, {"99999999999999999999", THREADS_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("OMP_NUM_THREADS", cases[i].set, 1);
        assert_int_equal(threads_available(), cases[i].expected);
    }
    static const char *const nonsense[] = {"", "0", "-3", "many"};
    unsetenv("OMP_NUM_THREADS");
    int processors = threads_available();
    assert_in_range(processors, 1, sysconf(_SC_NPROCESSORS_CONF));
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        setenv("OMP_NUM_THREADS", nonsense[i], 1);
        assert_int_equal(threads_available(), processors);
    }
    unsetenv("OMP_NUM_THREADS");
    cpu_set_t all, one; // bound to one of its processors, as taskset does
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (int i = 0; CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(threads_available(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_once),
        cmocka_unit_test(sleepers_wake),
        cmocka_unit_test(unused_pools_end),
        cmocka_unit_test(available_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
