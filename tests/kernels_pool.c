/* The pooling kernels against plain loops. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/kernels.h"
#include "kernels/pool.h"
#include "kernels_buffer.h"

enum { PLANES = 3 };
static char text[240];

static void describe(const char *what, const tp__pool2d *g, int dtype) {
    snprintf(
        text, sizeof text,
        "%s %s f%d (%d, %d) -> (%d, %d) kernel (%d, %d) stride (%d, %d) pad (%d, %d) dilation (%d, %d) divisor %d%s",
        what, tp__kern->name, dtype ? 64 : 32, (int)g->h, (int)g->w, (int)g->oh, (int)g->ow, (int)g->kh,
        (int)g->kw, (int)g->stride_h, (int)g->stride_w, (int)g->pad_h, (int)g->pad_w, (int)g->dil_h,
        (int)g->dil_w, (int)g->divisor, g->count_exclude_pad ? " without padding" : "");
}

static int64_t out_size(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation, bool up) {
    int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1;
    int64_t out = (room + (up ? stride - 1 : 0)) / stride + 1;
    return up && (out - 1) * stride >= in + pad ? out - 1 : out;
}

/* A random geometry; of max if `dilated`. False if nothing comes out. */
static bool random_geometry(tp__pool2d *g, bool dilated) {
    bool up = random_below(2);
    *g = (tp__pool2d){.h = 1 + random_below(12),
                      .w = 1 + random_below(random_below(3) ? 12 : 40),
                      .kh = 1 + random_below(4),
                      .kw = 1 + random_below(4),
                      .stride_h = 1 + random_below(4),
                      .stride_w = 1 + random_below(4),
                      .dil_h = dilated ? 1 + random_below(3) : 1,
                      .dil_w = dilated ? 1 + random_below(3) : 1};
    g->pad_h = random_below(g->kh / 2 + 1);
    g->pad_w = random_below(g->kw / 2 + 1);
    g->count_exclude_pad = random_below(2);
    g->divisor = random_below(3) ? 0 : 1 + random_below(5);
    if (g->h + 2 * g->pad_h <= g->dil_h * (g->kh - 1) || g->w + 2 * g->pad_w <= g->dil_w * (g->kw - 1))
        return false;
    g->oh = out_size(g->h, g->kh, g->stride_h, g->pad_h, g->dil_h, up);
    g->ow = out_size(g->w, g->kw, g->stride_w, g->pad_w, g->dil_w, up);
    return g->oh > 0 && g->ow > 0;
}

/* ---- maximum ------------------------------------------------------------------------------------------ */

/* The first largest, and the last NaN before all. -1 if the window lies in the padding. */
static int64_t largest(const tp__pool2d *g, const buffer *x, int64_t plane, int64_t i, int64_t j) {
    int64_t at = -1;
    for (int64_t u = 0; u < g->kh; u++) {
        for (int64_t v = 0; v < g->kw; v++) {
            int64_t r = i * g->stride_h + u * g->dil_h - g->pad_h,
                    c = j * g->stride_w + v * g->dil_w - g->pad_w;
            if (r < 0 || r >= g->h || c < 0 || c >= g->w) continue;
            double value = buffer_get(x, plane + r * g->w + c);
            if (at < 0 || isnan(value) || value > buffer_get(x, plane + at)) at = r * g->w + c;
        }
    }
    return at;
}

static void check_max(tp__pool2d g, int dtype, bool nan) {
    describe("max_pool", &g, dtype);
    int64_t plane = g.h * g.w, outputs = g.oh * g.ow;
    buffer x = buffer_new(dtype, PLANES * plane), y = buffer_new(dtype, PLANES * outputs);
    buffer dx = buffer_new(dtype, PLANES * plane), dy = buffer_new(dtype, PLANES * outputs);
    int32_t *index = malloc((size_t)(PLANES * outputs) * sizeof *index);
    double *expected = calloc((size_t)(PLANES * plane), sizeof *expected);
    assert_true(index && expected);
    buffer_fill(&x, 3); /* with many ties */
    buffer_fill(&dy, 5);
    for (int64_t i = 0; nan && i < x.n; i++)
        if (random_below(4) == 0) buffer_set(&x, i, random_below(4) ? (double)NAN : -(double)INFINITY);
    tp__kern->pool->max_forward[dtype](&g, x.data, y.data, index, 0, 1);
    tp__kern->pool->max_forward[dtype](&g, x.data, y.data, index, 1, PLANES);
    for (int64_t n = 0; n < y.n; n++) {
        int64_t p = n / outputs, at = largest(&g, &x, p * plane, n / g.ow % g.oh, n % g.ow);
        if (index[n] != at) fail_msg("%s: index[%d] is %d, not %d", text, (int)n, (int)index[n], (int)at);
        double value = buffer_get(&y, n),
               wanted = at < 0 ? -(double)INFINITY : buffer_get(&x, p * plane + at);
        if (value != wanted && !(isnan(value) && isnan(wanted)))
            fail_msg("%s: y[%d] is %g, not %g", text, (int)n, value, wanted);
        if (at >= 0) expected[p * plane + at] += buffer_get(&dy, n);
    }
    tp__kern->pool->max_backward[dtype](&g, dy.data, index, dx.data, 0, 2);
    tp__kern->pool->max_backward[dtype](&g, dy.data, index, dx.data, 2, PLANES);
    for (int64_t i = 0; i < dx.n; i++)
        if (buffer_get(&dx, i) != expected[i])
            fail_msg("%s: dx[%d] is %g, not %g", text, (int)i, buffer_get(&dx, i), expected[i]);
    free(expected);
    free(index);
    buffer *all[] = {&x, &y, &dx, &dy};
    for (int i = 0; i < 4; i++) buffer_free(all[i], text);
}

