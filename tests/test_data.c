/* Datasets, splits and loaders. */
/* ctest: threads */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core/alloc.h"

/* Samples i = 0 .. n-1 of three items: the row (10 i, 10 i + 1, 10 i + 2) F32, the number i I64, two bytes
 * (i, 255) U8. */
static tp_dataset *numbered(int64_t n) {
    tp_tensor *x = tp_empty(TP_SHAPE(n, 3), TP_F32), *y = tp_empty(TP_SHAPE(n), TP_I64);
    tp_tensor *u = tp_empty(TP_SHAPE(n, 1, 2), TP_U8);
    float *px = tp_tensor_data_mut(x);
    int64_t *py = tp_tensor_data_mut(y);
    uint8_t *pu = tp_tensor_data_mut(u);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < 3; k++) px[3 * i + k] = (float)(10 * i + k);
        py[i] = i;
        pu[2 * i] = (uint8_t)i;
        pu[2 * i + 1] = 255;
    }
    tp_dataset *d = tp_dataset_tensors(TP_TENSORS(x, y, u));
    assert_tensor(d);
    return d;
}

/* Checks that a batch's items belong together, and returns the number of its i-th sample. */
static int64_t sample_number(const tp_batch *batch, int64_t i) {
    int64_t k = ((const int64_t *)tp_tensor_data(batch->items[1]))[i];
    const float *x = (const float *)tp_tensor_data(batch->items[0]) + 3 * i;
    for (int64_t j = 0; j < 3; j++) assert_true(x[j] == (float)(10 * k + j));
    if (tp_tensor_dtype(batch->items[2]) == TP_U8) {
        const uint8_t *u = (const uint8_t *)tp_tensor_data(batch->items[2]) + 2 * i;
        assert_int_equal(u[0], k & 255);
        assert_int_equal(u[1], 255);
    }
    return k;
}

/* The numbers of an epoch's samples in order; how many there are. */
static int64_t epoch_order(tp_loader *loader, int64_t *order) {
    int64_t n = 0, batches = 0;
    tp_batch batch;
    for (; tp_loader_next(loader, &batch); batches++) {
        assert_int_equal(batch.count, 3);
        assert_int_equal(tp_tensor_size(batch.items[0], 0), batch.size);
        for (int64_t i = 0; i < batch.size; i++) order[n++] = sample_number(&batch, i);
    }
    assert_int_equal(tp_loader_status(loader), TP_OK);
    assert_int_equal(batch.size, 0);
    assert_null(batch.items);
    assert_int_equal(batches, tp_loader_batches(loader));
    return n;
}

static void assert_permutation(const int64_t *order, int64_t n) {
    bool seen[1000] = {false};
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(order[i], 0, n - 1);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
    }
}

/* ---- datasets ---------------------------------------------------------------------------------------- */

static void test_dataset(void **state) {
    (void)state;
    tp_dataset *d = numbered(5);
    assert_int_equal(tp_dataset_size(d), 5);
    assert_int_equal(tp_dataset_item_count(d), 3);
    tp_dataset *part = tp_dataset_subset(d, (const int64_t[]){4, 1, 1, 0}, 4);
    tp_dataset *of_part = tp_dataset_subset(part, (const int64_t[]){3, 1}, 2);
    tp_dataset *none = tp_dataset_subset(d, NULL, 0);
    tp_dataset_free(d); /* what is made from it holds it */
    tp_dataset_free(part);
    tp_loader *loader = tp_loader_new(of_part, 8, (tp_loader_options){0});
    tp_dataset_free(of_part);
    int64_t order[8];
    assert_int_equal(epoch_order(loader, order), 2);
    assert_int_equal(order[0], 0);
    assert_int_equal(order[1], 1);
    tp_loader_free(loader);
    loader = tp_loader_new(none, 8, (tp_loader_options){.shuffle = true});
    assert_int_equal(tp_dataset_size(none), 0);
    assert_int_equal(epoch_order(loader, order), 0);
    tp_loader_free(loader);
    tp_dataset_free(none);
    tp_dataset_free(NULL);
    tp_loader_free(NULL);
}

/* Views are packed; tensors that require grad give batches that do not. */
static void test_dataset_layout(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(TP_F32_TENSOR(TP_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), true);
    tp_tensor *empty = tp_zeros(TP_SHAPE(3, 0), TP_F64), *yes = tp_ones(TP_SHAPE(3), TP_BOOL);
    tp_dataset *d = tp_dataset_tensors(TP_TENSORS(tp_t(x), empty, yes));
    tp_loader *loader = tp_loader_new(d, 2, (tp_loader_options){0});
    tp_batch batch;
    assert_true(tp_loader_next(loader, &batch));
    assert_values(batch.items[0], 1, 4, 2, 5);
    assert_false(tp_requires_grad(batch.items[0]));
    assert_true(tp_shape_equal(tp_tensor_shape(batch.items[1]), TP_SHAPE(2, 0)));
    assert_int_equal(tp_tensor_dtype(batch.items[2]), TP_BOOL);
    tp_tensor *kept = tp_retain(batch.items[0]);
    assert_true(tp_loader_next(loader, &batch));
    assert_values(batch.items[0], 3, 6);
    assert_values(kept, 1, 4, 2, 5);
    tp_release(kept);
    tp_loader_free(loader);
    tp_dataset_free(d);
}

