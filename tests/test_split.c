/* Splits, folds and windows. */
#include <math.h>
#include <string.h>

#include "check.h"

/* Samples 0 .. n-1, each its own number. */
static tp_dataset *numbers(int64_t n) {
    tp_dataset *d = tp_dataset_tensors(TP_TENSORS(tp_arange(0, (double)n, 1, TP_I64)));
    assert_tensor(d);
    return d;
}

/* The samples of a part, which is freed. */
static int64_t take(tp_dataset *part, int64_t *samples) {
    int64_t n = tp_dataset_size(part);
    for (int64_t i = 0; i < n; i++) {
        tp_tensor *item;
        assert_ok(tp_dataset_get(part, i, &item));
        samples[i] = tp_tensor_item_i64(item);
    }
    tp_dataset_free(part);
    return n;
}

static void assert_each_once(const int64_t *samples, int64_t n) {
    bool seen[1000] = {false};
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(samples[i], 0, n - 1);
        assert_false(seen[samples[i]]);
        seen[samples[i]] = true;
    }
}

static void test_split(void **state) {
    (void)state;
    tp_dataset *d = numbers(100), *parts[3];
    const double sizes[] = {0.7, 0.2, 0.1};
    int64_t a[100], b[100], n = 0;
    assert_ok(tp_dataset_split(d, sizes, 3, (tp_split_options){.chronological = true}, parts));
    for (int i = 0; i < 3; i++) n += take(parts[i], a + n);
    for (int64_t i = 0; i < 100; i++) assert_int_equal(a[i], i);
    for (int run = 0; run < 3; run++) { /* the same seed twice, and another one */
        assert_ok(tp_dataset_split(d, sizes, 3, (tp_split_options){.seed = run < 2 ? 5 : 6}, parts));
        assert_int_equal(tp_dataset_size(parts[0]), 70);
        assert_int_equal(tp_dataset_size(parts[1]), 20);
        n = 0;
        for (int i = 0; i < 3; i++) n += take(parts[i], b + n);
        assert_each_once(b, 100);
        if (run == 1) assert_memory_equal(a, b, sizeof a);
        else assert_memory_not_equal(a, b, sizeof a);
        memcpy(a, b, sizeof a);
    }
    tp_dataset_free(d);
}

/* Every part has floor or ceil of its share of each class, and the classes' samples are drawn at random. */
static void test_stratified_split(void **state) {
    (void)state;
    enum { N = 200 };
    tp_tensor *labels = tp_empty(TP_SHAPE(N), TP_I64);
    int64_t *label = tp_tensor_data_mut(labels), a[N], first[N] = {0};
    const int64_t counts[4] = {120, 50, 27, 3};
    for (int64_t i = 0, k = 0, left = 120; i < N; i++) {
        if (left-- == 0) left = counts[++k] - 1;
        label[i * 77 % N] = 10 * k - 5;
    }
    tp_dataset *d = numbers(N), *parts[3];
    const double sizes[] = {0.6, 0.25, 0.15};
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_ok(tp_dataset_split(d, sizes, 3, (tp_split_options){.seed = seed, .labels = labels}, parts));
        int64_t n = 0;
        for (int i = 0; i < 3; i++) {
            int64_t size = take(parts[i], a + n), seen[4] = {0};
            assert_int_equal(size, lround(sizes[i] * N));
            for (int64_t k = n; k < n + size; k++) seen[(label[a[k]] + 5) / 10]++;
            for (int k = 0; k < 4; k++)
                assert_true(fabs((double)seen[k] - sizes[i] * (double)counts[k]) <= 1);
            n += size;
        }
        assert_each_once(a, N);
        for (int64_t i = 0; i < 120; i++) first[a[i]]++;
    }
    for (int64_t i = 0; i < N; i++) assert_in_range(first[i], 2, 19); /* 12 on average */
    tp_dataset_free(d);
}

/* Checks that the folds belong together, and gives the fold of each sample. */
static void folds_of(tp_dataset *d, int64_t folds, tp_kfold_options options, int64_t *fold_of) {
    int64_t n = tp_dataset_size(d), samples[200];
    for (int64_t i = 0; i < n; i++) fold_of[i] = -1;
    for (int64_t f = 0; f < folds; f++) {
        tp_dataset *parts[2];
        assert_ok(tp_kfold(d, folds, f, options, parts));
        int64_t train = take(parts[0], samples), test = take(parts[1], samples + train);
        assert_int_equal(train + test, n);
        assert_each_once(samples, n);
        for (int64_t i = 0; i < test; i++) {
            assert_int_equal(fold_of[samples[train + i]], -1);
            fold_of[samples[train + i]] = f;
            if (i > 0) assert_true(samples[train + i] > samples[train + i - 1]);
        }
    }
}

