/* Derivatives of big fused ops from their definition in public ops. */
#include "autograd/node.h"

#include "core/scope.h"
#include "taper/creation.h"

#define COMPOSITE_MAX 32 /* inputs and outputs of a fused op */

/* The saved input i under an identity of its own: the walk over the composite ends there, even when inputs depend on
 * one another. */
static tp_tensor *fresh_input(tp__ctx *ctx, int i) {
    tp_tensor *t = tp__input(ctx, i);
    if (!t || !tp__is_floating((tp_dtype)t->dtype)) return t;
    if (ctx->create_graph && tp__needs_grad(t)) return tp__alias(t);
    t = tp_detach(t);
    return t && tp__needs(ctx, i) ? tp_set_requires_grad(t, true) : t;
}

void tp__vjp_by_composite(tp__ctx *ctx, tp__composite_fn *composite, tp_tensor *const *g, tp_tensor **dx) {
    int n_in = ctx->node->n_in, n_out = ctx->node->n_out, n_wanted = 0, wanted[COMPOSITE_MAX];
    tp_tensor *in[COMPOSITE_MAX] = {NULL}, *out[COMPOSITE_MAX] = {NULL}, *grads[COMPOSITE_MAX];
    tp_tensor *wanted_in[COMPOSITE_MAX], *given_g[COMPOSITE_MAX], *given_out[COMPOSITE_MAX];
    int n_given = 0;
    bool before = tp_set_grad_enabled(true);
    for (int i = 0; i < n_in; i++) {
        in[i] = fresh_input(ctx, i);
        if (!in[i] && tp__has_input(ctx, i)) goto end;
        if (!tp__needs(ctx, i)) continue;
        wanted_in[n_wanted] = in[i];
        wanted[n_wanted++] = i;
    }
    if (!composite(tp__attr(ctx), in, out)) goto end;
    for (int k = 0; k < n_out; k++) {
        if (!g[k] || !tp__needs_grad(out[k])) continue;
        given_g[n_given] = g[k];
        given_out[n_given++] = out[k];
    }
    tp_grad_options options = {.create_graph = ctx->create_graph, .allow_unused = true};
    if (n_given == 0) /* nothing arrived, or the outputs do not depend on the inputs */
        for (int i = 0; i < n_wanted; i++) dx[wanted[i]] = tp_zeros_like(wanted_in[i]);
    else if (tp_grad((tp_tensors){n_given, given_out}, (tp_tensors){n_wanted, wanted_in},
                     (tp_tensors){n_given, given_g}, grads, options) == TP_OK)
        for (int i = 0; i < n_wanted; i++) dx[wanted[i]] = grads[i];
    else tp__error_repend();
end:
    tp_set_grad_enabled(before);
}
