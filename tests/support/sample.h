/* The sample table: one row says how to call an op on what kind of inputs; everything that must hold of an op
 * is derived from it by test_samples.c.
 *
 * A family file, tests/samples_<family>.c, holds rows and ends in `SAMPLE_FAMILY(<family>, rows)`; it is
 * listed once in SAMPLE_FAMILIES below. A row reads like this:
 *
 *     static int run_var(const sample *row, tp_tensor *const *in, tp_tensor **out) {
 *         out[0] = tp_var_dim(in[0], (tp_dims){1, {(int)row->i[0]}}, row->p[0], row->i[1] != 0);
 *         return 1;
 *     }
 *     static void ref_var(const sample *row, const dense *in, dense *out) {
 *         double *y = dense_new(&out[0], ...shape...);
 *         ...plain loops over in[0].data, row-major...
 *     }
 *     static const sample reduce_rows[] = {
 *         {"var_dim", "last dim, biased", run_var, ref_var, {FLOATS(-2, 2, 3, 4)}, .i = {-1, 1}, .p = {0}},
 *         {"amax", "all", run_amax, ref_amax, {{FLOAT_IN(-2, 2), SHAPE(3, 4), .apart = 0.01}}},
 *         {"sum_dim", "no elements", run_sum, ref_sum, {FLOATS(-2, 2, 3, 0)}, .i = {1}},
 *         {"sum_dim", "large", run_sum, ref_sum, {FLOATS(-1, 1, 700, 900)}, .i = {0}, .flags = SAMPLE_LARGE},
 *     };
 *     SAMPLE_FAMILY(reduce, reduce_rows)
 *
 * Write a row for each way through the op: ranks (0-d too), dims, options, dtypes, a zero-size one, and a
 * SAMPLE_LARGE one that is big enough for threads. Small rows stay under about 60 elements an input, since
 * every element is perturbed for finite differences. Inputs are drawn anew, from a fixed seed, for each run,
 * so an op may change them; the default generator is seeded before every call of `run`.
 *
 * What is derived (see sample_check.c):
 *   values       F64 against `reference`; F32 against F64; each ISA level against the baseline
 *   layout       every input transposed in memory, strided, and expanded gives what its packed copy gives,
 *                gradients too; so does a gradient of the output that comes transposed or expanded
 *   gradients    gradcheck and gradgradcheck, also with strided inputs and with inputs that depend on one
 *                another; those taken by fused rules equal those of the recorded rules
 *   threads      values and gradients are the same bits at 1, 2 and 3 threads
 *   in place     `inplace` gives what `run` gives, in in[0]
 *   errors       a NULL input gives NULL and an error in the op's name
 *   bad          so does any input of another dtype, rank or size, with an index far out, or it works; inputs stay as they were
 *   memory       live counters are back after the row, also when any one allocation fails
 * And for the table: every op in the public headers of the families has a row (test_samples.c).
 *
 * References are written from the formula, in double, not from the library's code, and use nothing of it. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <math.h>

#include "taper.h"

/* Rows leave out what they do not need. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* The list of family files. */
#define SAMPLE_FAMILIES(X)                                                                                   \
    X(creation)                                                                                              \
    X(elementwise)                                                                                           \
    X(activation)                                                                                            \
    X(reduce)                                                                                                \
    X(scan)                                                                                                  \
    X(sort)                                                                                                  \
    X(linalg)                                                                                                \
    X(contract)                                                                                              \
    X(decompose)                                                                                             \
    X(views)                                                                                                 \
    X(rearrange)                                                                                             \
    X(index)                                                                                                 \
    X(advanced)                                                                                              \
    X(conv)                                                                                                  \
    X(conv_nd)                                                                                               \
    X(pool)                                                                                                  \
    X(vision)                                                                                                \
    X(norm)                                                                                                  \
    X(loss)                                                                                                  \
    X(recurrent)                                                                                             \
    X(attention)

#define SAMPLE_MAX_INPUTS 24
#define SAMPLE_MAX_OUTPUTS 8

typedef enum sample_kind {
    SAMPLE_NO_INPUT, /* ends the list of inputs */
    SAMPLE_ABSENT,   /* NULL is passed: an optional tensor not given */
    SAMPLE_FLOAT,    /* F64 (F32 in the F32 runs), uniform in [lo, hi) */
    SAMPLE_F32,      /* F32 always: for rows about promotion. No gradcheck of such an input */
    SAMPLE_I64,      /* integers uniform in [lo, hi) */
    SAMPLE_I32,
    SAMPLE_U8,
    SAMPLE_BOOL /* true and false by halves */
} sample_kind;

typedef struct sample_input {
    sample_kind kind;
    double lo, hi;
    tp_shape shape;
    bool fixed;      /* floating but never differentiated: a mask, running statistics */
    bool optional;   /* the op takes NULL here: no error is expected of it */
    double apart;    /* all elements differ by at least this, so that a choice (max) is not changed by a
                             finite difference. lo .. hi must have room: numel * apart <= (hi - lo) / 2 */
    double avoid[3]; /* no element within `gap` of any of these: kinks such as 0 of relu. With gap alone, 0 */
    double gap;      /* 0: nothing is avoided */
    const double *values; /* exactly these, row-major, instead of drawing: NaN, ties, given indices */
} sample_input;

/* How inputs are written in a row. FLOATS(lo, hi, dims...) is the whole input; for anything more:
 * {FLOAT_IN(-2, 2), SHAPE(3, 4), .gap = 0.05}. A 0-d one: {FLOAT_IN(-2, 2), SCALAR}. */
