/* Einstein summation, contracted from left to right, each pair as one batched matrix product. */
#include <string.h>

#include "ops/ops.h"
#include "taper/linalg.h"
#include "taper/tensor.h"

/* Labels: the letters, and one for each dim that an ellipsis may stand for, counted from the last. */
enum { EINSUM_LETTERS = 52, EINSUM_LABELS = EINSUM_LETTERS + TP_MAX_DIMS, EINSUM_MOST = 32 };

/* The labels of an operand's dims, or of the output's. */
typedef struct einsum_term {
    int count;
    int labels[2 * TP_MAX_DIMS + EINSUM_LETTERS];
    int ellipsis; /* where it stands among the letters, or -1 */
} einsum_term;

typedef struct einsum_plan {
    const char *equation;
    int n;
    einsum_term in[EINSUM_MOST], out;
    int64_t size[EINSUM_LABELS]; /* -1: not used */
    int ellipsis_dims;           /* the most dims that an ellipsis stands for */
} einsum_plan;

static bool einsum_fail(const einsum_plan *plan, const char *at, const char *what) {
    tp__error(TP_ERR_ARGUMENT, "einsum", "\"%s\", at character %d: %s", plan->equation,
              (int)(at - plan->equation) + 1, what);
    return false;
}

/* Reads letters and an ellipsis up to a comma, an arrow or the end. */
static bool einsum_read_term(einsum_plan *plan, const char **text, einsum_term *term) {
    *term = (einsum_term){.ellipsis = -1};
    for (; **text && **text != ',' && **text != '-'; (*text)++) {
        char c = **text;
        if (c == ' ') continue;
        if (c == '.') {
            if (strncmp(*text, "...", 3) != 0) return einsum_fail(plan, *text, "a dot outside of ...");
            if (term->ellipsis >= 0) return einsum_fail(plan, *text, "a second ellipsis in one operand");
            term->ellipsis = term->count;
            *text += 2;
            continue;
        }
        int label = c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= 'A' && c <= 'Z' ? c - 'A' : -1;
        if (label < 0) return einsum_fail(plan, *text, "neither a letter, a comma, ... nor ->");
        if (term->count == EINSUM_LETTERS) return einsum_fail(plan, *text, "too many letters");
        term->labels[term->count++] = label;
    }
    return true;
}

/* Puts the labels of the dims an ellipsis stands for in its place. */
static void einsum_fill_ellipsis(einsum_term *term, int dims) {
    if (term->ellipsis < 0) return;
    memmove(term->labels + term->ellipsis + dims, term->labels + term->ellipsis,
            (size_t)(term->count - term->ellipsis) * sizeof *term->labels);
    for (int k = 0; k < dims; k++) term->labels[term->ellipsis + k] = EINSUM_LETTERS + dims - 1 - k;
    term->count += dims;
}

static bool einsum_has(const einsum_term *term, int label) {
    for (int k = 0; k < term->count; k++)
        if (term->labels[k] == label) return true;
    return false;
}

/* The output nobody wrote: the ellipsis, then the letters that stand once, in the order of the alphabet, capitals first. */
static void einsum_implicit_output(einsum_plan *plan) {
    int seen[EINSUM_LETTERS] = {0};
    bool ellipsis = false;
    for (int i = 0; i < plan->n; i++) {
        ellipsis = ellipsis || plan->in[i].ellipsis >= 0;
        for (int k = 0; k < plan->in[i].count; k++) seen[plan->in[i].labels[k]]++;
    }
    plan->out = (einsum_term){.ellipsis = ellipsis ? 0 : -1};
    for (int label = 0; label < EINSUM_LETTERS; label++)
        if (seen[label] == 1) plan->out.labels[plan->out.count++] = label;
}

