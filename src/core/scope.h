#ifndef TP__CORE_SCOPE_H
#define TP__CORE_SCOPE_H

#include "core/tensor.h"

struct tp_scope {
    tp_tensor **items;
    int32_t count, capacity;
    bool grad_off; /* the mode it began with */
    int32_t no_grad_depth;
    const char *label; /* likewise */
    tp_scope *outer;   /* NULL: the root */
};

/* Gives the innermost scope a reference that the caller holds. False if out of memory: the caller keeps it. */
bool tp__scope_own(tp_tensor *t);

/* Room for one more, so that the next tp__scope_own() cannot fail. */
bool tp__scope_reserve(void);

/* Releases `t` if it is what the innermost scope was given last: a fresh result of a call that fails. */
void tp__scope_take_back(tp_tensor *t);

/* Releases all that `scope` owns and leaves it open: what a loop of rules uses instead of begin and end. */
void tp__scope_clear(tp_scope *scope);

void tp__scope_thread_exit(void);

#endif
