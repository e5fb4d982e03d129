/* MNIST as it lies in examples/data, and folders that are not it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

#if defined(TP_HAVE_ZLIB)

/* The numbers of zeros, ones, ... that MNIST is known to have. */
static const int64_t mnist_train[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
static const int64_t mnist_test[10] = {980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009};

static void assert_mnist(bool train, int64_t n, const int64_t *counts, double mean) {
    tp_mnist m = tp_mnist_load(TP_SOURCE_DIR "/examples/data/mnist", train);
    assert_tensor(m.images);
    assert_true(tp_shape_equal(tp_tensor_shape(m.images), TP_SHAPE(n, 1, 28, 28)));
    assert_true(tp_shape_equal(tp_tensor_shape(m.labels), TP_SHAPE(n)));
    assert_int_equal(tp_tensor_dtype(m.images), TP_U8);
    assert_int_equal(tp_tensor_dtype(m.labels), TP_I64);
    const int64_t *labels = tp_tensor_data(m.labels);
    const uint8_t *pixels = tp_tensor_data(m.images);
    int64_t seen[10] = {0}, sum = 0;
    for (int64_t i = 0; i < n; i++) seen[labels[i]]++;
    for (int64_t i = 0; i < n * 784; i++) sum += pixels[i];
    assert_memory_equal(seen, counts, sizeof seen);
    assert_true(fabs((double)sum / 255 / (double)(n * 784) - mean) < 5e-5);
}

static void test_mnist(void **state) {
    (void)state;
    assert_mnist(true, 60000, mnist_train, 0.1307);
    assert_mnist(false, 10000, mnist_test, 0.1325);
}

#endif

static void write_bytes(const char *folder, const char *name, const char *bytes, size_t size) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(bytes, 1, size, f);
    fclose(f);
}

static void remove_file(const char *folder, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

static tp_status load_once(void *folder) {
    tp_mnist m = tp_mnist_load(folder, true);
    assert_true(!m.images == !m.labels);
    return m.images ? TP_OK : tp_last_error().code;
}

static void test_mnist_bad(void **state) {
    (void)state;
    char folder[] = "/tmp/taper-data-XXXXXX", message[512];
    assert_non_null(mkdtemp(folder));
    assert_null(tp_mnist_load(folder, true).images);
    snprintf(
        message, sizeof message,
        "mnist_load: %s: there is no train-images-idx3-ubyte, and none with .gz: No such file or directory",
        folder);
    assert_error(TP_ERR_IO, message);
    write_bytes(folder, "train-images-idx3-ubyte", "\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\2abcd", 20);
    write_bytes(folder, "train-labels-idx1-ubyte", "\0\0\x08\1\0\0\0\3\1\2\3", 11);
    tp_mnist m = tp_mnist_load(folder, true);
    assert_true(!m.images && !m.labels);
    snprintf(message, sizeof message,
             "mnist_load: %s: train: images uint8 (2, 1, 2) and labels uint8 (3,) do not fit together",
             folder);
    assert_error(TP_ERR_FORMAT, message);
    write_bytes(folder, "train-labels-idx1-ubyte", "\0\0\x08\1\0\0\0\2\1", 9);
    assert_null(tp_mnist_load(folder, true).images);
    snprintf(
        message, sizeof message,
        "mnist_load: %s/train-labels-idx1-ubyte: truncated: (2,) of uint8 is 2 bytes of data, the file has 1",
        folder);
    assert_error(TP_ERR_FORMAT, message);
    write_bytes(folder, "train-labels-idx1-ubyte", "\0\0\x08\1\0\0\0\2\1\7", 10);
    m = tp_mnist_load(folder, true);
    assert_true(tp_shape_equal(tp_tensor_shape(m.images), TP_SHAPE(2, 1, 1, 2)));
    assert_values(m.images, 'a', 'b', 'c', 'd');
    assert_values(m.labels, 1, 7);
    assert_survives_no_memory(load_once, folder, 5);
    assert_null(tp_mnist_load(NULL, true).images);
    assert_error(TP_ERR_NULL, "mnist_load: argument dir is NULL");
    remove_file(folder, "train-images-idx3-ubyte");
    remove_file(folder, "train-labels-idx1-ubyte");
    assert_int_equal(rmdir(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#if defined(TP_HAVE_ZLIB)
        CHECK_TEST(test_mnist),
#endif
        CHECK_TEST(test_mnist_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
