/* Convolution of groups of few channels, depthwise ones above all, as sums of shifted planes; a template, after real.h.
 *
 * x is copied with its padding into phases: (stride_h, stride_w) planes, of which plane (r, s) has every pixel (i stride_h + r,
 * j stride_w + s). Seen so, each tap of the kernel is a plane and an offset in it, and a line of the output, with as many columns
 * as a plane has, is the sum of the taps' lines, all of them contiguous: a loop over vectors that has no borders. The columns
 * that y does not have are computed along with the others and left out. A plane's end is followed by room for a vector block. */

#undef PLANES_VECTORS
#undef PLANES_TAPS
#undef PLANES_STRIDE
#define PLANES_VECTORS 4 /* that a block of the output has */
#define PLANES_TAPS 9    /* whose parts of the weight's gradient are summed side by side */
#define PLANES_STRIDE 4  /* the largest */

typedef T FN(planes_vec) __attribute__((vector_size(TP__VEC_BYTES), aligned(sizeof(T)), may_alias));
#undef PLANES_AT
#define PLANES_AT(p) (*(FN(planes_vec) *)(void *)(p))
#undef PLANES_FROM
#define PLANES_FROM(p) (*(const FN(planes_vec) *)(const void *)(p))

typedef struct FN(planes_plan) {
    int64_t channels, outputs, taps;
    int64_t rows, width, plane; /* of one phase; plane = rows * width */
    int64_t phases, reach;      /* elements of all phases; the largest offset of a tap in its phase */
    int64_t image;              /* elements that a channel's phases take, and their end */
    int64_t line;               /* elements that dy takes, between zeros as far as taps reach */
    int64_t block;              /* rows of y at a time, that they stay in the core's cache */
    size_t x, dy, y, weights, at, end;
} FN(planes_plan);

static FN(planes_plan) FN(planes_measure)(const tp__conv2d *g) {
    FN(planes_plan) p = {.channels = g->c / g->groups, .outputs = g->o / g->groups, .taps = g->kh * g->kw};
    const int64_t slack = PLANES_VECTORS * TP__LANES;
    const int64_t down = (g->kh - 1) * g->dil_h / g->stride_h, right = (g->kw - 1) * g->dil_w / g->stride_w;
    p.rows = g->oh + down;
    p.width = g->ow + right;
    p.plane = p.rows * p.width;
    p.phases = g->stride_h * g->stride_w * p.plane;
    p.reach = down * p.width + right;
    p.image = p.phases + slack;
    p.line = p.plane + 2 * p.reach + slack;
    p.block = 1024 / p.width + 1;
    const int64_t table = p.taps * (p.channels > p.outputs ? p.channels : p.outputs) + PLANES_TAPS;
    p.dy = p.x + (size_t)(p.image * p.channels) * sizeof(T);
    p.y = p.dy + (size_t)(p.line * p.outputs) * sizeof(T);
    p.weights = p.y + (size_t)(p.block * p.width + slack) * sizeof(T);
    p.at = (p.weights + (size_t)table * sizeof(T) + 7) / 8 * 8;
    p.end = p.at + 2 * (size_t)table * sizeof(int64_t); /* for dx, places of weights behind the offsets */
    return p;
}

/* Where this is the faster way. Sizes are looked at one by one, so that none of the plan's overflows. */
static bool FN(planes_pay)(const tp__conv2d *g) {
    if (g->o == 0 || g->c == 0 || g->o / g->groups > 4 || g->kh * g->kw == 1) return false;
    if (g->stride_h > PLANES_STRIDE || g->stride_w > PLANES_STRIDE) return false;
    const double rows = (double)g->oh + (double)(g->kh - 1) * (double)g->dil_h,
                 width = (double)g->ow + (double)(g->kw - 1) * (double)g->dil_w;
    const double pixels = rows * width * (double)(g->stride_h * g->stride_w);
    return pixels <= 4 * (double)(g->h * g->w) + 4096 &&
           pixels * (double)(g->c / g->groups) * sizeof(T) <= 1 << 20;
}

