/* The tree of modules: making, registering, freeing, running. */
#include "nn/nn.h"

#include <stdio.h>
#include <string.h>

#include "core/scope.h"
#include "taper/autograd.h"

/* ---- making and freeing ------------------------------------------------------------------------------ */

tp_module *tp_module_new(const tp_module_class *type) {
    const char *op = "module_new";
    TP_REQUIRE(type, op);
    if (!type->name || type->size < sizeof(tp_module))
        TP_FAIL(TP_ERR_ARGUMENT, op, "the class needs a name and a size of at least %zu, got %s and %zu",
                sizeof(tp_module), type->name ? type->name : "NULL", type->size);
    tp_module *m = tp__alloc_zero(type->size);
    tp__module_tree *tree = tp__alloc_zero(sizeof *tree);
    if (!m || !tree) {
        tp__free(m);
        tp__free(tree);
        tp__error_memory(op, type->size + sizeof *tree);
        return NULL;
    }
    *m = (tp_module){.type = type, .training = true, .tree = tree};
    tp__count(&tp__self()->counters.objects, 1);
    return m;
}

static void module_free_tree(tp_module *m) {
    tp__module_tree *tree = m->tree;
    if (m->type->free) m->type->free(m);
    for (int i = 0; i < tree->n_children; i++) module_free_tree(tree->children[i]);
    for (int i = 0; i < tree->n_entries; i++) {
        tp_release(tree->entries[i].tensor);
        tp__free(tree->entries[i].name);
    }
    tp__free(tree->entries);
    tp__free(tree->children);
    tp__free(tree->lists);
    tp__free(tree->name);
    tp__free(tree);
    tp__free(m);
    tp__count(&tp__self()->counters.objects, -1);
}

void tp_module_free(tp_module *m) {
    if (!m) return;
    if (m->tree->parent)
        tp__error(TP_ERR_STATE, "module_free", "the module is \"%s\" of a %s, which will free it",
                  m->tree->name, m->tree->parent->type->name);
    else module_free_tree(m);
}

void *tp__module_of(const char *op, tp_module *m, const tp_module_class *type) {
    TP_REQUIRE(m, op);
    if (m->type != type) TP_FAIL(TP_ERR_ARGUMENT, op, "a %s is no %s", m->type->name, type->name);
    return m;
}

tp_module *tp__module_finish(tp_module *m, tp_scope *s, bool ok) {
    tp_scope_end(s);
    if (ok) return m;
    tp_module_free(m);
    return NULL;
}

/* ---- names ------------------------------------------------------------------------------------------- */

static bool module_has_name(const tp__module_tree *tree, const char *name) {
    for (int i = 0; i < tree->n_entries; i++)
        if (strcmp(tree->entries[i].name, name) == 0) return true;
    for (int i = 0; i < tree->n_children; i++)
        if (strcmp(tree->children[i]->tree->name, name) == 0) return true;
    return false;
}

/* A copy of a name that is new in `m`; NULL with a record. */
static char *module_new_name(const char *op, const tp_module *m, const char *name) {
    TP_REQUIRE(name, op);
    if (!*name || strchr(name, '.'))
        TP_FAIL(TP_ERR_ARGUMENT, op, "a name must not be empty or contain a dot, got \"%s\"", name);
    if (module_has_name(m->tree, name))
        TP_FAIL(TP_ERR_ARGUMENT, op, "%s has a \"%s\" already", m->type->name, name);
    char *copy = tp__strdup(name);
    if (!copy) tp__error_memory(op, strlen(name) + 1);
    return copy;
}

/* ---- children ---------------------------------------------------------------------------------------- */

static bool module_lies_in(const tp_module *m, const tp_module *above) {
    for (; m; m = m->tree->parent)
        if (m == above) return true;
    return false;
}

/* False with a record; the child is as it was. */
static bool module_attach(const char *op, tp_module *m, const char *name, tp_module *child) {
    tp__module_tree *tree = m->tree;
    char *copy = module_new_name(op, m, name);
    if (!copy) return false;
    size_t bytes = ((size_t)tree->n_children + 1) * sizeof *tree->children;
    tp_module **children = tp__realloc(tree->children, bytes);
    if (!children) {
        tp__free(copy);
        tp__error_memory(op, bytes);
        return false;
    }
    tree->children = children;
    children[tree->n_children++] = child;
    child->tree->parent = m;
    child->tree->name = copy;
    tp__module_changed(m);
    return true;
}

