#include "ops/layout.h"

#include <string.h>

#include "core/parallel.h"

/* ---- moving ------------------------------------------------------------------------------------------ */

/* A copy with its dims merged as far as both layouts allow. */
typedef struct move_box {
    size_t item;
    int ndim;
    int64_t size[TP_MAX_DIMS], to[TP_MAX_DIMS], from[TP_MAX_DIMS];
    char *to_data;
    const char *from_data;
    int split; /* the dim shared out among threads */
} move_box;

/* A transposed matrix goes tile by tile through a block in L1, so that each cache line is read and written
 * as a whole: lines a power of two apart would push one another out. */
#define MOVE_TILE 16

#define MOVE_MATRIX(bits, type)                                                                              \
    static void move_transposed##bits(const int64_t size[2], type *y, int64_t to_step, const type *x,        \
                                      int64_t from_step) {                                                   \
        type block[MOVE_TILE][MOVE_TILE];                                                                    \
        for (int64_t i0 = 0; i0 < size[0]; i0 += MOVE_TILE)                                                  \
            for (int64_t j0 = 0; j0 < size[1]; j0 += MOVE_TILE) {                                            \
                int64_t rows = size[0] - i0 < MOVE_TILE ? size[0] - i0 : MOVE_TILE;                          \
                int64_t columns = size[1] - j0 < MOVE_TILE ? size[1] - j0 : MOVE_TILE;                       \
                for (int64_t j = 0; j < columns; j++)                                                        \
                    for (int64_t i = 0; i < rows; i++) block[i][j] = x[i0 + i + (j0 + j) * from_step];       \
                for (int64_t i = 0; i < rows; i++)                                                           \
                    memcpy(&y[(i0 + i) * to_step + j0], block[i], (size_t)columns * sizeof *y);              \
            }                                                                                                \
    }                                                                                                        \
    static void move_matrix##bits(const int64_t size[2], char *to, const int64_t to_step[2],                 \
                                  const char *from, const int64_t from_step[2]) {                            \
        type *y = (type *)(void *)to;                                                                        \
        const type *x = (const type *)(const void *)from;                                                    \
        if (from_step[0] == 1 && to_step[1] == 1 && size[0] > 4 && size[1] > 4) {                            \
            move_transposed##bits(size, y, to_step[0], x, from_step[1]);                                     \
            return;                                                                                          \
        }                                                                                                    \
        for (int64_t i = 0; i < size[0]; i++)                                                                \
            for (int64_t j = 0; j < size[1]; j++)                                                            \
                y[i * to_step[0] + j * to_step[1]] = x[i * from_step[0] + j * from_step[1]];                 \
    }
MOVE_MATRIX(1, tp__item1)
MOVE_MATRIX(4, tp__item4)
MOVE_MATRIX(8, tp__item8)
#undef MOVE_MATRIX

/* Copies a row. Where the target begins a little above the source but for whole pages, as a row of 2^k columns moved by a few, each load would
 * wait for the store just before, which the processor takes to be to the same place: then from the end. */
static void move_row(char *to, const char *from, size_t bytes) {
    const size_t piece = 64, apart = ((uintptr_t)to - (uintptr_t)from) % 4096;
    if (apart == 0 || apart >= 4 * piece || bytes < 4 * piece) {
        memcpy(to, from, bytes);
        return;
    }
    for (; bytes >= piece; bytes -= piece) memcpy(to + bytes - piece, from + bytes - piece, 64);
    memcpy(to, from, bytes);
}

static void move_matrix(size_t item, const int64_t size[2], char *to, const int64_t to_step[2],
                        const char *from, const int64_t from_step[2]) {
    if (to_step[1] == 1 && from_step[1] == 1) {
        for (int64_t i = 0; i < size[0]; i++)
            move_row(to + i * to_step[0] * (int64_t)item, from + i * from_step[0] * (int64_t)item,
                     (size_t)size[1] * item);
        return;
    }
    switch (item) {
    case 1: move_matrix1(size, to, to_step, from, from_step); break;
    case 4: move_matrix4(size, to, to_step, from, from_step); break;
    default: move_matrix8(size, to, to_step, from, from_step); break;
    }
}

/* All dims but the last two (at least two there are) are counted through. */
static void move_run(const move_box *box) {
    int outer = box->ndim - 2;
    int64_t index[TP_MAX_DIMS] = {0}, item = (int64_t)box->item;
    char *to = box->to_data;
    const char *from = box->from_data;
    for (;;) {
        move_matrix(box->item, box->size + outer, to, box->to + outer, from, box->from + outer);
        int d = outer - 1;
        for (; d >= 0; d--) {
            to += box->to[d] * item;
            from += box->from[d] * item;
            if (++index[d] < box->size[d]) break;
            to -= box->to[d] * box->size[d] * item;
            from -= box->from[d] * box->size[d] * item;
            index[d] = 0;
        }
        if (d < 0) return;
    }
}

static void move_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const move_box *whole = context;
    move_box box = *whole;
    int d = whole->split;
    box.size[d] = end - begin;
    box.to_data += begin * box.to[d] * (int64_t)box.item;
    box.from_data += begin * box.from[d] * (int64_t)box.item;
    move_run(&box);
}

/* Drops dims of size 1 and joins neighbours that are one dim in both layouts. */
static void move_merge(move_box *box, tp_shape shape, const int64_t *to, const int64_t *from) {
    int n = 0;
    for (int d = 0; d < shape.ndim; d++) {
        int64_t size = shape.dims[d];
        if (size == 1) continue;
        if (n > 0 && box->to[n - 1] == size * to[d] && box->from[n - 1] == size * from[d]) {
            n--;
            size *= box->size[n];
        }
        box->size[n] = size;
        box->to[n] = to[d];
        box->from[n] = from[d];
        n++;
    }
    box->ndim = n;
}

