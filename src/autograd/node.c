#include "autograd/node.h"

#include <string.h>

#include "core/scope.h"

static _Atomic uint64_t node_sequence;

uint64_t tp__sequence(void) { return atomic_load_explicit(&node_sequence, memory_order_relaxed); }

/* ---- release: a loop over a list, so that no chain is too long for the stack ------------------------- */

void tp__node_release_saved(tp__node *node) {
    for (int i = 0; i < node->n_in + node->n_out; i++) {
        tp__storage_unref(node->saved[i].storage);
        node->saved[i].storage = NULL;
    }
    node->released = true;
}

static void node_free(tp__node *node) {
    tp__node_release_saved(node);
    for (int i = 0; i < node->n_in; i++) {
        tp__edge *e = &node->edges[i];
        if (e->node && tp__unref(&e->node->ref.refs)) e->node->ref.destroy(&e->node->ref);
        if (e->leaf) tp__tensor_unref(e->leaf);
    }
    for (int k = 0; k < node->n_out; k++)
        if (node->outs[k].meta) tp__meta_drop(node->outs[k].meta);
    if (node->op->free_attr) node->op->free_attr(node->attr);
    tp__count(&tp__tls.counters.nodes, -1);
    tp__small_free(node, node->bytes);
}

static void node_destroy(tp__graph_ref *ref) {
    tp__thread *self = tp__self();
    tp__node *node = (tp__node *)(void *)ref;
    node->next = self->to_release;
    self->to_release = node;
    if (self->releasing) return;
    self->releasing = true;
    while (self->to_release) {
        node = self->to_release;
        self->to_release = node->next;
        node_free(node);
    }
    self->releasing = false;
}

/* ---- recording --------------------------------------------------------------------------------------- */

bool tp__will_record(int n_in, tp_tensor *const *in) {
    if (!tp__recording()) return false;
    for (int i = 0; i < n_in; i++)
        if (tp__needs_grad(in[i])) return true;
    return false;
}

static bool saves_input(const tp__call *call, int i) {
    return call->in[i] && (i < 32 ? (call->op->save_inputs & ~call->skip_inputs) >> i & 1
                                  : call->op->save_inputs == TP__ALL);
}

static bool saves_output(const tp__call *call, int k) { return k < 32 && (call->op->save_outputs >> k & 1); }

static int64_t *saved_set(tp__saved *s, const tp_tensor *t, int64_t *pool) {
    tp__ref(&t->storage->refs);
    s->storage = t->storage;
    s->version = atomic_load_explicit(&t->storage->version, memory_order_relaxed);
    s->offset = t->offset;
    s->ndim = (int8_t)t->shape.ndim;
    s->dtype = t->dtype;
    s->dims = pool;
    for (int i = 0; i < s->ndim; i++) *pool++ = t->shape.dims[i];
    for (int i = 0; i < s->ndim; i++) *pool++ = t->strides[i];
    return pool;
}

/* One block: node, edges, outputs, saved values, attributes, then the sizes and strides they point to. */
static size_t node_bytes(const tp__call *call) {
    size_t ints = 0;
    for (int i = 0; i < call->n_in; i++)
        if (saves_input(call, i)) ints += 2 * (size_t)call->in[i]->shape.ndim;
    for (int k = 0; k < call->n_out; k++)
        ints += (size_t)call->out[k]->shape.ndim * (saves_output(call, k) ? 3 : 1);
    return sizeof(tp__node) + (size_t)call->n_in * sizeof(tp__edge) + (size_t)call->n_out * sizeof(tp__out) +
           (size_t)(call->n_in + call->n_out) * sizeof(tp__saved) + (call->attr_size + 7) / 8 * 8 +
           ints * sizeof(int64_t);
}

static tp__node *node_lay_out(char *block, size_t bytes, const tp__call *call, int64_t **pool) {
    tp__node *n = (tp__node *)(void *)block;
    char *at = block + sizeof *n;
    n->edges = (tp__edge *)(void *)at, at += (size_t)call->n_in * sizeof *n->edges;
    n->outs = (tp__out *)(void *)at, at += (size_t)call->n_out * sizeof *n->outs;
    n->saved = (tp__saved *)(void *)at, at += (size_t)(call->n_in + call->n_out) * sizeof *n->saved;
    n->attr = at, at += (call->attr_size + 7) / 8 * 8;
    *pool = (int64_t *)(void *)at;
    n->bytes = (uint32_t)bytes;
    atomic_init(&n->ref.refs, 0);
    n->ref.destroy = node_destroy;
    n->op = call->op;
    atomic_init(&n->walk, NULL);
    n->n_in = call->n_in;
    n->n_out = call->n_out;
    n->given = 0;
    n->released = false;
    n->needed = false;
    n->label = tp__tls.label;
    return n;
}

