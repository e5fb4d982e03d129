/* Resampling. Each dim is resampled for itself, by a sparse matrix that follows from the sizes: y = M x along that dim. The gradient is
 * the same with the matrix transposed, so that one op, its own transpose, differentiates any number of times. */
#include <math.h>
#include <string.h>

#include "ops/ops.h"
#include "taper/index.h"
#include "taper/tensor.h"
#include "taper/vision.h"

typedef struct resample {
    int dim;
    tp_interpolate_mode mode;
    bool align, transposed;
    int64_t in, out; /* of the matrix: (out, in), before it is transposed */
    double scale;    /* as given; 0: out / in */
} resample;

/* ---- the matrix ------------------------------------------------------------------------------------------------- */

/* Row r has entries start[r] ... start[r + 1] - 1. All in one block, which begins with `start`. */
typedef struct sparse {
    int64_t *start, *index;
    double *weight;
} sparse;

static bool sparse_new(sparse *m, int64_t rows, int64_t entries) {
    size_t words = (size_t)rows + 1 + 2 * (size_t)entries;
    m->start = tp__alloc(words * 8);
    if (!m->start) {
        tp__error_memory("interpolate", words * 8);
        return false;
    }
    m->index = m->start + rows + 1;
    m->weight = (double *)(void *)(m->index + entries);
    return true;
}

/* In single precision, as PyTorch, which so decides ties. */
static int64_t nearest_of(const resample *r, int64_t i) {
    bool exact = r->mode == TP_INTERPOLATE_NEAREST_EXACT;
    if (!exact && r->out == r->in) return i;
    if (!exact && r->out == 2 * r->in) return i / 2;
    float step = r->scale > 0 ? (float)(1 / r->scale) : (float)r->in / (float)r->out;
    float at = floorf(((float)i + (exact ? 0.5F : 0)) * step);
    return at < (float)r->in ? (int64_t)at < r->in ? (int64_t)at : r->in - 1 : r->in - 1;
}

/* Where in x lies element i of the result. */
static double place_of(const resample *r, int64_t i) {
    if (r->align) return r->out > 1 ? (double)i * (double)(r->in - 1) / (double)(r->out - 1) : 0;
    double step = r->scale > 0 ? 1 / r->scale : (double)r->in / (double)r->out;
    return ((double)i + 0.5) * step - 0.5;
}

static int linear_taps(const resample *r, int64_t i, int64_t *index, double *weight) {
    double at = fmax(place_of(r, i), 0);
    int64_t low = at < (double)(r->in - 1) ? (int64_t)at : r->in - 1;
    double part = fmin(fmax(at - (double)low, 0), 1);
    index[0] = low;
    weight[0] = 1;
    if (r->in == r->out || low == r->in - 1) return 1;
    index[1] = low + 1;
    weight[0] = 1 - part;
    weight[1] = part;
    return 2;
}

/* Keys' kernel of the distances t + 1, t, 1 - t, 2 - t. */
static int cubic_taps(const resample *r, int64_t i, int64_t *index, double *weight) {
    const double a = -0.75;
    double at = place_of(r, i), low = floor(at), t = at - low;
    for (int k = 0; k < 4; k++) {
        double x = fabs(t + 1 - k), place = low - 1 + k;
        weight[k] = k == 1 || k == 2 ? ((a + 2) * x - (a + 3)) * x * x + 1
                                     : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
        index[k] = place <= 0 ? 0 : place >= (double)(r->in - 1) ? r->in - 1 : (int64_t)place;
    }
    return 4;
}

/* floor(i in / out) without overflow. */
static int64_t area_border(const resample *r, int64_t i, bool up) {
    int64_t whole = i / r->out * r->in, rest = i % r->out;
    __extension__ typedef __int128 wide;
    return whole + (int64_t)(((wide)rest * r->in + (up ? r->out - 1 : 0)) / r->out);
}

static bool matrix_new(const resample *r, sparse *m) {
    int64_t entries = r->mode == TP_INTERPOLATE_AREA     ? r->in + 2 * r->out
                      : r->mode == TP_INTERPOLATE_CUBIC  ? 4 * r->out
                      : r->mode == TP_INTERPOLATE_LINEAR ? 2 * r->out
                                                         : r->out;
    if (!sparse_new(m, r->out, entries)) return false;
    int64_t at = 0;
    for (int64_t i = 0; i < r->out; i++) {
        m->start[i] = at;
        if (r->mode == TP_INTERPOLATE_LINEAR) at += linear_taps(r, i, m->index + at, m->weight + at);
        else if (r->mode == TP_INTERPOLATE_CUBIC) at += cubic_taps(r, i, m->index + at, m->weight + at);
        else if (r->mode == TP_INTERPOLATE_AREA) {
            int64_t first = area_border(r, i, false), end = area_border(r, i + 1, true);
            for (int64_t k = first; k < end; k++, at++)
                m->index[at] = k, m->weight[at] = 1 / (double)(end - first);
        } else m->index[at] = nearest_of(r, i), m->weight[at] = 1, at++;
    }
    m->start[r->out] = at;
    return true;
}

