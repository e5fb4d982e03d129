/* Learning-rate schedules. A leaf computes a group's rate from its present one, as PyTorch's chainable forms do; sequences and chains hand
 * calls on to their parts. */
#include "taper/lr.h"

#include <string.h>

#include "core/alloc.h"
#include "core/scope.h"
#include "optim/optim.h"

#define LR_PI 3.14159265358979323846
#define LR_STEPS_MAX ((int64_t)1 << 50) /* so that twice of it, and as a double, is exact */

typedef struct lr_rule {
    const char *name; /* of the constructor, without prefix */
    double (*rate)(const tp_lr *lr, int group,
                   double now); /* at lr->epoch; NULL for what is made of parts and for a plateau */
} lr_rule;

struct tp_lr {
    const lr_rule *rule;
    tp_optim *optim;
    int n_groups, n_parts, n_milestones;
    bool owned; /* is a part */
    double *base;
    tp_lr **parts;
    int64_t *milestones;
    int64_t period, factor; /* step_size, t_max, t_0, total_iters or total_steps; t_mult */
    double gamma, eta_min, start, end, max_lr;
    tp_one_cycle_options cycle;
    tp_plateau_options plateau;
    double *min_lrs;

    int64_t epoch;        /* PyTorch's last_epoch */
    int64_t at, length;   /* of cosine_restarts: T_cur and T_i */
    int64_t bad, cooling; /* of a plateau */
    double best;

    tp_tensor *state;
    tp_named_tensor named;
};

/* ---- the rates --------------------------------------------------------------------------------------- */

static double lr_rate_step(const tp_lr *lr, int group, double now) {
    (void)group;
    return lr->epoch > 0 && lr->epoch % lr->period == 0 ? now * lr->gamma : now;
}

static double lr_rate_multi_step(const tp_lr *lr, int group, double now) {
    (void)group;
    int passed = 0;
    for (int i = 0; i < lr->n_milestones; i++) passed += lr->milestones[i] == lr->epoch;
    return passed ? now * pow(lr->gamma, passed) : now;
}

static double lr_rate_exponential(const tp_lr *lr, int group, double now) {
    (void)group;
    return lr->epoch > 0 ? now * lr->gamma : now;
}

static double lr_rate_cosine(const tp_lr *lr, int group, double now) {
    double period = (double)lr->period, t = (double)lr->epoch;
    if (lr->epoch == 0) return now;
    if ((lr->epoch - 1 - lr->period) % (2 * lr->period) == 0)
        return now + (lr->base[group] - lr->eta_min) * (1 - cos(LR_PI / period)) / 2;
    return (1 + cos(LR_PI * t / period)) / (1 + cos(LR_PI * (t - 1) / period)) * (now - lr->eta_min) +
           lr->eta_min;
}

static double lr_rate_restarts(const tp_lr *lr, int group, double now) {
    (void)now;
    double share = (double)lr->at / (double)lr->length;
    return lr->eta_min + (lr->base[group] - lr->eta_min) * (1 + cos(LR_PI * share)) / 2;
}

static double lr_rate_linear(const tp_lr *lr, int group, double now) {
    (void)group;
    double rise = lr->end - lr->start;
    if (lr->epoch == 0) return now * lr->start;
    if (lr->epoch > lr->period) return now;
    return now * (1 + rise / ((double)lr->period * lr->start + (double)(lr->epoch - 1) * rise));
}

/* Where step t of a one-cycle schedule lies: its phase, 0 to 2 where the first two rise and fall, and how far into it. */
static int lr_cycle_phase(const tp_lr *lr, double *share) {
    const tp_one_cycle_options *o = &lr->cycle;
    double total = (double)lr->period, t = (double)lr->epoch, begin = 0, ends[3];
    int last = o->three_phase ? 2 : 1, phase = 0;
    ends[0] = o->pct_start * total - 1;
    ends[1] = 2 * o->pct_start * total - 2;
    ends[last] = total - 1;
    for (; phase < last && t > ends[phase]; phase++) begin = ends[phase];
    *share = ends[phase] > begin ? fmin((t - begin) / (ends[phase] - begin), 1) : 1;
    return phase;
}

static double lr_anneal(const tp_lr *lr, double from, double to, double share) {
    if (lr->cycle.linear) return (to - from) * share + from;
    return to + (from - to) / 2 * (cos(LR_PI * share) + 1);
}