/* The phase and the offset in it of tap (u, v). */
static int64_t FN(planes_phase)(const tp__conv2d *g, int64_t tap) {
    const int64_t u = tap / g->kw * g->dil_h, v = tap % g->kw * g->dil_w;
    return u % g->stride_h * g->stride_w + v % g->stride_w;
}

static int64_t FN(planes_offset)(const tp__conv2d *g, const FN(planes_plan) *p, int64_t tap) {
    const int64_t u = tap / g->kw * g->dil_h, v = tap % g->kw * g->dil_w;
    return u / g->stride_h * p->width + v / g->stride_w;
}

/* One channel of x in phases. */
static void FN(planes_split)(const tp__conv2d *g, const FN(planes_plan) *p, const T *x, T *to) {
    for (int64_t r = 0; r < g->stride_h; r++)
        for (int64_t s = 0; s < g->stride_w; s++)
            for (int64_t i = 0; i < p->rows; i++, to += p->width) {
                const int64_t row = i * g->stride_h + r - g->pad_h, first = s - g->pad_w;
                int64_t lo = 0, hi = 0;
                if (row >= 0 && row < g->h) FN(direct_clip)(first, g->stride_w, g->w, p->width, &lo, &hi);
                const T *from = x + row * g->w + first;
                for (int64_t j = 0; j < lo; j++) to[j] = 0;
                if (g->stride_w == 1 && lo < hi) FN(conv_copy)(from + lo, hi - lo, to + lo);
                else if (g->stride_w == 2)
                    for (int64_t j = lo; j < hi; j++) to[j] = from[2 * j];
                else
                    for (int64_t j = lo; j < hi; j++) to[j] = from[j * g->stride_w];
                for (int64_t j = hi; j < p->width; j++) to[j] = 0;
            }
    memset(to, 0, (size_t)(PLANES_VECTORS * TP__LANES) * sizeof(T));
}

/* The inverse: dx from its phases. Pixels that no window sees are zero. */
static void FN(planes_join)(const tp__conv2d *g, const FN(planes_plan) *p, const T *from, T *dx) {
    for (int64_t row = 0; row < g->h; row++, dx += g->w) {
        const int64_t at = row + g->pad_h, i = at / g->stride_h;
        memset(dx, 0, (size_t)g->w * sizeof(T));
        for (int64_t s = 0; s < g->stride_w && i < p->rows; s++) {
            const T *line = from + ((at % g->stride_h * g->stride_w + s) * p->rows + i) * p->width;
            int64_t lo, hi, first = s - g->pad_w;
            FN(direct_clip)(first, g->stride_w, g->w, p->width, &lo, &hi);
            if (g->stride_w == 1 && lo < hi) FN(conv_copy)(line + lo, hi - lo, dx + first + lo);
            else
                for (int64_t j = lo; j < hi; j++) dx[first + j * g->stride_w] = line[j];
        }
    }
}

/* y[k] = bias + the sum of weight[t] x[at[t] + k] for n elements, and for what the last block has more. */
static void FN(planes_sum)(int64_t taps, const int64_t *at, const T *weight, const T *x, T bias, int64_t n,
                           T *y) {
    int64_t k = 0;
    for (; k < n - (PLANES_VECTORS - 1) * TP__LANES; k += PLANES_VECTORS * TP__LANES) {
        FN(planes_vec) s0 = bias - (FN(planes_vec)){0}, s1 = s0, s2 = s0, s3 = s0;
        for (int64_t t = 0; t < taps; t++) {
            const T *from = x + at[t] + k;
            s0 += weight[t] * PLANES_FROM(from);
            s1 += weight[t] * PLANES_FROM(from + TP__LANES);
            s2 += weight[t] * PLANES_FROM(from + 2 * TP__LANES);
            s3 += weight[t] * PLANES_FROM(from + 3 * TP__LANES);
        }
        PLANES_AT(y + k) = s0;
        PLANES_AT(y + k + TP__LANES) = s1;
        PLANES_AT(y + k + 2 * TP__LANES) = s2;
        PLANES_AT(y + k + 3 * TP__LANES) = s3;
    }
    for (; k < n; k += TP__LANES) {
        FN(planes_vec) sum = bias - (FN(planes_vec)){0};
        for (int64_t t = 0; t < taps; t++) sum += weight[t] * PLANES_FROM(x + at[t] + k);
        PLANES_AT(y + k) = sum;
    }
}

