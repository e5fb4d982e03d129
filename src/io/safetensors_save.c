/* Writing safetensors, and what modules keep in them. */
#include <stdlib.h>
#include <string.h>

#include "core/scope.h"
#include "io/io.h"
#include "ops/ops.h"
#include "taper/io.h"

/* As the format's own library orders them: the tensors of the largest elements first, so that each lies at a multiple of
 * its element's size. */
typedef struct save_item {
    const char *name;
    tp_tensor *tensor;
    int place; /* in the caller's list */
} save_item;

static size_t save_itemsize(const save_item *item) { return tp__itemsize((tp_dtype)item->tensor->dtype); }

static int save_compare(const void *a, const void *b) {
    const save_item *x = a, *y = b;
    if (save_itemsize(x) != save_itemsize(y)) return save_itemsize(x) > save_itemsize(y) ? -1 : 1;
    return x->place - y->place;
}

static int save_compare_names(const void *a, const void *b) {
    return strcmp(((const save_item *)a)->name, ((const save_item *)b)->name);
}

static tp_status save_check(const char *op, tp_named_tensors tensors, save_item *items) {
    for (int i = 0; i < tensors.count; i++) {
        const tp_named_tensor *t = &tensors.items[i];
        char argument[48];
        snprintf(argument, sizeof argument, "tensors[%d]'s %s", i, t->name ? "tensor" : "name");
        if (!t->name || !t->tensor) return tp__error_null(op, argument);
        if (strcmp(t->name, "__metadata__") == 0)
            return tp__error(TP_ERR_ARGUMENT, op, "no tensor can be called __metadata__");
        items[i] = (save_item){t->name, t->tensor, i};
    }
    qsort(items, (size_t)tensors.count, sizeof *items, save_compare_names);
    for (int i = 1; i < tensors.count; i++)
        if (strcmp(items[i - 1].name, items[i].name) == 0)
            return tp__error(TP_ERR_ARGUMENT, op, "two tensors are called \"%.200s\"", items[i].name);
    qsort(items, (size_t)tensors.count, sizeof *items, save_compare);
    return TP_OK;
}

static tp_status save_check_texts(const char *op, tp_named_texts metadata) {
    for (int i = 0; i < metadata.count; i++) {
        if (!metadata.items[i].name || !metadata.items[i].text)
            return tp__error_null(op, "metadata's name or text");
        for (int j = 0; j < i; j++)
            if (strcmp(metadata.items[i].name, metadata.items[j].name) == 0)
                return tp__error(TP_ERR_ARGUMENT, op, "metadata has \"%.200s\" twice",
                                 metadata.items[i].name);
    }
    return TP_OK;
}

/* The header, padded with blanks to a multiple of 8 bytes, and its size in front. */
static void save_header(tp__writer *w, const save_item *items, int count, tp_named_texts metadata) {
    static const char *const dtypes[TP_DTYPE_COUNT] = {"F32", "F64", "I64", "I32", "U8", "BOOL"};
    const char *comma = "";
    int64_t at = 0;
    tp__writer_bytes(w, "\0\0\0\0\0\0\0\0{", 9);
    for (int i = 0; i < metadata.count; i++) {
        tp__writer_printf(w, "%s", i == 0 ? "\"__metadata__\":{" : ",");
        tp__writer_json(w, metadata.items[i].name);
        tp__writer_printf(w, ":");
        tp__writer_json(w, metadata.items[i].text);
        comma = "},";
    }
    for (int i = 0; i < count; i++, comma = ",") {
        const tp_tensor *t = items[i].tensor;
        tp__writer_printf(w, "%s", comma);
        tp__writer_json(w, items[i].name);
        tp__writer_printf(w, ":{\"dtype\":\"%s\",\"shape\":[", dtypes[t->dtype]);
        for (int d = 0; d < t->shape.ndim; d++)
            tp__writer_printf(w, "%s%lld", d ? "," : "", (long long)t->shape.dims[d]);
        int64_t end = at + t->numel * (int64_t)tp__itemsize((tp_dtype)t->dtype);
        tp__writer_printf(w, "],\"data_offsets\":[%lld,%lld]}", (long long)at, (long long)end);
        at = end;
    }
    tp__writer_printf(w, "%s}", count == 0 && metadata.count > 0 ? "}" : "");
    while (!w->failed && tp__writer_size(w) % 8 != 0) tp__writer_bytes(w, " ", 1);
    unsigned char number[8];
    uint64_t size = (uint64_t)tp__writer_size(w) - 8;
    for (int i = 0; i < 8; i++) number[i] = (unsigned char)(size >> 8 * i);
    tp__writer_over(w, number, 8);
}