static double lr_rate_one_cycle(const tp_lr *lr, int group, double now) {
    (void)now;
    double share, low = lr->base[group], least = low / lr->cycle.final_div_factor;
    int phase = lr_cycle_phase(lr, &share);
    if (phase == 0) return lr_anneal(lr, low, lr->max_lr, share);
    if (phase == 1) return lr_anneal(lr, lr->max_lr, lr->cycle.three_phase ? low : least, share);
    return lr_anneal(lr, low, least, share);
}

/* The optimizer's momentum or beta1; NULL if it has none. */
static double *lr_momentum(const tp_lr *lr) {
    tp__optim_hyper *hyper = &lr->optim->hyper;
    if (hyper->beta1 > 0) return &hyper->beta1;
    return hyper->momentum > 0 ? &hyper->momentum : NULL;
}

static void lr_cycle_momentum(const tp_lr *lr) {
    const tp_one_cycle_options *o = &lr->cycle;
    double share, *momentum = o->no_cycle_momentum ? NULL : lr_momentum(lr);
    int phase = lr_cycle_phase(lr, &share);
    if (!momentum) return;
    if (phase == 0) *momentum = lr_anneal(lr, o->max_momentum, o->base_momentum, share);
    else *momentum = phase == 1 ? lr_anneal(lr, o->base_momentum, o->max_momentum, share) : o->max_momentum;
}

static const lr_rule lr_step_rule = {"lr_step", lr_rate_step},
                     lr_multi_step_rule = {"lr_multi_step", lr_rate_multi_step},
                     lr_exponential_rule = {"lr_exponential", lr_rate_exponential},
                     lr_cosine_rule = {"lr_cosine", lr_rate_cosine},
                     lr_restarts_rule = {"lr_cosine_restarts", lr_rate_restarts},
                     lr_linear_rule = {"lr_linear", lr_rate_linear},
                     lr_one_cycle_rule = {"lr_one_cycle", lr_rate_one_cycle},
                     lr_plateau_rule = {"lr_plateau", NULL}, lr_sequential_rule = {"lr_sequential", NULL},
                     lr_chained_rule = {"lr_chained", NULL};

/* ---- going on ---------------------------------------------------------------------------------------- */

static void lr_apply(tp_lr *lr) {
    tp__optim_group *groups = lr->optim->groups;
    for (int k = 0; k < lr->n_groups; k++) groups[k].lr = lr->rule->rate(lr, k, groups[k].lr);
    if (lr->rule == &lr_one_cycle_rule) lr_cycle_momentum(lr);
}

/* Which part of a sequence a step belongs to. */
static int lr_part_at(const tp_lr *lr, int64_t epoch) {
    int i = 0;
    while (i < lr->n_milestones && lr->milestones[i] <= epoch) i++;
    return i;
}

/* The first step, from the present rates. */
static void lr_start(tp_lr *lr) {
    lr->epoch = lr->at = 0;
    lr->length = lr->period;
    if (lr->rule == &lr_sequential_rule) lr_start(lr->parts[0]);
    else
        for (int i = 0; i < lr->n_parts; i++) lr_start(lr->parts[i]);
    if (lr->rule->rate) lr_apply(lr);
}

static void lr_restart(tp_lr *lr) {
    for (int k = 0; k < lr->n_groups; k++) lr->optim->groups[k].lr = lr->base[k];
    lr_start(lr);
}

static void lr_go_on(tp_lr *lr) {
    lr->epoch++;
    if (lr->rule == &lr_sequential_rule) {
        int i = lr_part_at(lr, lr->epoch);
        if (i > 0 && lr->milestones[i - 1] == lr->epoch) lr_restart(lr->parts[i]);
        else lr_go_on(lr->parts[i]);
        return;
    }
    for (int i = 0; i < lr->n_parts; i++) lr_go_on(lr->parts[i]);
    if (lr->rule == &lr_restarts_rule && ++lr->at >= lr->length) {
        lr->at = 0;
        lr->length = lr->length > LR_STEPS_MAX / lr->factor ? LR_STEPS_MAX : lr->length * lr->factor;
    }
    if (lr->rule->rate) lr_apply(lr);
}

