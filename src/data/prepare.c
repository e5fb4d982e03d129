#include "taper/prepare.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/scope.h"
#include "ops/ops.h"
#include "taper/io.h"

struct tp_prepare {
    int count;
    tp_prepare_step *steps;
    int64_t columns; /* 0: not fitted */
    double *figures; /* two for each step and column: step by step */
};

/* What the two figures of a column are. */
enum {
    PREPARE_OFFSET = 0, /* y = (x - offset) / scale */
    PREPARE_SCALE = 1,
    PREPARE_LOW = 0, /* of clipping */
    PREPARE_HIGH = 1,
    PREPARE_VALUE = 0 /* of filling */
};

/* Rows of a tensor, packed; of windows those of one window after those of the other. */
typedef struct prepare_rows {
    int64_t columns;
    int64_t count;  /* of all windows */
    int64_t length; /* of a window; without windows `count` */
} prepare_rows;

static bool prepare_scales(const tp_prepare_step *step) {
    return step->kind == TP_PREPARE_STANDARDIZE || step->kind == TP_PREPARE_MINMAX;
}

static bool prepare_clips(const tp_prepare_step *step) {
    return step->kind == TP_PREPARE_CLIP_QUANTILES || step->kind == TP_PREPARE_CLIP_DEVIATIONS;
}

/* ---- steps ------------------------------------------------------------------------------------------- */

/* Puts in defaults. False, without a record, for what makes no sense. */
static bool prepare_complete(tp_prepare_step *step) {
    bool none = step->a == 0 && step->b == 0;
    if (!isfinite(step->a) || !isfinite(step->b)) return false;
    switch (step->kind) {
    case TP_PREPARE_MINMAX:
        if (none) step->b = 1;
        return step->a < step->b && isfinite(step->b - step->a);
    case TP_PREPARE_CLIP_QUANTILES:
        if (none) *step = (tp_prepare_step){step->kind, 0.01, 0.99};
        return step->a >= 0 && step->a < step->b && step->b <= 1;
    case TP_PREPARE_CLIP_DEVIATIONS:
        if (step->a == 0) step->a = 3;
        return step->a > 0;
    default: return step->kind >= TP_PREPARE_STANDARDIZE && step->kind <= TP_PREPARE_CLIP_DEVIATIONS;
    }
}

static tp_prepare *prepare_new(const char *op, int count) {
    tp_prepare *p = tp__alloc_zero(sizeof *p);
    tp_prepare_step *steps = p ? tp__alloc((size_t)count * sizeof *steps) : NULL;
    if (!steps) {
        tp__free(p);
        tp__error_memory(op, sizeof *p + (size_t)count * sizeof *steps);
        return NULL;
    }
    *p = (tp_prepare){.count = count, .steps = steps};
    tp__count(&tp__self()->counters.objects, 1);
    return p;
}

tp_prepare *tp_prepare_new(tp_prepare_steps steps) {
    const char *op = "prepare_new";
    if (steps.count < 1) TP_FAIL(TP_ERR_ARGUMENT, op, "there cannot be %d steps", steps.count);
    TP_REQUIRE(steps.items, "prepare_new");
    for (int i = 0; i < steps.count; i++) {
        tp_prepare_step step = steps.items[i];
        if (!prepare_complete(&step))
            TP_FAIL(TP_ERR_ARGUMENT, op, "step %d makes no sense: kind %d, a %g, b %g", i,
                    (int)steps.items[i].kind, steps.items[i].a, steps.items[i].b);
    }
    tp_prepare *p = prepare_new(op, steps.count);
    for (int i = 0; p && i < steps.count; i++) {
        p->steps[i] = steps.items[i];
        prepare_complete(&p->steps[i]);
    }
    return p;
}

void tp_prepare_free(tp_prepare *prepare) {
    if (!prepare) return;
    tp__free(prepare->figures);
    tp__free(prepare->steps);
    tp__free(prepare);
    tp__count(&tp__self()->counters.objects, -1);
}

int64_t tp_prepare_columns(const tp_prepare *prepare) {
    if (prepare) return prepare->columns;
    tp__error_null("prepare_columns", "prepare");
    return -1;
}

/* ---- fitting ----------------------------------------------------------------------------------------- */

static int prepare_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As numpy interpolates, of n > 0 sorted values. */
static double prepare_quantile(const double *sorted, int64_t n, double q) {
    double at = q * (double)(n - 1);
    int64_t i = (int64_t)at;
    if (i >= n - 1) return sorted[n - 1];
    double t = at - (double)i, low = sorted[i], high = sorted[i + 1];
    return t < 0.5 ? low + (high - low) * t : high - (high - low) * (1 - t);
}

