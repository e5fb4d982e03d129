/* The walk over the tape, behind tp_backward() and tp_grad().
 *
 * A node is processed once all that was recorded after it has been: the walk takes nodes from a heap in
 * descending order of their sequence number, which is always a topological order. Gradients are summed at
 * the node's outputs until then. What arrives at leaves, and at the inputs that are asked for, goes into a table of
 * sinks, see sinks.h. */
#include "autograd/sinks.h"
#include "core/scope.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/reduce.h"

typedef struct walk {
    const char *op; /* "backward" or "grad", for messages */
    bool create_graph, retain_graph;
    bool all;     /* every leaf is wanted; otherwise what is in the table */
    bool bounded; /* `order` holds all nodes of the walk, claimed */
    /* Bounded: nodes recorded before this one lead to nothing wanted, and may be another walk's. */
    uint64_t floor;
    bool closed; /* nothing below the floor, and no leaf but those asked for or known, may be reached */
    tp_tensors known;
    tp__node **heap;
    int64_t heap_count, heap_capacity;
    tp__node **order; /* descending */
    int64_t order_count, order_capacity;
    tp__node *broken; /* the node at which an unbounded walk failed */
    tp__sinks sinks;
} walk;

/* ---- the heap, by sequence number -------------------------------------------------------------------- */

static bool grow_nodes(tp__node ***items, int64_t *capacity, int64_t count) {
    if (count < *capacity) return true;
    int64_t wanted = *capacity ? 2 * *capacity : 64;
    tp__node **p = tp__realloc(*items, (size_t)wanted * sizeof *p);
    if (!p) return false;
    *items = p;
    *capacity = wanted;
    return true;
}

/* Makes a node part of this walk. False if it is in a walk already: `*owner` is then that one. */
static bool walk_claim(walk *w, tp__node *node, void **owner) {
    *owner = NULL;
    return atomic_compare_exchange_strong(&node->walk, owner, w);
}

