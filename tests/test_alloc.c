/* Memory: figures, reuse, alignment, limits, failures, threads. */
/* ctest: threads */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/status.h"
#include "core/thread.h"

/* Where memory that cannot be had is NULL, as without a sanitizer. */
TP_API const char *__asan_default_options(void);
TP_API const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }
TP_API const char *__tsan_default_options(void);
TP_API const char *__tsan_default_options(void) { return "allocator_may_return_null=1"; }

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

static size_t in_use(void) { return tp_memory_stats().in_use; }
static size_t cached(void) { return tp_memory_stats().cached; }
static tp_tensor *bytes_of(size_t n) { return tp_empty(TP_SHAPE((int64_t)n), TP_U8); }

/* ---- figures ------------------------------------------------------------------------------------------- */

static void in_use_is_exact(void **state) {
    (void)state;
    size_t before = in_use();
    tp_scope *s = tp_scope_begin();
    bytes_of(256); /* beside its header: not counted */
    tp_scalar(1, TP_F64);
    assert_int_equal(in_use(), before);
    bytes_of(257);
    assert_int_equal(in_use(), before + 257);
    tp_tensor *t = tp_zeros(TP_SHAPE(1000, 100), TP_F32);
    assert_int_equal(in_use(), before + 257 + 400000);
    tp_transpose(t, 0, 1); /* a view has no bytes */
    float data[1000] = {0};
    tp_from_memory(data, TP_SHAPE(1000), TP_F32, NULL, NULL); /* nor has the user's memory */
    assert_int_equal(in_use(), before + 257 + 400000);
    tp_scope_end(s);
    assert_int_equal(in_use(), before);
}

static void peak(void **state) {
    (void)state;
    size_t before = in_use();
    tp_memory_reset_peak();
    assert_int_equal(tp_memory_stats().peak, before);
    for (int i = 0; i < 3; i++) {
        tp_scope *s = tp_scope_begin();
        bytes_of(5 * MIB);
        bytes_of(3 * MIB);
        tp_scope_end(s);
    }
    size_t got = tp_memory_stats().peak;
    assert_true(got >= before + 8 * MIB - 64 * KIB && got <= before + 8 * MIB + 64 * KIB);
    assert_int_equal(in_use(), before);
    tp_memory_reset_peak();
    assert_int_equal(tp_memory_stats().peak, before);
    bytes_of(MIB);
    assert_int_equal(tp_memory_stats().peak, before + MIB);
}

static void counters_of_objects(void **state) {
    (void)state;
    tp_memory_info a = tp_memory_stats();
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(3), TP_F32), true);
    tp_tensor *y = tp_exp(x);
    tp_reshape(y, TP_SHAPE(1, 3));
    tp_memory_info b = tp_memory_stats();
    assert_int_equal(b.live_tensors, a.live_tensors + 3);
    assert_int_equal(b.live_storages, a.live_storages + 2);
    assert_int_equal(b.live_nodes, a.live_nodes + 2);
    tp_generator *g = tp_generator_new(1);
    assert_int_equal(tp_memory_stats().live_objects, a.live_objects + 1);
    tp_generator_free(g);
}

/* ---- the cache of large buffers ------------------------------------------------------------------------ */

static void cached_and_trimmed(void **state) {
    (void)state;
    tp_memory_trim();
    assert_int_equal(cached(), 0);
    void *p = tp__buffer_alloc(MIB);
    assert_int_equal(cached(), 0);
    tp__buffer_free(p, MIB);
    if (TP__NO_CACHE) {
        assert_int_equal(cached(), 0);
        return;
    }
    assert_int_equal(cached(), MIB);
    void *q = tp__buffer_alloc(MIB - 1000); /* of the same class */
    assert_ptr_equal(q, p);
    assert_int_equal(cached(), 0);
    void *r = tp__buffer_alloc(MIB);
    assert_ptr_not_equal(r, q);
    tp__buffer_free(q, MIB - 1000);
    tp__buffer_free(r, MIB);
    assert_int_equal(cached(), 2 * MIB);
    q = tp__buffer_alloc(2 * MIB); /* of another one */
    assert_int_equal(cached(), 2 * MIB);
    tp__buffer_free(q, 2 * MIB);
    assert_int_equal(cached(), 4 * MIB);
    tp_memory_trim();
    assert_int_equal(cached(), 0);
    tp_memory_trim();
    tp__buffer_free(NULL, 100);
}

