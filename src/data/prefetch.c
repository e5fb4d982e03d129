/* A loader's workers: threads that make the batches of one epoch ahead of their turn. */
#include <pthread.h>

#include "core/thread.h"
#include "data/data.h"

typedef struct tp__prefetch {
    const tp_loader *loader;
    pthread_mutex_t lock;
    pthread_cond_t made, taken;           /* a slot has been filled; one has become free */
    int64_t next, wanted, end;            /* batches: to be made next, to be lent next, after the last */
    int slots, threads, running, started; /* of the threads: wanted, at work, to be joined */
    bool stop;
    tp__made *slot; /* batch n comes into slot[n % slots]; after these one for each thread, to make it in */
    pthread_t *thread;
} tp__prefetch;

static void *prefetch_main(void *arg) {
    tp__prefetch *p = arg;
    tp__self()->serial = true; /* the cores belong to the training, and to the other workers */
    pthread_mutex_lock(&p->lock);
    tp__made *mine = &p->slot[p->slots + p->running++];
    while (!p->stop && p->next < p->end) {
        if (p->next - p->wanted >= p->slots) {
            pthread_cond_wait(&p->taken, &p->lock);
            continue;
        }
        int64_t number = p->next++;
        pthread_mutex_unlock(&p->lock);
        tp__loader_make(p->loader, number, mine);
        pthread_mutex_lock(&p->lock);
        tp__made *slot = &p->slot[number % p->slots], empty = *slot;
        *slot = *mine;
        *mine = empty;
        pthread_cond_signal(&p->made);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void prefetch_free(tp__prefetch *p) {
    int count = p->loader->dataset->count;
    for (int i = 0; p->slot && i < p->slots + p->threads; i++) tp__made_free(&p->slot[i], count);
    tp__free(p->slot);
    tp__free(p->thread);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->made);
    pthread_cond_destroy(&p->taken);
    tp__free(p);
}

static bool prefetch_allocate(tp__prefetch *p, int threads, int64_t slots) {
    p->slot = tp__alloc_zero((size_t)(slots + threads) * sizeof *p->slot);
    p->thread = tp__alloc((size_t)threads * sizeof *p->thread);
    if (!p->slot || !p->thread) return false;
    p->slots = (int)slots;
    p->threads = threads;
    for (int64_t i = 0; i < slots + threads; i++)
        if (!tp__made_init(&p->slot[i], p->loader->dataset->count)) return false;
    return true;
}

tp__prefetch *tp__prefetch_start(const tp_loader *loader) {
    int64_t left = tp_loader_batches(loader) - loader->position;
    int ahead = loader->options.prefetch > 0 ? loader->options.prefetch : 2,
        threads = loader->options.workers;
    if (threads > left) threads = (int)left;
    int64_t slots = (int64_t)ahead * threads < left ? (int64_t)ahead * threads : left;
    tp__prefetch *p = tp__alloc_zero(sizeof *p);
    if (!p) return NULL;
    p->loader = loader;
    p->next = p->wanted = loader->position;
    p->end = tp_loader_batches(loader);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->made, NULL);
    pthread_cond_init(&p->taken, NULL);
    if (prefetch_allocate(p, threads, slots))
        while (p->started < threads && pthread_create(&p->thread[p->started], NULL, prefetch_main, p) == 0)
            p->started++;
    if (p->started > 0) return p;
    prefetch_free(p);
    return NULL;
}

void tp__prefetch_next(tp__prefetch *prefetch, tp__made *made) {
    pthread_mutex_lock(&prefetch->lock);
    tp__made *slot = &prefetch->slot[prefetch->wanted % prefetch->slots];
    while (!slot->ready) pthread_cond_wait(&prefetch->made, &prefetch->lock);
    tp__made full = *slot;
    *slot = *made;
    *made = full;
    prefetch->wanted++;
    pthread_cond_broadcast(&prefetch->taken);
    pthread_mutex_unlock(&prefetch->lock);
}

void tp__prefetch_stop(tp__prefetch *prefetch) {
    if (!prefetch) return;
    pthread_mutex_lock(&prefetch->lock);
    prefetch->stop = true;
    pthread_cond_broadcast(&prefetch->taken);
    pthread_mutex_unlock(&prefetch->lock);
    for (int i = 0; i < prefetch->started; i++) pthread_join(prefetch->thread[i], NULL);
    prefetch_free(prefetch);
}
