/* Scopes: who owns what, and when it goes. What must not touch the fixture's scope runs on a thread of its
 * own, whose findings are reported by its result: cmocka's asserts belong to the main thread. */
/* ctest: threads */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

static int64_t tensors(void) { return tp_memory_stats().live_tensors; }
static tp_tensor *one(double v) { return tp_scalar(v, TP_F32); }

#define ENDED "the scope has ended already or belongs to another thread"

/* ---- what a scope owns --------------------------------------------------------------------------------- */

static void nested(void **state) {
    (void)state;
    int64_t before = tensors();
    tp_scope *a = tp_scope_begin();
    one(1);
    tp_scope *b = tp_scope_begin();
    one(2), one(3);
    assert_int_equal(tensors(), before + 3);
    tp_scope_end(b);
    assert_int_equal(tensors(), before + 1);
    one(4);
    assert_int_equal(tensors(), before + 2);
    tp_scope_end(a);
    assert_int_equal(tensors(), before);
    tp_scope_end(NULL);
    assert_int_equal(tp_last_error().code, TP_OK);
}

static void end_of_outer_ends_inner(void **state) {
    (void)state;
    int64_t before = tensors();
    tp_scope *a = tp_scope_begin();
    tp_scope *b = tp_scope_begin();
    one(1);
    tp_scope *c = tp_scope_begin();
    one(2);
    tp_scope_end(a);
    assert_int_equal(tensors(), before);
    tp_scope *gone[] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        tp_scope_end(gone[i]);
        assert_error(TP_ERR_STATE, "scope_end: " ENDED);
    }
}

static tp_tensor *sum_of_squares(int n) {
    tp_scope *s = tp_scope_begin();
    tp_tensor *sum = one(0);
    for (int i = 1; i <= n; i++) sum = tp_add(sum, tp_square(one(i)));
    return tp_scope_return(s, sum);
}

static void returned_results(void **state) {
    (void)state;
    int64_t before = tensors();
    tp_tensor *t = sum_of_squares(4);
    assert_values(t, 30);
    assert_int_equal(tensors(), before + 1);
    tp_scope *s = tp_scope_begin();
    one(1);
    assert_null(tp_scope_return(s, NULL)); /* ends it all the same */
    assert_int_equal(tp_last_error().code, TP_OK);
    assert_int_equal(tensors(), before + 1);
    s = tp_scope_begin();
    tp_scope_begin();
    assert_ptr_equal(tp_scope_return(s, t), t); /* what the scope outside owns already, out of an inner one */
    assert_int_equal(tensors(), before + 1);
    assert_values(t, 30);
}

static void several_results(void **state) {
    (void)state;
    int64_t before = tensors();
    tp_scope *outer = tp_scope_begin(), *s = tp_scope_begin();
    tp_tensor *a = one(1), *b = one(2);
    one(3);
    assert_ptr_equal(tp_scope_escape(s, a), a);
    assert_ptr_equal(tp_scope_escape(s, b), b);
    assert_ptr_equal(tp_scope_escape(s, a), a); /* twice does no harm */
    assert_null(tp_scope_escape(s, NULL));
    assert_int_equal(tp_last_error().code, TP_OK);
    tp_scope *inner = tp_scope_begin();
    tp_tensor *c = one(4);
    tp_scope_escape(s, c); /* from an inner one, past two */
    tp_scope_end(inner);
    tp_scope_end(s);
    assert_int_equal(tensors(), before + 3);
    assert_values(a, 1);
    assert_values(b, 2);
    assert_values(c, 4);
    tp_scope_end(outer);
    assert_int_equal(tensors(), before);
}

static void ended_scopes_are_refused(void **state) {
    (void)state;
    tp_scope *s = tp_scope_begin();
    tp_scope_end(s);
    int64_t before = tensors();
    tp_tensor *t = one(1);
    assert_null(tp_scope_return(s, t));
    assert_error(TP_ERR_STATE, "scope_return: " ENDED);
    assert_null(tp_scope_escape(s, t));
    assert_error(TP_ERR_STATE, "scope_escape: " ENDED);
    assert_null(tp_scope_escape(NULL, t));
    assert_error(TP_ERR_NULL, "scope_escape: argument scope is NULL");
    assert_int_equal(tensors(), before + 1);
    assert_values(t, 1);
}

