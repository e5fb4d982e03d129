/* Augmentation against plain loops, one step after another, in double; by hand; and its errors. */
/* ctest: threads */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core/philox.h"

#define PI 3.14159265358979323846

/* ---- the reference ----------------------------------------------------------------------------------- */

/* A plane of pixels in double. */
typedef struct plane {
    int64_t h, w;
    double *p;
} plane;

static plane plane_new(int64_t h, int64_t w, double value) {
    plane a = {h, w, malloc((size_t)(h * w + 1) * sizeof(double))};
    for (int64_t k = 0; k < h * w; k++) a.p[k] = value;
    return a;
}

static double pixel(plane a, int64_t y, int64_t x, double outside) {
    return y < 0 || y >= a.h || x < 0 || x >= a.w ? outside : a.p[y * a.w + x];
}

static plane padded(plane a, int64_t pad, double fill) {
    plane b = plane_new(a.h + 2 * pad, a.w + 2 * pad, fill);
    for (int64_t y = 0; y < a.h; y++)
        for (int64_t x = 0; x < a.w; x++) b.p[(y + pad) * b.w + x + pad] = a.p[y * a.w + x];
    free(a.p);
    return b;
}

static plane cropped(plane a, int64_t h, int64_t w, double draw_y, double draw_x) {
    int64_t top = (int64_t)floor(draw_y * (double)(a.h - h + 1)),
            left = (int64_t)floor(draw_x * (double)(a.w - w + 1));
    plane b = plane_new(h, w, 0);
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) b.p[y * w + x] = a.p[(y + top) * a.w + x + left];
    free(a.p);
    return b;
}

static void flipped(plane a, bool columns, bool rows) {
    plane b = plane_new(a.h, a.w, 0);
    for (int64_t y = 0; y < a.h; y++)
        for (int64_t x = 0; x < a.w; x++)
            b.p[y * a.w + x] = a.p[(rows ? a.h - 1 - y : y) * a.w + (columns ? a.w - 1 - x : x)];
    memcpy(a.p, b.p, (size_t)(a.h * a.w) * sizeof(double));
    free(b.p);
}

/* Each pixel is looked for where the inverse of "turn, then shift" takes it. */
static plane turned(plane a, double degrees, int64_t shift_y, int64_t shift_x, double fill) {
    double t = degrees * PI / 180, cy = (double)(a.h - 1) / 2, cx = (double)(a.w - 1) / 2;
    plane b = plane_new(a.h, a.w, 0);
    for (int64_t y = 0; y < a.h; y++)
        for (int64_t x = 0; x < a.w; x++) {
            double u = (double)(x - shift_x) - cx, v = (double)(y - shift_y) - cy;
            double sx = cos(t) * u - sin(t) * v + cx, sy = sin(t) * u + cos(t) * v + cy, sum = 0;
            if (degrees == 0) {
                sx = rint(sx);
                sy = rint(sy);
            }
            for (int dy = 0; dy < 2; dy++)
                for (int dx = 0; dx < 2; dx++) {
                    double fy = floor(sy) + dy, fx = floor(sx) + dx;
                    sum +=
                        (1 - fabs(sy - fy)) * (1 - fabs(sx - fx)) * pixel(a, (int64_t)fy, (int64_t)fx, fill);
                }
            b.p[y * a.w + x] = sum;
        }
    free(a.p);
    return b;
}

static void draws_of(uint64_t seed, uint64_t offset, int64_t image, double draws[12]) {
    for (int k = 0; k < 12; k++) {
        uint32_t words[4];
        tp__philox(seed, offset + 3 * (uint64_t)image + (uint64_t)k / 4, words);
        draws[k] = (double)words[k % 4] / 4294967296.0;
    }
}

static plane reference(plane a, int channel, const tp_augment_options *o, const double d[12]) {
    int64_t h = o->crop_height ? o->crop_height : a.h, w = o->crop_width ? o->crop_width : a.w;
    a = padded(a, o->crop_padding, o->fill);
    a = cropped(a, h, w, d[0], d[1]);
    flipped(a, d[2] < o->horizontal_flip, d[3] < o->vertical_flip);
    a = turned(a, (2 * d[4] - 1) * o->rotation, (int64_t)rint((2 * d[6] - 1) * o->shift_y * (double)h),
               (int64_t)rint((2 * d[5] - 1) * o->shift_x * (double)w), o->fill);
    for (int64_t k = 0; o->channels && k < h * w; k++)
        a.p[k] = (a.p[k] - (o->mean ? o->mean[channel] : 0)) / (o->std ? o->std[channel] : 1);
    int64_t top = (int64_t)floor(d[8] * (double)(h - o->cutout + 1)),
            left = (int64_t)floor(d[9] * (double)(w - o->cutout + 1));
    double p = o->cutout_p != 0 ? o->cutout_p : signbit(o->cutout_p) ? 0 : 1;
    for (int64_t y = top; d[7] < p && y < top + o->cutout; y++)
        for (int64_t x = left; x < left + o->cutout; x++) a.p[y * w + x] = o->cutout_value;
    return a;
}

