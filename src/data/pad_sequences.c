#include <stdio.h>
#include <string.h>

#include "core/scope.h"
#include "ops/ops.h"
#include "taper/creation.h"
#include "taper/text.h"

static const char pad_op[] = "pad_sequences";

/* Do the sequences fit together? *longest is the length of the longest. */
static bool pad_check(tp_tensors sequences, int64_t *longest) {
    *longest = 0;
    if (sequences.count < 1) tp__error(TP_ERR_ARGUMENT, pad_op, "the list of sequences is empty");
    for (int i = 0; i < sequences.count; i++) {
        const tp_tensor *first = sequences.items[0], *t = sequences.items[i];
        if (!t) {
            char name[32];
            snprintf(name, sizeof name, "sequences[%d]", i);
            tp__error_null(pad_op, name);
            return false;
        }
        if (t->dtype != first->dtype) {
            tp__error(TP_ERR_DTYPE, pad_op, "dtypes differ: sequences[0] is %s, sequences[%d] is %s",
                      tp__dtype_text(first), i, tp__dtype_text(t));
            return false;
        }
        tp_shape shape = t->shape; /* with the first one's length */
        if (shape.ndim > 0 && first->shape.ndim > 0) shape.dims[0] = first->shape.dims[0];
        if (shape.ndim == 0 || !tp_shape_equal(shape, first->shape)) {
            tp__error(TP_ERR_SHAPE, pad_op,
                      shape.ndim == 0 ? "sequences[%d] is %s, which has no length"
                                      : "sequences[%d] is %s, sequences[0] is %s",
                      i, tp__shape_text(t->shape), tp__shape_text(first->shape));
            return false;
        }
        if (t->shape.dims[0] > *longest) *longest = t->shape.dims[0];
    }
    return sequences.count > 0;
}

/* Writes sequence `t`, whose elements are at `from`, into the row at `to`, which has `maxlen` steps of
 * `step` bytes. */
static void pad_row(char *to, const char *from, int64_t length, int64_t maxlen, size_t step,
                    tp_pad_sequences_options options) {
    int64_t kept = length < maxlen ? length : maxlen;
    if (!options.truncate_post) from += (size_t)(length - kept) * step;
    if (!options.padding_post) to += (size_t)(maxlen - kept) * step;
    if (kept > 0) memcpy(to, from, (size_t)kept * step);
}

tp_tensor *tp_pad_sequences(tp_tensors sequences, tp_pad_sequences_options options) {
    if (options.maxlen < 0) TP_FAIL(TP_ERR_ARGUMENT, pad_op, "maxlen is %lld", (long long)options.maxlen);
    int64_t maxlen;
    if (!pad_check(sequences, &maxlen)) return NULL;
    if (options.maxlen) maxlen = options.maxlen;
    const tp_tensor *first = sequences.items[0];
    tp_dtype dtype = (tp_dtype)first->dtype;
    if (!tp__holds(dtype, options.value))
        TP_FAIL(TP_ERR_ARGUMENT, pad_op, "%s cannot hold the value %g", tp__dtype_text(first), options.value);
    tp_shape shape = {.ndim = first->shape.ndim + 1, .dims = {sequences.count, maxlen}};
    if (shape.ndim > TP_MAX_DIMS)
        TP_FAIL(TP_ERR_SHAPE, pad_op, "sequences[0] is %s, and tensors have at most %d dims",
                tp__shape_text(first->shape), TP_MAX_DIMS);
    for (int d = 1; d < first->shape.ndim; d++) shape.dims[d + 1] = first->shape.dims[d];
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *y = tp_full(shape, options.value, dtype);
    if (!y) tp__error_rename("full", pad_op);
    bool good = y != NULL;
    size_t row = good && y->numel > 0 ? (size_t)(y->numel / sequences.count) * tp__itemsize(dtype) : 0;
    for (int i = 0; good && row > 0 && i < sequences.count; i++) {
        tp_scope *inner = tp_scope_begin();
        tp_tensor *t = inner ? tp__packed(pad_op, sequences.items[i], dtype) : NULL;
        good = t != NULL;
        if (good)
            pad_row(tp__data(y) + (size_t)i * row, tp__data(t), t->shape.dims[0], maxlen,
                    row / (size_t)maxlen, options);
        tp_scope_end(inner);
    }
    return tp_scope_return(s, good ? y : NULL);
}
