/* What must hold of every row of the sample table: see sample.h for the list. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "support/sample_run.h"
#include "taper/autograd.h"
#include "taper/memory.h"
#include "taper/scope.h"

bool sample_quiet = false;

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static void
failed(sample_result *result, const sample *row, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (result->failures++ == 0) snprintf(result->first, sizeof result->first, "%s", text);
    if (result->failures <= 5 && !sample_quiet)
        fprintf(stderr, "    %s (%s): %s\n", row->op, row->what, text);
}

static bool close_to(double a, double b, double tol) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b)) return a == b;
    return fabs(a - b) <= tol * (1 + fabs(b));
}

/* tol 0: the same bits, but for the sign and payload of a NaN. */
static void compare(sample_result *result, const sample *row, const char *what, const char *which, int number,
                    const dense *got, const dense *want, double tol) {
    if (!got->data != !want->data) {
        failed(result, row, "%s: %s %d is there in one run only", what, which, number);
        return;
    }
    if (!got->data) return;
    if (!tp_shape_equal(got->shape, want->shape)) {
        char a[128], b[128];
        tp_shape_format(got->shape, a, sizeof a);
        tp_shape_format(want->shape, b, sizeof b);
        failed(result, row, "%s: %s %d has shape %s, not %s", what, which, number, a, b);
        return;
    }
    int64_t wrong = 0, worst = 0;
    double worst_error = -1;
    for (int64_t n = 0; n < got->numel; n++) {
        double a = got->data[n], b = want->data[n];
        bool good = tol > 0 ? close_to(a, b, tol) : memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
        if (good) continue;
        wrong++;
        double error = fabs(a - b) / (1 + fabs(b));
        if (!(error <= worst_error)) {
            worst_error = error;
            worst = n;
        }
    }
    if (wrong)
        failed(result, row, "%s: %s %d differs at %lld of %lld elements, worst at %lld: %.17g, not %.17g",
               what, which, number, (long long)wrong, (long long)got->numel, (long long)worst,
               got->data[worst], want->data[worst]);
}

/* Outputs and gradients of two runs. */
static void compare_outcomes(sample_result *result, const sample *row, const char *what,
                             const sample_outcome *got, const sample_outcome *want, double tol) {
    if (!got->ok || !want->ok) {
        failed(result, row, "%s: %s", what, got->ok ? want->error : got->error);
        return;
    }
    if (got->n_out != want->n_out) {
        failed(result, row, "%s: %d results, not %d", what, got->n_out, want->n_out);
        return;
    }
    for (int k = 0; k < got->n_out; k++) {
        compare(result, row, what, "result", k, &got->out[k], &want->out[k], tol);
        if (got->dtype[k] != want->dtype[k])
            failed(result, row, "%s: result %d is %s, not %s", what, k, tp_dtype_name(got->dtype[k]),
                   tp_dtype_name(want->dtype[k]));
    }
    for (int i = 0; i < got->n_in; i++)
        compare(result, row, what, "gradient of input", i, &got->grad[i], &want->grad[i], tol);
}

static double f32_tol(const sample *row) { return row->tol_f32 > 0 ? row->tol_f32 : 2e-5; }
static double f64_tol(const sample *row) { return row->tol > 0 ? row->tol : 1e-12; }

static bool has_grad(const sample *row) {
    if (row->flags & (SAMPLE_NO_GRAD | SAMPLE_NAN)) return false;
    for (int i = 0; i < sample_input_count(row); i++)
        if (sample_is_differentiable(row, i)) return true;
    return false;
}

static bool has_f32(const sample *row) {
    if (row->flags & SAMPLE_SAME_DTYPE) return false;
    for (int i = 0; i < sample_input_count(row); i++)
        if (row->in[i].kind == SAMPLE_FLOAT) return true;
    return false;
}

/* ---- values -------------------------------------------------------------------------------------------- */

static void check_reference(sample_result *result, const sample *row, const sample_outcome *got) {
    dense in[SAMPLE_MAX_INPUTS] = {{{0}}}, want[SAMPLE_MAX_OUTPUTS] = {{{0}}};
    for (int i = 0; i < got->n_in; i++)
        if (row->in[i].kind != SAMPLE_ABSENT) in[i] = sample_values(row, i);
    row->reference(row, in, want);
    for (int k = 0; k < got->n_out; k++)
        compare(result, row, "against the reference", "result", k, &got->out[k], &want[k], f64_tol(row));
    for (int i = 0; i < SAMPLE_MAX_INPUTS; i++) free(in[i].data);
    for (int k = 0; k < SAMPLE_MAX_OUTPUTS; k++) free(want[k].data);
}

