/* Jacobians, Hessians and their products with vectors. Source: torch.autograd.functional. */
#include "taper/functional.h"

#include <string.h>

#include "autograd/node.h"
#include "core/scope.h"
#include "taper/creation.h"
#include "taper/index.h"
#include "taper/views.h"

int tp__call_function(const char *op, tp_function *f, tp_tensors inputs, tp_tensor **outputs, void *context) {
    int n = f(inputs, outputs, context);
    if (n > TP_FUNCTION_MAX_OUTPUTS) {
        tp__error(TP_ERR_ARGUMENT, op, "the function made %d outputs; there is room for %d", n,
                  TP_FUNCTION_MAX_OUTPUTS);
        return -1;
    }
    for (int k = 0; k < n; k++)
        if (!outputs[k]) {
            tp__error_null(op, "an output of the function");
            return -1;
        }
    if (n < 0 && !tp__error_pending()) tp__error(TP_ERR_ARGUMENT, op, "the function failed without an error");
    return n;
}

/* A call of one of the functions here. */
typedef struct transform {
    const char *op;
    tp_functional_options options;
    tp_scope *scope;
    tp_tensors in; /* what f is given: tensors whose history begins here */
    int n_out;
    tp_tensor *out[TP_FUNCTION_MAX_OUTPUTS];
    tp_tensor **grads; /* in.count places */
    tp_tensor **used;  /* likewise, for those that carry a gradient, with */
    tp_tensor **used_v;
} transform;

/* ---- begin and end ------------------------------------------------------------------------------------- */

static tp_tensor *transform_input(const transform *t, tp_tensor *x) {
    if (t->options.create_graph && tp__needs_grad(x)) return tp__alias(x);
    x = tp_detach(x);
    return x ? tp_set_requires_grad(x, true) : NULL;
}

static tp_status transform_inputs(transform *t, tp_tensors inputs) {
    for (int i = 0; i < inputs.count; i++) {
        tp_tensor *x = inputs.items[i];
        if (!x) return tp__error_null(t->op, "inputs");
        if (!tp__is_floating((tp_dtype)x->dtype))
            return tp__error(TP_ERR_DTYPE, t->op, "input %d is %s; only floating tensors have gradients", i,
                             tp__dtype_text(x));
        t->in.items[i] = transform_input(t, x);
        if (!t->in.items[i]) return tp_last_error().code;
    }
    return TP_OK;
}

/* Opens a scope, in which f has run. Whatever it returns, transform_end() follows. */
static tp_status transform_begin(transform *t, tp_function *f, void *context, tp_tensors inputs,
                                 int n_outputs) {
    if (!f) return tp__error_null(t->op, "f");
    if (inputs.count < 1) return tp__error(TP_ERR_ARGUMENT, t->op, "there are no inputs");
    TP_TRY(tp__check_list(t->op, "inputs", inputs.count, inputs.items));
    size_t bytes = 4 * (size_t)inputs.count * sizeof(tp_tensor *);
    t->in.items = tp__alloc_zero(bytes);
    if (!t->in.items) return tp__error_memory(t->op, bytes);
    t->in.count = inputs.count;
    t->grads = t->in.items + inputs.count;
    t->used = t->grads + inputs.count;
    t->used_v = t->used + inputs.count;
    t->scope = tp_scope_begin();
    if (!t->scope) return TP_ERR_MEMORY;
    tp_set_grad_enabled(true);
    TP_TRY(transform_inputs(t, inputs));
    t->n_out = tp__call_function(t->op, f, t->in, t->out, context);
    if (t->n_out < 0) return tp_last_error().code;
    if (t->n_out != n_outputs)
        return tp__error(TP_ERR_ARGUMENT, t->op, "the function made %d outputs, not %d", t->n_out, n_outputs);
    tp_set_grad_enabled(true);
    return TP_OK;
}

static void forget(tp_tensor **results, int n) {
    for (int i = 0; i < n && results; i++) results[i] = NULL;
}

