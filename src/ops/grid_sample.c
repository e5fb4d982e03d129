/* Sampling x at the places a grid names. Differentiable once. */
#include <math.h>
#include <string.h>

#include "ops/ops.h"
#include "taper/tensor.h"
#include "taper/vision.h"

typedef struct grid_attr {
    tp_grid_sample_options options;
} grid_attr;

/* Dims of x: size[0 .. nd-1], the last one being the first component of grid. */
typedef struct grid_job {
    tp_grid_sample_options options;
    int nd;
    int64_t n, c, points, plane, size[3];
    const char *x, *grid, *g; /* of the result's gradient */
    char *to;                 /* the result, or the gradient of x or of grid */
} grid_job;

/* ---- places -------------------------------------------------------------------------------------------------- */

/* Mirrors at low / 2 and high / 2; *sign turns with the direction. */
static double grid_reflect(double at, double low, double high, double *sign) {
    if (low == high) return 0;
    double from = low / 2, span = (high - low) / 2, distance = at - from;
    if (distance < 0) *sign = -*sign, distance = -distance;
    double extra = fmod(distance, span), turns = floor(distance / span);
    if (fmod(turns, 2) == 0) return extra + from;
    *sign = -*sign;
    return span - extra + from;
}

/* Where in a dim of `size` elements the component lies, and how fast it moves with it. NaN if it is nowhere. */
static double grid_place(const grid_job *job, double g, int64_t size, double *slope) {
    double at, last = (double)(size - 1);
    bool align = job->options.align_corners;
    if (isnan(g)) g = -1;
    at = align ? (g + 1) / 2 * last : ((g + 1) * (double)size - 1) / 2;
    *slope = align ? last / 2 : (double)size / 2;
    if (job->options.padding == TP_GRID_ZEROS) return at;
    if (job->options.padding == TP_GRID_REFLECTION)
        at = align ? grid_reflect(at, 0, 2 * last, slope) : grid_reflect(at, -1, 2 * (double)size - 1, slope);
    if (at > 0 && at < last) return at;
    *slope = 0;
    return at <= 0 ? 0 : at >= last ? last : NAN;
}

/* What a place takes: elements of a plane, their weights, and the weights' derivatives by each component. */
typedef struct grid_taps {
    int count;
    int64_t at[8];
    double weight[8], slope[8][3];
} grid_taps;

static void grid_taps_of(const grid_job *job, const double *g, grid_taps *taps) {
    int nd = job->nd;
    int64_t low[3];
    double part[3], slope[3];
    taps->count = 0;
    for (int d = 0; d < nd; d++) {
        double at = grid_place(job, g[nd - 1 - d], job->size[d], &slope[d]);
        if (!(at > -2 && at < (double)job->size[d] + 1)) return; /* all of it lies outside */
        double whole = job->options.nearest ? nearbyint(at) : floor(at);
        low[d] = (int64_t)whole;
        part[d] = at - whole;
    }
    for (int corner = 0; corner < (job->options.nearest ? 1 : 1 << nd); corner++) {
        int64_t at = 0;
        bool inside = true;
        double weight = 1;
        for (int d = 0; d < nd; d++) {
            int up = corner >> (nd - 1 - d) & 1;
            int64_t i = low[d] + up;
            inside = inside && i >= 0 && i < job->size[d];
            at = at * job->size[d] + i;
            if (!job->options.nearest) weight *= up ? part[d] : 1 - part[d];
        }
        if (!inside) continue;
        int k = taps->count++;
        taps->at[k] = at;
        taps->weight[k] = weight;
        for (int d = 0; d < nd; d++) {
            double by = corner >> (nd - 1 - d) & 1 ? slope[d] : -slope[d];
            for (int e = 0; e < nd; e++)
                if (e != d) by *= corner >> (nd - 1 - e) & 1 ? part[e] : 1 - part[e];
            taps->slope[k][nd - 1 - d] = job->options.nearest ? 0 : by;
        }
    }
}

/* ---- loops ------------------------------------------------------------------------------------------------------ */

#define GRID_BLOCK 64

/* Blocks of points of one image. */
static int64_t grid_blocks(const grid_job *job) { return (job->points + GRID_BLOCK - 1) / GRID_BLOCK; }

