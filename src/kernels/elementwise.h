/* Kernels of the elementwise ops, generated from elementwise.def. All work on packed rows; what is strided or
 * broadcast the iterator (src/ops/iter.c) brings into packed blocks. */
#ifndef TP__KERNELS_ELEMENTWISE_H
#define TP__KERNELS_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

/* n elements: p[0] is written, p[1] and on are read; they may be the same memory. */
typedef void tp__loop(int64_t n, char *const *p, const double *params);

enum tp__ew {
#define UNARY(name, ...) TP__EW_##name,
#define UNARY_P1 UNARY
#define UNARY_P2 UNARY
#define SCALAR_FIRST UNARY
#define BINARY UNARY
#define TERNARY UNARY
#define TERNARY_P1 UNARY
#define COMPARE UNARY
#define COMPARE_P1 UNARY
#define TEST UNARY
#include "kernels/elementwise.def"
    TP__EW_COUNT
};

/* What a derivative reads, and whether it is left to the recorded rule; SLOW is an op that costs more than arithmetic. */
enum { SAVE_NONE = 0, SAVE_X = 1, SAVE_Y = 4, USES_A = 1, USES_B = 2, USES_C = 4, PASS = 8, SLOW = 16 };

/* Indexed by tp_dtype; BOOL uses U8's. NULL where an op does not compute in a dtype, or is compiled once for all levels
 * (src/ops/elementwise_once.c). */
#define TP__EW_DTYPES 5

typedef struct tp__ew_row {
    tp__loop *forward[TP__EW_DTYPES]; /* p: y, x or y, a, b */
    tp__loop *vjp[2][2];              /* [input][F32 or F64]; p: dx, g, x, (unused), y or dx, g, a, b, y;
                                         NULL where the recorded rule is as good */
} tp__ew_row;

typedef struct tp__elementwise_kernels {
    tp__ew_row rows[TP__EW_COUNT];
    tp__loop *where[TP__EW_DTYPES]; /* p: y, condition (bytes), a, b */
} tp__elementwise_kernels;

extern const tp__elementwise_kernels tp__elementwise_kernels_base, tp__elementwise_kernels_v3,
    tp__elementwise_kernels_v4;

#endif