static void prepare_moments(const double *x, int64_t n, double *mean, double *variance) {
    double sum = 0, squares = 0, rest = 0, count = (double)n;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    *mean = sum / count;
    for (int64_t i = 0; i < n; i++) {
        double d = x[i] - *mean;
        rest += d;
        squares += d * d;
    }
    *variance = (squares - rest * rest / count) / count;
    if (*variance < 0) *variance = 0;
}

/* The figures of a column of n values, which may be put into another order. */
static void prepare_figures(const tp_prepare_step *step, double *x, int64_t n, double *figures) {
    double mean, variance, noise;
    figures[0] = figures[1] = 0;
    if (step->kind == TP_PREPARE_FILL_CONSTANT) {
        figures[PREPARE_VALUE] = step->a;
        return;
    }
    prepare_moments(x, n, &mean, &variance);
    double deviation = sqrt(variance);
    switch (step->kind) {
    case TP_PREPARE_STANDARDIZE:
        noise = (double)n * mean * DBL_EPSILON; /* as scikit-learn finds constant columns */
        figures[PREPARE_OFFSET] = mean;
        figures[PREPARE_SCALE] = deviation;
        if (variance < INFINITY && variance <= (double)n * DBL_EPSILON * variance + noise * noise)
            figures[PREPARE_SCALE] = 1;
        return;
    case TP_PREPARE_CLIP_DEVIATIONS:
        figures[PREPARE_LOW] = mean - step->a * deviation;
        figures[PREPARE_HIGH] = mean + step->a * deviation;
        return;
    case TP_PREPARE_FILL_MEAN:
    case TP_PREPARE_FILL_FORWARD: figures[PREPARE_VALUE] = mean; return;
    default: break;
    }
    qsort(x, (size_t)n, sizeof *x, prepare_compare);
    if (step->kind == TP_PREPARE_FILL_MEDIAN) {
        figures[PREPARE_VALUE] = x[(n - 1) / 2] / 2 + x[n / 2] / 2;
    } else if (step->kind == TP_PREPARE_CLIP_QUANTILES) {
        figures[PREPARE_LOW] = prepare_quantile(x, n, step->a);
        figures[PREPARE_HIGH] = prepare_quantile(x, n, step->b);
    } else {
        double range = x[n - 1] - x[0];
        if (range < 10 * DBL_EPSILON) range = 1; /* as scikit-learn has it */
        figures[PREPARE_SCALE] = range / (step->b - step->a);
        figures[PREPARE_OFFSET] = x[0] - step->a * figures[PREPARE_SCALE];
    }
}

/* Changes the column whose first element is x[0]. */
static void prepare_column(const tp_prepare_step *step, const double *figures, double *x, prepare_rows rows,
                           bool inverse) {
    double low = figures[PREPARE_LOW], high = figures[PREPARE_HIGH], value = figures[PREPARE_VALUE];
    double offset = figures[PREPARE_OFFSET], scale = figures[PREPARE_SCALE];
    for (int64_t i = 0; i < rows.count; i++) {
        double *v = &x[i * rows.columns];
        if (prepare_scales(step)) {
            *v = inverse ? *v * scale + offset : (*v - offset) / scale;
        } else if (inverse) {
            return;
        } else if (prepare_clips(step)) {
            *v = *v < low ? low : *v > high ? high : *v;
        } else {
            if (i % rows.length == 0) value = figures[PREPARE_VALUE]; /* windows know nothing of each other */
            if (isnan(*v)) *v = value;
            else if (step->kind == TP_PREPARE_FILL_FORWARD) value = *v;
        }
    }
}

static tp_status prepare_fit_column(const char *op, const tp_prepare_step *step, const double *x,
                                    prepare_rows rows, int64_t column, double *values, double *figures) {
    int64_t count = 0;
    for (int64_t i = 0; i < rows.count; i++) {
        double v = x[i * rows.columns + column];
        if (isinf(v))
            return tp__error(TP_ERR_NUMERIC, op, "row %lld of column %lld is infinite", (long long)i,
                             (long long)column);
        if (!isnan(v)) values[count++] = v;
    }
    if (count == 0 && step->kind != TP_PREPARE_FILL_CONSTANT)
        return tp__error(TP_ERR_NUMERIC, op, "column %lld has no value in %lld rows", (long long)column,
                         (long long)rows.count);
    prepare_figures(step, values, count, figures);
    if (!isfinite(figures[0]) || !isfinite(figures[1]))
        return tp__error(TP_ERR_NUMERIC, op, "the values of column %lld are too large", (long long)column);
    return TP_OK;
}