static void check_f32(sample_result *result, const sample *row, const sample_outcome *want) {
    bool no_grad = !has_grad(row);
    sample_outcome got = sample_execute(row, (sample_how){.real = TP_F32, .no_grad = no_grad});
    if (!got.ok) failed(result, row, "in F32: %s", got.error);
    for (int k = 0; got.ok && k < got.n_out; k++) {
        compare(result, row, "F32 against F64", "result", k, &got.out[k], &want->out[k], f32_tol(row));
        if (got.dtype[k] == TP_F64) failed(result, row, "F32 inputs gave an F64 result %d", k);
    }
    for (int i = 0; got.ok && i < got.n_in; i++)
        compare(result, row, "F32 against F64", "gradient of input", i, &got.grad[i], &want->grad[i],
                f32_tol(row));
    sample_outcome_free(&got);
}

sample_result sample_check_values(const sample *row) {
    sample_result result = {0};
    tp_memory_info before = tp_memory_stats();
    sample_outcome got = sample_execute(row, (sample_how){.real = TP_F64, .no_grad = !has_grad(row)});
    if (!got.ok) {
        failed(&result, row, "in F64: %s", got.error);
        return result;
    }
    if (got.left_behind > 0 && !(row->flags & SAMPLE_COMPOSED))
        failed(&result, row, "%d tensors besides the results are left in the caller's scope",
               got.left_behind);
    if (row->dtype && strcmp(row->dtype, tp_dtype_name(got.dtype[0])) != 0)
        failed(&result, row, "the result is %s, not %s", tp_dtype_name(got.dtype[0]), row->dtype);
    if (row->reference) check_reference(&result, row, &got);
    if (has_f32(row)) check_f32(&result, row, &got);
    bool any = false;
    for (int k = 0; k < got.n_out; k++) any = any || got.differentiable[k];
    if (has_grad(row) && !any && !(row->flags & SAMPLE_ZERO_GRAD))
        failed(&result, row, "no result requires grad; SAMPLE_NO_GRAD if that is right");
    sample_outcome_free(&got);
    if (row->flags & SAMPLE_NO_GRAD) {
        got = sample_execute(row, (sample_how){.real = TP_F64});
        for (int k = 0; k < got.n_out; k++)
            if (got.differentiable[k]) failed(&result, row, "result %d requires grad", k);
        sample_outcome_free(&got);
    }
    tp_memory_info after = tp_memory_stats();
    if (after.live_tensors != before.live_tensors || after.live_storages != before.live_storages ||
        after.live_nodes != before.live_nodes || after.in_use != before.in_use)
        failed(&result, row, "left alive: %lld tensors, %lld storages, %lld nodes, %lld bytes",
               (long long)(after.live_tensors - before.live_tensors),
               (long long)(after.live_storages - before.live_storages),
               (long long)(after.live_nodes - before.live_nodes),
               (long long)after.in_use - (long long)before.in_use);
    return result;
}

/* ---- layout -------------------------------------------------------------------------------------------- */

static void check_one_layout(sample_result *result, const sample *row, sample_how how, const char *what,
                             const sample_outcome *want) {
    sample_outcome got = sample_execute(row, how);
    char text[64];
    snprintf(text, sizeof text, "%s, input %d", what, how.which);
    double tol = how.real == TP_F32 ? f32_tol(row) : f64_tol(row);
    compare_outcomes(result, row, text, &got, want, tol);
    sample_outcome_free(&got);
}

/* The gradient of what was expanded must be that of the packed copy, summed over the dim. */
static void sum_over(dense *grad, int dim) {
    int64_t outer, size, inner;
    dense_around(grad->shape, dim, &outer, &size, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < inner; j++) {
            double sum = 0;
            for (int64_t k = 0; k < size; k++) sum += grad->data[(o * size + k) * inner + j];
            grad->data[o * inner + j] = sum;
        }
    grad->shape.dims[dim] = 1;
    grad->numel = outer * inner;
}

static void check_expanded(sample_result *result, const sample *row, int i, sample_how how) {
    int dim = sample_expanded_dim(row->in[i].shape, how.last_dim);
    if (dim < 0) return;
    how.which = i;
    how.layout = LAYOUT_REPEATED;
    sample_outcome want = sample_execute(row, how);
    if (want.ok && want.grad[i].data) sum_over(&want.grad[i], dim);
    how.layout = LAYOUT_EXPANDED;
    check_one_layout(result, row, how, how.last_dim ? "expanded in its last dim" : "expanded", &want);
    sample_outcome_free(&want);
}

