/* Gradients against central differences. Source: torch.autograd.gradcheck and gradgradcheck. */
#include <math.h>
#include <string.h>

#include "autograd/node.h"
#include "core/scope.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/random.h"
#include "taper/reduce.h"

typedef struct check {
    const char *op; /* "gradcheck" or "gradgradcheck" */
    tp_function *f;
    void *context;
    tp_tensors inputs;
    tp_gradcheck_options options;
    bool any_nonzero;
    double worst; /* the largest error as a multiple of its tolerance */
    char worst_text[256];
} check;

static int call_function(const check *c, tp_tensor **outputs) {
    return tp__call_function(c->op, c->f, c->inputs, outputs, c->context);
}

/* ---- numeric --------------------------------------------------------------------------------------------- */

/* All outputs' elements, one after another, in double. */
static tp_status output_values(const check *c, double *values, int64_t count) {
    tp_scope *scope = tp_scope_begin();
    tp_tensor *out[TP_FUNCTION_MAX_OUTPUTS];
    int n = scope ? call_function(c, out) : -1;
    tp_status status = n < 0 ? tp_last_error().code : TP_OK;
    int64_t at = 0;
    for (int k = 0; k < n && status == TP_OK; k++) {
        if (at + out[k]->numel > count) {
            status = tp__error(TP_ERR_ARGUMENT, c->op,
                               "the function's outputs change their size from call to call");
            break;
        }
        status = tp_tensor_copy_out_f64(out[k], values + at, out[k]->numel);
        at += out[k]->numel;
    }
    tp_scope_end(scope);
    return status;
}

static char *element_address(const tp_tensor *t, int64_t flat) {
    int64_t at = 0;
    for (int d = t->shape.ndim - 1; d >= 0; d--) {
        at += flat % t->shape.dims[d] * t->strides[d];
        flat /= t->shape.dims[d];
    }
    return tp__data(t) + at * (int64_t)tp__itemsize((tp_dtype)t->dtype);
}

/* Writes past the tape: nothing is recorded here, and the old value comes back. */
static void poke(tp_tensor *t, int64_t element, double value) {
    tp__store_f64(element_address(t, element), (tp_dtype)t->dtype, value);
    tp__touch(t);
}

/* d outputs / d (one element), by central differences, into `column`. */
static tp_status numeric_column(const check *c, tp_tensor *t, int64_t element, double *column,
                                double *scratch, int64_t count) {
    double eps = c->options.eps, x = tp__load_f64(element_address(t, element), (tp_dtype)t->dtype);
    poke(t, element, x + eps);
    tp_status status = output_values(c, column, count);
    poke(t, element, x - eps);
    if (status == TP_OK) status = output_values(c, scratch, count);
    poke(t, element, x);
    for (int64_t i = 0; i < count; i++) column[i] = (column[i] - scratch[i]) / (2 * eps);
    return status;
}

/* ---- analytic -------------------------------------------------------------------------------------------- */

/* d outputs[k][element] / d inputs, one row of the Jacobian for each input that requires grad, into rows[i]. */
static tp_status analytic_row(tp_tensor *output, int64_t element, tp_tensors wanted, double **rows) {
    tp_scope *scope = tp_scope_begin();
    tp_tensor *one = scope ? tp_zeros_like(output) : NULL, *grads[64];
    tp_status status = one ? TP_OK : TP_ERR_MEMORY;
    if (one) {
        tp__store_f64(tp__data(one) + element * (int64_t)tp__itemsize((tp_dtype)one->dtype),
                      (tp_dtype)one->dtype, 1);
        status = tp_grad(TP_TENSORS(output), wanted, TP_TENSORS(one), grads,
                         (tp_grad_options){.retain_graph = true, .allow_unused = true});
    }
    for (int i = 0; i < wanted.count && status == TP_OK; i++)
        status = tp_tensor_copy_out_f64(grads[i], rows[i], grads[i]->numel);
    tp_scope_end(scope);
    return status;
}

/* ---- comparison ------------------------------------------------------------------------------------------ */

