/* Metrics: numbers that say how good predictions are, gathered over batches.
 *
 *     tp_metric *f1 = tp_metric_f1((tp_class_options){.average = TP_AVERAGE_MACRO});
 *     for (each batch) tp_metric_update(f1, tp_forward(net, x), y);
 *     printf("%s %.4f\n", tp_metric_name(f1), tp_metric_value(f1));
 *     tp_metric_free(f1);
 *
 * Values are scikit-learn's, also on ties and for classes that do not occur; sums are in double and do not depend on the number of
 * threads, nor on how the samples are cut into batches. Without any samples a value is NaN. */
#ifndef TAPER_METRICS_H
#define TAPER_METRICS_H

#include "taper/base.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

typedef struct tp_metric tp_metric;

/* The constructors. Each result is to be freed with tp_metric_free(). Errors common to all: TP_ERR_ARGUMENT for an option out of range;
 * TP_ERR_MEMORY. */

/* How the numbers of several classes become one. */
typedef enum tp_average {
    TP_AVERAGE_BINARY,  /* that of class 1 of two */
    TP_AVERAGE_MACRO,   /* the mean over the classes that occur among labels or predictions */
    TP_AVERAGE_MICRO,   /* that of all decisions counted together: the accuracy */
    TP_AVERAGE_WEIGHTED /* the mean, weighted by how often a class is the label */
} tp_average;

typedef struct tp_class_options {
    tp_average average; /* of precision, recall and F1 */
    /* 0: the C of (N, C), 2 for scores (N); needed for predictions that are labels of more than two classes */
    int64_t classes;
    /* scores (N) above it are class 1; 0 is 0.5, for probabilities, TP_ZERO is 0, for logits */
    double threshold;
    double zero_division; /* a precision, recall or F1 whose divisor is 0 */
} tp_class_options;

/* Metrics of decisions. A prediction is floating (N, C), logits or probabilities, where the largest of a row decides and the first
 * of equal ones; floating (N) or (N, 1), scores of class 1 against `threshold`; or of an integer dtype (N): labels. Targets are labels
 * from 0, (N) or (N, 1), of any dtype. TP, FP, FN count what was rightly, wrongly and wrongly not taken for a class:
 *     precision = TP / (TP + FP)     recall = TP / (TP + FN)     F1 = 2 TP / (2 TP + FP + FN)
 * Source: sklearn.metrics.accuracy_score, precision_score, recall_score, f1_score. */
TP_API tp_metric *tp_metric_accuracy(tp_class_options options);
TP_API tp_metric *tp_metric_precision(tp_class_options options);
TP_API tp_metric *tp_metric_recall(tp_class_options options);
TP_API tp_metric *tp_metric_f1(tp_class_options options);

/* The share of samples whose label is among the k highest of floating scores (N, C); of equal scores those of later classes count as
 * higher. Source: sklearn.metrics.top_k_accuracy_score. */
TP_API tp_metric *tp_metric_top_k(int64_t k);

typedef enum tp_confusion_scale {
    TP_CONFUSION_COUNTS,
    TP_CONFUSION_ROWS,    /* rows add up to 1 */
    TP_CONFUSION_COLUMNS, /* columns do */
    TP_CONFUSION_ALL      /* all do */
} tp_confusion_scale;

/* The confusion matrix of accuracy, precision, recall or F1: (C, C), how often label i was taken for class j; I64, or F64 if
 * normalised, where rows (columns) of nothing are 0. In the current scope. Errors: TP_ERR_NULL; TP_ERR_STATE for another metric, or one
 * that does not know the number of classes yet; TP_ERR_MEMORY. Source: sklearn.metrics.confusion_matrix. */
TP_API tp_tensor *tp_metric_confusion(const tp_metric *metric, tp_confusion_scale normalize);

/* Metrics of the order of scores. Predictions for labels 0 and 1 are floating scores of class 1, logits or probabilities alike: (N) or
 * (N, 1), or (N, 2), whose second column is taken less the first. Of C > 2 classes they are (N, C), probabilities rather than logits, as
 * those of different samples are compared: the mean over the classes, each against all others. All scores are kept, 16 bytes each. The
 * area under the ROC curve, NaN if a class does not occur or is the only one; and under the precision-recall curve, the average
 * precision sum (R_n - R_{n-1}) P_n, 0 without positive labels. Source: sklearn.metrics.roc_auc_score (multi_class "ovr", the mean
 * "macro"), average_precision_score. */
TP_API tp_metric *tp_metric_roc_auc(void);
TP_API tp_metric *tp_metric_pr_auc(void);

