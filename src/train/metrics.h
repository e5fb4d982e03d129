/* What the files of metrics share. */
#ifndef TP__TRAIN_METRICS_H
#define TP__TRAIN_METRICS_H

#include <math.h>

#include "core/alloc.h"
#include "core/scope.h"
#include "core/tensor.h"
#include "taper/metrics.h"

/* A batch, packed, as doubles. */
typedef struct tp__metric_batch {
    const char *op;
    const tp_tensor *prediction, *target; /* as given, for messages */
    const double *p, *y;
    int64_t n, c; /* rows and columns of the prediction; c is 1 for (N) */
} tp__metric_batch;

typedef struct tp__metric_rule {
    const char *name; /* of the constructor, without prefix */
    bool labels;      /* targets are labels; else of the prediction's shape */
    bool integers;    /* predictions may be labels too */
    tp_status (*update)(tp_metric *m, const tp__metric_batch *batch);
    double (*value)(const tp_metric *m);
} tp__metric_rule;

typedef struct tp__metric_point {
    double score;
    int64_t label;
} tp__metric_point;

struct tp_metric {
    const tp__metric_rule *rule;
    tp_class_options options;
    int64_t k;
    bool logits;

    int64_t samples;
    int64_t hits;             /* top-k */
    int64_t classes, *counts; /* of decisions: (classes, classes), rows are labels */
    tp__metric_point *points; /* of the order of scores: room for `room` */
    int64_t room;
    double loss;
    int64_t outputs; /* of numbers, and the sums of each */
    struct tp__metric_sums {
        double squares, sizes, mean, spread; /* of e^2, |e|; the targets' mean and sum of squares around it */
    } * sums;
};

tp_metric *tp__metric_new(const tp__metric_rule *rule);

/* Forgets what was gathered. */
void tp__metric_clear(tp_metric *m);

/* Gathers one batch into a new metric of this rule, for functions that do it all at once; NULL after an error. */
tp_metric *tp__metric_once(const char *op, const tp__metric_rule *rule, tp_tensor *prediction,
                           tp_tensor *target);

/* Are all scores numbers (and finite), and all labels whole and below `classes`? */
tp_status tp__metric_check_scores(const tp__metric_batch *batch, bool finite);
tp_status tp__metric_check_labels(const tp__metric_batch *batch, const char *name, const double *labels,
                                  int64_t classes);

#endif