/* Adds a node unless it is in this walk already. */
static tp_status walk_push(walk *w, tp__node *node) {
    void *owner;
    if (!walk_claim(w, node, &owner)) {
        if (owner == w) return TP_OK;
        return tp__error(TP_ERR_AUTOGRAD, w->op, "another walk is passing through the same graph, at op %s",
                         node->op->name);
    }
    if (!grow_nodes(&w->heap, &w->heap_capacity, w->heap_count)) {
        atomic_store(&node->walk, NULL);
        return tp__error_memory(w->op, (size_t)w->heap_capacity * 2 * sizeof(tp__node *));
    }
    int64_t i = w->heap_count++;
    for (; i > 0 && w->heap[(i - 1) / 2]->sequence < node->sequence; i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = node;
    return TP_OK;
}

static tp__node *walk_pop(walk *w) {
    tp__node *top = w->heap[0], *last = w->heap[--w->heap_count];
    int64_t i = 0;
    for (int64_t child; (child = 2 * i + 1) < w->heap_count; i = child) {
        if (child + 1 < w->heap_count && w->heap[child + 1]->sequence > w->heap[child]->sequence) child++;
        if (w->heap[child]->sequence <= last->sequence) break;
        w->heap[i] = w->heap[child];
    }
    if (w->heap_count > 0) w->heap[i] = last;
    return top;
}

/* ---- gradients on their way -------------------------------------------------------------------------- */

bool tp__edge_wanted(const tp__ctx *ctx, const tp__edge *edge) {
    if (ctx->all) return edge->node || edge->leaf;
    const walk *w = ctx->walk;
    if (edge->node && edge->node->sequence < w->floor) return false;
    if (edge->node) return edge->node->needed || tp__sink_find(&w->sinks, &edge->node->outs[edge->output]);
    return edge->leaf && tp__sink_find(&w->sinks, edge->leaf);
}

/* Adds `g` to the sum in `*slot`. */
static tp_status accumulate(const walk *w, tp_tensor **slot, tp_tensor *g) {
    if (!*slot) {
        *slot = tp_retain(g);
        return TP_OK;
    }
    tp_tensor *sum = !w->create_graph && tp__solely_held(*slot) ? tp_add_(*slot, g) : tp_add(*slot, g);
    if (!sum) return tp_last_error().code;
    if (sum != *slot) {
        tp_release(*slot);
        *slot = tp_retain(sum);
    }
    return TP_OK;
}

/* Makes what a rule gave for an input of this shape and dtype into its gradient: sums over the dims that
 * were broadcast, and casts. */
static tp_tensor *conform(const char *op, int i, tp_tensor *g, tp_shape shape, tp_dtype dtype) {
    if (!tp_shape_equal(g->shape, shape)) {
        tp_shape both;
        if (!tp__broadcast(g->shape, shape, &both) || !tp_shape_equal(both, g->shape))
            TP_FAIL(TP_ERR_SHAPE, op, "the gradient rule gave %s for input %d of shape %s",
                    tp__shape_text(g->shape), i, tp__shape_text(shape));
        g = tp_sum_to_shape(g, shape);
    }
    return g && g->dtype != dtype ? tp_to_dtype(g, dtype) : g;
}

/* Sends the gradient of input i on to where it is summed. */
static tp_status route(walk *w, const tp__node *node, int i, tp_tensor *g) {
    const tp__edge *e = &node->edges[i];
    const char *op = node->op->name;
    if (!g) {
        if (tp__error_pending()) return tp_last_error().code;
        return tp__error(TP_ERR_AUTOGRAD, op, "its gradient rule gave nothing for input %d", i);
    }
    g = e->node ? conform(op, i, g, tp__out_shape(&e->node->outs[e->output]),
                          (tp_dtype)e->node->outs[e->output].dtype)
                : conform(op, i, g, e->leaf->shape, (tp_dtype)e->leaf->dtype);
    if (!g) return tp_last_error().code;
    if (TP__UNLIKELY(tp__tls.anomaly)) TP_TRY(tp__check_gradient(node, i, g));
    if (e->leaf) {
        tp__sink *s = tp__sink_add(&w->sinks, e->leaf, e->leaf);
        return s ? accumulate(w, &s->grad, g) : TP_ERR_MEMORY;
    }
    if (!w->bounded)
        TP_TRY(walk_push(w, e->node)); /* first: what is in the walk is cleared when that fails */
    return accumulate(w, &e->node->outs[e->output].grad, g);
}

/* May input 0 of the node have its gradient in rows? Nobody but its leaf is to see it. */
static bool takes_rows(const walk *w, const tp__node *node) {
    const tp_tensor *leaf = node->edges[0].leaf;
    if (!node->op->vjp_rows || w->create_graph || !w->all || !leaf || tp__tls.anomaly) return false;
    const tp__meta *meta = tp__meta_of(leaf);
    return !meta || !meta->hooks;
}

/* ---- one node ---------------------------------------------------------------------------------------- */

#define FEW 16 /* inputs and outputs for which the arrays lie on the stack */

/* What hangs on an output's tensor: hooks, and the wish for its gradient to be kept. */
static tp_status apply_meta(const walk *w, tp__out *out, tp_tensor **g) {
    if (out->meta->hooks) *g = tp__meta_run_hooks(out->meta, *g);
    if (!*g) return tp_last_error().code;
    tp__meta *meta = out->meta; /* now: an in-place op in a hook moves it on */
    if (!meta || !meta->retain_grad || !w->all) return TP_OK;
    tp_tensor *old = tp__meta_retain_grad(meta), *sum = old ? tp_add(old, *g) : *g;
    tp_release(old);
    if (!sum) return tp_last_error().code;
    tp__meta_set_grad(meta, sum);
    return TP_OK;
}

/* The gradient of output k as the rule gets it: summed, passed through the hooks, kept where asked for. */
static tp_status take_grad(walk *w, tp__node *node, int k, tp_tensor **g) {
    tp__out *out = &node->outs[k];
    *g = out->grad;
    out->grad = NULL;
    if (!*g) {
        if (node->op->takes_null) return TP_OK;
        *g = tp_zeros(tp__out_shape(out),
                      tp__is_floating((tp_dtype)out->dtype) ? (tp_dtype)out->dtype : TP_F32);
        return *g ? TP_OK : tp_last_error().code;
    }
    if (!tp__scope_own(*g)) {
        tp__tensor_unref(*g);
        *g = NULL;
        return tp__error_memory(w->op, sizeof **g);
    }
    if (out->meta) TP_TRY(apply_meta(w, out, g));
    tp__sink *s = w->bounded ? tp__sink_find(&w->sinks, out) : NULL;
    if (s) s->grad = tp_retain(*g);
    return TP_OK;
}

/* What stands in for a rule that has no derivative itself: asking for it is an error. */
static void once_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    (void)g;
    (void)dx;
    tp__error(TP_ERR_AUTOGRAD, *(const char *const *)tp__attr(ctx), "has no second derivative");
}

