/* The iterator of the elementwise ops: whatever the operands' layouts, kernels get packed rows. */
#include <string.h>

#include "ops/ops.h"

/* Rows of operands that are not packed pass through blocks of this many elements, which stay in L1. */
#define ITER_BLOCK 256

/* Rows are cut among threads at multiples of this, a multiple of what a kernel takes at once. */
#define ITER_CUT 1024

/* Below this many units of work a second thread costs more than it saves. */
#define ITER_GRAIN 32768

typedef struct iter {
    tp__loop *loop;
    const double *params;
    int n; /* operands */
    int64_t total;
    int ndim;
    int64_t dims[TP_MAX_DIMS];                      /* innermost first */
    int64_t strides[TP__MAX_OPERANDS][TP_MAX_DIMS]; /* in elements, likewise */
    int item[TP__MAX_OPERANDS];
    char *data[TP__MAX_OPERANDS];
    bool packed; /* the innermost step of every operand is one element */
} iter;

/* Copies n elements between two steps; a step of 0 in the source repeats one value. */
static inline void move(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t n, int item) {
#define MOVE_AS(type)                                                                                        \
    do {                                                                                                     \
        type *d = (type *)(void *)to;                                                                        \
        const type *s = (const type *)(const void *)from;                                                    \
        for (int64_t i = 0; i < n; i++) d[i * to_step] = s[i * from_step];                                   \
    } while (0)
    if (item == 4) MOVE_AS(uint32_t);
    else if (item == 8) MOVE_AS(uint64_t);
    else MOVE_AS(uint8_t);
#undef MOVE_AS
}

/* One inner row of n elements, of which some operands are not packed. */
static void row_in_blocks(const iter *it, int64_t n, char *const *row) {
    _Alignas(64) char blocks[TP__MAX_OPERANDS][ITER_BLOCK * 8];
    char *p[TP__MAX_OPERANDS];
    int64_t first = n < ITER_BLOCK ? n : ITER_BLOCK;
    for (int k = 0; k < it->n; k++) /* a repeated value fills its block once for the whole row */
        if (k > 0 && it->strides[k][0] == 0) move(blocks[k], 1, row[k], 0, first, it->item[k]);
    for (int64_t at = 0; at < n; at += ITER_BLOCK) {
        int64_t count = n - at < ITER_BLOCK ? n - at : ITER_BLOCK;
        for (int k = 0; k < it->n; k++) {
            int64_t step = it->strides[k][0];
            char *here = row[k] + at * step * it->item[k];
            p[k] = step == 1 ? here : blocks[k];
            if (k > 0 && step != 1 && step != 0) move(blocks[k], 1, here, step, count, it->item[k]);
        }
        it->loop(count, p, it->params);
        int64_t out_step = it->strides[0][0];
        if (out_step != 1)
            move(row[0] + at * out_step * it->item[0], out_step, blocks[0], 1, count, it->item[0]);
    }
}

static void iter_row(const iter *it, int64_t n, char *const *row) {
    if (it->packed) it->loop(n, row, it->params);
    else row_in_blocks(it, n, row);
}

/* Where a share may begin, at or before element n: a kernel's vectors and its scalar rest may round differently, so for
 * the same bits at any number of threads a row is cut only where its vectors end in any case. */
static inline int64_t iter_cut(const iter *it, int64_t n) {
    return n == it->total ? n : n - n % it->dims[0] % ITER_CUT;
}

