/* Errors: status codes and the calling thread's error record.
 *
 * A function that returns an object returns NULL when it fails, and also when a tensor it needs is NULL, so
 * that a chain of calls needs no checks inside it. The first failure leaves a record, which stays *pending*
 * until a function returning tp_status has returned its code, tp_last_error() has read it, or
 * tp_error_clear() dropped it. While one is pending, a NULL that is passed on is no new failure: the record
 * keeps naming the call that broke. */
#ifndef TAPER_STATUS_H
#define TAPER_STATUS_H

#include "taper/base.h"

TP_BEGIN_DECLS

/* name, value, what it means */
#define TP_STATUS_LIST(X)                                                                                    \
    X(TP_OK, 0, "no error")                                                                                  \
    X(TP_ERR_ARGUMENT, 1, "invalid argument")                                                                \
    X(TP_ERR_NULL, 2, "required argument is NULL")                                                           \
    X(TP_ERR_SHAPE, 3, "shapes do not fit")                                                                  \
    X(TP_ERR_DTYPE, 4, "dtype does not fit")                                                                 \
    X(TP_ERR_INDEX, 5, "index out of range")                                                                 \
    X(TP_ERR_MEMORY, 6, "out of memory")                                                                     \
    X(TP_ERR_AUTOGRAD, 7, "not differentiable this way")                                                     \
    X(TP_ERR_GRADCHECK, 8, "gradients differ")                                                               \
    X(TP_ERR_ALIAS, 9, "memory is shared")                                                                   \
    X(TP_ERR_STATE, 10, "not possible in this state")                                                        \
    X(TP_ERR_IO, 11, "file cannot be read or written")                                                       \
    X(TP_ERR_FORMAT, 12, "malformed data")                                                                   \
    X(TP_ERR_UNSUPPORTED, 13, "not supported by this build")                                                 \
    X(TP_ERR_NUMERIC, 14, "numerically impossible")

typedef enum tp_status {
#define TP_STATUS_ENUM(name, value, text) name = value,
    TP_STATUS_LIST(TP_STATUS_ENUM)
#undef TP_STATUS_ENUM
} tp_status;

typedef struct tp_error {
    tp_status code;
    const char *op;      /* the function that failed, without prefix: "matmul" */
    const char *message; /* starts with the function's name: "matmul: inner sizes differ: (2, 3) x (4, 5)" */
} tp_error;

/* "TP_ERR_SHAPE" and "shapes do not fit"; never NULL, also for a number that is no code. */
TP_API const char *tp_status_name(tp_status status);
TP_API const char *tp_status_string(tp_status status);

/* The calling thread's last error, TP_OK with an empty message when there was none. The strings are valid
 * until the thread's next error. Reading it makes it no longer pending. */
TP_API tp_error tp_last_error(void);

/* Forgets the calling thread's record. */
TP_API void tp_error_clear(void);

/* Fails in the name of a user's own op or function: leaves a record as the library's own ops do, with `op`
 * (which must outlive the record, normally a literal) and a printf-formatted message, to which "op: " is put in front. Returns `code`. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
TP_API tp_status
tp_error_set(tp_status code, const char *op, const char *format, ...);

TP_END_DECLS

#endif
