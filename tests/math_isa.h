/* What tests/math_isa.c exports for each ISA it is compiled for: the functions of kernels/math.h as loops. */
#ifndef TP__TESTS_MATH_ISA_H
#define TP__TESTS_MATH_ISA_H

#include <stddef.h>

/* One function; those of one argument ignore b. */
typedef struct {
    const char *name; /* NULL ends the table */
    void (*f32)(size_t n, const float *a, const float *b, float *y);
    void (*f64)(size_t n, const double *a, const double *b, double *y);
} tp__math_row;

extern const tp__math_row tp__math_rows_base[];
extern const tp__math_row tp__math_rows_v3[];
extern const tp__math_row tp__math_rows_v4[];

#endif
