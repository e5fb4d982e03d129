#include <stdio.h>

#include "core/scope.h"
#include "nn/nn.h"
#include "taper/nn.h"

static tp_tensor *nn_sequential_forward(tp_module *m, tp_tensor *x);

static const tp_module_class nn_sequential_class = {.name = "Sequential",
                                                    .size = sizeof(tp_module),
                                                    .forward = nn_sequential_forward};

/* Takes over the caller's reference to `x`, and returns one to the result. A Sequential inside does likewise,
 * so that its input too is gone once it has been used. */
static tp_tensor *nn_sequential_run(const tp_module *m, tp_tensor *x) {
    for (int i = 0; x && i < m->tree->n_children; i++) {
        tp_module *child = m->tree->children[i];
        if (child->type == &nn_sequential_class) {
            x = nn_sequential_run(child, x);
        } else {
            tp_tensor *y = tp__module_run(child, x);
            tp_release(x);
            x = y;
        }
    }
    return x;
}

static tp_tensor *nn_sequential_forward(tp_module *m, tp_tensor *x) {
    tp_tensor *y = nn_sequential_run(m, tp_retain(x));
    if (!y || tp__scope_own(y)) return y;
    tp_release(y);
    tp__error_memory("forward", sizeof y);
    return NULL;
}

/* Says what is wrong with the list before anything is done with it. */
static bool nn_sequential_check(tp_modules modules) {
    const char *op = "nn_sequential";
    if (modules.count < 0 || (modules.count > 0 && !modules.items)) {
        tp__error(TP_ERR_ARGUMENT, op, "a list of %d modules at %p", modules.count, (void *)modules.items);
        return false;
    }
    bool ok = true;
    for (int i = 0; i < modules.count; i++) {
        if (!modules.items[i]) {
            if (!tp__error_pending()) tp__error(TP_ERR_NULL, op, "module %d is NULL", i);
            ok = false;
        }
        for (int j = 0; j < i && modules.items[i]; j++)
            if (modules.items[j] == modules.items[i]) {
                tp__error(TP_ERR_STATE, op, "module %d is module %d too", i, j);
                ok = false;
            }
    }
    return ok;
}

/* Frees the modules of a list that does not become one: those that have no parent, each once. */
static void nn_sequential_drop(tp_modules modules) {
    for (int i = 0; i < modules.count && modules.items; i++) {
        bool seen = !modules.items[i] || modules.items[i]->tree->parent;
        for (int j = i + 1; j < modules.count && !seen; j++) seen = modules.items[j] == modules.items[i];
        if (!seen) tp_module_free(modules.items[i]);
    }
}

tp_module *tp_nn_sequential(tp_modules modules) {
    tp_module *m = nn_sequential_check(modules) ? tp_module_new(&nn_sequential_class) : NULL;
    if (!m) {
        nn_sequential_drop(modules);
        return NULL;
    }
    bool ok = true;
    for (int i = 0; i < modules.count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        if (!tp_module_add(m, name, modules.items[i]))
            ok = false; /* the others pass to `m` and are freed with it */
    }
    if (ok) return m;
    tp_module_free(m);
    return NULL;
}