static void check_layouts_in(sample_result *result, const sample *row, tp_dtype real) {
    sample_how how = {.real = real, .which = -1, .no_grad = !has_grad(row)};
    sample_outcome want = sample_execute(row, how);
    int n_in = (row->flags & SAMPLE_LARGE)
                   ? 0
                   : sample_input_count(row); /* large ones: all inputs at once, no more */
    for (int i = -1; i < n_in; i++) {
        if (i >= 0 && row->in[i].kind == SAMPLE_ABSENT) continue;
        how.which = i;
        how.layout = LAYOUT_TRANSPOSED;
        check_one_layout(result, row, how, "transposed", &want);
        how.layout = LAYOUT_STRIDED;
        check_one_layout(result, row, how, "strided", &want);
    }
    how.which = -1;
    how.layout = LAYOUT_PACKED;
    if (!how.no_grad) {
        how.grad = LAYOUT_TRANSPOSED;
        check_one_layout(result, row, how, "transposed output gradient", &want);
        how.grad = LAYOUT_STRIDED;
        check_one_layout(result, row, how, "strided output gradient", &want);
    }
    sample_outcome_free(&want);
    if (!how.no_grad) {
        how.grad = LAYOUT_REPEATED;
        want = sample_execute(row, how);
        how.grad = LAYOUT_EXPANDED;
        check_one_layout(result, row, how, "expanded output gradient", &want);
        sample_outcome_free(&want);
    }
    how.grad = LAYOUT_PACKED;
    for (int i = 0; i < n_in && !(row->flags & SAMPLE_NO_EXPAND); i++) {
        if (row->in[i].kind == SAMPLE_ABSENT) continue;
        check_expanded(result, row, i, how);
        how.last_dim = true;
        if (row->in[i].shape.ndim > 1) check_expanded(result, row, i, how);
        how.last_dim = false;
    }
}

sample_result sample_check_layout(const sample *row) {
    sample_result result = {0};
    if (!(row->flags & SAMPLE_LARGE) || !has_f32(row)) check_layouts_in(&result, row, TP_F64);
    if (has_f32(row)) check_layouts_in(&result, row, TP_F32);
    return result;
}

/* ---- gradients ----------------------------------------------------------------------------------------- */

/* How the function given to gradcheck wraps the op. */
typedef enum wrap {
    WRAP_NONE,
    WRAP_OUTPUT, /* results transposed and packed, so that the op's incoming gradient is a transposed view */
    WRAP_INPUTS  /* all inputs but the first depend on the first as well */
} wrap;

typedef struct check_context {
    const sample *row;
    wrap wrap;
    tp_tensor *const *in; /* all inputs; those differentiated are replaced by what gradcheck hands over */
    tp_tensor *const *leaf;
    double base_sum; /* of the first differentiated input */
} check_context;

static tp_tensor *reversed(tp_tensor *t) {
    int ndim = tp_tensor_ndim(t);
    if (ndim < 2) return t;
    tp_dims dims = {.count = ndim};
    for (int d = 0; d < ndim; d++) dims.items[d] = ndim - 1 - d;
    return tp_contiguous(tp_permute(t, dims));
}

static int call_row(tp_tensors inputs, tp_tensor **outputs, void *context) {
    const check_context *check = context;
    tp_tensor *in[SAMPLE_MAX_INPUTS] = {0}, *out[SAMPLE_MAX_OUTPUTS] = {0};
    int taken = 0;
    for (int i = 0; i < sample_input_count(check->row); i++) {
        if (!check->in[i]) continue;
        if (check->leaf[i]) in[i] = inputs.items[taken++];
        else in[i] = tp_clone(check->in[i]); /* the op may write to it */
        if (check->wrap == WRAP_INPUTS && check->leaf[i] && taken > 1)
            in[i] =
                tp_add(in[i], tp_mul_scalar(tp_sub_scalar(tp_sum(inputs.items[0]), check->base_sum), 0.3));
        if (!in[i]) return -1;
    }
    tp_manual_seed(7);
    int n = check->row->run(check->row, in, out), kept = 0;
    for (int k = 0; k < n; k++) {
        if (!out[k]) return -1;
        if (!tp_dtype_is_floating(tp_tensor_dtype(out[k]))) continue;
        outputs[kept] = check->wrap == WRAP_OUTPUT ? reversed(out[k]) : out[k];
        if (!outputs[kept++]) return -1;
    }
    return kept;
}

