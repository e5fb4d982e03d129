/* requires_grad, gradients and hooks: what a tensor's user sees of the tape; and the grad mode. */
#include <pthread.h>

#include "autograd/node.h"
#include "core/scope.h"

/* Locks by address: a mutex in each meta would cost more memory than the few collisions do time. */
#define META_LOCKS 64
static pthread_mutex_t meta_locks[META_LOCKS];
static pthread_once_t meta_locks_once = PTHREAD_ONCE_INIT;

static void meta_make_locks(void) {
    for (int i = 0; i < META_LOCKS; i++) pthread_mutex_init(&meta_locks[i], NULL);
}

static pthread_mutex_t *meta_lock_of(const tp__meta *meta) {
    pthread_once(&meta_locks_once, meta_make_locks);
    return &meta_locks[((uintptr_t)meta >> 6) % META_LOCKS];
}

void tp__meta_lock(const tp__meta *meta) { pthread_mutex_lock(meta_lock_of(meta)); }
void tp__meta_unlock(const tp__meta *meta) { pthread_mutex_unlock(meta_lock_of(meta)); }

static void hook_free(tp__hook *hook) {
    if (hook->free_context) hook->free_context(hook->context);
    tp__free(hook);
}

void tp__meta_hold(tp__meta *meta) { tp__ref(&meta->holders); }

void tp__meta_drop(tp__meta *meta) {
    if (!tp__unref(&meta->holders)) return;
    while (meta->hooks) {
        tp__hook *hook = meta->hooks;
        meta->hooks = hook->next;
        hook_free(hook);
    }
    tp__small_free(meta, sizeof *meta);
}

/* The last tensor is gone. */
static void meta_destroy(tp__graph_ref *ref) {
    tp__meta *meta = (tp__meta *)(void *)ref;
    tp__meta_lock(meta); /* a walk may be at the node */
    tp_tensor *grad = meta->grad, *rows[] = {meta->row_index, meta->row_values};
    meta->grad = meta->row_index = meta->row_values = NULL;
    meta->orphan = true;
    tp__meta_unlock(meta);
    for (int i = 0; i < 2; i++) tp_release(rows[i]);
    tp__meta_drop(meta);
    while (grad) { /* a gradient may have a gradient, and so on: no such chain is too long for the stack */
        tp__meta *own = tp__meta_of(grad);
        bool last = own && atomic_load_explicit(&grad->refs, memory_order_acquire) == 1 &&
                    atomic_load_explicit(&own->ref.refs, memory_order_acquire) == 1;
        tp_tensor *next = last ? own->grad : NULL;
        if (last) own->grad = NULL;
        tp__tensor_unref(grad);
        grad = next;
    }
}

/* Another tensor for an output that has a meta already. */
static tp__meta *meta_adopt(tp__meta *meta, tp_tensor *t) {
    tp__meta_lock(meta);
    if (meta->orphan) {
        atomic_store(&meta->ref.refs, 1);
        tp__meta_hold(meta);
        meta->orphan = false;
    } else {
        tp__ref(&meta->ref.refs);
    }
    tp__meta_unlock(meta);
    t->meta = &meta->ref;
    return meta;
}

tp__meta *tp__meta_make(const char *op, tp_tensor *t) {
    if (t->meta) return tp__meta_of(t);
    tp__meta *meta = t->node ? tp__node_of(t)->outs[t->output].meta : NULL;
    if (meta) return meta_adopt(meta, t);
    meta = tp__small_alloc(sizeof *meta);
    if (!meta) {
        tp__error_memory(op, sizeof *meta);
        return NULL;
    }
    *meta = (tp__meta){.ref.destroy = meta_destroy};
    atomic_init(&meta->ref.refs, 1);
    atomic_init(&meta->holders, 1);
    t->meta = &meta->ref;
    if (t->node) { /* the node keeps the hooks when the tensor itself is long gone */
        tp__node_of(t)->outs[t->output].meta = meta;
        tp__meta_hold(meta);
    }
    return meta;
}

tp_tensor *tp__meta_retain_grad(const tp__meta *meta) {
    tp__meta_lock(meta);
    tp_tensor *grad = tp_retain(meta->grad);
    tp__meta_unlock(meta);
    return grad;
}

void tp__meta_set_grad(tp__meta *meta, tp_tensor *grad) {
    tp_tensor *old[3] = {NULL};
    tp__meta_lock(meta);
    if (!meta->orphan) {
        old[0] = meta->grad;
        old[1] = meta->row_index;
        old[2] = meta->row_values;
        meta->grad = tp_retain(grad);
        meta->row_index = meta->row_values = NULL;
    }
    tp__meta_unlock(meta);
    for (int i = 0; i < 3; i++) tp_release(old[i]); /* outside the lock: it may release a graph */
}

/* ---- requires_grad ----------------------------------------------------------------------------------- */

