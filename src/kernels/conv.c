#include "kernels/conv.h"

#include <stdbool.h>

#include <string.h>

#include "kernels/gemm.h"

#define CONV_GEMM TP__ISA_NAME(gemm_kernels)

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/conv_template.h"

#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/conv_template.h"

#define F32N(name) TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX)
#define F64N(name) TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX)
#define BOTH(name)                                                                                           \
    { F32N(name), F64N(name) }

const tp__conv_kernels TP__ISA_NAME(conv_kernels) = {
    .forward = BOTH(conv_forward),
    .input_grad = BOTH(conv_input_grad),
    .weight_grad = BOTH(conv_weight_grad),
    .scratch = BOTH(conv_scratch),
};
