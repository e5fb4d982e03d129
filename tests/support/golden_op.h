/* How a family of golden cases calls its ops: tests/golden_<family>.c holds a table of runners that read a case's
 * arguments, and ends in GOLDEN_FAMILY(<family>, rows). The family is listed once in GOLDEN_FAMILIES below; its cases are
 * made by scripts/golden/<family>.py and lie in tests/golden/<family>.safetensors. Most ops give one result:
 *
 *     #define OPS(OP) OP(add, (X, Y)) OP(pow_scalar, (X, S)) OP(sum_dim, (X, golden_dims(c), KEEP))
 *     OPS(GOLDEN_RUNNER)
 *     static const golden_row rows[] = {OPS(GOLDEN_ROW){"max_dim", run_max_dim}};
 *     GOLDEN_FAMILY(reduce, rows) */
#ifndef GOLDEN_OP_H
#define GOLDEN_OP_H

#include "support/golden.h"
#include "taper.h"

/* The list of families of ops. */
#define GOLDEN_FAMILIES(X)                                                                                   \
    X(creation)                                                                                              \
    X(elementwise)                                                                                           \
    X(activation)                                                                                            \
    X(reduce)                                                                                                \
    X(sort)                                                                                                  \
    X(linalg)                                                                                                \
    X(decompose)                                                                                             \
    X(views)                                                                                                 \
    X(index)                                                                                                 \
    X(conv)                                                                                                  \
    X(pool)                                                                                                  \
    X(vision)                                                                                                \
    X(loss)                                                                                                  \
    X(norm)                                                                                                  \
    X(recurrent)                                                                                             \
    X(attention)

typedef struct golden_call {
    const char *args;
    tp_tensor *const *in; /* those that are absent are NULL */
    int n_in;
    tp_tensor **out;
} golden_call;

typedef struct golden_row {
    const char *op;
    int (*run)(const golden_call *c); /* returns the number of results */
    double tol, tol_f32;              /* |got - want| / (1 + |want|); 0 is 1e-12 and 2e-5 */
} golden_row;

typedef struct golden_family {
    const char *name;
    const golden_row *rows;
    int count;
} golden_family;

#define GOLDEN_FAMILY(family, rows)                                                                          \
    extern const golden_family golden_##family;                                                              \
    const golden_family golden_##family = {#family, rows, (int)(sizeof(rows) / sizeof((rows)[0]))};

#define GOLDEN_RUNNER(op, arguments)                                                                         \
    static int run_##op(const golden_call *c) {                                                              \
        c->out[0] = tp_##op arguments;                                                                       \
        return 1;                                                                                            \
    }
#define GOLDEN_ROW(op, arguments) {#op, run_##op, 0, 0},

/* Words for the arguments. */
#define X c->in[0]
#define Y c->in[1]
#define S golden_number(c, "s")
#define DIM golden_int(c, "dim")
#define KEEP golden_flag(c, "keep")

double golden_number(const golden_call *c, const char *key);  /* 0 if it is not there */
int golden_int(const golden_call *c, const char *key);        /* likewise */
bool golden_flag(const golden_call *c, const char *key);      /* likewise */
tp_dims golden_dims(const golden_call *c);                    /* of "dims" */
tp_shape golden_shape(const golden_call *c, const char *key); /* () if it is not there */
tp_reduction golden_reduction(const golden_call *c);          /* "reduction"; the mean if it is not there */
/* Up to `count` whole numbers; what is not there is 0. */
void golden_ints(const golden_call *c, const char *key, int count, int64_t *values);
int golden_values(const golden_call *c, tp_values both); /* puts both results */

#endif
