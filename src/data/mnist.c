#include "taper/data.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/scope.h"
#include "core/tensor.h"
#include "io/io.h"
#include "taper/views.h"

static const char mnist_op[] = "mnist_load";

/* The tensor in dir/set-kind, or in that file with .gz at the end. */
static tp_tensor *mnist_file(const char *dir, const char *set, const char *kind) {
    size_t size = strlen(dir) + strlen(set) + strlen(kind) + sizeof "/-.gz";
    char *path = tp__alloc(size);
    if (!path) {
        tp__error_memory(mnist_op, size);
        return NULL;
    }
    tp_tensor *t = NULL;
    int length = snprintf(path, size, "%s/%s-%s", dir, set, kind);
    bool there = access(path, F_OK) == 0;
    if (!there) {
        snprintf(path + length, size - (size_t)length, ".gz");
        there = access(path, F_OK) == 0;
    }
    if (there) t = tp__idx_load(mnist_op, path);
    else
        tp__error(TP_ERR_IO, mnist_op, "%s: there is no %s-%s, and none with .gz: %s", dir, set, kind,
                  strerror(errno));
    tp__free(path);
    return t;
}

static bool mnist_check(const char *dir, const char *set, const tp_tensor *images, const tp_tensor *labels) {
    if (!images || !labels) return false;
    const tp_shape *x = &images->shape, *y = &labels->shape;
    if (images->dtype == TP_U8 && labels->dtype == TP_U8 && x->ndim == 3 && y->ndim == 1 &&
        x->dims[0] == y->dims[0])
        return true;
    tp__error(TP_ERR_FORMAT, mnist_op, "%s: %s: images %s %s and labels %s %s do not fit together", dir, set,
              tp__dtype_text(images), tp__shape_text(*x), tp__dtype_text(labels), tp__shape_text(*y));
    return false;
}

tp_mnist tp_mnist_load(const char *dir, bool train) {
    tp_mnist result = {0};
    if (!dir) {
        tp__error_null(mnist_op, "dir");
        return result;
    }
    tp_scope *s = tp_scope_begin();
    if (!s) return result;
    const char *set = train ? "train" : "t10k";
    tp_tensor *images = mnist_file(dir, set, "images-idx3-ubyte");
    tp_tensor *labels = images ? mnist_file(dir, set, "labels-idx1-ubyte") : NULL;
    if (mnist_check(dir, set, images, labels)) {
        const int64_t *d = images->shape.dims;
        images = tp_reshape(images, TP_SHAPE(d[0], 1, d[1], d[2]));
        labels = tp_to_dtype(labels, TP_I64);
        if (images && labels && tp_scope_escape(s, images) && tp_scope_escape(s, labels))
            result = (tp_mnist){images, labels};
    }
    tp_scope_end(s);
    return result;
}