/* ---- splits ------------------------------------------------------------------------------------------ */

static void split_lengths_are(tp_dataset *d, const double *sizes, int count, const int64_t *lengths) {
    tp_dataset *parts[4];
    assert_ok(tp_random_split(d, sizes, count, NULL, parts));
    int64_t order[1000], n = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(tp_dataset_size(parts[i]), lengths[i]);
        tp_loader *loader = tp_loader_new(parts[i], 7, (tp_loader_options){0});
        n += epoch_order(loader, order + n);
        tp_loader_free(loader);
        tp_dataset_free(parts[i]);
    }
    assert_int_equal(n, tp_dataset_size(d));
    assert_permutation(order, n);
}

static void test_split(void **state) {
    (void)state;
    tp_dataset *d = numbered(10), *one = numbered(1);
    split_lengths_are(d, (const double[]){7, 3}, 2, (const int64_t[]){7, 3});
    split_lengths_are(d, (const double[]){0, 10, 0}, 3, (const int64_t[]){0, 10, 0});
    split_lengths_are(d, (const double[]){0.9, 0.1}, 2, (const int64_t[]){9, 1});
    split_lengths_are(d, (const double[]){0.25, 0.25, 0.25, 0.25}, 4, (const int64_t[]){3, 3, 2, 2});
    split_lengths_are(d, (const double[]){1}, 1, (const int64_t[]){10});
    split_lengths_are(one, (const double[]){0, 1}, 2, (const int64_t[]){0, 1});
    split_lengths_are(one, (const double[]){0.5, 0.5}, 2, (const int64_t[]){1, 0});

    tp_generator *g = tp_generator_new(3), *h = tp_generator_new(3);
    tp_dataset *a[2], *b[2];
    assert_ok(tp_random_split(d, (const double[]){5, 5}, 2, g, a));
    assert_ok(tp_random_split(d, (const double[]){0.5, 0.5}, 2, h, b));
    int64_t x[10], y[10];
    tp_loader *la = tp_loader_new(a[0], 10, (tp_loader_options){0}),
              *lb = tp_loader_new(b[0], 10, (tp_loader_options){0});
    assert_int_equal(epoch_order(la, x), 5);
    assert_int_equal(epoch_order(lb, y), 5);
    assert_memory_equal(x, y, 5 * sizeof *x);
    tp_loader_free(la);
    tp_loader_free(lb);
    for (int i = 0; i < 2; i++) {
        tp_dataset_free(a[i]);
        tp_dataset_free(b[i]);
    }
    tp_generator_free(g);
    tp_generator_free(h);
    tp_dataset_free(d);
    tp_dataset_free(one);
}

/* ---- loaders ----------------------------------------------------------------------------------------- */

static void test_loader(void **state) {
    (void)state;
    tp_dataset *d = numbered(10);
    tp_loader *all = tp_loader_new(d, 4, (tp_loader_options){0});
    tp_loader *full = tp_loader_new(d, 4, (tp_loader_options){.drop_last = true});
    tp_loader *huge = tp_loader_new(d, INT64_MAX, (tp_loader_options){.drop_last = true});
    tp_dataset_free(d);
    assert_int_equal(tp_loader_batches(all), 3);
    assert_int_equal(tp_loader_batches(full), 2);
    assert_int_equal(tp_loader_batches(huge), 0);
    int64_t order[10];
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        assert_int_equal(tp_loader_epoch(all), epoch);
        assert_int_equal(epoch_order(all, order), 10);
        for (int64_t i = 0; i < 10; i++) assert_int_equal(order[i], i);
        assert_int_equal(epoch_order(full, order), 8);
        assert_int_equal(epoch_order(huge, order), 0);
    }
    assert_int_equal(tp_loader_epoch(huge), 2);
    tp_loader_free(all);
    tp_loader_free(full);
    tp_loader_free(huge);
}

