/* How the library's own functions fail. See include/taper/status.h for what users see. */
#ifndef TP__CORE_STATUS_H
#define TP__CORE_STATUS_H

#include "taper/status.h"

#if defined(__GNUC__)
#define TP__LIKELY(x) __builtin_expect(!!(x), 1)
#define TP__UNLIKELY(x) __builtin_expect(!!(x), 0)
#define TP__PRINTF(f, a) __attribute__((format(printf, f, a)))
#define TP__COLD __attribute__((cold, noinline))
#else
#define TP__LIKELY(x) (x)
#define TP__UNLIKELY(x) (x)
#define TP__PRINTF(f, a)
#define TP__COLD
#endif

/* Records a failure of `op`, which becomes pending, and returns `code`. */
tp_status tp__error(tp_status code, const char *op, const char *format, ...) TP__PRINTF(3, 4) TP__COLD;

/* A required argument is NULL: a new failure only if none is pending. Returns the code now pending. */
tp_status tp__error_null(const char *op, const char *argument) TP__COLD;

/* Is a list what it says: `count` things at `items`, which may be NULL for none? */
tp_status tp__check_list(const char *op, const char *argument, int count, const void *items);

tp_status tp__error_memory(const char *op, size_t bytes) TP__COLD;

/* A failure of `from` (NULL: of any) that is pending becomes one of `op`, with the same words: for an op made of others. */
void tp__error_rename(const char *from, const char *op) TP__COLD;

/* Is a failure pending? */
bool tp__error_pending(void);

/* The record is pending again: for a function that was told of a failure by a tp_status and passes it on as NULL. */
void tp__error_repend(void);

/* How a public function that returns tp_status returns it: the record has then been delivered. */
tp_status tp__deliver(tp_status status);

/* In functions that return a pointer. `op` is the public name without its prefix. */
#define TP_FAIL(code, op, ...)                                                                               \
    do {                                                                                                     \
        tp__error(code, op, __VA_ARGS__);                                                                    \
        return NULL;                                                                                         \
    } while (0)
#define TP_REQUIRE(argument, op)                                                                             \
    do {                                                                                                     \
        if (TP__UNLIKELY(!(argument))) {                                                                     \
            tp__error_null(op, #argument);                                                                   \
            return NULL;                                                                                     \
        }                                                                                                    \
    } while (0)
/* An optional tensor that is NULL while an error is pending is that failure passed on. */
#define TP_OPTIONAL(argument)                                                                                \
    do {                                                                                                     \
        if (!(argument) && TP__UNLIKELY(tp__error_pending())) return NULL;                                   \
    } while (0)
#define TP_TRY_NULL(expr)                                                                                    \
    do {                                                                                                     \
        if (TP__UNLIKELY((expr) != TP_OK)) {                                                                 \
            tp__error_repend();                                                                              \
            return NULL;                                                                                     \
        }                                                                                                    \
    } while (0)

/* In functions that return tp_status. */
#define TP_TRY(expr)                                                                                         \
    do {                                                                                                     \
        tp_status tp__try_status = (expr);                                                                   \
        if (TP__UNLIKELY(tp__try_status != TP_OK)) return tp__try_status;                                    \
    } while (0)

#endif
