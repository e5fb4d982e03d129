/* Threads. The only user of OpenMP. */
#ifndef TP__CORE_PARALLEL_H
#define TP__CORE_PARALLEL_H

#include <stdbool.h>
#include <stdint.h>

/* Called with a range [begin, end) of the items and the number of the worker, in [0, tp__max_workers()), that
 * runs it: for scratch memory of one's own. Must not fail, allocate or touch the tape. */
typedef void tp__range_fn(void *context, int64_t begin, int64_t end, int worker);

/* Runs fn over items 0 .. n-1, split among the threads into contiguous ranges of at least `grain` items; on
 * the calling thread alone when there is too little, or inside a parallel region of the caller's. How items
 * are split depends on the number of threads, so what sums must make each item one chunk of a fixed
 * border and add up the chunks in order afterwards. Returns when all is done. */
void tp__parallel_for(int64_t n, int64_t grain, tp__range_fn *fn, void *context);

/* The most workers one tp__parallel_for() from here can have. */
int tp__max_workers(void);

/* Is this a parallel region (ours or the caller's), or a thread that is one of several at work? */
bool tp__in_parallel(void);

/* A description for tp_build_info(): "OpenMP 4.5", "pthreads", "serial". */
const char *tp__parallel_info(void);

#endif
