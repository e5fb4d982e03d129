#include "core/thread.h"

#include <pthread.h>

#include "core/scope.h"
#include "taper/memory.h"

_Thread_local tp__thread tp__tls __attribute__((tls_model("initial-exec")));

static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static tp__thread *registry;
static tp_memory_info ended; /* the object counts of threads that are gone */

static tp__texts shared_texts; /* of threads for which there was no memory: better mixed messages than none */

static void add_counts(tp_memory_info *info, const tp__counters *c) {
    info->live_tensors += atomic_load_explicit(&c->tensors, memory_order_relaxed);
    info->live_storages += atomic_load_explicit(&c->storages, memory_order_relaxed);
    info->live_nodes += atomic_load_explicit(&c->nodes, memory_order_relaxed);
    info->live_objects += atomic_load_explicit(&c->objects, memory_order_relaxed);
}

static void thread_exit(void *arg) {
    tp__thread *self = arg;
    tp__scope_thread_exit();
    tp__alloc_thread_exit();
    pthread_mutex_lock(&registry_lock);
    if (self->prev) self->prev->next = self->next;
    else registry = self->next;
    if (self->next) self->next->prev = self->prev;
    add_counts(&ended, &self->counters);
    tp__alloc_fold(atomic_load_explicit(&self->counters.bytes, memory_order_relaxed));
    pthread_mutex_unlock(&registry_lock);
    if (self->texts != &shared_texts) tp__free(self->texts);
    *self = (tp__thread){0}; /* another key's destructor may still call the library: it registers again */
}

static void thread_make_key(void) { pthread_key_create(&thread_key, thread_exit); }

void tp__thread_register(void) {
    tp__thread *self = &tp__tls;
    pthread_once(&thread_once, thread_make_key);
    pthread_setspecific(thread_key, self);
    self->texts = tp__alloc_zero(sizeof *self->texts);
    if (!self->texts) self->texts = &shared_texts;
    pthread_mutex_lock(&registry_lock);
    self->prev = NULL;
    self->next = registry;
    if (registry) registry->prev = self;
    registry = self;
    self->ready = true;
    pthread_mutex_unlock(&registry_lock);
}

tp_memory_info tp_memory_stats(void) {
    pthread_mutex_lock(&registry_lock);
    tp_memory_info info = ended;
    int64_t bytes = 0;
    for (tp__thread *t = registry; t; t = t->next) {
        add_counts(&info, &t->counters);
        bytes += atomic_load_explicit(&t->counters.bytes, memory_order_relaxed);
    }
    tp__alloc_figures(&info, bytes);
    pthread_mutex_unlock(&registry_lock);
    return info;
}

void tp_shutdown(void) {
    tp__scope_thread_exit();
    tp_memory_trim();
}