static const tp__op once_op = {.name = "once", .vjp = once_vjp};

/* Gives the results of a `.once` rule a node that refuses to be differentiated: by the gradients that the rule was given, and
 * by the inputs of the op. */
static bool seal_once(const tp__node *node, tp_tensor *const *g, tp_tensor **dx) {
    int n = node->n_out + node->n_in;
    const char *name = node->op->name;
    tp_tensor *few[2 * FEW], **in = n > 2 * FEW ? tp__alloc((size_t)n * sizeof *in) : few;
    if (!in) {
        tp__error_memory(name, (size_t)n * sizeof *in);
        return false;
    }
    bool ok = true;
    for (int k = 0; k < node->n_out; k++) in[k] = g[k];
    for (int i = 0; i < node->n_in; i++) {
        const tp__edge *e = &node->edges[i];
        in[node->n_out + i] = tp__edge_tensor(name, e);
        ok = ok && (in[node->n_out + i] || (!e->node && !e->leaf));
    }
    for (int i = 0; i < node->n_in && ok; i++) {
        if (!dx[i]) continue;
        dx[i] = tp_detach(dx[i]);
        tp__call call = {.op = &once_op,
                         .n_in = n,
                         .in = in,
                         .n_out = 1,
                         .out = &dx[i],
                         .attr = &name,
                         .attr_size = sizeof name};
        ok = dx[i] && tp__record_call(&call);
    }
    if (in != few) tp__free(in);
    return ok;
}

static tp_status run_rule(walk *w, tp__node *node, tp_tensor **g, tp_tensor **dx) {
    tp__ctx ctx = {node, w->all, w->create_graph, w};
    for (int k = 0; k < node->n_out; k++) TP_TRY(take_grad(w, node, k, &g[k]));
    if (!w->all && !node->needed) return TP_OK;
    if (node->released)
        return tp__error(
            TP_ERR_AUTOGRAD, w->op,
            "the graph was walked before and its saved values are gone (op %s); pass retain_graph to the "
            "first walk",
            node->op->name);
    bool seal = w->create_graph && node->op->once, pending = tp__error_pending();
    if (seal) tp_set_grad_enabled(false);
    if (takes_rows(w, node)) {
        tp_tensor *index = NULL, *values = NULL;
        node->op->vjp_rows(&ctx, g, &index, &values);
        return index && values ? tp__sink_add_rows(&w->sinks, node->edges[0].leaf, index, values)
                               : tp_last_error().code;
    }
    (!w->create_graph && node->op->vjp_fused ? node->op->vjp_fused : node->op->vjp)(&ctx, g, dx);
    if (seal) {
        tp_set_grad_enabled(true);
        if (!seal_once(node, g, dx)) return tp_last_error().code;
    }
    /* A rule that failed somewhere has failed, whatever it made of the NULL. */
    if (tp__error_pending() && !pending) return tp_last_error().code;
    for (int i = 0; i < node->n_in; i++)
        if (tp__needs(&ctx, i)) TP_TRY(route(w, node, i, dx[i]));
    return TP_OK;
}

static tp_status process(walk *w, tp__node *node) {
    tp_tensor *few[2 * FEW] = {NULL}, **arrays = few;
    tp__tls.label = node->label; /* for what the rule records; the walk's scope puts the caller's back */
    int64_t many = (int64_t)node->n_in + node->n_out;
    if (many > 2 * FEW) {
        arrays = tp__alloc_zero((size_t)many * sizeof *arrays);
        if (!arrays) return tp__error_memory(w->op, (size_t)many * sizeof *arrays);
    }
    tp_status status = run_rule(w, node, arrays, arrays + node->n_out);
    if (arrays != few) tp__free(arrays);
    if (!w->retain_graph) tp__node_release_saved(node);
    return status;
}

/* ---- a whole walk ------------------------------------------------------------------------------------ */

static bool leaf_is_known(const walk *w, const tp_tensor *leaf) {
    if (!leaf || tp__sink_find(&w->sinks, leaf)) return true;
    for (int i = 0; i < w->known.count; i++)
        if (w->known.items[i] == leaf) return true;
    return false;
}

/* Does the walk, which may not, leave by an edge of `node`? */
static tp_status check_closed(const walk *w, const tp__node *node) {
    for (int k = 0; k < node->n_out; k++)
        if (tp__sink_find(&w->sinks, &node->outs[k])) return TP_OK;
    for (int i = 0; i < node->n_in; i++) {
        const tp__edge *e = &node->edges[i];
        if (e->node ? e->node->sequence < w->floor : !leaf_is_known(w, e->leaf))
            return tp__error(
                TP_ERR_AUTOGRAD, w->op,
                "the function gives op %s a tensor that requires grad and is not among the inputs",
                node->op->name);
    }
    return TP_OK;
}