/* Against sklearn.model_selection 1.9: KFold(4), StratifiedKFold(3). */
static void test_kfold(void **state) {
    (void)state;
    tp_dataset *d = numbers(14);
    tp_tensor *y = TP_I64_TENSOR(TP_SHAPE(14), 7, 3, 3, 7, -1, 3, 7, 3, -1, 7, -1, 3, 3, 3);
    static const int64_t plain[] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3};
    static const int64_t stratified[] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 1, 2, 2};
    int64_t got[14], again[14], other[14];
    folds_of(d, 4, (tp_kfold_options){0}, got);
    assert_memory_equal(got, plain, sizeof got);
    folds_of(d, 3, (tp_kfold_options){.labels = y}, got);
    assert_memory_equal(got, stratified, sizeof got);
    folds_of(d, 14, (tp_kfold_options){0}, got); /* leave one out */
    for (int64_t i = 0; i < 14; i++) assert_int_equal(got[i], i);

    folds_of(d, 3, (tp_kfold_options){.shuffle = true, .seed = 1}, got);
    folds_of(d, 3, (tp_kfold_options){.shuffle = true, .seed = 1}, again);
    folds_of(d, 3, (tp_kfold_options){.shuffle = true, .seed = 2}, other);
    assert_memory_equal(got, again, sizeof got);
    assert_memory_not_equal(got, other, sizeof got);
    folds_of(d, 3, (tp_kfold_options){.shuffle = true, .labels = y}, got);
    const int64_t *label = tp_tensor_data(y);
    int64_t members[3][2] = {{0}}, want[3][2] = {{0}};
    for (int i = 0; i < 14; i++) {
        if (label[i] > 0) members[got[i]][label[i] == 7]++;
        if (label[i] > 0) want[stratified[i]][label[i] == 7]++;
    }
    assert_memory_equal(members, want, sizeof want);
    tp_dataset_free(d);
}

static void test_windows(void **state) {
    (void)state;
    tp_tensor *x = tp_set_requires_grad(tp_arange(0, 7, 1, TP_F64), true);
    tp_windows_out w = tp_windows(x, 3, 2, 1);
    assert_tensor(w.targets);
    assert_values(w.inputs, 0, 1, 2, 1, 2, 3, 2, 3, 4);
    assert_values(w.targets, 3, 4, 4, 5, 5, 6);
    assert_true(tp_tensor_shares_storage(w.inputs, x) && tp_tensor_shares_storage(w.targets, x));
    assert_ok(tp_backward(tp_sum(w.inputs)));
    assert_values(tp_tensor_grad(x), 1, 2, 3, 2, 1, 0, 0);
    w = tp_windows(x, 2, 1, 3);
    assert_values(w.inputs, 0, 1, 3, 4);
    assert_values(w.targets, 2, 5);
    w = tp_windows(x, 6, 1, 100); /* one window, all of it */
    assert_values(w.targets, 6);
    tp_tensor *two = tp_reshape(tp_arange(0, 10, 1, TP_F32), TP_SHAPE(5, 2));
    w = tp_windows(two, 2, 1, 2);
    assert_true(tp_shape_equal(tp_tensor_shape(w.inputs), TP_SHAPE(2, 2, 2)));
    assert_values(w.inputs, 0, 1, 2, 3, 4, 5, 6, 7);
    assert_values(w.targets, 4, 5, 8, 9);
}