static int64_t *node_fill_inputs(tp__node *n, const tp__call *call, int64_t *pool) {
    for (int i = 0; i < call->n_in; i++) {
        tp_tensor *t = call->in[i];
        tp__edge *e = &n->edges[i];
        *e = (tp__edge){NULL, NULL, 0};
        if (t && i < 64) n->given |= (uint64_t)1 << i;
        if (t && t->node) {
            e->node = tp__node_of(t);
            e->output = t->output;
            tp__ref(&t->node->refs);
        } else if (t && t->requires_grad) {
            e->leaf = t;
            tp__ref(&t->refs);
        }
        n->saved[i].storage = NULL;
        if (saves_input(call, i)) pool = saved_set(&n->saved[i], t, pool);
    }
    return pool;
}

static void node_fill_outputs(tp__node *n, const tp__call *call, int64_t *pool) {
    for (int k = 0; k < call->n_out; k++) {
        tp_tensor *y = call->out[k];
        n->outs[k] = (tp__out){.dims = pool, .ndim = (int8_t)y->shape.ndim, .dtype = y->dtype};
        for (int i = 0; i < y->shape.ndim; i++) *pool++ = y->shape.dims[i];
        n->saved[n->n_in + k].storage = NULL;
        if (saves_output(call, k)) pool = saved_set(&n->saved[n->n_in + k], y, pool);
        if (!tp__is_floating((tp_dtype)y->dtype)) continue; /* indices beside values carry no gradient */
        y->node = &n->ref;
        y->output = k;
        tp__ref(&n->ref.refs);
    }
}

bool tp__record_call(const tp__call *call) {
    if (!tp__will_record(call->n_in, call->in)) {
        if (call->op->free_attr) call->op->free_attr((void *)(uintptr_t)call->attr);
        return true;
    }
    size_t bytes = node_bytes(call);
    bool ok = TP__LIKELY(!tp__tls.nan_check) || tp__check_outputs(call) == TP_OK;
    char *block = ok && bytes < UINT32_MAX ? tp__small_alloc(bytes) : NULL;
    if (!block) {
        if (call->op->free_attr) call->op->free_attr((void *)(uintptr_t)call->attr);
        if (ok) tp__error_memory(call->op->name, bytes);
        if (call->n_out == 1)
            tp__scope_take_back(call->out[0]); /* or it would stay with the caller's scope */
        return false;
    }
    int64_t *pool;
    tp__node *n = node_lay_out(block, bytes, call, &pool);
    tp__count(&tp__self()->counters.nodes, 1);
    if (call->attr_size) memcpy(n->attr, call->attr, call->attr_size);
    pool = node_fill_inputs(n, call, pool);
    /* The number is taken once the inputs exist: recording order, in which every walk goes backwards. */
    n->sequence = atomic_fetch_add_explicit(&node_sequence, 1, memory_order_relaxed);
    atomic_store_explicit(&n->ref.refs, 1, memory_order_relaxed); /* until the outputs hold it */
    node_fill_outputs(n, call, pool);
    if (tp__unref(&n->ref.refs)) node_destroy(&n->ref); /* no output can carry a gradient */
    return true;
}

tp_tensor *tp__record(const tp__op *op, tp_tensor *y, int n_in, tp_tensor *const *in, const void *attr,
                      size_t attr_size) {
    if (!y) {
        if (op->free_attr) op->free_attr((void *)(uintptr_t)attr);
        return NULL;
    }
    tp__call call = {
        .op = op, .n_in = n_in, .in = in, .n_out = 1, .out = &y, .attr = attr, .attr_size = attr_size};
    return tp__record_call(&call) ? y : NULL;
}

/* ---- what a rule may ask ----------------------------------------------------------------------------- */

const char *tp__op_name(const tp__ctx *ctx) { return ctx->node->op->name; }
bool tp__needs(const tp__ctx *ctx, int i) { return tp__edge_wanted(ctx, &ctx->node->edges[i]); }