static void check_second_is_error(sample_result *result, const sample *row, check_context *check,
                                  tp_tensors list) {
    tp_status status = tp_gradgradcheck(call_row, check, list, (tp_gradcheck_options){0});
    if (status != TP_ERR_AUTOGRAD)
        failed(result, row, "a second derivative should be TP_ERR_AUTOGRAD, is %s", tp_status_name(status));
}

static void check_differences(sample_result *result, const sample *row, sample_layout layout, wrap how,
                              const char *what) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *in[SAMPLE_MAX_INPUTS] = {0}, *leaf[SAMPLE_MAX_INPUTS] = {0}, *list[SAMPLE_MAX_INPUTS];
    check_context check = {row, how, in, leaf, 0};
    int count = 0;
    if (!sample_inputs(row, (sample_how){.real = TP_F64, .layout = layout, .which = -1}, in, leaf))
        failed(result, row, "%s: %s", what, tp_last_error().message);
    for (int i = 0; i < SAMPLE_MAX_INPUTS; i++)
        if (leaf[i]) list[count++] = leaf[i];
    if (count > 0) check.base_sum = tp_tensor_item(tp_sum(tp_detach(list[0])));
    tp_tensors inputs = {count, list};
    tp_gradcheck_options options = {.eps = row->check_eps,
                                    .atol = row->check_atol,
                                    .rtol = row->check_rtol,
                                    .allow_zero = (row->flags & SAMPLE_ZERO_GRAD) != 0};
    if (how == WRAP_INPUTS && count < 2) {
        tp_scope_end(s);
        return;
    }
    if (tp_gradcheck(call_row, &check, inputs, options) != TP_OK)
        failed(result, row, "gradcheck, %s: %s", what, tp_last_error().message);
    options.allow_zero = true; /* a linear op's second derivative is */
    if (row->no_second) check_second_is_error(result, row, &check, inputs);
    else if (!(row->flags & SAMPLE_ZERO_GRAD) && tp_gradgradcheck(call_row, &check, inputs, options) != TP_OK)
        failed(result, row, "gradgradcheck, %s: %s", what, tp_last_error().message);
    tp_scope_end(s);
}

static void check_fused(sample_result *result, const sample *row, tp_dtype real, double tol) {
    sample_outcome want = sample_execute(row, (sample_how){.real = real, .create_graph = true});
    sample_outcome got = sample_execute(row, (sample_how){.real = real});
    compare_outcomes(result, row, "fused against recorded rule", &got, &want, tol);
    sample_outcome_free(&got);
    sample_outcome_free(&want);
}

/* Nothing to differentiate: no element in any input, or in any result. */
static bool is_empty(const sample *row) {
    int64_t n = 0;
    for (int i = 0; i < sample_input_count(row); i++)
        if (sample_is_differentiable(row, i)) n += tp_shape_numel(row->in[i].shape);
    if (n == 0) return true;
    sample_outcome got = sample_execute(row, (sample_how){.real = TP_F64, .no_grad = true});
    n = 0;
    for (int k = 0; k < got.n_out; k++) n += got.out[k].numel;
    sample_outcome_free(&got);
    return n == 0;
}

sample_result sample_check_gradients(const sample *row) {
    sample_result result = {0};
    if (!has_grad(row)) return result;
    if (!row->no_second) {
        check_fused(&result, row, TP_F64, fmax(1e-10, f64_tol(row)));
        if (has_f32(row)) check_fused(&result, row, TP_F32, fmax(1e-4, f32_tol(row)));
    }
    if ((row->flags & SAMPLE_LARGE) || is_empty(row)) return result;
    check_differences(&result, row, LAYOUT_PACKED, WRAP_NONE, "packed");
    check_differences(&result, row, LAYOUT_TRANSPOSED, WRAP_NONE, "transposed inputs");
    check_differences(&result, row, LAYOUT_STRIDED, WRAP_OUTPUT, "strided inputs, transposed gradient");
    check_differences(&result, row, LAYOUT_PACKED, WRAP_INPUTS, "inputs that depend on one another");
    return result;
}

/* ---- ISA levels and threads ---------------------------------------------------------------------------- */