/* Hands a result out of the transform's scope. */
static tp_status hand_out(const transform *t, tp_tensor **result, tp_tensor *value) {
    if (value && !t->options.create_graph && tp__needs_grad(value)) value = tp_detach(value);
    *result = value ? tp_scope_escape(t->scope, value) : NULL;
    return *result ? TP_OK : tp_last_error().code;
}

static tp_status hand_out_all(const transform *t, tp_tensor **results, tp_tensor *const *values, int n) {
    for (int i = 0; i < n && results; i++) TP_TRY(hand_out(t, &results[i], values[i]));
    return TP_OK;
}

static tp_status transform_end(transform *t, tp_status status) {
    tp_scope_end(t->scope);
    tp__free(t->in.items);
    return tp__deliver(status);
}

/* ---- pieces -------------------------------------------------------------------------------------------- */

static tp_status independent(const transform *t, const char *what, int k, int i) {
    return tp__error(TP_ERR_AUTOGRAD, t->op, "%s %d does not depend on input %d, which .strict forbids", what,
                     k, i);
}

/* Zeros for what nothing arrived at. */
static tp_status fill_zeros(const transform *t, const char *what, int k, tp_tensor **values,
                            tp_tensor *const *like, int n) {
    for (int i = 0; i < n; i++) {
        if (values[i]) continue;
        if (t->options.strict) return independent(t, what, k, i);
        values[i] = tp_zeros_like(like[i]);
        if (!values[i]) return tp_last_error().code;
    }
    return TP_OK;
}

/* The gradients with NULL for what nothing arrived at. The graph stays. */
static tp_status transform_grad(const transform *t, bool create_graph, tp_tensors outputs, tp_tensors inputs,
                                tp_tensors v, tp_tensor **grads) {
    tp__request request = {.op = t->op,
                           .options = {.create_graph = create_graph, .retain_graph = true},
                           .keep_null = true};
    return tp__grad(&request, outputs, inputs, v, grads);
}

/* Does `v` fit `to`, one for one? Empty fits one tensor of one element. */
static tp_status check_vectors(const transform *t, tp_tensors v, const char *what, tp_tensor *const *to,
                               int n) {
    if (v.count == 0) {
        if (n == 1 && to[0]->numel == 1) return TP_OK;
        return tp__error(TP_ERR_SHAPE, t->op, "without v there may be one %s, of one element", what);
    }
    if (v.count != n)
        return tp__error(TP_ERR_ARGUMENT, t->op, "v has %d tensors, but there are %d %ss", v.count, n, what);
    TP_TRY(tp__check_list(t->op, "v", v.count, v.items));
    for (int i = 0; i < n; i++) {
        if (!v.items[i]) return tp__error_null(t->op, "v");
        if (!tp__is_floating((tp_dtype)v.items[i]->dtype))
            return tp__error(TP_ERR_DTYPE, t->op, "v %d is %s; it must be floating", i,
                             tp__dtype_text(v.items[i]));
        if (!tp_shape_equal(v.items[i]->shape, to[i]->shape))
            return tp__error(TP_ERR_SHAPE, t->op, "v %d is %s, %s %d is %s", i,
                             tp__shape_text(v.items[i]->shape), what, i, tp__shape_text(to[i]->shape));
    }
    return TP_OK;
}

/* Of `values`, those that carry a gradient, and what of `v` (empty: ones) belongs to them. */
static tp_status select_used(tp_tensor *const *values, int n, tp_tensors v, tp_tensor **used,
                             tp_tensor **used_v, int *count) {
    *count = 0;
    for (int i = 0; i < n; i++) {
        if (!tp__needs_grad(values[i])) continue;
        used[*count] = values[i];
        used_v[*count] = v.count ? v.items[i] : tp_ones_like(values[i]);
        if (!used_v[(*count)++]) return tp_last_error().code;
    }
    return TP_OK;
}

static tp_status require_scalar(const transform *t) {
    if (t->out[0]->numel == 1 && tp__is_floating((tp_dtype)t->out[0]->dtype)) return TP_OK;
    return tp__error(TP_ERR_SHAPE, t->op, "the function's output must be one floating element, got %s %s",
                     tp__dtype_text(t->out[0]), tp__shape_text(t->out[0]->shape));
}