static tp_status save_data(tp__writer *w, const save_item *item) {
    tp_scope *s = tp_scope_begin();
    if (!s) return TP_ERR_MEMORY;
    size_t size = save_itemsize(item), bytes = (size_t)item->tensor->numel * size;
    tp_tensor *t = tp__packed(w->op, item->tensor, (tp_dtype)item->tensor->dtype);
    if (t && TP__BIG_ENDIAN && size > 1) {
        t = tp_clone(t);
        if (t) tp__swap_bytes(tp__data(t), size, t->numel);
    }
    if (t) tp__writer_bytes(w, tp__data(t), bytes);
    tp_scope_end(s);
    return t ? TP_OK : TP_ERR_MEMORY;
}

static tp_status save_all(const char *op, const char *path, save_item *items, int count,
                          tp_named_texts metadata) {
    tp__writer w;
    if (!tp__writer_open(&w, op, path)) return tp_last_error().code;
    save_header(&w, items, count, metadata);
    for (int i = 0; i < count; i++) {
        tp_status status = save_data(&w, &items[i]);
        if (status == TP_OK) continue;
        tp__writer_abandon(&w);
        return status;
    }
    return tp__writer_close(&w);
}

static tp_status save_named(const char *op, const char *path, tp_named_tensors tensors,
                            tp_named_texts metadata) {
    TP_TRY(tp__check_list(op, "tensors", tensors.count, tensors.items));
    TP_TRY(tp__check_list(op, "metadata", metadata.count, metadata.items));
    size_t bytes = ((size_t)tensors.count + 1) * sizeof(save_item);
    save_item *items = tp__alloc(bytes);
    if (!items) return tp__error_memory(op, bytes);
    tp_status status = save_check(op, tensors, items);
    if (status == TP_OK) status = save_check_texts(op, metadata);
    if (status == TP_OK) status = save_all(op, path, items, tensors.count, metadata);
    tp__free(items);
    return status;
}

tp_status tp_safetensors_save(const char *path, tp_named_tensors tensors, tp_named_texts metadata) {
    const char *op = "safetensors_save";
    if (!path) return tp__deliver(tp__error_null(op, "path"));
    return tp__deliver(save_named(op, path, tensors, metadata));
}

/* ---- modules ----------------------------------------------------------------------------------------- */

tp_status tp_module_save(const tp_module *m, const char *path) {
    const char *op = "module_save";
    if (!m || !path) return tp__deliver(tp__error_null(op, m ? "path" : "m"));
    tp_named_tensors state = tp_module_state(m);
    if (!state.items && tp__error_pending()) return tp__deliver(tp_last_error().code);
    return tp__deliver(save_named(op, path, state, (tp_named_texts){0, NULL}));
}

static tp_status load_module(tp_module *m, const tp_safetensors *file, tp_load_options options) {
    int count = tp_safetensors_count(file);
    size_t bytes = ((size_t)count + 1) * sizeof(tp_named_tensor);
    tp_named_tensor *items = tp__alloc(bytes);
    if (!items) return tp__error_memory("module_load", bytes);
    tp_status status = TP_OK;
    for (int i = 0; status == TP_OK && i < count; i++) {
        items[i].name = tp_safetensors_name(file, i);
        items[i].tensor = tp_safetensors_get(file, items[i].name);
        if (!items[i].tensor) status = tp_last_error().code;
    }
    if (status == TP_OK) status = tp_module_load_state(m, (tp_named_tensors){count, items}, options);
    tp__free(items);
    return status;
}

tp_status tp_module_load(tp_module *m, const char *path, tp_load_options options) {
    const char *op = "module_load";
    if (!m || !path) return tp__deliver(tp__error_null(op, m ? "path" : "m"));
    tp_scope *s = tp_scope_begin();
    tp_safetensors *file = s ? tp_safetensors_open(path) : NULL;
    tp_status status = file ? load_module(m, file, options) : tp_last_error().code;
    tp_safetensors_close(file);
    tp_scope_end(s);
    return tp__deliver(status);
}
