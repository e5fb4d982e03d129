#include "kernels/loss.h"

#include <stddef.h>

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/rows_template.h"
#include "loss_template.h"
#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/rows_template.h"
#include "loss_template.h"

#define LOSS_REALS(name)                                                                                     \
    { TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX), TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX) }

const tp__loss_kernels TP__ISA_NAME(loss_kernels) = {
    .each = LOSS_REALS(loss_each),
    .sum = LOSS_REALS(loss_sum),
};
