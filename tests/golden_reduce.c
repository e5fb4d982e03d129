/* Golden cases: reduce. */
#include "support/golden_op.h"

/* clang-format off */
#define OPS(OP) \
    OP(sum, (X)) OP(mean, (X)) OP(var, (X)) OP(std, (X)) OP(sum_dim, (X, golden_dims(c), KEEP)) \
    OP(mean_dim, (X, golden_dims(c), KEEP)) OP(amax, (X, golden_dims(c), KEEP)) \
    OP(amin, (X, golden_dims(c), KEEP)) OP(logsumexp, (X, golden_dims(c), KEEP)) \
    OP(var_dim, (X, golden_dims(c), golden_number(c, "correction"), KEEP)) \
    OP(std_dim, (X, golden_dims(c), golden_number(c, "correction"), KEEP)) OP(argmax, (X)) \
    OP(argmin, (X)) OP(argmax_dim, (X, DIM, KEEP)) OP(argmin_dim, (X, DIM, KEEP)) OP(softmax, (X, DIM)) \
    OP(log_softmax, (X, DIM)) OP(any, (X)) OP(all, (X)) \
    OP(count_nonzero, (X)) OP(count_nonzero_dim, (X, golden_dims(c), KEEP)) OP(cumsum, (X, DIM)) OP(nansum, (X)) OP(nansum_dim, (X, golden_dims(c), KEEP)) OP(prod, (X)) OP(prod_dim, (X, golden_dims(c), KEEP)) OP(median, (X)) \
    OP(norm, (X, golden_number(c, "p"))) OP(norm_dim, (X, golden_number(c, "p"), golden_dims(c), KEEP)) \
    OP(cumprod, (X, DIM)) OP(logcumsumexp, (X, DIM)) \
    OP(any_dim, (X, golden_dims(c), KEEP)) OP(all_dim, (X, golden_dims(c), KEEP))
/* clang-format on */

OPS(GOLDEN_RUNNER)

static int run_max_dim(const golden_call *c) { return golden_values(c, tp_max_dim(X, DIM, KEEP)); }
static int run_min_dim(const golden_call *c) { return golden_values(c, tp_min_dim(X, DIM, KEEP)); }
static int run_median_dim(const golden_call *c) { return golden_values(c, tp_median_dim(X, DIM, KEEP)); }
static int run_cummax(const golden_call *c) { return golden_values(c, tp_cummax(X, DIM)); }
static int run_cummin(const golden_call *c) { return golden_values(c, tp_cummin(X, DIM)); }

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
    {"max_dim", run_max_dim, 0, 0},
    {"min_dim", run_min_dim, 0, 0},
    {"median_dim", run_median_dim, 0, 0},
    {"cummax", run_cummax, 0, 0},
    {"cummin", run_cummin, 0, 0},
};
/* clang-format on */
GOLDEN_FAMILY(reduce, rows)
