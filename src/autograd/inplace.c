/* In-place ops and identity under the tape. */
#include "autograd/node.h"

static void alias_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    (void)ctx;
    dx[0] = g[0];
}

static const tp__op alias_op = {.name = "alias", .vjp = alias_vjp};

tp_tensor *tp__alias(tp_tensor *x) {
    TP_REQUIRE(x, "alias");
    tp_tensor *y = tp__tensor_alias("alias", x, x->shape, x->strides, x->offset);
    return tp__record(&alias_op, y, TP__INPUTS(x), NULL, 0);
}

tp_status tp__inplace_check(const char *op, tp_tensor *t, bool recorded, const char *instead) {
    if (tp__overlaps_itself(t))
        return tp__error(TP_ERR_ALIAS, op, "elements of the tensor overlap in memory, of shape %s",
                         tp__shape_text(t->shape));
    if (!recorded) return TP_OK;
    if (t->requires_grad)
        return tp__error(TP_ERR_AUTOGRAD, op,
                         "the tensor is a leaf that requires grad; use %s, or write under "
                         "tp_no_grad_begin()",
                         instead);
    if (!t->node && t->meta) /* nodes may lead to it: it would come to hold, by way of them, itself */
        return tp__error(TP_ERR_AUTOGRAD, op, "the tensor has been a leaf or has a gradient; use %s",
                         instead);
    if (t->storage->release)
        return tp__error(TP_ERR_ALIAS, op,
                         "the tensor's memory is the caller's, who would not see the result; use %s",
                         instead);
    if (atomic_load_explicit(&t->storage->refs, memory_order_acquire) != 1)
        return tp__error(TP_ERR_ALIAS, op,
                         "a view, a detached tensor or a saved value shares the tensor's memory; use %s",
                         instead);
    return TP_OK;
}

void tp__replace(tp_tensor *t, tp_tensor *y) {
    uint64_t version = atomic_load(&t->storage->version);
    tp__storage *old_storage = t->storage;
    tp__graph_ref *old_node = t->node;
    tp__ref(&y->storage->refs);
    if (y->node) tp__ref(&y->node->refs);
    if (t->meta && old_node) { /* hooks follow the tensor to the op that now makes it */
        tp__node_of(t)->outs[t->output].meta = NULL;
        tp__meta_drop(tp__meta_of(t)); /* the tensor still holds it */
    }
    t->storage = y->storage;
    t->offset = y->offset;
    t->dense = y->dense;
    for (int i = 0; i < t->shape.ndim; i++) t->strides[i] = y->strides[i];
    t->node = y->node;
    t->output = y->output;
    if (t->meta && t->node) {
        tp__node_of(t)->outs[t->output].meta = tp__meta_of(t);
        tp__meta_hold(tp__meta_of(t));
    }
    version++;
    atomic_store(&t->storage->version, version);
    tp__node *node = tp__node_of(t);
    tp__saved *own = node ? &node->saved[node->n_in + t->output] : NULL;
    if (own && own->storage == t->storage) own->version = version; /* this write is the recorded one itself */
    tp__storage_unref(old_storage);
    if (old_node && tp__unref(&old_node->refs)) old_node->destroy(old_node);
}