/* Can it go on? */
static tp_status lr_check_next(const char *op, const tp_lr *lr) {
    if (lr->rule == &lr_plateau_rule)
        return tp__error(TP_ERR_STATE, op, "a plateau goes on by tp_lr_report()");
    if (lr->rule == &lr_one_cycle_rule && lr->epoch >= lr->period)
        return tp__error(TP_ERR_STATE, op, "the one-cycle schedule has %lld steps, all of them taken",
                         (long long)lr->period);
    if (lr->rule == &lr_sequential_rule) {
        int i = lr_part_at(lr, lr->epoch + 1);
        bool begins = i > 0 && lr->milestones[i - 1] == lr->epoch + 1;
        return begins ? TP_OK : lr_check_next(op, lr->parts[i]);
    }
    for (int i = 0; i < lr->n_parts; i++) TP_TRY(lr_check_next(op, lr->parts[i]));
    return TP_OK;
}

static tp_status lr_next(const char *op, tp_lr *lr) {
    if (!lr) return tp__error_null(op, "lr");
    TP_TRY(lr_check_next(op, lr));
    lr_go_on(lr);
    return TP_OK;
}

tp_status tp_lr_next(tp_lr *lr) { return tp__deliver(lr_next("lr_next", lr)); }

static bool lr_is_better(const tp_lr *lr, double metric) {
    const tp_plateau_options *o = &lr->plateau;
    if (o->maximize) return metric > (o->absolute ? lr->best + o->threshold : lr->best * (1 + o->threshold));
    return metric < (o->absolute ? lr->best - o->threshold : lr->best * (1 - o->threshold));
}

static void lr_watch(tp_lr *lr, double metric) {
    const tp_plateau_options *o = &lr->plateau;
    lr->epoch++;
    bool better = lr_is_better(lr, metric);
    if (better) lr->best = metric;
    lr->bad = better ? 0 : lr->bad + 1;
    if (lr->cooling > 0) {
        lr->cooling--;
        lr->bad = 0;
    }
    if (lr->bad <= o->patience) return;
    for (int k = 0; k < lr->n_groups; k++) {
        tp__optim_group *group = &lr->optim->groups[k];
        double rate = fmax(group->lr * o->factor, lr->min_lrs[k]);
        if (group->lr - rate > o->eps) group->lr = rate;
    }
    lr->cooling = o->cooldown;
    lr->bad = 0;
}

tp_status tp_lr_report(tp_lr *lr, double metric) {
    if (!lr || lr->rule != &lr_plateau_rule) return tp__deliver(lr_next("lr_report", lr));
    lr_watch(lr, metric);
    return TP_OK;
}

/* ---- making ------------------------------------------------------------------------------------------ */

void tp_lr_free(tp_lr *lr) {
    if (!lr) return;
    for (int i = 0; i < lr->n_parts; i++) tp_lr_free(lr->parts[i]);
    tp_release(lr->state);
    tp__free(lr->parts);
    tp__free(lr->milestones);
    tp__free(lr->base);
    tp__free(lr);
    tp__count(&tp__self()->counters.objects, -1);
}

/* With room for a second row of numbers a group, and with the base rates; nothing of the optimizer's is changed yet. */
static tp_lr *lr_new(const lr_rule *rule, tp_optim *optim, int n_milestones, const int64_t *milestones) {
    TP_REQUIRE(optim, rule->name);
    tp_lr *lr = tp__alloc_zero(sizeof *lr);
    if (!lr) {
        tp__error_memory(rule->name, sizeof *lr);
        return NULL;
    }
    tp__count(&tp__self()->counters.objects, 1);
    lr->rule = rule;
    lr->optim = optim;
    lr->n_groups = optim->n_groups;
    lr->n_milestones = n_milestones;
    lr->base = tp__alloc(2 * (size_t)lr->n_groups * sizeof *lr->base);
    lr->milestones = tp__alloc((size_t)(n_milestones + 1) * sizeof *lr->milestones);
    if (!lr->base || !lr->milestones) {
        tp__error_memory(rule->name, 2 * (size_t)lr->n_groups * sizeof *lr->base);
        tp_lr_free(lr);
        return NULL;
    }
    lr->min_lrs = lr->base + lr->n_groups;
    if (n_milestones) memcpy(lr->milestones, milestones, (size_t)n_milestones * sizeof *milestones);
    for (int k = 0; k < lr->n_groups; k++) {
        const tp__optim_group *group = &optim->groups[k];
        lr->base[k] = group->has_base ? group->base_lr : group->lr;
    }
    return lr;
}

