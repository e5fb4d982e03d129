/* The kernels of the ISA level in use. Each family declares a table of function pointers in its own header
 * (elementwise.h, reduce.h, gemm.h, ...), and one such table for each ISA level is defined by the family's source, compiled once
 * per level. This header ties them together. */
#ifndef TP__KERNELS_KERNELS_H
#define TP__KERNELS_KERNELS_H

#include <stdbool.h>

/* family, in the order of the struct below: each has src/kernels/<family>.h with `tp__<family>_kernels` */
#define TP__KERNEL_FAMILIES(X)                                                                               \
    X(elementwise)                                                                                           \
    X(reduce)                                                                                                \
    X(softmax)                                                                                               \
    X(norm)                                                                                                  \
    X(loss)                                                                                                  \
    X(gemm)                                                                                                  \
    X(conv)                                                                                                  \
    X(pool)                                                                                                  \
    X(recurrent)                                                                                             \
    X(attention)                                                                                             \
    X(optim)

#define TP__DECLARE_FAMILY(family) typedef struct tp__##family##_kernels tp__##family##_kernels;
TP__KERNEL_FAMILIES(TP__DECLARE_FAMILY)
#undef TP__DECLARE_FAMILY

typedef struct tp__kernels {
    const char *name; /* "baseline", "v3", "v4" */
#define TP__FAMILY_MEMBER(family) const tp__##family##_kernels *family;
    TP__KERNEL_FAMILIES(TP__FAMILY_MEMBER)
#undef TP__FAMILY_MEMBER
} tp__kernels;

/* The level in use: taken once when the library is loaded, the best that the CPU has, or TAPER_ISA's. */
extern const tp__kernels *tp__kern;

/* Takes another level ("baseline", "v3", "v4"); false if the build or the CPU does not have it. For tests: no kernel may be
 * running. */
bool tp__kernels_use(const char *name);

/* The names of the levels that can be used here, best last, NULL-terminated. */
const char *const *tp__kernels_available(void);

#endif
