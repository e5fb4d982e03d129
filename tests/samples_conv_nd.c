/* Samples of conv.h: one and three spatial dims, same padding, transposed. All are taken as three dims here. */
#include "support/sample.h"

typedef struct geometry {
    int nd;
    int64_t stride[3], padding[3], extra[3], dilation[3],
        groups; /* of `nd` dims; extra: output padding; groups 0 is 1 */
    bool same;
} geometry;

/* Dim d of three, of an array with `nd` spatial dims. */
static int64_t spatial(tp_shape shape, int nd, int d) {
    return d < 3 - nd ? 1 : shape.dims[shape.ndim - 3 + d];
}
static int64_t of3(const int64_t *list, int nd, int d, int64_t none) {
    return d < 3 - nd ? none : list[d - (3 - nd)] ? list[d - (3 - nd)] : none;
}

typedef struct walk {
    int64_t n, c, o, groups, in[3], k[3], out[3], stride[3], pad[3], dilation[3];
} walk;

static walk walk_of(const geometry *g, tp_shape x, tp_shape w, bool transposed) {
    walk a = {.groups = g->groups ? g->groups : 1};
    a.n = x.ndim == g->nd + 2 ? x.dims[0] : 1;
    a.c = x.dims[x.ndim - g->nd - 1];
    a.o = transposed ? w.dims[1] * a.groups : w.dims[0];
    for (int d = 0; d < 3; d++) {
        a.in[d] = spatial(x, g->nd, d);
        a.k[d] = spatial(w, g->nd, d);
        a.stride[d] = of3(g->stride, g->nd, d, 1);
        a.dilation[d] = of3(g->dilation, g->nd, d, 1);
        a.pad[d] = of3(g->padding, g->nd, d, 0);
        int64_t reach = a.dilation[d] * (a.k[d] - 1) + 1;
        if (g->same) a.pad[d] = (reach - 1) / 2;
        a.out[d] = transposed
                       ? (a.in[d] - 1) * a.stride[d] - 2 * a.pad[d] + reach + of3(g->extra, g->nd, d, 0)
                   : g->same ? a.in[d]
                             : (a.in[d] + 2 * a.pad[d] - reach) / a.stride[d] + 1;
    }
    return a;
}

static double *result(const geometry *g, const walk *a, tp_shape x, dense *out) {
    tp_shape shape = {0, {0}};
    if (x.ndim == g->nd + 2) shape.dims[shape.ndim++] = a->n;
    shape.dims[shape.ndim++] = a->o;
    for (int d = 3 - g->nd; d < 3; d++) shape.dims[shape.ndim++] = a->out[d];
    return dense_new(out, shape);
}

/* Walks over every product: element of x (or of the result, transposed) i, of the weight, of the result. */
static void ref_conv(const sample *row, const dense *in, dense *out, bool transposed) {
    const geometry *g = row->arg;
    walk a = walk_of(g, in[0].shape, in[1].shape, transposed);
    double *y = result(g, &a, in[0].shape, out);
    const int64_t *small = transposed ? a.in : a.out, *large = transposed ? a.out : a.in;
    int64_t cg = a.c / a.groups, og = a.o / a.groups, plane = a.out[0] * a.out[1] * a.out[2];
    for (int64_t i = 0; in[2].data && i < out->numel; i++) y[i] = in[2].data[i / plane % a.o];
    for (int64_t n = 0; n < a.n; n++)
        for (int64_t o = 0; o < a.o; o++)
            for (int64_t c = 0; c < cg; c++)
                for (int64_t p = 0; p < small[0] * small[1] * small[2]; p++)
                    for (int64_t q = 0; q < a.k[0] * a.k[1] * a.k[2]; q++) {
                        int64_t at[3] = {p / (small[1] * small[2]), p / small[2] % small[1], p % small[2]};
                        int64_t k[3] = {q / (a.k[1] * a.k[2]), q / a.k[2] % a.k[1], q % a.k[2]}, far = 0;
                        bool inside = true;
                        for (int d = 0; d < 3; d++) {
                            int64_t i = at[d] * a.stride[d] + k[d] * a.dilation[d] - a.pad[d];
                            inside = inside && i >= 0 && i < large[d];
                            far = far * large[d] + i;
                        }
                        if (!inside) continue;
                        int64_t channel = o / og * cg + c, kernels = a.k[0] * a.k[1] * a.k[2];
                        int64_t w =
                            transposed ? (channel * og + o % og) * kernels + q : (o * cg + c) * kernels + q;
                        int64_t xi =
                            (n * a.c + channel) * a.in[0] * a.in[1] * a.in[2] + (transposed ? p : far);
                        int64_t yi = (n * a.o + o) * plane + (transposed ? far : p);
                        y[yi] += in[0].data[xi] * in[1].data[w];
                    }
}