static void check_images(tp_tensor *images, tp_augment_options o) {
    const uint64_t seed = 77, offset = 5;
    tp_generator *g = tp_generator_new(seed);
    tp_generator_set_state(g, (tp_generator_state){seed, offset});
    tp_tensor *got = tp_augment(images, o, g);
    assert_tensor(got);
    tp_shape x = tp_tensor_shape(images), y = tp_tensor_shape(got);
    assert_int_equal(tp_generator_get_state(g).offset, offset + 3 * (uint64_t)x.dims[0]);
    assert_int_equal(tp_tensor_dtype(got), tp_tensor_dtype(images));
    bool u8 = tp_tensor_dtype(images) == TP_U8;
    for (int64_t n = 0; n < x.dims[0]; n++)
        for (int64_t c = 0; c < x.dims[1]; c++) {
            plane a = plane_new(x.dims[2], x.dims[3], 0);
            for (int64_t k = 0; k < a.h * a.w; k++)
                a.p[k] = tp_tensor_at(images, TP_SHAPE(n, c, k / a.w, k % a.w));
            double d[12];
            draws_of(seed, offset, n, d);
            a = reference(a, (int)c, &o, d);
            assert_true(tp_shape_equal(y, TP_SHAPE(x.dims[0], x.dims[1], a.h, a.w)));
            for (int64_t k = 0; k < a.h * a.w; k++) {
                double value = tp_tensor_at(got, TP_SHAPE(n, c, k / a.w, k % a.w));
                double want = u8 ? fmin(fmax(rint(a.p[k]), 0), 255) : a.p[k];
                if (fabs(value - want) > (u8 ? fabs(a.p[k] - floor(a.p[k]) - 0.5) < 1e-3 : 1e-5))
                    fail_msg("image %d, pixel %d: %g for %g", (int)n, (int)k, value, want);
            }
            free(a.p);
        }
    tp_generator_free(g);
}

static tp_tensor *some_images(int64_t n, int64_t c, int64_t h, int64_t w) {
    tp_generator *g = tp_generator_new(3);
    tp_tensor *t = tp_rand(TP_SHAPE(n, c, h, w), TP_F32, g);
    tp_generator_free(g);
    return t;
}

static tp_tensor *as_bytes(tp_tensor *images) { return tp_to_dtype(tp_mul_scalar(images, 255), TP_U8); }

static const double means[] = {0.2, 0.5, 0.7}, deviations[] = {0.1, 2, 0.5};

static void test_steps(void **state) {
    (void)state;
    static const tp_augment_options options[] = {
        {.crop_padding = 2},
        {.crop_height = 5, .crop_width = 3},
        {.crop_height = 10, .crop_width = 4, .crop_padding = 3, .fill = 0.5},
        {.horizontal_flip = 0.5},
        {.vertical_flip = 0.5},
        {.horizontal_flip = 1, .vertical_flip = 1},
        {.rotation = 30},
        {.rotation = 360, .fill = 0.25},
        {.shift_x = 0.5},
        {.shift_y = 1, .fill = -1},
        {.cutout = 3},
        {.cutout = 2, .cutout_p = 0.5, .cutout_value = 0.75},
        {.cutout = 2, .cutout_p = TP_ZERO},
        {.channels = 3, .mean = means, .std = deviations},
        {.channels = 3, .std = deviations},
        {.channels = 3, .mean = means},
        {0},
        {.crop_height = 6,
         .crop_width = 8,
         .crop_padding = 1,
         .horizontal_flip = 0.5,
         .vertical_flip = 0.25,
         .rotation = 15,
         .shift_x = 0.2,
         .shift_y = 0.1,
         .fill = 0.1,
         .channels = 3,
         .mean = means,
         .std = deviations,
         .cutout = 2,
         .cutout_p = 0.5}};
    tp_tensor *images = some_images(12, 3, 7, 9);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        tp_scope *s = tp_scope_begin();
        check_images(images, options[i]);
        if (!options[i].channels) check_images(as_bytes(images), options[i]);
        tp_scope_end(s);
    }
    check_images(tp_transpose(images, 2, 3), (tp_augment_options){.rotation = 45});
    tp_tensor *same = tp_augment(images, (tp_augment_options){0}, NULL);
    assert_memory_equal(tp_tensor_data(same), tp_tensor_data(images), 12 * 3 * 63 * sizeof(float));
}

