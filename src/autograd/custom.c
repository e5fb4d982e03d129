/* Ops that users define. A call's descriptor lies in its own record, so that a class needs no registration. */
#include "taper/custom.h"

#include <string.h>

#include "autograd/node.h"
#include "core/scope.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/reduce.h"

/* The attributes of a custom op's node. The inputs it saves are the user's n_in and then what the forward saved. */
typedef struct custom {
    tp__op op;
    const tp_op_class *type;
    int n_in;
    _Alignas(8) char attr[TP_OP_ATTR_MAX]; /* only type->attr_size bytes of it in a node */
} custom;

struct tp_op_call {
    tp__ctx *ctx;
    const custom *c;
};

static int count_outputs(const tp_op_class *type) { return type->n_outputs ? type->n_outputs : 1; }

static bool output_is_cut(const tp_op_class *type, int k) { return type->no_grad_outputs >> k & 1; }

static void custom_free(void *attr) {
    custom *c = attr;
    if (c->type->free_attr) c->type->free_attr(c->attr);
}

/* What a user's function has said is told from what was said before it: hides a record that is not pending ... */
static tp_status hide_record(void) {
    tp_status old = tp__tls.pending ? TP_OK : tp__tls.error_code;
    if (!tp__tls.pending) tp__tls.error_code = TP_OK;
    return old;
}

/* ... and sees to it that there is a pending one after a failure. `pending`: there was one before. */
static tp_status heed_record(const custom *c, const char *what, tp_status old, bool pending,
                             tp_status status) {
    if (status == TP_OK && tp__tls.pending && !pending) return tp__tls.error_code; /* an op in it broke */
    if (status == TP_OK && tp__tls.error_code == TP_OK) tp__tls.error_code = old;
    if (status == TP_OK || (tp__tls.pending && !pending)) return status;
    if (tp__tls.error_code == status) tp__error_repend(); /* it was told of it by a tp_status */
    else tp__error(status, c->op.name, "its %s failed", what);
    return status;
}

/* ---- the rule ------------------------------------------------------------------------------------------ */

/* `g` as a tensor whose use is recorded, though nothing lies behind it: so that a rule is seen to record nothing. */
static tp_tensor *traced(tp_tensor *g) {
    if (tp__needs_grad(g)) return g;
    tp_tensor *leaf = tp_detach(g);
    if (!leaf || !tp_set_requires_grad(leaf, true)) return NULL;
    g = tp__alias(leaf);
    if (!g) return NULL;
    tp__node_of(g)->edges[0].leaf = NULL;
    tp__tensor_unref(leaf);
    return g;
}

/* What the rule gets: zeros for outputs that nobody used, NULL for those that carry no gradient. */
static bool rule_grads(const tp__ctx *ctx, const custom *c, tp_tensor *const *g, tp_tensor **given) {
    for (int k = 0; k < ctx->node->n_out; k++) {
        const tp__out *out = &ctx->node->outs[k];
        given[k] = NULL;
        if (!tp__is_floating((tp_dtype)out->dtype) || output_is_cut(c->type, k)) continue;
        given[k] = g[k] ? g[k] : tp_zeros(tp__out_shape(out), (tp_dtype)out->dtype);
        if (given[k] && ctx->create_graph && !c->type->once) given[k] = traced(given[k]);
        if (!given[k]) return false;
    }
    return true;
}

/* A gradient that is not recorded, while a graph is being built, is right only if it is zero. */
static void check_recorded(const custom *c, int i, const tp_tensor *dx) {
    if (tp__needs_grad(dx)) return;
    bool before = tp_set_grad_enabled(false);
    tp_tensor *sum = tp_sum(tp_abs((tp_tensor *)(uintptr_t)dx));
    tp_set_grad_enabled(before);
    if (sum && tp_tensor_item(sum) != 0)
        tp__error(
            TP_ERR_AUTOGRAD, c->op.name,
            "has no second derivative: its rule for input %d is not made of recorded ops; mark the op .once",
            i);
}

static void custom_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const custom *c = tp__attr(ctx);
    tp_tensor *given[TP_OP_MAX];
    if (!rule_grads(ctx, c, g, given)) return;
    tp_op_call call = {ctx, c};
    bool pending = tp__tls.pending;
    tp_status old = hide_record();
    if (heed_record(c, "gradient rule", old, pending, c->type->vjp(&call, given, dx)) != TP_OK) return;
    for (int i = 0; i < c->n_in; i++) {
        if (!dx[i] || !tp__needs(ctx, i)) continue;
        tp_dtype dtype = tp__input_dtype(ctx, i);
        if (dx[i]->dtype != dtype) {
            tp__error(TP_ERR_DTYPE, c->op.name, "its gradient rule gave %s for input %d, which is %s",
                      tp__dtype_text(dx[i]), i, tp_dtype_name(dtype));
            return;
        }
        if (ctx->create_graph && !c->type->once) check_recorded(c, i, dx[i]);
    }
}

