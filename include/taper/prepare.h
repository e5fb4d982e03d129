/* Preparation of the columns of a table: fitted on the training part, applied to all parts, inverted for
 * predictions.
 *
 *     tp_prepare *p = tp_prepare_new(TP_STEPS({.kind = TP_PREPARE_FILL_MEDIAN},
 *                                             {.kind = TP_PREPARE_STANDARDIZE}));
 *     tp_prepare_fit(p, train);              // (N, C): medians, means and deviations of each column
 *     train = tp_prepare_apply(p, train);
 *     test = tp_prepare_apply(p, test);      // by the figures of the training part
 *     tp_prepare_save(p, "columns.safetensors");
 *     tp_prepare_free(p);
 *
 * Tensors are (N, C), or (N), which is one column, or M windows of L rows, (M, L, C); F32 or F64. Forecasts
 * (M, L) of one column are given as (M, L, 1). All is computed in F64. NaN is a missing value: fitting leaves
 * it out, and all but the FILL steps leave it as it is. Nothing here is recorded for gradients. */
#ifndef TAPER_PREPARE_H
#define TAPER_PREPARE_H

#include "taper/base.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* What a step does to each element x of a column, in terms of the column's values in the training part
 * (where it has come through the steps before). The numbers are those in files and stay what they are. */
typedef enum tp_prepare_kind {
    /* (x - mean) / deviation of the population; of a constant column x - mean. sklearn StandardScaler */
    TP_PREPARE_STANDARDIZE = 1,
    /* brings [min, max] to [a, b] (both 0: [0, 1]); a constant column to a. sklearn MinMaxScaler */
    TP_PREPARE_MINMAX = 2,
    /* what is missing becomes the mean, the median, the number a. sklearn SimpleImputer */
    TP_PREPARE_FILL_MEAN = 3,
    TP_PREPARE_FILL_MEDIAN = 4,
    TP_PREPARE_FILL_CONSTANT = 5,
    /* what is missing becomes the last value above it in the same tensor; above the first, the mean.
     * pandas ffill */
    TP_PREPARE_FILL_FORWARD = 6,
    /* clipped to the quantiles a and b (both 0: 0.01 and 0.99), interpolated linearly. numpy.nanquantile */
    TP_PREPARE_CLIP_QUANTILES = 7,
    /* clipped to mean +- a deviations (0: 3), those of the population */
    TP_PREPARE_CLIP_DEVIATIONS = 8
} tp_prepare_kind;

typedef struct tp_prepare_step {
    tp_prepare_kind kind;
    double a, b;
} tp_prepare_step;

/* Steps in their order: borrowed. TP_STEPS({.kind = TP_PREPARE_MINMAX, .a = -1, .b = 1}) makes them. */
typedef struct tp_prepare_steps {
    int count;
    const tp_prepare_step *items;
} tp_prepare_steps;

typedef struct tp_prepare tp_prepare;

TP_END_DECLS

#ifdef __cplusplus
template <int N> struct tp__step_list { /* lives to the end of the full expression that TP_STEPS stands in */
    tp_prepare_step items[N];
    operator tp_prepare_steps() const { return tp_prepare_steps{N, items}; }
};
template <int N> constexpr tp__step_list<N> tp__make_steps(const tp_prepare_step (&steps)[N]) {
    tp__step_list<N> list{};
    for (int i = 0; i < N; i++) list.items[i] = steps[i];
    return list;
}
#define TP_STEPS(...) (tp__make_steps({__VA_ARGS__}))
#else
#define TP_STEPS(...)                                                                                        \
    ((tp_prepare_steps){(int)(sizeof((tp_prepare_step[]){__VA_ARGS__}) / sizeof(tp_prepare_step)),           \
                        (tp_prepare_step[]){__VA_ARGS__}})
#endif

TP_BEGIN_DECLS

/* Steps that are not fitted yet, to be freed with tp_prepare_free(). Errors: TP_ERR_NULL; TP_ERR_ARGUMENT
 * for no steps, an unknown kind, a >= b, quantiles outside [0, 1], deviations below 0, or a number that is
 * not finite; TP_ERR_MEMORY. Source: sklearn.pipeline.Pipeline. */
TP_API tp_prepare *tp_prepare_new(tp_prepare_steps steps);
TP_API void tp_prepare_free(tp_prepare *prepare); /* NULL does nothing */

/* Takes the figures of each column of x: (N, C), (N) or (M, L, C), in place of earlier ones. Errors: TP_ERR_NULL;
 * TP_ERR_SHAPE for other numbers of dims or no rows or columns; TP_ERR_DTYPE; TP_ERR_NUMERIC for an infinite
 * value, or a column in which all is missing where its figures are needed; TP_ERR_MEMORY. */
TP_API tp_status tp_prepare_fit(tp_prepare *prepare, tp_tensor *x);

/* All steps, in a new tensor of the shape and dtype of x; and the way back, from the last step to the first,
 * where FILL and CLIP are left out, as what they changed is not known any more. x has the columns that were
 * fitted. Errors: TP_ERR_NULL; TP_ERR_STATE before tp_prepare_fit(); TP_ERR_SHAPE for another number of
 * columns; TP_ERR_DTYPE; TP_ERR_MEMORY. */
TP_API tp_tensor *tp_prepare_apply(const tp_prepare *prepare, tp_tensor *x);
TP_API tp_tensor *tp_prepare_inverse(const tp_prepare *prepare, tp_tensor *x);

/* The number of columns, 0 before tp_prepare_fit(); -1 after an error. */
TP_API int64_t tp_prepare_columns(const tp_prepare *prepare);

/* Steps and figures as one tensor (S, 3 + 2 C), F64, which may be saved beside a model's weights: for each
 * of S steps kind, a and b, and two numbers for each column. And steps and figures from it. Errors:
 * TP_ERR_NULL; TP_ERR_STATE before tp_prepare_fit(); TP_ERR_FORMAT for a tensor that was not made so;
 * TP_ERR_MEMORY. */
TP_API tp_tensor *tp_prepare_state(const tp_prepare *prepare);
TP_API tp_prepare *tp_prepare_from_state(tp_tensor *state);

/* The same to and from a safetensors file, under the name "prepare". Errors: also those of
 * tp_safetensors_save(), tp_safetensors_open() and tp_safetensors_get(). */
TP_API tp_status tp_prepare_save(const tp_prepare *prepare, const char *path);
TP_API tp_prepare *tp_prepare_load(const char *path);

TP_END_DECLS

#endif
