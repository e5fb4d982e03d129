/* Tensors as text, as PyTorch prints them. It lies here because the text names the recorded op. */
#include <math.h>
#include <string.h>

#include "autograd/node.h"

#define PRECISION 4
#define THRESHOLD 1000 /* more elements than this are summarised */
#define EDGE 3         /* elements shown at each end of a dim then */
#define LINE_WIDTH 80
#define INDENT 7 /* of "tensor(" */

/* Where the text goes: a file, or a buffer of which the length goes on counting beyond its end. */
typedef struct printer {
    FILE *file;
    char *buffer;
    size_t size, length;
    size_t line; /* characters since the last line break */
    bool failed;
    /* how elements look */
    const tp_tensor *t;
    bool whole;      /* floats that are all whole numbers: "1." */
    bool scientific; /* "1.0000e+05" */
    bool summarise;
    bool suffix_broken;
    int width;
} printer;

static void put_text(printer *p, const char *text) {
    size_t n = strlen(text);
    if (p->file) {
        if (n > 0 && fwrite(text, 1, n, p->file) != n) p->failed = true;
    } else {
        for (size_t i = 0; i < n; i++)
            if (p->length + i + 1 < p->size) p->buffer[p->length + i] = text[i];
    }
    p->length += n;
    const char *line = strrchr(text, '\n');
    p->line = line ? strlen(line + 1) : p->line + n;
}

static void put_spaces(printer *p, int n) {
    for (int i = 0; i < n; i++) put_text(p, " ");
}

static int format_element(const printer *p, const char *address, char *text, size_t size) {
    tp_dtype dtype = (tp_dtype)p->t->dtype;
    if (dtype == TP_BOOL) return snprintf(text, size, "%s", *address ? "True" : "False");
    if (!tp__is_floating(dtype)) return snprintf(text, size, "%lld", (long long)tp__load_i64(address, dtype));
    double v = tp__load_f64(address, dtype);
    if (isnan(v)) return snprintf(text, size, "nan");
    if (isinf(v)) return snprintf(text, size, v > 0 ? "inf" : "-inf");
    if (p->scientific) return snprintf(text, size, "%.*e", PRECISION, v);
    if (p->whole) return snprintf(text, size, "%.0f.", v);
    return snprintf(text, size, "%.*f", PRECISION, v);
}

/* Calls visit for each element that is shown. */
static void each_shown(printer *p, int dim, const char *at, void (*visit)(printer *, const char *, void *),
                       void *context) {
    const tp_tensor *t = p->t;
    if (dim == t->shape.ndim) {
        visit(p, at, context);
        return;
    }
    int64_t n = t->shape.dims[dim], step = t->strides[dim] * (int64_t)tp__itemsize((tp_dtype)t->dtype);
    for (int64_t i = 0; i < n; i++) {
        if (p->summarise && n > 2 * EDGE && i == EDGE) i = n - EDGE;
        each_shown(p, dim + 1, at + i * step, visit, context);
    }
}

typedef struct range {
    bool whole;
    double smallest, largest; /* of the finite values other than 0, by size */
} range;

static void visit_range(printer *p, const char *address, void *context) {
    range *r = context;
    double v = fabs(tp__load_f64(address, (tp_dtype)p->t->dtype));
    if (!isfinite(v) || v == 0) return;
    if (v != trunc(v)) r->whole = false;
    if (v < r->smallest) r->smallest = v;
    if (v > r->largest) r->largest = v;
}

/* Zeros, infinities and NaN do not count, as in PyTorch: a column of them may be wider than the rest is aligned for. */
static void visit_width(printer *p, const char *address, void *context) {
    (void)context;
    double v = tp__is_floating((tp_dtype)p->t->dtype) ? tp__load_f64(address, (tp_dtype)p->t->dtype) : 1;
    if (!isfinite(v) || v == 0) return;
    char text[400];
    int n = format_element(p, address, text, sizeof text);
    if (n > p->width) p->width = n;
}

/* Chooses one form for all elements, by PyTorch's rules. */
static void choose_form(printer *p) {
    range r = {true, INFINITY, 0};
    p->width = 1;
    if (tp__is_floating((tp_dtype)p->t->dtype)) {
        each_shown(p, 0, tp__data(p->t), visit_range, &r);
        p->whole = r.whole;
        if (r.largest > 0)
            p->scientific =
                r.largest / r.smallest > 1000 || r.largest > 1e8 || (!r.whole && r.smallest < 1e-4);
    }
    each_shown(p, 0, tp__data(p->t), visit_width, NULL);
}

