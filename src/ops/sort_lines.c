/* Order along a dim. Each line becomes items, a key and an index, whose order as integers is the order wanted;
 * keys of four bytes share a word with the index. */
#include <string.h>

#include "core/alloc.h"
#include "ops/sort.h"

#define SORT_RUN 24                         /* items that are sorted by insertion */
#define SORT_COUNTING 384                   /* fewer are merged */
#define SORT_ROOM(count) (4 * (count) + 64) /* for candidates for the `count` smallest */

/* clang-format off */
#define SORT_ITEM uint64_t
#define SORT_NAME(name) sort_narrow_##name
#define SORT_LESS(a, b) ((a) < (b))
#define SORT_DIGIT(item, i) ((item) >> (32 + 8 * (i)) & 255)
#define SORT_DIGITS 4
#include "ops/sort_template.h"

typedef struct sort_wide {
    uint64_t key;
    int64_t index;
} sort_wide;

#define SORT_ITEM sort_wide
#define SORT_NAME(name) sort_wide_##name
#define SORT_LESS(a, b) ((a).key < (b).key || ((a).key == (b).key && (a).index < (b).index))
#define SORT_DIGIT(item, i) ((item).key >> (8 * (i)) & 255)
#define SORT_DIGITS 8
#include "ops/sort_template.h"
/* clang-format on */

/* ---- keys ---------------------------------------------------------------------------------------------- */

static inline uint64_t sort_key_f32(float x) {
    uint32_t bits;
    if (x != x) return UINT32_MAX;
    if (x == 0) x = 0; /* -0 too */
    memcpy(&bits, &x, sizeof bits);
    return bits >> 31 ? (uint32_t)~bits : bits | (uint32_t)1 << 31;
}