bool tp__has_input(const tp__ctx *ctx, int i) { return i >= 64 || (ctx->node->given >> i & 1); }

int tp__input_count(const tp__ctx *ctx) { return ctx->node->n_in; }

const void *tp__attr(const tp__ctx *ctx) { return ctx->node->attr; }

bool tp__graph_wanted(const tp__ctx *ctx) { return ctx->create_graph; }

tp_shape tp__out_shape(const tp__out *out) {
    tp_shape shape = {out->ndim, {0}};
    for (int i = 0; i < out->ndim; i++) shape.dims[i] = out->dims[i];
    return shape;
}

tp_shape tp__output_shape(const tp__ctx *ctx, int k) { return tp__out_shape(&ctx->node->outs[k]); }

tp_shape tp__input_shape(const tp__ctx *ctx, int i) {
    const tp__edge *e = &ctx->node->edges[i];
    if (e->node) return tp__out_shape(&e->node->outs[e->output]);
    if (e->leaf) return e->leaf->shape;
    const tp__saved *s = &ctx->node->saved[i];
    tp_shape shape = {s->storage ? s->ndim : 0, {0}};
    for (int d = 0; d < shape.ndim; d++) shape.dims[d] = s->dims[d];
    return shape;
}

tp_dtype tp__input_dtype(const tp__ctx *ctx, int i) {
    const tp__edge *e = &ctx->node->edges[i];
    if (e->node) return (tp_dtype)e->node->outs[e->output].dtype;
    if (e->leaf) return (tp_dtype)e->leaf->dtype;
    return (tp_dtype)ctx->node->saved[i].dtype;
}

/* A tensor with the saved value, without its place in the graph. */
static tp_tensor *unpack(const tp__ctx *ctx, const tp__saved *s, const char *what, int i) {
    const char *op = ctx->node->op->name;
    if (!s->storage)
        TP_FAIL(TP_ERR_AUTOGRAD, op, "%s %d %s", what, i,
                ctx->node->released ? "was released by an earlier walk; pass retain_graph to the first one"
                                    : "was not saved for the gradient");
    uint64_t now = atomic_load_explicit(&s->storage->version, memory_order_relaxed);
    if (now != s->version)
        TP_FAIL(
            TP_ERR_AUTOGRAD, op,
            "%s %d, which the gradient needs, was changed in place after it was recorded: it was at version %llu, "
            "now %llu",
            what, i, (unsigned long long)s->version, (unsigned long long)now);
    tp_shape shape = {s->ndim, {0}};
    for (int d = 0; d < s->ndim; d++) shape.dims[d] = s->dims[d];
    return tp__tensor_over(op, s->storage, (tp_dtype)s->dtype, shape, s->dims + s->ndim, s->offset);
}

static tp_tensor *attach(tp_tensor *t, tp__node *node, int output) {
    if (t) {
        t->node = &node->ref;
        t->output = output;
        tp__ref(&node->ref.refs);
    }
    return t;
}

tp_tensor *tp__edge_tensor(const char *op, const tp__edge *edge) {
    if (edge->node) return attach(tp__tensor_new(op, TP_SCALAR_SHAPE, TP_F32), edge->node, edge->output);
    return edge->leaf;
}

tp_tensor *tp__input(tp__ctx *ctx, int i) {
    tp__node *node = ctx->node;
    if (!tp__has_input(ctx, i)) return NULL;
    const tp__edge *e = &node->edges[i];
    tp_tensor *t = unpack(ctx, &node->saved[i], "input", i);
    if (!t || !ctx->create_graph) return t;
    if (e->leaf && e->leaf->storage == t->storage) {
        tp__ref(&e->leaf->refs);
        if (tp__scope_own(e->leaf)) return e->leaf;
        tp__tensor_unref(e->leaf);
        tp__error_memory(node->op->name, sizeof *t);
        return NULL;
    }
    return e->node ? attach(t, e->node, e->output) : t;
}

tp_tensor *tp__output(tp__ctx *ctx, int k) {
    tp_tensor *t = unpack(ctx, &ctx->node->saved[ctx->node->n_in + k], "output", k);
    bool carries =
        ctx->create_graph && t && tp__is_floating((tp_dtype)t->dtype); /* indices have no gradient */
    return carries ? attach(t, ctx->node, k) : t;
}