/* x is changed, step by step. */
static tp_status prepare_fit_steps(const char *op, tp_prepare *p, double *x, prepare_rows rows) {
    size_t count = (size_t)p->count * (size_t)rows.columns * 2;
    double *figures = tp__alloc(count * sizeof *figures);
    double *values = figures ? tp__alloc((size_t)rows.count * sizeof *values) : NULL;
    tp_status status = values ? TP_OK : tp__error_memory(op, (count + (size_t)rows.count) * sizeof *values);
    for (int s = 0; s < p->count && status == TP_OK; s++)
        for (int64_t c = 0; c < rows.columns && status == TP_OK; c++) {
            double *pair = figures + 2 * (s * rows.columns + c);
            status = prepare_fit_column(op, &p->steps[s], x, rows, c, values, pair);
            if (status == TP_OK) prepare_column(&p->steps[s], pair, x + c, rows, false);
        }
    tp__free(values);
    if (status != TP_OK) {
        tp__free(figures);
        return status;
    }
    tp__free(p->figures);
    p->figures = figures;
    p->columns = rows.columns;
    return TP_OK;
}

/* How the rows of x lie. False, with a record, if it has no columns. */
static bool prepare_layout(const char *op, const tp_tensor *x, prepare_rows *rows) {
    const tp_shape *shape = &x->shape;
    if (!tp__require_floating(op, "x", x)) return false;
    int last = shape->ndim - 1;
    if (last < 0 || last > 2 || (last > 0 && shape->dims[last] == 0)) {
        tp__error(TP_ERR_SHAPE, op, "x is %s, not (N), (N, C) or (M, L, C)", tp__shape_text(*shape));
        return false;
    }
    rows->columns = last > 0 ? shape->dims[last] : 1;
    rows->count = x->numel / rows->columns;
    rows->length = last == 2 ? shape->dims[1] : rows->count;
    return true;
}

/* A copy in F64. */
static tp_tensor *prepare_copy(const char *op, tp_tensor *x) {
    tp_tensor *copy = tp__tensor_new(op, x->shape, TP_F64);
    if (copy) tp__copy_values(copy, x);
    return copy;
}

tp_status tp_prepare_fit(tp_prepare *prepare, tp_tensor *x) {
    const char *op = "prepare_fit";
    if (!prepare || !x) return tp__deliver(tp__error_null(op, prepare ? "x" : "prepare"));
    prepare_rows rows;
    if (!prepare_layout(op, x, &rows)) return tp_last_error().code;
    if (rows.count == 0) return tp__deliver(tp__error(TP_ERR_SHAPE, op, "x has no rows"));
    tp_scope *s = tp_scope_begin();
    tp_tensor *copy = s ? prepare_copy(op, x) : NULL;
    tp_status status = TP_ERR_MEMORY;
    if (copy) status = prepare_fit_steps(op, prepare, (double *)(void *)tp__data(copy), rows);
    tp_scope_end(s);
    return tp__deliver(status);
}

/* ---- applying ---------------------------------------------------------------------------------------- */

static tp_tensor *prepare_run(const char *op, const tp_prepare *p, tp_tensor *x, bool inverse) {
    prepare_rows rows;
    if (!prepare_layout(op, x, &rows)) return NULL;
    if (p->columns == 0) TP_FAIL(TP_ERR_STATE, op, "it has not been fitted");
    if (rows.columns != p->columns)
        TP_FAIL(TP_ERR_SHAPE, op, "it was fitted on %lld columns, x has %lld: %s", (long long)p->columns,
                (long long)rows.columns, tp__shape_text(x->shape));
    tp_scope *scope = tp_scope_begin();
    tp_tensor *y = scope ? prepare_copy(op, x) : NULL;
    for (int k = 0; y && k < p->count; k++) {
        int s = inverse ? p->count - 1 - k : k;
        for (int64_t c = 0; c < rows.columns; c++)
            prepare_column(&p->steps[s], p->figures + 2 * (s * rows.columns + c),
                           (double *)(void *)tp__data(y) + c, rows, inverse);
    }
    if (y) y = tp__cast(op, y, (tp_dtype)x->dtype);
    return scope ? tp_scope_return(scope, y) : NULL;
}

tp_tensor *tp_prepare_apply(const tp_prepare *prepare, tp_tensor *x) {
    TP_REQUIRE(prepare, "prepare_apply");
    TP_REQUIRE(x, "prepare_apply");
    return prepare_run("prepare_apply", prepare, x, false);
}

tp_tensor *tp_prepare_inverse(const tp_prepare *prepare, tp_tensor *x) {
    TP_REQUIRE(prepare, "prepare_inverse");
    TP_REQUIRE(x, "prepare_inverse");
    return prepare_run("prepare_inverse", prepare, x, true);
}

/* ---- saving ------------------------------------------------------------------------------------------ */

