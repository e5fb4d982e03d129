#include <string.h>

#include "ops/ops.h"
#include "taper/autograd.h"
#include "train/train.h"

/* ---- a module's state -------------------------------------------------------------------------------- */

void tp__snapshot_free(tp__snapshot *snapshot) {
    for (int i = 0; i < snapshot->count; i++) tp_release(snapshot->copies[i]);
    tp__free(snapshot->copies);
    *snapshot = (tp__snapshot){0, NULL};
}

tp_status tp__snapshot_take(const char *op, tp__snapshot *snapshot, const tp_module *m) {
    tp_named_tensors state = tp_module_state(m);
    size_t bytes = ((size_t)state.count + 1) * sizeof(tp_tensor *);
    tp__snapshot fresh = {0, tp__alloc_zero(bytes)};
    tp_scope *s = fresh.copies ? tp_scope_begin() : NULL;
    if (!s) {
        tp__free(fresh.copies);
        return tp__error_memory(op, bytes);
    }
    tp_no_grad_begin();
    bool ok = true;
    for (; ok && fresh.count < state.count; fresh.count += ok) {
        tp_tensor *copy = tp_clone(state.items[fresh.count].tensor);
        ok = copy != NULL;
        if (ok) fresh.copies[fresh.count] = tp_retain(copy);
    }
    tp_scope_end(s);
    if (!ok) {
        tp__snapshot_free(&fresh);
        return tp__failed();
    }
    tp__snapshot_free(snapshot);
    *snapshot = fresh;
    return TP_OK;
}

tp_status tp__snapshot_restore(const tp__snapshot *snapshot, tp_module *m) {
    tp_named_tensors state = tp_module_state(m);
    tp_named_tensor *items = tp__alloc(((size_t)state.count + 1) * sizeof *items);
    if (!items) return tp__error_memory("fit", (size_t)state.count * sizeof *items);
    for (int i = 0; i < state.count && i < snapshot->count; i++)
        items[i] = (tp_named_tensor){state.items[i].name, snapshot->copies[i]};
    tp_status status =
        tp_module_load_state(m, (tp_named_tensors){snapshot->count, items}, (tp_load_options){0});
    tp__free(items);
    return status;
}

/* A buffer may hold infinities, such as those of a mask. */
static tp_status snapshot_look(tp_tensor *t, bool *sound) {
    if (!tp__is_floating((tp_dtype)t->dtype)) return TP_OK;
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    tp_no_grad_begin();
    tp_tensor *all = tp_all(t->requires_grad ? tp_isfinite(t) : tp_logical_not(tp_isnan(t)));
    if (all) *sound = tp_tensor_item(all) != 0;
    tp_status status = all ? TP_OK : tp__failed();
    tp_scope_end(s);
    return status;
}

tp_status tp__finite(const tp_module *m, bool *finite) {
    tp_named_tensors state = tp_module_state(m);
    *finite = true;
    for (int i = 0; i < state.count && *finite; i++) TP_TRY(snapshot_look(state.items[i].tensor, finite));
    return TP_OK;
}

/* ---- modes ------------------------------------------------------------------------------------------- */

static int modes_count(const tp_module *m) {
    int count = 1;
    for (int i = 0; i < tp_module_child_count(m); i++) count += modes_count(tp_module_child_at(m, i));
    return count;
}

static bool *modes_read(const tp_module *m, bool *out) {
    *out++ = m->training;
    for (int i = 0; i < tp_module_child_count(m); i++) out = modes_read(tp_module_child_at(m, i), out);
    return out;
}

static const bool *modes_write(tp_module *m, const bool *modes) {
    m->training = *modes++;
    for (int i = 0; i < tp_module_child_count(m); i++) modes = modes_write(tp_module_child_at(m, i), modes);
    return modes;
}

bool *tp__modes_eval(const char *op, tp_module *m) {
    size_t bytes = (size_t)modes_count(m) * sizeof(bool);
    bool *modes = tp__alloc(bytes);
    if (!modes) {
        tp__error_memory(op, bytes);
        return NULL;
    }
    modes_read(m, modes);
    tp_module_eval(m);
    return modes;
}

void tp__modes_restore(tp_module *m, bool *modes) {
    modes_write(m, modes);
    tp__free(modes);
}
