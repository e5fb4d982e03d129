#include "kernels/optim.h"

#include <stddef.h>

#if defined(__GNUC__)
#define OPTIM_INLINE __attribute__((always_inline))
#else
#define OPTIM_INLINE
#endif

#define TP__REAL 32
#include "kernels/real.h"
#include "optim_template.h"
#define TP__REAL 64
#include "kernels/real.h"
#include "optim_template.h"

#define OPTIM_REALS(name)                                                                                    \
    { TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX), TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX) }

#define OPTIM_RMSPROP(real)                                                                                  \
    {                                                                                                        \
        TP__PASTE4(tp__, rmsprop, _##real##_, TP__ISA_SUFFIX),                                               \
            TP__PASTE4(tp__, rmsprop_momentum, _##real##_, TP__ISA_SUFFIX),                                  \
            TP__PASTE4(tp__, rmsprop_centered, _##real##_, TP__ISA_SUFFIX),                                  \
            TP__PASTE4(tp__, rmsprop_both, _##real##_, TP__ISA_SUFFIX)                                       \
    }

const tp__optim_kernels TP__ISA_NAME(optim_kernels) = {
    .sgd = OPTIM_REALS(sgd),
    .sgd_momentum = OPTIM_REALS(sgd_momentum),
    .adam = OPTIM_REALS(adam),
    .amsgrad = OPTIM_REALS(amsgrad),
    .nadam = OPTIM_REALS(nadam),
    .radam = OPTIM_REALS(radam),
    .rmsprop = {OPTIM_RMSPROP(f32), OPTIM_RMSPROP(f64)},
    .adagrad = OPTIM_REALS(adagrad),
};
