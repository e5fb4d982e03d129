#include "core/scope.h"

#define SCOPE_FIRST_CAPACITY 32
#define SCOPE_SPARE_CAPACITY 4096 /* a scope that grew beyond this gives its array back */

static tp_scope *scope_make(void) {
    tp_scope *s = tp__alloc(sizeof *s);
    tp_tensor **items = tp__alloc(SCOPE_FIRST_CAPACITY * sizeof *items);
    if (!s || !items) {
        tp__free(s);
        tp__free(items);
        return NULL;
    }
    *s = (tp_scope){.items = items, .capacity = SCOPE_FIRST_CAPACITY};
    return s;
}

static void scope_destroy(tp_scope *s) {
    tp__free(s->items);
    tp__free(s);
}

/* Opens a scope, a spare one if there is any. */
static tp_scope *scope_push(tp__thread *self) {
    tp_scope *s = self->spare_scopes;
    if (s) self->spare_scopes = s->outer;
    else if (!(s = scope_make())) return NULL;
    s->count = 0;
    s->outer = self->scope;
    s->grad_off = self->grad_off;
    s->no_grad_depth = self->no_grad_depth;
    s->label = self->label;
    self->scope = s;
    return s;
}

static tp_scope *scope_current(tp__thread *self) {
    if (TP__LIKELY(self->scope != NULL)) return self->scope;
    return scope_push(self); /* the root */
}

/* Room for one more in `s`. */
static bool scope_grow(tp_scope *s) {
    if (TP__LIKELY(s->count < s->capacity)) return true;
    if (s->capacity > INT32_MAX / 2) return false;
    tp_tensor **items = tp__realloc(s->items, 2 * (size_t)s->capacity * sizeof *items);
    if (!items) return false;
    s->items = items;
    s->capacity *= 2;
    return true;
}

bool tp__scope_reserve(void) {
    tp_scope *s = scope_current(tp__self());
    return s && scope_grow(s);
}

bool tp__scope_own(tp_tensor *t) {
    if (!tp__scope_reserve()) return false;
    tp_scope *s = tp__tls.scope;
    s->items[s->count++] = t;
    return true;
}

void tp__scope_take_back(tp_tensor *t) {
    tp_scope *s = tp__tls.scope;
    if (!s || s->count == 0 || s->items[s->count - 1] != t) return;
    s->count--;
    tp__tensor_unref(t);
}

void tp__scope_clear(tp_scope *scope) {
    while (scope->count > 0) tp__tensor_unref(scope->items[--scope->count]);
}

/* Ends the innermost scope. */
static void scope_pop(tp__thread *self) {
    tp_scope *s = self->scope;
    tp__scope_clear(s);
    self->scope = s->outer;
    if (s->outer) { /* the root was made by whatever came first: its mode means nothing */
        self->grad_off = s->grad_off;
        self->no_grad_depth = s->no_grad_depth;
        self->label = s->label;
    }
    if (s->capacity > SCOPE_SPARE_CAPACITY || TP__NO_CACHE) {
        scope_destroy(s);
    } else {
        s->outer = self->spare_scopes;
        self->spare_scopes = s;
    }
}

/* Is `scope` one of the calling thread's open scopes, other than the root? It is compared, never read, so
 * that a pointer to an ended scope does no harm. */
static bool scope_is_open(const tp__thread *self, const tp_scope *scope) {
    for (const tp_scope *s = self->scope; s && s->outer; s = s->outer)
        if (s == scope) return true;
    return false;
}

static bool scope_check(const char *op, const tp__thread *self, const tp_scope *scope) {
    if (TP__LIKELY(scope_is_open(self, scope))) return true;
    tp__error(TP_ERR_STATE, op, "the scope has ended already or belongs to another thread");
    return false;
}

tp_scope *tp_scope_begin(void) {
    tp__thread *self = tp__self();
    /* The root must lie below, or this scope would be taken for it. */
    tp_scope *s = scope_current(self) ? scope_push(self) : NULL;
    if (!s) tp__error_memory("scope_begin", sizeof *s);
    return s;
}

void tp_scope_end(tp_scope *scope) {
    if (!scope) return;
    tp__thread *self = tp__self();
    if (!scope_check("scope_end", self, scope)) return;
    while (self->scope != scope) scope_pop(self);
    scope_pop(self);
}

static bool scope_give(const char *op, tp_scope *s, tp_tensor *t) {
    if (!scope_grow(s)) {
        tp__error_memory(op, 2 * (size_t)s->capacity * sizeof t);
        return false;
    }
    tp__ref(&t->refs);
    s->items[s->count++] = t;
    return true;
}

tp_tensor *tp_scope_escape(tp_scope *scope, tp_tensor *t) {
    tp__thread *self = tp__self();
    if (!scope) {
        tp__error_null("scope_escape", "scope");
        return NULL;
    }
    if (!scope_check("scope_escape", self, scope)) return NULL;
    return t && scope_give("scope_escape", scope->outer, t) ? t : NULL;
}

tp_tensor *tp_scope_return(tp_scope *scope, tp_tensor *t) {
    tp__thread *self = tp__self();
    if (!scope) {
        tp__error_null("scope_return", "scope");
        return NULL;
    }
    if (!scope_check("scope_return", self, scope)) return NULL;
    if (t && !scope_give("scope_return", scope->outer, t)) t = NULL;
    tp_scope_end(scope);
    return t;
}

tp_tensor *tp_retain(tp_tensor *t) {
    if (t) tp__ref(&t->refs);
    return t;
}

void tp_release(tp_tensor *t) {
    if (t) tp__tensor_unref(t);
}

tp_status tp_keep(tp_tensor **slot, tp_tensor *t) {
    if (!slot) return tp__deliver(tp__error_null("keep", "slot"));
    if (!t) return tp__deliver(tp__error_null("keep", "t"));
    tp__ref(&t->refs);
    tp_release(*slot);
    *slot = t;
    return TP_OK;
}

void tp__scope_thread_exit(void) {
    tp__thread *self = &tp__tls;
    while (self->scope) scope_pop(self);
    while (self->spare_scopes) {
        tp_scope *s = self->spare_scopes;
        self->spare_scopes = s->outer;
        scope_destroy(s);
    }
}
