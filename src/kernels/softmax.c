#include "kernels/softmax.h"

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/rows_template.h"
#include "softmax_template.h"
#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/rows_template.h"
#include "softmax_template.h"

#define SOFTMAX_REALS(name)                                                                                  \
    { TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX), TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX) }

const tp__softmax_kernels TP__ISA_NAME(softmax_kernels) = {
    .softmax_rows = SOFTMAX_REALS(softmax_rows),
    .log_softmax_rows = SOFTMAX_REALS(log_softmax_rows),
    .softmax_cols = SOFTMAX_REALS(softmax_cols),
    .log_softmax_cols = SOFTMAX_REALS(log_softmax_cols),
    .softmax_rows_grad = SOFTMAX_REALS(softmax_rows_grad),
    .log_softmax_rows_grad = SOFTMAX_REALS(log_softmax_rows_grad),
    .softmax_cols_grad = SOFTMAX_REALS(softmax_cols_grad),
    .log_softmax_cols_grad = SOFTMAX_REALS(log_softmax_cols_grad),
    .logsumexp_rows = SOFTMAX_REALS(logsumexp_rows),
    .cross_entropy = SOFTMAX_REALS(cross_entropy),
    .cross_entropy_grad = SOFTMAX_REALS(cross_entropy_grad),
};
