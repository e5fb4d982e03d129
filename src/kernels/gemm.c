#include "kernels/gemm.h"

#include <string.h>

#define TP__REAL 32
#include "kernels/real.h"
#include "kernels/gemm_template.h"

#define TP__REAL 64
#include "kernels/real.h"
#include "kernels/gemm_template.h"

#define F32N(name) TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX)
#define F64N(name) TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX)

const tp__gemm_kernels TP__ISA_NAME(gemm_kernels) = {
    .run = {F32N(gemm_run), F64N(gemm_run)},
    .scratch = {F32N(gemm_scratch), F64N(gemm_scratch)},
    .pack = {F32N(gemm_pack_all), F64N(gemm_pack_all)},
    .packed = {F32N(gemm_packed), F64N(gemm_packed)},
    .tile = {F32N(gemm_tap_tile), F64N(gemm_tap_tile)},
    .turn = {F32N(gemm_turn), F64N(gemm_turn)},
    .tile_rows = GEMM_MR,
    .tile_columns = {2 * TP__VEC_BYTES / 4, 2 * TP__VEC_BYTES / 8},
};
