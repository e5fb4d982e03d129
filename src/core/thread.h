/* All state a thread has, in one small initial-exec TLS struct: the hot path reads it with one instruction. */
#ifndef TP__CORE_THREAD_H
#define TP__CORE_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/alloc.h"
#include "core/status.h"
#include "taper/random.h"
#include "taper/scope.h"

/* Figures that only their own thread changes; others read them for tp_memory_stats(). */
typedef struct tp__counters {
    _Atomic int64_t bytes; /* not yet added to the process's figure, which knows the peak */
    _Atomic int64_t tensors, storages, nodes, objects;
} tp__counters;

struct tp_generator {
    tp_generator_state state;
};

#define TP__SMALL_CLASSES (TP__SMALL_MAX / 64)

/* Text that a thread makes for messages. It lies on the heap: the TLS block must stay small, or the library could not be
 * loaded by dlopen() beside others that want static TLS too. */
typedef struct tp__texts {
    char message[512];
    char ring[8][192]; /* shapes: 8 dims of up to 20 digits, with separators */
    int next;
} tp__texts;

typedef struct tp__thread {
    bool ready;    /* registered; the key's destructor will clean up */
    bool grad_off; /* nothing is recorded */
    bool pending;  /* the error record has not been seen yet */
    bool anomaly;
    bool nan_check; /* results of recorded ops are looked at */
    bool releasing; /* a release of graph nodes is running further up the stack */
    bool serial;    /* one of several threads at work: does not split its own among more */
    int32_t no_grad_depth;
    uint64_t no_grad_outer; /* bit d: grad_off outside the tp_no_grad_begin() of depth d */
    const char *label;      /* of what is recorded now, or NULL */
    tp_scope *scope;        /* innermost; NULL until the root scope is made */
    tp_scope *spare_scopes;
    void *to_release; /* nodes whose count reached zero, see autograd/node.c */
    void *small[TP__SMALL_CLASSES];
    int32_t small_count[TP__SMALL_CLASSES];
    tp__counters counters;
    struct tp_generator generator;
    tp_status error_code; /* the error record, with its message in `texts` */
    const char *error_op;
    tp__texts *texts;               /* never NULL: a thread that can get no memory shares one */
    struct tp__thread *next, *prev; /* the registry */
} tp__thread;

extern _Thread_local tp__thread tp__tls __attribute__((tls_model("initial-exec")));

void tp__thread_register(void);

/* The calling thread's state, registered. */
static inline tp__thread *tp__self(void) {
    tp__thread *self = &tp__tls;
    if (TP__UNLIKELY(!self->ready)) tp__thread_register();
    return self;
}

static inline void tp__count(_Atomic int64_t *counter, int64_t change) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + change,
                          memory_order_relaxed);
}

/* Drops a reference; true if it was the last. A count of one needs no locked instruction: nobody else can
 * have a reference to add another from. */
static inline bool tp__unref(_Atomic int32_t *refs) {
    if (atomic_load_explicit(refs, memory_order_acquire) == 1) return true;
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static inline void tp__ref(_Atomic int32_t *refs) {
    atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

static inline bool tp__recording(void) { return !tp__tls.grad_off; }

#endif