/* Entries of a row stay in the order of the rows they come from, so that sums do. */
static bool matrix_transpose(const resample *r, const sparse *m, sparse *to) {
    if (!sparse_new(to, r->in, m->start[r->out])) return false;
    memset(to->start, 0, (size_t)(r->in + 1) * sizeof *to->start);
    for (int64_t k = 0; k < m->start[r->out]; k++) to->start[m->index[k] + 1]++;
    for (int64_t i = 0; i < r->in; i++) to->start[i + 1] += to->start[i];
    for (int64_t i = 0; i < r->out; i++)
        for (int64_t k = m->start[i]; k < m->start[i + 1]; k++) {
            int64_t at = to->start[m->index[k]]++;
            to->index[at] = i;
            to->weight[at] = m->weight[k];
        }
    memmove(to->start + 1, to->start, (size_t)r->in * sizeof *to->start); /* each had moved to its end */
    to->start[0] = 0;
    return true;
}

/* ---- the product ------------------------------------------------------------------------------------------------- */

typedef struct resample_job {
    sparse m;
    int64_t rows, columns, inner;
    bool picks; /* each row has one entry, 1 */
    const char *from;
    char *to;
} resample_job;

/* Items are the lines of the result, outer times rows, of `inner` elements each. */
#define RESAMPLE(name, T)                                                                                    \
    static void name(void *context, int64_t begin, int64_t end, int worker) {                                \
        const resample_job *job = context;                                                                   \
        const sparse *m = &job->m;                                                                           \
        int64_t inner = job->inner, outer = begin / job->rows, row = begin % job->rows;                      \
        const T *x = (const T *)(const void *)job->from + outer * job->columns * inner;                      \
        T *y = (T *)(void *)job->to + begin * inner;                                                         \
        (void)worker;                                                                                        \
        for (int64_t i = begin; i < end; i++, y += inner) {                                                  \
            int64_t k = m->start[row], last = m->start[row + 1];                                             \
            if (inner == 1 && job->picks) { /* to the end of the line at once */                             \
                int64_t count = end - i < job->rows - row ? end - i : job->rows - row;                       \
                for (int64_t j = 0; j < count; j++) y[j] = x[m->index[row + j]];                             \
                row += count - 1;                                                                            \
                i += count - 1;                                                                              \
                y += count - 1;                                                                              \
            } else if (inner == 1) {                                                                         \
                T sum = 0;                                                                                   \
                for (; k < last; k++) sum += (T)m->weight[k] * x[m->index[k]];                               \
                *y = sum;                                                                                    \
            } else if (k == last) {                                                                          \
                memset(y, 0, (size_t)inner * sizeof(T));                                                     \
            } else {                                                                                         \
                const T *line = x + m->index[k] * inner;                                                     \
                T w = (T)m->weight[k];                                                                       \
                for (int64_t j = 0; j < inner; j++) y[j] = w * line[j];                                      \
                for (k++; k < last; k++) {                                                                   \
                    line = x + m->index[k] * inner;                                                          \
                    w = (T)m->weight[k];                                                                     \
                    for (int64_t j = 0; j < inner; j++) y[j] += w * line[j];                                 \
                }                                                                                            \
            }                                                                                                \
            if (++row == job->rows) {                                                                        \
                row = 0;                                                                                     \
                x += job->columns * inner;                                                                   \
            }                                                                                                \
        }                                                                                                    \
    }
RESAMPLE(resample_f32, float)
RESAMPLE(resample_f64, double)

static bool resample_fill(const resample *r, const tp_tensor *x, tp_tensor *y) {
    resample_job job = {.from = tp__data(x), .to = tp__data(y), .inner = 1};
    sparse m;
    if (y->numel == 0) return true;
    if (!matrix_new(r, &m)) return false;
    if (r->transposed && !matrix_transpose(r, &m, &job.m)) {
        tp__free(m.start);
        return false;
    }
    if (r->transposed) tp__free(m.start);
    else job.m = m;
    job.picks =
        !r->transposed && (r->mode == TP_INTERPOLATE_NEAREST || r->mode == TP_INTERPOLATE_NEAREST_EXACT);
    job.rows = r->transposed ? r->in : r->out;
    job.columns = r->transposed ? r->out : r->in;
    for (int d = r->dim + 1; d < x->shape.ndim; d++) job.inner *= x->shape.dims[d];
    tp__parallel_for(y->numel / job.inner, 8192 / job.inner + 1,
                     x->dtype == TP_F32 ? resample_f32 : resample_f64, &job);
    tp__free(job.m.start);
    return true;
}

static tp_tensor *resample_run(const resample *r, tp_tensor *x);

static void resample_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    resample back = *(const resample *)tp__attr(ctx);
    back.transposed = !back.transposed;
    dx[0] = resample_run(&back, g[0]);
}

static const tp__op resample_op = {.name = "interpolate", .vjp = resample_vjp};

