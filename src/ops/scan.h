/* Running sums and products, and what their rules are made of. */
#ifndef TP__OPS_SCAN_H
#define TP__OPS_SCAN_H

#include "ops/ops.h"

/* How a scan goes. */
typedef struct tp__scan_attr {
    int dim;
    bool reverse; /* from the end */
} tp__scan_attr;

/* What is scanned: `width` columns of n elements that are `step` apart, of which `other` and `indices` may be
 * missing. The columns lie side by side: what is not the last dim is scanned in strips, so that a line of memory
 * read for one column serves its neighbours too. */
#define TP__SCAN_WIDTH 16
typedef struct tp__scan_strip {
    int64_t n, step;
    const void *x, *other;
    void *y;
    int64_t *indices;
} tp__scan_strip;
typedef void tp__scan_fn(const tp__scan_strip *s, int width);

/* Begins the definition of a tp__scan_fn, whose body follows: compiled three times, for one column, for a full strip
 * and for any width. */
#define TP__SCAN(name)                                                                                       \
    static inline __attribute__((always_inline)) void name##_columns(const tp__scan_strip *s, int width);    \
    static void name(const tp__scan_strip *s, int width) {                                                   \
        if (width == 1) name##_columns(s, 1);                                                                \
        else if (width == TP__SCAN_WIDTH) name##_columns(s, TP__SCAN_WIDTH);                                 \
        else name##_columns(s, width);                                                                       \
    }                                                                                                        \
    static inline __attribute__((always_inline)) void name##_columns(const tp__scan_strip *s, int width)

/* One whose state is a number of type A: y[i] = state = NEXT(state, x[i]). */
#define TP__SCAN_SIMPLE(name, type, A, start, NEXT)                                                          \
    TP__SCAN(name) {                                                                                         \
        const type *x = s->x;                                                                                \
        type *y = s->y;                                                                                      \
        A state[TP__SCAN_WIDTH];                                                                             \
        for (int c = 0; c < width; c++) state[c] = start;                                                    \
        for (int64_t i = 0; i < s->n; i++)                                                                   \
            for (int c = 0; c < width; c++)                                                                  \
                y[i * s->step + c] = (type)(state[c] = NEXT(state[c], (A)x[i * s->step + c]));               \
    }

/* Runs `scan` over all lines of x, packed, along the dim. `other` (or NULL) and y are packed and of the shape and
 * the size of item of x, `indices` (or NULL) I64. */
void tp__scan_run(const tp__scan_attr *a, tp__scan_fn *scan, const tp_tensor *x, const tp_tensor *other,
                  tp_tensor *y, tp_tensor *indices);

/* The products along the dim, as tp_cumprod() but from either end. Differentiable. */
tp_tensor *tp__cumprod(tp_tensor *x, const tp__scan_attr *a);

/* h[i] = b[i] + a[i] h[i-1], with h[-1] = 0; in reverse h[i+1]. a and b: one shape, floating. What the gradients
 * of scans are made of, its own too: differentiable any number of times. */
tp_tensor *tp__recurrence(tp_tensor *a, tp_tensor *b, const tp__scan_attr *attr);

/* y[i] = x[i-1] along the dim, in reverse x[i+1]; what enters is `fill`. Differentiable. */
tp_tensor *tp__shift(tp_tensor *x, const tp__scan_attr *a, double fill);

#endif