sample_result sample_check_isa(const sample *row) {
    sample_result result = {0};
    const char *in_use = tp__kern->name;
    for (int real = 0; real < (has_f32(row) ? 2 : 1); real++) {
        sample_how how = {.real = real ? TP_F32 : TP_F64, .no_grad = !has_grad(row)};
        const char *const *names = tp__kernels_available();
        tp__kernels_use(names[0]);
        sample_outcome want = sample_execute(row, how);
        for (int k = 1; names[k]; k++) {
            if (!tp__kernels_use(names[k])) failed(&result, row, "level %s cannot be used", names[k]);
            sample_outcome got = sample_execute(row, how);
            compare_outcomes(&result, row, names[k], &got, &want, real ? f32_tol(row) : f64_tol(row));
            sample_outcome_free(&got);
        }
        sample_outcome_free(&want);
    }
    tp__kernels_use(in_use);
    return result;
}

sample_result sample_check_threads(const sample *row) {
    sample_result result = {0};
    int in_use = tp_num_threads();
    for (int real = 0; real < (has_f32(row) ? 2 : 1); real++) {
        sample_how how = {.real = real ? TP_F32 : TP_F64, .no_grad = !has_grad(row)};
        tp_set_num_threads(1);
        sample_outcome want = sample_execute(row, how);
        for (int threads = 2; threads <= 3; threads++) {
            tp_set_num_threads(threads);
            sample_outcome got = sample_execute(row, how);
            char what[32];
            snprintf(what, sizeof what, "%d threads against 1", threads);
            compare_outcomes(&result, row, what, &got, &want, 0);
            sample_outcome_free(&got);
        }
        sample_outcome_free(&want);
    }
    tp_set_num_threads(in_use);
    return result;
}

/* ---- in place ------------------------------------------------------------------------------------------ */

sample_result sample_check_inplace(const sample *row) {
    sample_result result = {0};
    if (!row->inplace) return result;
    static const sample_layout layouts[] = {LAYOUT_PACKED, LAYOUT_TRANSPOSED, LAYOUT_STRIDED};
    for (int k = 0; k < 4; k++) { /* the fourth is a recorded one */
        sample_how how = {.real = TP_F64, .which = -1, .layout = layouts[k % 3], .no_grad = k < 3};
        if (k == 3 && !has_grad(row)) continue;
        sample_outcome want = sample_execute(row, how);
        how.inplace = true;
        sample_outcome got = sample_execute(row, how);
        compare_outcomes(&result, row, k < 3 ? "in place" : "in place, recorded", &got, &want, f64_tol(row));
        sample_outcome_free(&got);
        sample_outcome_free(&want);
    }
    return result;
}

/* ---- errors -------------------------------------------------------------------------------------------- */

static bool all_null(tp_tensor *const *out, int n) {
    for (int k = 0; k < n; k++)
        if (out[k]) return false;
    return true;
}

static void check_null(sample_result *result, const sample *row, int i, tp_tensor **in) {
    tp_tensor *kept = in[i], *out[SAMPLE_MAX_OUTPUTS] = {0};
    in[i] = NULL;
    tp_error_clear();
    int n = row->run(row, in, out);
    tp_error error = tp_last_error();
    if (!row->in[i].optional) {
        if (!all_null(out, n)) failed(result, row, "input %d is NULL, and there is a result", i);
        if (error.code != TP_ERR_NULL || strcmp(error.op, row->op) != 0)
            failed(result, row, "input %d is NULL, and the error is %s, \"%s\"", i,
                   tp_status_name(error.code), error.message);
    } else if (error.code != TP_OK)
        failed(result, row, "optional input %d is NULL, and the error is \"%s\"", i, error.message);

    tp_error_clear();
    tp_error_set(TP_ERR_NUMERIC, "user", "broke before");
    n = row->run(row, in, out);
    error = tp_last_error();
    if (!all_null(out, n))
        failed(result, row, "input %d is the NULL of a failed call, and there is a result", i);
    if (error.code != TP_ERR_NUMERIC || strcmp(error.op, "user") != 0)
        failed(result, row, "a pending error was replaced by \"%s\"", error.message);
    tp_error_clear();
    in[i] = kept;
}

sample_result sample_check_errors(const sample *row) {
    sample_result result = {0};
    if (row->flags & SAMPLE_COMPOSED) return result;
    tp_scope *s = tp_scope_begin();
    tp_tensor *in[SAMPLE_MAX_INPUTS] = {0}, *leaf[SAMPLE_MAX_INPUTS] = {0};
    if (!sample_inputs(row, (sample_how){.real = TP_F64, .which = -1}, in, leaf))
        failed(&result, row, "%s", tp_last_error().message);
    for (int i = 0; i < sample_input_count(row) && result.failures == 0; i++)
        if (in[i]) check_null(&result, row, i, in);
    tp_scope_end(s);
    return result;
}