tp_tensor *tp_set_requires_grad(tp_tensor *t, bool requires_grad) {
    const char *op = "set_requires_grad";
    TP_REQUIRE(t, op);
    if (t->node)
        TP_FAIL(TP_ERR_AUTOGRAD, op,
                "the tensor is the result of the recorded op %s; tp_detach() gives one that is not",
                tp__node_of(t)->op->name);
    if (requires_grad && !tp__is_floating((tp_dtype)t->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "only floating tensors have gradients, got %s", tp__dtype_text(t));
    if (requires_grad && !tp__meta_make(op, t)) return NULL;
    t->requires_grad = requires_grad;
    return t;
}

bool tp_requires_grad(const tp_tensor *t) {
    if (!t) tp__error_null("requires_grad", "t");
    return tp__needs_grad(t);
}

bool tp_is_leaf(const tp_tensor *t) {
    if (!t) tp__error_null("is_leaf", "t");
    return t && !t->node;
}

const char *tp_grad_op_name(const tp_tensor *t) {
    if (!t) tp__error_null("grad_op_name", "t");
    return t && t->node ? tp__node_of(t)->op->name : NULL;
}

tp_tensor *tp_retain_grad(tp_tensor *t) {
    const char *op = "retain_grad";
    TP_REQUIRE(t, op);
    if (!tp__needs_grad(t)) TP_FAIL(TP_ERR_AUTOGRAD, op, "the tensor does not require grad");
    tp__meta *meta = tp__meta_make(op, t);
    if (!meta) return NULL;
    meta->retain_grad = true;
    return t;
}

/* ---- the gradient ------------------------------------------------------------------------------------ */

tp_tensor *tp_tensor_grad(const tp_tensor *t) {
    TP_REQUIRE(t, "tensor_grad");
    tp_tensor *grad;
    return tp__grad_dense(t, &grad) == TP_OK ? grad : NULL;
}

tp_sparse_grad tp_tensor_sparse_grad(const tp_tensor *t) {
    tp_sparse_grad rows = {NULL, NULL};
    if (!t) tp__error_null("tensor_sparse_grad", "t");
    else tp__grad_rows(t, &rows.indices, &rows.values);
    return rows;
}

tp_status tp_tensor_set_grad(tp_tensor *t, tp_tensor *grad) {
    const char *op = "tensor_set_grad";
    if (!t) return tp__deliver(tp__error_null(op, "t"));
    if (grad && !tp_shape_equal(grad->shape, t->shape))
        return tp__deliver(tp__error(TP_ERR_SHAPE, op, "the gradient is %s, the tensor %s",
                                     tp__shape_text(grad->shape), tp__shape_text(t->shape)));
    if (grad && grad->dtype != t->dtype)
        return tp__deliver(tp__error(TP_ERR_DTYPE, op, "the gradient is %s, the tensor %s",
                                     tp__dtype_text(grad), tp__dtype_text(t)));
    if (grad == t) return tp__deliver(tp__error(TP_ERR_ARGUMENT, op, "a tensor cannot be its own gradient"));
    if (!grad && !t->meta) return TP_OK;
    tp__meta *meta = tp__meta_make(op, t);
    if (!meta) return tp__deliver(TP_ERR_MEMORY);
    tp__meta_set_grad(meta, grad);
    return TP_OK;
}

void tp_zero_grad(tp_tensor *t) {
    if (!t) tp__error_null("zero_grad", "t");
    else tp_tensor_set_grad(t, NULL);
}

tp_tensor *tp_detach(tp_tensor *t) {
    TP_REQUIRE(t, "detach");
    return tp__tensor_alias("detach", t, t->shape, t->strides, t->offset);
}

/* ---- hooks ------------------------------------------------------------------------------------------- */

static int hook_register(const char *op, tp_tensor *t, tp__hook given) {
    tp__hook *hook = tp__alloc(sizeof *hook);
    tp__meta *meta = hook ? tp__meta_make(op, t) : NULL;
    if (!meta) {
        tp__free(hook);
        tp__error_memory(op, sizeof *hook);
        return -1;
    }
    *hook = given;
    hook->id = meta->next_id++;
    tp__hook **end = &meta->hooks;
    while (*end) end = &(*end)->next;
    *end = hook;
    return hook->id;
}

int tp_register_hook(tp_tensor *t, tp_hook_fn *call, void *context, void (*free_context)(void *)) {
    const char *op = "register_hook";
    if (!t || !call) {
        tp__error_null(op, t ? "hook" : "t");
        return -1;
    }
    if (!tp__needs_grad(t)) {
        tp__error(TP_ERR_AUTOGRAD, op, "the tensor does not require grad");
        return -1;
    }
    return hook_register(op, t, (tp__hook){.call = call, .context = context, .free_context = free_context});
}

int tp_register_post_accumulate_hook(tp_tensor *leaf, tp_accumulate_hook_fn *call, void *context,
                                     void (*free_context)(void *)) {
    const char *op = "register_post_accumulate_hook";
    if (!leaf || !call) {
        tp__error_null(op, leaf ? "hook" : "leaf");
        return -1;
    }
    if (leaf->node || !leaf->requires_grad) {
        tp__error(TP_ERR_AUTOGRAD, op,
                  leaf->node ? "the tensor is the result of the recorded op %s, no leaf"
                             : "the tensor does not require grad",
                  leaf->node ? tp__node_of(leaf)->op->name : "");
        return -1;
    }
    return hook_register(op, leaf,
                         (tp__hook){.after = call, .context = context, .free_context = free_context});
}

tp_status tp_remove_hook(tp_tensor *t, int id) {
    if (!t) return tp__deliver(tp__error_null("remove_hook", "t"));
    tp__meta *meta = tp__meta_of(t);
    for (tp__hook **at = meta ? &meta->hooks : NULL; at && *at; at = &(*at)->next) {
        if ((*at)->id != id) continue;
        tp__hook *hook = *at;
        *at = hook->next;
        hook_free(hook);
        return TP_OK;
    }
    return tp__deliver(tp__error(TP_ERR_ARGUMENT, "remove_hook", "the tensor has no hook %d", id));
}

/* One hook's answer to `g`: what to go on with, NULL with a record after a failure. */
static tp_tensor *hook_run(const tp__hook *hook, tp_tensor *g) {
    tp__thread *self = tp__self();
    bool pending = self->pending, grad_off = self->grad_off;
    self->pending = false; /* so that a NULL is told from a failure */
    tp_tensor *r = hook->call(g, hook->context);
    self->grad_off = grad_off;
    if (!r && self->pending) return NULL;
    if (pending) tp__error_repend();
    if (!r || r == g) return g;
    if (!tp_shape_equal(r->shape, g->shape) || r->dtype != g->dtype)
        TP_FAIL(TP_ERR_SHAPE, "hook", "a hook returned %s %s for a gradient of %s %s", tp__dtype_text(r),
                tp__shape_text(r->shape), tp__dtype_text(g), tp__shape_text(g->shape));
    tp__ref(&r->refs);
    if (tp__scope_own(r)) return r;
    tp__tensor_unref(r);
    tp__error_memory("hook", sizeof *r);
    return NULL;
}

tp_tensor *tp__meta_run_hooks(tp__meta *meta, tp_tensor *g) {
    tp__meta_hold(meta);
    for (tp__hook *hook = meta->hooks; hook && g;) {
        int id = hook->id; /* it may remove itself, and others */
        if (hook->call) g = hook_run(hook, g);
        for (hook = meta->hooks; hook && hook->id <= id;) hook = hook->next;
    }
    tp__meta_drop(meta);
    return g;
}

bool tp__meta_has_after(const tp__meta *meta) {
    for (const tp__hook *hook = meta ? meta->hooks : NULL; hook; hook = hook->next)
        if (hook->after) return true;
    return false;
}

tp_status tp__meta_run_after(tp__meta *meta, tp_tensor *leaf) {
    tp_status status = TP_OK;
    tp__meta_hold(meta);
    for (tp__hook *hook = meta->hooks; hook && status == TP_OK;) {
        int id = hook->id;
        tp_scope *scope = hook->after ? tp_scope_begin() : NULL;
        if (hook->after) status = scope ? hook->after(leaf, hook->context) : TP_ERR_MEMORY;
        tp_scope_end(scope);
        for (hook = meta->hooks; hook && hook->id <= id;) hook = hook->next;
    }
    tp__meta_drop(meta);
    if (status != TP_OK && tp__tls.error_code != status)
        tp__error(status, "post_accumulate_hook", "a hook failed");
    return status;
}

/* ---- grad mode --------------------------------------------------------------------------------------- */

void tp_no_grad_begin(void) {
    tp__thread *self = tp__self();
    int depth = self->no_grad_depth++;
    uint64_t bit = depth < 64 ? (uint64_t)1 << depth : 0;
    self->no_grad_outer = self->grad_off ? self->no_grad_outer | bit : self->no_grad_outer & ~bit;
    self->grad_off = true;
}

tp_status tp_no_grad_end(void) {
    tp__thread *self = tp__self();
    if (self->no_grad_depth == 0)
        return tp__deliver(
            tp__error(TP_ERR_STATE, "no_grad_end", "no tp_no_grad_begin() is open in this scope"));
    int depth = --self->no_grad_depth;
    self->grad_off = depth >= 64 || (self->no_grad_outer >> depth & 1);
    return TP_OK;
}

bool tp_grad_enabled(void) { return tp__recording(); }

bool tp_set_grad_enabled(bool enabled) {
    tp__thread *self = tp__self();
    bool before = !self->grad_off;
    self->grad_off = !enabled;
    return before;
}
