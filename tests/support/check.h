/* What hand-written tests share. */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "taper.h"

/* Fixture: opens a scope before the test, and after it checks that nothing lives which did not live before. */
int check_setup(void **state);
int check_teardown(void **state);

#define CHECK_TEST(f) cmocka_unit_test_setup_teardown(f, check_setup, check_teardown)

/* Fail with the library's message. */
#define assert_ok(expr)                                                                                      \
    do {                                                                                                     \
        if ((expr) != TP_OK) fail_msg("%s: %s", #expr, tp_last_error().message);                             \
    } while (0)
#define assert_tensor(t)                                                                                     \
    do {                                                                                                     \
        if (!(t)) fail_msg("%s is NULL: %s", #t, tp_last_error().message);                                   \
    } while (0)

/* The last error has this code and exactly this message; it is cleared. */
#define assert_error(code, message) check_error(code, message, __FILE__, __LINE__)
void check_error(tp_status code, const char *message, const char *file, int line);

/* Runs it with its first allocation failing, then with its second, and so on, in a scope each time: it gives TP_ERR_MEMORY whichever
 * fails, TP_OK if none does, and leaves nothing behind. There are at least `least` to fail. */
typedef tp_status check_run(void *context);
void assert_survives_no_memory(check_run *run, void *context, int64_t least);

/* The elements of `t` are, row-major, the given doubles, to a relative and absolute 1e-6. */
#define assert_values(t, ...)                                                                                \
    check_values(t, (const double[]){__VA_ARGS__}, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)),  \
                 __FILE__, __LINE__)
void check_values(const tp_tensor *t, const double *values, int count, const char *file, int line);

/* A module, what it must give of its inputs, to the bit, and what is printed of it. The module is freed. */
typedef struct module_row {
    tp_module *module;
    tp_tensor *expected;
    const char *printed;
} module_row;
void check_module(const module_row *row, tp_tensors inputs);

#endif
