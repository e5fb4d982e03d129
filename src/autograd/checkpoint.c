/* Recomputation instead of saved values. Source: Chen et al., "Training deep nets with sublinear memory cost", 2016;
 * torch.utils.checkpoint. */
#include "autograd/node.h"
#include "core/scope.h"
#include "taper/creation.h"
#include "taper/functional.h"
#include "taper/random.h"

typedef struct segment {
    tp_function *f;
    void *context;
    void (*free_context)(void *context);
    bool keep_rng;
    tp_generator_state rng; /* of the thread's generator when f first ran */
} segment;

static void segment_free(void *attr) {
    const segment *s = attr;
    if (s->free_context) s->free_context(s->context);
}

/* ---- backward ------------------------------------------------------------------------------------------ */

/* What the second run of f is given, and what of it is to be differentiated. */
typedef struct rerun {
    tp__ctx *ctx;
    const segment *s;
    int n_in, n_out, n_wanted, n_used;
    tp_tensor **in, **wanted, **grads; /* n_in places each */
    int *numbers;                      /* which input each of `wanted` is */
    tp_tensor *out[TP_FUNCTION_MAX_OUTPUTS], *used[TP_FUNCTION_MAX_OUTPUTS], *used_g[TP_FUNCTION_MAX_OUTPUTS];
    uint64_t since;
} rerun;

/* A leaf comes as it is, so that f may have it from elsewhere too, such as a module of its own; the result of an op
 * under an identity of its own, so that the walk ends there. */
static tp_tensor *rerun_input(rerun *r, int i) {
    tp_tensor *t = tp__input(r->ctx, i);
    if (!t) return NULL;
    tp_tensor *leaf = r->ctx->node->edges[i].leaf;
    if (leaf && leaf->storage == t->storage) {
        tp__ref(&leaf->refs);
        if (tp__scope_own(leaf)) return leaf;
        tp__tensor_unref(leaf);
        tp__error_memory("checkpoint", sizeof *t);
        return NULL;
    }
    bool needed = tp__needs(r->ctx, i);
    if (needed && r->ctx->create_graph && tp__needs_grad(t)) return tp__alias(t);
    t = tp_detach(t);
    return t && needed ? tp_set_requires_grad(t, true) : t;
}

static bool rerun_inputs(rerun *r) {
    r->since = tp__sequence();
    for (int i = 0; i < r->n_in; i++) {
        tp_tensor *t = r->in[i] = rerun_input(r, i);
        if (!t) return false;
        if (!tp__needs(r->ctx, i)) continue;
        bool again = false; /* a leaf that was given twice gets all of its gradient at the first place */
        for (int w = 0; w < r->n_wanted; w++) again = again || r->wanted[w] == t;
        if (again) continue;
        r->wanted[r->n_wanted] = t;
        r->numbers[r->n_wanted++] = i;
    }
    return true;
}

/* Runs f under grad mode with the random numbers of the first time. Only its outputs are left in the scope. */
static bool rerun_function(rerun *r) {
    tp_scope *scope = tp_scope_begin();
    if (!scope) return false;
    tp_generator *generator = tp_default_generator();
    tp_generator_state now = tp_generator_get_state(generator);
    if (r->s->keep_rng) tp_generator_set_state(generator, r->s->rng);
    tp_set_grad_enabled(true);
    int n = tp__call_function("checkpoint", r->s->f, (tp_tensors){r->n_in, r->in}, r->out, r->s->context);
    if (r->s->keep_rng) tp_generator_set_state(generator, now);
    bool ok = n >= 0;
    if (ok && n != r->n_out) {
        tp__error(TP_ERR_STATE, "checkpoint", "the function made %d outputs at first and %d when run again",
                  r->n_out, n);
        ok = false;
    }
    for (int k = 0; k < n && ok; k++) {
        tp_shape before = tp__output_shape(r->ctx, k);
        if (!tp_shape_equal(r->out[k]->shape, before)) {
            tp__error(TP_ERR_STATE, "checkpoint",
                      "output %d of the function was %s at first and is %s when run again", k,
                      tp__shape_text(before), tp__shape_text(r->out[k]->shape));
            ok = false;
        }
        ok = ok && tp_scope_escape(scope, r->out[k]);
    }
    tp_scope_end(scope);
    return ok;
}

static bool rerun_walk(rerun *r, tp_tensor *const *g) {
    for (int k = 0; k < r->n_out; k++) {
        if (!g[k] || !tp__needs_grad(r->out[k])) continue;
        r->used[r->n_used] = r->out[k];
        r->used_g[r->n_used++] = g[k];
    }
    if (r->n_used == 0) return true;
    tp__request request = {.op = "checkpoint",
                           .options = {.create_graph = r->ctx->create_graph},
                           .keep_null = true,
                           .part = true,
                           .since = r->since,
                           .known = {r->n_in, r->in}};
    if (tp__grad(&request, (tp_tensors){r->n_used, r->used}, (tp_tensors){r->n_wanted, r->wanted},
                 (tp_tensors){r->n_used, r->used_g}, r->grads) == TP_OK)
        return true;
    tp__error_repend();
    return false;
}

