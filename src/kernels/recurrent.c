#include "kernels/recurrent.h"

#include <stddef.h>

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/recurrent_template.h"
#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/math.h"
#include "kernels/recurrent_template.h"

#define RECURRENT_REALS(name)                                                                                \
    { TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX), TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX) }

const tp__recurrent_kernels TP__ISA_NAME(recurrent_kernels) = {
    .lstm = RECURRENT_REALS(lstm),
    .lstm_grad = RECURRENT_REALS(lstm_grad),
};
