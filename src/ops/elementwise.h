/* The elementwise ops from the inside. elementwise.c runs and records them, elementwise_rows.c makes one of each row of
 * kernels/elementwise.def, elementwise_once.c has the loops that are compiled once for all ISAs. */
#ifndef TP__OPS_ELEMENTWISE_H
#define TP__OPS_ELEMENTWISE_H

#include "ops/ops.h"

/* The classes of rows, see elementwise.def. */
typedef enum tp__ew_class { FLOAT, RARE, SAME, MIXED, ONCE, REAL, INT } tp__ew_class;

typedef struct tp__ew_attr {
    double params[2];
} tp__ew_attr;

/* A row as an op. */
typedef struct tp__ew_def {
    tp__op op; /* the first member */
    enum tp__ew row;
    tp__ew_class class;
    int n_params;
    uint32_t uses[3];              /* what the derivative by each input reads, PASS, SLOW */
    const char *inplace, *instead; /* "add_", "tp_add": names for the messages of the in-place form */
} tp__ew_def;

/* Indexed as the kernels' own tables are; NULL where those have the loop. */
typedef tp__loop *tp__ew_loops[TP__EW_DTYPES];
extern const tp__ew_loops tp__ew_once[TP__EW_COUNT];

tp_tensor *tp__ew_unary(const tp__ew_def *def, tp_tensor *x, tp__ew_attr attr);
tp_tensor *tp__ew_unary_(const tp__ew_def *def, tp_tensor *x, tp__ew_attr attr);
tp_tensor *tp__ew_binary(const tp__ew_def *def, const char *name, tp_tensor *a, tp_tensor *b);
tp_tensor *tp__ew_binary_(const tp__ew_def *def, tp_tensor *a, tp_tensor *b);
tp_tensor *tp__ew_ternary(const tp__ew_def *def, const char *name, tp_tensor *a, tp_tensor *b, tp_tensor *c,
                          tp__ew_attr attr);
tp_tensor *tp__ew_ternary_(const tp__ew_def *def, const char *name, tp_tensor *a, tp_tensor *b, tp_tensor *c,
                           tp__ew_attr attr);

/* A binary op of which one operand is a number; `first` says that it is the first. */
tp_tensor *tp__ew_scalar(const tp__ew_def *def, const char *name, tp_tensor *x, double s, bool first);
tp_tensor *tp__ew_scalar_(const tp__ew_def *def, const char *name, tp_tensor *x, double s);

tp_tensor *tp__ew_compare(const char *op, enum tp__ew row, tp_tensor *a, tp_tensor *b);
tp_tensor *tp__ew_compare_scalar(const char *op, enum tp__ew row, tp_tensor *x, double s);

/* The fused derivative by one input; `last`: g may be overwritten. */
tp_tensor *tp__ew_fused(tp__ctx *ctx, const tp__ew_def *def, int input, tp_tensor *g, bool last);

/* The number as a 0-d tensor of the dtype of `x` (F32 where `def` turns integers to it): false with a record if it would
 * not fit there. */
tp_tensor *tp__ew_number(const char *op, tp_dtype dtype, double s);

/* Rows that have no public function of their own. */
tp_tensor *tp__polygamma(tp_tensor *x, double n);
tp_tensor *tp__softplus(tp_tensor *x, double beta, double threshold);
tp_tensor *tp__prelu(tp_tensor *x, tp_tensor *weight);

#endif
