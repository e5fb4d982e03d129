/* Inputs that a row does not have: of other dtypes, ranks and sizes, with indices far out. Such a call either works, and then its
 * gradient does, or gives no result, an error in the op's name, and inputs that are as before. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/tensor.h"
#include "support/sample_run.h"
#include "taper/autograd.h"
#include "taper/creation.h"
#include "taper/index.h"
#include "taper/memory.h"
#include "taper/tensor.h"
#include "taper/views.h"

/* ---- variants ----------------------------------------------------------------------------------------- */

enum {
    BAD_DTYPES = TP_DTYPE_COUNT,
    BAD_RANKS = 3,
    BAD_SIZES = 2, /* of each dim */
    BAD_VALUES = 6,
    BAD_VARIANTS = BAD_DTYPES + BAD_RANKS + BAD_SIZES * TP_MAX_DIMS + BAD_VALUES
};

static const double bad_values[BAD_VALUES] = {1e6, -1e6, 0x1p62, -0x1p63, NAN, INFINITY};

static tp_tensor *bad_rank(tp_tensor *t, int variant) {
    if (variant == 0) return tp_unsqueeze(t, 0);
    if (variant == 1) return tp_unsqueeze(t, -1);
    if (tp_tensor_shape(t).ndim == 0 || tp_tensor_shape(t).dims[0] == 0) return NULL;
    return tp_clone(tp_select(t, 0, 0));
}

/* One more along a dim, or nothing. */
static tp_tensor *bad_size(tp_tensor *t, int dim, bool more) {
    tp_shape shape = tp_tensor_shape(t);
    if (dim >= shape.ndim || (more && shape.dims[dim] == 0)) return NULL;
    if (!more) return tp_clone(tp_narrow(t, dim, 0, 0));
    return tp_cat(TP_TENSORS(t, tp_narrow(t, dim, 0, 1)), dim);
}

static tp_tensor *bad_value(tp_tensor *t, double value) {
    tp_dtype dtype = tp_tensor_dtype(t);
    if (tp_tensor_numel(t) == 0 || dtype == TP_BOOL || (dtype == TP_U8 && !(fabs(value) < 256))) return NULL;
    if (dtype != TP_F64 && dtype != TP_F32 && (isnan(value) || isinf(value))) return NULL;
    if (dtype == TP_I32 && !(fabs(value) < 0x1p31)) return NULL;
    tp_tensor *changed = tp_clone(t);
    tp__store_f64(tp_tensor_data_mut(changed), dtype, value);
    return changed;
}

/* Another tensor in place of `t`; NULL if there is no such variant of it. */
static tp_tensor *bad_variant(tp_tensor *t, int variant) {
    if (variant < BAD_DTYPES)
        return (tp_dtype)variant == tp_tensor_dtype(t) ? NULL : tp_to_dtype(t, (tp_dtype)variant);
    variant -= BAD_DTYPES;
    if (variant < BAD_RANKS) return bad_rank(t, variant);
    variant -= BAD_RANKS;
    if (variant < BAD_SIZES * TP_MAX_DIMS) return bad_size(t, variant / BAD_SIZES, variant % BAD_SIZES);
    return bad_value(t, bad_values[variant - BAD_SIZES * TP_MAX_DIMS]);
}

/* ---- a call with one of them -------------------------------------------------------------------------- */

typedef struct bad_call {
    const sample *row;
    sample_run *run;
    tp_tensor *in[SAMPLE_MAX_INPUTS], *before[SAMPLE_MAX_INPUTS];
    int input, n_in;
    char text[160]; /* what was given */
    sample_result *result;
} bad_call;

static void bad_failed(bad_call *c, const char *what, const char *detail) {
    if (c->result->failures++ == 0)
        snprintf(c->result->first, sizeof c->result->first, "%s: %s %s", c->text, what, detail);
    if (!sample_quiet)
        fprintf(stderr, "    %s (%s): input %d is %s: %s %s\n", c->row->op, c->row->what, c->input, c->text,
                what, detail);
}

/* Is `got` the op's name, or that of its in-place form? */
static bool bad_names(const char *got, const char *op) {
    size_t n = strlen(op);
    return strncmp(got, op, n) == 0 && (got[n] == 0 || strcmp(got + n, "_") == 0);
}