tp_module *tp_module_add(tp_module *m, const char *name, tp_module *child) {
    const char *op = "module_add";
    TP_REQUIRE(child, op);
    if (child->tree->parent)
        TP_FAIL(TP_ERR_STATE, op, "the %s is \"%s\" of a %s already", child->type->name, child->tree->name,
                child->tree->parent->type->name);
    if (module_lies_in(m, child))
        TP_FAIL(TP_ERR_STATE, op, "the %s would lie in itself, as \"%s\"", child->type->name,
                name ? name : "");
    if (!m) tp__error_null(op, "m");
    else if (module_attach(op, m, name, child)) return child;
    tp_module_free(child);
    return NULL;
}

tp_module *tp_module_append(tp_module *m, tp_module *child) {
    char name[16];
    snprintf(name, sizeof name, "%d", m ? m->tree->n_children : 0);
    return tp_module_add(m, name, child);
}

/* ---- parameters and buffers -------------------------------------------------------------------------- */

static tp_tensor *module_register(const char *op, tp_module *m, const char *name, tp_tensor **slot,
                                  tp_tensor *value, bool buffer) {
    tp__module_tree *tree = m->tree;
    for (int i = 0; i < tree->n_entries; i++)
        if (tree->entries[i].slot == slot)
            TP_FAIL(TP_ERR_ARGUMENT, op, "the slot of \"%s\" is that of \"%s\"", name ? name : "",
                    tree->entries[i].name);
    if (!value->dense)
        TP_FAIL(TP_ERR_ARGUMENT, op, "\"%s\" is not packed, of shape %s; tp_contiguous() packs it",
                name ? name : "", tp__shape_text(value->shape));
    char *copy = module_new_name(op, m, name);
    if (!copy) return NULL;
    size_t bytes = ((size_t)tree->n_entries + 1) * sizeof *tree->entries;
    tp__module_entry *entries = tp__realloc(tree->entries, bytes);
    if (!entries) tp__error_memory(op, bytes);
    else tree->entries = entries;
    if (!entries || (!buffer && !tp_set_requires_grad(value, true))) {
        tp__free(copy);
        return NULL;
    }
    entries[tree->n_entries++] = (tp__module_entry){copy, tp_retain(value), slot, buffer};
    *slot = value;
    tp__module_changed(m);
    return value;
}

tp_tensor *tp_module_register_parameter(tp_module *m, const char *name, tp_tensor **slot, tp_tensor *value) {
    const char *op = "module_register_parameter";
    TP_REQUIRE(value, op);
    TP_REQUIRE(m, op);
    TP_REQUIRE(slot, op);
    if (!tp__is_floating((tp_dtype)value->dtype))
        TP_FAIL(TP_ERR_DTYPE, op, "a parameter is float32 or float64, got %s", tp__dtype_text(value));
    if (value->node)
        TP_FAIL(TP_ERR_AUTOGRAD, op,
                "\"%s\" is the result of the recorded op %s; tp_detach() gives one that is not",
                name ? name : "", tp_grad_op_name(value));
    return module_register(op, m, name, slot, value, false);
}

tp_tensor *tp_module_register_buffer(tp_module *m, const char *name, tp_tensor **slot, tp_tensor *value) {
    const char *op = "module_register_buffer";
    TP_REQUIRE(value, op);
    TP_REQUIRE(m, op);
    TP_REQUIRE(slot, op);
    if (value->node)
        TP_FAIL(TP_ERR_AUTOGRAD, op,
                "\"%s\" is the result of the recorded op %s; tp_detach() gives one that is not",
                name ? name : "", tp_grad_op_name(value));
    return module_register(op, m, name, slot, value, true);
}

static tp__module_entry *module_parameter_entry(const char *op, const tp_module *m, const char *name) {
    tp__module_entry *entry = name ? tp__module_entry_of(m, name) : NULL;
    if (!name) tp__error_null(op, "name");
    else if (!entry || entry->buffer)
        tp__error(TP_ERR_ARGUMENT, op, "%s has no parameter \"%s\"", m->type->name, name);
    return entry && !entry->buffer ? entry : NULL;
}