static void checkpoint_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    int n = ctx->node->n_in;
    rerun r = {.ctx = ctx, .s = tp__attr(ctx), .n_in = n, .n_out = ctx->node->n_out};
    size_t bytes = (size_t)n * (3 * sizeof(tp_tensor *) + sizeof(int));
    r.in = tp__alloc_zero(bytes);
    if (!r.in) {
        tp__error_memory("checkpoint", bytes);
        return;
    }
    r.wanted = r.in + n;
    r.grads = r.wanted + n;
    r.numbers = (int *)(void *)(r.grads + n);
    bool before = tp_set_grad_enabled(ctx->create_graph);
    bool ok = rerun_inputs(&r) && rerun_function(&r) && rerun_walk(&r, g);
    tp_set_grad_enabled(before);
    if (ok) {
        for (int w = 0; w < r.n_wanted; w++) dx[r.numbers[w]] = r.grads[w];
        for (int i = 0; i < n; i++)
            if (tp__needs(ctx, i) && !dx[i])
                dx[i] = tp_zeros(tp__input_shape(ctx, i), tp__input_dtype(ctx, i));
    }
    tp__free(r.in);
}

/* ---- forward ------------------------------------------------------------------------------------------- */

static const tp__op checkpoint_op = {.name = "checkpoint",
                                     .vjp = checkpoint_vjp,
                                     .save_inputs = TP__ALL,
                                     .takes_null = true,
                                     .free_attr = segment_free};

/* Runs f and gives its outputs, as tensors that are nobody else's, to the scope outside `scope`. */
static tp_status first_run(const segment *s, tp_scope *scope, tp_tensors inputs, int n_outputs,
                           tp_tensor **outputs) {
    tp_set_grad_enabled(false);
    tp_tensor *made[TP_FUNCTION_MAX_OUTPUTS];
    int n = tp__call_function("checkpoint", s->f, inputs, made, s->context);
    if (n < 0) return tp_last_error().code;
    if (n != n_outputs)
        return tp__error(TP_ERR_ARGUMENT, "checkpoint", "the function made %d outputs, not %d", n, n_outputs);
    for (int k = 0; k < n; k++) {
        outputs[k] = tp_detach(made[k]);
        if (!outputs[k] || !tp_scope_escape(scope, outputs[k])) return tp_last_error().code;
    }
    return TP_OK;
}

/* How often the inputs have been written to, all together. */
static uint64_t versions(tp_tensors inputs) {
    uint64_t sum = 0;
    for (int i = 0; i < inputs.count; i++) sum += atomic_load(&inputs.items[i]->storage->version);
    return sum;
}

static tp_status checkpoint_run(segment *s, tp_tensors inputs, int n_outputs, tp_tensor **outputs) {
    const char *op = "checkpoint";
    TP_TRY(tp__check_tensors(op, "inputs", inputs));
    uint64_t before = versions(inputs);
    s->rng = tp_generator_get_state(tp_default_generator());
    tp_scope *scope = tp_scope_begin();
    if (!scope) return TP_ERR_MEMORY;
    tp_status status = first_run(s, scope, inputs, n_outputs, outputs);
    tp_scope_end(scope);
    if (status == TP_OK && versions(inputs) != before)
        return tp__error(TP_ERR_ALIAS, op,
                         "the function changed an input in place; it could not be run again");
    return status;
}

tp_status tp_checkpoint(tp_function *f, void *context, tp_tensors inputs, int n_outputs, tp_tensor **outputs,
                        tp_checkpoint_options options) {
    const char *op = "checkpoint";
    segment s = {.f = f,
                 .context = context,
                 .free_context = options.free_context,
                 .keep_rng = !options.no_preserve_rng};
    tp_status status = TP_OK;
    if (!f || !outputs) status = tp__error_null(op, f ? "outputs" : "f");
    else if (n_outputs < 1 || n_outputs > TP_FUNCTION_MAX_OUTPUTS)
        status = tp__error(TP_ERR_ARGUMENT, op, "n_outputs is %d; it must be 1 to %d", n_outputs,
                           TP_FUNCTION_MAX_OUTPUTS);
    else {
        for (int k = 0; k < n_outputs; k++) outputs[k] = NULL;
        status = checkpoint_run(&s, inputs, n_outputs, outputs);
        if (status != TP_OK)
            for (int k = 0; k < n_outputs; k++) outputs[k] = NULL;
    }
    if (status != TP_OK) {
        segment_free(&s);
        return tp__deliver(status);
    }
    tp__call call = {.op = &checkpoint_op,
                     .n_in = inputs.count,
                     .in = inputs.items,
                     .n_out = n_outputs,
                     .out = outputs,
                     .attr = &s,
                     .attr_size = sizeof s};
    if (tp__record_call(&call)) return TP_OK;
    for (int k = 0; k < n_outputs; k++) outputs[k] = NULL;
    return tp__deliver(TP_ERR_MEMORY);
}