/* ---- by hand ----------------------------------------------------------------------------------------- */

/* A seed whose first image turns counter-clockwise, by an angle that is returned. */
static double positive_angle(tp_generator **g, double range) {
    for (uint64_t seed = 0;; seed++) {
        double d[12];
        draws_of(seed, 0, 0, d);
        if (d[4] < 0.75) continue;
        *g = tp_generator_new(seed);
        return (2 * d[4] - 1) * range;
    }
}

/* As the field's other resampling has it: positive angles turn what is right of the centre upwards. */
static void test_rotation(void **state) {
    (void)state;
    tp_tensor *images = some_images(1, 2, 8, 8);
    tp_generator *g;
    double t = positive_angle(&g, 90) * PI / 180;
    tp_tensor *y = tp_augment(images, (tp_augment_options){.rotation = 90}, g);
    tp_tensor *theta =
        TP_F32_TENSOR(TP_SHAPE(1, 2, 3), (float)cos(t), (float)-sin(t), 0, (float)sin(t), (float)cos(t), 0);
    tp_tensor *grid = tp_affine_grid(theta, TP_SHAPE(1, 2, 8, 8), false);
    tp_tensor *expected = tp_grid_sample(images, grid, (tp_grid_sample_options){0});
    assert_true(tp_tensor_item(tp_amax(tp_abs(tp_sub(y, expected)), TP_NO_DIMS, false)) < 1e-5);
    tp_generator_free(g);

    double angle = positive_angle(&g, 100);
    assert_in_range((int)angle, 45, 100);
    tp_tensor *spot = tp_zeros(TP_SHAPE(1, 1, 9, 9), TP_F32);
    ((float *)tp_tensor_data_mut(spot))[4 * 9 + 7] = 1; /* to the right */
    y = tp_augment(spot, (tp_augment_options){.rotation = 100}, g);
    tp_tensor *up = tp_narrow(y, 2, 0, 4);
    assert_true(tp_tensor_item(tp_sum(up)) > 0.6);
    tp_generator_free(g);
}

/* Every place of a crop, of a shift and of a cutout comes about equally often, and flips as they should. */
static void test_fair(void **state) {
    (void)state;
    enum { N = 6000 };
    tp_tensor *images =
        tp_expand(tp_reshape(tp_arange(0, 9, 1, TP_F32), TP_SHAPE(1, 1, 3, 3)), TP_SHAPE(N, 1, 3, 3));
    tp_generator *g = tp_generator_new(8);
    const float *p =
        tp_tensor_data(tp_augment(images, (tp_augment_options){.crop_height = 1, .crop_width = 1}, g));
    int seen[9] = {0}, flips = 0, erased[4] = {0}, shifts[3] = {0};
    for (int i = 0; i < N; i++) seen[(int)p[i]]++;
    for (int k = 0; k < 9; k++) assert_in_range(seen[k], N / 9 - 100, N / 9 + 100);
    p = tp_tensor_data(tp_augment(images, (tp_augment_options){.horizontal_flip = 0.25}, g));
    for (int i = 0; i < N; i++) flips += p[9 * i] == 2;
    assert_in_range(flips, N / 4 - 130, N / 4 + 130);
    p = tp_tensor_data(tp_augment(images, (tp_augment_options){.cutout = 2, .cutout_value = -1}, g));
    for (int i = 0; i < N; i++) {
        int k = 0;
        while (p[9 * i + k] != -1) k++;
        erased[k < 2 ? k : k - 1]++;
    }
    for (int k = 0; k < 4; k++) assert_in_range(erased[k], N / 4 - 130, N / 4 + 130);
    p = tp_tensor_data(tp_augment(images, (tp_augment_options){.shift_x = 0.34, .fill = 9}, g));
    for (int i = 0; i < N; i++) shifts[p[9 * i] == 0 ? 0 : p[9 * i] == 1 ? 1 : 2]++;
    for (int k = 0; k < 3; k++) assert_true(shifts[k] > N / 5);
    tp_generator_free(g);
}