static bool einsum_check_output(const einsum_plan *plan, const char *at) {
    for (int k = 0; k < plan->out.count; k++) {
        bool known = false;
        for (int i = 0; i < plan->n; i++) known = known || einsum_has(&plan->in[i], plan->out.labels[k]);
        if (!known) return einsum_fail(plan, at, "the output has a letter that no operand has");
        for (int j = 0; j < k; j++)
            if (plan->out.labels[j] == plan->out.labels[k])
                return einsum_fail(plan, at, "the output has a letter twice");
    }
    return true;
}

static bool einsum_parse(einsum_plan *plan, int operands) {
    const char *text = plan->equation;
    for (plan->n = 0;;) {
        if (!einsum_read_term(plan, &text, &plan->in[plan->n])) return false;
        plan->n++;
        if (*text != ',') break;
        if (plan->n == EINSUM_MOST) return einsum_fail(plan, text, "more than 32 operands");
        text++;
    }
    if (plan->n != operands) {
        tp__error(TP_ERR_ARGUMENT, "einsum", "\"%s\" is about %d operands, got %d", plan->equation, plan->n,
                  operands);
        return false;
    }
    if (!*text) {
        einsum_implicit_output(plan);
        return true;
    }
    const char *arrow = text;
    if (text[1] != '>') return einsum_fail(plan, text, "a minus that begins no ->");
    text += 2;
    if (!einsum_read_term(plan, &text, &plan->out)) return false;
    if (*text) return einsum_fail(plan, text, "something after the output");
    return einsum_check_output(plan, arrow);
}

/* A diagonal is not stretched: the dims before number k that have its letter must be as large. */
static bool einsum_twice_alike(const einsum_plan *plan, int operand, int k, tp_shape shape) {
    const einsum_term *term = &plan->in[operand];
    for (int j = 0; j < k; j++) {
        if (term->labels[j] != term->labels[k] || shape.dims[j] == shape.dims[k]) continue;
        tp__error(TP_ERR_SHAPE, "einsum",
                  "\"%s\": operand %d, %s, has a letter twice, for sizes %lld and %lld", plan->equation,
                  operand, tp__shape_text(shape), (long long)shape.dims[j], (long long)shape.dims[k]);
        return false;
    }
    return true;
}

/* Matches labels with dims: fills in ellipses and sizes. */
static bool einsum_match(einsum_plan *plan, tp_tensors operands) {
    for (int i = 0; i < plan->n; i++) {
        int extra = operands.items[i]->shape.ndim - plan->in[i].count;
        if (extra < 0 || (extra > 0 && plan->in[i].ellipsis < 0)) {
            tp__error(TP_ERR_SHAPE, "einsum", "\"%s\": operand %d, %s, has not the %d dims of its letters",
                      plan->equation, i, tp__shape_text(operands.items[i]->shape), plan->in[i].count);
            return false;
        }
        if (extra > plan->ellipsis_dims) plan->ellipsis_dims = extra;
        einsum_fill_ellipsis(&plan->in[i], extra);
    }
    einsum_fill_ellipsis(&plan->out, plan->ellipsis_dims);
    if (plan->out.count > TP_MAX_DIMS) {
        tp__error(TP_ERR_SHAPE, "einsum", "\"%s\": the result would have %d dims", plan->equation,
                  plan->out.count);
        return false;
    }
    for (int label = 0; label < EINSUM_LABELS; label++) plan->size[label] = -1;
    for (int i = 0; i < plan->n; i++)
        for (int k = 0; k < plan->in[i].count; k++) {
            if (!einsum_twice_alike(plan, i, k, operands.items[i]->shape)) return false;
            int64_t *size = &plan->size[plan->in[i].labels[k]], given = operands.items[i]->shape.dims[k];
            if (*size != -1 && *size != 1 && given != 1 && given != *size) {
                tp__error(TP_ERR_SHAPE, "einsum",
                          "\"%s\": operand %d, %s, has size %lld where another has %lld", plan->equation, i,
                          tp__shape_text(operands.items[i]->shape), (long long)given, (long long)*size);
                return false;
            }
            if (*size == -1 || *size == 1) *size = given;
        }
    return true;
}

/* ---- contraction ------------------------------------------------------------------------------------------------- */