static void tensors_reuse_memory(void **state) {
    (void)state;
    if (TP__NO_CACHE) skip();
    const void *first = NULL;
    for (int i = 0; i < 10; i++) {
        tp_scope *s = tp_scope_begin();
        const void *data = tp_tensor_data(tp_zeros(TP_SHAPE(300, 1000), TP_F32));
        if (i == 0) first = data;
        assert_ptr_equal(data, first);
        tp_scope_end(s);
    }
}

/* A class holds what is asked for and at most a quarter more. */
static void sizes_of_classes(void **state) {
    (void)state;
    if (TP__NO_CACHE) skip();
    size_t last = 0;
    for (size_t bytes = 1; bytes < 64 * MIB; bytes = bytes * 9 / 8 + 1) {
        tp_memory_trim();
        void *p = tp__buffer_alloc(bytes);
        assert_non_null(p);
        tp__buffer_free(p, bytes);
        size_t class_bytes = cached();
        assert_true(class_bytes >= bytes && class_bytes >= last);
        assert_true(class_bytes <= (bytes < 256 ? 256 : bytes + bytes / 4));
        last = class_bytes;
    }
    for (int shift = 8; shift < 26; shift++) { /* powers of two fit exactly */
        tp_memory_trim();
        tp__buffer_free(tp__buffer_alloc((size_t)1 << shift), (size_t)1 << shift);
        assert_int_equal(cached(), (size_t)1 << shift);
    }
}

/* Sizes that do not come back are not kept for ever. */
static void cache_is_bounded(void **state) {
    (void)state;
    tp_memory_trim();
    tp_memory_reset_peak();
    size_t before = in_use(), most = 0;
    for (int i = 0; i < 60; i++) {
        size_t bytes = (size_t)1 << (20 + i % 5); /* to 16 MiB, each class a few times at once */
        void *p[4];
        for (int k = 0; k < 4; k++) assert_non_null(p[k] = tp__buffer_alloc(bytes + (size_t)i * 16 * KIB));
        for (int k = 0; k < 4; k++) tp__buffer_free(p[k], bytes + (size_t)i * 16 * KIB);
        size_t now = cached();
        if (now > most) most = now;
    }
    size_t highest = tp_memory_stats().peak;
    assert_true(most <= before + highest * 3 / 2 + 64 * MIB);
    tp_memory_trim();
}

static bool aligned(const void *p, size_t to) { return (uintptr_t)p % to == 0; }

static void alignment(void **state) {
    (void)state;
    for (size_t bytes = 0; bytes < 4096; bytes += 37)
        assert_true(aligned(tp_tensor_data(bytes_of(bytes)), 64));
    for (size_t bytes = 4096; bytes < 4 * MIB; bytes = bytes * 3 / 2 + 17) {
        tp_tensor *t = bytes_of(bytes);
        assert_true(aligned(tp_tensor_data(t), bytes >= 2 * MIB ? 2 * MIB : 64));
    }
    assert_true(aligned(tp_tensor_data(bytes_of(2 * MIB)), 2 * MIB));
}

/* ---- small objects ------------------------------------------------------------------------------------- */

