/* The line search of L-BFGS, by the strong Wolfe conditions, after minFunc and torch.optim.LBFGS. */
#include "optim/lbfgs.h"

#include "core/scope.h"
#include "taper/elementwise.h"
#include "taper/reduce.h"

#define WOLFE_DECREASE 1e-4 /* c1 */
#define WOLFE_SLOPE 0.9     /* c2 */

void tp__lbfgs_point_set(tp__lbfgs_point *to, const tp__lbfgs_point *from) {
    tp_tensor *old = to->grad;
    *to = *from;
    to->grad = tp_retain(from->grad);
    tp_release(old);
}

void tp__lbfgs_point_clear(tp__lbfgs_point *point) {
    tp_release(point->grad);
    *point = (tp__lbfgs_point){0};
}

/* The minimum of the cubic through two points with their slopes, within the bounds. */
static double search_cubic(const tp__lbfgs_point *a, const tp__lbfgs_point *b, double low, double high) {
    double d1 = a->slope + b->slope - 3 * (a->value - b->value) / (a->t - b->t);
    double square = d1 * d1 - a->slope * b->slope;
    if (!(square >= 0)) return (low + high) / 2;
    double d2 = sqrt(square), at;
    if (a->t <= b->t) at = b->t - (b->t - a->t) * ((b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2));
    else at = a->t - (a->t - b->t) * ((a->slope + d2 - d1) / (a->slope - b->slope + 2 * d2));
    at = low > at ? low : at;
    return high < at ? high : at;
}

static double search_between(const tp__lbfgs_point *a, const tp__lbfgs_point *b) {
    return search_cubic(a, b, fmin(a->t, b->t), fmax(a->t, b->t));
}

typedef struct search {
    const tp__lbfgs_run *run;
    const tp_tensor *x;
    tp_tensor *d;
    const tp__lbfgs_point *from;
    tp__lbfgs_point bracket[2], point;
    int width; /* 2, or 1 when the first of the bracket is the result */
    int tries, most;
} search;

static bool search_too_high(const search *s) {
    return s->point.value > s->from->value + WOLFE_DECREASE * s->point.t * s->from->slope;
}

static bool search_flat(const search *s) { return fabs(s->point.slope) <= -WOLFE_SLOPE * s->from->slope; }

static void search_bracket(search *s, const tp__lbfgs_point *a, const tp__lbfgs_point *b) {
    tp__lbfgs_point_set(&s->bracket[0], a);
    if (b) tp__lbfgs_point_set(&s->bracket[1], b);
    s->width = b ? 2 : 1;
}

/* Steps outwards until an interval holds a point as wanted. */
static tp_status search_outwards(search *s, double t) {
    tp__lbfgs_point before = {0};
    tp_status status = tp__lbfgs_probe(s->run, s->x, s->d, t, &s->point);
    tp__lbfgs_point_set(&before, s->from);
    while (status == TP_OK && s->tries < s->most && s->width == 0) {
        if (search_too_high(s) || (s->tries > 1 && s->point.value >= before.value)) {
            search_bracket(s, &before, &s->point);
        } else if (search_flat(s)) {
            search_bracket(s, &s->point, NULL);
        } else if (s->point.slope >= 0) {
            search_bracket(s, &before, &s->point);
        } else {
            double low = s->point.t + 0.01 * (s->point.t - before.t), high = s->point.t * 10;
            double next = search_cubic(&before, &s->point, low, high);
            tp__lbfgs_point_set(&before, &s->point);
            status = tp__lbfgs_probe(s->run, s->x, s->d, next, &s->point);
            s->tries++;
        }
    }
    if (status == TP_OK && s->width == 0) search_bracket(s, s->from, &s->point);
    tp__lbfgs_point_clear(&before);
    return status;
}

/* The next step to try inside the bracket, kept away from its ends when these are not left quickly enough. */
static double search_trial(const search *s, bool *stuck) {
    double low = fmin(s->bracket[0].t, s->bracket[1].t), high = fmax(s->bracket[0].t, s->bracket[1].t);
    double t = search_between(&s->bracket[0], &s->bracket[1]), margin = 0.1 * (high - low);
    if (!(fmin(high - t, t - low) < margin)) {
        *stuck = false;
    } else if (*stuck || t >= high || t <= low) {
        t = fabs(t - high) < fabs(t - low) ? high - margin : low + margin;
        *stuck = false;
    } else *stuck = true;
    return t;
}

static tp_status search_inwards(search *s, double d_largest, double tolerance_change, int *best) {
    int low = s->bracket[0].value <= s->bracket[s->width - 1].value ? 0 : 1, high = 1 - low;
    bool stuck = false, done = s->width == 1;
    tp_status status = TP_OK;
    while (status == TP_OK && !done && s->tries < s->most) {
        if (fabs(s->bracket[1].t - s->bracket[0].t) * d_largest < tolerance_change) break;
        double t = search_trial(s, &stuck);
        status = tp__lbfgs_probe(s->run, s->x, s->d, t, &s->point);
        if (status != TP_OK) break;
        s->tries++;
        if (search_too_high(s) || s->point.value >= s->bracket[low].value) {
            tp__lbfgs_point_set(&s->bracket[high], &s->point);
            low = s->bracket[0].value <= s->bracket[1].value ? 0 : 1;
            high = 1 - low;
        } else {
            if (search_flat(s)) done = true;
            else if (s->point.slope * (s->bracket[high].t - s->bracket[low].t) >= 0)
                tp__lbfgs_point_set(&s->bracket[high], &s->bracket[low]);
            tp__lbfgs_point_set(&s->bracket[low], &s->point);
        }
    }
    *best = s->width == 1 ? 0 : low;
    return status;
}

tp_status tp__lbfgs_search(const tp__lbfgs_run *run, const tp_tensor *x, tp_tensor *d, double t,
                           const tp__lbfgs_point *from, double tolerance_change, int most,
                           tp__lbfgs_point *found, int *evaluations) {
    search s = {.run = run, .x = x, .d = d, .from = from, .most = most};
    double d_largest = tp_tensor_item(tp_amax(tp_abs(d), TP_NO_DIMS, false));
    int best = 0;
    tp_status status = tp__error_pending() ? tp__error_null(run->op, "direction") : search_outwards(&s, t);
    if (status == TP_OK) status = search_inwards(&s, d_largest, tolerance_change, &best);
    if (status == TP_OK) tp__lbfgs_point_set(found, &s.bracket[best]);
    *evaluations = s.tries + 1;
    tp__lbfgs_point_clear(&s.bracket[0]);
    tp__lbfgs_point_clear(&s.bracket[1]);
    tp__lbfgs_point_clear(&s.point);
    return status;
}