/* The gradient of the one output, recorded, into t->grads; NULL where it does not depend. */
static tp_status first_order(const transform *t) {
    TP_TRY(require_scalar(t));
    if (!tp__needs_grad(t->out[0])) return TP_OK;
    return transform_grad(t, true, (tp_tensors){1, (tp_tensor **)t->out}, t->in, (tp_tensors){0}, t->grads);
}

/* ---- Jacobians ----------------------------------------------------------------------------------------- */

/* One tensor to be differentiated by all inputs. */
typedef struct jacobian {
    const transform *t;
    const char *what; /* "output" or "the gradient by input" */
    int number;
    tp_tensor *y;
    int64_t batch;     /* samples that share a walk; 1 without .batched */
    int64_t rows;      /* elements of a sample */
    tp_tensor **grads; /* rows x inputs, with create_graph */
} jacobian;

static tp_status jacobian_shape(const jacobian *j, int i, tp_shape *shape) {
    tp_shape in = j->t->in.items[i]->shape, out = j->y->shape;
    int skip = j->t->options.batched ? 1 : 0;
    if (out.ndim + in.ndim - skip > TP_MAX_DIMS)
        return tp__error(TP_ERR_SHAPE, j->t->op, "the derivative of %s by %s has more than %d dims",
                         tp__shape_text(out), tp__shape_text(in), TP_MAX_DIMS);
    *shape = out;
    for (int d = skip; d < in.ndim; d++) shape->dims[shape->ndim++] = in.dims[d];
    return TP_OK;
}

/* The gradient to start with for one row: 1 at that element, of every sample. */
static tp_tensor *one_hot(const jacobian *j, int64_t row) {
    tp_tensor *v = tp_zeros(j->y->shape, (tp_dtype)j->y->dtype);
    size_t item = tp__itemsize((tp_dtype)j->y->dtype);
    for (int64_t b = 0; b < j->batch && v; b++)
        tp__store_f64(tp__data(v) + (size_t)(b * j->rows + row) * item, (tp_dtype)j->y->dtype, 1);
    return v;
}

/* Copies a row's gradient into its place in a result of shape (batch, rows, *input). */
static tp_status place_row(const jacobian *j, int64_t row, tp_tensor *grad, tp_tensor *result) {
    grad = tp_contiguous(grad);
    if (!grad) return tp_last_error().code;
    int64_t size = j->batch ? grad->numel / j->batch : 0;
    size_t bytes = (size_t)size * tp__itemsize((tp_dtype)grad->dtype);
    for (int64_t b = 0; b < j->batch && bytes; b++)
        memcpy(tp__data(result) + (size_t)(b * j->rows + row) * bytes, tp__data(grad) + (size_t)b * bytes,
               bytes);
    return TP_OK;
}

static tp_status jacobian_row(const jacobian *j, int64_t row, tp_tensor *const *results) {
    const transform *t = j->t;
    tp_tensor *v = one_hot(j, row), **grads = j->grads ? j->grads + row * t->in.count : t->grads;
    if (!v) return tp_last_error().code;
    TP_TRY(transform_grad(t, t->options.create_graph, TP_TENSORS(j->y), t->in, TP_TENSORS(v), grads));
    for (int i = 0; i < t->in.count; i++) {
        if (!grads[i] && t->options.strict) return independent(t, j->what, j->number, i);
        if (grads[i] && results) TP_TRY(place_row(j, row, grads[i], results[i]));
    }
    return TP_OK;
}

/* Without a graph: each row goes into its place, and what its walk needed is dropped. */
static tp_status jacobian_by_value(const jacobian *j, tp_tensor **results) {
    tp_status status = TP_OK;
    for (int64_t row = 0; row < j->rows && status == TP_OK; row++) {
        tp_scope *scope = tp_scope_begin();
        status = scope ? jacobian_row(j, row, results) : TP_ERR_MEMORY;
        tp_scope_end(scope);
    }
    return status;
}