/* The base rates are the optimizer's from now on, and the schedule begins. */
static tp_lr *lr_begin(tp_lr *lr) {
    for (int k = 0; k < lr->n_groups; k++) {
        lr->optim->groups[k].base_lr = lr->base[k];
        lr->optim->groups[k].has_base = true;
    }
    lr_start(lr);
    return lr;
}

static bool lr_check_steps(const char *op, const char *name, int64_t steps) {
    if (steps >= 1 && steps <= LR_STEPS_MAX) return true;
    tp__error(TP_ERR_ARGUMENT, op, "%s must be positive, and at most 2^50, got %lld", name, (long long)steps);
    return false;
}

static bool lr_check_rate(const char *op, const char *name, double value) {
    if (tp__optim_not_negative(value)) return true;
    tp__error(TP_ERR_ARGUMENT, op, "%s must be finite and not negative, got %g", name, value);
    return false;
}

static bool lr_check_range(const char *op, const char *what, double value, bool inside) {
    if (!inside) tp__error(TP_ERR_ARGUMENT, op, "%s, got %g", what, value);
    return inside;
}

tp_lr *tp_lr_step(tp_optim *optim, int64_t step_size, double gamma) {
    const char *op = lr_step_rule.name;
    if (!lr_check_steps(op, "step_size", step_size) || !lr_check_rate(op, "gamma", gamma)) return NULL;
    tp_lr *lr = lr_new(&lr_step_rule, optim, 0, NULL);
    if (!lr) return NULL;
    lr->period = step_size;
    lr->gamma = gamma;
    return lr_begin(lr);
}

static bool lr_check_milestones(const char *op, const int64_t *milestones, int count, int64_t least,
                                int64_t apart) {
    if (count > 0 && !milestones) {
        tp__error_null(op, "milestones");
        return false;
    }
    for (int i = 0; i < count; i++)
        if (milestones[i] < (i ? milestones[i - 1] + apart : least) || milestones[i] > LR_STEPS_MAX) {
            tp__error(TP_ERR_ARGUMENT, op, "milestones must ascend from %lld, got milestones[%d] = %lld",
                      (long long)least, i, (long long)milestones[i]);
            return false;
        }
    return true;
}

tp_lr *tp_lr_multi_step(tp_optim *optim, const int64_t *milestones, int count, double gamma) {
    const char *op = lr_multi_step_rule.name;
    if (count < 0) TP_FAIL(TP_ERR_ARGUMENT, op, "there cannot be %d milestones", count);
    if (!lr_check_milestones(op, milestones, count, 0, 0) || !lr_check_rate(op, "gamma", gamma)) return NULL;
    tp_lr *lr = lr_new(&lr_multi_step_rule, optim, count, milestones);
    if (!lr) return NULL;
    lr->gamma = gamma;
    return lr_begin(lr);
}

tp_lr *tp_lr_exponential(tp_optim *optim, double gamma) {
    if (!lr_check_rate(lr_exponential_rule.name, "gamma", gamma)) return NULL;
    tp_lr *lr = lr_new(&lr_exponential_rule, optim, 0, NULL);
    if (!lr) return NULL;
    lr->gamma = gamma;
    return lr_begin(lr);
}

tp_lr *tp_lr_cosine(tp_optim *optim, int64_t t_max, double eta_min) {
    const char *op = lr_cosine_rule.name;
    if (!lr_check_steps(op, "t_max", t_max) || !lr_check_rate(op, "eta_min", eta_min)) return NULL;
    tp_lr *lr = lr_new(&lr_cosine_rule, optim, 0, NULL);
    if (!lr) return NULL;
    lr->period = t_max;
    lr->eta_min = eta_min;
    return lr_begin(lr);
}

tp_lr *tp_lr_cosine_restarts(tp_optim *optim, int64_t t_0, int64_t t_mult, double eta_min) {
    const char *op = lr_restarts_rule.name;
    if (!lr_check_steps(op, "t_0", t_0) || !lr_check_steps(op, "t_mult", t_mult) ||
        !lr_check_rate(op, "eta_min", eta_min))
        return NULL;
    tp_lr *lr = lr_new(&lr_restarts_rule, optim, 0, NULL);
    if (!lr) return NULL;
    lr->period = t_0;
    lr->factor = t_mult;
    lr->eta_min = eta_min;
    return lr_begin(lr);
}