#define GRID_LOOPS(S, T)                                                                                     \
    /* The taps of points p ... p + count - 1 of image n. */                                                 \
    static void grid_block_##S(const grid_job *job, int64_t n, int64_t p, int count, grid_taps *taps) {      \
        const T *grid = (const T *)(const void *)job->grid + (n * job->points + p) * job->nd;                \
        for (int i = 0; i < count; i++, grid += job->nd) {                                                   \
            double g[3] = {0};                                                                               \
            for (int k = 0; k < job->nd; k++) g[k] = (double)grid[k];                                        \
            grid_taps_of(job, g, &taps[i]);                                                                  \
        }                                                                                                    \
    }                                                                                                        \
    /* Items are blocks of points. */                                                                        \
    static void grid_forward_##S(void *context, int64_t begin, int64_t end, int worker) {                    \
        const grid_job *job = context;                                                                       \
        int64_t blocks = grid_blocks(job);                                                                   \
        grid_taps taps[GRID_BLOCK];                                                                          \
        (void)worker;                                                                                        \
        for (int64_t b = begin; b < end; b++) {                                                              \
            int64_t n = b / blocks, p = b % blocks * GRID_BLOCK;                                             \
            int count = job->points - p < GRID_BLOCK ? (int)(job->points - p) : GRID_BLOCK;                  \
            grid_block_##S(job, n, p, count, taps);                                                          \
            for (int64_t c = n * job->c; c < (n + 1) * job->c; c++) {                                        \
                const T *x = (const T *)(const void *)job->x + c * job->plane;                               \
                T *y = (T *)(void *)job->to + c * job->points + p;                                           \
                for (int i = 0; i < count; i++) {                                                            \
                    T sum = 0;                                                                               \
                    for (int k = 0; k < taps[i].count; k++) sum += (T)taps[i].weight[k] * x[taps[i].at[k]];  \
                    y[i] = sum;                                                                              \
                }                                                                                            \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    /* Items are planes of x, each added to in the order of the points. */                                   \
    static void grid_backward_x_##S(void *context, int64_t begin, int64_t end, int worker) {                 \
        const grid_job *job = context;                                                                       \
        grid_taps taps[GRID_BLOCK];                                                                          \
        (void)worker;                                                                                        \
        for (int64_t first = begin, last; first < end; first = last) {                                       \
            int64_t n = first / job->c;                                                                      \
            last = (n + 1) * job->c < end ? (n + 1) * job->c : end;                                          \
            for (int64_t p = 0; p < job->points; p += GRID_BLOCK) {                                          \
                int count = job->points - p < GRID_BLOCK ? (int)(job->points - p) : GRID_BLOCK;              \
                grid_block_##S(job, n, p, count, taps);                                                      \
                for (int64_t c = first; c < last; c++) {                                                     \
                    const T *g = (const T *)(const void *)job->g + c * job->points + p;                      \
                    T *dx = (T *)(void *)job->to + c * job->plane;                                           \
                    for (int i = 0; i < count; i++)                                                          \
                        for (int k = 0; k < taps[i].count; k++)                                              \
                            dx[taps[i].at[k]] += (T)taps[i].weight[k] * g[i];                                \
                }                                                                                            \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    /* Items are blocks of points, each a sum over the channels. */                                          \
    static void grid_backward_grid_##S(void *context, int64_t begin, int64_t end, int worker) {              \
        const grid_job *job = context;                                                                       \
        int64_t blocks = grid_blocks(job);                                                                   \
        grid_taps taps[GRID_BLOCK];                                                                          \
        (void)worker;                                                                                        \
        for (int64_t b = begin; b < end; b++) {                                                              \
            int64_t n = b / blocks, p = b % blocks * GRID_BLOCK;                                             \
            int count = job->points - p < GRID_BLOCK ? (int)(job->points - p) : GRID_BLOCK;                  \
            double sum[GRID_BLOCK][3] = {{0}};                                                               \
            grid_block_##S(job, n, p, count, taps);                                                          \
            for (int64_t c = n * job->c; c < (n + 1) * job->c; c++) {                                        \
                const T *x = (const T *)(const void *)job->x + c * job->plane;                               \
                const T *g = (const T *)(const void *)job->g + c * job->points + p;                          \
                for (int i = 0; i < count; i++)                                                              \
                    for (int k = 0; k < taps[i].count; k++) {                                                \
                        double part = (double)x[taps[i].at[k]] * (double)g[i];                               \
                        for (int d = 0; d < job->nd; d++) sum[i][d] += part * taps[i].slope[k][d];           \
                    }                                                                                        \
            }                                                                                                \
            T *to = (T *)(void *)job->to + (n * job->points + p) * job->nd;                                  \
            for (int i = 0; i < count; i++)                                                                  \
                for (int d = 0; d < job->nd; d++) *to++ = (T)sum[i][d];                                      \
        }                                                                                                    \
    }
GRID_LOOPS(f32, float)
GRID_LOOPS(f64, double)

/* ---- the op -------------------------------------------------------------------------------------------------------- */

static void grid_job_of(grid_job *job, tp_grid_sample_options options, const tp_tensor *x,
                        const tp_tensor *grid) {
    *job = (grid_job){.options = options,
                      .nd = x->shape.ndim - 2,
                      .n = x->shape.dims[0],
                      .c = x->shape.dims[1],
                      .points = 1,
                      .plane = 1,
                      .x = tp__data(x),
                      .grid = tp__data(grid)};
    for (int d = 0; d < job->nd; d++) {
        job->size[d] = x->shape.dims[2 + d];
        job->plane *= job->size[d];
        job->points *= grid->shape.dims[1 + d];
    }
}

static void grid_run_blocks(grid_job *job, bool single, tp__range_fn *f32, tp__range_fn *f64) {
    int64_t work = GRID_BLOCK * (job->c + 8) * (1 << job->nd);
    tp__parallel_for(job->n * grid_blocks(job), 65536 / work + 1, single ? f32 : f64, job);
}

static void grid_sample_vjp(tp__ctx *ctx, tp_tensor *const *g, tp_tensor **dx) {
    const char *op = "grid_sample";
    const grid_attr *attr = tp__attr(ctx);
    tp_tensor *x = tp__input(ctx, 0), *grid = tp__input(ctx, 1);
    if (!x || !grid) return;
    tp_dtype dtype = (tp_dtype)x->dtype;
    bool single = dtype == TP_F32;
    x = tp__packed(op, x, dtype);
    grid = x ? tp__packed(op, grid, dtype) : NULL;
    tp_tensor *seed = grid ? tp__packed(op, g[0], dtype) : NULL;
    if (!seed) return;
    grid_job job;
    grid_job_of(&job, attr->options, x, grid);
    job.g = tp__data(seed);
    if (tp__needs(ctx, 0) && (dx[0] = tp__tensor_new(op, x->shape, dtype))) {
        job.to = tp__data(dx[0]);
        memset(job.to, 0, (size_t)x->numel * tp__itemsize(dtype));
        tp__parallel_for(job.n * job.c, 8192 / (job.points + 1) + 1,
                         single ? grid_backward_x_f32 : grid_backward_x_f64, &job);
    }
    if (tp__needs(ctx, 1) && (dx[1] = tp__tensor_new(op, grid->shape, dtype))) {
        job.to = tp__data(dx[1]);
        grid_run_blocks(&job, single, grid_backward_grid_f32, grid_backward_grid_f64);
    }
}

static const tp__op grid_sample_op = {.name = "grid_sample",
                                      .vjp = grid_sample_vjp,
                                      .save_inputs = TP__ALL,
                                      .once = true};

static bool grid_check(const char *op, const tp_tensor *x, const tp_tensor *grid, tp_grid_sample_options o) {
    int nd = x->shape.ndim - 2;
    if (!tp__require_floating(op, "x", x)) return false;
    if (x->dtype != grid->dtype)
        TP_FAIL(TP_ERR_DTYPE, op, "x is %s, grid is %s", tp__dtype_text(x), tp__dtype_text(grid));
    if ((unsigned)o.padding > TP_GRID_REFLECTION)
        TP_FAIL(TP_ERR_ARGUMENT, op, "padding is %d, which is none of tp_grid_padding", (int)o.padding);
    bool fits = (nd == 2 || nd == 3) && grid->shape.ndim == nd + 2 &&
                grid->shape.dims[0] == x->shape.dims[0] && grid->shape.dims[nd + 1] == nd;
    if (!fits)
        TP_FAIL(
            TP_ERR_SHAPE, op,
            "x %s and grid %s are not (N, C, H, W) with (N, OH, OW, 2) or (N, C, D, H, W) with (N, OD, OH, OW, 3)",
            tp__shape_text(x->shape), tp__shape_text(grid->shape));
    for (int d = 0; d < nd; d++)
        if (x->shape.dims[2 + d] == 0)
            TP_FAIL(TP_ERR_SHAPE, op, "x %s has nothing to sample", tp__shape_text(x->shape));
    return true;
}

tp_tensor *tp_grid_sample(tp_tensor *x, tp_tensor *grid, tp_grid_sample_options options) {
    const char *op = grid_sample_op.name;
    TP_REQUIRE(x, op);
    TP_REQUIRE(grid, op);
    if (!grid_check(op, x, grid, options)) return NULL;
    tp_dtype dtype = (tp_dtype)x->dtype;
    tp_shape shape = x->shape;
    for (int d = 2; d < shape.ndim; d++) shape.dims[d] = grid->shape.dims[d - 1];
    tp_scope *s = tp_scope_begin();
    if (!s) return NULL;
    tp_tensor *packed = tp__packed(op, x, dtype), *places = packed ? tp__packed(op, grid, dtype) : NULL;
    tp_tensor *y = places ? tp__tensor_new(op, shape, dtype) : NULL;
    if (y && y->numel > 0) {
        grid_job job;
        grid_job_of(&job, options, packed, places);
        job.to = tp__data(y);
        grid_run_blocks(&job, dtype == TP_F32, grid_forward_f32, grid_forward_f64);
    }
    grid_attr attr = {options};
    return tp_scope_return(s, tp__record(&grid_sample_op, y, TP__INPUTS(x, grid), &attr, sizeof attr));
}