/* ---- what a rule may ask ------------------------------------------------------------------------------- */

static bool in_range(const tp_op_call *call, const char *what, int i, int n) {
    if (i >= 0 && i < n) return true;
    tp__error(TP_ERR_INDEX, call->c->op.name, "its rule asks for %s %d; there are %d", what, i, n);
    return false;
}

/* `t`, a value that the tape does not know to depend on the inputs. */
static tp_tensor *constant(const tp_op_call *call, const char *what, int k, tp_tensor *t) {
    const tp_op_class *type = call->c->type;
    if (!t || !call->ctx->create_graph || type->once || type->saved_is_constant ||
        !tp__is_floating((tp_dtype)t->dtype))
        return t;
    TP_FAIL(
        TP_ERR_AUTOGRAD, call->c->op.name,
        "has no second derivative: %s %d, which its rule uses, is a constant to the tape; if it is one, mark the op "
        ".saved_is_constant, else .once",
        what, k);
}

bool tp_op_needs(const tp_op_call *call, int i) {
    return call && in_range(call, "input", i, call->c->n_in) && tp__needs(call->ctx, i);
}

tp_tensor *tp_op_input(tp_op_call *call, int i) {
    TP_REQUIRE(call, "op_input");
    return in_range(call, "input", i, call->c->n_in) ? tp__input(call->ctx, i) : NULL;
}

tp_tensor *tp_op_output(tp_op_call *call, int k) {
    TP_REQUIRE(call, "op_output");
    if (!in_range(call, "output", k, call->ctx->node->n_out)) return NULL;
    tp_tensor *t = tp__output(call->ctx, k);
    return t && output_is_cut(call->c->type, k) ? constant(call, "output", k, tp_detach(t)) : t;
}

tp_tensor *tp_op_saved(tp_op_call *call, int k) {
    TP_REQUIRE(call, "op_saved");
    if (!in_range(call, "saved tensor", k, call->c->type->n_saved)) return NULL;
    return constant(call, "saved tensor", k, tp__input(call->ctx, call->c->n_in + k));
}

tp_shape tp_op_input_shape(const tp_op_call *call, int i) {
    if (!call || !in_range(call, "input", i, call->c->n_in)) return TP_SCALAR_SHAPE;
    return tp__input_shape(call->ctx, i);
}

tp_shape tp_op_output_shape(const tp_op_call *call, int k) {
    if (!call || !in_range(call, "output", k, call->ctx->node->n_out)) return TP_SCALAR_SHAPE;
    return tp__output_shape(call->ctx, k);
}

const void *tp_op_attr(const tp_op_call *call) { return call ? call->c->attr : NULL; }

/* ---- a call -------------------------------------------------------------------------------------------- */

static tp_status check_class(const tp_op_class *type, const void *attr) {
    const char *name = type->name ? type->name : "op_run";
    if (!type->name || !type->forward || !type->vjp)
        return tp__error(TP_ERR_NULL, name, "the class has no %s",
                         !type->name      ? "name"
                         : !type->forward ? "forward"
                                          : "vjp");
    if (type->n_outputs < 0 || type->n_outputs > TP_OP_MAX || type->n_saved < 0 || type->n_saved > TP_OP_MAX)
        return tp__error(TP_ERR_ARGUMENT, name, "%d outputs and %d saved tensors; at most %d each",
                         type->n_outputs, type->n_saved, TP_OP_MAX);
    if (type->attr_size > TP_OP_ATTR_MAX)
        return tp__error(TP_ERR_ARGUMENT, name, "%zu bytes of attributes; at most %d", type->attr_size,
                         TP_OP_ATTR_MAX);
    if (type->attr_size > 0 && !attr) return tp__error_null(name, "attr");
    return TP_OK;
}

static void custom_init(custom *c, const tp_op_class *type, int n_in, const void *attr) {
    uint32_t inputs = type->save_inputs, saved = 0;
    for (int k = 0; k < type->n_saved && n_in + k < 32; k++) saved |= (uint32_t)1 << (n_in + k);
    if (n_in < 32) inputs &= ((uint32_t)1 << n_in) - 1;
    bool all = n_in + type->n_saved > 32 && (type->n_saved > 0 || type->save_inputs == TP_OP_ALL);
    c->type = type;
    c->n_in = n_in;
    c->op = (tp__op){.name = type->name,
                     .vjp = custom_vjp,
                     .save_inputs = all ? TP__ALL : inputs | saved,
                     .save_outputs = type->save_outputs,
                     .takes_null = true,
                     .once = type->once,
                     .free_attr = custom_free};
    if (type->attr_size) memcpy(c->attr, attr, type->attr_size);
}