/* With one: the rows are stacked by a recorded op. */
static tp_status jacobian_by_graph(jacobian *j, tp_tensor **results) {
    int n = j->t->in.count;
    size_t bytes = (size_t)j->rows * ((size_t)n + 1) * sizeof(tp_tensor *);
    if (j->rows > INT32_MAX) return tp__error_memory(j->t->op, bytes);
    j->grads = tp__alloc_zero(bytes);
    if (!j->grads) return tp__error_memory(j->t->op, bytes);
    tp_tensor **column = j->grads + j->rows * n;
    tp_status status = TP_OK;
    for (int64_t row = 0; row < j->rows && status == TP_OK; row++) status = jacobian_row(j, row, NULL);
    for (int i = 0; i < n && status == TP_OK; i++) {
        if (!j->grads[i]) continue; /* in none of the rows: the zeros stay */
        for (int64_t row = 0; row < j->rows; row++) column[row] = j->grads[row * n + i];
        tp_shape shape = results[i]->shape;
        results[i] =
            tp_reshape(tp_stack((tp_tensors){(int)j->rows, column}, j->t->options.batched ? 1 : 0), shape);
        if (!results[i]) status = tp_last_error().code;
    }
    tp__free(j->grads);
    return status;
}

/* d y / d all inputs, into results[0 .. inputs-1] in the transform's scope. */
static tp_status differentiate(const transform *t, const char *what, int number, tp_tensor *y,
                               tp_tensor **results) {
    jacobian j = {.t = t, .what = what, .number = number, .y = y, .batch = 1, .rows = y->numel};
    if (t->options.batched) j.batch = y->shape.dims[0], j.rows = j.batch ? y->numel / j.batch : 0;
    for (int i = 0; i < t->in.count; i++) {
        tp_shape shape;
        TP_TRY(jacobian_shape(&j, i, &shape));
        results[i] = tp_zeros(shape, (tp_dtype)t->in.items[i]->dtype);
        if (!results[i]) return tp_last_error().code;
    }
    if (j.rows == 0) return TP_OK;
    if (!tp__needs_grad(y)) return t->options.strict ? independent(t, what, number, 0) : TP_OK;
    return t->options.create_graph ? jacobian_by_graph(&j, results) : jacobian_by_value(&j, results);
}

static tp_status check_batch(const transform *t) {
    if (!t->options.batched) return TP_OK;
    tp_shape first = t->in.items[0]->shape;
    for (int i = 0; i < t->in.count + t->n_out; i++) {
        tp_shape s = (i < t->in.count ? t->in.items[i] : t->out[i - t->in.count])->shape;
        if (s.ndim == 0 || first.ndim == 0 || s.dims[0] != first.dims[0])
            return tp__error(TP_ERR_SHAPE, t->op,
                             ".batched: %s %d is %s, input 0 is %s; dim 0 of all must be the batch",
                             i < t->in.count ? "input" : "output", i < t->in.count ? i : i - t->in.count,
                             tp__shape_text(s), tp__shape_text(first));
    }
    return TP_OK;
}

static tp_status jacobian_run(transform *t, tp_tensor **jacobians) {
    TP_TRY(check_batch(t));
    int n = t->in.count;
    for (int k = 0; k < t->n_out; k++) {
        TP_TRY(differentiate(t, "output", k, t->out[k], t->used));
        TP_TRY(hand_out_all(t, jacobians + k * n, t->used, n));
    }
    return TP_OK;
}

tp_status tp_jacobian(tp_function *f, void *context, tp_tensors inputs, int n_outputs, tp_tensor **jacobians,
                      tp_functional_options options) {
    transform t = {.op = "jacobian", .options = options};
    if (!jacobians) return tp__deliver(tp__error_null(t.op, "jacobians"));
    if (n_outputs < 1 || n_outputs > TP_FUNCTION_MAX_OUTPUTS)
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, t.op, "n_outputs is %d; it must be 1 to %d", n_outputs,
                                     TP_FUNCTION_MAX_OUTPUTS));
    forget(jacobians, n_outputs * inputs.count);
    tp_status status = transform_begin(&t, f, context, inputs, n_outputs);
    if (status == TP_OK) status = jacobian_run(&t, jacobians);
    if (status != TP_OK) forget(jacobians, n_outputs * inputs.count);
    return transform_end(&t, status);
}