/* Finds all nodes below the roots, in descending order, and marks those that lead to what is wanted. */
static tp_status walk_mark(walk *w) {
    while (w->heap_count > 0) {
        if (!grow_nodes(&w->order, &w->order_capacity, w->order_count))
            return tp__error_memory(w->op, (size_t)w->order_capacity * 2 * sizeof(tp__node *));
        tp__node *node = walk_pop(w);
        w->order[w->order_count++] = node;
        if (w->closed) TP_TRY(check_closed(w, node));
        for (int i = 0; i < node->n_in; i++)
            if (node->edges[i].node && node->edges[i].node->sequence >= w->floor)
                TP_TRY(walk_push(w, node->edges[i].node));
    }
    tp__ctx ctx = {.walk = w};
    for (int64_t i = w->order_count - 1; i >= 0; i--) {
        tp__node *node = w->order[i];
        node->needed = false;
        for (int k = 0; k < node->n_in && !node->needed; k++)
            node->needed = tp__edge_wanted(&ctx, &node->edges[k]);
    }
    return TP_OK;
}

static bool node_has_grad(const tp__node *node) {
    for (int k = 0; k < node->n_out; k++)
        if (node->outs[k].grad) return true;
    return false;
}

static bool node_is_wanted(const walk *w, const tp__node *node) {
    for (int k = 0; k < node->n_out; k++)
        if (tp__sink_find(&w->sinks, &node->outs[k])) return true;
    return node->needed;
}

/* The rules' results live in a scope that is emptied after each. */
static tp_status walk_run(walk *w) {
    tp_scope *scope = tp_scope_begin();
    if (!scope) return TP_ERR_MEMORY;
    tp__tls.grad_off = !w->create_graph;
    tp_status status = TP_OK;
    if (w->bounded) {
        for (int64_t i = 0; i < w->order_count && status == TP_OK; i++) {
            tp__node *node = w->order[i];
            if (node_has_grad(node) && node_is_wanted(w, node)) status = process(w, node);
            tp__scope_clear(scope);
        }
    } else {
        while (w->heap_count > 0 && status == TP_OK) {
            tp__node *node = walk_pop(w);
            status = process(w, node);
            if (status != TP_OK) w->broken = node; /* walk_end() drops the gradients it still holds */
            else atomic_store_explicit(&node->walk, NULL, memory_order_release);
            tp__scope_clear(scope);
        }
    }
    tp_scope_end(scope);
    return status;
}

/* After a failure: drops what is under way and, unless the graph is to be retained, its saved values too. */
static void node_abandon(const walk *w, tp__node *node, bool failed) {
    for (int k = 0; k < node->n_out; k++) {
        tp_release(node->outs[k].grad);
        node->outs[k].grad = NULL;
    }
    if (failed && !w->retain_graph) tp__node_release_saved(node);
    atomic_store_explicit(&node->walk, NULL, memory_order_release);
}

/* A failed walk frees what of the graph it had not reached, too. It needs no memory for that: the nodes make a list. */
static void walk_free_rest(walk *w) {
    tp__node *list = w->broken;
    if (list) list->next = NULL;
    for (int64_t i = 0; i < w->heap_count; i++) {
        w->heap[i]->next = list;
        list = w->heap[i];
    }
    while (list) {
        tp__node *node = list;
        list = node->next;
        bool on =
            !w->retain_graph && (!node->released || node == w->broken); /* else this has been here before */
        for (int i = 0; i < node->n_in && on; i++) {
            tp__node *below = node->edges[i].node;
            void *owner;
            if (!below || below->sequence < w->floor || !walk_claim(w, below, &owner)) continue;
            below->next = list;
            list = below;
        }
        node_abandon(w, node, true);
    }
}

static void walk_end(walk *w, bool failed) {
    if (failed) walk_free_rest(w);
    for (int64_t i = 0; i < w->order_count; i++) node_abandon(w, w->order[i], failed);
    tp__sinks_free(&w->sinks);
    tp__free(w->order);
    tp__free(w->heap);
}

/* ---- the roots --------------------------------------------------------------------------------------- */

