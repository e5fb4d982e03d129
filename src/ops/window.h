/* Strided looks at a tensor, and their transposes. */
#ifndef TP__OPS_WINDOW_H
#define TP__OPS_WINDOW_H

#include "ops/ops.h"

/* Element (i, j, ...) of a window is element offset + i steps[0] + j steps[1] + ... of a tensor, counted row-major, whatever its
 * strides. Windows may overlap. */
typedef struct tp__window {
    tp_shape shape;
    int64_t steps[TP_MAX_DIMS];
    int64_t offset;
} tp__window;

/* The transpose of a window: a tensor of `shape`, zeros but for the sums of what of `part` lies on each element. Differentiable; the
 * window has been checked to lie inside. */
tp_tensor *tp__window_scatter(const tp__op *op, tp_tensor *part, tp_shape shape, const tp__window *window);

/* Records `view`, which shows x through the window and shares its storage, as the result of `op`. Its rule is tp__window_vjp. */
tp_tensor *tp__window_record(const tp__op *op, tp_tensor *view, tp_tensor *x, const tp__window *window);
void tp__window_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx);

/* The rule of an op that is made by tp__window_scatter(). */
void tp__window_scatter_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx);

#endif
