/* Golden cases: linalg. */
#include <stdio.h>
#include <string.h>

#include "support/golden_op.h"

#define OFFSET golden_int(c, "offset")
#define D1 golden_int(c, "d1")
#define D2 golden_int(c, "d2")
#define ALL ((tp_tensors){c->n_in, (tp_tensor **)(uintptr_t)c->in})

static tp_addmm_options factors(const golden_call *c) {
    return (tp_addmm_options){golden_number(c, "beta"), golden_number(c, "alpha")};
}

static tp_dims dims_of(const golden_call *c, const char *key) {
    double values[TP_MAX_DIMS];
    tp_dims dims = {.count = args_numbers(c->args, key, values, TP_MAX_DIMS)};
    for (int k = 0; k < dims.count; k++) dims.items[k] = (int)values[k];
    return dims;
}

/* An equation as Python's repr() writes it. */
static const char *equation(const golden_call *c) {
    static char text[64];
    snprintf(text, sizeof text, "%s", args_text(c->args, "equation") + 1);
    text[strcspn(text, "'")] = 0;
    return text;
}

static tp_pairwise_distance_options pairwise(const golden_call *c) {
    return (tp_pairwise_distance_options){golden_number(c, "p"), golden_number(c, "eps"), KEEP};
}

/* clang-format off */
#define OPS(OP) \
    OP(matmul, (X, Y)) OP(linear, (X, Y, c->in[2])) OP(dot, (X, Y)) OP(outer, (X, Y)) OP(mm, (X, Y)) \
    OP(bmm, (X, Y)) OP(mv, (X, Y)) OP(addmm, (X, Y, c->in[2], factors(c))) \
    OP(addmv, (X, Y, c->in[2], factors(c))) OP(baddbmm, (X, Y, c->in[2], factors(c))) \
    OP(bilinear, (X, Y, c->in[2], c->in[3])) OP(einsum, (equation(c), ALL)) \
    OP(tensordot, (X, Y, golden_int(c, "dims"))) OP(tensordot_dims, (X, Y, dims_of(c, "da"), dims_of(c, "db"))) \
    OP(vecdot, (X, Y, DIM)) OP(inner, (X, Y)) OP(kron, (X, Y)) OP(cross, (X, Y, DIM)) \
    OP(linalg_matrix_power, (X, golden_int(c, "n"))) OP(linalg_multi_dot, (ALL)) \
    OP(diagonal, (X, OFFSET, D1, D2)) OP(diag_embed, (X, OFFSET, D1, D2)) OP(diag, (X, OFFSET)) OP(trace, (X)) \
    OP(unfold, (X, DIM, golden_int(c, "size"), golden_int(c, "step"))) \
    OP(as_strided, (X, golden_shape(c, "size"), golden_shape(c, "stride"), OFFSET)) \
    OP(cdist, (X, Y, golden_number(c, "p"))) OP(pairwise_distance, (X, Y, pairwise(c))) \
    OP(cosine_similarity, (X, Y, DIM, golden_number(c, "eps")))
/* clang-format on */

OPS(GOLDEN_RUNNER)

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
};
/* clang-format on */
GOLDEN_FAMILY(linalg, rows)
