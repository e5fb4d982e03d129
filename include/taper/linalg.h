/* Matrix products. F32 and F64, both operands alike after promotion; TP_ERR_DTYPE for integers. The results
 * are the same bits at any number of threads. */
#ifndef TAPER_LINALG_H
#define TAPER_LINALG_H

#include "taper/base.h"

TP_BEGIN_DECLS

/* The matrix product, by PyTorch's rules: (n) x (n) -> (); (m, n) x (n) -> (m); (n) x (n, p) -> (p);
 * (..., m, n) x (..., n, p) -> (..., m, p) with the leading dims broadcast. Errors: TP_ERR_SHAPE when inner
 * sizes differ, leading dims do not broadcast, or an operand is 0-d. */
TP_API tp_tensor *tp_matmul(tp_tensor *a, tp_tensor *b);

/* x weight^T + bias. x: (..., in), weight: (out, in), bias: (out) or NULL -> (..., out). */
TP_API tp_tensor *tp_linear(tp_tensor *x, tp_tensor *weight, tp_tensor *bias);

/* sum_i a_i b_i of two vectors (n): (). */
TP_API tp_tensor *tp_dot(tp_tensor *a, tp_tensor *b);

/* a_i b_j of vectors (n), (m): (n, m). Of any dtype. */
TP_API tp_tensor *tp_outer(tp_tensor *a, tp_tensor *b);

TP_END_DECLS

#endif
