/* Pooling of planes, for pooling of other dims. */
#ifndef TP__OPS_POOL_H
#define TP__OPS_POOL_H

#include "kernels/pool.h"
#include "ops/ops.h"
#include "taper/pool.h"

/* The pooled planes of x: (..., h, w), of a checked geometry, recorded, in the current scope with what they are made of. index: I32, of the
 * largest elements in their planes. */
tp_tensor *tp__max_pool_planes(const char *op, tp_tensor *x, const tp__pool2d *g, tp_tensor **index);
tp_tensor *tp__avg_pool_planes(const tp__pool2d *g, tp_tensor *x);

/* Ends `scope` and gives both results, the index as I64, or neither if y is NULL. */
tp_values tp__pool_values(tp_scope *scope, tp_tensor *y, tp_tensor *index);

/* Windows that follow from the sizes alone; an output size of -1 is the input's. */
tp__pool2d tp__pool_adaptive(int64_t h, int64_t w, int64_t out_h, int64_t out_w);

#endif