static void compare(check *c, int output, int64_t out_element, int input, int64_t in_element, double analytic,
                    double numeric) {
    if (analytic != 0 || numeric != 0) c->any_nonzero = true;
    double excess = fabs(analytic - numeric) / (c->options.atol + c->options.rtol * fabs(numeric));
    if (isnan(analytic) && isnan(numeric)) excess = 0;
    else if (isnan(excess)) excess = INFINITY;
    if (excess <= c->worst) return;
    c->worst = excess;
    if (out_element < 0) {
        snprintf(c->worst_text, sizeof c->worst_text,
                 "d output %d / d input %d along random directions: analytic %.10g, numeric %.10g", output,
                 input, analytic, numeric);
        return;
    }
    snprintf(c->worst_text, sizeof c->worst_text,
             "d output %d [%lld] / d input %d [%lld]: analytic %.10g, numeric %.10g", output,
             (long long)out_element, input, (long long)in_element, analytic, numeric);
}

/* The Jacobian of all outputs, `total` elements, with respect to the inputs in `wanted`: rows by output
 * element. One block of memory, freed by the caller. */
static tp_status check_all(check *c, tp_tensors wanted, const int *numbers, int n_out, tp_tensor **out,
                           int64_t total) {
    int64_t width = 0;
    for (int i = 0; i < wanted.count; i++) width += wanted.items[i]->numel;
    int64_t bytes; /* expanded outputs can have more elements than memory has bytes */
    if (__builtin_mul_overflow(total, width + 2, &bytes) ||
        __builtin_mul_overflow(bytes, (int64_t)sizeof(double), &bytes))
        return tp__error(TP_ERR_ARGUMENT, c->op, "the function's outputs or inputs have too many elements");
    double *block = tp__alloc((size_t)bytes);
    if (!block) return tp__error_memory(c->op, (size_t)bytes);
    double *column = block + total * width, *scratch = column + total;
    tp_status status = TP_OK;
    int64_t row = 0;
    for (int k = 0; k < n_out; k++) {
        for (int64_t e = 0; e < out[k]->numel && status == TP_OK; e++, row++) {
            double *rows[64], *at = block + row * width;
            for (int i = 0; i < wanted.count; i++) rows[i] = at, at += wanted.items[i]->numel;
            if (tp__needs_grad(out[k])) status = analytic_row(out[k], e, wanted, rows);
            else memset(block + row * width, 0, (size_t)width * sizeof *block);
        }
    }
    int64_t first = 0;
    for (int i = 0; i < wanted.count; i++) {
        for (int64_t e = 0; e < wanted.items[i]->numel && status == TP_OK; e++) {
            status = numeric_column(c, wanted.items[i], e, column, scratch, total);
            row = 0;
            for (int k = 0; k < n_out && status == TP_OK; k++)
                for (int64_t o = 0; o < out[k]->numel; o++, row++)
                    compare(c, k, o, numbers[i], e, block[row * width + first + e], column[row]);
        }
        first += wanted.items[i]->numel;
    }
    tp__free(block);
    return status;
}

/* ---- by random projection -------------------------------------------------------------------------------- */

/* A direction of this shape, all parts positive and of length 1, so that errors of one sign do not cancel. */
static tp_tensor *direction(tp_shape shape, tp_dtype dtype, tp_generator *generator) {
    bool before = tp_set_grad_enabled(false);
    tp_tensor *t = tp_rand(shape, dtype, generator);
    t = tp_div(t, tp_sqrt(tp_sum(tp_square(t))));
    tp_set_grad_enabled(before);
    return t;
}

/* The outputs change by this much, each along its direction, when the input moves along u: into change[0 .. n_out-1]. */
static tp_status numeric_changes(const check *c, tp_tensor *t, const double *u, double *values, int n_out,
                                 tp_tensor *const *out, const double *v, int64_t total, double *change) {
    double eps = c->options.eps, *old = values + 2 * total;
    tp_status status = tp_tensor_copy_out_f64(t, old, t->numel);
    for (int side = 0; side < 2 && status == TP_OK; side++) {
        for (int64_t e = 0; e < t->numel; e++) poke(t, e, old[e] + (side ? -eps : eps) * u[e]);
        status = output_values(c, values + side * total, total);
    }
    for (int64_t e = 0; e < t->numel; e++) poke(t, e, old[e]);
    int64_t at = 0;
    for (int k = 0; k < n_out; k++) {
        change[k] = 0;
        for (int64_t e = 0; e < out[k]->numel; e++, at++)
            change[k] += v[at] * (values[at] - values[total + at]) / (2 * eps);
    }
    return status;
}