/* sums[t] += the sum of dy[k] x[at[t] + k] over n elements, of PLANES_TAPS taps. */
static void FN(planes_dots)(const int64_t *at, const T *dy, const T *x, int64_t n, T *sums) {
    FN(planes_vec) s[PLANES_TAPS] = {{0}};
    for (int64_t k = 0; k < n; k += TP__LANES) {
        const FN(planes_vec) d = PLANES_FROM(dy + k);
        for (int t = 0; t < PLANES_TAPS; t++) s[t] += d * PLANES_FROM(x + at[t] + k);
    }
    for (int t = 0; t < PLANES_TAPS; t++)
        for (int lane = 0; lane < TP__LANES; lane++) sums[t] += s[t][lane];
}

/* The outputs of one group of dy as lines of a plane's width, zero where y has no column, and around. */
static void FN(planes_spread)(const tp__conv2d *g, const FN(planes_plan) *p, const T *dy, T *to) {
    memset(to, 0, (size_t)(p->line * p->outputs) * sizeof(T));
    for (int64_t o = 0; o < p->outputs; o++)
        for (int64_t i = 0; i < g->oh; i++, dy += g->ow)
            FN(conv_copy)(dy, g->ow, to + o * p->line + p->reach + i * p->width);
}

static void FN(planes_forward)(const tp__conv2d *g, const T *x, const T *weight, const T *bias, T *y,
                               int64_t n0, int64_t n1, char *scratch) {
    const FN(planes_plan) plan = FN(planes_measure)(g), *p = &plan;
    T *phases = (T *)(void *)(scratch + p->x), *lines = (T *)(void *)(scratch + p->y);
    int64_t *at = (int64_t *)(void *)(scratch + p->at);
    for (int64_t c = 0; c < p->channels; c++)
        for (int64_t t = 0; t < p->taps; t++)
            at[c * p->taps + t] =
                c * p->image + FN(planes_phase)(g, t) * p->plane + FN(planes_offset)(g, p, t);
    for (int64_t n = n0 * g->groups; n < n1 * g->groups; n++) {
        for (int64_t c = 0; c < p->channels; c++)
            FN(planes_split)(g, p, x + (n * p->channels + c) * g->h * g->w, phases + c * p->image);
        for (int64_t o = n % g->groups * p->outputs, last = o + p->outputs; o < last; o++)
            for (int64_t i = 0; i < g->oh; i += p->block) {
                const int64_t rows = g->oh - i < p->block ? g->oh - i : p->block;
                FN(planes_sum)(p->channels * p->taps, at, weight + o * p->channels * p->taps,
                               phases + i * p->width, bias ? bias[o] : 0, (rows - 1) * p->width + g->ow,
                               lines);
                for (int64_t r = 0; r < rows; r++, y += g->ow) FN(conv_copy)(lines + r * p->width, g->ow, y);
            }
    }
}

/* The taps of all outputs by phase: those of phase k are first[k] ... first[k + 1] - 1, with where their part of the gradient comes from, and
 * their weight's place behind the channel's first. */
