/* Pictures: line charts and confusion matrices as SVG files, and lines of blocks for a terminal.
 *
 *     double loss[20], held[20];
 *     ...
 *     const tp_series curves[] = {{.name = "training", .y = loss, .count = 20}, {.name = "validation", .y = held, .count = 20}};
 *     tp_plot_lines("loss.svg", curves, 2, (tp_plot_options){.title = "Loss", .x_label = "epoch", .first_x = 1});
 *
 * A file appears complete or not at all. It scales to whatever it is shown in. Texts are UTF-8. */
#ifndef TAPER_PLOT_H
#define TAPER_PLOT_H

#include "taper/base.h"
#include "taper/status.h"

TP_BEGIN_DECLS

typedef struct tp_series {
    const char *name; /* in the legend, or NULL */
    const double *y;  /* [count]; what is not finite, or beyond 1e300, is a gap */
    const double *x;  /* [count]; NULL: first_x, first_x + 1, ... */
    int64_t count;
    bool dashed; /* as of a forecast */
} tp_series;

typedef struct tp_plot_options {
    const char *title, *x_label, *y_label; /* or NULL */
    bool log_y;                            /* what is not positive is a gap */
    bool diagonal;                         /* a thin line from (0, 0) to (1, 1), as of a ROC curve */
    double first_x;
} tp_plot_options;

/* Draws series of numbers as lines, with axes that have round numbers, and a legend if any series has a name. Without any finite number
 * the chart is empty. Of a series of more than 2,000 values the least and the largest of each of 1,000 stretches are drawn; a gap is
 * seen if it covers a whole stretch. A series takes less than 60 kB. A ROC curve, of tp_roc_curve():
 *     tp_series s = {.name = "ROC", .x = tp_tensor_data(roc.fpr), .y = tp_tensor_data(roc.tpr), .count = tp_tensor_numel(roc.fpr)};
 *     tp_plot_lines("roc.svg", &s, 1, (tp_plot_options){.diagonal = true});
 * Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for less than one series, a negative count, or a text that is not UTF-8; TP_ERR_IO;
 * TP_ERR_MEMORY. */
TP_API tp_status tp_plot_lines(const char *path, const tp_series *series, int count, tp_plot_options options);

/* Draws a matrix (C, C) of any dtype, as of tp_metric_confusion(): rows are labels, columns predictions. `names` has C names of classes, or
 * is NULL for numbers; the title may be NULL. Errors: TP_ERR_NULL; TP_ERR_SHAPE for another shape or more than 256 classes; TP_ERR_ARGUMENT
 * for an element that is negative or not finite, or a text that is not UTF-8; TP_ERR_IO; TP_ERR_MEMORY. */
TP_API tp_status tp_plot_confusion(const char *path, const tp_tensor *matrix, const char *const *names,
                                   const char *title);

/* Writes values as a line of blocks from low to high, U+2581 to U+2588, three bytes each, with a space for what is not finite; of more
 * than `width` values (0: no limit) each block is the mean of its share. As snprintf(): at most `size` bytes with the closing
 * NUL, no block cut in two; the result is the number of bytes of the whole line, -1 after an error. Errors: TP_ERR_NULL;
 * TP_ERR_ARGUMENT for a negative count or width, or a line of more than INT_MAX bytes. */
TP_API int tp_sparkline(const double *values, int64_t count, int width, char *buffer, size_t size);

TP_END_DECLS

#endif