/* The module below `m` that holds the entry: its lists and those above it are out of date. */
static void module_entry_changed(tp_module *m, const tp__module_entry *entry) {
    for (int i = 0; i < m->tree->n_entries; i++)
        if (&m->tree->entries[i] == entry) tp__module_changed(m);
    for (int i = 0; i < m->tree->n_children; i++) module_entry_changed(m->tree->children[i], entry);
}

tp_status tp_module_tie(tp_module *m, const char *name, const char *source) {
    const char *op = "module_tie";
    if (!m) return tp__deliver(tp__error_null(op, "m"));
    tp__module_entry *to = module_parameter_entry(op, m, name);
    tp__module_entry *from = to ? module_parameter_entry(op, m, source) : NULL;
    if (!from) return tp__deliver(tp__error_null(op, "name"));
    if (!tp_shape_equal(to->tensor->shape, from->tensor->shape))
        return tp__deliver(tp__error(TP_ERR_SHAPE, op, "\"%s\" is %s, \"%s\" is %s", name,
                                     tp__shape_text(to->tensor->shape), source,
                                     tp__shape_text(from->tensor->shape)));
    if (to->tensor->dtype != from->tensor->dtype)
        return tp__deliver(tp__error(TP_ERR_DTYPE, op, "\"%s\" is %s, \"%s\" is %s", name,
                                     tp__dtype_text(to->tensor), source, tp__dtype_text(from->tensor)));
    tp_keep(&to->tensor, from->tensor);
    *to->slot = to->tensor;
    module_entry_changed(m, to);
    return TP_OK;
}

/* ---- running ----------------------------------------------------------------------------------------- */

/* What a forward gave, now held; it ends the scope that the forward ran in. */
static tp_tensor *module_ran(const tp_module *m, tp_scope *s, tp_tensor *y) {
    tp_retain(y);
    tp_scope_end(s);
    if (!y && !tp__error_pending())
        TP_FAIL(TP_ERR_STATE, "forward", "the forward of a %s returned NULL and left no error",
                m->type->name);
    return y;
}

tp_tensor *tp__module_run(tp_module *m, tp_tensor *x) {
    if (!m->type->forward)
        TP_FAIL(TP_ERR_STATE, "forward", "a %s has no forward%s", m->type->name,
                m->type->forward_all ? " of one tensor; use tp_forward_all()" : "");
    tp_scope *s = tp_scope_begin();
    return s ? module_ran(m, s, m->type->forward(m, x)) : NULL;
}

/* Into the caller's scope. */
static tp_tensor *module_hand_over(tp_tensor *y) {
    if (!y || tp__scope_own(y)) return y;
    tp_release(y);
    tp__error_memory("forward", sizeof y);
    return NULL;
}

tp_tensor *tp_forward(tp_module *m, tp_tensor *x) {
    TP_REQUIRE(m, "forward");
    TP_REQUIRE(x, "forward");
    return module_hand_over(tp__module_run(m, x));
}

tp_tensor *tp_forward_all(tp_module *m, tp_tensors inputs) {
    const char *op = "forward_all";
    TP_REQUIRE(m, op);
    TP_TRY_NULL(tp__check_list(op, "inputs", inputs.count, inputs.items));
    if (m->type->forward_all) {
        tp_scope *s = tp_scope_begin();
        return s ? module_hand_over(module_ran(m, s, m->type->forward_all(m, inputs))) : NULL;
    }
    if (inputs.count == 1) return tp_forward(m, inputs.items[0]);
    if (!m->type->forward) TP_FAIL(TP_ERR_STATE, op, "a %s has no forward", m->type->name);
    TP_FAIL(TP_ERR_ARGUMENT, op, "a %s takes one tensor, got %d", m->type->name, inputs.count);
}

typedef struct module_swap {
    tp_tensor **slot, *before;
} module_swap;

static int module_count_parameters(const tp_module *m) {
    int n = 0;
    for (int i = 0; i < m->tree->n_entries; i++) n += !m->tree->entries[i].buffer;
    for (int i = 0; i < m->tree->n_children; i++) n += module_count_parameters(m->tree->children[i]);
    return n;
}

/* Puts `by` into the slots below `m`. `next` is where in the list the search for a tensor begins: all but
 * tied parameters come in its order. */