static void a_hundred_thousand_tensors(void **state) {
    (void)state;
    int64_t before = tensors();
    for (int round = 0; round < 3; round++) {
        tp_scope *s = tp_scope_begin();
        for (int i = 0; i < 100000; i++) assert_non_null(one(i));
        assert_int_equal(tensors(), before + 100000);
        tp_scope_end(s);
        assert_int_equal(tensors(), before);
    }
}

static void ten_thousand_scopes(void **state) {
    (void)state;
    int64_t before = tensors();
    tp_scope *first = tp_scope_begin();
    for (int i = 0; i < 10000; i++) {
        assert_non_null(tp_scope_begin());
        one(i);
    }
    assert_int_equal(tensors(), before + 10000);
    tp_scope_end(first);
    assert_int_equal(tensors(), before);
}

/* ---- references of one's own --------------------------------------------------------------------------- */

static void retained(void **state) {
    (void)state;
    int64_t before = tensors();
    tp_scope *s = tp_scope_begin();
    tp_tensor *t = tp_retain(one(7));
    assert_ptr_equal(tp_retain(t), t);
    tp_scope_end(s);
    assert_values(t, 7);
    tp_release(t);
    assert_values(t, 7);
    tp_release(t);
    assert_int_equal(tensors(), before);
    assert_null(tp_retain(NULL));
    tp_release(NULL);
    assert_int_equal(tp_last_error().code, TP_OK);
}

static void kept(void **state) {
    (void)state;
    int64_t before = tensors();
    tp_tensor *h = NULL;
    for (int i = 0; i < 5; i++) {
        tp_scope *s = tp_scope_begin();
        assert_ok(tp_keep(&h, h ? tp_add_scalar(h, 1) : one(10)));
        tp_scope_end(s);
        assert_int_equal(tensors(), before + 1);
    }
    assert_values(h, 14);
    assert_ok(tp_keep(&h, h)); /* itself */
    assert_values(h, 14);
    assert_int_equal(tp_keep(&h, NULL), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "keep: argument t is NULL");
    assert_int_equal(tp_keep(&h, tp_matmul(h, h)), TP_ERR_SHAPE); /* the code of what broke */
    assert_error(TP_ERR_SHAPE, "matmul: operands need at least one dim: () x ()");
    assert_values(h, 14);
    assert_int_equal(tp_keep(NULL, h), TP_ERR_NULL);
    assert_error(TP_ERR_NULL, "keep: argument slot is NULL");
    tp_release(h);
    assert_int_equal(tensors(), before);
}

/* ---- grad mode ----------------------------------------------------------------------------------------- */

static void grad_mode_is_restored(void **state) {
    (void)state;
    tp_scope *a = tp_scope_begin();
    tp_no_grad_begin();
    tp_scope *b = tp_scope_begin();
    assert_false(tp_grad_enabled());
    assert_false(tp_set_grad_enabled(true));
    tp_scope *c = tp_scope_begin();
    tp_no_grad_begin();
    tp_no_grad_begin();
    tp_scope_end(c);
    assert_true(tp_grad_enabled());
    tp_scope_end(b);
    assert_false(tp_grad_enabled());
    tp_scope_end(a);
    assert_true(tp_grad_enabled());
    assert_int_equal(tp_no_grad_end(), TP_ERR_STATE); /* the scope's end has ended it */
    assert_error(TP_ERR_STATE, "no_grad_end: no tp_no_grad_begin() is open in this scope");
    a = tp_scope_begin();
    tp_scope_begin();
    tp_no_grad_begin();
    tp_scope_return(a, one(1)); /* past the inner one */
    assert_true(tp_grad_enabled());
    tp_no_grad_begin(); /* begun before the scope: lasts after it */
    a = tp_scope_begin();
    tp_scope_end(a);
    assert_false(tp_grad_enabled());
    assert_ok(tp_no_grad_end());
    assert_true(tp_grad_enabled());
}

/* ---- memory that is the user's ------------------------------------------------------------------------- */

typedef struct released {
    int times;
    void *data;
    bool uses_library;
} released;

static void note_release(void *data, void *context) {
    released *r = context;
    r->times++;
    r->data = data;
    if (!r->uses_library) return;
    tp_scope *s = tp_scope_begin();
    tp_add(one(1), one(2));
    tp_scope_end(s);
    one(3); /* into the scope that is ending */
}

