/* The lists of a module's tensors and children, and finding them by name. */
#include "nn/nn.h"

#include <pthread.h>
#include <string.h>

#include "core/scope.h"

/* Lists are made when first asked for, which several threads that share a module may do at once. */
static pthread_mutex_t lists_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- making them ------------------------------------------------------------------------------------- */

typedef struct lists_sizes {
    int tensors, parameters;
    size_t chars, longest; /* of all names with their ends; of the path of the deepest module */
} lists_sizes;

static void lists_measure(const tp_module *m, size_t path, lists_sizes *sizes) {
    const tp__module_tree *tree = m->tree;
    if (path > sizes->longest) sizes->longest = path;
    for (int i = 0; i < tree->n_entries; i++) {
        sizes->tensors++;
        sizes->parameters += !tree->entries[i].buffer;
        sizes->chars += path + strlen(tree->entries[i].name) + 1;
    }
    for (int i = 0; i < tree->n_children; i++)
        lists_measure(tree->children[i], path + strlen(tree->children[i]->tree->name) + 1, sizes);
}

typedef struct lists_maker {
    tp_named_tensor *state, *named;
    tp_tensor **parameters;
    int n_state, n_parameters;
    char *chars; /* where the next name goes */
    char *path;  /* of the module being listed, "features.0." */
} lists_maker;

static void lists_put(lists_maker *to, const tp__module_entry *entry, size_t path) {
    size_t length = strlen(entry->name) + 1;
    memcpy(to->chars, to->path, path);
    memcpy(to->chars + path, entry->name, length);
    tp_named_tensor item = {to->chars, entry->tensor};
    to->chars += path + length;
    to->state[to->n_state++] = item;
    if (entry->buffer) return;
    for (int i = 0; i < to->n_parameters; i++)
        if (to->parameters[i] == entry->tensor) return; /* tied */
    to->named[to->n_parameters] = item;
    to->parameters[to->n_parameters++] = entry->tensor;
}

static void lists_gather(lists_maker *to, const tp_module *m, size_t path) {
    const tp__module_tree *tree = m->tree;
    for (int i = 0; i < tree->n_entries; i++)
        if (!tree->entries[i].buffer) lists_put(to, &tree->entries[i], path);
    for (int i = 0; i < tree->n_entries; i++)
        if (tree->entries[i].buffer) lists_put(to, &tree->entries[i], path);
    for (int i = 0; i < tree->n_children; i++) {
        const char *name = tree->children[i]->tree->name;
        size_t length = strlen(name);
        memcpy(to->path + path, name, length);
        to->path[path + length] = '.';
        lists_gather(to, tree->children[i], path + length + 1);
    }
}

static tp__module_lists *lists_make(const char *op, const tp_module *m) {
    lists_sizes sizes = {0};
    lists_measure(m, 0, &sizes);
    size_t named = ((size_t)sizes.tensors + (size_t)sizes.parameters) * sizeof(tp_named_tensor);
    size_t bytes = sizeof(tp__module_lists) + named + (size_t)sizes.parameters * sizeof(tp_tensor *) +
                   sizes.chars + sizes.longest;
    tp__module_lists *lists = tp__alloc(bytes);
    if (!lists) {
        tp__error_memory(op, bytes);
        return NULL;
    }
    lists_maker to = {.state = (tp_named_tensor *)(lists + 1)};
    to.named = to.state + sizes.tensors;
    to.parameters = (tp_tensor **)(to.named + sizes.parameters);
    to.chars = (char *)(to.parameters + sizes.parameters);
    to.path = to.chars + sizes.chars;
    lists_gather(&to, m, 0);
    lists->state = (tp_named_tensors){to.n_state, to.state};
    lists->named = (tp_named_tensors){to.n_parameters, to.named};
    lists->parameters = (tp_tensors){to.n_parameters, to.parameters};
    return lists;
}

const tp__module_lists *tp__module_lists_of(const char *op, const tp_module *m) {
    pthread_mutex_lock(&lists_lock);
    if (!m->tree->lists) m->tree->lists = lists_make(op, m);
    const tp__module_lists *lists = m->tree->lists;
    pthread_mutex_unlock(&lists_lock);
    return lists;
}