tp_tensor *tp_prepare_state(const tp_prepare *prepare) {
    const char *op = "prepare_state";
    TP_REQUIRE(prepare, "prepare_state");
    if (prepare->columns == 0) TP_FAIL(TP_ERR_STATE, op, "it has not been fitted");
    int64_t pairs = 2 * prepare->columns;
    tp_tensor *t = tp__tensor_new(op, TP_SHAPE(prepare->count, 3 + pairs), TP_F64);
    double *to = t ? (double *)(void *)tp__data(t) : NULL;
    for (int s = 0; t && s < prepare->count; s++, to += 3 + pairs) {
        to[0] = prepare->steps[s].kind;
        to[1] = prepare->steps[s].a;
        to[2] = prepare->steps[s].b;
        memcpy(to + 3, prepare->figures + s * pairs, (size_t)pairs * sizeof *to);
    }
    return t;
}

/* Is this a row of a state? */
static bool prepare_read_step(const double *row, int64_t pairs, tp_prepare_step *step) {
    if (!(row[0] >= TP_PREPARE_STANDARDIZE && row[0] <= TP_PREPARE_CLIP_DEVIATIONS &&
          row[0] == floor(row[0])))
        return false;
    *step = (tp_prepare_step){(tp_prepare_kind)row[0], row[1], row[2]};
    if (!prepare_complete(step)) return false;
    for (int64_t i = 0; i < pairs; i++)
        if (!isfinite(row[3 + i])) return false;
    for (int64_t i = 0; prepare_scales(step) && i < pairs; i += 2)
        if (!(row[3 + i + PREPARE_SCALE] > 0)) return false;
    return true;
}

static tp_prepare *prepare_from(const char *op, const char *path, tp_tensor *state) {
    const char *colon = path ? ": " : "";
    path = path ? path : "";
    const tp_shape *shape = &state->shape;
    if (state->dtype != TP_F64 || shape->ndim != 2 || shape->dims[0] < 1 || shape->dims[0] > INT32_MAX ||
        shape->dims[1] < 5 || shape->dims[1] % 2 == 0)
        TP_FAIL(TP_ERR_FORMAT, op, "%s%sis no state of a preparation: %s %s", path, colon,
                tp__dtype_text(state), tp__shape_text(*shape));
    int64_t pairs = shape->dims[1] - 3;
    const double *rows = (const double *)(const void *)tp__data(state);
    tp_prepare *p = prepare_new(op, (int)shape->dims[0]);
    if (!p) return NULL;
    size_t bytes = (size_t)p->count * (size_t)pairs * sizeof *p->figures;
    p->columns = pairs / 2;
    p->figures = tp__alloc(bytes);
    if (!p->figures) tp__error_memory(op, bytes);
    int s = 0;
    for (; p->figures && s < p->count; s++, rows += 3 + pairs) {
        if (!prepare_read_step(rows, pairs, &p->steps[s])) {
            tp__error(TP_ERR_FORMAT, op, "%s%sis no state of a preparation: row %d makes no sense", path,
                      colon, s);
            break;
        }
        memcpy(p->figures + s * pairs, rows + 3, (size_t)pairs * sizeof *rows);
    }
    if (s == p->count) return p;
    tp_prepare_free(p);
    return NULL;
}

tp_prepare *tp_prepare_from_state(tp_tensor *state) {
    const char *op = "prepare_from_state";
    TP_REQUIRE(state, "prepare_from_state");
    tp_scope *s = tp_scope_begin();
    tp_tensor *packed = s ? tp__packed(op, state, (tp_dtype)state->dtype) : NULL;
    tp_prepare *p = packed ? prepare_from(op, NULL, packed) : NULL;
    tp_scope_end(s);
    return p;
}

static const char prepare_name[] = "prepare"; /* in files */

tp_status tp_prepare_save(const tp_prepare *prepare, const char *path) {
    const char *op = "prepare_save";
    if (!prepare || !path) return tp__deliver(tp__error_null(op, prepare ? "path" : "prepare"));
    tp_scope *s = tp_scope_begin();
    tp_named_tensor state = {prepare_name, s ? tp_prepare_state(prepare) : NULL};
    tp_status status = state.tensor ? TP_OK : TP_ERR_MEMORY;
    if (state.tensor) status = tp_safetensors_save(path, (tp_named_tensors){1, &state}, (tp_named_texts){0});
    if (status != TP_OK) {
        tp__error_repend();
        tp__error_rename(NULL, op);
        status = tp_last_error().code;
    }
    tp_scope_end(s);
    return status;
}

tp_prepare *tp_prepare_load(const char *path) {
    const char *op = "prepare_load";
    TP_REQUIRE(path, "prepare_load");
    tp_scope *s = tp_scope_begin();
    tp_safetensors *file = s ? tp_safetensors_open(path) : NULL;
    tp_tensor *state = file ? tp_safetensors_get(file, prepare_name) : NULL;
    if (!state) tp__error_rename(NULL, op);
    tp_prepare *p = state ? prepare_from(op, path, state) : NULL;
    tp_safetensors_close(file);
    tp_scope_end(s);
    return p;
}
