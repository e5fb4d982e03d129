/* Version, export macro, and the macros other headers are written in. */
#ifndef TAPER_BASE_H
#define TAPER_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TP_VERSION_MAJOR 0
#define TP_VERSION_MINOR 1
#define TP_VERSION_PATCH 0

#if defined(TP_STATIC) || defined(_WIN32)
#define TP_API
#else
#define TP_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
#define TP_BEGIN_DECLS extern "C" {
#define TP_END_DECLS }
#else
#define TP_BEGIN_DECLS
#define TP_END_DECLS
#endif

/* Exactly zero, for a number in an options struct whose zero means a default that is not zero. It is -0.0;
 * no other use of the value is needed: `(tp_adam_options){.eps = TP_ZERO}`. */
#define TP_ZERO (-0.0)

TP_BEGIN_DECLS

typedef struct tp_tensor tp_tensor;       /* tensor.h */
typedef struct tp_scope tp_scope;         /* scope.h */
typedef struct tp_generator tp_generator; /* random.h */

/* The version of the library that runs, "0.1.0"; the macros above are those compiled against. */
TP_API const char *tp_version(void);

/* One line on how the library was built and what it runs on: compiler, ISA levels built and the one in use,
 * OpenMP, BLAS and its kernel, optional parts. The string is static. */
TP_API const char *tp_build_info(void);

/* Sets how many threads taper's kernels use at most, from 1; 0 is the default again (OMP_NUM_THREADS if set,
 * else the number of cores). Results are the same bits at any number. Applies to the whole process.

 * A negative number counts as 0. Returns the number now in force. */
TP_API int tp_set_num_threads(int n);
TP_API int tp_num_threads(void);

TP_END_DECLS

#endif
