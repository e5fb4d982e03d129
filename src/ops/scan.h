/* Running sums and products, and what their rules are made of. */
#ifndef TP__OPS_SCAN_H
#define TP__OPS_SCAN_H

#include "ops/ops.h"

/* How a scan goes. */
typedef struct tp__scan_attr {
    int dim;
    bool reverse; /* from the end */
} tp__scan_attr;

/* What is scanned: n elements `step` apart, of which `other` and `indices` may be missing. */
typedef struct tp__scan_line {
    int64_t n, step;
    const void *x, *other;
    void *y;
    int64_t *indices;
} tp__scan_line;
typedef void tp__scan_fn(const tp__scan_line *line);

/* Runs `line` over all lines of x, packed, along the dim. `other` (or NULL) and y are packed and of the shape and
 * the size of item of x, `indices` (or NULL) I64. */
void tp__scan_run(const tp__scan_attr *a, tp__scan_fn *line, const tp_tensor *x, const tp_tensor *other,
                  tp_tensor *y, tp_tensor *indices);

/* The products along the dim, as tp_cumprod() but from either end. Differentiable. */
tp_tensor *tp__cumprod(tp_tensor *x, const tp__scan_attr *a);

/* h[i] = b[i] + a[i] h[i-1], with h[-1] = 0; in reverse h[i+1]. a and b: one shape, floating. What the gradients
 * of scans are made of, its own too: differentiable any number of times. */
tp_tensor *tp__recurrence(tp_tensor *a, tp_tensor *b, const tp__scan_attr *attr);

/* y[i] = x[i-1] along the dim, in reverse x[i+1]; what enters is `fill`. Differentiable. */
tp_tensor *tp__shift(tp_tensor *x, const tp__scan_attr *a, double fill);

#endif
