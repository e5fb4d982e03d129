/* What a kernel file is being compiled for. Every file under src/kernels that holds loops is built once
 * per ISA as a CMake object library, which sets TP__ISA: 0 is the compiler's baseline, 3 is x86-64-v3,
 * 4 is x86-64-v4. Kernel code asks TP__ISA, never __AVX2__. */
#ifndef TP__KERNELS_ISA_H
#define TP__KERNELS_ISA_H

#include <stdint.h>

#ifndef TP__ISA
#define TP__ISA 0
#endif

#if TP__ISA == 4
#define TP__ISA_SUFFIX v4
#define TP__VEC_BYTES 64
#elif TP__ISA == 3
#define TP__ISA_SUFFIX v3
#define TP__VEC_BYTES 32
#else
#define TP__ISA_SUFFIX base
#define TP__VEC_BYTES 16
#endif

#define TP__PASTE4_(a, b, c, d) a##b##c##d
#define TP__PASTE4(a, b, c, d) TP__PASTE4_(a, b, c, d)

/* Of a function that many kernels call, once a row or block: its code is worth more than the call. */
#define TP__SHARED __attribute__((noinline, unused))

/* A name that carries the ISA alone: tp__gemm_v4. */
#define TP__ISA_NAME(name) TP__PASTE4(tp__, name, _, TP__ISA_SUFFIX)

#endif
