#include "kernels/pool.h"

#include <math.h>
#include <string.h>

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/pool_template.h"

#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/pool_template.h"

#define F32N(name) TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX)
#define F64N(name) TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX)
#define BOTH(name)                                                                                           \
    { F32N(name), F64N(name) }

const tp__pool_kernels TP__ISA_NAME(pool_kernels) = {
    .max_forward = BOTH(pool_max_forward),
    .max_backward = BOTH(pool_max_backward),
    .avg_forward = BOTH(pool_avg_forward),
    .avg_backward = BOTH(pool_avg_backward),
};