/* clang-format off */
#define FLOAT_IN(low, high) .kind = SAMPLE_FLOAT, .lo = (low), .hi = (high)
#define INT_IN(low, high) .kind = SAMPLE_I64, .lo = (low), .hi = (high)
#define SHAPE(...) .shape = {TP__COUNT(int64_t, __VA_ARGS__), {__VA_ARGS__}}
#define SCALAR .shape = {0, {0}}
#define FLOATS(low, high, ...) {FLOAT_IN(low, high), SHAPE(__VA_ARGS__)}
#define INTS(low, high, ...) {INT_IN(low, high), SHAPE(__VA_ARGS__)}
#define BOOLS(...) {.kind = SAMPLE_BOOL, SHAPE(__VA_ARGS__)}
#define ABSENT {.kind = SAMPLE_ABSENT}
/* For .values: VALUES(1, 2, NAN). */
#define VALUES(...) ((const double[]){__VA_ARGS__})
/* clang-format on */

/* A row-major array, what references work on: booleans are 0 and 1, an absent input has data NULL. */
typedef struct dense {
    tp_shape shape;
    int64_t numel;
    double *data;
} dense;

typedef struct sample sample;

/* Calls the op. Returns the number of results put into `out`; one that failed is NULL. */
typedef int sample_run(const sample *row, tp_tensor *const *in, tp_tensor **out);

/* Computes the same, calling dense_new(&out[k], shape) for each result. */
typedef void sample_reference(const sample *row, const dense *in, dense *out);

/* clang-format off */
enum {
    SAMPLE_NO_GRAD = 1,     /* the results never carry a gradient: comparisons, indices. It is checked */
    SAMPLE_ZERO_GRAD = 2,   /* the gradient is zero everywhere by its nature (sign) */
    SAMPLE_LARGE = 4,       /* big enough for threads: no finite differences, all else is checked */
    SAMPLE_COMPOSED = 8,    /* `run` calls more than the op: errors, which name another op, are not checked */
    SAMPLE_SAME_DTYPE = 16, /* only F64 inputs are tried: the row is about dtypes, or F32 cannot do it */
    SAMPLE_NO_EXPAND = 32,  /* expanding an input makes it invalid (a result of one element a class, ...) */
    SAMPLE_NAN = 64         /* values hold NaN or infinities: all is compared but gradients */
};
/* clang-format on */

struct sample {
    const char *op;   /* the public name without tp_ */
    const char *what; /* what this row is about, a few words */
    sample_run *run;
    sample_reference *reference; /* NULL only if the golden files (test_golden.c) hold the values */
    sample_input in[SAMPLE_MAX_INPUTS];
    double p[4]; /* whatever `run` and `reference` want to know */
    int64_t i[8];
    const void *arg; /* more of it: an options struct, &(const tp_conv2d_options){.stride = {2}} */
    unsigned flags;
    sample_run *inplace; /* the in-place form `op`_ : returns in[0] as out[0] */
    const char
        *no_second; /* the reason why there is no second derivative (tp__op.once); asking must be an error */
    double tol;     /* of F64 values, |a - b| <= tol (1 + |b|); 0 is 1e-12 */
    double tol_f32; /* of F32 values and gradients; 0 is 2e-5 */
    double check_atol, check_rtol, check_eps; /* of gradcheck; 0 is its default */
    const char *dtype;                        /* if given, what result 0 must be in the F64 run: "int64" */
};

typedef struct sample_list {
    const char *family;
    const sample *rows;
    int count;
} sample_list;

#define SAMPLE_FAMILY(family, rows)                                                                          \
    extern const sample_list samples_##family;                                                               \
    const sample_list samples_##family = {#family, rows, (int)(sizeof(rows) / sizeof((rows)[0]))};

/* The usual `run`: one result, which is `call` on in[], row->p, row->i, row->arg. */
#define SAMPLE_RUN(name, call)                                                                               \
    static int name(const sample *row, tp_tensor *const *in, tp_tensor **out) {                              \
        (void)row;                                                                                           \
        (void)in;                                                                                            \
        out[0] = (call);                                                                                     \
        return 1;                                                                                            \
    }

/* For references. dense_new allocates out->data, zeroed, and returns it; it is freed by the mechanism. */
double *dense_new(dense *out, tp_shape shape);
/* Row-major strides: dense_strides(shape, s); element (i, j) is data[i * s[0] + j * s[1]]. */
void dense_strides(tp_shape shape, int64_t *strides);
/* The index of the n-th element: index[d] for each dim. */
void dense_index(tp_shape shape, int64_t n, int64_t *index);
/* Where in an array of shape `from` lies what broadcasting it to `to` puts at the n-th element of `to`. */
int64_t dense_broadcast(tp_shape from, tp_shape to, int64_t n);
/* The broadcast of two shapes that fit. */
tp_shape dense_broadcast_shape(tp_shape a, tp_shape b);
/* Splits a shape at a dim (negative ones count from the end): outer * size * inner elements. */
void dense_around(tp_shape shape, int dim, int64_t *outer, int64_t *size, int64_t *inner);

/* The mechanism, in sample_check.c. A row's failures are printed and counted. */
typedef struct sample_result {
    int failures;
    char first[512]; /* the first failure's text */
} sample_result;
extern bool sample_quiet; /* print nothing: for tests of the mechanism itself */
sample_result sample_check_values(const sample *row);
sample_result sample_check_layout(const sample *row);
sample_result sample_check_gradients(const sample *row);
sample_result sample_check_isa(const sample *row);
sample_result sample_check_threads(const sample *row);
sample_result sample_check_inplace(const sample *row);
sample_result sample_check_errors(const sample *row);
sample_result sample_check_memory(const sample *row); /* in sample_memory.c */
sample_result sample_check_bad(const sample *row);    /* in sample_bad.c */

#endif
