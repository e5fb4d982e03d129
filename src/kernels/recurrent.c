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

#define RECURRENT_CELLS(suffix)                                                                              \
    {                                                                                                        \
        RECURRENT_REALS(rnn_tanh##suffix), RECURRENT_REALS(rnn_relu##suffix), RECURRENT_REALS(gru##suffix),  \
            RECURRENT_REALS(lstm##suffix)                                                                    \
    }

const tp__recurrent_kernels TP__ISA_NAME(recurrent_kernels) = {
    .forward = RECURRENT_CELLS(),
    .backward = RECURRENT_CELLS(_grad),
    .add = RECURRENT_REALS(recurrent_add),
};
