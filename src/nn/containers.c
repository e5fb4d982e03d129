/* Modules that hold others: Sequential, ModuleList, ModuleDict. */
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
static bool nn_list_check(const char *op, tp_modules modules) {
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
static void nn_list_drop(tp_modules modules) {
    for (int i = 0; i < modules.count && modules.items; i++) {
        bool seen = !modules.items[i] || modules.items[i]->tree->parent;
        for (int j = i + 1; j < modules.count && !seen; j++) seen = modules.items[j] == modules.items[i];
        if (!seen) tp_module_free(modules.items[i]);
    }
}

/* A module of that class with the list as its children, named "0", "1", ... unless names are given. */
static tp_module *nn_list_new(const char *op, const tp_module_class *type, const char *const *names,
                              tp_modules modules) {
    tp_module *m = nn_list_check(op, modules) ? tp_module_new(type) : NULL;
    if (!m) {
        nn_list_drop(modules);
        return NULL;
    }
    bool ok = true; /* after a failure the others still pass to `m` and are freed with it */
    for (int i = 0; i < modules.count; i++)
        ok = (names ? tp_module_add(m, names[i], modules.items[i]) : tp_module_append(m, modules.items[i])) &&
             ok;
    if (ok) return m;
    tp_module_free(m);
    return NULL;
}

tp_module *tp_nn_sequential(tp_modules modules) {
    return nn_list_new("nn_sequential", &nn_sequential_class, NULL, modules);
}

static const tp_module_class nn_module_list_class = {.name = "ModuleList", .size = sizeof(tp_module)};
static const tp_module_class nn_module_dict_class = {.name = "ModuleDict", .size = sizeof(tp_module)};

tp_module *tp_nn_module_list(tp_modules modules) {
    return nn_list_new("nn_module_list", &nn_module_list_class, NULL, modules);
}

tp_module *tp_nn_module_dict(const char *const *names, tp_modules modules) {
    const char *op = "nn_module_dict";
    if (names || modules.count <= 0) return nn_list_new(op, &nn_module_dict_class, names, modules);
    tp__error_null(op, "names");
    nn_list_drop(modules);
    return NULL;
}
