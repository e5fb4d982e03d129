/* Charts as SVG. */
#include "taper/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/tensor.h"
#include "io/io.h"
#include "io/utf8.h"

#define PLOT_WIDTH 720.0
#define PLOT_HEIGHT 440.0
#define PLOT_TICKS 16 /* at most */
#define PLOT_FONT "font-family=\"Helvetica, Arial, sans-serif\""
#define PLOT_CLASSES 256
#define PLOT_COLORS 7
#define PLOT_POINTS 2000 /* of a series; of a longer one stretches are drawn */

static const char *const plot_colors[PLOT_COLORS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                     "#e69f00", "#56b4e9", "#444444"};

/* ---- writing ----------------------------------------------------------------------------------------- */

typedef struct plot_number {
    char text[40];
} plot_number;

/* A number with `digits` after the point, which is a point in every locale. */
static plot_number plot_fixed(double value, int digits) {
    plot_number n;
    snprintf(n.text, sizeof n.text, "%.*f", digits, value);
    for (char *p = n.text; *p; p++)
        if (*p != '-' && (*p < '0' || *p > '9')) *p = '.';
    return n;
}

static plot_number plot_short(double value, int digits) {
    plot_number n;
    snprintf(n.text, sizeof n.text, "%.*g", digits, value);
    for (char *p = n.text; *p; p++)
        if (!strchr("-+e0123456789", *p)) *p = '.';
    return n;
}

/* Text with what XML gives a meaning escaped, and characters that it has not replaced. */
static void plot_escape(tp__writer *w, const char *text) {
    for (const char *p = text, *end = text + strlen(text); p < end;) {
        int length = tp__utf8_length(p, end);
        if (length == 0) {
            tp__writer_not_utf8(w, text);
            return;
        }
        uint32_t code = tp__utf8_code(p, length);
        const char *other = code == '&'                                       ? "&amp;"
                            : code == '<'                                     ? "&lt;"
                            : code == '>'                                     ? "&gt;"
                            : code == '"'                                     ? "&quot;"
                            : code < 0x20 || code == 0xfffe || code == 0xffff ? "&#xfffd;"
                                                                              : NULL;
        tp__writer_bytes(w, other ? other : p, other ? strlen(other) : (size_t)length);
        p += length;
    }
}

typedef enum plot_anchor { PLOT_START, PLOT_MIDDLE, PLOT_END } plot_anchor;

typedef struct plot_style {
    plot_anchor anchor;
    int size, turn; /* in pixels, degrees */
    const char *color;
} plot_style;

static void plot_text(tp__writer *w, double x, double y, plot_style style, const char *text) {
    static const char *const anchors[] = {"start", "middle", "end"};
    plot_number px = plot_fixed(x, 2), py = plot_fixed(y, 2);
    tp__writer_printf(w, "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\" font-size=\"%d\" fill=\"%s\"", px.text,
                      py.text, anchors[style.anchor], style.size, style.color);
    if (style.turn) tp__writer_printf(w, " transform=\"rotate(%d %s %s)\"", style.turn, px.text, py.text);
    tp__writer_printf(w, ">");
    plot_escape(w, text);
    tp__writer_printf(w, "</text>\n");
}

static void plot_line(tp__writer *w, const double at[4], const char *rest) {
    tp__writer_printf(w, "<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" %s/>\n", plot_fixed(at[0], 2).text,
                      plot_fixed(at[1], 2).text, plot_fixed(at[2], 2).text, plot_fixed(at[3], 2).text, rest);
}

static void plot_begin(tp__writer *w, double width, double height) {
    plot_number x = plot_fixed(width, 0), y = plot_fixed(height, 0);
    tp__writer_printf(w,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %s %s\" " PLOT_FONT ">\n"
                      "<rect width=\"%s\" height=\"%s\" fill=\"#ffffff\"/>\n",
                      x.text, y.text, x.text, y.text);
}

static tp_status plot_end(tp__writer *w) {
    tp__writer_printf(w, "</svg>\n");
    return tp__writer_close(w);
}

/* ---- axes -------------------------------------------------------------------------------------------- */

