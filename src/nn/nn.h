/* What the files of this room share. */
#ifndef TP__NN_NN_H
#define TP__NN_NN_H

#include "core/tensor.h"
#include "core/status.h"
#include "taper/module.h"

typedef struct tp__module_entry {
    char *name;
    tp_tensor *tensor; /* held; *slot is the same but during tp_functional_call() */
    tp_tensor **slot;
    bool buffer;
} tp__module_entry;

/* The lists handed out by tp_module_parameters() and its like, in one block. */
typedef struct tp__module_lists {
    tp_named_tensors state, named;
    tp_tensors parameters;
} tp__module_lists;

typedef struct tp__module_tree {
    tp_module *parent;
    char *name; /* in the parent */
    tp__module_entry *entries;
    tp_module **children;
    int n_entries, n_children;
    tp__module_lists *lists; /* NULL until asked for, and after a change below */
} tp__module_tree;

/* Sets NULL the lists of `m` and all above it: something below has changed. */
void tp__module_changed(tp_module *m);

/* The lists, made if need be; NULL with a record if out of memory. */
const tp__module_lists *tp__module_lists_of(const char *op, const tp_module *m);

/* The entry of a dotted name; NULL, without a record, if there is none. */
tp__module_entry *tp__module_entry_of(const tp_module *m, const char *name);

/* tp_forward() whose result the caller holds a reference to, instead of a scope. */
tp_tensor *tp__module_run(tp_module *m, tp_tensor *x);

/* The module, if it is of the class; NULL with a record. */
void *tp__module_of(const char *op, tp_module *m, const tp_module_class *type);

/* As Python prints it. */
static inline const char *tp__nn_bool(bool value) { return value ? "True" : "False"; }

/* Parameters are F32 or F64: false with a record for another dtype. */
bool tp__nn_check_dtype(const char *op, tp_dtype dtype);

/* PyTorch's default for layers that sum over inputs: registers "weight" and, where `bias` is given, "bias" of bias_size, both uniform within
 * +-1 / sqrt(the product of the weight's dims but the first), written there as kaiming_uniform_(a = sqrt(5)). */
bool tp__nn_add_weights(tp_module *m, tp_tensor **weight, tp_shape shape, tp_tensor **bias, int64_t bias_size,
                        tp_dtype dtype, tp_generator *generator);

/* Text that is cut off at the buffer's end while its length goes on counting; {buffer, size} to begin with. */
typedef struct tp__text {
    char *buffer;
    size_t size, length;
} tp__text;

void tp__text_add(tp__text *text, const char *format, ...) TP__PRINTF(2, 3);

/* "(1, 2)", and of one value "(1,)", as Python prints tuples. */
void tp__text_tuple(tp__text *text, int count, const int64_t *values);

/* How a constructor ends: ends its scope, and gives back `m`, or frees it and gives NULL if anything failed.
 * */
tp_module *tp__module_finish(tp_module *m, tp_scope *s, bool ok);

#endif