/* A tensor whose dims have the labels, each once and at full size. */
typedef struct einsum_part {
    tp_tensor *t;
    einsum_term term;
} einsum_part;

/* Stretches dims of size 1, and takes diagonals of labels that stand twice. */
static einsum_part einsum_operand(const einsum_plan *plan, tp_tensor *t, const einsum_term *term) {
    einsum_part part = {t, *term};
    tp_shape shape = t->shape;
    for (int k = 0; k < term->count; k++) shape.dims[k] = plan->size[term->labels[k]];
    part.t = tp_expand(t, shape);
    for (int a = 0; a < part.term.count; a++)
        for (int b = a + 1; b < part.term.count; b++) {
            if (part.term.labels[a] != part.term.labels[b]) continue;
            part.t = tp_diagonal(part.t, 0, a, b); /* which becomes the last dim */
            int label = part.term.labels[a];
            memmove(part.term.labels + b, part.term.labels + b + 1,
                    (size_t)(part.term.count - b - 1) * sizeof label);
            memmove(part.term.labels + a, part.term.labels + a + 1,
                    (size_t)(part.term.count - a - 2) * sizeof label);
            part.term.count--;
            part.term.labels[part.term.count - 1] = label;
            a = -1; /* begin anew */
            break;
        }
    return part;
}

/* Sums over the labels that are not kept. */
static einsum_part einsum_sum(einsum_part part, const bool *kept) {
    tp_dims dims = {0, {0}};
    einsum_term term = {.count = 0};
    for (int k = 0; k < part.term.count; k++) {
        if (kept[part.term.labels[k]]) term.labels[term.count++] = part.term.labels[k];
        else dims.items[dims.count++] = k;
    }
    if (dims.count > 0) part.t = tp_sum_dim(part.t, dims, false);
    part.term = term;
    return part;
}

/* Turns the dims into the order of the labels. */
static tp_tensor *einsum_permute(const einsum_part *part, const einsum_term *order) {
    tp_dims dims = {0, {0}};
    for (int k = 0; k < order->count; k++)
        for (int d = 0; d < part->term.count; d++)
            if (part->term.labels[d] == order->labels[k]) dims.items[dims.count++] = d;
    return dims.count ? tp_permute(part->t, dims) : part->t;
}

static int64_t einsum_numel(const einsum_plan *plan, const einsum_term *term) {
    int64_t n = 1;
    for (int k = 0; k < term->count; k++) n *= plan->size[term->labels[k]];
    return n;
}

/* As (batch, rows, columns). */
static tp_tensor *einsum_matrix(const einsum_plan *plan, const einsum_part *part, const einsum_term *batch,
                                const einsum_term *rows, const einsum_term *columns) {
    einsum_term order = *batch;
    for (int k = 0; k < rows->count; k++) order.labels[order.count++] = rows->labels[k];
    for (int k = 0; k < columns->count; k++) order.labels[order.count++] = columns->labels[k];
    return tp_reshape(einsum_permute(part, &order),
                      TP_SHAPE(einsum_numel(plan, batch), einsum_numel(plan, rows),
                               einsum_numel(plan, columns)));
}

/* With the dims of `all`, of size 1 where the part has none. */
static tp_tensor *einsum_beside(const einsum_part *part, const einsum_term *all, tp_shape shape) {
    for (int k = 0; k < all->count; k++)
        if (!einsum_has(&part->term, all->labels[k])) shape.dims[k] = 1;
    return tp_reshape(einsum_permute(part, all), shape);
}