static tp_status check_call(const custom *c, tp_tensors inputs) {
    for (int i = 0; i < inputs.count; i++) {
        if (inputs.items[i]) continue;
        if (tp__error_pending()) return tp_last_error().code;
        if (i >= 32 || !(c->type->optional_inputs >> i & 1))
            return tp__error(TP_ERR_NULL, c->op.name, "input %d is NULL", i);
    }
    return TP_OK;
}

/* Runs the forward. Outputs and saved tensors become tensors that are nobody else's. */
static tp_status custom_forward(const custom *c, tp_tensors inputs, tp_tensor **out, tp_tensor **saved) {
    const tp_op_class *type = c->type;
    bool before = tp_set_grad_enabled(false), pending = tp__tls.pending;
    tp_status old = hide_record(), status = type->forward(inputs, out, saved, c->attr);
    tp_set_grad_enabled(before);
    TP_TRY(heed_record(c, "forward", old, pending, status));
    for (int k = 0; k < count_outputs(type); k++) {
        if (!out[k]) return tp__error(TP_ERR_NULL, type->name, "its forward made no output %d", k);
        out[k] = tp_detach(out[k]);
        if (!out[k]) return tp_last_error().code;
    }
    for (int k = 0; k < type->n_saved; k++)
        if (saved[k] && !(saved[k] = tp_detach(saved[k]))) return tp_last_error().code;
    return TP_OK;
}

/* Takes outputs that carry no gradient off the node, and gives it the descriptor that lies in it. */
static void settle(const tp_op_class *type, tp_tensor **out) {
    for (int k = 0; k < count_outputs(type); k++)
        if (out[k]->node) tp__node_of(out[k])->op = &((custom *)tp__node_of(out[k])->attr)->op;
    for (int k = 0; k < count_outputs(type); k++) {
        tp__graph_ref *node = out[k]->node;
        if (!node || !output_is_cut(type, k)) continue;
        out[k]->node = NULL;
        out[k]->output = 0;
        if (tp__unref(&node->refs)) node->destroy(node);
    }
}

/* `taken` is set once the record, or its failure, has seen to the attributes. */
static tp_status custom_run(custom *c, tp_scope *scope, tp_tensors inputs, tp_tensor **outputs, bool *taken) {
    tp_tensor *few[2 * TP_OP_MAX], *out[TP_OP_MAX] = {NULL}, *saved[TP_OP_MAX] = {NULL};
    int n_in = inputs.count + c->type->n_saved, n_out = count_outputs(c->type);
    TP_TRY(check_call(c, inputs));
    TP_TRY(custom_forward(c, inputs, out, saved));
    tp_tensor **in = n_in > 2 * TP_OP_MAX ? tp__alloc((size_t)n_in * sizeof *in) : few;
    if (!in) return tp__error_memory(c->op.name, (size_t)n_in * sizeof *in);
    for (int i = 0; i < n_in; i++) in[i] = i < inputs.count ? inputs.items[i] : saved[i - inputs.count];
    tp__call call = {.op = &c->op,
                     .n_in = n_in,
                     .in = in,
                     .n_out = n_out,
                     .out = out,
                     .attr = c,
                     .attr_size = offsetof(custom, attr) + c->type->attr_size};
    *taken = true;
    bool ok = tp__record_call(&call);
    if (in != few) tp__free(in);
    if (!ok) return TP_ERR_MEMORY;
    settle(c->type, out);
    for (int k = 0; k < n_out; k++)
        if (!(outputs[k] = tp_scope_escape(scope, out[k]))) return tp_last_error().code;
    return TP_OK;
}

static tp_status op_run(const tp_op_class *op, tp_tensors inputs, tp_tensor **outputs, const void *attr) {
    if (!op || !outputs) return tp__error_null("op_run", op ? "outputs" : "op");
    TP_TRY(check_class(op, attr));
    for (int k = 0; k < count_outputs(op); k++) outputs[k] = NULL;
    TP_TRY(tp__check_list(op->name, "inputs", inputs.count, inputs.items));
    custom c;
    custom_init(&c, op, inputs.count, attr);
    bool taken = false;
    tp_scope *scope = tp_scope_begin();
    tp_status status = scope ? custom_run(&c, scope, inputs, outputs, &taken) : TP_ERR_MEMORY;
    tp_scope_end(scope);
    if (!taken) custom_free(&c);
    for (int k = 0; k < count_outputs(op) && status != TP_OK; k++) outputs[k] = NULL;
    return status;
}

tp_status tp_op_run(const tp_op_class *op, tp_tensors inputs, tp_tensor **outputs, const void *attr) {
    return tp__deliver(op_run(op, inputs, outputs, attr));
}

tp_tensor *tp_op_apply(const tp_op_class *op, tp_tensors inputs, const void *attr) {
    tp_tensor *output[1];
    if (op && count_outputs(op) != 1)
        TP_FAIL(TP_ERR_ARGUMENT, op->name, "has %d outputs; tp_op_run() gives them", op->n_outputs);
    TP_TRY_NULL(op_run(op, inputs, output, attr));
    return output[0];
}