static void test_shuffle(void **state) {
    (void)state;
    tp_dataset *d = numbered(100);
    tp_loader *a = tp_loader_new(d, 7, (tp_loader_options){.shuffle = true, .seed = 1});
    tp_loader *b = tp_loader_new(d, 100, (tp_loader_options){.shuffle = true, .seed = 1});
    tp_loader *c = tp_loader_new(d, 7, (tp_loader_options){.shuffle = true, .seed = 2});
    int64_t order[4][100], other[100];
    for (int64_t epoch = 0; epoch < 4; epoch++) {
        assert_int_equal(epoch_order(a, order[epoch]), 100);
        assert_permutation(order[epoch], 100);
        assert_int_equal(epoch_order(b, other), 100);
        assert_memory_equal(order[epoch], other, sizeof other); /* whatever the batch size */
        assert_int_equal(epoch_order(c, other), 100);
        assert_memory_not_equal(order[epoch], other, sizeof other);
        for (int64_t e = 0; e < epoch; e++) assert_memory_not_equal(order[epoch], order[e], sizeof other);
    }
    tp_batch batch; /* from any epoch on, and out of the middle of one */
    assert_true(tp_loader_next(a, &batch));
    assert_ok(tp_loader_seek(a, 2, 0));
    assert_int_equal(tp_loader_epoch(a), 2);
    assert_true(tp_loader_next(a, &batch));
    assert_ok(tp_loader_seek(a, 2, 0));
    assert_int_equal(epoch_order(a, other), 100);
    assert_memory_equal(order[2], other, sizeof other);
    assert_int_equal(epoch_order(a, other), 100);
    assert_memory_equal(order[3], other, sizeof other);
    tp_loader_free(a);
    tp_loader_free(b);
    tp_loader_free(c);
    tp_dataset_free(d);
}

/* Every position of an order takes every sample about equally often. */
static void test_shuffle_is_fair(void **state) {
    (void)state;
    enum { N = 5, EPOCHS = 5000 };
    tp_dataset *d = numbered(N);
    tp_loader *l = tp_loader_new(d, N, (tp_loader_options){.shuffle = true, .seed = 7});
    int64_t order[N], seen[N][N] = {{0}};
    for (int e = 0; e < EPOCHS; e++) {
        epoch_order(l, order);
        for (int i = 0; i < N; i++) seen[i][order[i]]++;
    }
    double mean = EPOCHS / (double)N, deviation = sqrt(mean * (1 - 1.0 / N));
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) assert_true(fabs((double)seen[i][k] - mean) < 4 * deviation);
    tp_loader_free(l);
    tp_dataset_free(d);
}

/* The order is the same on every machine and in every version: a run can be repeated years later. */
static void test_shuffle_is_fixed(void **state) {
    (void)state;
    static const int64_t expected[10] = {9, 4, 6, 7, 3, 2, 8, 0, 1, 5};
    tp_dataset *d = numbered(10);
    tp_loader *l = tp_loader_new(d, 3, (tp_loader_options){.shuffle = true, .seed = 42});
    int64_t order[10];
    assert_ok(tp_loader_seek(l, 1, 0));
    epoch_order(l, order);
    assert_memory_equal(order, expected, sizeof order);
    tp_loader_free(l);
    tp_dataset_free(d);
}

static void test_scale(void **state) {
    (void)state;
    tp_tensor *u = tp_empty(TP_SHAPE(256), TP_U8), *i = tp_zeros(TP_SHAPE(256), TP_I32);
    for (int k = 0; k < 256; k++) ((uint8_t *)tp_tensor_data_mut(u))[k] = (uint8_t)k;
    tp_dataset *d = tp_dataset_tensors(TP_TENSORS(u, i));
    tp_loader *l = tp_loader_new(d, 256, (tp_loader_options){.u8_scale = 1.0 / 255});
    tp_batch batch;
    assert_true(tp_loader_next(l, &batch));
    assert_int_equal(tp_tensor_dtype(batch.items[0]), TP_F32);
    assert_int_equal(tp_tensor_dtype(batch.items[1]), TP_I32);
    const float *x = tp_tensor_data(batch.items[0]);
    for (int k = 0; k < 256; k++) assert_true(fabsf(x[k] - (float)k / 255) <= 0x1p-24f);
    assert_true(x[0] == 0 && x[255] == 1);
    tp_loader_free(l);
    tp_dataset_free(d);
}

/* Large enough that several threads gather. */
static void test_large_batch(void **state) {
    (void)state;
    enum { N = 64, ROW = 50000 };
    tp_tensor *x = tp_empty(TP_SHAPE(N, ROW), TP_U8);
    uint8_t *p = tp_tensor_data_mut(x);
    for (int64_t k = 0; k < N * ROW; k++) p[k] = (uint8_t)(k * 31 + k / ROW);
    tp_dataset *d = tp_dataset_tensors(TP_TENSORS(x));
    tp_loader *l = tp_loader_new(d, N, (tp_loader_options){.u8_scale = 2});
    tp_batch batch;
    for (int threads = 1; threads <= 3; threads++) {
        tp_set_num_threads(threads);
        assert_true(tp_loader_next(l, &batch));
        const float *y = tp_tensor_data(batch.items[0]);
        int64_t bad = 0;
        for (int64_t k = 0; k < N * ROW; k++) bad += y[k] != 2.0f * p[k];
        assert_int_equal(bad, 0);
        assert_false(tp_loader_next(l, &batch));
    }
    tp_set_num_threads(0);
    tp_loader_free(l);
    tp_dataset_free(d);
}

/* ---- samplers, sequences, workers ---------------------------------------------------------------------- */