/* What the walk from output k says of the change along u. */
static tp_status analytic_change(tp_tensor *output, tp_tensor *v, tp_tensor *t, const double *u,
                                 double *values, double *change) {
    tp_tensor *grads[1];
    *change = 0;
    if (!tp__needs_grad(output)) return TP_OK;
    tp_scope *scope = tp_scope_begin();
    tp_status status = scope ? tp_grad(TP_TENSORS(output), TP_TENSORS(t), TP_TENSORS(v), grads,
                                       (tp_grad_options){.retain_graph = true, .allow_unused = true})
                             : TP_ERR_MEMORY;
    if (status == TP_OK) status = tp_tensor_copy_out_f64(grads[0], values, t->numel);
    for (int64_t e = 0; e < t->numel && status == TP_OK; e++) *change += values[e] * u[e];
    tp_scope_end(scope);
    return status;
}

/* One number for each pair of output and input, v^T J u, held to the tolerance of one element: the directions have length 1.
 * (PyTorch multiplies its own by the sums of u and v, and at 1000 elements lets an error of 0.5 % pass.) Source:
 * torch.autograd.gradcheck with fast_mode. */
static tp_status check_fast(check *c, tp_tensors wanted, const int *numbers, int n_out, tp_tensor **out,
                            int64_t total) {
    tp_generator generator = {{.seed = 20260102}};
    tp_tensor *v[TP_FUNCTION_MAX_OUTPUTS];
    int64_t widest = 0, at = 0;
    for (int i = 0; i < wanted.count; i++)
        if (wanted.items[i]->numel > widest) widest = wanted.items[i]->numel;
    if (total > INT64_MAX / 64 ||
        widest > INT64_MAX / 64) /* expanded ones can have more elements than memory has bytes */
        return tp__error(TP_ERR_ARGUMENT, c->op, "the function's outputs or inputs have too many elements");
    size_t bytes = (3 * (size_t)total + 3 * (size_t)widest) * sizeof(double);
    double *values = tp__alloc(bytes ? bytes : 1), *vs = values + 2 * total + widest, *us = vs + total;
    if (!values) return tp__error_memory(c->op, bytes);
    tp_status status = TP_OK;
    for (int k = 0; k < n_out && status == TP_OK; at += out[k++]->numel) {
        bool floating = tp__is_floating((tp_dtype)out[k]->dtype);
        v[k] = direction(out[k]->shape, floating ? (tp_dtype)out[k]->dtype : TP_F64, &generator);
        status = v[k] ? tp_tensor_copy_out_f64(v[k], vs + at, out[k]->numel) : tp_last_error().code;
    }
    double analytic[64][TP_FUNCTION_MAX_OUTPUTS], numeric[TP_FUNCTION_MAX_OUTPUTS];
    for (int pass = 0; pass < 2; pass++) /* all walks come before the inputs are written to */
        for (int i = 0; i < wanted.count && status == TP_OK; i++) {
            tp_tensor *t = wanted.items[i];
            generator.state = (tp_generator_state){.seed = 20260104 + (uint64_t)i};
            tp_tensor *u = direction(t->shape, TP_F64, &generator);
            status = u ? tp_tensor_copy_out_f64(u, us, t->numel) : tp_last_error().code;
            for (int k = 0; k < n_out && status == TP_OK && pass == 0; k++)
                status = analytic_change(out[k], v[k], t, us, us + widest, &analytic[i][k]);
            if (status != TP_OK || pass == 0) continue;
            status = numeric_changes(c, t, us, values, n_out, out, vs, total, numeric);
            for (int k = 0; k < n_out && status == TP_OK; k++)
                if (t->numel > 0 && out[k]->numel > 0)
                    compare(c, k, -1, numbers[i], -1, analytic[i][k], numeric[k]);
        }
    tp__free(values);
    return status;
}

/* ---- the same from walk to walk? --------------------------------------------------------------------------- */

