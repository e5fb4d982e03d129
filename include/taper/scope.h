/* Scopes: who owns the tensors that functions return.
 *
 * Every tensor that a function returns belongs to the calling thread's innermost scope and is released when
 * that scope ends. With none open it belongs to the thread's root scope, which ends with the thread. */
#ifndef TAPER_SCOPE_H
#define TAPER_SCOPE_H

#include "taper/base.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* Opens a scope inside the calling thread's current one and returns it; NULL if out of memory. It remembers
 * the grad mode it began with. */
TP_API tp_scope *tp_scope_begin(void);

/* Ends `scope` and those opened inside it: releases what they own and restores the grad mode. NULL does
 * nothing. Errors (kept in the record): TP_ERR_STATE if it has ended already or is another thread's. */
TP_API void tp_scope_end(tp_scope *scope);

/* Ends `scope` and gives `t` to the scope outside it: `return tp_scope_return(s, y);` is how a function
 * returns its result. NULL passes. Returns `t`; NULL with an error record if `scope` is not open here, when
 * nothing is ended. */
TP_API tp_tensor *tp_scope_return(tp_scope *scope, tp_tensor *t);

/* Gives `t` to the scope outside `scope` as well, while `scope` stays open: for several results. O(1), takes
 * any tensor; NULL passes. Returns `t`, or NULL with a record as above. */
TP_API tp_tensor *tp_scope_escape(tp_scope *scope, tp_tensor *t);

/* Gives the caller a reference of its own to `t`, to be given back by tp_release(). Returns `t`; NULL passes.
 * The two are the only way in which a tensor is counted by hand. */
TP_API tp_tensor *tp_retain(tp_tensor *t);
TP_API void tp_release(tp_tensor *t);

/* Replaces `*slot`, a reference the caller owns (or NULL at first), by a reference to `t`, and releases the
 * old one: state carried over iterations, `tp_keep(&h, tp_detach(out.h))`. To give up a slot use
 * tp_release(). Errors: TP_ERR_NULL if `t` is NULL (or the pending error's code); the slot is as it was. */
TP_API tp_status tp_keep(tp_tensor **slot, tp_tensor *t);

TP_END_DECLS

#endif