static void ref_plain(const sample *row, const dense *in, dense *out) { ref_conv(row, in, out, false); }
static void ref_transposed(const sample *row, const dense *in, dense *out) { ref_conv(row, in, out, true); }

#define G ((const geometry *)row->arg)
#define LIST3(name)                                                                                          \
    { G->name[0], G->name[1], G->name[2] }
#define LIST2(name)                                                                                          \
    { G->name[0], G->name[1] }
SAMPLE_RUN(run_conv1d,
           tp_conv1d(in[0], in[1], in[2],
                     (tp_conv1d_options){G->groups, G->stride[0], G->padding[0], G->dilation[0], G->same}))
SAMPLE_RUN(run_conv2d,
           tp_conv2d(in[0], in[1], in[2],
                     (tp_conv2d_options){G->groups, LIST2(stride), LIST2(padding), LIST2(dilation), G->same}))
SAMPLE_RUN(run_conv3d,
           tp_conv3d(in[0], in[1], in[2],
                     (tp_conv3d_options){G->groups, LIST3(stride), LIST3(padding), LIST3(dilation), G->same}))
SAMPLE_RUN(run_transpose1d,
           tp_conv_transpose1d(in[0], in[1], in[2],
                               (tp_conv_transpose1d_options){G->groups, G->stride[0], G->padding[0],
                                                             G->extra[0], G->dilation[0]}))
SAMPLE_RUN(run_transpose2d,
           tp_conv_transpose2d(in[0], in[1], in[2],
                               (tp_conv_transpose2d_options){G->groups, LIST2(stride), LIST2(padding),
                                                             LIST2(extra), LIST2(dilation)}))
SAMPLE_RUN(run_transpose3d,
           tp_conv_transpose3d(in[0], in[1], in[2],
                               (tp_conv_transpose3d_options){G->groups, LIST3(stride), LIST3(padding),
                                                             LIST3(extra), LIST3(dilation)}))

/* Tables, laid out by hand. */
/* clang-format off */
#define OF(...) FLOATS(-1.5, 1.5, __VA_ARGS__)
#define BIAS(n) {FLOAT_IN(-1, 1), SHAPE(n), .optional = true}
#define GEOMETRY(...) .arg = &(const geometry){__VA_ARGS__}, .tol = 1e-11, .tol_f32 = 1e-4
#define CONV(op, what, run, x, w, b, ...) {op, what, run, ref_plain, {x, w, b}, GEOMETRY(__VA_ARGS__)}
#define BACK(op, what, run, x, w, b, ...) {op, what, run, ref_transposed, {x, w, b}, GEOMETRY(__VA_ARGS__)}

