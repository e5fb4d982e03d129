#include "core/parallel.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/thread.h"
#include "taper/base.h"

#if TP_USE_PTHREADS
#include <pthread.h>
#include <unistd.h>
#elif TP_HAVE_OPENMP
#include <omp.h>
#endif

/* More threads than this help none of the kernels, and scratch is sized by it. */
#define MAX_WORKERS 256

static _Atomic int wanted_threads; /* 0: the default */

static int default_threads(void) {
#if TP_USE_PTHREADS
    const char *text = getenv("OMP_NUM_THREADS");
    int n = text ? atoi(text) : 0;
    return n > 0 ? n : (int)sysconf(_SC_NPROCESSORS_ONLN);
#elif TP_HAVE_OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

int tp_num_threads(void) {
    int n = atomic_load_explicit(&wanted_threads, memory_order_relaxed);
    if (n == 0) n = default_threads();
    return n < 1 ? 1 : n > MAX_WORKERS ? MAX_WORKERS : n;
}

int tp_set_num_threads(int n) {
    atomic_store(&wanted_threads, n > 0 ? n : 0);
    return tp_num_threads();
}

typedef struct parallel_job {
    tp__range_fn *fn;
    void *context;
    int64_t n;
    int workers;
} parallel_job;

/* Runs worker w's share. Shares differ by at most one item. */
static inline void parallel_share(const parallel_job *job, int w) {
    int64_t each = job->n / job->workers, more = job->n % job->workers;
    int64_t begin = w * each + (w < more ? w : more);
    int64_t end = begin + each + (w < more ? 1 : 0);
    if (begin < end) job->fn(job->context, begin, end, w);
}

#if TP_USE_PTHREADS

/* Plain threads, made for each call: for ThreadSanitizer, which cannot follow an OpenMP runtime that it was
 * not built into. */
static _Thread_local bool inside;

typedef struct parallel_worker {
    const parallel_job *job;
    int number;
} parallel_worker;

static void *parallel_main(void *arg) {
    const parallel_worker *w = arg;
    inside = true;
    parallel_share(w->job, w->number);
    return NULL;
}

static bool in_region(void) { return inside; }

static void parallel_run(const parallel_job *job) {
    pthread_t threads[MAX_WORKERS];
    parallel_worker workers[MAX_WORKERS];
    bool started[MAX_WORKERS];
    for (int w = 1; w < job->workers; w++) {
        workers[w] = (parallel_worker){job, w};
        started[w] = pthread_create(&threads[w], NULL, parallel_main, &workers[w]) == 0;
    }
    inside = true;
    parallel_share(job, 0);
    for (int w = 1; w < job->workers; w++) {
        if (started[w]) pthread_join(threads[w], NULL);
        else parallel_share(job, w);
    }
    inside = false;
}

const char *tp__parallel_info(void) { return "pthreads"; }

#elif TP_HAVE_OPENMP

static bool in_region(void) { return omp_in_parallel(); }

static void parallel_run(const parallel_job *job) {
#pragma omp parallel num_threads(job->workers) default(none) shared(job)
    {
        /* The runtime may give fewer threads than asked for: the shares are taken in turn. */
        int team = omp_get_num_threads();
        for (int w = omp_get_thread_num(); w < job->workers; w += team) parallel_share(job, w);
    }
}

const char *tp__parallel_info(void) {
    static char text[32];
    snprintf(text, sizeof text, "OpenMP %d", _OPENMP);
    return text;
}

#else

static bool in_region(void) { return false; }

static void parallel_run(const parallel_job *job) {
    for (int w = 0; w < job->workers; w++) parallel_share(job, w);
}

const char *tp__parallel_info(void) { return "serial"; }

#endif

bool tp__in_parallel(void) { return tp__tls.serial || in_region(); }

void tp__parallel_for(int64_t n, int64_t grain, tp__range_fn *fn, void *context) {
    if (n <= 0) return;
    int64_t most = grain > 0 ? n / grain : n;
    if (most <= 1 || tp__in_parallel()) {
        fn(context, 0, n, 0);
        return;
    }
    int threads = tp_num_threads();
    parallel_job job = {fn, context, n, most < threads ? (int)most : threads};
    if (job.workers == 1) fn(context, 0, n, 0);
    else parallel_run(&job);
}

int tp__max_workers(void) { return tp__in_parallel() ? 1 : tp_num_threads(); }