static void small_objects_do_not_overlap(void **state) {
    (void)state;
    enum { PER_SIZE = 5 };
    static unsigned char *blocks[1200][PER_SIZE];
    for (size_t bytes = 0; bytes < 1200; bytes += 7) {
        for (int k = 0; k < PER_SIZE; k++) {
            blocks[bytes][k] = tp__small_alloc(bytes);
            assert_non_null(blocks[bytes][k]);
            assert_true(aligned(blocks[bytes][k], 64));
            memset(blocks[bytes][k], (int)(bytes + (size_t)k), bytes);
        }
    }
    for (size_t bytes = 0; bytes < 1200; bytes += 7) {
        for (int k = 0; k < PER_SIZE; k++) {
            for (size_t i = 0; i < bytes; i++)
                assert_int_equal(blocks[bytes][k][i], (unsigned char)(bytes + (size_t)k));
            tp__small_free(blocks[bytes][k], bytes);
        }
    }
    tp__small_free(NULL, 8);
}

/* What a thread frees beyond a few hundred of a size goes to where others find it. */
static void free_lists_are_bounded(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static void *blocks[COUNT];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++)
            assert_non_null(blocks[i] = tp__small_alloc((size_t)(i % 16) * 64 + 1));
        for (int i = 0; i < COUNT; i++) tp__small_free(blocks[i], (size_t)(i % 16) * 64 + 1);
        if (TP__NO_CACHE) continue;
        for (int c = 0; c < TP__SMALL_CLASSES; c++)
            assert_true(tp__tls.small_count[c] >= 0 && tp__tls.small_count[c] <= 256);
    }
}

static void *use_and_leave(void *unused) {
    (void)unused;
    for (int i = 0; i < 3000; i++) tp_scalar(i, TP_F64); /* into the root scope */
    return NULL;
}

static long resident_pages(void) {
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return -1;
    if (fscanf(file, "%ld %ld", &size, &resident) != 2) resident = -1;
    fclose(file);
    return resident;
}

static void threads_leave_their_memory_to_others(void **state) {
    (void)state;
    long first = 0;
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, use_and_leave, NULL), 0);
        pthread_join(thread, NULL);
        if (i == 20) first = resident_pages();
    }
#if !TP__NO_CACHE && !defined(__SANITIZE_THREAD__)
    assert_true(resident_pages() <= first + 512); /* one thread's tensors are 500 pages */
#else
    (void)first;
#endif
}

/* ---- more than there is -------------------------------------------------------------------------------- */

#define T(n) ((int64_t)1 << (n))