void tp__module_changed(tp_module *m) {
    for (; m; m = m->tree->parent) {
        tp__free(m->tree->lists);
        m->tree->lists = NULL;
    }
}

/* ---- handing them out -------------------------------------------------------------------------------- */

static const tp__module_lists *lists_require(const char *op, const tp_module *m) {
    TP_REQUIRE(m, op);
    return tp__module_lists_of(op, m);
}

tp_tensors tp_module_parameters(const tp_module *m) {
    const tp__module_lists *lists = lists_require("module_parameters", m);
    return lists ? lists->parameters : (tp_tensors){0, NULL};
}

tp_named_tensors tp_module_named_parameters(const tp_module *m) {
    const tp__module_lists *lists = lists_require("module_named_parameters", m);
    return lists ? lists->named : (tp_named_tensors){0, NULL};
}

tp_named_tensors tp_module_state(const tp_module *m) {
    const tp__module_lists *lists = lists_require("module_state", m);
    return lists ? lists->state : (tp_named_tensors){0, NULL};
}

int64_t tp_module_numel(const tp_module *m) {
    const tp__module_lists *lists = lists_require("module_numel", m);
    if (!lists) return -1;
    int64_t n = 0;
    for (int i = 0; i < lists->parameters.count; i++) n += lists->parameters.items[i]->numel;
    return n;
}

/* ---- by name ----------------------------------------------------------------------------------------- */

/* The child whose name is the first `length` characters of `name`. */
static tp_module *lists_child(const tp_module *m, const char *name, size_t length) {
    for (int i = 0; i < m->tree->n_children; i++) {
        tp_module *child = m->tree->children[i];
        if (strlen(child->tree->name) == length && memcmp(child->tree->name, name, length) == 0) return child;
    }
    return NULL;
}

tp__module_entry *tp__module_entry_of(const tp_module *m, const char *name) {
    for (const char *dot; (dot = strchr(name, '.')) != NULL; name = dot + 1)
        if (!(m = lists_child(m, name, (size_t)(dot - name)))) return NULL;
    for (int i = 0; i < m->tree->n_entries; i++)
        if (strcmp(m->tree->entries[i].name, name) == 0) return &m->tree->entries[i];
    return NULL;
}

tp_tensor *tp_module_find(const tp_module *m, const char *name) {
    const char *op = "module_find";
    TP_REQUIRE(m, op);
    TP_REQUIRE(name, op);
    const tp__module_entry *entry = tp__module_entry_of(m, name);
    if (!entry) TP_FAIL(TP_ERR_ARGUMENT, op, "%s has no parameter or buffer \"%s\"", m->type->name, name);
    tp_tensor *t = tp_retain(entry->tensor);
    if (tp__scope_own(t)) return t;
    tp_release(t);
    tp__error_memory(op, sizeof t);
    return NULL;
}

tp_module *tp_module_child(const tp_module *m, const char *name) {
    const char *op = "module_child";
    TP_REQUIRE(m, op);
    TP_REQUIRE(name, op);
    const tp_module *at = m;
    for (const char *rest = name; at && *rest;) {
        size_t length = strcspn(rest, ".");
        at = lists_child(at, rest, length);
        rest += length;
        if (*rest == '.' && !*++rest) at = NULL; /* a dot at the end */
    }
    if (!at) TP_FAIL(TP_ERR_ARGUMENT, op, "%s has no module \"%s\"", m->type->name, name);
    return (tp_module *)at;
}

int tp_module_child_count(const tp_module *m) {
    if (m) return m->tree->n_children;
    tp__error_null("module_child_count", "m");
    return -1;
}

static tp_module *lists_child_at(const char *op, const tp_module *m, int i) {
    TP_REQUIRE(m, op);
    if (i < 0 || i >= m->tree->n_children)
        TP_FAIL(TP_ERR_INDEX, op, "%s has %d children, got %d", m->type->name, m->tree->n_children, i);
    return m->tree->children[i];
}

tp_module *tp_module_child_at(const tp_module *m, int i) { return lists_child_at("module_child_at", m, i); }

const char *tp_module_child_name(const tp_module *m, int i) {
    const tp_module *child = lists_child_at("module_child_name", m, i);
    return child ? child->tree->name : NULL;
}
