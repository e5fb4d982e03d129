#include "kernels/norm.h"

#include <stddef.h>

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/rows_template.h"
#include "norm_template.h"
#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/rows_template.h"
#include "norm_template.h"

#define NORM_REALS(name)                                                                                     \
    { TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX), TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX) }

const tp__norm_kernels TP__ISA_NAME(norm_kernels) = {
    .norm_rows = NORM_REALS(norm_rows),
    .norm_rows_grad = NORM_REALS(norm_rows_grad),
    .batch_norm = NORM_REALS(batch_norm),
    .batch_norm_grad = NORM_REALS(batch_norm_grad),
    .masked_scale = NORM_REALS(masked_scale),
};