tp_lr *tp_lr_linear(tp_optim *optim, double start, double end, int64_t total_iters) {
    const char *op = lr_linear_rule.name;
    if (!lr_check_range(op, "start must be in (0, 1]", start, start > 0 && start <= 1) ||
        !lr_check_range(op, "end must be in [0, 1]", end, end >= 0 && end <= 1) ||
        !lr_check_steps(op, "total_iters", total_iters))
        return NULL;
    tp_lr *lr = lr_new(&lr_linear_rule, optim, 0, NULL);
    if (!lr) return NULL;
    lr->start = start;
    lr->end = end;
    lr->period = total_iters;
    return lr_begin(lr);
}

static bool lr_check_cycle(const char *op, const tp_one_cycle_options *o) {
    return lr_check_range(op, "pct_start must be in [0, 1]", o->pct_start,
                          o->pct_start >= 0 && o->pct_start <= 1) &&
           lr_check_range(op, "div_factor must be positive", o->div_factor,
                          o->div_factor > 0 && isfinite(o->div_factor)) &&
           lr_check_range(op, "final_div_factor must be positive", o->final_div_factor,
                          o->final_div_factor > 0 && isfinite(o->final_div_factor)) &&
           lr_check_range(op, "base_momentum must be in (0, 1)", o->base_momentum,
                          o->base_momentum > 0 && o->base_momentum < 1) &&
           lr_check_range(op, "max_momentum must be in (0, 1)", o->max_momentum,
                          o->max_momentum > 0 && o->max_momentum < 1);
}

tp_lr *tp_lr_one_cycle(tp_optim *optim, double max_lr, int64_t total_steps, tp_one_cycle_options options) {
    const char *op = lr_one_cycle_rule.name;
    options.pct_start = tp__default(options.pct_start, 0.3);
    options.div_factor = tp__default(options.div_factor, 25);
    options.final_div_factor = tp__default(options.final_div_factor, 1e4);
    options.base_momentum = tp__default(options.base_momentum, 0.85);
    options.max_momentum = tp__default(options.max_momentum, 0.95);
    if (!lr_check_rate(op, "max_lr", max_lr) || !lr_check_steps(op, "total_steps", total_steps) ||
        !lr_check_cycle(op, &options))
        return NULL;
    tp_lr *lr = lr_new(&lr_one_cycle_rule, optim, 0, NULL);
    if (!lr) return NULL;
    lr->max_lr = max_lr;
    lr->period = total_steps;
    lr->cycle = options;
    for (int k = 0; k < lr->n_groups; k++) lr->base[k] = max_lr / options.div_factor;
    return lr_begin(lr);
}

static bool lr_check_plateau(const char *op, const tp_plateau_options *o) {
    if (o->patience < 0 || o->cooldown < 0) {
        tp__error(TP_ERR_ARGUMENT, op, "patience %d and cooldown %d cannot be", o->patience, o->cooldown);
        return false;
    }
    return lr_check_range(op, "factor must be in [0, 1)", o->factor, o->factor >= 0 && o->factor < 1) &&
           lr_check_rate(op, "threshold", o->threshold) && lr_check_rate(op, "eps", o->eps);
}

tp_lr *tp_lr_plateau(tp_optim *optim, tp_plateau_options options) {
    const char *op = lr_plateau_rule.name;
    options.factor = tp__default(options.factor, 0.1);
    options.threshold = tp__default(options.threshold, 1e-4);
    options.eps = tp__default(options.eps, 1e-8);
    options.patience = options.patience == 0 ? 10 : options.patience == -1 ? 0 : options.patience;
    TP_REQUIRE(optim, op);
    if (!lr_check_plateau(op, &options)) return NULL;
    for (int k = 0; k < optim->n_groups; k++)
        if (!lr_check_rate(op, "min_lr", options.min_lrs ? options.min_lrs[k] : options.min_lr)) return NULL;
    tp_lr *lr = lr_new(&lr_plateau_rule, optim, 0, NULL);
    if (!lr) return NULL;
    for (int k = 0; k < lr->n_groups; k++)
        lr->min_lrs[k] = options.min_lrs ? options.min_lrs[k] : options.min_lr;
    lr->plateau = options;
    lr->plateau.min_lrs = NULL; /* the caller's */
    lr->best = options.maximize ? -INFINITY : INFINITY;
    return lr_begin(lr);
}

