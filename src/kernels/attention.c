#include "kernels/attention.h"

#include <math.h>
#include <stddef.h>

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/rows_template.h"
#include "kernels/attention_template.h"
#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/rows_template.h"
#include "kernels/attention_template.h"

#define ATTENTION_REALS(name)                                                                                \
    { TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX), TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX) }

const tp__attention_kernels TP__ISA_NAME(attention_kernels) = {
    .weigh = ATTENTION_REALS(attention_weigh),
    .finish = ATTENTION_REALS(attention_finish),
    .unweigh = ATTENTION_REALS(attention_unweigh),
    .dots = ATTENTION_REALS(attention_dots),
};
