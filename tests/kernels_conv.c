/* The convolution kernels against plain loops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/conv.h"
#include "kernels/kernels.h"
#include "kernels_buffer.h"

static int64_t weight_count(const tp__conv2d *g) { return g->o * (g->c / g->groups) * g->kh * g->kw; }

/* Calls `visit` for each product that y sums: offsets in x, weight and y. */
static void each_product(const tp__conv2d *g, void (*visit)(void *context, int64_t x, int64_t w, int64_t y),
                         void *context) {
    int64_t channels = g->c / g->groups, outputs = g->o / g->groups;
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t o = 0; o < g->o; o++)
            for (int64_t c = 0; c < channels; c++)
                for (int64_t u = 0; u < g->kh; u++)
                    for (int64_t v = 0; v < g->kw; v++)
                        for (int64_t i = 0; i < g->oh; i++)
                            for (int64_t j = 0; j < g->ow; j++) {
                                int64_t row = i * g->stride_h + u * g->dil_h - g->pad_h;
                                int64_t column = j * g->stride_w + v * g->dil_w - g->pad_w;
                                if (row < 0 || row >= g->h || column < 0 || column >= g->w) continue;
                                int64_t plane = n * g->c + o / outputs * channels + c;
                                visit(context, (plane * g->h + row) * g->w + column,
                                      ((o * channels + c) * g->kh + u) * g->kw + v,
                                      ((n * g->o + o) * g->oh + i) * g->ow + j);
                            }
}

typedef struct conv_case {
    buffer x, w, bias, y, dy; /* y: the forward result */
    double *out;              /* what is expected */
} conv_case;

static void visit_forward(void *context, int64_t x, int64_t w, int64_t y) {
    conv_case *t = context;
    t->out[y] += buffer_get(&t->x, x) * buffer_get(&t->w, w);
}

static void visit_input_grad(void *context, int64_t x, int64_t w, int64_t y) {
    conv_case *t = context;
    t->out[x] += buffer_get(&t->dy, y) * buffer_get(&t->w, w);
}

static void visit_weight_grad(void *context, int64_t x, int64_t w, int64_t y) {
    conv_case *t = context;
    t->out[w] += buffer_get(&t->dy, y) * buffer_get(&t->x, x);
}

static char text[240];

static void compare(const buffer *got, const double *expected, const char *what) {
    for (int64_t i = 0; i < got->n; i++)
        if (buffer_get(got, i) != expected[i])
            fail_msg("%s: %s[%d] is %g, not %g", text, what, (int)i, buffer_get(got, i), expected[i]);
}

static void *scratch_new(const tp__conv2d *g, int dtype, size_t *bytes) {
    *bytes = tp__kern->conv->scratch[dtype](g);
    char *scratch = aligned_alloc(64, (*bytes + 127) / 64 * 64);
    assert_non_null(scratch);
    memset(scratch, 0xff, *bytes); /* NaN: what a kernel has not written it must not use */
    memset(scratch + *bytes, 0x5a, 64);
    return scratch;
}

static void scratch_free(void *scratch, size_t bytes) {
    for (size_t i = 0; i < 64; i++)
        if (((char *)scratch)[bytes + i] != 0x5a) fail_msg("%s: scratch overrun", text);
    free(scratch);
}

static void conv_describe(const tp__conv2d *g, int dtype) {
    snprintf(
        text, sizeof text,
        "conv %s f%d x (%d, %d, %d, %d) weight (%d, %d, %d) stride (%d, %d) pad (%d, %d) dilation (%d, %d) groups "
        "%d",
        tp__kern->name, dtype ? 64 : 32, (int)g->n, (int)g->c, (int)g->h, (int)g->w, (int)g->o, (int)g->kh,
        (int)g->kw, (int)g->stride_h, (int)g->stride_w, (int)g->pad_h, (int)g->pad_w, (int)g->dil_h,
        (int)g->dil_w, (int)g->groups);
}