static const sample conv_nd_rows[] = {
    CONV("conv1d", "plain", run_conv1d, OF(2, 2, 6), OF(3, 2, 3), BIAS(3), .nd = 1),
    CONV("conv1d", "no batch, stride, padding", run_conv1d, OF(2, 7), OF(3, 2, 3), BIAS(3), .nd = 1, .stride = {2}, .padding = {2}),
    CONV("conv1d", "groups, dilation", run_conv1d, OF(2, 4, 7), OF(4, 2, 2), ABSENT, .nd = 1, .dilation = {3}, .groups = 2),
    CONV("conv1d", "depthwise", run_conv1d, OF(2, 3, 6), OF(3, 1, 3), ABSENT, .nd = 1, .groups = 3),
    CONV("conv1d", "same", run_conv1d, OF(1, 2, 6), OF(2, 2, 3), BIAS(2), .nd = 1, .same = true),
    CONV("conv1d", "same, uneven", run_conv1d, OF(1, 2, 6), OF(2, 2, 4), BIAS(2), .nd = 1, .same = true),
    CONV("conv1d", "no batch at all", run_conv1d, OF(0, 2, 6), OF(3, 2, 3), BIAS(3), .nd = 1),
    CONV("conv2d", "same", run_conv2d, OF(1, 2, 4, 5), OF(2, 2, 3, 3), BIAS(2), .nd = 2, .same = true),
    CONV("conv2d", "same, uneven", run_conv2d, OF(1, 2, 4, 5), OF(2, 2, 2, 4), BIAS(2), .nd = 2, .same = true),
    CONV("conv2d", "same, dilation", run_conv2d, OF(2, 4, 5), OF(2, 1, 2, 3), ABSENT, .nd = 2, .same = true, .dilation = {1, 2}, .groups = 2),
    CONV("conv3d", "plain", run_conv3d, OF(2, 2, 3, 3, 3), OF(2, 2, 2, 2, 2), BIAS(2), .nd = 3),
    CONV("conv3d", "no batch, stride, padding", run_conv3d, OF(1, 3, 4, 3), OF(2, 1, 2, 3, 2), BIAS(2), .nd = 3, .stride = {2, 1, 2}, .padding = {1, 0, 1}),
    CONV("conv3d", "groups, dilation", run_conv3d, OF(1, 2, 4, 3, 3), OF(2, 1, 2, 2, 1), ABSENT, .nd = 3, .dilation = {2, 1, 1}, .groups = 2),
    CONV("conv3d", "same", run_conv3d, OF(1, 1, 3, 3, 2), OF(1, 1, 2, 3, 1), BIAS(1), .nd = 3, .same = true),
    BACK("conv_transpose1d", "plain", run_transpose1d, OF(2, 2, 4), OF(2, 3, 3), BIAS(3), .nd = 1),
    BACK("conv_transpose1d", "stride, padding, output padding", run_transpose1d, OF(2, 4), OF(2, 3, 3), BIAS(3), .nd = 1, .stride = {3}, .padding = {1}, .extra = {2}),
    BACK("conv_transpose1d", "groups, dilation", run_transpose1d, OF(1, 4, 3), OF(4, 1, 2), ABSENT, .nd = 1, .dilation = {2}, .groups = 2),
    BACK("conv_transpose2d", "plain", run_transpose2d, OF(2, 2, 3, 3), OF(2, 3, 2, 3), BIAS(3), .nd = 2),
    BACK("conv_transpose2d", "stride, padding, output padding", run_transpose2d, OF(2, 3, 2), OF(2, 2, 3, 3), BIAS(2), .nd = 2, .stride = {2, 3}, .padding = {1, 1}, .extra = {1, 2}),
    BACK("conv_transpose2d", "groups, dilation", run_transpose2d, OF(1, 4, 3, 3), OF(4, 1, 2, 2), ABSENT, .nd = 2, .dilation = {2, 1}, .groups = 2),
    BACK("conv_transpose2d", "output padding by dilation", run_transpose2d, OF(1, 1, 3, 3), OF(1, 2, 2, 2), ABSENT, .nd = 2, .dilation = {3, 3}, .extra = {2, 1}),
    BACK("conv_transpose2d", "no batch at all", run_transpose2d, OF(0, 2, 3, 3), OF(2, 3, 2, 3), BIAS(3), .nd = 2),
    BACK("conv_transpose3d", "plain", run_transpose3d, OF(2, 1, 2, 2, 2), OF(1, 2, 2, 2, 2), BIAS(2), .nd = 3),
    BACK("conv_transpose3d", "all", run_transpose3d, OF(2, 2, 2, 2), OF(2, 1, 3, 2, 2), BIAS(2), .nd = 3, .stride = {2, 2, 1}, .padding = {1, 0, 1}, .extra = {1, 0, 0}, .dilation = {1, 2, 1}, .groups = 2),
    {"conv1d", "large", run_conv1d, ref_plain, {OF(8, 4, 200), OF(6, 4, 5), BIAS(6)}, .arg = &(const geometry){.nd = 1}, .tol_f32 = 1e-4, .flags = SAMPLE_LARGE},
    {"conv_transpose2d", "large", run_transpose2d, ref_transposed, {OF(4, 4, 20, 20), OF(4, 3, 3, 3), BIAS(3)}, .arg = &(const geometry){.nd = 2, .stride = {2, 2}}, .tol_f32 = 1e-4, .flags = SAMPLE_LARGE},
    {"conv3d", "large", run_conv3d, ref_plain, {OF(2, 3, 8, 9, 10), OF(4, 3, 3, 3, 3), BIAS(4)}, .arg = &(const geometry){.nd = 3, .padding = {1, 1, 1}}, .tol_f32 = 1e-4, .flags = SAMPLE_LARGE},
};
/* clang-format on */

SAMPLE_FAMILY(conv_nd, conv_nd_rows)
