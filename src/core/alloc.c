#include "core/alloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "core/thread.h"
#include "taper/memory.h"

/* ---- fault injection ------------------------------------------------------------------------------- */

static _Atomic bool fault_armed;
static _Atomic bool fault_forever;
static _Atomic int64_t fault_count, fault_at;

void tp__alloc_fail_at(int64_t n, bool forever) {
    atomic_store(&fault_count, 0);
    atomic_store(&fault_at, n);
    atomic_store(&fault_forever, forever);
    atomic_store(&fault_armed, n > 0);
}

int64_t tp__alloc_fail_count(void) { return atomic_load(&fault_count); }

static TP__COLD bool fault_hits(void) {
    int64_t number = atomic_fetch_add(&fault_count, 1) + 1, at = atomic_load(&fault_at);
    return number == at || (number > at && atomic_load(&fault_forever));
}

static inline bool fault_now(void) {
    return TP__UNLIKELY(atomic_load_explicit(&fault_armed, memory_order_relaxed)) && fault_hits();
}

/* ---- the door to the heap -------------------------------------------------------------------------- */

void *tp__alloc(size_t bytes) { return fault_now() ? NULL : malloc(bytes ? bytes : 1); }

void *tp__alloc_zero(size_t bytes) { return fault_now() ? NULL : calloc(1, bytes ? bytes : 1); }

void *tp__realloc(void *p, size_t bytes) { return fault_now() ? NULL : realloc(p, bytes ? bytes : 1); }

void tp__free(void *p) { free(p); }

char *tp__strdup(const char *s) {
    size_t bytes = strlen(s) + 1;
    char *copy = tp__alloc(bytes);
    if (copy) memcpy(copy, s, bytes);
    return copy;
}

#define HUGE_PAGE ((size_t)2 << 20)

static void *alloc_aligned(size_t bytes) {
    size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : TP__ALIGN;
    void *p = NULL;
    if (bytes > SIZE_MAX - align || posix_memalign(&p, align, bytes ? bytes : TP__ALIGN) != 0) return NULL;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (align == HUGE_PAGE) madvise(p, bytes, MADV_HUGEPAGE); /* a hint: without it pages are merely small */
#endif
    return p;
}

/* ---- slabs for small objects ----------------------------------------------------------------------- */

typedef struct free_block {
    struct free_block *next;
} free_block;

#define SLAB_BYTES ((size_t)64 << 10)
#define SMALL_BATCH 64               /* blocks that move between a thread and the shared lists at once */
#define SMALL_KEEP (4 * SMALL_BATCH) /* the most that a thread keeps of one class */

static pthread_mutex_t slab_lock = PTHREAD_MUTEX_INITIALIZER;
static free_block *slab_shared[TP__SMALL_CLASSES]; /* blocks of slabs, which live as long as the process */

static inline int small_class(size_t bytes) { return (int)((bytes + 63) / 64) - (bytes != 0); }

/* Cuts a new slab into a thread's empty list. */
static bool slab_cut(tp__thread *self, int class) {
    size_t size = ((size_t) class + 1) * 64;
    char *slab = alloc_aligned(SLAB_BYTES);
    if (!slab) return false;
    for (size_t at = 0; at + size <= SLAB_BYTES; at += size) {
        free_block *block = (free_block *)(void *)(slab + at);
        block->next = self->small[class];
        self->small[class] = block;
        self->small_count[class]++;
    }
    return true;
}

static TP__COLD bool small_refill(tp__thread *self, int class) {
    pthread_mutex_lock(&slab_lock);
    for (int i = 0; i < SMALL_BATCH && slab_shared[class]; i++) {
        free_block *block = slab_shared[class];
        slab_shared[class] = block->next;
        block->next = self->small[class];
        self->small[class] = block;
        self->small_count[class]++;
    }
    pthread_mutex_unlock(&slab_lock);
    return self->small[class] || slab_cut(self, class);
}

static TP__COLD void small_spill(tp__thread *self, int class, int count) {
    pthread_mutex_lock(&slab_lock);
    for (int i = 0; i < count && self->small[class]; i++) {
        free_block *block = self->small[class];
        self->small[class] = block->next;
        block->next = slab_shared[class];
        slab_shared[class] = block;
        self->small_count[class]--;
    }
    pthread_mutex_unlock(&slab_lock);
}

void *tp__small_alloc(size_t bytes) {
    if (fault_now()) return NULL;
    if (TP__NO_CACHE || bytes > TP__SMALL_MAX) return alloc_aligned(bytes);
    tp__thread *self = tp__self();
    int class = small_class(bytes);
    if (TP__UNLIKELY(!self->small[class]) && !small_refill(self, class)) return NULL;
    free_block *block = self->small[class];
    self->small[class] = block->next;
    self->small_count[class]--;
    return block;
}

void tp__small_free(void *p, size_t bytes) {
    if (!p) return;
    if (TP__NO_CACHE || bytes > TP__SMALL_MAX) {
        free(p);
        return;
    }
    tp__thread *self = tp__self();
    int class = small_class(bytes);
    free_block *block = p;
    block->next = self->small[class];
    self->small[class] = block;
    if (TP__UNLIKELY(++self->small_count[class] > SMALL_KEEP)) small_spill(self, class, SMALL_BATCH);
}

/* ---- the cache of large buffers -------------------------------------------------------------------- */

/* Size classes: four to each power of two from 256 bytes on, so that at most a fifth is wasted. */
#define BUFFER_CLASSES (4 * 48)
#define BUFFER_MIN_SHIFT 8