/* Each kernel in two ranges of images, as two threads would run it. */
static void check_conv(tp__conv2d g, int dtype) {
    g.oh = (g.h + 2 * g.pad_h - g.dil_h * (g.kh - 1) - 1) / g.stride_h + 1;
    g.ow = (g.w + 2 * g.pad_w - g.dil_w * (g.kw - 1) - 1) / g.stride_w + 1;
    conv_describe(&g, dtype);
    int64_t xs = g.n * g.c * g.h * g.w, ys = g.n * g.o * g.oh * g.ow, ws = weight_count(&g), half = g.n / 2;
    size_t bytes;
    conv_case t = {buffer_new(dtype, xs),  buffer_new(dtype, ws),
                   buffer_new(dtype, g.o), buffer_new(dtype, ys),
                   buffer_new(dtype, ys),  calloc((size_t)(xs + ys + ws), sizeof(double))};
    assert_non_null(t.out);
    buffer dx = buffer_new(dtype, xs), dw = buffer_new(dtype, ws), more = buffer_new(dtype, ws);
    buffer_fill(&t.x, 4);
    buffer_fill(&t.w, 4);
    buffer_fill(&t.bias, 9);
    buffer_fill(&t.dy, 4);

    bool biased = random_below(2);
    for (int64_t i = 0; i < ys; i++) t.out[i] = biased ? buffer_get(&t.bias, i / (g.oh * g.ow) % g.o) : 0;
    each_product(&g, visit_forward, &t);
    for (int part = 0; part < 2; part++) {
        void *scratch = scratch_new(&g, dtype, &bytes);
        tp__kern->conv->forward[dtype](&g, t.x.data, t.w.data, biased ? t.bias.data : NULL, t.y.data,
                                       part ? half : 0, part ? g.n : half, scratch);
        scratch_free(scratch, bytes);
    }
    compare(&t.y, t.out, "y");

    memset(t.out, 0, (size_t)xs * sizeof(double));
    each_product(&g, visit_input_grad, &t);
    for (int part = 0; part < 2; part++) {
        void *scratch = scratch_new(&g, dtype, &bytes);
        tp__kern->conv->input_grad[dtype](&g, t.dy.data, t.w.data, dx.data, part ? half : 0,
                                          part ? g.n : half, scratch);
        scratch_free(scratch, bytes);
    }
    compare(&dx, t.out, "dx");

    memset(t.out, 0, (size_t)ws * sizeof(double));
    each_product(&g, visit_weight_grad, &t);
    for (int part = 0; part < 2; part++) {
        void *scratch = scratch_new(&g, dtype, &bytes);
        tp__kern->conv->weight_grad[dtype](&g, t.dy.data, t.x.data, part ? more.data : dw.data,
                                           part ? half : 0, part ? g.n : half, scratch);
        scratch_free(scratch, bytes);
    }
    for (int64_t i = 0; i < ws; i++) buffer_set(&dw, i, buffer_get(&dw, i) + buffer_get(&more, i));
    compare(&dw, t.out, "dw");

    free(t.out);
    buffer *all[] = {&t.x, &t.w, &t.bias, &t.y, &t.dy, &dx, &dw, &more};
    for (int i = 0; i < 8; i++) buffer_free(all[i], text);
}