static void FN(planes_sort)(const tp__conv2d *g, const FN(planes_plan) *p, int64_t *first, int64_t *at,
                            int64_t *place) {
    int64_t count = 0;
    for (int64_t phase = 0; phase < g->stride_h * g->stride_w; phase++) {
        first[phase] = count;
        for (int64_t o = 0; o < p->outputs; o++)
            for (int64_t t = 0; t < p->taps; t++) {
                if (FN(planes_phase)(g, t) != phase) continue;
                at[count] = o * p->line + p->reach - FN(planes_offset)(g, p, t);
                place[count++] = o * p->channels * p->taps + t;
            }
    }
    first[g->stride_h * g->stride_w] = count;
}

static void FN(planes_input_grad)(const tp__conv2d *g, const T *dy, const T *weight, T *dx, int64_t n0,
                                  int64_t n1, char *scratch) {
    const FN(planes_plan) plan = FN(planes_measure)(g), *p = &plan;
    T *phases = (T *)(void *)(scratch + p->x), *lines = (T *)(void *)(scratch + p->dy),
      *weights = (T *)(void *)(scratch + p->weights);
    int64_t *at = (int64_t *)(void *)(scratch + p->at), *place = at + p->taps * p->outputs;
    int64_t first[PLANES_STRIDE * PLANES_STRIDE + 1];
    FN(planes_sort)(g, p, first, at, place);
    for (int64_t n = n0 * g->groups; n < n1 * g->groups; n++) {
        FN(planes_spread)(g, p, dy + n * p->outputs * g->oh * g->ow, lines);
        for (int64_t c = 0; c < p->channels; c++, dx += g->h * g->w) {
            const T *of = weight + (n % g->groups * p->outputs * p->channels + c) * p->taps;
            for (int64_t t = 0; t < p->taps * p->outputs; t++) weights[t] = of[place[t]];
            for (int64_t phase = 0; phase < g->stride_h * g->stride_w; phase++)
                FN(planes_sum)(first[phase + 1] - first[phase], at + first[phase], weights + first[phase],
                               lines, 0, p->plane, phases + phase * p->plane);
            FN(planes_join)(g, p, phases, dx);
        }
    }
}

static void FN(planes_weight_grad)(const tp__conv2d *g, const T *dy, const T *x, T *dw, int64_t n0,
                                   int64_t n1, char *scratch) {
    const FN(planes_plan) plan = FN(planes_measure)(g), *p = &plan;
    T *phases = (T *)(void *)(scratch + p->x), *lines = (T *)(void *)(scratch + p->dy);
    int64_t *at = (int64_t *)(void *)(scratch + p->at);
    const int64_t depth = p->channels * p->taps, n_sums = (g->oh - 1) * p->width + g->ow;
    for (int64_t k = 0; k < depth + PLANES_TAPS; k++) {
        const int64_t tap = k < depth ? k : 0; /* those beyond are summed, and left */
        at[k] = tap / p->taps * p->image + FN(planes_phase)(g, tap % p->taps) * p->plane +
                FN(planes_offset)(g, p, tap % p->taps);
    }
    memset(dw, 0, (size_t)(g->o * depth) * sizeof(T));
    for (int64_t n = n0 * g->groups; n < n1 * g->groups; n++) {
        for (int64_t c = 0; c < p->channels; c++)
            FN(planes_split)(g, p, x + (n * p->channels + c) * g->h * g->w, phases + c * p->image);
        FN(planes_spread)(g, p, dy + n * p->outputs * g->oh * g->ow, lines);
        for (int64_t o = 0; o < p->outputs; o++) {
            T *to = dw + (n % g->groups * p->outputs + o) * depth;
            for (int64_t k = 0; k < depth; k += PLANES_TAPS) {
                T sums[PLANES_TAPS] = {0};
                FN(planes_dots)(at + k, lines + o * p->line + p->reach, phases, n_sums, sums);
                for (int64_t t = 0; t < PLANES_TAPS && k + t < depth; t++) to[k + t] += sums[t];
            }
        }
    }
}