static tp_tensor *i64_tensor(const int64_t *values, int64_t n) {
    return tp_from_data(values, TP_SHAPE(n), TP_I64);
}

/* Each batch has its share of each class, and an epoch has every sample once. */
static void test_strata(void **state) {
    (void)state;
    enum { N = 200, BATCH = 20 };
    int64_t classes[N], order[N], before[N] = {0};
    for (int i = 0; i < N; i++) classes[i] = i % 10 == 0 ? -7 : i % 10 < 4 ? 1000 : 3; /* 10, 30 and 60 % */
    tp_dataset *d = numbered(N);
    tp_loader *l = tp_loader_new(d, BATCH, (tp_loader_options){.strata = i64_tensor(classes, N), .seed = 5});
    for (int epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(epoch_order(l, order), N);
        assert_permutation(order, N);
        assert_memory_not_equal(order, before, sizeof order);
        memcpy(before, order, sizeof order);
        for (int b = 0; b < N / BATCH; b++) {
            int64_t rare = 0, some = 0;
            for (int i = 0; i < BATCH; i++) {
                rare += classes[order[b * BATCH + i]] == -7;
                some += classes[order[b * BATCH + i]] == 1000;
            }
            assert_in_range(rare, 1, 3);
            assert_in_range(some, 5, 7);
        }
    }
    tp_loader_free(l);
    tp_dataset_free(d);
}

static void test_weights(void **state) {
    (void)state;
    enum { DRAWS = 10000 };
    tp_dataset *d = numbered(4);
    tp_tensor *weights = TP_F64_TENSOR(TP_SHAPE(4), 1, 0, 3, 6);
    tp_loader *l = tp_loader_new(d, 64, (tp_loader_options){.weights = weights, .draws = DRAWS});
    int64_t order[DRAWS], seen[4] = {0};
    assert_int_equal(epoch_order(l, order), DRAWS);
    for (int i = 0; i < DRAWS; i++) seen[order[i]]++;
    assert_int_equal(seen[1], 0);
    for (int i = 0; i < 4; i++) {
        double p = (const double[]){0.1, 0, 0.3, 0.6}[i];
        assert_true(fabs((double)seen[i] - DRAWS * p) <= 4 * sqrt(DRAWS * p * (1 - p)));
    }
    tp_loader_free(l);
    l = tp_loader_new(d, 3, (tp_loader_options){.weights = tp_ones(TP_SHAPE(4), TP_F32)});
    assert_int_equal(epoch_order(l, order), 4);
    tp_loader_free(l);
    tp_dataset_free(d);
}

/* Sequence i is i, i, ... (i of them, each a row of two). */
static tp_dataset *ragged(int n) {
    tp_tensor *sequences[16];
    for (int i = 0; i < n; i++) sequences[i] = tp_full(TP_SHAPE(i, 2), i, TP_F32);
    return tp_dataset_sequences((tp_tensors){n, sequences}, TP_TENSORS(tp_arange(0, n, 1, TP_I64)));
}