/* An image depends on its number, not on its neighbours or on the threads. */
static void test_independent(void **state) {
    (void)state;
    tp_augment_options all = {
        .crop_padding = 4, .horizontal_flip = 0.5, .rotation = 20, .shift_x = 0.1, .cutout = 8};
    tp_tensor *images = some_images(64, 3, 32, 32), *first = tp_narrow(images, 0, 0, 5), *y[4], *part;
    for (int i = 0; i < 4; i++) {
        tp_tensor *batch = i < 3 ? images : as_bytes(images);
        tp_generator *g = tp_generator_new(11);
        tp_set_num_threads(i < 3 ? i + 1 : 1);
        y[i] = tp_augment(batch, all, g);
        tp_generator_free(g);
        g = tp_generator_new(11);
        tp_set_num_threads(2);
        part = tp_augment(i < 3 ? first : batch, all, g);
        assert_memory_equal(tp_tensor_data(part), tp_tensor_data(y[i]),
                            (size_t)tp_tensor_numel(part) * (i < 3 ? 4 : 1));
        tp_generator_free(g);
    }
    for (int i = 1; i < 3; i++)
        assert_memory_equal(tp_tensor_data(y[i]), tp_tensor_data(y[0]), 64 * 3 * 32 * 32 * sizeof(float));
    tp_set_num_threads(0);
}

/* In a loader: the same batches at any number of workers, others in the next epoch. */
static void test_loader(void **state) {
    (void)state;
    tp_augment_options augment = {.crop_padding = 2, .horizontal_flip = 0.5};
    tp_tensor *images = as_bytes(some_images(20, 1, 8, 8)), *labels = tp_arange(0, 20, 1, TP_I64), *got[3][6];
    tp_dataset *d = tp_dataset_tensors(TP_TENSORS(images, labels));
    for (int workers = 0; workers < 3; workers++) {
        tp_loader *l = tp_loader_new(d, 7,
                                     (tp_loader_options){.shuffle = true,
                                                         .u8_scale = 1.0 / 255,
                                                         .workers = workers,
                                                         .transform = tp_augment_batch,
                                                         .transform_context = &augment});
        tp_batch batch;
        for (int i = 0, k = 0; i < 2; i++)
            for (; tp_loader_next(l, &batch); k++) got[workers][k] = tp_mul_scalar(batch.items[0], 1);
        assert_int_equal(tp_loader_status(l), TP_OK);
        tp_loader_free(l);
    }
    for (int k = 0; k < 6; k++)
        for (int workers = 1; workers < 3; workers++)
            assert_memory_equal(tp_tensor_data(got[0][k]), tp_tensor_data(got[workers][k]),
                                (size_t)tp_tensor_numel(got[0][k]) * 4);
    assert_memory_not_equal(tp_tensor_data(got[0][0]), tp_tensor_data(got[0][3]), 7 * 64 * 4);
    augment.crop_padding = -1;
    tp_loader *l =
        tp_loader_new(d, 7,
                      (tp_loader_options){.transform = tp_augment_batch, .transform_context = &augment});
    tp_batch batch;
    assert_false(tp_loader_next(l, &batch));
    assert_int_equal(tp_loader_status(l), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "augment: crop_padding is -1, not in [0, 1e+06]");
    tp_loader_free(l);
    tp_dataset_free(d);
}

/* ---- edges and errors -------------------------------------------------------------------------------- */

static void test_edges(void **state) {
    (void)state;
    tp_augment_options all = {.crop_padding = 1, .rotation = 10, .cutout = 1};
    tp_tensor *y = tp_augment(tp_zeros(TP_SHAPE(0, 3, 4, 5), TP_F32), all, NULL);
    assert_true(tp_shape_equal(tp_tensor_shape(y), TP_SHAPE(0, 3, 4, 5)));
    y = tp_augment(tp_zeros(TP_SHAPE(2, 1, 0, 0), TP_F32),
                   (tp_augment_options){.crop_height = 2, .crop_width = 1, .crop_padding = 1, .fill = 3},
                   NULL);
    assert_values(y, 3, 3, 3, 3);
    y = tp_augment(tp_ones(TP_SHAPE(1, 1, 1, 1), TP_F32), (tp_augment_options){.cutout = 1, .rotation = 5},
                   NULL);
    assert_values(y, 0);
    y = tp_augment(tp_ones(TP_SHAPE(1, 1, 1, 2), TP_U8),
                   (tp_augment_options){.cutout = 1, .cutout_value = 300, .fill = -5}, NULL);
    assert_true(tp_tensor_item(tp_amax(y, TP_NO_DIMS, false)) == 255);
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(1, 1, 2, 2), TP_F32), true);
    assert_false(tp_requires_grad(tp_augment(x, all, NULL)));
}