static inline uint64_t sort_key_f64(double x) {
    uint64_t bits;
    if (x != x) return UINT64_MAX;
    if (x == 0) x = 0;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static inline uint64_t sort_key_i64(int64_t x) { return (uint64_t)x ^ (uint64_t)1 << 63; }
static inline uint64_t sort_key_i32(int32_t x) { return (uint32_t)x ^ (uint32_t)1 << 31; }
static inline uint64_t sort_key_u8(uint8_t x) { return x; }

/* The items of a line. `flip` turns the keys' order round. */
#define SORT_LOAD(suffix, type)                                                                              \
    static void sort_load_##suffix(int64_t n, int64_t step, const char *line, uint64_t flip, bool narrow,    \
                                   void *items) {                                                            \
        const type *x = (const type *)(const void *)line;                                                    \
        uint64_t *word = items;                                                                              \
        sort_wide *wide = items;                                                                             \
        for (int64_t i = 0; narrow && i < n; i++)                                                            \
            word[i] = (sort_key_##suffix(x[i * step]) ^ flip) << 32 | (uint64_t)i;                           \
        for (int64_t i = 0; !narrow && i < n; i++)                                                           \
            wide[i] = (sort_wide){sort_key_##suffix(x[i * step]) ^ flip, i};                                 \
    }
SORT_LOAD(f32, float)
SORT_LOAD(f64, double)
SORT_LOAD(i64, int64_t)
SORT_LOAD(i32, int32_t)
SORT_LOAD(u8, uint8_t)
#undef SORT_LOAD

typedef void sort_load_fn(int64_t n, int64_t step, const char *line, uint64_t flip, bool narrow, void *items);

static sort_load_fn *sort_load_of(tp_dtype dtype) {
    switch (dtype) {
    case TP_F32: return sort_load_f32;
    case TP_F64: return sort_load_f64;
    case TP_I64: return sort_load_i64;
    case TP_I32: return sort_load_i32;
    case TP_U8:
    case TP_BOOL: break;
    }
    return sort_load_u8;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

typedef struct sort_job {
    sort_load_fn *load;
    const char *x;
    char *values;
    int64_t *indices;
    int64_t n, inner, item;
    tp__sort_want want;
    tp_dtype dtype;
    bool narrow;
    char *work; /* two rows of items for each worker */
    int64_t row_bytes;
} sort_job;

/* How many NaN there are; they are the last. */
static int64_t sort_nans(const sort_job *job, const char *line) {
    int64_t count = 0;
    for (int64_t i = 0; i < job->n; i++) {
        const char *at = line + i * job->inner * job->item;
        if (job->dtype == TP_F32)
            count += *(const float *)(const void *)at != *(const float *)(const void *)at;
        else count += *(const double *)(const void *)at != *(const double *)(const void *)at;
    }
    return count;
}

static void sort_line(const sort_job *job, int64_t lane, char *work) {
    int64_t outer = lane / job->inner, column = lane % job->inner, item = job->item, count = job->want.count;
    const char *line = job->x + (outer * job->n * job->inner + column) * item;
    int64_t out = outer * count * job->inner + column, first = job->want.first;
    if (job->want.median && tp__is_floating(job->dtype)) {
        int64_t nans = sort_nans(job, line);
        if (nans > 0) first = job->n - nans;
    }
    uint64_t flip = !job->want.descending ? 0 : item == 8 ? UINT64_MAX : UINT32_MAX;
    job->load(job->n, job->inner, line, flip, job->narrow, work);
    void *spare = work + job->row_bytes;
    const uint64_t *word = NULL;
    const sort_wide *wide = NULL;
    if (job->narrow) word = sort_narrow_part((uint64_t *)(void *)work, spare, job->n, first, count);
    else wide = sort_wide_part((sort_wide *)(void *)work, spare, job->n, first, count);
    for (int64_t i = 0; i < count; i++, out += job->inner) {
        int64_t from = word ? (int64_t)(word[i] & UINT32_MAX) : wide[i].index;
        if (job->indices) job->indices[out] = from;
        if (!job->values) continue;
        const char *at = line + from * job->inner * item;
        if (item == 4) memcpy(job->values + out * 4, at, 4);
        else if (item == 8) memcpy(job->values + out * 8, at, 8);
        else job->values[out] = *at;
    }
}

static void sort_range(void *context, int64_t begin, int64_t end, int worker) {
    const sort_job *job = context;
    char *work = job->work + worker * 2 * job->row_bytes;
    for (int64_t lane = begin; lane < end; lane++) sort_line(job, lane, work);
}

bool tp__sort_lines(const char *op, const tp_tensor *x, int dim, const tp__sort_want *want, tp_tensor *values,
                    tp_tensor *indices) {
    if (x->numel == 0 || want->count == 0) return true;
    sort_job job = {.load = sort_load_of((tp_dtype)x->dtype),
                    .x = tp__data(x),
                    .values = values ? tp__data(values) : NULL,
                    .indices = indices ? tp__data_i64(indices) : NULL,
                    .n = x->shape.ndim ? x->shape.dims[dim] : 1,
                    .inner = 1,
                    .item = (int64_t)tp__itemsize((tp_dtype)x->dtype),
                    .want = *want,
                    .dtype = (tp_dtype)x->dtype};
    for (int i = dim + 1; i < x->shape.ndim; i++) job.inner *= x->shape.dims[i];
    job.narrow = job.item < 8 && job.n <= UINT32_MAX;
    job.row_bytes = job.n * (job.narrow ? 8 : (int64_t)sizeof(sort_wide));
    int64_t lanes = x->numel / job.n, workers = tp__max_workers();
    size_t bytes = (size_t)((lanes < workers ? lanes : workers) * 2 * job.row_bytes);
    job.work = tp__buffer_alloc(bytes);
    if (!job.work) {
        tp__error_memory(op, bytes);
        return false;
    }
    tp__parallel_for(lanes, 4096 / job.n, sort_range, &job);
    tp__buffer_free(job.work, bytes);
    return true;
}