static tp_tensor *resample_run(const resample *r, tp_tensor *x) {
    TP_REQUIRE(x, resample_op.name);
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_shape shape = x->shape;
    shape.dims[r->dim] = r->transposed ? r->in : r->out;
    tp_tensor *packed = tp__packed(resample_op.name, x, (tp_dtype)x->dtype);
    tp_tensor *y = packed ? tp__tensor_new(resample_op.name, shape, (tp_dtype)x->dtype) : NULL;
    if (y && !resample_fill(r, packed, y)) y = NULL;
    return tp_scope_return(s, tp__record(&resample_op, y, TP__INPUTS(x), r, sizeof *r));
}

/* Whatever the dtype: the elements themselves. */
static tp_tensor *nearest_run(const resample *r, tp_tensor *x) {
    tp_tensor *index = tp__tensor_new(resample_op.name, TP_SHAPE(r->out), TP_I64);
    if (!index) return NULL;
    int64_t *to = tp__data_i64(index);
    for (int64_t i = 0; i < r->out; i++) to[i] = nearest_of(r, i);
    return tp_index_select(x, r->dim, index);
}

/* ---- arguments ----------------------------------------------------------------------------------------------------- */

static bool interpolate_check(const char *op, const tp_tensor *x, const tp_interpolate_options *o) {
    int nd = x->shape.ndim - 2;
    bool nearest = o->mode == TP_INTERPOLATE_NEAREST || o->mode == TP_INTERPOLATE_NEAREST_EXACT;
    if ((unsigned)o->mode > TP_INTERPOLATE_AREA)
        TP_FAIL(TP_ERR_ARGUMENT, op, "mode is %d, which is none of tp_interpolate_mode", (int)o->mode);
    if (nd < 1 || nd > 3)
        TP_FAIL(TP_ERR_SHAPE, op, "x must be (N, C, L), (N, C, H, W) or (N, C, D, H, W), got %s",
                tp__shape_text(x->shape));
    for (int d = 1; d < x->shape.ndim; d++)
        if (x->shape.dims[d] == 0)
            TP_FAIL(TP_ERR_SHAPE, op, "x %s has nothing to resample", tp__shape_text(x->shape));
    if (!nearest && !tp__require_floating(op, "x", x)) return false;
    if (o->align_corners && o->mode != TP_INTERPOLATE_LINEAR && o->mode != TP_INTERPOLATE_CUBIC)
        TP_FAIL(TP_ERR_ARGUMENT, op, "align_corners goes with linear and cubic interpolation only");
    bool size = o->size.ndim > 0, scale = o->scale[0] != 0 || o->scale[1] != 0 || o->scale[2] != 0;
    if (size == scale) TP_FAIL(TP_ERR_ARGUMENT, op, "takes either a size or a scale");
    if (size && o->size.ndim != nd)
        TP_FAIL(TP_ERR_ARGUMENT, op, "size %s does not fit the %d spatial dims of %s",
                tp__shape_text(o->size), nd, tp__shape_text(x->shape));
    return true;
}

/* How dim d of the spatial ones is resampled; false with a record if nothing is left of it. */
static bool interpolate_dim(const char *op, const tp_tensor *x, const tp_interpolate_options *o, int d,
                            resample *r) {
    *r = (resample){.dim = 2 + d, .mode = o->mode, .align = o->align_corners, .in = x->shape.dims[2 + d]};
    if (o->size.ndim > 0) {
        r->out = o->size.dims[d];
    } else {
        r->scale = o->scale[d] == 0 && d > 0 ? o->scale[0] : o->scale[d];
        double out = floor((double)r->in * r->scale);
        r->out = out >= 1 && out <= 9007199254740992.0 ? (int64_t)out : 0;
    }
    if (r->out >= 1) return true;
    if (o->size.ndim > 0)
        tp__error(TP_ERR_ARGUMENT, op, "size %s; sizes are at least 1", tp__shape_text(o->size));
    else tp__error(TP_ERR_ARGUMENT, op, "a scale of %g makes no size of %lld", r->scale, (long long)r->in);
    return false;
}

tp_tensor *tp_interpolate(tp_tensor *x, tp_interpolate_options options) {
    const char *op = "interpolate";
    resample dims[3];
    TP_REQUIRE(x, op);
    if (!interpolate_check(op, x, &options)) return NULL;
    int nd = x->shape.ndim - 2;
    tp_shape shape = x->shape;
    for (int d = 0; d < nd; d++) {
        if (!interpolate_dim(op, x, &options, d, &dims[d])) return NULL;
        shape.dims[2 + d] = dims[d].out;
        if (tp__shape_check(op, shape, (tp_dtype)x->dtype) < 0) return NULL;
    }
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    for (int d = nd - 1; d >= 0 && x; d--) /* the last dim first: the others move whole lines */
        x = tp__is_floating((tp_dtype)x->dtype) ? resample_run(&dims[d], x) : nearest_run(&dims[d], x);
    return tp_scope_return(s, x);
}