static void sizes_that_nobody_has(void **state) {
    (void)state;
    size_t before = in_use();
    assert_null(tp_zeros(TP_SHAPE(T(40), T(20)), TP_F32)); /* 2^62 bytes */
    assert_error(TP_ERR_MEMORY, "zeros: out of memory (4611686018427387904 bytes asked for)");
    assert_null(tp_zeros(TP_SHAPE(T(40), T(20)), TP_U8));
    assert_error(TP_ERR_MEMORY, "zeros: out of memory (1152921504606846976 bytes asked for)");
    assert_null(tp_zeros(TP_SHAPE(T(40), T(22)), TP_U8));
    assert_error(TP_ERR_MEMORY, "zeros: out of memory (4611686018427387904 bytes asked for)");
    assert_null(tp_zeros(TP_SHAPE(INT64_MAX), TP_U8));
    assert_error(TP_ERR_MEMORY, "zeros: out of memory (9223372036854775807 bytes asked for)");
    assert_null(tp_zeros(TP_SHAPE(T(40), T(21)), TP_F32)); /* 2^63 bytes */
    assert_error(TP_ERR_SHAPE,
                 "zeros: shape (1099511627776, 2097152) has a negative size or too many elements");
    assert_null(tp_zeros(TP_SHAPE(T(40), T(40)), TP_U8));
    assert_error(TP_ERR_SHAPE,
                 "zeros: shape (1099511627776, 1099511627776) has a negative size or too many elements");
    for (int shift = 50; shift < 62; shift++) {
        assert_null(tp_rand(TP_SHAPE(T(shift)), TP_F32, NULL));
        assert_int_equal(tp_last_error().code, shift < 61 ? TP_ERR_MEMORY : TP_ERR_SHAPE);
        tp_error_clear();
        assert_null(tp__buffer_alloc((size_t)1 << shift));
    }
    assert_null(tp__buffer_alloc(SIZE_MAX));
    assert_null(tp__buffer_alloc(SIZE_MAX / 4 + 1));
    assert_null(tp_arange(0, 1e17, 1, TP_I64));
    assert_error(TP_ERR_MEMORY, "arange: out of memory (800000000000000000 bytes asked for)");
    assert_null(tp_arange(0, 1e30, 1, TP_I64));
    assert_error(TP_ERR_SHAPE, "arange: from 0 to 1e+30 by 1 has too many elements");
    assert_null(tp_eye(T(30), T(30), TP_F32));
    assert_error(TP_ERR_MEMORY, "eye: out of memory (4611686018427387904 bytes asked for)");
    assert_null(
        tp_add(tp_expand(tp_ones(TP_SHAPE(1), TP_F32), TP_SHAPE(T(57))), tp_ones(TP_SHAPE(1), TP_F32)));
    assert_error(TP_ERR_MEMORY, "add: out of memory (576460752303423488 bytes asked for)");
    assert_null(tp_add(tp_expand(tp_ones(TP_SHAPE(1), TP_F32), TP_SHAPE(T(40), 1)),
                       tp_expand(tp_ones(TP_SHAPE(1), TP_F32), TP_SHAPE(T(40)))));
    assert_error(TP_ERR_SHAPE,
                 "add: shape (1099511627776, 1099511627776) has a negative size or too many elements");
    assert_int_equal(in_use(), before);
    assert_tensor(tp_zeros(TP_SHAPE(1000), TP_F32)); /* nothing has been harmed */
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static void failing_on_purpose(void **state) {
    (void)state;
    tp__alloc_fail_at(3, false);
    void *a = tp__alloc(10), *b = tp__small_alloc(10), *c = tp__buffer_alloc(10), *d = tp__alloc_zero(10);
    assert_int_equal(tp__alloc_fail_count(), 4);
    tp__alloc_fail_at(0, false);
    assert_true(a && b && !c && d);
    tp__alloc_fail_at(2, true);
    void *e = tp__alloc(10), *f = tp__realloc(a, 20), *g = tp__strdup("x"), *h = tp__small_alloc(2000);
    tp__alloc_fail_at(0, false);
    assert_true(e && !f && !g && !h); /* `a` is as it was */
    tp__free(a);
    tp__small_free(b, 10);
    assert_int_equal(((char *)d)[9], 0);
    tp__free(d);
    tp__free(e);
    char *copy = tp__strdup("taper");
    assert_string_equal(copy, "taper");
    tp__free(copy);
    tp__free(NULL);
}

static tp_tensor *leaf, *f32, *f32_other, *ints, *bools, *strided, *node;

/* name, call */
#define OPS                                                                                                  \
    OP(zeros, tp_zeros(TP_SHAPE(3), TP_F32))                                                                 \
    OP(large, tp_ones(TP_SHAPE(300), TP_F32))                                                                \
    OP(arange, tp_arange(0, 5, 1, TP_I64))                                                                   \
    OP(from_data, tp_from_data((const float[]){1, 2}, TP_SHAPE(2), TP_F32))                                  \
    OP(randperm, tp_randperm(5, NULL))                                                                       \
    OP(add, tp_add(f32, f32_other))                                                                          \
    OP(add_mixed, tp_add(f32, ints))                                                                         \
    OP(add_recorded, tp_add(f32, leaf))                                                                      \
    OP(add_recorded_mixed, tp_mul(ints, leaf))                                                               \
    OP(exp_of_ints, tp_exp(ints))                                                                            \
    OP(compare, tp_lt(f32, ints))                                                                            \
    OP(compare_scalar, tp_gt_scalar(bools, 0.5))                                                             \
    OP(where, tp_where(bools, f32, ints))                                                                    \
    OP(where_recorded, tp_where(bools, leaf, ints))                                                          \
    OP(to_dtype, tp_to_dtype(f32, TP_F64))                                                                   \
    OP(contiguous, tp_contiguous(strided))                                                                   \
    OP(clone, tp_clone(leaf))                                                                                \
    OP(add_, tp_add_(f32, f32_other))                                                                        \
    OP(add_mixed_, tp_add_(f32, ints))                                                                       \
    OP(add_recorded_, tp_add_(node, f32))                                                                    \
    OP(add_recorded_mixed_, tp_mul_(node, ints))                                                             \
    OP(exp_recorded_, tp_exp_(node))                                                                         \
    OP(fill_, tp_fill_(strided, 2))                                                                          \
    OP(fill_recorded_, tp_fill_(node, 2))                                                                    \
    OP(copy_, tp_copy_(strided, ints))                                                                       \
    OP(copy_recorded_, tp_copy_(node, ints))                                                                 \
    OP(uniform_, tp_uniform_(strided, 0, 1, NULL))                                                           \
    OP(uniform_recorded_, tp_uniform_(node, 0, 1, NULL))

#define OP(name, call)                                                                                       \
    static tp_tensor *op_##name(void) { return call; }
OPS
#undef OP

    static tp_tensor *
    fresh(tp_dtype dtype) {
    return tp_add_scalar(tp_zeros(TP_SHAPE(3), dtype), 1);
}

static bool as_made(tp_tensor *t) {
    return tp_tensor_at(t, TP_SHAPE(0)) == 1 && tp_tensor_at(t, TP_SHAPE(2)) == 1;
}

/* The n-th allocation fails, for every n: an error without leftovers and nothing changed, or success without an
 * error. */
static void fail_each(const char *name, tp_tensor *(*run)(void)) {
    for (int n = 1;; n++) {
        tp_scope *s = tp_scope_begin();
        f32 = fresh(TP_F32), f32_other = fresh(TP_F32), ints = fresh(TP_I32);
        bools = tp_ones(TP_SHAPE(3), TP_BOOL);
        strided = tp_slice(tp_ones(TP_SHAPE(6), TP_F32), 0, 0, 6, 2);
        leaf = tp_set_requires_grad(fresh(TP_F32), true);
        node = tp_mul_scalar(leaf, 1);
        tp_memory_info before = tp_memory_stats();
        tp__alloc_fail_at(n, false);
        tp_tensor *r = run();
        bool failed = tp__alloc_fail_count() >= n;
        tp__alloc_fail_at(0, false);
        tp_memory_info after = tp_memory_stats();
        bool pending = tp__error_pending();
        tp_error error = tp_last_error();
        if (!r) {
            if (!pending || error.code != TP_ERR_MEMORY || !failed)
                fail_msg("%s, %d: %s", name, n, error.message);
            if (after.live_tensors != before.live_tensors || after.live_nodes != before.live_nodes ||
                after.live_storages != before.live_storages || after.in_use != before.in_use)
                fail_msg("%s leaves something behind when allocation %d fails", name, n);
            if (!as_made(f32) || !as_made(strided) || !as_made(node) || !as_made(ints))
                fail_msg("%s has changed an operand when allocation %d failed", name, n);
        } else if (pending || after.live_tensors > before.live_tensors + 1) {
            fail_msg("%s, allocation %d: a result, but also: %s", name, n, error.message);
        }
        tp_error_clear();
        tp_scope_end(s);
        if (!failed) break;
    }
}

static void ops_survive_every_failure(void **state) {
    (void)state;
#define OP(name, call) fail_each(#name, op_##name);
    OPS
#undef OP
}

/* ---- threads ------------------------------------------------------------------------------------------- */

enum { THREADS = 8, BLOCKS = 400 };

typedef struct block {
    unsigned char *p;
    size_t bytes;
    bool small;
} block;

typedef struct worker {
    pthread_t thread;
    uint64_t random;
    block blocks[BLOCKS];
    tp_tensor *tensors[BLOCKS];
    bool ok;
} worker;

static uint64_t next_random(uint64_t *s) {
    *s = *s * 6364136223846793005u + 1442695040888963407u;
    return *s >> 33;
}

static bool block_make(block *b, uint64_t r) {
    b->small = r & 1;
    b->bytes = b->small ? r % 1100 : r % 70000;
    b->p = b->small ? tp__small_alloc(b->bytes) : tp__buffer_alloc(b->bytes);
    if (b->p) memset(b->p, (int)(b->bytes & 255), b->bytes);
    return b->p != NULL;
}

static bool block_drop(block *b) {
    bool intact = true;
    for (size_t i = 0; i < b->bytes; i += 61) intact = intact && b->p[i] == (b->bytes & 255);
    if (b->small) tp__small_free(b->p, b->bytes);
    else tp__buffer_free(b->p, b->bytes);
    *b = (block){0};
    return intact;
}

static void *allocate_and_free(void *argument) {
    worker *w = argument;
    w->ok = true;
    for (int i = 0; i < 20000 && w->ok; i++) {
        uint64_t r = next_random(&w->random);
        block *b = &w->blocks[r % BLOCKS];
        w->ok = b->p ? block_drop(b) : block_make(b, next_random(&w->random));
        if (i % 1000 == 999) tp_memory_trim();
        if (i % 500 == 0) tp_memory_stats();
    }
    for (int i = 0; i < BLOCKS; i++) { /* tensors that another thread will release */
        tp_scope *s = tp_scope_begin();
        w->tensors[i] = tp_retain(tp_full(TP_SHAPE(1 + i), i, TP_F32));
        tp_scope_end(s);
        w->ok = w->ok && w->tensors[i];
    }
    return NULL;
}

static worker workers[THREADS];

static void *free_what_the_next_one_made(void *argument) {
    worker *w = argument, *other = w == workers + THREADS - 1 ? workers : w + 1;
    for (int i = 0; i < BLOCKS; i++) {
        if (other->blocks[i].p) w->ok = block_drop(&other->blocks[i]) && w->ok;
        w->ok = w->ok && tp_tensor_at(other->tensors[i], TP_SHAPE(-1)) == i;
        tp_release(other->tensors[i]);
    }
    return NULL;
}

static void run_all(void *(*body)(void *)) {
    for (int k = 0; k < THREADS; k++)
        assert_int_equal(pthread_create(&workers[k].thread, NULL, body, &workers[k]), 0);
    for (int k = 0; k < THREADS; k++) pthread_join(workers[k].thread, NULL);
    for (int k = 0; k < THREADS; k++) assert_true(workers[k].ok);
}

/* The fixture holds the counters to what they were: each thread has freed another one's memory. */
static void many_threads(void **state) {
    (void)state;
    for (int k = 0; k < THREADS; k++) workers[k].random = (uint64_t)k;
    run_all(allocate_and_free);
    run_all(free_what_the_next_one_made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(in_use_is_exact),
        CHECK_TEST(peak),
        CHECK_TEST(counters_of_objects),
        CHECK_TEST(cached_and_trimmed),
        CHECK_TEST(tensors_reuse_memory),
        CHECK_TEST(sizes_of_classes),
        CHECK_TEST(cache_is_bounded),
        CHECK_TEST(alignment),
        CHECK_TEST(small_objects_do_not_overlap),
        CHECK_TEST(free_lists_are_bounded),
        CHECK_TEST(threads_leave_their_memory_to_others),
        CHECK_TEST(sizes_that_nobody_has),
        CHECK_TEST(failing_on_purpose),
        CHECK_TEST(ops_survive_every_failure),
        CHECK_TEST(many_threads),
    };
    return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
