/* The vocabulary of a kernel template. A kernel file sets TP__REAL to 32 or 64, includes this header and
 * then its template, once for each:
 *
 *     #define TP__REAL 32
 *     #include "kernels/real.h"
 *     #include "softmax_template.h"
 *     #define TP__REAL 64
 *     #include "kernels/real.h"
 *     #include "softmax_template.h"
 *
 * It has no include guard on purpose: each inclusion replaces the last one's definitions. */
#include "kernels/isa.h"

#undef T
#undef TI
#undef TU
#undef FN
#undef NUM
#undef TP__LANES
#undef TP__REAL_IS_32

#if TP__REAL == 32
#define TP__REAL_IS_32 1
#define T float
#define TI int32_t
#define TU uint32_t
#define NUM(literal) ((float)(literal)) /* so that f32 never computes in double */
#define FN(name) TP__PASTE4(tp__, name, _f32_, TP__ISA_SUFFIX)
#define TP__LANES ((int)(TP__VEC_BYTES / 4))
#else
#define TP__REAL_IS_32 0
#define T double
#define TI int64_t
#define TU uint64_t
#define NUM(literal) ((double)(literal))
#define FN(name) TP__PASTE4(tp__, name, _f64_, TP__ISA_SUFFIX)
#define TP__LANES ((int)(TP__VEC_BYTES / 8))
#endif

#undef TP__REAL
