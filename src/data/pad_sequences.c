#include <string.h>

#include "core/scope.h"
#include "ops/ops.h"
#include "taper/creation.h"
#include "taper/text.h"

static const char pad_op[] = "pad_sequences";

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
    int64_t maxlen = tp__check_sequences(pad_op, sequences);
    if (maxlen < 0) return NULL;
    if (options.maxlen) maxlen = options.maxlen;
    const tp_tensor *first = sequences.items[0];
    tp_dtype dtype = (tp_dtype)first->dtype;
    if (!tp__holds(dtype, options.value))
        TP_FAIL(TP_ERR_ARGUMENT, pad_op, "%s cannot hold the value %g", tp__dtype_text(first), options.value);
    tp_shape shape = {.ndim = first->shape.ndim + 1, .dims = {sequences.count, maxlen}};
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