static void test_errors(void **state) {
    (void)state;
    static const double with_zero[] = {1, 0, 1}, tiny[] = {1e-60, 1, 1};
    const struct {
        tp_augment_options options;
        const char *message;
    } bad[] = {
        {{.crop_height = 40, .crop_width = 40, .crop_padding = 2},
         "a crop of (40, 40) does not fit images of (32, 16) padded by 2"},
        {{.crop_width = 17}, "a crop of (32, 17) does not fit images of (32, 16) padded by 0"},
        {{.crop_height = -1}, "a crop of (-1, 16) does not fit images of (32, 16) padded by 0"},
        {{.crop_padding = 1000001}, "crop_padding is 1e+06, not in [0, 1e+06]"},
        {{.horizontal_flip = 1.5}, "horizontal_flip is 1.5, not in [0, 1]"},
        {{.vertical_flip = -0.5}, "vertical_flip is -0.5, not in [0, 1]"},
        {{.rotation = NAN}, "rotation is nan, not in [0, 360]"},
        {{.rotation = 361}, "rotation is 361, not in [0, 360]"},
        {{.shift_x = 2}, "shift_x is 2, not in [0, 1]"},
        {{.shift_y = -1}, "shift_y is -1, not in [0, 1]"},
        {{.fill = INFINITY}, "fill is inf, cutout_value is 0"},
        {{.cutout_value = NAN}, "fill is 0, cutout_value is nan"},
        {{.cutout = 17}, "a cutout of side 17 does not fit images of (32, 16)"},
        {{.cutout = -1}, "a cutout of side -1 does not fit images of (32, 16)"},
        {{.cutout_p = 2}, "cutout_p is 2, not in [0, 1]"},
        {{.mean = means}, "mean or std without the number of channels"},
        {{.channels = 1, .mean = means}, "mean and std of 1 channels, for images of 3"},
        {{.channels = -3, .mean = means}, "mean and std of -3 channels, for images of 3"},
        {{.channels = 3, .std = with_zero}, "channel 1 has mean 0 and std 0"},
        {{.channels = 3, .std = tiny}, "channel 0 has mean 0 and std 1e-60"},
        {{.fill = 1e300}, "fill is 1e+300, cutout_value is 0"},
    };
    tp_tensor *x = tp_zeros(TP_SHAPE(2, 3, 32, 16), TP_F32);
    tp_generator *g = tp_generator_new(1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char message[256];
        assert_null(tp_augment(x, bad[i].options, g));
        snprintf(message, sizeof message, "augment: %s", bad[i].message);
        assert_error(TP_ERR_ARGUMENT, message);
    }
    assert_int_equal(tp_generator_get_state(g).offset, 0);
    tp_generator_free(g);
    const tp_augment_options none = {0};
    assert_null(tp_augment(NULL, none, NULL));
    assert_error(TP_ERR_NULL, "augment: argument images is NULL");
    assert_null(tp_augment(tp_select(x, 0, 0), none, NULL));
    assert_error(TP_ERR_SHAPE, "augment: images are (N, C, H, W), not (3, 32, 16)");
    assert_null(tp_augment(tp_zeros(TP_SHAPE(1, 1, 2, 2), TP_F64), none, NULL));
    assert_error(TP_ERR_DTYPE, "augment: images are float32 or uint8, not float64");
    assert_null(tp_augment(tp_zeros(TP_SHAPE(1, 3, 2, 2), TP_U8), (tp_augment_options){.channels = 3}, NULL));
    assert_error(TP_ERR_DTYPE, "augment: images that are normalized are float32, not uint8");
    tp_batch batch = {0};
    assert_int_equal(tp_augment_batch(NULL, &batch, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "augment: argument context is NULL");
    assert_int_equal(tp_augment_batch(&batch, &batch, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "augment: argument batch is NULL");
}

static tp_status augment_once(void *x) {
    const tp_augment_options options = {.rotation = 9};
    return tp_augment(tp_reshape(x, TP_SHAPE(2, 2, 2, 2)), options, NULL) ? TP_OK : tp_last_error().code;
}

static void test_no_memory(void **state) {
    (void)state;
    assert_survives_no_memory(augment_once, tp_t(tp_ones(TP_SHAPE(4, 4), TP_U8)), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_steps),       CHECK_TEST(test_rotation),  CHECK_TEST(test_fair),
        CHECK_TEST(test_independent), CHECK_TEST(test_loader),    CHECK_TEST(test_edges),
        CHECK_TEST(test_errors),      CHECK_TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