static void released_once_with_the_last_tensor(void **state) {
    (void)state;
    float data[6] = {1, 2, 3, 4, 5, 6};
    released r = {0};
    tp_scope *s = tp_scope_begin();
    tp_tensor *t = tp_from_memory(data, TP_SHAPE(2, 3), TP_F32, note_release, &r);
    assert_ptr_equal(tp_tensor_data(t), data);
    tp_tensor *row = tp_retain(tp_select(t, 0, 1));
    tp_add_scalar_(t, 1);
    assert_true(data[5] == 7);
    tp_scope_end(s);
    assert_int_equal(r.times, 0);
    assert_values(row, 5, 6, 7);
    tp_release(row);
    assert_int_equal(r.times, 1);
    assert_ptr_equal(r.data, data);
}

static void release_may_use_the_library(void **state) {
    (void)state;
    int64_t before = tensors();
    float data[4] = {0};
    released r = {.uses_library = true};
    tp_scope *s = tp_scope_begin();
    one(1);
    tp_from_memory(data, TP_SHAPE(4), TP_F32, note_release, &r);
    one(2);
    tp_scope_end(s);
    assert_int_equal(r.times, 1);
    assert_int_equal(tensors(), before);
}

/* ---- other threads ------------------------------------------------------------------------------------- */

/* Runs the body on a thread of its own; it returns what went wrong, or NULL. */
static void on_a_thread(void *(*body)(void *), void *argument) {
    pthread_t thread;
    void *wrong = NULL;
    assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
    pthread_join(thread, &wrong);
    if (wrong) fail_msg("%s", (const char *)wrong);
}

#define SAY(text)                                                                                            \
    do {                                                                                                     \
        static char said[] = text;                                                                           \
        return said;                                                                                         \
    } while (0)
#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) SAY(#condition);                                                                   \
    } while (0)

static void *meddle(void *scope) {
    tp_tensor *t = one(1);
    tp_scope_end(scope);
    EXPECT(tp_last_error().code == TP_ERR_STATE);
    EXPECT(strcmp(tp_last_error().message, "scope_end: " ENDED) == 0);
    EXPECT(tp_scope_return(scope, t) == NULL && tp_last_error().code == TP_ERR_STATE);
    EXPECT(tp_scope_escape(scope, t) == NULL && tp_last_error().code == TP_ERR_STATE);
    return NULL;
}

static void other_threads_cannot_end_it(void **state) {
    (void)state;
    tp_scope *s = tp_scope_begin();
    tp_tensor *t = one(5);
    on_a_thread(meddle, s);
    assert_values(t, 5);
    tp_scope_end(s);
    assert_int_equal(tp_last_error().code, TP_OK); /* the record is the other thread's */
}

static void *leave_it_all(void *unused) {
    (void)unused;
    tp_tensor *x = tp_set_requires_grad(tp_ones(TP_SHAPE(1000), TP_F32), true);
    tp_scope_begin();
    tp_tensor *y = tp_exp(x);
    tp_no_grad_begin();
    tp_scope_begin();
    EXPECT(tp_add(y, tp_ones(TP_SHAPE(3), TP_F32)) == NULL); /* an error that nobody reads */
    for (int i = 0; i < 5000; i++) one(i);
    return NULL;
}

static void root_scopes_end_with_their_thread(void **state) {
    (void)state;
    tp_memory_info before = tp_memory_stats();
    for (int i = 0; i < 20; i++) {
        on_a_thread(leave_it_all, NULL);
        tp_memory_info now = tp_memory_stats();
        assert_int_equal(now.live_tensors, before.live_tensors);
        assert_int_equal(now.live_storages, before.live_storages);
        assert_int_equal(now.live_nodes, before.live_nodes);
        assert_int_equal(now.in_use, before.in_use);
    }
}

static void *make_for_another(void *slot) {
    tp_scope *s = tp_scope_begin();
    *(tp_tensor **)slot = tp_retain(tp_arange(0, 1000, 1, TP_F64));
    tp_scope_end(s);
    return NULL;
}

static void *release_for_another(void *slot) {
    EXPECT(tp_tensor_at(*(tp_tensor **)slot, TP_SHAPE(999)) == 999);
    tp_release(*(tp_tensor **)slot);
    return NULL;
}