/* ---- of parts ---------------------------------------------------------------------------------------- */

/* Marks the parts as taken; returns how many are. */
static int lr_claim(const char *op, tp_lr *const *parts, int count) {
    for (int i = 0; i < count; i++) {
        const tp_lr *part = parts[i];
        if (part && !part->owned && part->optim == parts[0]->optim && part->rule != &lr_plateau_rule) {
            parts[i]->owned = true;
            continue;
        }
        if (!part) tp__error_null(op, "parts");
        else if (part->owned) tp__error(TP_ERR_ARGUMENT, op, "parts[%d] is a part of a schedule already", i);
        else
            tp__error(TP_ERR_ARGUMENT, op, "parts[%d] is %s", i,
                      part->rule == &lr_plateau_rule ? "a plateau" : "of another optimizer than parts[0]");
        return i;
    }
    return count;
}

/* Frees the parts: the first `claimed`, and of the others those that nobody has taken. */
static void lr_drop_parts(tp_lr *const *parts, int count, int claimed) {
    for (int i = claimed; i < count; i++) {
        bool again = false; /* freed where it is listed last */
        for (int k = i + 1; k < count; k++) again = again || parts[k] == parts[i];
        if (parts[i] && !parts[i]->owned && !again) tp_lr_free(parts[i]);
    }
    for (int i = 0; i < claimed; i++) tp_lr_free(parts[i]);
}

static tp_lr *lr_of_parts(const lr_rule *rule, tp_lr *const *parts, int count, const int64_t *milestones) {
    const char *op = rule->name;
    if (count < 1) TP_FAIL(TP_ERR_ARGUMENT, op, "there cannot be %d parts", count);
    TP_REQUIRE(parts, op);
    bool sequence = rule == &lr_sequential_rule;
    int claimed = lr_claim(op, parts, count);
    tp_lr *lr = NULL;
    if (claimed == count && (!sequence || lr_check_milestones(op, milestones, count - 1, 1, 1)))
        lr = lr_new(rule, parts[0]->optim, sequence ? count - 1 : 0, milestones);
    if (lr) lr->parts = tp__alloc((size_t)count * sizeof *lr->parts);
    if (!lr || !lr->parts) {
        if (lr) tp__error_memory(op, (size_t)count * sizeof *lr->parts);
        tp_lr_free(lr);
        lr_drop_parts(parts, count, claimed);
        return NULL;
    }
    memcpy(lr->parts, parts, (size_t)count * sizeof *parts);
    lr->n_parts = count;
    return lr;
}

tp_lr *tp_lr_sequential(tp_lr *const *parts, int count, const int64_t *milestones) {
    tp_lr *lr = lr_of_parts(&lr_sequential_rule, parts, count, milestones);
    if (lr) lr_restart(lr);
    return lr;
}

tp_lr *tp_lr_chained(tp_lr *const *parts, int count) {
    return lr_of_parts(&lr_chained_rule, parts, count, NULL); /* whose parts have set the first rates */
}

/* ---- state ------------------------------------------------------------------------------------------- */

/* The optimizer's rates and its momentum (0 if there is none), and then for each schedule LR_NUMBERS and its base rates. */
enum { LR_NUMBERS = 6 };

static int64_t lr_state_size(const tp_lr *lr) {
    int64_t size = LR_NUMBERS + lr->n_groups;
    for (int i = 0; i < lr->n_parts; i++) size += lr_state_size(lr->parts[i]);
    return size;
}

static double *lr_state_write(const tp_lr *lr, double *out) {
    const double numbers[LR_NUMBERS] = {(double)lr->epoch, (double)lr->at,      (double)lr->length,
                                        (double)lr->bad,   (double)lr->cooling, lr->best};
    memcpy(out, numbers, sizeof numbers);
    memcpy(out + LR_NUMBERS, lr->base, (size_t)lr->n_groups * sizeof *out);
    out += LR_NUMBERS + lr->n_groups;
    for (int i = 0; i < lr->n_parts; i++) out = lr_state_write(lr->parts[i], out);
    return out;
}