/* Two by two, as usual, at all widths about those of vectors; then anything. */
static void max_pool(int dtype, bool nan) {
    for (int64_t w = 2; w < 70; w += w < 40 ? 1 : 7)
        for (int64_t h = 2; h < 6; h++)
            check_max((tp__pool2d){.h = h,
                                   .w = w,
                                   .oh = h / 2,
                                   .ow = w / 2,
                                   .kh = 2,
                                   .kw = 2,
                                   .stride_h = 2,
                                   .stride_w = 2,
                                   .dil_h = 1,
                                   .dil_w = 1},
                      dtype, nan);
    for (int i = 0; i < 400;) {
        tp__pool2d g;
        if (!random_geometry(&g, true)) continue;
        check_max(g, dtype, nan);
        i++;
    }
}

static void max_pool_plain(int dtype) { max_pool(dtype, false); }
static void max_pool_nan(int dtype) { max_pool(dtype, true); }

void test_max_pool(void **state) {
    (void)state;
    each_level(max_pool_plain);
}

void test_max_pool_nan(void **state) {
    (void)state;
    each_level(max_pool_nan);
}

/* ---- average ------------------------------------------------------------------------------------------ */

/* The weight that x[r][c] has in y[i][j]. */
static double weight_of(const tp__pool2d *g, int64_t i, int64_t j, int64_t r, int64_t c) {
    if (g->adaptive) {
        int64_t r0 = i * g->h / g->oh, r1 = ((i + 1) * g->h + g->oh - 1) / g->oh;
        int64_t c0 = j * g->w / g->ow, c1 = ((j + 1) * g->w + g->ow - 1) / g->ow;
        bool in = r >= r0 && r < r1 && c >= c0 && c < c1;
        return in ? 1.0 / (double)((r1 - r0) * (c1 - c0)) : 0;
    }
    int64_t top = i * g->stride_h - g->pad_h, left = j * g->stride_w - g->pad_w, counted = 0;
    if (r < top || r >= top + g->kh || c < left || c >= left + g->kw) return 0;
    for (int64_t u = top; u < top + g->kh; u++)
        for (int64_t v = left; v < left + g->kw; v++) {
            bool inside = u >= 0 && u < g->h && v >= 0 && v < g->w;
            counted += g->count_exclude_pad ? inside : u < g->h + g->pad_h && v < g->w + g->pad_w;
        }
    return 1.0 / (double)(g->divisor ? g->divisor : counted);
}

static void expect_near(const buffer *b, int64_t i, double wanted, const char *what) {
    double value = buffer_get(b, i), bound = (b->dtype ? 1e-13 : 1e-5) * (1 + fabs(wanted));
    if (!(fabs(value - wanted) <= bound))
        fail_msg("%s: %s[%d] is %.9g, not %.9g", text, what, (int)i, value, wanted);
}

static void check_avg(tp__pool2d g, int dtype) {
    describe(g.adaptive ? "adaptive_avg_pool" : "avg_pool", &g, dtype);
    int64_t plane = g.h * g.w, outputs = g.oh * g.ow;
    buffer x = buffer_new(dtype, PLANES * plane), y = buffer_new(dtype, PLANES * outputs);
    buffer dx = buffer_new(dtype, PLANES * plane), dy = buffer_new(dtype, PLANES * outputs);
    double *back = calloc((size_t)(PLANES * plane), sizeof *back);
    assert_non_null(back);
    buffer_fill(&x, 9);
    buffer_fill(&dy, 9);
    tp__kern->pool->avg_forward[dtype](&g, x.data, y.data, 0, 2);
    tp__kern->pool->avg_forward[dtype](&g, x.data, y.data, 2, PLANES);
    tp__kern->pool->avg_backward[dtype](&g, dy.data, dx.data, 0, 1);
    tp__kern->pool->avg_backward[dtype](&g, dy.data, dx.data, 1, PLANES);
    for (int64_t n = 0; n < y.n; n++) {
        double sum = 0;
        for (int64_t k = 0; k < plane; k++) {
            double weight = weight_of(&g, n / g.ow % g.oh, n % g.ow, k / g.w, k % g.w);
            sum += weight * buffer_get(&x, n / outputs * plane + k);
            back[n / outputs * plane + k] += weight * buffer_get(&dy, n);
        }
        expect_near(&y, n, sum, "y");
    }
    for (int64_t i = 0; i < dx.n; i++) expect_near(&dx, i, back[i], "dx");
    free(back);
    buffer *all[] = {&x, &y, &dx, &dy};
    for (int i = 0; i < 4; i++) buffer_free(all[i], text);
}

static void avg_pool(int dtype) {
    for (int i = 0; i < 400;) {
        tp__pool2d g;
        if (!random_geometry(&g, false)) continue;
        check_avg(g, dtype);
        i++;
    }
}

void test_avg_pool(void **state) {
    (void)state;
    each_level(avg_pool);
}

static void adaptive_pool(int dtype) {
    for (int i = 0; i < 200; i++)
        check_avg((tp__pool2d){.h = 1 + random_below(12),
                               .w = 1 + random_below(20),
                               .oh = 1 + random_below(14),
                               .ow = 1 + random_below(9),
                               .adaptive = true},
                  dtype);
}

void test_adaptive_pool(void **state) {
    (void)state;
    each_level(adaptive_pool);
}
