/* Draws a row's inputs, lays them out, runs it, and copies out all that came of it. */
#include "support/sample_run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/scope.h"
#include "core/tensor.h"
#include "taper/autograd.h"

static uint64_t next_random(uint64_t *state) { /* splitmix64: nothing of the library's own generator */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double next_uniform(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1p-53; }

static uint64_t seed_of(const sample *row, int i) {
    uint64_t hash = 1469598103934665603u + (uint64_t)i;
    for (const char *c = row->op; *c; c++) hash = (hash ^ (uint8_t)*c) * 1099511628211u;
    for (const char *c = row->what; *c; c++) hash = (hash ^ (uint8_t)*c) * 1099511628211u;
    return hash;
}

int sample_input_count(const sample *row) {
    int n = 0;
    while (n < SAMPLE_MAX_INPUTS && row->in[n].kind != SAMPLE_NO_INPUT) n++;
    return n;
}

bool sample_is_differentiable(const sample *row, int i) {
    return row->in[i].kind == SAMPLE_FLOAT && !row->in[i].fixed;
}

static double away_from_kinks(const sample_input *input, double value) {
    if (input->gap <= 0) return value;
    for (int k = 0; k < 3; k++) {
        double from = value - input->avoid[k];
        if (fabs(from) < input->gap) value = input->avoid[k] + (from < 0 ? -1.5 : 1.5) * input->gap;
    }
    return value;
}

/* Values at least `apart` from one another, in random order: a jittered grid, shuffled. */
static void draw_apart(const sample_input *input, dense *values, uint64_t *state) {
    int64_t n = values->numel;
    assert((double)n * input->apart <= (input->hi - input->lo) / 2 + 1e-9 && "no room for .apart");
    double step = (input->hi - input->lo) / (double)(n ? n : 1);
    for (int64_t k = 0; k < n; k++)
        values->data[k] = input->lo + step * ((double)k + 0.5 * next_uniform(state));
    for (int64_t k = n - 1; k > 0; k--) {
        int64_t other = (int64_t)(next_random(state) % (uint64_t)(k + 1));
        double kept = values->data[k];
        values->data[k] = values->data[other];
        values->data[other] = kept;
    }
}

dense sample_values(const sample *row, int i) {
    const sample_input *input = &row->in[i];
    dense values = {0};
    dense_new(&values, input->shape);
    uint64_t state = seed_of(row, i);
    if (input->values) {
        for (int64_t k = 0; k < values.numel; k++) values.data[k] = input->values[k];
        return values;
    }
    if (input->apart > 0) draw_apart(input, &values, &state);
    for (int64_t k = 0; k < values.numel; k++) {
        double u = next_uniform(&state);
        double *v = &values.data[k];
        if (input->kind == SAMPLE_BOOL) *v = u < 0.5;
        else if (input->kind == SAMPLE_FLOAT || input->kind == SAMPLE_F32) {
            if (!(input->apart > 0)) *v = input->lo + u * (input->hi - input->lo);
            /* A float's value, so that F32 and F64 runs begin with the same numbers. */
            *v = (double)(float)away_from_kinks(input, *v);
        } else *v = floor(input->lo + u * (input->hi - input->lo));
    }
    return values;
}

int sample_expanded_dim(tp_shape shape, bool last) {
    int found = -1;
    for (int d = 0; d < shape.ndim; d++)
        if (shape.dims[d] > 1 && (last || found < 0)) found = d;
    return found;
}

/* Makes all slices along `dim` equal the first. */
static void repeat_first(dense *values, int dim) {
    int64_t outer, size, inner;
    dense_around(values->shape, dim, &outer, &size, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 1; k < size; k++)
            for (int64_t j = 0; j < inner; j++)
                values->data[(o * size + k) * inner + j] = values->data[o * size * inner + j];
}

tp_tensor *sample_tensor(const dense *values, tp_dtype dtype, sample_layout layout, int dim, bool grad,
                         tp_tensor **leaf) {
    tp_shape shape = values->shape;
    if (layout == LAYOUT_EXPANDED && dim >= 0) shape.dims[dim] = 1;
    int64_t strides[TP_MAX_DIMS] = {0}, packed[TP_MAX_DIMS] = {0}, step = 1;
    dense_strides(values->shape, packed);
    dense_strides(shape, strides);
    int64_t n = 1, offset = 0;
    for (int d = 0; d < shape.ndim; d++) n *= shape.dims[d];
    if (layout == LAYOUT_TRANSPOSED)
        for (int d = 0; d < shape.ndim; d++) {
            strides[d] = step;
            step *= shape.dims[d];
        }
    if (layout == LAYOUT_STRIDED) {
        for (int d = 0; d < shape.ndim; d++) strides[d] *= 2;
        offset = 3;
    }
    tp_tensor *base = tp_zeros(TP_SHAPE(2 * n + 4), dtype);
    char *data = tp_tensor_data_mut(base);
    if (!data) return NULL;
    if (layout == LAYOUT_PACKED)
        for (int64_t k = 0; k < n; k++)
            tp__store_f64(data + k * (int64_t)tp_dtype_size(dtype), dtype, values->data[k]);
    else
        for (int64_t k = 0; k < n; k++) {
            int64_t index[TP_MAX_DIMS] = {0}, to = offset, from = 0;
            dense_index(shape, k, index);
            for (int d = 0; d < shape.ndim; d++) {
                to += index[d] * strides[d];
                from += index[d] * packed[d];
            }
            tp__store_f64(data + to * (int64_t)tp_dtype_size(dtype), dtype, values->data[from]);
        }
    tp_tensor *t = tp__tensor_alias("sample", base, shape, strides, offset);
    if (t && grad) tp_set_requires_grad(t, true);
    if (leaf) *leaf = grad ? t : NULL;
    return layout == LAYOUT_EXPANDED && dim >= 0 ? tp_expand(t, values->shape) : t;
}

static tp_dtype dtype_of(sample_kind kind, tp_dtype real) {
    switch (kind) {
    case SAMPLE_F32: return TP_F32;
    case SAMPLE_I64: return TP_I64;
    case SAMPLE_I32: return TP_I32;
    case SAMPLE_U8: return TP_U8;
    case SAMPLE_BOOL: return TP_BOOL;
    default: return real;
    }
}

bool sample_inputs(const sample *row, sample_how how, tp_tensor **in, tp_tensor **leaf) {
    for (int i = 0; i < sample_input_count(row); i++) {
        in[i] = leaf[i] = NULL;
        if (row->in[i].kind == SAMPLE_ABSENT) continue;
        sample_layout layout = how.which == i || how.which < 0 ? how.layout : LAYOUT_PACKED;
        dense values = sample_values(row, i);
        int dim = sample_expanded_dim(values.shape, how.last_dim);
        if ((layout == LAYOUT_EXPANDED || layout == LAYOUT_REPEATED) && dim >= 0) repeat_first(&values, dim);
        if (layout == LAYOUT_REPEATED) layout = LAYOUT_PACKED;
        bool grad = !how.no_grad && sample_is_differentiable(row, i);
        in[i] = sample_tensor(&values, dtype_of(row->in[i].kind, how.real), layout, dim, grad, &leaf[i]);
        free(values.data);
        if (!in[i]) return false;
    }
    return true;
}

static void outcome_error(sample_outcome *outcome, const char *what) {
    tp_error error = tp_last_error();
    outcome->ok = false;
    snprintf(outcome->error, sizeof outcome->error, "%s: %s %s", what, tp_status_name(error.code),
             error.message);
    tp_error_clear();
}

static bool copy_dense(dense *to, const tp_tensor *t) {
    dense_new(to, tp_tensor_shape(t));
    return tp_tensor_copy_out_f64(t, to->data, to->numel) == TP_OK;
}

/* The gradient handed to output k: a fixed draw, or one value everywhere where it is to be expanded. */
static tp_tensor *output_grad(const sample *row, int k, const tp_tensor *out, sample_layout layout) {
    dense values = {0};
    dense_new(&values, tp_tensor_shape(out));
    uint64_t state = seed_of(row, 100 + k);
    for (int64_t n = 0; n < values.numel; n++)
        values.data[n] = layout == LAYOUT_EXPANDED || layout == LAYOUT_REPEATED
                             ? 0.75
                             : (double)(float)(0.25 + next_uniform(&state));
    tp_tensor *g;
    if (layout == LAYOUT_EXPANDED)
        g = tp_expand(tp_full(TP_SCALAR_SHAPE, 0.75, tp_tensor_dtype(out)), values.shape);
    else
        g = sample_tensor(&values, tp_tensor_dtype(out), layout == LAYOUT_REPEATED ? LAYOUT_PACKED : layout,
                          -1, false, NULL);
    free(values.data);
    return g;
}

static bool take_gradients(const sample *row, sample_how how, tp_tensor **leaf, tp_tensor **out,
                           sample_outcome *outcome) {
    tp_tensor *outputs[SAMPLE_MAX_OUTPUTS], *seeds[SAMPLE_MAX_OUTPUTS], *inputs[SAMPLE_MAX_INPUTS],
        *grads[SAMPLE_MAX_INPUTS];
    int n_out = 0, n_in = 0, place[SAMPLE_MAX_INPUTS];
    for (int k = 0; k < outcome->n_out; k++) {
        if (!outcome->differentiable[k]) continue;
        outputs[n_out] = out[k];
        seeds[n_out] = output_grad(row, k, out[k], how.grad);
        if (!seeds[n_out++]) return false;
    }
    for (int i = 0; i < outcome->n_in; i++) {
        if (!leaf[i]) continue;
        place[n_in] = i;
        inputs[n_in++] = leaf[i];
    }
    if (n_out == 0 || n_in == 0) return true;
    tp_grad_options options = {.create_graph = how.create_graph};
    if (tp_grad((tp_tensors){n_out, outputs}, (tp_tensors){n_in, inputs}, (tp_tensors){n_out, seeds}, grads,
                options) != TP_OK)
        return false;
    for (int i = 0; i < n_in; i++) {
        if (!tp_shape_equal(tp_tensor_shape(grads[i]), tp_tensor_shape(inputs[i])) ||
            tp_tensor_dtype(grads[i]) != tp_tensor_dtype(inputs[i])) {
            tp_error_set(TP_ERR_SHAPE, "sample", "the gradient of input %d has another shape or dtype",
                         place[i]);
            return false;
        }
        if (!copy_dense(&outcome->grad[place[i]], grads[i])) return false;
    }
    return true;
}

static void execute_inside(const sample *row, sample_how how, sample_outcome *outcome) {
    tp_tensor *in[SAMPLE_MAX_INPUTS] = {0}, *leaf[SAMPLE_MAX_INPUTS] = {0}, *out[SAMPLE_MAX_OUTPUTS] = {0};
    if (!sample_inputs(row, how, in, leaf)) {
        outcome_error(outcome, "making the inputs");
        return;
    }
    /* A recorded in-place op wants a tensor that is no leaf and alone holds its storage. */
    if (how.inplace && !how.no_grad) in[0] = tp_clone(in[0]);
    tp_manual_seed(7);
    tp_scope *s = tp_scope_begin();
    outcome->n_out = (how.inplace ? row->inplace : row->run)(row, in, out);
    outcome->left_behind = s->count - outcome->n_out;
    for (int k = 0; k < outcome->n_out; k++) {
        if (!out[k]) {
            outcome_error(outcome, "running");
            return;
        }
        outcome->dtype[k] = tp_tensor_dtype(out[k]);
        outcome->differentiable[k] = tp_requires_grad(out[k]);
        if (!copy_dense(&outcome->out[k], out[k])) {
            outcome_error(outcome, "reading the result");
            return;
        }
    }
    if (!how.no_grad && !take_gradients(row, how, leaf, out, outcome))
        outcome_error(outcome, "taking gradients");
}

sample_outcome sample_execute(const sample *row, sample_how how) {
    sample_outcome outcome = {.ok = true, .n_in = sample_input_count(row)};
    tp_error_clear();
    tp_scope *s = tp_scope_begin();
    execute_inside(row, how, &outcome);
    tp_scope_end(s);
    return outcome;
}

void sample_outcome_free(sample_outcome *outcome) {
    for (int k = 0; k < SAMPLE_MAX_OUTPUTS; k++) free(outcome->out[k].data);
    for (int i = 0; i < SAMPLE_MAX_INPUTS; i++) free(outcome->grad[i].data);
    *outcome = (sample_outcome){0};
}