static bool bad_same(const tp_tensor *a, const tp_tensor *b) {
    size_t bytes = (size_t)tp_tensor_numel(a) * tp_dtype_size(tp_tensor_dtype(a));
    tp_tensor *packed = tp_contiguous((tp_tensor *)a);
    return bytes == 0 || memcmp(tp_tensor_data(packed), tp_tensor_data(b), bytes) == 0;
}

static void bad_no_result(bad_call *c, tp_tensor *const *out, int n) {
    tp_error error = tp_last_error(); /* its strings last until the next one */
    for (int k = 0; k < n; k++)
        if (out[k] && !(c->row->flags & SAMPLE_COMPOSED))
            bad_failed(c, "some results are there and some not", "");
    if (n == 0 && error.code == TP_OK) return; /* as many results as there are: unbind of nothing */
    if (error.code == TP_OK) bad_failed(c, "no result and no error", "");
    else if (!(c->row->flags & SAMPLE_COMPOSED) && !bad_names(error.op, c->row->op))
        bad_failed(c, "the error is", error.message);
    else if (error.code == TP_ERR_MEMORY) bad_failed(c, "the error is", error.message);
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i] && c->before[i] && !bad_same(c->in[i], c->before[i]))
            bad_failed(c, "an input was written to before", error.message);
}

static void bad_gradient(bad_call *c, tp_tensor *const *out, int n) {
    tp_tensor *loss = NULL;
    for (int k = 0; k < n && !loss; k++)
        if (tp_requires_grad(out[k])) loss = tp_sum(out[k]);
    tp_status status = loss ? tp_backward(loss) : TP_OK;
    bool said =
        status == TP_ERR_AUTOGRAD && bad_names(tp_last_error().op, c->row->op); /* has none for such */
    if (status != TP_OK && status != TP_ERR_NUMERIC && !said)
        bad_failed(c, "backward:", tp_last_error().message);
    tp_error_clear();
}

static void bad_run(bad_call *c) {
    tp_tensor *out[SAMPLE_MAX_OUTPUTS] = {0};
    for (int i = 0; i < c->n_in; i++) c->before[i] = c->in[i] ? tp_clone(tp_detach(c->in[i])) : NULL;
    int n = c->run(c->row, c->in, out), there = 0;
    for (int k = 0; k < n; k++) there += out[k] != NULL;
    if (there < n || n == 0) bad_no_result(c, out, n);
    else bad_gradient(c, out, n);
}

static void bad_describe(bad_call *c, const tp_tensor *t, int variant) {
    char shape[96];
    tp_shape_format(tp_tensor_shape(t), shape, sizeof shape);
    int n = snprintf(c->text, sizeof c->text, "%s %s", tp_dtype_name(tp_tensor_dtype(t)), shape);
    if (variant >= BAD_VARIANTS - BAD_VALUES)
        snprintf(c->text + n, sizeof c->text - (size_t)n, " with %g",
                 bad_values[variant - (BAD_VARIANTS - BAD_VALUES)]);
}

/* One variant of one input; false if there is none. */
static void bad_try(const sample *row, int input, int variant, bool inplace, sample_result *result) {
    tp_scope *s = tp_scope_begin();
    bad_call c = {.row = row,
                  .run = inplace ? row->inplace : row->run,
                  .input = input,
                  .n_in = sample_input_count(row),
                  .result = result};
    tp_tensor *leaf[SAMPLE_MAX_INPUTS] = {0};
    sample_inputs(row, (sample_how){.real = TP_F64, .which = -1, .no_grad = inplace}, c.in, leaf);
    tp_tensor *other = c.in[input] ? bad_variant(tp_detach(c.in[input]), variant) : NULL;
    if (other) {
        bool real = tp_tensor_dtype(other) == TP_F32 || tp_tensor_dtype(other) == TP_F64;
        if (real && !inplace && !row->in[input].fixed) tp_set_requires_grad(other, true);
        c.in[input] = other;
        bad_describe(&c, other, variant);
        tp_manual_seed(7);
        tp_error_clear();
        bad_run(&c);
    }
    tp_error_clear();
    tp_scope_end(s);
}

sample_result sample_check_bad(const sample *row) {
    sample_result result = {0};
    if (row->flags & SAMPLE_LARGE) return result;
    for (int i = 0; i < sample_input_count(row); i++)
        for (int variant = 0; variant < BAD_VARIANTS; variant++) {
            bad_try(row, i, variant, false, &result);
            if (row->inplace) bad_try(row, i, variant, true, &result);
        }
    return result;
}