static void test_errors(void **state) {
    (void)state;
    tp_dataset *d = numbers(5), *parts[2] = {d, d};
    const double halves[] = {0.5, 0.5};
    tp_tensor *x = tp_arange(0, 5, 1, TP_F32), *y = tp_to_dtype(x, TP_I64);
    tp_tensor *short_y = tp_zeros(TP_SHAPE(4), TP_I64), *two = TP_I64_TENSOR(TP_SHAPE(5), 4, 4, 9, 4, 9);
    assert_int_equal(tp_dataset_split(d, halves, 2, (tp_split_options){.labels = x}, parts), TP_ERR_DTYPE);
    assert_error(TP_ERR_DTYPE, "dataset_split: labels is float32, not int64");
    assert_true(!parts[0] && !parts[1]);
    assert_int_equal(tp_dataset_split(d, halves, 2, (tp_split_options){.labels = short_y}, parts),
                     TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "dataset_split: labels is (4,), the dataset has 5 samples");
    tp_split_options both = {.labels = y, .chronological = true};
    assert_int_equal(tp_dataset_split(d, halves, 2, both, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "dataset_split: a chronological split cannot be stratified by labels");
    assert_int_equal(tp_dataset_split(d, (const double[]){3, 3}, 2, (tp_split_options){0}, parts),
                     TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "dataset_split: the sizes add up to 6, neither to 1 nor to the 5 samples");
    assert_int_equal(tp_dataset_split(d, halves, 0, (tp_split_options){0}, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "dataset_split: there cannot be 0 parts");
    assert_int_equal(tp_dataset_split(NULL, halves, 2, (tp_split_options){0}, parts), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "dataset_split: argument dataset is NULL");

    assert_int_equal(tp_kfold(d, 6, 0, (tp_kfold_options){0}, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "kfold: there cannot be 6 folds of 5 samples");
    assert_int_equal(tp_kfold(d, 1, 0, (tp_kfold_options){0}, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "kfold: there cannot be 1 folds of 5 samples");
    assert_int_equal(tp_kfold(d, 5, 5, (tp_kfold_options){0}, parts), TP_ERR_INDEX);
    assert_error(TP_ERR_INDEX, "kfold: fold is 5, there are 5 folds");
    assert_int_equal(tp_kfold(d, 3, 0, (tp_kfold_options){.labels = two}, parts), TP_ERR_ARGUMENT);
    assert_error(TP_ERR_ARGUMENT, "kfold: there are 3 folds, class 9 has 2 samples");
    assert_int_equal(tp_kfold(d, 2, 0, (tp_kfold_options){.labels = short_y}, parts), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "kfold: labels is (4,), the dataset has 5 samples");
    assert_int_equal(tp_kfold(d, 2, 0, (tp_kfold_options){0}, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "kfold: argument parts is NULL");
    /* Labels that could not be made are no split without labels. */
    tp_split_options none = {.labels = tp_reshape(y, TP_SHAPE(7))};
    assert_int_equal(tp_dataset_split(d, halves, 2, none, parts), TP_ERR_SHAPE);
    assert_true(!parts[0] && !parts[1]);
    tp_kfold_options no_labels = {.labels = tp_reshape(y, TP_SHAPE(7))};
    assert_int_equal(tp_kfold(d, 2, 0, no_labels, parts), TP_ERR_SHAPE);
    assert_error(TP_ERR_SHAPE, "reshape: the numbers of elements differ: (5,) to (7,)");
    tp_dataset_free(d);

    assert_null(tp_windows(x, 5, 1, 1).inputs);
    assert_error(TP_ERR_ARGUMENT, "windows: the series has 5 steps, length 5 and horizon 1 need more");
    assert_null(tp_windows(x, INT64_MAX, INT64_MAX, 1).inputs);
    assert_int_equal(tp_last_error().code, TP_ERR_ARGUMENT);
    assert_null(tp_windows(x, 2, 1, 0).inputs);
    assert_error(TP_ERR_ARGUMENT, "windows: length is 2, horizon 1, stride 0");
    assert_null(tp_windows(tp_zeros(TP_SHAPE(2, 2, 2), TP_F32), 1, 1, 1).targets);
    assert_error(TP_ERR_SHAPE, "windows: series is (2, 2, 2), not (T) or (T, C)");
    assert_null(tp_windows(NULL, 1, 1, 1).inputs);
    assert_error(TP_ERR_NULL, "windows: argument series is NULL");
}

typedef struct walk {
    tp_dataset *d;
    tp_tensor *y;
} walk;

static tp_status all_of_it(void *context) {
    const walk *w = context;
    tp_dataset *parts[2];
    const double halves[] = {0.5, 0.5};
    bool ok = tp_windows(w->y, 2, 1, 1).targets;
    ok = ok && tp_dataset_split(w->d, halves, 2, (tp_split_options){.labels = w->y}, parts) == TP_OK;
    for (int i = 0; ok && i < 2; i++) tp_dataset_free(parts[i]);
    ok = ok && tp_kfold(w->d, 2, 1, (tp_kfold_options){.shuffle = true, .labels = w->y}, parts) == TP_OK;
    for (int i = 0; ok && i < 2; i++) tp_dataset_free(parts[i]);
    return ok ? TP_OK : tp_last_error().code;
}

static void test_no_memory(void **state) {
    (void)state;
    tp_tensor *y = TP_I64_TENSOR(TP_SHAPE(8, 2), 1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2, 0);
    walk w = {numbers(8), tp_select(y, 1, 0)};
    assert_survives_no_memory(all_of_it, &w, 10);
    tp_dataset_free(w.d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_split),   CHECK_TEST(test_stratified_split), CHECK_TEST(test_kfold),
        CHECK_TEST(test_windows), CHECK_TEST(test_errors),           CHECK_TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