/* Walks twice from each output, by the same random gradient. */
static tp_status check_repeats(const check *c, tp_tensors wanted, const int *numbers, int n_out,
                               tp_tensor **out) {
    tp_generator generator = {{.seed = 20260103}};
    for (int k = 0; k < n_out; k++) {
        if (!tp__needs_grad(out[k])) continue;
        tp_tensor *v = tp_randn(out[k]->shape, (tp_dtype)out[k]->dtype, &generator), *grads[2][64];
        for (int n = 0; n < 2; n++)
            TP_TRY(tp_grad(TP_TENSORS(out[k]), wanted, TP_TENSORS(v), grads[n],
                           (tp_grad_options){.retain_graph = true, .allow_unused = true}));
        for (int i = 0; i < wanted.count; i++) {
            if (wanted.items[i]->numel == 0) continue;
            tp_tensor *difference = tp_amax(tp_abs(tp_sub(grads[0][i], grads[1][i])), (tp_dims){0}, false);
            if (!difference) return tp_last_error().code;
            double worst = tp_tensor_item(difference);
            if (worst > c->options.nondet_tol)
                return tp__error(TP_ERR_GRADCHECK, c->op,
                                 "the gradient of output %d by input %d changes from walk to walk, by %g", k,
                                 numbers[i], worst);
        }
    }
    return TP_OK;
}

static tp_status check_inputs(check *c, tp_tensor **wanted, int *numbers, int *count) {
    *count = 0;
    TP_TRY(tp__check_list(c->op, "inputs", c->inputs.count, c->inputs.items));
    for (int i = 0; i < c->inputs.count; i++) {
        tp_tensor *t = c->inputs.items[i];
        if (!t) return tp__error_null(c->op, "inputs");
        if (!tp__needs_grad(t)) continue;
        if (t->dtype != TP_F64)
            return tp__error(TP_ERR_DTYPE, c->op, "input %d requires grad and is %s; the check needs float64",
                             i, tp__dtype_text(t));
        if (tp__overlaps_itself(t))
            return tp__error(TP_ERR_ALIAS, c->op,
                             "elements of input %d overlap in memory and cannot be changed one by one", i);
        if (*count == 64) return tp__error(TP_ERR_ARGUMENT, c->op, "more than 64 inputs require grad");
        numbers[*count] = i;
        wanted[(*count)++] = t;
    }
    return *count ? TP_OK : tp__error(TP_ERR_ARGUMENT, c->op, "none of the inputs requires grad");
}

static tp_status check_run(check *c) {
    if (!c->f) return tp__error_null(c->op, "f");
    if (c->options.eps == 0) c->options.eps = 1e-6;
    if (c->options.atol == 0) c->options.atol = 1e-5;
    if (c->options.rtol == 0) c->options.rtol = 1e-3;
    tp_tensor *wanted[64], *out[TP_FUNCTION_MAX_OUTPUTS];
    int numbers[64], count;
    TP_TRY(check_inputs(c, wanted, numbers, &count));
    tp_set_grad_enabled(true);
    int n_out = call_function(c, out), differentiable = 0;
    if (n_out < 0) return tp_last_error().code;
    int64_t total = 0;
    for (int k = 0; k < n_out; k++) {
        total += out[k]->numel;
        differentiable += tp__needs_grad(out[k]);
    }
    if (!differentiable)
        return tp__error(TP_ERR_GRADCHECK, c->op,
                         "no output of the function depends on an input that "
                         "requires grad");
    tp_tensors all = {count, wanted};
    TP_TRY(check_repeats(c, all, numbers, n_out, out));
    TP_TRY(c->options.fast ? check_fast(c, all, numbers, n_out, out, total)
                           : check_all(c, all, numbers, n_out, out, total));
    if (c->worst > 1) return tp__error(TP_ERR_GRADCHECK, c->op, "%s", c->worst_text);
    if (!c->any_nonzero && total > 0 && !c->options.allow_zero) {
        int64_t elements = 0;
        for (int i = 0; i < count; i++) elements += wanted[i]->numel;
        if (elements > 0)
            return tp__error(TP_ERR_GRADCHECK, c->op,
                             "all gradients are zero, which shows nothing; pass allow_zero if "
                             "that is right");
    }
    return TP_OK;
}

