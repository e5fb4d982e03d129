/* Golden cases: sort. */
#include "support/golden_op.h"

#define DOWN golden_flag(c, "down")
#define RIGHT golden_flag(c, "right")
#define K golden_int(c, "k")

/* clang-format off */
#define OPS(OP) \
    OP(argsort, (X, DIM, DOWN)) OP(searchsorted, (X, Y, RIGHT)) OP(bucketize, (X, Y, RIGHT)) \
    OP(bincount, (X, c->n_in > 1 ? Y : NULL, golden_int(c, "minlength")))
/* clang-format on */

OPS(GOLDEN_RUNNER)

static int run_sort(const golden_call *c) { return golden_values(c, tp_sort(X, DIM, DOWN)); }
static int run_topk(const golden_call *c) { return golden_values(c, tp_topk(X, K, DIM, DOWN)); }
static int run_kthvalue(const golden_call *c) { return golden_values(c, tp_kthvalue(X, K, DIM, KEEP)); }

static int golden_unique(const golden_call *c, tp_unique_out y) {
    c->out[0] = y.values;
    c->out[1] = y.inverse;
    c->out[2] = y.counts;
    return 3;
}

static const tp_unique_options all_of_it = {.inverse = true, .counts = true};

static int run_unique(const golden_call *c) { return golden_unique(c, tp_unique(X, all_of_it)); }
static int run_unique_dim(const golden_call *c) { return golden_unique(c, tp_unique_dim(X, DIM, all_of_it)); }
static int run_unique_consecutive(const golden_call *c) {
    return golden_unique(c, tp_unique_consecutive(X, all_of_it));
}

/* clang-format off */
static const golden_row rows[] = {
    OPS(GOLDEN_ROW)
    {"sort", run_sort, 0, 0},
    {"topk", run_topk, 0, 0},
    {"kthvalue", run_kthvalue, 0, 0},
    {"unique", run_unique, 0, 0},
    {"unique_dim", run_unique_dim, 0, 0},
    {"unique_consecutive", run_unique_consecutive, 0, 0},
};
/* clang-format on */
GOLDEN_FAMILY(sort, rows)