static void test_sequences(void **state) {
    (void)state;
    tp_dataset *d = ragged(5), *part = tp_dataset_subset(d, (const int64_t[]){1, 3}, 2);
    tp_loader *l = tp_loader_new(part, 2, (tp_loader_options){.pad = true, .pad_value = -1});
    tp_batch batch;
    assert_true(tp_loader_next(l, &batch));
    assert_true(tp_shape_equal(tp_tensor_shape(batch.items[0]), TP_SHAPE(2, 3, 2)));
    assert_values(batch.items[0], 1, 1, -1, -1, -1, -1, 3, 3, 3, 3, 3, 3);
    assert_values(batch.lengths[0], 1, 3);
    assert_values(batch.items[1], 1, 3);
    assert_null(batch.lengths[1]);
    assert_false(tp_loader_next(l, &batch));
    tp_loader_free(l);

    tp_tensor *items[2];
    assert_ok(tp_dataset_get(part, 1, items));
    assert_values(items[0], 3, 3, 3, 3, 3, 3);
    assert_values(items[1], 3);
    assert_int_equal(tp_tensor_ndim(items[1]), 0);
    assert_int_equal(tp_dataset_get(part, 2, items), TP_ERR_INDEX);
    assert_error(TP_ERR_INDEX, "dataset_get: index 2, the dataset has 2 samples");

    l = tp_loader_new(part, 2, (tp_loader_options){0});
    assert_false(tp_loader_next(l, &batch));
    assert_error(TP_ERR_SHAPE,
                 "loader_next: item 0 of a batch's samples: the first is float32 (1, 2), that of number 1 "
                 "is float32 (3, 2) (the option pad fills up first dims)");
    assert_int_equal(tp_loader_status(l), TP_ERR_SHAPE);
    tp_loader_free(l);
    tp_dataset_free(part);
    tp_dataset_free(d);

    tp_tensor *a = tp_zeros(TP_SHAPE(2), TP_I64), *b = tp_zeros(TP_SHAPE(2, 1), TP_I64);
    assert_null(tp_dataset_sequences(TP_TENSORS(a, b), (tp_tensors){0, NULL}));
    assert_error(TP_ERR_SHAPE, "dataset_sequences: sequences[0] is int64 (2,), sequences[1] is int64 (2, 1)");
    assert_null(tp_dataset_sequences(TP_TENSORS(a, tp_zeros(TP_SHAPE(2), TP_F32)), (tp_tensors){0, NULL}));
    assert_error(TP_ERR_DTYPE, "dataset_sequences: sequences[0] is int64 (2,), sequences[1] is float32 (2,)");
    assert_null(tp_dataset_sequences(TP_TENSORS(a, NULL), (tp_tensors){0, NULL}));
    assert_error(TP_ERR_NULL, "dataset_sequences: argument sequences[1] is NULL");
    assert_null(tp_dataset_sequences(TP_TENSORS(tp_scalar(1, TP_F32)), (tp_tensors){0, NULL}));
    assert_error(TP_ERR_SHAPE, "dataset_sequences: sequences[0] has 0 dims, not 1 to 7");
    assert_null(tp_dataset_sequences((tp_tensors){0, NULL}, TP_TENSORS(a)));
    assert_error(TP_ERR_ARGUMENT, "dataset_sequences: the list of sequences is empty");
    assert_null(tp_dataset_sequences((tp_tensors){1, NULL}, (tp_tensors){0, NULL}));
    assert_error(TP_ERR_NULL, "dataset_sequences: sequences.items is NULL, for 1");
    assert_null(tp_dataset_sequences(TP_TENSORS(a), (tp_tensors){1, NULL}));
    assert_error(TP_ERR_NULL, "dataset_sequences: tensors.items is NULL, for 1");
    assert_null(tp_dataset_sequences(TP_TENSORS(a), (tp_tensors){-1, NULL}));
    assert_error(TP_ERR_ARGUMENT, "dataset_sequences: tensors.count is -1");
    assert_null(tp_dataset_sequences(TP_TENSORS(a), TP_TENSORS(a)));
    assert_error(TP_ERR_SHAPE,
                 "dataset_sequences: numbers of samples differ: there are 1 sequences, tensors[0] is (2,)");
}

/* A dataset of squares, which knows how often it has been freed, and fails at sample 7 if asked to. */
typedef struct squares {
    int freed;
    bool fails;
} squares;

static tp_status square_get(void *context, int64_t index, tp_tensor **items) {
    const squares *self = context;
    if (self->fails && index == 7) return tp_error_set(TP_ERR_IO, "squares", "no sample %d", (int)index);
    items[0] = tp_scalar((double)(index * index), TP_F32);
    items[1] = tp_add_scalar(tp_zeros(TP_SHAPE(index % 3), TP_F32), (double)index);
    return TP_OK;
}
static void square_release(void *context) { ((squares *)context)->freed++; }

static void test_custom(void **state) {
    (void)state;
    squares self = {0};
    tp_dataset *d = tp_dataset_custom(10, 2, square_get, &self, square_release);
    for (int workers = 0; workers < 3; workers++) {
        tp_loader_options options = {.pad = true, .workers = workers};
        tp_loader *l = tp_loader_new(d, 3, options);
        tp_batch batch;
        self.fails = false;
        for (int64_t k = 0; k < 4; k++) {
            assert_true(tp_loader_next(l, &batch));
            const float *x = tp_tensor_data(batch.items[0]);
            const int64_t *length = tp_tensor_data(batch.lengths[1]);
            assert_null(batch.lengths[0]);
            for (int64_t i = 0; i < batch.size; i++) {
                assert_true(x[i] == (float)((3 * k + i) * (3 * k + i)));
                assert_int_equal(length[i], (3 * k + i) % 3);
            }
        }
        assert_false(tp_loader_next(l, &batch));
        assert_int_equal(tp_loader_status(l), TP_OK);
        self.fails = true;
        for (int64_t k = 0; k < 2; k++) assert_true(tp_loader_next(l, &batch));
        assert_false(tp_loader_next(l, &batch));
        assert_error(TP_ERR_IO, "squares: no sample 7");
        assert_int_equal(tp_loader_status(l), TP_ERR_IO);
        assert_int_equal(tp_loader_position(l), 2);
        self.fails = false;
        assert_true(tp_loader_next(l, &batch)); /* tries again */
        assert_true(*(const float *)tp_tensor_data(batch.items[0]) == 36);
        tp_loader_free(l); /* in the middle, with workers at work */
    }
    tp_dataset_free(d);
    assert_int_equal(self.freed, 1);
    assert_null(tp_dataset_custom(1, 1, NULL, NULL, NULL));
    assert_error(TP_ERR_NULL, "dataset_custom: argument get is NULL");
    assert_null(tp_dataset_custom(-1, 1, square_get, NULL, NULL));
    assert_error(TP_ERR_ARGUMENT, "dataset_custom: the size is -1");
    assert_null(tp_dataset_custom(1, 0, square_get, NULL, NULL));
    assert_error(TP_ERR_ARGUMENT, "dataset_custom: there cannot be 0 items");
}

