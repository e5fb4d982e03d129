/* Sequences of several lengths as one tensor, and back. */
#include "ops/ops.h"
#include "taper/index.h"
#include "taper/recurrent.h"
#include "taper/tensor.h"

static const char pad_name[] = "pad_sequence", unpad_name[] = "unpad_sequence";

int64_t tp__check_sequences(const char *op, tp_tensors sequences) {
    int64_t longest = 0;
    if (sequences.count < 1) tp__error(TP_ERR_ARGUMENT, op, "the list of sequences is empty");
    if (sequences.count < 1 || tp__check_tensors(op, "sequences", sequences) != TP_OK) return -1;
    for (int i = 0; i < sequences.count; i++) {
        const tp_tensor *t = sequences.items[i], *first = sequences.items[0];
        if (t->shape.ndim == 0 || t->shape.ndim == TP_MAX_DIMS) {
            tp__error(TP_ERR_SHAPE, op, "sequences[%d] has %d dims, not 1 to %d", i, t->shape.ndim,
                      TP_MAX_DIMS - 1);
            return -1;
        }
        tp_shape rest = t->shape;
        rest.dims[0] = first->shape.dims[0];
        if (!tp_shape_equal(rest, first->shape) || t->dtype != first->dtype) {
            tp__error(t->dtype == first->dtype ? TP_ERR_SHAPE : TP_ERR_DTYPE, op,
                      "sequences[0] is %s %s, sequences[%d] is %s %s", tp__dtype_text(first),
                      tp__shape_text(first->shape), i, tp__dtype_text(t), tp__shape_text(t->shape));
            return -1;
        }
        if (t->shape.dims[0] > longest) longest = t->shape.dims[0];
    }
    return longest;
}

/* One sequence (L, ...) as (longest, elements of a step). */
static tp_tensor *pad_one(tp_tensor *t, int64_t longest, const tp_pad_sequence_options *o) {
    int64_t length = t->shape.dims[0], step = 1, missing = longest - length;
    for (int d = 1; d < t->shape.ndim; d++) step *= t->shape.dims[d];
    tp_shape pads = o->padding_left ? TP_SHAPE(0, 0, missing, 0) : TP_SHAPE(0, 0, 0, missing);
    return tp_pad(tp_reshape(t, TP_SHAPE(length, step)), pads, o->padding_value);
}

static tp_tensor *pad_all(tp_tensors sequences, int64_t longest, const tp_pad_sequence_options *o) {
    size_t bytes = (size_t)sequences.count * sizeof(tp_tensor *);
    tp_tensor **padded = tp__alloc(bytes);
    if (!padded) {
        tp__error_memory(pad_name, bytes);
        return NULL;
    }
    for (int i = 0; i < sequences.count; i++) padded[i] = pad_one(sequences.items[i], longest, o);
    tp_tensor *all = tp_stack((tp_tensors){sequences.count, padded}, o->batch_first ? 0 : 1);
    tp__free(padded);
    tp_shape shape = {.ndim = sequences.items[0]->shape.ndim + 1};
    shape.dims[o->batch_first] = longest;
    shape.dims[!o->batch_first] = sequences.count;
    for (int d = 2; d < shape.ndim; d++) shape.dims[d] = sequences.items[0]->shape.dims[d - 1];
    return all ? tp_reshape(all, shape) : NULL;
}

tp_tensor *tp_pad_sequence(tp_tensors sequences, tp_pad_sequence_options options) {
    const int64_t longest = tp__check_sequences(pad_name, sequences);
    if (longest < 0) return NULL;
    if (!tp__holds((tp_dtype)sequences.items[0]->dtype, options.padding_value))
        TP_FAIL(TP_ERR_ARGUMENT, pad_name, "padding_value %g cannot be an element of %s",
                options.padding_value, tp__dtype_text(sequences.items[0]));
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, pad_all(sequences, longest, &options)) : NULL;
}

static tp_status unpad_check(const tp_tensor *padded, const tp_tensor *lengths, bool batch_first) {
    if (!tp__is_index((tp_dtype)lengths->dtype))
        return tp__error(TP_ERR_DTYPE, unpad_name, "lengths must be int64 or int32, got %s",
                         tp__dtype_text(lengths));
    if (padded->shape.ndim < 2)
        return tp__error(TP_ERR_SHAPE, unpad_name, "padded must be %s, got %s",
                         batch_first ? "(N, T, ...)" : "(T, N, ...)", tp__shape_text(padded->shape));
    if (lengths->shape.ndim == 1 && lengths->shape.dims[0] == padded->shape.dims[!batch_first]) return TP_OK;
    return tp__error(TP_ERR_SHAPE, unpad_name, "lengths are %s, for %lld sequences",
                     tp__shape_text(lengths->shape), (long long)padded->shape.dims[!batch_first]);
}

static tp_status unpad_all(tp_tensor *padded, tp_tensor *lengths, bool batch_first, tp_tensor **sequences) {
    TP_TRY(unpad_check(padded, lengths, batch_first));
    int64_t most = padded->shape.dims[batch_first], count = lengths->numel;
    lengths = tp__packed(unpad_name, lengths, TP_I64);
    if (!lengths) return TP_ERR_MEMORY;
    const int64_t *length = tp__data_i64(lengths);
    for (int64_t i = 0; i < count; i++)
        if (length[i] < 0 || length[i] > most)
            return tp__error(TP_ERR_INDEX, unpad_name, "lengths[%lld] is %lld, the sequences have %lld steps",
                             (long long)i, (long long)length[i], (long long)most);
    for (int64_t i = 0; i < count; i++) {
        tp_tensor *one = tp_select(padded, !batch_first, i);
        sequences[i] = one ? tp_narrow(one, 0, 0, length[i]) : NULL;
        if (!sequences[i]) return tp_last_error().code;
    }
    return TP_OK;
}

tp_status tp_unpad_sequence(tp_tensor *padded, tp_tensor *lengths, bool batch_first, tp_tensor **sequences) {
    if (!padded || !lengths || !sequences)
        return tp__deliver(tp__error_null(unpad_name, !padded    ? "padded"
                                                      : !lengths ? "lengths"
                                                                 : "sequences"));
    int64_t count =
        padded->shape.ndim < 2 ? 0 : padded->shape.dims[!batch_first]; /* room there is for no more */
    for (int64_t i = 0; i < count; i++) sequences[i] = NULL;
    tp_scope *s = tp_scope_begin();
    tp_status status = s ? unpad_all(padded, lengths, batch_first, sequences) : TP_ERR_MEMORY;
    if (status == TP_OK) tp__hand_over(s, (int)count, sequences);
    else tp_scope_end(s);
    if (status == TP_OK && count > 0 && !sequences[0]) status = tp_last_error().code;
    for (int64_t i = 0; status != TP_OK && i < count; i++) sequences[i] = NULL;
    return tp__deliver(status);
}