/* The gradient to start with at output `t`. */
static tp_tensor *root_grad(const walk *w, const tp_tensor *t, tp_tensor *g) {
    if (!g) {
        if (t->numel != 1)
            TP_FAIL(TP_ERR_SHAPE, w->op,
                    "without a gradient to start with it takes a tensor of one element, got shape %s",
                    tp__shape_text(t->shape));
        return tp_ones_like(t);
    }
    if (!tp_shape_equal(g->shape, t->shape))
        TP_FAIL(TP_ERR_SHAPE, w->op, "the gradient to start with is %s, the tensor %s",
                tp__shape_text(g->shape), tp__shape_text(t->shape));
    return g->dtype == t->dtype ? g : tp_to_dtype(g, (tp_dtype)t->dtype);
}

static tp_status add_root(walk *w, tp_tensor *t, tp_tensor *g) {
    if (!tp__needs_grad(t))
        return tp__error(TP_ERR_AUTOGRAD, w->op,
                         "the tensor does not require grad: nothing that led to it does, or it "
                         "was computed under tp_no_grad_begin()");
    g = root_grad(w, t, g);
    if (!g) return tp_last_error().code;
    if (!t->node) {
        tp__sink *s = w->all ? tp__sink_add(&w->sinks, t, t) : tp__sink_find(&w->sinks, t);
        if (s) return accumulate(w, &s->grad, g);
        return w->all ? TP_ERR_MEMORY : TP_OK;
    }
    tp__node *node = tp__node_of(t);
    TP_TRY(walk_push(w, node));
    return accumulate(w, &node->outs[t->output].grad, g);
}

/* Enters what tp_grad() or .inputs asks for. */
static tp_status add_inputs(walk *w, tp_tensors inputs) {
    if (!w->closed) w->floor = UINT64_MAX;
    for (int i = 0; i < inputs.count; i++) {
        tp_tensor *t = inputs.items[i];
        uint64_t recorded = t->node ? tp__node_of(t)->sequence : 0;
        if (recorded < w->floor && !w->closed) w->floor = recorded;
        if (!tp__sink_add(&w->sinks, tp__sink_key(t), t)) return TP_ERR_MEMORY;
    }
    return TP_OK;
}

static tp_status check_inputs(const char *op, tp_tensors inputs) {
    for (int i = 0; i < inputs.count; i++) {
        if (!inputs.items[i]) return tp__error_null(op, "inputs");
        if (!tp__needs_grad(inputs.items[i]))
            return tp__error(TP_ERR_AUTOGRAD, op, "input %d does not require grad", i);
    }
    return TP_OK;
}

/* Keeps tensors alive until the walk's scope ends: a hook may release the caller's references. */
static tp_status hold(const walk *w, tp_tensors list) {
    for (int i = 0; i < list.count; i++) {
        tp_retain(list.items[i]);
        if (tp__scope_own(list.items[i])) continue;
        tp_release(list.items[i]);
        return tp__error_memory(w->op, sizeof *list.items);
    }
    return TP_OK;
}

static tp_status walk_all(walk *w, tp_tensors outputs, tp_tensors grads, tp_tensors inputs) {
    for (int i = 0; i < outputs.count; i++) {
        if (!outputs.items[i]) return tp__error_null(w->op, "outputs");
    }
    TP_TRY(hold(w, outputs));
    if (!w->all) {
        TP_TRY(check_inputs(w->op, inputs));
        TP_TRY(hold(w, inputs));
        TP_TRY(add_inputs(w, inputs));
    }
    for (int i = 0; i < outputs.count; i++)
        TP_TRY(add_root(w, outputs.items[i], grads.count ? grads.items[i] : NULL));
    if (w->bounded) TP_TRY(walk_mark(w));
    return walk_run(w);
}

/* ---- the public functions ---------------------------------------------------------------------------- */

tp_status tp_backward_with(tp_tensor *t, tp_backward_options options) {
    if (!t) return tp__deliver(tp__error_null("backward", "t"));
    if (!options.grad && tp__error_pending()) return tp__deliver(tp_last_error().code);
    TP_TRY(tp__deliver(tp__check_list("backward", "inputs", options.inputs.count, options.inputs.items)));
    bool some = options.inputs.count > 0;
    walk w = {.op = "backward",
              .create_graph = options.create_graph,
              .retain_graph = options.retain_graph || options.create_graph,
              .all = !some,
              .sinks = {.op = "backward", .create_graph = options.create_graph},
              .bounded = some};
    tp_scope *scope = tp_scope_begin();
    if (!scope) return tp__deliver(TP_ERR_MEMORY);
    tp__tls.grad_off = !options.create_graph;
    tp_tensor *grad = options.grad;
    tp_status status = walk_all(&w, (tp_tensors){1, &t}, (tp_tensors){1, &grad}, options.inputs);
    if (status == TP_OK) status = tp__sinks_run_hooks(&w.sinks);
    if (status == TP_OK) status = tp__sinks_deliver(&w.sinks);
    tp_status hooks = status == TP_OK ? tp__sinks_run_after(&w.sinks) : TP_OK;
    walk_end(&w, status != TP_OK);
    tp_scope_end(scope);
    return tp__deliver(status == TP_OK ? hooks : status);
}