/* Takes the numbers in, or only looks whether they can be; NULL if not. */
static const double *lr_state_read(tp_lr *lr, const double *in, bool take) {
    for (int i = 0; i < 5; i++)
        if (!(in[i] >= 0 && in[i] <= 9e15 && in[i] == floor(in[i]))) return NULL;
    if (lr->rule == &lr_restarts_rule && !(in[1] < in[2])) return NULL;
    for (int k = 0; k < lr->n_groups; k++)
        if (!tp__optim_not_negative(in[LR_NUMBERS + k])) return NULL;
    if (take) {
        lr->epoch = (int64_t)in[0];
        lr->at = (int64_t)in[1];
        lr->length = (int64_t)in[2];
        lr->bad = (int64_t)in[3];
        lr->cooling = (int64_t)in[4];
        lr->best = in[5];
        memcpy(lr->base, in + LR_NUMBERS, (size_t)lr->n_groups * sizeof *in);
    }
    in += LR_NUMBERS + lr->n_groups;
    for (int i = 0; in && i < lr->n_parts; i++) in = lr_state_read(lr->parts[i], in, take);
    return in;
}

tp_named_tensors tp_lr_state(tp_lr *lr) {
    const tp_named_tensors none = {0, NULL};
    if (!lr) {
        tp__error_null("lr_state", "lr");
        return none;
    }
    tp_scope *s = tp_scope_begin();
    if (!s) return none;
    tp_tensor *state = tp__tensor_new("lr_state", TP_SHAPE(lr->n_groups + 1 + lr_state_size(lr)), TP_F64);
    if (state) {
        double *out = (double *)(void *)tp__data(state);
        for (int k = 0; k < lr->n_groups; k++) *out++ = lr->optim->groups[k].lr;
        *out++ = lr_momentum(lr) ? *lr_momentum(lr) : 0;
        lr_state_write(lr, out);
        tp_release(lr->state);
        lr->state = tp_retain(state);
        lr->named = (tp_named_tensor){"schedule", lr->state};
    }
    tp_scope_end(s);
    return state ? (tp_named_tensors){1, &lr->named} : none;
}

static tp_status lr_state_load(const char *op, tp_lr *lr, tp_named_tensors state) {
    if (!lr) return tp__error_null(op, "lr");
    if (state.count != 1 || !state.items || !state.items[0].name ||
        strcmp(state.items[0].name, "schedule") != 0)
        return tp__error(TP_ERR_ARGUMENT, op, "a schedule's state is one tensor named \"schedule\"");
    const tp_tensor *t = state.items[0].tensor;
    if (!t) return tp__error_null(op, "state");
    tp_shape shape = TP_SHAPE(lr->n_groups + 1 + lr_state_size(lr));
    if (!tp_shape_equal(t->shape, shape))
        return tp__error(TP_ERR_SHAPE, op, "\"schedule\" is %s instead of %s", tp__shape_text(t->shape),
                         tp__shape_text(shape));
    if (t->dtype != TP_F64 || !t->dense)
        return tp__error(TP_ERR_DTYPE, op, "\"schedule\" is not packed float64 but %s", tp__dtype_text(t));
    const double *in = (const double *)(const void *)tp__data(t), *rest = in + lr->n_groups + 1;
    bool good = in[lr->n_groups] >= 0 && in[lr->n_groups] < 1;
    for (int k = 0; k < lr->n_groups; k++) good = good && tp__optim_not_negative(in[k]);
    if (!good || !lr_state_read(lr, rest, false))
        return tp__error(TP_ERR_ARGUMENT, op, "\"schedule\" holds numbers that no schedule has");
    lr_state_read(lr, rest, true);
    for (int k = 0; k < lr->n_groups; k++) {
        tp__optim_group *group = &lr->optim->groups[k];
        *group = (tp__optim_group){in[k], group->weight_decay, lr->base[k], true};
    }
    if (lr_momentum(lr) && in[lr->n_groups] > 0) *lr_momentum(lr) = in[lr->n_groups];
    return TP_OK;
}

tp_status tp_lr_load_state(tp_lr *lr, tp_named_tensors state) {
    return tp__deliver(lr_state_load("lr_load_state", lr, state));
}