static void conv_shapes(int dtype) {
    const tp__conv2d shapes[] = {
        /* n  c   h   w   o  kh kw         stride  pad   dilation groups */
        {1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1},
        {3, 1, 28, 28, 32, 3, 3, 0, 0, 1, 1, 0, 0, 1, 1, 1},
        {2, 32, 13, 13, 64, 3, 3, 0, 0, 1, 1, 0, 0, 1, 1, 1},
        {2, 16, 8, 8, 32, 3, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1},
        {2, 16, 8, 8, 40, 3, 3, 0, 0, 2, 2, 1, 1, 1, 1, 1},
        {2, 33, 7, 9, 65, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1},
        {2, 12, 9, 7, 35, 1, 1, 0, 0, 2, 3, 0, 0, 1, 1, 1},
        {3, 4, 6, 6, 8, 3, 3, 0, 0, 1, 1, 1, 1, 1, 1, 4},
        {2, 24, 6, 33, 66, 5, 2, 0, 0, 1, 1, 2, 1, 1, 1, 2},
        {1, 3, 20, 5, 34, 7, 3, 0, 0, 3, 1, 3, 1, 2, 2, 1},
        {4, 34, 4, 4, 33, 3, 3, 0, 0, 1, 1, 2, 2, 1, 1, 1},
        {2, 20, 1, 1, 33, 3, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1}, /* all taps but one hang over */
        {2, 20, 2, 2, 33, 1, 1, 0, 0, 1, 1, 4, 4, 1, 1, 1}, /* whole rows of outputs see padding alone */
        {3, 40, 2, 4, 33, 1, 1, 0, 0, 1, 1, 4, 4, 1, 1, 1}, /* the same with more outputs and inputs */
        {6, 12, 9, 11, 40, 3, 3, 0, 0, 2, 3, 4, 5, 3, 2, 1},
        {9, 16, 5, 5, 17, 3, 3, 0, 0, 1, 1, 0, 2, 2, 1, 1},
        {2, 20, 2, 3, 33, 2, 2, 0, 0, 5, 5, 5, 6, 3, 3, 1},
        {2, 20, 3, 40, 48, 3, 3, 0, 0, 1, 1, 1, 1, 1, 4, 1},
        {0, 3, 5, 5, 4, 3, 3, 0, 0, 1, 1, 0, 0, 1, 1, 1},
        {2, 5, 40, 44, 5, 3, 3, 0, 0, 1, 1, 1, 1, 1, 1, 5}, /* depthwise, of several blocks of rows */
        {2, 6, 41, 38, 6, 5, 3, 0, 0, 2, 2, 2, 1, 1, 1, 6},
        {3, 3, 7, 7, 9, 5, 5, 0, 0, 1, 1, 2, 2, 1, 1, 3}, /* three outputs of each channel */
        {2, 4, 23, 31, 8, 3, 4, 0, 0, 4, 3, 6, 7, 3, 2,
         4}, /* strides and dilations that do not divide one another */
        {2, 4, 12, 9, 4, 3, 3, 0, 0, 2, 2, 0, 0, 2, 2, 4},   /* taps of one phase alone */
        {1, 2, 9, 5, 2, 2, 2, 0, 0, 4, 4, 1, 1, 1, 1, 2},    /* pixels that no window sees */
        {2, 30, 20, 20, 3, 3, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1}, /* few outputs of many channels */
        {2, 12, 50, 20, 8, 3, 3, 0, 0, 1, 2, 1, 0, 1, 1, 4},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_conv(shapes[i], dtype);
}

void test_conv_shapes(void **state) {
    (void)state;
    each_level(conv_shapes);
}

static void conv_random(int dtype) {
    for (int i = 0; i < 250;) {
        const int64_t sizes[] = {1, 2, 3, 5, 8, 16, 17, 32, 36};
        tp__conv2d g = {.n = random_below(4), .groups = random_below(3) ? 1 : 1 + random_below(3)};
        g.c = g.groups * sizes[random_below(g.groups > 1 ? 5 : 8)];
        g.o = g.groups * sizes[random_below(g.groups > 1 ? 5 : 9)];
        g.h = 1 + random_below(12);
        g.w = 1 + random_below(random_below(4) ? 12 : 40);
        g.kh = 1 + random_below(4);
        g.kw = 1 + random_below(4);
        g.stride_h = 1 + random_below(random_below(2) ? 1 : 4);
        g.stride_w = 1 + random_below(random_below(2) ? 1 : 4);
        g.dil_h = 1 + random_below(random_below(2) ? 1 : 3);
        g.dil_w = 1 + random_below(random_below(2) ? 1 : 3);
        g.pad_h = random_below(6);
        g.pad_w = random_below(6);
        if (g.dil_h * (g.kh - 1) >= g.h + 2 * g.pad_h || g.dil_w * (g.kw - 1) >= g.w + 2 * g.pad_w) continue;
        check_conv(g, dtype);
        i++;
    }
}

void test_conv_random(void **state) {
    (void)state;
    each_level(conv_random);
}