typedef struct plot_axis {
    double low, high; /* of the values; their log10 if `log` */
    double from, to;  /* in the picture */
    bool log;
    int ticks, digits;
    double tick[PLOT_TICKS];
} plot_axis;

static bool plot_usable(double value, bool log) {
    return fabs(value) <= 1e300 && (!log || value > 0); /* false for NaN */
}

static double plot_at(const plot_axis *a, double value) {
    if (a->log) value = log10(value);
    return a->from + (value - a->low) / (a->high - a->low) * (a->to - a->from);
}

static void plot_include(plot_axis *a, double value) {
    if (a->log) value = log10(value);
    a->low = fmin(a->low, value);
    a->high = fmax(a->high, value);
}

/* 1, 2 or 5 times a power of ten, about a sixth of the span. */
static double plot_step(double span) {
    double power = pow(10, floor(log10(span / 6))), share = span / 6 / power;
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

static void plot_ticks_linear(plot_axis *a) {
    double step = plot_step(a->high - a->low), first = ceil(a->low / step);
    double largest = fmax(fabs(a->low), fabs(a->high));
    for (a->ticks = 0; a->ticks < PLOT_TICKS && (first + a->ticks) * step <= a->high; a->ticks++) {
        double value = (first + a->ticks) * step;
        a->tick[a->ticks] = fabs(value) < step / 2 ? 0 : value;
    }
    double digits = floor(log10(largest)) - floor(log10(step)) + 1;
    a->digits = (int)fmin(fmax(digits, 6), 15); /* of fewer, %g would write 1e+01 */
}

static void plot_ticks_log(plot_axis *a) {
    static const double parts[] = {1, 2, 5};
    int first = (int)floor(a->low), last = (int)ceil(a->high), every = (last - first) / 8 + 1;
    bool fine = a->high - a->low < 2;
    a->digits = 6;
    for (int k = first; k <= last; k += every)
        for (int j = 0; j < (fine ? 3 : 1); j++) {
            double place = k + log10(parts[j]);
            if (place < a->low || place > a->high || a->ticks == PLOT_TICKS) continue;
            a->tick[a->ticks++] = parts[j] * pow(10, k);
        }
}

/* Room around the values, and the ticks. */
static void plot_settle(plot_axis *a, double room) {
    if (!(a->low <= a->high)) { /* there are none */
        a->low = 0;
        a->high = 1;
    }
    double size = fmax(fabs(a->low), fabs(a->high));
    double least = a->log ? 0.1 : size > 0 ? fmax(size * 1e-9, 1e-300) : 1;
    double add = a->high - a->low > least ? room * (a->high - a->low) : fmax(least, size / 10);
    a->low -= add;
    a->high += add;
    a->ticks = 0;
    if (a->log) plot_ticks_log(a);
    else plot_ticks_linear(a);
}

/* ---- line charts ------------------------------------------------------------------------------------- */

typedef struct plot_chart {
    const tp_series *series;
    int count;
    tp_plot_options options;
    plot_axis x, y;
    double right; /* where the legend begins */
} plot_chart;

static double plot_x(const plot_chart *c, const tp_series *s, int64_t i) {
    return s->x ? s->x[i] : c->options.first_x + (double)i;
}

static bool plot_drawn(const plot_chart *c, const tp_series *s, int64_t i) {
    return plot_usable(s->y[i], c->options.log_y) && plot_usable(plot_x(c, s, i), false);
}

static void plot_lay_out(plot_chart *c) {
    size_t longest = 0;
    c->x = (plot_axis){.low = INFINITY, .high = -INFINITY};
    c->y = (plot_axis){.low = INFINITY, .high = -INFINITY, .log = c->options.log_y};
    for (int k = 0; k < c->count; k++) {
        const tp_series *s = &c->series[k];
        if (s->name && strlen(s->name) > longest) longest = strlen(s->name);
        for (int64_t i = 0; i < s->count; i++) {
            if (!plot_drawn(c, s, i)) continue;
            plot_include(&c->x, plot_x(c, s, i));
            plot_include(&c->y, s->y[i]);
        }
    }
    if (c->options.diagonal && !c->options.log_y)
        for (int k = 0; k < 2; k++) {
            plot_include(&c->x, k);
            plot_include(&c->y, k);
        }
    double legend = longest ? fmin(46 + 7 * (double)longest, 240) : 0;
    c->right = PLOT_WIDTH - 22 - legend;
    c->x.from = 76;
    c->x.to = c->right;
    c->y.from = PLOT_HEIGHT - 56;
    c->y.to = c->options.title ? 48 : 22;
    plot_settle(&c->x, 0.01);
    plot_settle(&c->y, 0.04);
}

static void plot_frame(tp__writer *w, const plot_chart *c) {
    const plot_style at_x = {PLOT_MIDDLE, 12, 0, "#444444"}, at_y = {PLOT_END, 12, 0, "#444444"};
    const plot_axis *x = &c->x, *y = &c->y;
    for (int k = 0; k < x->ticks; k++) {
        double at = plot_at(x, x->tick[k]), line[4] = {at, y->from, at, y->from + 5};
        plot_line(w, line, "stroke=\"#444444\"");
        plot_text(w, at, y->from + 20, at_x, plot_short(x->tick[k], x->digits).text);
    }
    for (int k = 0; k < y->ticks; k++) {
        double at = plot_at(y, y->tick[k]), line[4] = {x->from, at, x->to, at};
        plot_line(w, line, "stroke=\"#e4e4e4\"");
        plot_text(w, x->from - 8, at + 4, at_y, plot_short(y->tick[k], y->digits).text);
    }
    const double bottom[4] = {x->from, y->from, x->to, y->from}, left[4] = {x->from, y->from, x->from, y->to};
    plot_line(w, bottom, "stroke=\"#444444\"");
    plot_line(w, left, "stroke=\"#444444\"");
    double middle = (x->from + x->to) / 2;
    const plot_style title = {PLOT_MIDDLE, 17, 0, "#111111"}, label = {PLOT_MIDDLE, 13, 0, "#111111"},
                     turned = {PLOT_MIDDLE, 13, -90, "#111111"};
    if (c->options.title) plot_text(w, middle, 29, title, c->options.title);
    if (c->options.x_label) plot_text(w, middle, PLOT_HEIGHT - 14, label, c->options.x_label);
    if (c->options.y_label) plot_text(w, 20, (y->from + y->to) / 2, turned, c->options.y_label);
}

/* A curve while it is drawn. */
typedef struct plot_pen {
    tp__writer *writer;
    const plot_chart *chart;
    const tp_series *series;
    bool on, any; /* on the paper now; so far */
} plot_pen;

static void plot_to(plot_pen *pen, int64_t i) {
    if (!pen->any) tp__writer_printf(pen->writer, "<path d=\"");
    tp__writer_printf(pen->writer, "%s%s %s%s\n", pen->on ? "L" : "M",
                      plot_fixed(plot_at(&pen->chart->x, plot_x(pen->chart, pen->series, i)), 2).text,
                      plot_fixed(plot_at(&pen->chart->y, pen->series->y[i]), 2).text,
                      pen->on ? "" : "h0"); /* so that a point alone is a dot */
    pen->on = pen->any = true;
}

/* Of the values from `from` to before `to`, draws the least and the largest; nothing and a gap if there are none. */
static void plot_stretch(plot_pen *pen, int64_t from, int64_t to) {
    const double *y = pen->series->y;
    int64_t least = -1, largest = -1;
    for (int64_t i = from; i < to; i++) {
        if (!plot_drawn(pen->chart, pen->series, i)) continue;
        if (least < 0 || y[i] < y[least]) least = i;
        if (largest < 0 || y[i] > y[largest]) largest = i;
    }
    if (least < 0) pen->on = false;
    else plot_to(pen, least < largest ? least : largest);
    if (least != largest) plot_to(pen, least < largest ? largest : least);
}

static void plot_curve(tp__writer *w, const plot_chart *c, int k) {
    const tp_series *s = &c->series[k];
    plot_pen pen = {.writer = w, .chart = c, .series = s};
    int64_t stretches = s->count > PLOT_POINTS ? PLOT_POINTS / 2 : s->count;
    for (int64_t i = 0; i < stretches; i++) {
        int64_t size = s->count / stretches, more = s->count % stretches; /* the first ones have one more */
        int64_t from = i * size + (i < more ? i : more);
        plot_stretch(&pen, from, from + size + (i < more));
    }
    if (pen.any)
        tp__writer_printf(w,
                          "\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\" "
                          "stroke-linecap=\"round\"%s/>\n",
                          plot_colors[k % PLOT_COLORS], s->dashed ? " stroke-dasharray=\"7 5\"" : "");
}

static void plot_legend(tp__writer *w, const plot_chart *c) {
    const plot_style style = {PLOT_START, 13, 0, "#111111"};
    double y = c->y.to + 10;
    for (int k = 0; k < c->count; k++) {
        if (!c->series[k].name) continue;
        const double line[4] = {c->right + 14, y, c->right + 36, y};
        char rest[96];
        snprintf(rest, sizeof rest, "stroke=\"%s\" stroke-width=\"3\"%s", plot_colors[k % PLOT_COLORS],
                 c->series[k].dashed ? " stroke-dasharray=\"6 4\"" : "");
        plot_line(w, line, rest);
        plot_text(w, c->right + 42, y + 4, style, c->series[k].name);
        y += 21;
    }
}

static tp_status plot_check_lines(const char *op, const char *path, const tp_series *series, int count) {
    if (!path) return tp__error_null(op, "path");
    if (count < 1) return tp__error(TP_ERR_ARGUMENT, op, "there cannot be %d series", count);
    if (!series) return tp__error_null(op, "series");
    for (int k = 0; k < count; k++) {
        if (series[k].count < 0)
            return tp__error(TP_ERR_ARGUMENT, op, "series[%d] cannot have %lld values", k,
                             (long long)series[k].count);
        if (series[k].count > 0 && !series[k].y) return tp__error_null(op, "series.y");
    }
    return TP_OK;
}

static tp_status plot_lines(const char *op, const char *path, plot_chart *c) {
    TP_TRY(plot_check_lines(op, path, c->series, c->count));
    plot_lay_out(c);
    tp__writer w;
    if (!tp__writer_open(&w, op, path)) return tp_last_error().code;
    plot_begin(&w, PLOT_WIDTH, PLOT_HEIGHT);
    plot_frame(&w, c);
    const double diagonal[4] = {plot_at(&c->x, 0), c->options.log_y ? 0 : plot_at(&c->y, 0),
                                plot_at(&c->x, 1), c->options.log_y ? 0 : plot_at(&c->y, 1)};
    if (c->options.diagonal && !c->options.log_y)
        plot_line(&w, diagonal, "stroke=\"#999999\" stroke-dasharray=\"4 4\"");
    for (int k = 0; k < c->count; k++) plot_curve(&w, c, k);
    plot_legend(&w, c);
    return plot_end(&w);
}

tp_status tp_plot_lines(const char *path, const tp_series *series, int count, tp_plot_options options) {
    plot_chart c = {.series = series, .count = count, .options = options};
    return tp__deliver(plot_lines("plot_lines", path, &c));
}

/* ---- confusion matrices ------------------------------------------------------------------------------ */

typedef struct plot_matrix {
    const double *values;
    const char *const *names;
    const char *title;
    int n;
    double side, left, top; /* of a cell, and where the cells begin */
    double largest;
} plot_matrix;

static const char *plot_class(const plot_matrix *m, int k, plot_number *room) {
    if (m->names) return m->names[k];
    snprintf(room->text, sizeof room->text, "%d", k);
    return room->text;
}

static void plot_cell(tp__writer *w, const plot_matrix *m, int i, int j) {
    double value = m->values[i * m->n + j], share = m->largest > 0 ? value / m->largest : 0;
    double x = m->left + j * m->side, y = m->top + i * m->side;
    tp__writer_printf(w, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"#%02x%02x%02x\"/>\n",
                      plot_fixed(x, 2).text, plot_fixed(y, 2).text, plot_fixed(m->side, 2).text,
                      plot_fixed(m->side, 2).text, (int)(247 - 239 * share), (int)(251 - 183 * share),
                      (int)(255 - 107 * share));
    if (m->side < 22) return;
    plot_number text =
        value == floor(value) && value < 1e6 ? plot_fixed(value, 0) : plot_short(value, value < 1 ? 2 : 4);
    int size = (int)fmin(13, m->side * 1.6 / (double)strlen(text.text));
    const plot_style style = {PLOT_MIDDLE, size, 0, share > 0.5 ? "#ffffff" : "#111111"};
    plot_text(w, x + m->side / 2, y + m->side / 2 + 4, style, text.text);
}

static void plot_matrix_draw(tp__writer *w, const plot_matrix *m) {
    const plot_style title = {PLOT_MIDDLE, 17, 0, "#111111"}, label = {PLOT_MIDDLE, 13, 0, "#111111"},
                     turned = {PLOT_MIDDLE, 13, -90, "#111111"};
    int size = (int)fmin(12, m->side);
    const plot_style row = {PLOT_END, size, 0, "#444444"}, column = {PLOT_END, size, -40, "#444444"};
    double extent = m->n * m->side, middle = m->left + extent / 2;
    plot_begin(w, m->left + extent + 24, m->top + extent + m->left - 6);
    if (m->title) plot_text(w, middle, 29, title, m->title);
    for (int i = 0; i < m->n; i++) {
        plot_number room;
        double at = (i + 0.5) * m->side;
        for (int j = 0; j < m->n; j++) plot_cell(w, m, i, j);
        if (m->side < 8) continue;
        plot_text(w, m->left - 6, m->top + at + 4, row, plot_class(m, i, &room));
        plot_text(w, m->left + at + 4, m->top + extent + 14, column, plot_class(m, i, &room));
    }
    plot_text(w, middle, m->top + extent + m->left - 20, label, "prediction");
    plot_text(w, 18, m->top + extent / 2, turned, "label");
}

static tp_status plot_confusion(const char *op, const char *path, const tp_tensor *t, plot_matrix *m,
                                double *values) {
    size_t longest = 1;
    if (tp_tensor_copy_out_f64(t, values, t->numel) != TP_OK) return tp_last_error().code;
    for (int64_t k = 0; k < t->numel; k++) {
        if (!(values[k] >= 0 && isfinite(values[k])))
            return tp__error(TP_ERR_ARGUMENT, op, "element %lld of the matrix is %g", (long long)k,
                             values[k]);
        m->largest = fmax(m->largest, values[k]);
    }
    for (int k = 0; k < m->n && m->names; k++) {
        if (!m->names[k]) return tp__error_null(op, "names");
        if (strlen(m->names[k]) > longest) longest = strlen(m->names[k]);
    }
    m->side = fmin(fmax(480.0 / m->n, 4), 64);
    m->left = fmin(56 + 6.5 * (double)longest, 200);
    m->top = m->title ? 48 : 20;
    m->values = values;
    tp__writer w;
    if (!tp__writer_open(&w, op, path)) return tp_last_error().code;
    plot_matrix_draw(&w, m);
    return plot_end(&w);
}

tp_status tp_plot_confusion(const char *path, const tp_tensor *matrix, const char *const *names,
                            const char *title) {
    const char *op = "plot_confusion";
    if (!path || !matrix) return tp__deliver(tp__error_null(op, path ? "matrix" : "path"));
    const tp_shape *shape = &matrix->shape;
    if (shape->ndim != 2 || shape->dims[0] != shape->dims[1] || shape->dims[0] < 1 ||
        shape->dims[0] > PLOT_CLASSES)
        return tp__deliver(tp__error(TP_ERR_SHAPE, op, "the matrix is not (C, C) with C up to %d but %s",
                                     PLOT_CLASSES, tp__shape_text(*shape)));
    plot_matrix m = {.names = names, .title = title, .n = (int)shape->dims[0]};
    size_t bytes = (size_t)matrix->numel * sizeof(double);
    double *values = tp__alloc(bytes);
    if (!values) return tp__deliver(tp__error_memory(op, bytes));
    tp_status status = plot_confusion(op, path, matrix, &m, values);
    tp__free(values);
    return tp__deliver(status);
}