/* ---- Hessians ------------------------------------------------------------------------------------------ */

static tp_status hessian_run(transform *t, tp_tensor **hessians) {
    int n = t->in.count;
    TP_TRY(first_order(t));
    TP_TRY(fill_zeros(t, "output", 0, t->grads, t->in.items, n));
    memcpy(t->used_v, t->grads, (size_t)n * sizeof *t->grads); /* the rows use t->grads */
    for (int i = 0; i < n; i++) {
        TP_TRY(differentiate(t, "the gradient by input", i, t->used_v[i], t->used));
        TP_TRY(hand_out_all(t, hessians + i * n, t->used, n));
    }
    return TP_OK;
}

tp_status tp_hessian(tp_function *f, void *context, tp_tensors inputs, tp_tensor **hessians,
                     tp_functional_options options) {
    transform t = {.op = "hessian", .options = options};
    t.options.batched = false;
    if (!hessians) return tp__deliver(tp__error_null(t.op, "hessians"));
    int n = inputs.count > 0 ? inputs.count * inputs.count : 0;
    forget(hessians, n);
    tp_status status = transform_begin(&t, f, context, inputs, 1);
    if (status == TP_OK) status = hessian_run(&t, hessians);
    if (status != TP_OK) forget(hessians, n);
    return transform_end(&t, status);
}

static tp_status hvp_run(transform *t, tp_tensors v, tp_tensor **output, tp_tensor **hvps) {
    int n = t->in.count, n_used;
    TP_TRY(check_vectors(t, v, "input", t->in.items, n));
    TP_TRY(first_order(t));
    TP_TRY(select_used(t->grads, n, v, t->used, t->used_v, &n_used));
    forget(t->grads, n);
    if (n_used)
        TP_TRY(transform_grad(t, t->options.create_graph, (tp_tensors){n_used, t->used}, t->in,
                              (tp_tensors){n_used, t->used_v}, t->grads));
    TP_TRY(fill_zeros(t, "the gradient of output", 0, t->grads, t->in.items, n));
    TP_TRY(hand_out_all(t, output, t->out, 1));
    return hand_out_all(t, hvps, t->grads, n);
}

tp_status tp_hvp(tp_function *f, void *context, tp_tensors inputs, tp_tensors v, tp_tensor **output,
                 tp_tensor **hvps, tp_functional_options options) {
    transform t = {.op = "hvp", .options = options};
    if (!hvps) return tp__deliver(tp__error_null(t.op, "hvps"));
    forget(output, 1);
    forget(hvps, inputs.count);
    tp_status status = transform_begin(&t, f, context, inputs, 1);
    if (status == TP_OK) status = hvp_run(&t, v, output, hvps);
    if (status != TP_OK) forget(output, 1), forget(hvps, inputs.count);
    return transform_end(&t, status);
}

/* ---- products with the Jacobian ------------------------------------------------------------------------ */

static tp_status vjp_run(transform *t, tp_tensors v, tp_tensor **outputs, tp_tensor **vjps) {
    tp_tensor *used[TP_FUNCTION_MAX_OUTPUTS], *used_v[TP_FUNCTION_MAX_OUTPUTS];
    int n_used;
    TP_TRY(check_vectors(t, v, "output", t->out, t->n_out));
    TP_TRY(select_used(t->out, t->n_out, v, used, used_v, &n_used));
    for (int k = 0; k < t->n_out && t->options.strict; k++)
        if (!tp__needs_grad(t->out[k])) return independent(t, "output", k, 0);
    if (n_used)
        TP_TRY(transform_grad(t, t->options.create_graph, (tp_tensors){n_used, used}, t->in,
                              (tp_tensors){n_used, used_v}, t->grads));
    TP_TRY(fill_zeros(t, "output", 0, t->grads, t->in.items, t->in.count));
    TP_TRY(hand_out_all(t, outputs, t->out, t->n_out));
    return hand_out_all(t, vjps, t->grads, t->in.count);
}