/* Elements [begin, end) in the order of the output's rows, moved back to where rows may be cut. */
static void iter_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const iter *it = context;
    begin = iter_cut(it, begin);
    end = iter_cut(it, end);
    if (begin >= end) return;
    int64_t index[TP_MAX_DIMS], rest = begin;
    char *row[TP__MAX_OPERANDS];
    for (int k = 0; k < it->n; k++) row[k] = it->data[k];
    for (int d = 0; d < it->ndim; d++) {
        index[d] = rest % it->dims[d];
        rest /= it->dims[d];
        for (int k = 0; k < it->n; k++) row[k] += index[d] * it->strides[k][d] * it->item[k];
    }
    while (begin < end) {
        int64_t left = it->dims[0] - index[0], n = left < end - begin ? left : end - begin;
        iter_row(it, n, row);
        begin += n;
        if (begin >= end) break;
        /* On to the next row: back to its start, then one step of the first dim that has one left. */
        for (int k = 0; k < it->n; k++) row[k] -= index[0] * it->strides[k][0] * it->item[k];
        index[0] = 0;
        for (int d = 1; d < it->ndim; d++) {
            bool wrap = ++index[d] == it->dims[d];
            int64_t steps = wrap ? 1 - it->dims[d] : 1;
            for (int k = 0; k < it->n; k++) row[k] += steps * it->strides[k][d] * it->item[k];
            if (!wrap) break;
            index[d] = 0;
        }
    }
}

/* Merges neighbouring dims that every operand steps through as one. */
static void iter_merge(iter *it) {
    int kept = 0;
    for (int d = 1; d < it->ndim; d++) {
        bool merge = true;
        for (int k = 0; k < it->n && merge; k++)
            merge = it->strides[k][d] == it->strides[k][kept] * it->dims[kept];
        if (merge) {
            it->dims[kept] *= it->dims[d];
            continue;
        }
        kept++;
        it->dims[kept] = it->dims[d];
        for (int k = 0; k < it->n; k++) it->strides[k][kept] = it->strides[k][d];
    }
    it->ndim = kept + 1;
}

/* Puts the dim in which the output steps least innermost, so that memory is walked in order. */
static void iter_sort(iter *it) {
    for (int d = 1; d < it->ndim; d++) {
        for (int e = d; e > 0 && it->strides[0][e] < it->strides[0][e - 1]; e--) {
            int64_t dim = it->dims[e];
            it->dims[e] = it->dims[e - 1];
            it->dims[e - 1] = dim;
            for (int k = 0; k < it->n; k++) {
                int64_t stride = it->strides[k][e];
                it->strides[k][e] = it->strides[k][e - 1];
                it->strides[k][e - 1] = stride;
            }
        }
    }
}

static void iter_init(iter *it, tp_shape shape, tp_tensor *const *operands) {
    it->ndim = 0;
    for (int i = shape.ndim - 1; i >= 0; i--) {
        if (shape.dims[i] == 1) continue;
        it->dims[it->ndim] = shape.dims[i];
        for (int k = 0; k < it->n; k++) {
            int j = i - (shape.ndim - operands[k]->shape.ndim);
            it->strides[k][it->ndim] = j < 0 || operands[k]->shape.dims[j] == 1 ? 0 : operands[k]->strides[j];
        }
        it->ndim++;
    }
    if (it->ndim == 0) {
        it->ndim = 1;
        it->dims[0] = 1;
        for (int k = 0; k < it->n; k++) it->strides[k][0] = 1;
    }
    iter_sort(it);
    iter_merge(it);
    it->packed = true;
    for (int k = 0; k < it->n; k++) it->packed = it->packed && it->strides[k][0] == 1;
}

void tp__run_loop(tp__loop *loop, tp_shape shape, int n_operands, tp_tensor *const *operands,
                  const double *params, int cost) {
    int64_t total = operands[0]->numel;
    if (total == 0) return;
    iter it = {.loop = loop, .params = params, .n = n_operands, .total = total};
    bool same = true;
    for (int k = 0; k < n_operands; k++) {
        it.data[k] = tp__data(operands[k]);
        it.item[k] = (int)tp__itemsize((tp_dtype)operands[k]->dtype);
        same = same && operands[k]->dense && operands[k]->numel == total;
    }
    int64_t grain = ITER_GRAIN / cost;
    /* Packed operands of as many elements as the output have its shape, but for dims of size one. */
    if (TP__LIKELY(same)) {
        if (total <= grain) {
            loop(total, it.data, params);
            return;
        }
        it.ndim = 1;
        it.dims[0] = total;
        it.packed = true;
        for (int k = 0; k < n_operands; k++) it.strides[k][0] = 1;
    } else {
        iter_init(&it, shape, operands);
    }
    tp__parallel_for(total, grain, iter_range, &it);
}