static void move_swap(move_box *box, int a, int b) {
#define MOVE_SWAP(array)                                                                                     \
    do {                                                                                                     \
        int64_t kept = box->array[a];                                                                        \
        box->array[a] = box->array[b];                                                                       \
        box->array[b] = kept;                                                                                \
    } while (0)
    MOVE_SWAP(size);
    MOVE_SWAP(to);
    MOVE_SWAP(from);
#undef MOVE_SWAP
}

/* Makes the last two dims a matrix worth having: what is packed in `from` comes beside what is packed in
 * `to`. */
static void move_order(move_box *box) {
    while (box->ndim < 2) { /* a row of one, or one element, is a matrix too */
        memmove(box->size + 1, box->size, sizeof *box->size);
        memmove(box->to + 1, box->to, sizeof *box->to);
        memmove(box->from + 1, box->from, sizeof *box->from);
        box->size[0] = 1;
        box->to[0] = box->from[0] = 1;
        box->ndim++;
    }
    int last = box->ndim - 1;
    if (box->from[last] == 1) return;
    for (int d = 0; d < last - 1; d++)
        if (box->from[d] == 1) {
            move_swap(box, d, last - 1);
            return;
        }
}

void tp__move(size_t item, tp_shape shape, char *to, const int64_t *to_strides, const char *from,
              const int64_t *from_strides) {
    int64_t n = 1;
    for (int d = 0; d < shape.ndim; d++) n *= shape.dims[d];
    if (n == 0) return;
    move_box box;
    move_merge(&box, shape, to_strides, from_strides);
    bool packed = box.ndim == 0 || (box.ndim == 1 && box.to[0] == 1 && box.from[0] == 1);
    if (packed && n < 2 * TP__MOVE_GRAIN) {
        memcpy(to, from, (size_t)n * item);
        return;
    }
    box.item = item;
    box.to_data = to;
    box.from_data = from;
    move_order(&box);
    box.split = 0;
    for (int d = 1; d < box.ndim; d++)
        if (box.size[d] > box.size[box.split]) box.split = d;
    int64_t each = n / box.size[box.split];
    tp__parallel_for(box.size[box.split], (TP__MOVE_GRAIN + each - 1) / each, move_range, &box);
}

/* ---- filling ----------------------------------------------------------------------------------------- */

typedef struct fill_job {
    size_t item;
    char *to;
    const void *value;
} fill_job;

static void fill_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const fill_job *job = context;
    char *to = job->to + begin * (int64_t)job->item;
    size_t n = (size_t)(end - begin);
    if (!job->value) {
        memset(to, 0, n * job->item);
    } else if (job->item == 1) {
        memset(to, *(const uint8_t *)job->value, n);
    } else if (job->item == 4) {
        tp__item4 v = *(const tp__item4 *)job->value;
        for (size_t i = 0; i < n; i++) ((tp__item4 *)(void *)to)[i] = v;
    } else {
        tp__item8 v = *(const tp__item8 *)job->value;
        for (size_t i = 0; i < n; i++) ((tp__item8 *)(void *)to)[i] = v;
    }
}

void tp__move_fill(size_t item, char *to, const void *value, int64_t n) {
    fill_job job = {item, to, value};
    tp__parallel_for(n, TP__MOVE_GRAIN, fill_range, &job);
}

/* ---- dims and indices -------------------------------------------------------------------------------- */

int tp__wrap_own_dim(const char *op, int dim, const tp_tensor *x) {
    if (x->shape.ndim > 0) return tp__wrap_dim(op, dim, x->shape.ndim);
    tp__error(TP_ERR_INDEX, op, "a 0-d tensor has no dim to take a part of");
    return -1;
}

int64_t tp__wrap_index(const char *op, int64_t index, int64_t size, int dim) {
    if (index < -size || index >= size) {
        tp__error(TP_ERR_INDEX, op, "index %lld is out of range for size %lld of dim %d", (long long)index,
                  (long long)size, dim);
        return -1;
    }
    return index < 0 ? index + size : index;
}

int tp__wrap_new_dim(const char *op, int dim, tp_shape shape) {
    if (shape.ndim == TP_MAX_DIMS) {
        tp__error(TP_ERR_SHAPE, op, "%s has %d dims already, the most there can be", tp__shape_text(shape),
                  TP_MAX_DIMS);
        return -1;
    }
    return tp__wrap_dim(op, dim, shape.ndim + 1);
}

/* A bound of a slice, counted from the end if negative, cut off at the ends. */
static int64_t slice_bound(int64_t bound, int64_t size) {
    if (bound < 0) bound += size;
    return bound < 0 ? 0 : bound > size ? size : bound;
}

bool tp__slice_resolve(const char *op, int64_t size, int64_t start, int64_t end, int64_t step,
                       tp__slice *out) {
    if (step < 1) {
        tp__error(TP_ERR_ARGUMENT, op, "step is %lld, must be at least 1", (long long)step);
        return false;
    }
    start = slice_bound(start, size);
    end = slice_bound(end, size);
    int64_t length = end > start ? 1 + (end - start - 1) / step : 0;
    /* With one element the step is never taken; as 1 it cannot overflow a stride. */
    *out = (tp__slice){start, length, length > 1 ? step : 1};
    return true;
}

tp_shape tp__shape_insert(tp_shape shape, int dim, int64_t size) {
    for (int d = shape.ndim++; d > dim; d--) shape.dims[d] = shape.dims[d - 1];
    shape.dims[dim] = size;
    return shape;
}

tp_shape tp__shape_drop(tp_shape shape, int dim) {
    shape.ndim--;
    for (int d = dim; d < shape.ndim; d++) shape.dims[d] = shape.dims[d + 1];
    return shape;
}
