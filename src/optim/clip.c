/* Clipping of gradients, in place. */
#include "autograd/autograd.h"
#include "core/parallel.h"
#include "core/scope.h"
#include "optim/optim.h"
#include "taper/autograd.h"
#include "taper/lr.h"
#include "taper/reduce.h"

#define CLIP_GRAIN 16384 /* elements: below that a thread is not worth waking */

/* The gradient of parameter i, packed so that it can be written to, of one in rows these; NULL with TP_OK if there is none. */
static tp_status clip_gradient(const char *op, tp_tensors params, int i, tp_tensor **result) {
    tp_tensor *p = params.items[i], *index, *g;
    *result = NULL;
    if (!p) return tp__error_null(op, "params");
    TP_TRY(tp__grad_rows(p, &index, result));
    if (*result) return TP_OK;
    TP_TRY(tp__grad_dense(p, &g));
    if (g && !g->dense) {
        g = tp_clone(g);
        if (!g) return tp__error_null(op, "grad");
        TP_TRY(tp_tensor_set_grad(p, g));
    }
    *result = g;
    return TP_OK;
}

/* x = clamp(x factor, -bound, bound) */
typedef struct clip_job {
    char *data;
    tp_dtype dtype;
    double factor, bound;
} clip_job;

#define CLIP_RUN(T)                                                                                          \
    do {                                                                                                     \
        T *x = (T *)(void *)job->data, factor = (T)job->factor, bound = (T)job->bound;                       \
        for (int64_t i = begin; i < end; i++) {                                                              \
            T y = x[i] * factor;                                                                             \
            y = y > bound ? bound : y;                                                                       \
            x[i] = y < -bound ? -bound : y;                                                                  \
        }                                                                                                    \
    } while (0)

static void clip_range(void *context, int64_t begin, int64_t end, int worker) {
    (void)worker;
    const clip_job *job = context;
    if (job->dtype == TP_F64) CLIP_RUN(double);
    else CLIP_RUN(float);
}

static tp_status clip_all(const char *op, tp_tensors params, double factor, double bound) {
    tp_tensor *g;
    for (int i = 0; i < params.count; i++) TP_TRY(clip_gradient(op, params, i, &g));
    for (int i = 0; i < params.count; i++) {
        TP_TRY(clip_gradient(op, params, i, &g)); /* packed, and with room in the scope: cannot fail now */
        if (!g) continue;
        clip_job job = {tp__data(g), (tp_dtype)g->dtype, factor, bound};
        tp__touch(g);
        tp__parallel_for(g->numel, CLIP_GRAIN, clip_range, &job);
    }
    return TP_OK;
}

static tp_status clip_check(const char *op, tp_tensors params, const char *name, double value) {
    if (params.count == 0 && tp__error_pending()) return tp__error_null(op, "params");
    TP_TRY(tp__check_list(op, "params", params.count, params.items));
    if (value >= 0) return TP_OK;
    return tp__error(TP_ERR_ARGUMENT, op, "%s must not be negative, got %g", name, value);
}

/* The norm of the gradients' norms: that of all elements. */
static tp_status clip_norm(const char *op, tp_tensors params, double p, double *norm) {
    double sum = 0, largest = 0;
    for (int i = 0; i < params.count; i++) {
        tp_tensor *g;
        TP_TRY(clip_gradient(op, params, i, &g));
        if (!g || g->numel == 0) continue;
        tp_tensor *part = tp_norm(tp_detach(g), p);
        if (!part) return tp__error_null(op, "grad");
        double value = tp_tensor_item(part);
        if (isinf(p)) largest = isnan(value) || value > largest ? value : largest;
        else sum += p == 2 ? value * value : pow(value, p);
        if (isnan(largest)) break;
    }
    if (isinf(p)) *norm = largest;
    else *norm = p == 2 ? sqrt(sum) : pow(sum, 1 / p);
    return TP_OK;
}

static tp_status clip_grad_norm(const char *op, tp_tensors params, double max_norm, tp_clip_options options,
                                double *norm) {
    double p = options.norm_type == 0 ? 2 : options.norm_type;
    TP_TRY(clip_check(op, params, "max_norm", max_norm));
    if (!(p > 0)) return tp__error(TP_ERR_ARGUMENT, op, "norm_type must be positive, got %g", p);
    TP_TRY(clip_norm(op, params, p, norm));
    if (options.error_if_nonfinite && !isfinite(*norm))
        return tp__error(TP_ERR_STATE, op, "the norm of the gradients is %g", *norm);
    double factor = max_norm / (*norm + 1e-6);
    return factor >= 1 ? TP_OK : clip_all(op, params, factor, INFINITY);
}

double tp_clip_grad_norm(tp_tensors params, double max_norm, tp_clip_options options) {
    double norm = NAN;
    tp_scope *s = tp_scope_begin();
    if (!s) return NAN;
    tp_status status = clip_grad_norm("clip_grad_norm", params, max_norm, options, &norm);
    tp_scope_end(s);
    if (status == TP_OK) return norm;
    tp__error_repend();
    return NAN;
}

tp_status tp_clip_grad_value(tp_tensors params, double value) {
    const char *op = "clip_grad_value";
    tp_scope *s = tp_scope_begin();
    if (!s) return tp__deliver(TP_ERR_MEMORY);
    tp_status status = clip_check(op, params, "value", value);
    if (status == TP_OK) status = clip_all(op, params, 1, value);
    tp_scope_end(s);
    return tp__deliver(status);
}