/* Adds noise: the same whatever the number of workers. */
static tp_status add_noise(void *context, tp_batch *batch, tp_generator *generator) {
    (void)context;
    tp_tensor *x = batch->items[0];
    batch->items[0] = tp_add(x, tp_rand_like(x, generator));
    return batch->items[0] ? TP_OK : tp_last_error().code;
}

static void test_workers(void **state) {
    (void)state;
    enum { N = 50, BATCHES = 8 };
    tp_dataset *d = numbered(N);
    float all[4][2][N][3];
    for (int workers = 0; workers < 4; workers++) {
        tp_loader_options options = {
            .shuffle = true, .seed = 3, .transform = add_noise, .workers = workers, .prefetch = 1};
        tp_loader *l = tp_loader_new(d, 7, options);
        for (int epoch = 0; epoch < 2; epoch++) {
            tp_batch batch;
            for (int64_t n = 0; tp_loader_next(l, &batch); n += batch.size)
                memcpy(all[workers][epoch][n], tp_tensor_data(batch.items[0]),
                       (size_t)batch.size * 3 * sizeof(float));
            assert_int_equal(tp_loader_status(l), TP_OK);
        }
        assert_memory_equal(all[workers], all[0], sizeof all[0]);
        tp_batch batch; /* anywhere */
        assert_ok(tp_loader_seek(l, 1, 3));
        assert_int_equal(tp_loader_epoch(l), 1);
        assert_int_equal(tp_loader_position(l), 3);
        assert_true(tp_loader_next(l, &batch));
        assert_memory_equal(tp_tensor_data(batch.items[0]), all[0][1][21], 7 * 3 * sizeof(float));
        assert_int_equal(tp_loader_position(l), 4);
        assert_ok(tp_loader_seek(l, 0, BATCHES));
        assert_false(tp_loader_next(l, &batch));
        assert_int_equal(tp_loader_epoch(l), 1);
        tp_loader_free(l);
    }
    assert_memory_not_equal(all[0][0], all[0][1], sizeof all[0][0]);
    tp_dataset_free(d);
}