static pthread_mutex_t buffer_lock = PTHREAD_MUTEX_INITIALIZER;
static free_block *buffer_free_list[BUFFER_CLASSES];
static size_t buffer_cached;         /* bytes in the lists */
static _Atomic int64_t bytes_in_use; /* of all threads, less what each has not yet added */
static _Atomic int64_t bytes_peak;

static int buffer_class(size_t bytes, size_t *class_bytes) {
    size_t want = bytes < ((size_t)1 << BUFFER_MIN_SHIFT) ? (size_t)1 << BUFFER_MIN_SHIFT : bytes;
    int shift = 63 - __builtin_clzll((unsigned long long)want);
    size_t step = (size_t)1 << (shift - 2), base = (size_t)1 << shift;
    size_t quarters = (want - base + step - 1) / step; /* 0 .. 4 */
    *class_bytes = base + quarters * step;
    int class = (shift - BUFFER_MIN_SHIFT) * 4 + (int)quarters;
    return class < BUFFER_CLASSES ? class : -1;
}

#define BYTES_BATCH ((int64_t)64 << 10)

/* Adds what a thread has counted to the process's figure. */
static void publish_bytes(tp__counters *counters, int64_t mine) {
    atomic_store_explicit(&counters->bytes, 0, memory_order_relaxed);
    int64_t now = atomic_fetch_add_explicit(&bytes_in_use, mine, memory_order_relaxed) + mine;
    int64_t peak = atomic_load_explicit(&bytes_peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak(&bytes_peak, &peak, now)) {
    }
}

static void count_bytes(int64_t change) {
    tp__counters *counters = &tp__self()->counters;
    tp__count(&counters->bytes, change);
    int64_t mine = atomic_load_explicit(&counters->bytes, memory_order_relaxed);
    if (mine >= BYTES_BATCH || mine <= -BYTES_BATCH) publish_bytes(counters, mine);
}

void tp_memory_trim(void) {
    free_block *all = NULL;
    pthread_mutex_lock(&buffer_lock);
    for (int c = 0; c < BUFFER_CLASSES; c++) {
        while (buffer_free_list[c]) {
            free_block *block = buffer_free_list[c];
            buffer_free_list[c] = block->next;
            block->next = all;
            all = block;
        }
    }
    buffer_cached = 0;
    pthread_mutex_unlock(&buffer_lock);
    while (all) {
        free_block *next = all->next;
        free(all);
        all = next;
    }
}

void *tp__buffer_alloc(size_t bytes) {
    if (fault_now()) return NULL;
    size_t class_bytes = bytes;
    int class = bytes > SIZE_MAX / 4 ? -1 : buffer_class(bytes, &class_bytes);
    if (class < 0) return NULL;
    free_block *block = NULL;
    if (!TP__NO_CACHE) {
        pthread_mutex_lock(&buffer_lock);
        block = buffer_free_list[class];
        if (block) {
            buffer_free_list[class] = block->next;
            buffer_cached -= class_bytes;
        }
        pthread_mutex_unlock(&buffer_lock);
    }
    void *p = block ? (void *)block : alloc_aligned(TP__NO_CACHE ? bytes : class_bytes);
    if (!p && !TP__NO_CACHE) {
        tp_memory_trim(); /* what is cached in other sizes may be what is missing */
        p = alloc_aligned(class_bytes);
    }
    if (p) count_bytes((int64_t)bytes);
    return p;
}

/* What is kept for reuse stays below what was once needed: else sizes that never come back pile up. */
#define CACHE_SLACK ((int64_t)64 << 20)

void tp__buffer_free(void *p, size_t bytes) {
    if (!p) return;
    count_bytes(-(int64_t)bytes);
    if (TP__NO_CACHE) {
        free(p);
        return;
    }
    size_t class_bytes;
    int class = buffer_class(bytes, &class_bytes);
    free_block *block = p;
    pthread_mutex_lock(&buffer_lock);
    block->next = buffer_free_list[class];
    buffer_free_list[class] = block;
    buffer_cached += class_bytes;
    int64_t held = (int64_t)buffer_cached + atomic_load_explicit(&bytes_in_use, memory_order_relaxed);
    bool too_much = held > atomic_load_explicit(&bytes_peak, memory_order_relaxed) * 3 / 2 + CACHE_SLACK;
    pthread_mutex_unlock(&buffer_lock);
    if (too_much) tp_memory_trim();
}

/* ---- figures --------------------------------------------------------------------------------------- */

void tp__alloc_figures(tp_memory_info *info, int64_t thread_bytes) {
    int64_t in_use = atomic_load(&bytes_in_use) + thread_bytes, peak = atomic_load(&bytes_peak);
    info->in_use = in_use > 0 ? (size_t)in_use : 0;
    info->peak = (size_t)(peak > in_use ? peak : in_use > 0 ? in_use : 0);
    pthread_mutex_lock(&buffer_lock);
    info->cached = buffer_cached;
    pthread_mutex_unlock(&buffer_lock);
}

void tp__alloc_fold(int64_t thread_bytes) { atomic_fetch_add(&bytes_in_use, thread_bytes); }

void tp_memory_reset_peak(void) {
    tp__counters *counters = &tp__self()->counters;
    publish_bytes(counters, atomic_load_explicit(&counters->bytes, memory_order_relaxed));
    atomic_store(&bytes_peak, atomic_load(&bytes_in_use));
}

void tp__alloc_thread_exit(void) {
    tp__thread *self = &tp__tls;
    for (int c = 0; c < TP__SMALL_CLASSES; c++) small_spill(self, c, self->small_count[c]);
}