tp_status tp_vjp(tp_function *f, void *context, tp_tensors inputs, tp_tensors v, tp_tensor **outputs,
                 tp_tensor **vjps, tp_functional_options options) {
    transform t = {.op = "vjp", .options = options};
    int n_outputs = v.count > 0 ? v.count : 1;
    if (!vjps) return tp__deliver(tp__error_null(t.op, "vjps"));
    forget(outputs, n_outputs);
    forget(vjps, inputs.count);
    tp_status status = transform_begin(&t, f, context, inputs, n_outputs);
    if (status == TP_OK) status = vjp_run(&t, v, outputs, vjps);
    if (status != TP_OK) forget(outputs, n_outputs), forget(vjps, inputs.count);
    return transform_end(&t, status);
}

/* v^T J as a function of v: recorded, at zeros, into t->grads. The zeros, leaves, come into `zeros` for the outputs in `used`. */
static tp_status jvp_first(transform *t, tp_tensor **used, tp_tensor **zeros, int *n_used) {
    TP_TRY(select_used(t->out, t->n_out, (tp_tensors){0}, used, zeros, n_used));
    for (int k = 0; k < *n_used; k++) {
        zeros[k] = tp_zeros_like(used[k]);
        if (!zeros[k] || !tp_set_requires_grad(zeros[k], true)) return tp_last_error().code;
    }
    if (*n_used == 0) return TP_OK;
    return transform_grad(t, true, (tp_tensors){*n_used, used}, t->in, (tp_tensors){*n_used, zeros},
                          t->grads);
}

static tp_status jvp_run(transform *t, tp_tensors v, tp_tensor **outputs, tp_tensor **jvps) {
    enum { MAX = TP_FUNCTION_MAX_OUTPUTS };
    tp_tensor *used[MAX], *zeros[MAX], *found[MAX] = {NULL}, *result[MAX] = {NULL};
    int n_used, n_grads;
    TP_TRY(check_vectors(t, v, "input", t->in.items, t->in.count));
    TP_TRY(jvp_first(t, used, zeros, &n_used));
    TP_TRY(select_used(t->grads, t->in.count, v, t->used, t->used_v, &n_grads));
    if (n_grads)
        TP_TRY(transform_grad(t, t->options.create_graph, (tp_tensors){n_grads, t->used},
                              (tp_tensors){n_used, zeros}, (tp_tensors){n_grads, t->used_v}, found));
    for (int k = 0, at = 0; k < t->n_out; k++) {
        if (tp__needs_grad(t->out[k])) result[k] = found[at++];
        if (!result[k] && t->options.strict) return independent(t, "output", k, 0);
        if (!result[k]) result[k] = tp_zeros_like(t->out[k]);
        if (!result[k]) return tp_last_error().code;
    }
    TP_TRY(hand_out_all(t, outputs, t->out, t->n_out));
    return hand_out_all(t, jvps, result, t->n_out);
}

tp_status tp_jvp(tp_function *f, void *context, tp_tensors inputs, tp_tensors v, int n_outputs,
                 tp_tensor **outputs, tp_tensor **jvps, tp_functional_options options) {
    transform t = {.op = "jvp", .options = options};
    if (!jvps) return tp__deliver(tp__error_null(t.op, "jvps"));
    if (n_outputs < 1 || n_outputs > TP_FUNCTION_MAX_OUTPUTS)
        return tp__deliver(tp__error(TP_ERR_ARGUMENT, t.op, "n_outputs is %d; it must be 1 to %d", n_outputs,
                                     TP_FUNCTION_MAX_OUTPUTS));
    forget(outputs, n_outputs);
    forget(jvps, n_outputs);
    tp_status status = transform_begin(&t, f, context, inputs, n_outputs);
    if (status == TP_OK) status = jvp_run(&t, v, outputs, jvps);
    if (status != TP_OK) forget(outputs, n_outputs), forget(jvps, n_outputs);
    return transform_end(&t, status);
}