static void put_element(printer *p, const char *address) {
    char text[400];
    int n = format_element(p, address, text, sizeof text);
    put_spaces(p, p->width - n);
    put_text(p, text);
}

static void put_row(printer *p, const char *at, int64_t n, int64_t step, int indent) {
    int per_line = (LINE_WIDTH - indent) / (p->width + 2), in_line = 0;
    if (per_line < 1) per_line = 1;
    put_text(p, "[");
    for (int64_t i = 0; i < n; i++) {
        if (i > 0) put_text(p, ",");
        if (in_line == per_line) {
            put_text(p, "\n");
            put_spaces(p, indent + 1);
            in_line = 0;
        } else if (i > 0) {
            put_text(p, " ");
        }
        if (p->summarise && n > 2 * EDGE && i == EDGE) {
            put_text(p, " ...");
            i = n - EDGE - 1;
        } else {
            put_element(p, at + i * step);
        }
        in_line++;
    }
    put_text(p, "]");
}

static void put_dims(printer *p, int dim, const char *at, int indent) {
    const tp_tensor *t = p->t;
    int64_t n = t->shape.dims[dim], step = t->strides[dim] * (int64_t)tp__itemsize((tp_dtype)t->dtype);
    if (dim == t->shape.ndim - 1) {
        put_row(p, at, n, step, indent);
        return;
    }
    put_text(p, "[");
    for (int64_t i = 0; i < n; i++) {
        if (i > 0) {
            put_text(p, ",");
            for (int k = dim; k < t->shape.ndim - 1; k++) put_text(p, "\n");
            put_spaces(p, indent + 1);
        }
        if (p->summarise && n > 2 * EDGE && i == EDGE) {
            put_text(p, "...");
            i = n - EDGE - 1;
        } else {
            put_dims(p, dim + 1, at + i * step, indent + 1);
        }
    }
    put_text(p, "]");
}

/* What follows the elements, on a line of its own if this one is full. */
static void put_suffix(printer *p, const char *name, const char *value) {
    /* PyTorch counts two more than there are, until it has broken a line here. */
    if (p->line + (p->suffix_broken ? 0 : 2) + 2 + strlen(name) + strlen(value) > LINE_WIDTH) {
        put_text(p, ",\n");
        put_spaces(p, INDENT);
        p->suffix_broken = true;
    } else {
        put_text(p, ", ");
    }
    put_text(p, name);
    put_text(p, value);
}

static void put_tensor(printer *p) {
    const tp_tensor *t = p->t;
    p->summarise = t->numel > THRESHOLD;
    put_text(p, "tensor(");
    if (t->numel > 0) {
        choose_form(p);
        if (t->shape.ndim == 0) {
            p->width = 0;
            put_element(p, tp__data(t));
        } else {
            put_dims(p, 0, tp__data(t), INDENT);
        }
    } else {
        put_text(p, "[]");
        if (t->shape.ndim != 1) put_suffix(p, "size=", tp__shape_text(t->shape));
    }
    bool known = t->dtype == TP_F32 || (t->numel > 0 && (t->dtype == TP_BOOL || t->dtype == TP_I64));
    if (!known) put_suffix(p, "dtype=", tp__dtype_text(t));
    if (t->node) {
        char name[64];
        snprintf(name, sizeof name, "<%s>", tp__node_of(t)->op->name);
        put_suffix(p, "grad_fn=", name);
    } else if (t->requires_grad) {
        put_suffix(p, "requires_grad=", "True");
    }
    put_text(p, ")");
}

tp_status tp_tensor_fprint(FILE *file, const tp_tensor *t) {
    const char *op = "tensor_fprint";
    if (!t || !file) return tp__deliver(tp__error_null(op, t ? "file" : "t"));
    printer p = {.file = file, .t = t};
    put_tensor(&p);
    return p.failed ? tp__deliver(tp__error(TP_ERR_IO, op, "the file cannot be written")) : TP_OK;
}

int tp_tensor_format(const tp_tensor *t, char *buffer, size_t size) {
    const char *op = "tensor_format";
    if (!t || (!buffer && size > 0)) {
        tp__error_null(op, t ? "buffer" : "t");
        return -1;
    }
    printer p = {.buffer = buffer, .size = size, .t = t};
    put_tensor(&p);
    if (size > 0) buffer[p.length < size ? p.length : size - 1] = '\0';
    return (int)p.length;
}