static void handed_from_thread_to_thread(void **state) {
    (void)state;
    int64_t before = tensors();
    tp_tensor *t = NULL;
    on_a_thread(make_for_another, &t);
    assert_int_equal(tensors(), before + 1);
    on_a_thread(release_for_another, &t);
    assert_int_equal(tensors(), before);
    on_a_thread(make_for_another, &t);
    tp_release(t);
    assert_int_equal(tensors(), before);
}

/* ---- shutdown ------------------------------------------------------------------------------------------ */

static void *shut_down(void *unused) {
    (void)unused;
    int64_t before = tensors();
    tp_shutdown(); /* before anything */
    tp_no_grad_begin();
    tp_tensor *t = one(1); /* makes the root, whose mode must not come back */
    EXPECT(tp_no_grad_end() == TP_OK);
    tp_scope *s = tp_scope_begin();
    tp_no_grad_begin();
    tp_scope_begin();
    for (int i = 0; i < 100; i++) tp_zeros(TP_SHAPE(1000), TP_F32);
    tp_retain(t);
    EXPECT(tensors() == before + 101);
    tp_shutdown();
    EXPECT(tensors() == before + 1); /* what is retained lives on */
    EXPECT(tp_tensor_item(t) == 1);
    tp_release(t);
    EXPECT(tensors() == before);
    EXPECT(tp_memory_stats().cached == 0);
    EXPECT(tp_grad_enabled());
    tp_scope_end(s);
    EXPECT(tp_last_error().code == TP_ERR_STATE);
    /* and on it goes */
    s = tp_scope_begin();
    EXPECT(s && tp_tensor_item(tp_sum(tp_ones(TP_SHAPE(1000), TP_F64))) == 1000);
    tp_scope_end(s);
    EXPECT(tensors() == before);
    one(2);
    tp_shutdown();
    tp_shutdown();
    EXPECT(tensors() == before);
    return NULL;
}

static void usable_after_shutdown(void **state) {
    (void)state;
    on_a_thread(shut_down, NULL);
    one(1);
}

/* ---- out of memory ------------------------------------------------------------------------------------- */

/* A thread's first scopes are two allocations each: of the root and of the scope itself. */
static void *no_memory_for_scopes(void *unused) {
    (void)unused;
    EXPECT(tp_last_error().code == TP_OK); /* registers the thread */
    for (int n = 1; n <= 4; n++) {
        tp__alloc_fail_at(n, false);
        tp_scope *s = tp_scope_begin();
        tp__alloc_fail_at(0, false);
        EXPECT(s == NULL);
        EXPECT(tp_last_error().code == TP_ERR_MEMORY);
        EXPECT(strcmp(tp_last_error().op, "scope_begin") == 0);
        tp_error_clear();
        tp_shutdown();
    }
    tp_scope *s = tp_scope_begin();
    EXPECT(s != NULL);
    for (int i = 0; i < 32; i++) EXPECT(one(i) != NULL); /* what it has room for at first */
    tp__alloc_fail_at(1, false);
    EXPECT(one(32) == NULL);
    tp__alloc_fail_at(0, false);
    EXPECT(tp_last_error().code == TP_ERR_MEMORY);
    EXPECT(one(32) != NULL);
    tp_scope_end(s);
    return NULL;
}

static void out_of_memory(void **state) {
    (void)state;
    on_a_thread(no_memory_for_scopes, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CHECK_TEST(nested),
        CHECK_TEST(end_of_outer_ends_inner),
        CHECK_TEST(returned_results),
        CHECK_TEST(several_results),
        CHECK_TEST(ended_scopes_are_refused),
        CHECK_TEST(a_hundred_thousand_tensors),
        CHECK_TEST(ten_thousand_scopes),
        CHECK_TEST(retained),
        CHECK_TEST(kept),
        CHECK_TEST(grad_mode_is_restored),
        CHECK_TEST(released_once_with_the_last_tensor),
        CHECK_TEST(release_may_use_the_library),
        CHECK_TEST(other_threads_cannot_end_it),
        CHECK_TEST(root_scopes_end_with_their_thread),
        CHECK_TEST(handed_from_thread_to_thread),
        CHECK_TEST(usable_after_shutdown),
        CHECK_TEST(out_of_memory),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