static void module_swap_in(const tp_module *m, tp_tensors own, tp_tensors by, int *next, module_swap **swap) {
    for (int i = 0; i < m->tree->n_entries; i++) {
        const tp__module_entry *entry = &m->tree->entries[i];
        if (entry->buffer) continue;
        int at = *next;
        if (at < own.count && own.items[at] == entry->tensor) ++*next;
        else
            for (at = 0; own.items[at] != entry->tensor; at++) {
            }
        *(*swap)++ = (module_swap){entry->slot, *entry->slot};
        *entry->slot = by.items[at];
    }
    for (int i = 0; i < m->tree->n_children; i++) module_swap_in(m->tree->children[i], own, by, next, swap);
}

static bool module_check_substitutes(const char *op, const tp_module *m, tp_tensors own, tp_tensors tensors) {
    if (tensors.count != own.count) {
        tp__error(TP_ERR_ARGUMENT, op, "%s has %d parameters, got %d tensors", m->type->name, own.count,
                  tensors.count);
        return false;
    }
    if (tp__check_list(op, "tensors", tensors.count, tensors.items) != TP_OK) return false;
    for (int i = 0; i < own.count; i++) {
        if (!tensors.items[i]) {
            if (!tp__error_pending()) tp__error(TP_ERR_NULL, op, "tensor %d is NULL", i);
            return false;
        }
        if (!tp_shape_equal(tensors.items[i]->shape, own.items[i]->shape)) {
            tp__error(TP_ERR_SHAPE, op, "tensor %d is %s, the parameter %s", i,
                      tp__shape_text(tensors.items[i]->shape), tp__shape_text(own.items[i]->shape));
            return false;
        }
    }
    return true;
}

tp_tensor *tp_functional_call(tp_module *m, tp_tensors tensors, tp_tensor *x) {
    const char *op = "functional_call";
    TP_REQUIRE(m, op);
    TP_REQUIRE(x, op);
    const tp__module_lists *lists = tp__module_lists_of(op, m);
    if (!lists || !module_check_substitutes(op, m, lists->parameters, tensors)) return NULL;
    size_t bytes = (size_t)module_count_parameters(m) * sizeof(module_swap);
    module_swap *swaps = tp__alloc(bytes ? bytes : 1), *end = swaps;
    if (!swaps) {
        tp__error_memory(op, bytes);
        return NULL;
    }
    int next = 0;
    module_swap_in(m, lists->parameters, tensors, &next, &end);
    tp_tensor *y = tp_forward(m, x);
    while (end != swaps) {
        end--;
        *end->slot = end->before;
    }
    tp__free(swaps);
    return y;
}

/* ---- modes ------------------------------------------------------------------------------------------- */

static void module_set_training(tp_module *m, bool training) {
    m->training = training;
    for (int i = 0; i < m->tree->n_children; i++) module_set_training(m->tree->children[i], training);
}

tp_status tp_module_train(tp_module *m) {
    if (!m) return tp__deliver(tp__error_null("module_train", "m"));
    module_set_training(m, true);
    return TP_OK;
}

tp_status tp_module_eval(tp_module *m) {
    if (!m) return tp__deliver(tp__error_null("module_eval", "m"));
    module_set_training(m, false);
    return TP_OK;
}

/* Registering a parameter has made all that tp_set_requires_grad() could fail to make. */
static void module_set_requires_grad(tp_module *m, bool requires_grad) {
    for (int i = 0; i < m->tree->n_entries; i++)
        if (!m->tree->entries[i].buffer) m->tree->entries[i].tensor->requires_grad = requires_grad;
    for (int i = 0; i < m->tree->n_children; i++)
        module_set_requires_grad(m->tree->children[i], requires_grad);
}

tp_status tp_module_requires_grad(tp_module *m, bool requires_grad) {
    if (!m) return tp__deliver(tp__error_null("module_requires_grad", "m"));
    module_set_requires_grad(m, requires_grad);
    return TP_OK;
}

static void module_clear_grads(tp_module *m) {
    for (int i = 0; i < m->tree->n_entries; i++)
        if (!m->tree->entries[i].buffer) tp_zero_grad(m->tree->entries[i].tensor);
    for (int i = 0; i < m->tree->n_children; i++) module_clear_grads(m->tree->children[i]);
}

tp_status tp_module_zero_grad(tp_module *m) {
    if (!m) return tp__deliver(tp__error_null("module_zero_grad", "m"));
    module_clear_grads(m);
    return TP_OK;
}