/* Their value at once; NaN after an error. Errors: those of tp_metric_update(). */
TP_API double tp_roc_auc(tp_tensor *scores, tp_tensor *labels);
TP_API double tp_pr_auc(tp_tensor *scores, tp_tensor *labels);

/* The curves of such a metric, or of scores and labels: F64 tensors (K) in the current scope, all NULL after an error.
 * The ROC curve goes from (0, 0), with the threshold infinity, to (1, 1); points on a straight line between their neighbours are
 * dropped unless `keep_all`. A rate of a class that does not occur is NaN. Source: sklearn.metrics.roc_curve. */
typedef struct tp_roc {
    tp_tensor *fpr, *tpr, *thresholds; /* false and true positives' shares of the scores >= threshold */
} tp_roc;
TP_API tp_roc tp_metric_roc_curve(const tp_metric *metric, bool keep_all);
TP_API tp_roc tp_roc_curve(tp_tensor *scores, tp_tensor *labels, bool keep_all);

/* Thresholds ascend; a last point (precision 1, recall 0) has none. Recall is 1 without positive labels.
 * Source: sklearn.metrics.precision_recall_curve. */
typedef struct tp_pr {
    tp_tensor *precision, *recall; /* (K + 1) */
    tp_tensor *thresholds;         /* (K) */
} tp_pr;
TP_API tp_pr tp_metric_pr_curve(const tp_metric *metric);
TP_API tp_pr tp_pr_curve(tp_tensor *scores, tp_tensor *labels);

/* The mean of -log p(label). Predictions are floating: probabilities (N, C), or (N), (N, 1) of class 1, brought into [eps, 1 - eps] of
 * their dtype; or, with `logits`, what softmax or, for (N), sigmoid makes probabilities of. Source: sklearn.metrics.log_loss. */
TP_API tp_metric *tp_metric_log_loss(bool logits);

/* Errors of numbers: predictions and targets are floating, of one shape (N, ...), or (N) and (N, 1); e = prediction - target. The samples' outputs count alike:
 * RMSE and R2 are the means of each output's. R2 = 1 - sum e^2 / sum (target - mean target)^2, and of a constant target 1 if e is 0, else 0;
 * NaN for fewer than two samples. Source: sklearn.metrics.mean_squared_error, root_mean_squared_error, mean_absolute_error, r2_score. */
TP_API tp_metric *tp_metric_mse(void);
TP_API tp_metric *tp_metric_rmse(void);
TP_API tp_metric *tp_metric_mae(void);
TP_API tp_metric *tp_metric_r2(void);

TP_API void tp_metric_free(tp_metric *metric); /* NULL does nothing */

/* Takes a batch in. Nothing is changed after an error. Errors: TP_ERR_NULL; TP_ERR_SHAPE for shapes other than the metric's, or that do not
 * fit each other or earlier batches; TP_ERR_DTYPE; TP_ERR_INDEX for a label out of range; TP_ERR_ARGUMENT for a score or number that is NaN (of
 * numbers, also infinite), or a label that is not whole; TP_ERR_MEMORY. */
TP_API tp_status tp_metric_update(tp_metric *metric, tp_tensor *prediction, tp_tensor *target);

/* The value of all batches since the last reset; NaN without samples and after an error. Errors: TP_ERR_NULL; TP_ERR_MEMORY for
 * metrics of the order of scores. */
TP_API double tp_metric_value(const tp_metric *metric);

TP_API const char *tp_metric_name(
    const tp_metric *metric); /* "accuracy", "roc_auc": the constructor's; NULL after an error */

/* Forgets all batches, and the number of classes if it was not given. Errors: TP_ERR_NULL. */
TP_API tp_status tp_metric_reset(tp_metric *metric);

/* A list of metrics, borrowed: TP_METRICS(a, b). */
typedef struct tp_metrics {
    int count;
    tp_metric **items;
} tp_metrics;

TP_END_DECLS

#ifdef __cplusplus
template <int N>
struct tp__metric_list { /* lives to the end of the full expression that TP_METRICS stands in */
    tp_metric *items[N];
    operator tp_metrics() { return tp_metrics{N, items}; }
};
template <class... A> tp__metric_list(A...) -> tp__metric_list<(int)sizeof...(A)>;
#define TP_METRICS(...) (tp__metric_list{__VA_ARGS__})
#else
/* Its array lives to the end of the enclosing block. */
#define TP_METRICS(...) ((tp_metrics){TP__COUNT(tp_metric *, __VA_ARGS__), (tp_metric *[]){__VA_ARGS__}})
#endif

#endif