/* The product of two, summed over what is not kept. */
static einsum_part einsum_contract(const einsum_plan *plan, einsum_part a, einsum_part b, const bool *kept) {
    einsum_term batch = {.count = 0}, summed = {.count = 0}, rows = {.count = 0}, columns = {.count = 0};
    bool wanted[EINSUM_LABELS];
    for (int l = 0; l < EINSUM_LABELS; l++)
        wanted[l] = kept[l] || (einsum_has(&a.term, l) && einsum_has(&b.term, l));
    a = einsum_sum(a, wanted);
    b = einsum_sum(b, wanted);
    for (int k = 0; k < a.term.count; k++) {
        int label = a.term.labels[k];
        einsum_term *to = !einsum_has(&b.term, label) ? &rows : kept[label] ? &batch : &summed;
        to->labels[to->count++] = label;
    }
    for (int k = 0; k < b.term.count; k++)
        if (!einsum_has(&a.term, b.term.labels[k])) columns.labels[columns.count++] = b.term.labels[k];
    einsum_part y = {NULL, batch};
    for (int k = 0; k < rows.count; k++) y.term.labels[y.term.count++] = rows.labels[k];
    for (int k = 0; k < columns.count; k++) y.term.labels[y.term.count++] = columns.labels[k];
    if (y.term.count > TP_MAX_DIMS) {
        tp__error(TP_ERR_SHAPE, "einsum", "\"%s\": a product on the way would have %d dims", plan->equation,
                  y.term.count);
        return y;
    }
    tp_shape shape = {y.term.count, {0}};
    for (int k = 0; k < y.term.count; k++) shape.dims[k] = plan->size[y.term.labels[k]];
    if (tp__shape_check("einsum", shape, TP_F64) < 0) return y;
    if (summed.count == 0) { /* many products of single numbers */
        y.t = tp_mul(einsum_beside(&a, &y.term, shape), einsum_beside(&b, &y.term, shape));
        return y;
    }
    y.t = tp_matmul(einsum_matrix(plan, &a, &batch, &rows, &summed),
                    einsum_matrix(plan, &b, &batch, &summed, &columns));
    y.t = tp_reshape(y.t, shape);
    return y;
}

/* Labels that the output or one of the operands from number `next` on have. */
static void einsum_kept(const einsum_plan *plan, int next, bool *kept) {
    for (int l = 0; l < EINSUM_LABELS; l++) {
        kept[l] = einsum_has(&plan->out, l);
        for (int i = next; i < plan->n; i++) kept[l] = kept[l] || einsum_has(&plan->in[i], l);
    }
}

static tp_tensor *einsum_run(const einsum_plan *plan, tp_tensors operands) {
    bool kept[EINSUM_LABELS];
    einsum_part y = einsum_operand(plan, operands.items[0], &plan->in[0]);
    for (int i = 1; i < plan->n && y.t; i++) {
        einsum_kept(plan, i + 1, kept);
        y = einsum_contract(plan, y, einsum_operand(plan, operands.items[i], &plan->in[i]), kept);
    }
    einsum_kept(plan, plan->n, kept);
    if (y.t) y = einsum_sum(y, kept);
    return y.t ? einsum_permute(&y, &plan->out) : NULL;
}

static bool einsum_check(const char *op, const char *equation, tp_tensors operands) {
    if (!equation) {
        tp__error_null(op, "equation");
        return false;
    }
    if (operands.count < 1 || operands.count > EINSUM_MOST) {
        tp__error(TP_ERR_ARGUMENT, op, "takes 1 to %d operands, got %d", EINSUM_MOST, operands.count);
        return false;
    }
    if (tp__check_list(op, "operands", operands.count, operands.items) != TP_OK) return false;
    for (int i = 0; i < operands.count; i++) {
        if (!operands.items[i]) {
            tp__error_null(op, "operands");
            return false;
        }
        if (!tp__require_floating(op, "every operand", operands.items[i])) return false;
    }
    return true;
}

tp_tensor *tp_einsum(const char *equation, tp_tensors operands) {
    const char *op = "einsum";
    if (!einsum_check(op, equation, operands)) return NULL;
    einsum_plan plan = {.equation = equation};
    if (!einsum_parse(&plan, operands.count) || !einsum_match(&plan, operands)) return NULL;
    tp_scope *s = tp_scope_begin();
    return s ? tp_scope_return(s, einsum_run(&plan, operands)) : NULL;
}