tp_status tp_gradcheck(tp_function *f, void *context, tp_tensors inputs, tp_gradcheck_options options) {
    check c = {.op = "gradcheck", .f = f, .context = context, .inputs = inputs, .options = options};
    tp_scope *scope = tp_scope_begin();
    if (!scope) return tp__deliver(TP_ERR_MEMORY);
    tp_status status = check_run(&c);
    tp_scope_end(scope);
    return tp__deliver(status);
}

/* ---- second order: a first-order check of the gradient ---------------------------------------------------- */

typedef struct second {
    tp_function *f;
    void *context;
    int n_inputs;                                 /* of f; its grad_outputs follow them */
    bool wanted[64];                              /* which of them require grad */
    bool differentiable[TP_FUNCTION_MAX_OUTPUTS]; /* which outputs take a grad_output */
} second;

static int second_function(tp_tensors all, tp_tensor **outputs, void *context) {
    second *s = context;
    tp_tensor *out[TP_FUNCTION_MAX_OUTPUTS], *used[TP_FUNCTION_MAX_OUTPUTS], *wanted[64];
    int n = s->f((tp_tensors){s->n_inputs, all.items}, out, s->context), n_used = 0, n_wanted = 0;
    for (int k = 0; k < n; k++)
        if (s->differentiable[k]) used[n_used++] = out[k];
    for (int i = 0; i < s->n_inputs; i++)
        if (s->wanted[i]) wanted[n_wanted++] = all.items[i];
    tp_status status = n < 0 ? TP_ERR_ARGUMENT
                             : tp_grad((tp_tensors){n_used, used}, (tp_tensors){n_wanted, wanted},
                                       (tp_tensors){n_used, all.items + s->n_inputs}, outputs,
                                       (tp_grad_options){.create_graph = true, .allow_unused = true});
    if (status == TP_OK) return n_wanted;
    tp__error_repend();
    return -1;
}

/* Fills `all` with f's inputs and a random grad_output for each differentiable output; returns their number. */
static int second_inputs(const check *c, second *s, tp_tensor **all) {
    tp_tensor *out[TP_FUNCTION_MAX_OUTPUTS];
    int n = call_function(c, out), count = c->inputs.count;
    if (n < 0) return -1;
    tp_generator generator = {{.seed = 20260101}};
    for (int i = 0; i < count; i++) all[i] = c->inputs.items[i];
    for (int k = 0; k < n; k++) {
        s->differentiable[k] = tp__needs_grad(out[k]);
        if (!s->differentiable[k]) continue;
        tp_tensor *g = tp_randn(out[k]->shape, (tp_dtype)out[k]->dtype, &generator);
        if (!g || !tp_set_requires_grad(g, true)) return -1;
        all[count++] = g;
    }
    return count;
}

static tp_status second_run(check *c) {
    second s = {.f = c->f, .context = c->context, .n_inputs = c->inputs.count};
    tp_tensor *wanted[64], *all[64 + TP_FUNCTION_MAX_OUTPUTS];
    int numbers[64], count;
    if (!c->f) return tp__error_null(c->op, "f");
    if (c->inputs.count > 64 - TP_FUNCTION_MAX_OUTPUTS)
        return tp__error(TP_ERR_ARGUMENT, c->op, "%d inputs are too many", c->inputs.count);
    TP_TRY(check_inputs(c, wanted, numbers, &count));
    if (count > TP_FUNCTION_MAX_OUTPUTS)
        return tp__error(TP_ERR_ARGUMENT, c->op, "%d inputs require grad; at most %d are checked", count,
                         TP_FUNCTION_MAX_OUTPUTS);
    for (int i = 0; i < count; i++) s.wanted[numbers[i]] = true;
    tp_set_grad_enabled(true);
    int n = second_inputs(c, &s, all);
    if (n < 0) return tp_last_error().code;
    check grad = {
        .op = c->op, .f = second_function, .context = &s, .inputs = {n, all}, .options = c->options};
    return check_run(&grad);
}

tp_status tp_gradgradcheck(tp_function *f, void *context, tp_tensors inputs, tp_gradcheck_options options) {
    check c = {.op = "gradgradcheck", .f = f, .context = context, .inputs = inputs, .options = options};
    tp_scope *scope = tp_scope_begin();
    if (!scope) return tp__deliver(TP_ERR_MEMORY);
    tp_status status = second_run(&c);
    tp_scope_end(scope);
    return tp__deliver(status);
}
