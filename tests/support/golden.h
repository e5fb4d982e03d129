/* Golden files: what PyTorch computed (scripts/make-golden.py). */
#ifndef GOLDEN_H
#define GOLDEN_H

#include "taper/base.h"
#include "taper/dtype.h"

typedef struct golden golden;

/* tests/golden/<name>.safetensors; fails the running test if it cannot be read. */
golden *golden_open(const char *name);
void golden_close(golden *file);

/* The cases, by name, and their arguments, "op=conv2d stride=2,1". */
int golden_count(const golden *file);
const char *golden_name(const golden *file, int i);
const char *golden_args(const golden *file, int i);

/* The tensor named by the format, in the current scope, floating ones as `real`; NULL without an error if
 * there is none. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
tp_tensor *
golden_tensor(const golden *file, tp_dtype real, const char *format, ...);

/* How many tensors the file holds, and the name of the i-th. */
int golden_tensor_count(const golden *file);
const char *golden_tensor_name(const golden *file, int i);

/* Arguments: the number of values of `key`, which go to `values`, 0 if it is not there or empty; one value, or
 * the default; text, in a static buffer, "" if it is not there. */
int args_numbers(const char *args, const char *key, double *values, int max);
double args_number(const char *args, const char *key, double otherwise);
const char *args_text(const char *args, const char *key);

/* The largest |got - want| / (1 + |want|) over all elements, infinite if shapes differ or one is NULL; equal
 * infinities and two NaN differ by 0. */
double golden_error(const tp_tensor *got, const tp_tensor *want);

/* The count of what differed; the first are printed. */
extern int golden_failures;
void golden_failed(const char *name, tp_dtype real, const char *what, int k, double error);
void golden_broken(const char *name, tp_dtype real); /* the op of a case failed, or is not known */
double golden_tolerance(tp_dtype real);
void golden_compare(const char *name, tp_dtype real, const char *what, int k, const tp_tensor *got,
                    const tp_tensor *want, double tol);

/* In golden_modules.c, golden_optim.c and golden_lr.c. */
void golden_check_modules(void);
void golden_check_optimizers(void);
void golden_check_schedules(void);

#endif
