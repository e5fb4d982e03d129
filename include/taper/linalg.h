/* Products of matrices and tensors, diagonals, distances. Products take F32 and F64, both operands alike after promotion;
 * tp_matmul(), tp_mm(), tp_bmm(), tp_mv() and tp_dot() also two of integers, which wrap around. Else TP_ERR_DTYPE. The results are the same bits at any number of threads. What goes through LAPACK is in decompose.h. */
#ifndef TAPER_LINALG_H
#define TAPER_LINALG_H

#include "taper/base.h"
#include "taper/shape.h"

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

/* Products of exactly these shapes: (m, k) x (k, n); (b, m, k) x (b, k, n); (m, k) x (k). Errors: TP_ERR_SHAPE. */
TP_API tp_tensor *tp_mm(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_bmm(tp_tensor *a, tp_tensor *b);
TP_API tp_tensor *tp_mv(tp_tensor *a, tp_tensor *x);

typedef struct tp_addmm_options {
    double beta;  /* of the input: 0 is 1, TP_ZERO is 0, and then the input is not read */
    double alpha; /* of the product: 0 is 1, TP_ZERO is 0 */
} tp_addmm_options;

/* beta input + alpha a b, with the shapes of tp_mm(), tp_mv() and tp_bmm(); the input broadcasts to the product's. */
TP_API tp_tensor *tp_addmm(tp_tensor *input, tp_tensor *a, tp_tensor *b, tp_addmm_options options);
TP_API tp_tensor *tp_addmv(tp_tensor *input, tp_tensor *a, tp_tensor *x, tp_addmm_options options);
TP_API tp_tensor *tp_baddbmm(tp_tensor *input, tp_tensor *a, tp_tensor *b, tp_addmm_options options);

/* y_o = x1^T weight_o x2 + bias_o. x1: (..., in1), x2: (..., in2), weight: (out, in1, in2), bias: (out) or NULL -> (..., out). */
TP_API tp_tensor *tp_bilinear(tp_tensor *x1, tp_tensor *x2, tp_tensor *weight, tp_tensor *bias);

/* Einstein summation: each letter names a dim, the same letter the same size (or 1, which is stretched); what the output does not
 * name is summed. A letter twice in one operand is a diagonal, "..." any further dims, which broadcast; without -> the output
 * is ... and then the letters that stand once, in alphabetical order, capitals first. Blanks are passed over. 1 to 32
 * operands, contracted from left to right, each pair by one matrix product (or, nothing summed, by tp_mul()). F32 and F64.
 *     tp_einsum("bij,bjk->bik", TP_TENSORS(a, b))         batched product
 *     tp_einsum("ii", TP_TENSORS(a))                      trace
 * Errors: TP_ERR_ARGUMENT, which shows the equation and the place, TP_ERR_SHAPE. Source: torch.einsum. */
TP_API tp_tensor *tp_einsum(const char *equation, tp_tensors operands);

/* Sums products over the last `dims` dims of a and the first of b; or over pairs of dims, a_dims[k] of a with b_dims[k] of b. A size
 * of 1 is stretched. The result has the other dims of a, then those of b. tp_tensordot_dims() with TP_NO_DIMS multiplies all with
 * all. */
TP_API tp_tensor *tp_tensordot(tp_tensor *a, tp_tensor *b, int dims);
TP_API tp_tensor *tp_tensordot_dims(tp_tensor *a, tp_tensor *b, tp_dims a_dims, tp_dims b_dims);

/* Sums a b over one dim, after broadcasting. Source: torch.linalg.vecdot. */
TP_API tp_tensor *tp_vecdot(tp_tensor *a, tp_tensor *b, int dim);

/* Sums over the last dims of both: (..., k), (*, k) -> (..., *). Of a 0-d operand: the product. */
TP_API tp_tensor *tp_inner(tp_tensor *a, tp_tensor *b);

/* The Kronecker product, of up to 4 dims; the smaller number of dims is filled up in front. Any dtype. */
TP_API tp_tensor *tp_kron(tp_tensor *a, tp_tensor *b);

/* The cross product of vectors of 3 along `dim` (PyTorch's default is -1). Any dtype but BOOL. Source: torch.linalg.cross. */
TP_API tp_tensor *tp_cross(tp_tensor *a, tp_tensor *b, int dim);

/* a multiplied by itself n times, (*, m, m); the inverse's power for a negative n, which needs LAPACK (TP_ERR_UNSUPPORTED). */
TP_API tp_tensor *tp_linalg_matrix_power(tp_tensor *a, int64_t n);

/* The product of 2 to 32 matrices in the order that costs least; the first and the last may be vectors. */
TP_API tp_tensor *tp_linalg_multi_dot(tp_tensors matrices);

/* Diagonals. Any dtype. */

/* The elements (i, i + offset) of two dims, as a view: (..., length) with the two dims taken out. Errors: TP_ERR_SHAPE for
 * fewer than two dims, TP_ERR_INDEX, TP_ERR_ARGUMENT for a dim twice. */
TP_API tp_tensor *tp_diagonal(tp_tensor *x, int64_t offset, int dim1, int dim2);

/* The transpose: a tensor of zeros with x's last dim on that diagonal, of which dim1 and dim2 are the new dims. */
TP_API tp_tensor *tp_diag_embed(tp_tensor *x, int64_t offset, int dim1, int dim2);

/* A vector as a diagonal matrix; a matrix's diagonal. Errors: TP_ERR_SHAPE for other numbers of dims. */
TP_API tp_tensor *tp_diag(tp_tensor *x, int64_t offset);

/* The sum of a matrix's diagonal. */
TP_API tp_tensor *tp_trace(tp_tensor *x);

/* Distances. p: the norm, 0 (differences that are not zero), 1, 2, INFINITY or any positive number. At a distance of zero the
 * gradient is zero. F32 and F64. Errors: TP_ERR_ARGUMENT for a negative p. */

/* Of each row of a to each of b: (..., P, M), (..., R, M) -> (..., P, R), leading dims broadcast. For p = 2 and more than 25 rows by
 * a matrix product, as PyTorch does, which loses digits for vectors that lie close together. */
TP_API tp_tensor *tp_cdist(tp_tensor *a, tp_tensor *b, double p);

typedef struct tp_pairwise_distance_options {
    double p;   /* 0 is 2, TP_ZERO is 0 */
    double eps; /* added to each difference: 0 is 1e-6, TP_ZERO is 0 */
    bool keepdim;
} tp_pairwise_distance_options;

/* |a - b + eps| over the last dim, after broadcasting. */
TP_API tp_tensor *tp_pairwise_distance(tp_tensor *a, tp_tensor *b, tp_pairwise_distance_options options);

/* a b / (max(|a|, eps) max(|b|, eps)) along `dim`, after broadcasting. PyTorch's defaults are 1 and 1e-8. Below eps a length counts
 * as the constant it is replaced by (PyTorch's gradient goes on as if it were not replaced). */
TP_API tp_tensor *tp_cosine_similarity(tp_tensor *a, tp_tensor *b, int dim, double eps);

TP_END_DECLS

#endif