tp_status tp_backward(tp_tensor *t) { return tp_backward_with(t, (tp_backward_options){0}); }

static tp_status collect(const walk *w, const tp__request *request, tp_scope *scope, tp_tensors inputs,
                         tp_tensor **grads) {
    for (int i = 0; i < inputs.count; i++) {
        tp__sink *s = tp__sink_find(&w->sinks, tp__sink_key(inputs.items[i]));
        grads[i] = s ? s->grad : NULL;
        if (grads[i] || request->keep_null) continue;
        if (!request->options.allow_unused)
            return tp__error(TP_ERR_AUTOGRAD, w->op,
                             "the outputs do not depend on input %d; pass allow_unused for zeros", i);
        grads[i] = tp_zeros_like(inputs.items[i]);
        if (!grads[i]) return tp_last_error().code;
    }
    for (int i = 0; i < inputs.count; i++)
        if (grads[i] && !tp_scope_escape(scope, grads[i])) return tp_last_error().code;
    return TP_OK;
}

static tp_status grad_check_lists(const char *op, tp_tensors outputs, tp_tensors inputs,
                                  tp_tensors grad_outputs, tp_tensor **grads) {
    TP_TRY(tp__check_list(op, "inputs", inputs.count, inputs.items));
    if (!grads && inputs.count > 0) return tp__error_null(op, "grads");
    for (int i = 0; i < inputs.count; i++) grads[i] = NULL;
    if (outputs.count < 1) return tp__error(TP_ERR_ARGUMENT, op, "there are no outputs");
    if (grad_outputs.count != 0 && grad_outputs.count != outputs.count)
        return tp__error(TP_ERR_ARGUMENT, op, "%d outputs, but %d grad_outputs", outputs.count,
                         grad_outputs.count);
    TP_TRY(tp__check_list(op, "outputs", outputs.count, outputs.items));
    TP_TRY(tp__check_list(op, "grad_outputs", grad_outputs.count, grad_outputs.items));
    for (int i = 0; i < grad_outputs.count; i++)
        if (!grad_outputs.items[i] && tp__error_pending()) return tp_last_error().code;
    return TP_OK;
}

tp_status tp__grad(const tp__request *request, tp_tensors outputs, tp_tensors inputs, tp_tensors grad_outputs,
                   tp_tensor **grads) {
    TP_TRY(grad_check_lists(request->op, outputs, inputs, grad_outputs, grads));
    tp_grad_options options = request->options;
    walk w = {.op = request->op,
              .create_graph = options.create_graph,
              .retain_graph = options.retain_graph || options.create_graph,
              .bounded = true,
              .closed = request->part,
              .known = request->known,
              .sinks = {.op = request->op, .create_graph = options.create_graph}};
    tp_scope *scope = tp_scope_begin();
    if (!scope) return TP_ERR_MEMORY;
    tp__tls.grad_off = !options.create_graph;
    if (request->part) w.floor = request->since;
    tp_status status = walk_all(&w, outputs, grad_outputs, inputs);
    if (status == TP_OK && !request->part)
        status = tp__sinks_run_hooks(&w.sinks); /* they apply to what tp_grad() gives, too */
    if (status == TP_OK) status = collect(&w, request, scope, inputs, grads);
    walk_end(&w, status != TP_OK);
    tp_scope_end(scope);
    if (status != TP_OK)
        for (int i = 0; i < inputs.count; i++) grads[i] = NULL; /* the scope outside keeps what had escaped */
    return status;
}

tp_status tp_grad(tp_tensors outputs, tp_tensors inputs, tp_tensors grad_outputs, tp_tensor **grads,
                  tp_grad_options options) {
    tp__request request = {.op = "grad", .options = options};
    return tp__deliver(tp__grad(&request, outputs, inputs, grad_outputs, grads));
}
