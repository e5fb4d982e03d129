/* Losses by one signature, and weights for them. */
#include "ops/ops.h"
#include "taper/loss.h"
#include "train/train.h"

/* The target in the prediction's dtype; (N) as (N, 1) where the prediction is. */
static tp_tensor *criterion_target(tp_tensor *prediction, tp_tensor *target) {
    if (!prediction || !target) return NULL;
    if (!tp_shape_equal(prediction->shape, target->shape) && prediction->numel == target->numel &&
        prediction->shape.ndim == target->shape.ndim + 1 &&
        prediction->shape.dims[prediction->shape.ndim - 1] == 1)
        target = tp_reshape(target, prediction->shape);
    return tp_to_dtype(target, (tp_dtype)prediction->dtype);
}

tp_tensor *tp_criterion_cross_entropy(void *context, tp_tensor *prediction, tp_tensor *target) {
    return tp_cross_entropy(prediction, target,
                            context ? *(const tp_ce_options *)context : (tp_ce_options){0});
}

tp_tensor *tp_criterion_bce_with_logits(void *context, tp_tensor *prediction, tp_tensor *target) {
    return tp_bce_with_logits(prediction, criterion_target(prediction, target),
                              context ? *(const tp_bce_options *)context : (tp_bce_options){0});
}

tp_tensor *tp_criterion_bce(void *context, tp_tensor *prediction, tp_tensor *target) {
    return tp_bce(prediction, criterion_target(prediction, target),
                  context ? *(const tp_bce_options *)context : (tp_bce_options){0});
}

tp_tensor *tp_criterion_mse(void *context, tp_tensor *prediction, tp_tensor *target) {
    (void)context;
    return tp_mse_loss(prediction, criterion_target(prediction, target), TP_MEAN);
}

tp_tensor *tp_criterion_l1(void *context, tp_tensor *prediction, tp_tensor *target) {
    (void)context;
    return tp_l1_loss(prediction, criterion_target(prediction, target), TP_MEAN);
}

tp_tensor *tp_class_weights(tp_tensor *labels, int64_t classes) {
    const char *op = "class_weights";
    TP_REQUIRE(labels, op);
    if (classes < 1) TP_FAIL(TP_ERR_ARGUMENT, op, "there cannot be %lld classes", (long long)classes);
    if (labels->shape.ndim != 1)
        TP_FAIL(TP_ERR_SHAPE, op, "labels is %s, not (N)", tp__shape_text(labels->shape));
    if (labels->dtype != TP_I64) TP_FAIL(TP_ERR_DTYPE, op, "labels is %s, not I64", tp__dtype_text(labels));
    tp_scope *s = tp_scope_begin();
    tp_tensor *weights = s ? tp_zeros(TP_SHAPE(classes), TP_F64) : NULL;
    labels = weights ? tp__packed(op, labels, TP_I64) : NULL;
    if (!labels) return tp_scope_return(s, NULL);
    const int64_t *label = tp__data_i64(labels);
    double *weight = (double *)(void *)tp__data(weights); /* at first the numbers of members */
    int64_t n = labels->numel;
    for (int64_t i = 0; i < n; i++) {
        if (label[i] < 0 || label[i] >= classes) {
            tp__error(TP_ERR_INDEX, op, "labels[%lld] is %lld, there are %lld classes", (long long)i,
                      (long long)label[i], (long long)classes);
            return tp_scope_return(s, NULL);
        }
        weight[label[i]] += 1;
    }
    for (int64_t c = 0; c < classes; c++)
        if (weight[c] > 0) weight[c] = (double)n / ((double)classes * weight[c]);
    return tp_scope_return(s, tp_to_dtype(weights, TP_F32));
}