static void test_sampler_errors(void **state) {
    (void)state;
    tp_dataset *d = numbered(4);
    tp_tensor *yes = tp_ones(TP_SHAPE(4), TP_F32), *classes = tp_zeros(TP_SHAPE(4), TP_I64);
    const struct {
        tp_loader_options options;
        tp_status code;
        const char *message;
    } bad[] = {
        {{.shuffle = true, .weights = yes},
         TP_ERR_ARGUMENT,
         "an epoch is one of shuffle, strata and weights, not several"},
        {{.strata = classes, .weights = yes},
         TP_ERR_ARGUMENT,
         "an epoch is one of shuffle, strata and weights, not several"},
        {{.weights = tp_ones(TP_SHAPE(3), TP_F32)},
         TP_ERR_SHAPE,
         "weights is (3,), the dataset has 4 samples"},
        {{.weights = classes}, TP_ERR_DTYPE, "weights is int64, not F32 or F64"},
        {{.weights = tp_zeros(TP_SHAPE(4), TP_F32)}, TP_ERR_ARGUMENT, "the weights add up to 0"},
        {{.weights = TP_F32_TENSOR(TP_SHAPE(4), 1, -2, 1, 1)}, TP_ERR_ARGUMENT, "weights[1] is -2"},
        {{.weights = TP_F32_TENSOR(TP_SHAPE(4), 1, 1, NAN, 1)}, TP_ERR_ARGUMENT, "weights[2] is nan"},
        {{.strata = yes}, TP_ERR_DTYPE, "strata is float32, not I64"},
        {{.strata = tp_zeros(TP_SHAPE(4, 1), TP_I64)},
         TP_ERR_SHAPE,
         "strata is (4, 1), the dataset has 4 samples"},
        {{.draws = 5}, TP_ERR_ARGUMENT, "draws is 5, but there are no weights"},
        {{.weights = yes, .draws = -5}, TP_ERR_ARGUMENT, "draws is -5"},
        {{.workers = -1}, TP_ERR_ARGUMENT, "workers is -1"},
        {{.prefetch = -1}, TP_ERR_ARGUMENT, "prefetch is -1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char message[128];
        snprintf(message, sizeof message, "loader_new: %s", bad[i].message);
        assert_null(tp_loader_new(d, 1, bad[i].options));
        assert_error(bad[i].code, message);
    }
    tp_dataset_free(d);
    d = ragged(3);
    tp_loader *l = tp_loader_new(d, 3, (tp_loader_options){.pad = true});
    tp_batch batch;
    assert_true(tp_loader_next(l, &batch));
    assert_true(tp_shape_equal(tp_tensor_shape(batch.items[0]), TP_SHAPE(3, 2, 2)));
    tp_loader_free(l);
    tp_dataset_free(d);
    tp_tensor *bytes = tp_zeros(TP_SHAPE(2), TP_U8), *more = tp_zeros(TP_SHAPE(3), TP_U8);
    d = tp_dataset_sequences(TP_TENSORS(bytes, more), (tp_tensors){0, NULL});
    l = tp_loader_new(d, 2, (tp_loader_options){.pad = true, .pad_value = 0.5});
    assert_false(tp_loader_next(l, &batch));
    assert_error(TP_ERR_ARGUMENT, "loader_next: pad_value 0.5, but item 0 is uint8");
    tp_loader_free(l);
    tp_dataset_free(d);
}

/* ---- errors ------------------------------------------------------------------------------------------ */

static void test_errors(void **state) {
    (void)state;
    tp_tensor *x = tp_zeros(TP_SHAPE(2, 3), TP_F32), *y = tp_zeros(TP_SHAPE(3), TP_F32);
    assert_null(tp_dataset_tensors((tp_tensors){0, NULL}));
    assert_error(TP_ERR_ARGUMENT, "dataset_tensors: the list of tensors is empty");
    assert_null(tp_dataset_tensors((tp_tensors){2, NULL}));
    assert_error(TP_ERR_NULL, "dataset_tensors: tensors.items is NULL, for 2");
    assert_null(tp_dataset_tensors(TP_TENSORS(x, NULL)));
    assert_error(TP_ERR_NULL, "dataset_tensors: argument tensors[1] is NULL");
    assert_null(tp_dataset_tensors(TP_TENSORS(x, y)));
    assert_error(TP_ERR_SHAPE,
                 "dataset_tensors: numbers of samples differ: tensors[0] is (2, 3), tensors[1] is (3,)");
    assert_null(tp_dataset_tensors(TP_TENSORS(tp_scalar(1, TP_F32))));
    assert_error(TP_ERR_SHAPE, "dataset_tensors: tensors[0] has no dim of samples: ()");
    assert_int_equal(tp_dataset_size(NULL), -1);
    assert_error(TP_ERR_NULL, "dataset_size: argument dataset is NULL");
    assert_int_equal(tp_dataset_item_count(NULL), -1);
    assert_error(TP_ERR_NULL, "dataset_item_count: argument dataset is NULL");

    tp_dataset *d = numbered(4), *parts[2] = {d, d};
    assert_null(tp_dataset_subset(NULL, NULL, 0));
    assert_error(TP_ERR_NULL, "dataset_subset: argument dataset is NULL");
    assert_null(tp_dataset_subset(d, NULL, 1));
    assert_error(TP_ERR_NULL, "dataset_subset: argument indices is NULL");
    assert_null(tp_dataset_subset(d, (const int64_t[]){0, 4}, 2));
    assert_error(TP_ERR_INDEX, "dataset_subset: indices[1] is 4, the dataset has 4 samples");
    assert_null(tp_dataset_subset(d, (const int64_t[]){-1}, 1));
    assert_error(TP_ERR_INDEX, "dataset_subset: indices[0] is -1, the dataset has 4 samples");
    assert_null(tp_dataset_subset(d, NULL, -1));
    assert_error(TP_ERR_ARGUMENT, "dataset_subset: there cannot be -1 indices");

    assert_int_equal(tp_random_split(d, (const double[]){2, 3}, 2, NULL, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "random_split: the sizes add up to 5, neither to 1 nor to the 4 samples");
    assert_true(!parts[0] && !parts[1]);
    assert_int_equal(tp_random_split(d, (const double[]){1.5, 2.5}, 2, NULL, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "random_split: the sizes add up to 4, neither to 1 nor to the 4 samples");
    assert_int_equal(tp_random_split(d, (const double[]){-1, 5}, 2, NULL, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "random_split: sizes[0] is -1");
    assert_int_equal(tp_random_split(d, (const double[]){4, NAN}, 2, NULL, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "random_split: sizes[1] is nan");
    assert_int_equal(tp_random_split(d, (const double[]){4}, 0, NULL, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "random_split: there cannot be 0 parts");
    assert_int_equal(tp_random_split(NULL, (const double[]){4}, 1, NULL, parts), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "random_split: argument dataset is NULL");

    assert_null(tp_loader_new(NULL, 1, (tp_loader_options){0}));
    assert_error(TP_ERR_NULL, "loader_new: argument dataset is NULL");
    assert_null(tp_loader_new(d, 0, (tp_loader_options){0}));
    assert_error(TP_ERR_ARGUMENT, "loader_new: the batch size is 0");
    assert_null(tp_loader_new(d, 1, (tp_loader_options){.u8_scale = INFINITY}));
    assert_error(TP_ERR_ARGUMENT, "loader_new: u8_scale is inf");
    tp_dataset_free(d);
}

/* What failed first keeps the blame. */
static void test_null_loader(void **state) {
    (void)state;
    tp_batch batch = {.size = 7};
    tp_loader *l = tp_loader_new(tp_dataset_tensors(TP_TENSORS(NULL)), 1, (tp_loader_options){0});
    assert_null(l);
    assert_false(tp_loader_next(l, &batch));
    assert_int_equal(batch.size, 0);
    assert_int_equal(tp_loader_status(l), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "dataset_tensors: argument tensors[0] is NULL");
    assert_false(tp_loader_next(NULL, &batch));
    assert_error(TP_ERR_NULL, "loader_next: argument loader is NULL");
    assert_int_equal(tp_loader_batches(NULL), -1);
    assert_error(TP_ERR_NULL, "loader_batches: argument loader is NULL");
    assert_int_equal(tp_loader_epoch(NULL), -1);
    assert_error(TP_ERR_NULL, "loader_epoch: argument loader is NULL");
    assert_int_equal(tp_loader_position(NULL), -1);
    assert_error(TP_ERR_NULL, "loader_position: argument loader is NULL");
    assert_int_equal(tp_loader_seek(NULL, 0, 0), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "loader_seek: argument loader is NULL");
    tp_dataset *d = numbered(1);
    l = tp_loader_new(d, 1, (tp_loader_options){0});
    assert_int_equal(tp_loader_seek(l, -1, 0), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "loader_seek: the epoch is -1");
    assert_int_equal(tp_loader_seek(l, INT64_MAX, 0), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "loader_seek: the epoch is 9223372036854775807");
    assert_int_equal(tp_loader_seek(l, 0, 2), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "loader_seek: batch 2, an epoch has 1");
    assert_false(tp_loader_next(l, NULL));
    assert_int_equal(tp_loader_status(l), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "loader_next: argument batch is NULL");
    tp_loader_free(l);
    tp_dataset_free(d);
}

/* All of it once: false after a failure. */
static bool walk(tp_tensor *x, tp_tensor *y, tp_loader_options options) {
    tp_tensor *sequences[8];
    for (int i = 0; i < 8; i++) sequences[i] = x;
    tp_dataset *parts[2] = {NULL, NULL},
               *d = tp_dataset_sequences((tp_tensors){8, sequences}, TP_TENSORS(x, y));
    bool ok = d && tp_random_split(d, (const double[]){3, 5}, 2, NULL, parts) == TP_OK;
    tp_loader *l = ok ? tp_loader_new(parts[1], 2, options) : NULL;
    tp_batch batch;
    int64_t n = 0;
    while (l && tp_loader_next(l, &batch)) n += batch.size;
    ok = l && tp_loader_status(l) == TP_OK;
    assert_true(!ok || n == 5);
    assert_true(ok || tp_last_error().code == TP_ERR_MEMORY);
    if (l && !ok) { /* the epoch goes on where it failed */
        tp__alloc_fail_at(0, false);
        while (tp_loader_next(l, &batch)) n += batch.size;
        assert_int_equal(n, 5);
    }
    tp_loader_free(l);
    tp_dataset_free(d);
    tp_dataset_free(parts[0]);
    tp_dataset_free(parts[1]);
    return ok;
}

static void test_no_memory(void **state) {
    (void)state;
    tp_tensor *x = tp_t(tp_ones(TP_SHAPE(100, 8), TP_F32)), *y = tp_ones(TP_SHAPE(8), TP_I64);
    const tp_loader_options kinds[] = {
        {.shuffle = true},
        {.strata = tp_zeros(TP_SHAPE(5), TP_I64), .pad = true},
        {.weights = tp_ones(TP_SHAPE(5), TP_F32), .transform = add_noise},
        {.workers = 2},
    };
    for (int kind = 0; kind < 4; kind++) {
        assert_true(walk(x, y, kinds[kind]));
        int64_t n = 1;
        for (bool ok = false; !ok || n <= 8; n++) {
            tp_memory_info before = tp_memory_stats();
            tp__alloc_fail_at(n, false);
            ok = walk(x, y, kinds[kind]);
            tp__alloc_fail_at(0, false);
            assert_int_equal(tp_memory_stats().live_tensors, before.live_tensors);
            assert_int_equal(tp_memory_stats().live_objects, before.live_objects);
        }
        assert_true(n > 8);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_dataset),          CHECK_TEST(test_dataset_layout), CHECK_TEST(test_split),
        CHECK_TEST(test_loader),           CHECK_TEST(test_shuffle),        CHECK_TEST(test_shuffle_is_fair),
        CHECK_TEST(test_shuffle_is_fixed), CHECK_TEST(test_scale),          CHECK_TEST(test_large_batch),
        CHECK_TEST(test_strata),           CHECK_TEST(test_weights),        CHECK_TEST(test_sequences),
        CHECK_TEST(test_custom),           CHECK_TEST(test_workers),        CHECK_TEST(test_sampler_errors),
        CHECK_TEST(test_errors),           CHECK_TEST(test_null_loader),    CHECK_TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
