/* Modules: trees of parameters, buffers and child modules, with a forward function.
 *
 * The ready-made ones are in nn.h. A module of one's own is a struct that begins with a tp_module, and a
 * class:
 *
 *     typedef struct { tp_module base; tp_module *fc1, *fc2; } net;
 *
 *     static tp_tensor *net_forward(tp_module *m, tp_tensor *x) {
 *         net *self = (net *)m;
 *         return tp_forward(self->fc2, tp_relu(tp_forward(self->fc1, x)));
 *     }
 *     static const tp_module_class net_class = {.name = "Net", .size = sizeof(net), .forward = net_forward};
 *
 *     net *n = (net *)tp_module_new(&net_class);
 *     n->fc1 = tp_module_add(&n->base, "fc1", tp_nn_linear(784, 128, (tp_linear_options){0}));
 *     n->fc2 = tp_module_add(&n->base, "fc2", tp_nn_linear(128, 10, (tp_linear_options){0}));
 *     ...
 *     tp_module_free(&n->base);
 *
 * A module owns its tensors and its children; freeing the top of a tree frees all of it. One module may run
 * on several threads at once as long as nobody changes it: training steps, tp_module_train(), loading and
 * tp_functional_call() are changes, and so is a forward in training mode of a module that keeps running
 * figures. */
#ifndef TAPER_MODULE_H
#define TAPER_MODULE_H

#include "taper/base.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

typedef struct tp_module tp_module;

/* What all modules of one kind share. It must outlive them; normally it is static. */
typedef struct tp_module_class {
    const char *name; /* as printed: "Linear" */
    size_t size;      /* of the struct that begins with a tp_module */

    /* x -> y, called by tp_forward() in a scope of its own. A failure is told by NULL with an error left
     * behind, as ops and tp_error_set() leave it. It must not throw or longjmp. NULL for a module that only
     * holds others. */
    tp_tensor *(*forward)(tp_module *m, tp_tensor *x);

    /* The same of what takes several tensors, as a loss does, called by tp_forward_all(); NULL for the others. It sees to their number
     * itself; inputs may be NULL. */
    tp_tensor *(*forward_all)(tp_module *m, tp_tensors inputs);

    /* Releases what the struct owns besides registered tensors and children, before those go; NULL for
     * nothing. */
    void (*free)(tp_module *m);

    /* Writes the options to be printed, "in_features=2, out_features=3", as snprintf does; NULL for none. */
    int (*describe)(const tp_module *m, char *buffer, size_t size);
} tp_module_class;

/* The first member of every module's struct. */
struct tp_module {
    const tp_module_class *type;
    bool training;                /* for forward to read; set by tp_module_train() and tp_module_eval() */
    struct tp__module_tree *tree; /* private */
};

/* A list of modules, borrowed: TP_MODULES(a, b). NULL elements are failures passed on, not the end. */
typedef struct tp_modules {
    int count;
    tp_module **items;
} tp_modules;

/* Tensors and their names, "fc1.weight". */
typedef struct tp_named_tensor {
    const char *name;
    tp_tensor *tensor;
} tp_named_tensor;

typedef struct tp_named_tensors {
    int count;
    const tp_named_tensor *items;
} tp_named_tensors;

TP_END_DECLS

#ifdef __cplusplus
template <int N>
struct tp__module_list { /* lives to the end of the full expression that TP_MODULES stands in */
    tp_module *items[N];
    operator tp_modules() { return tp_modules{N, items}; }
};
template <class... A> tp__module_list(A...) -> tp__module_list<(int)sizeof...(A)>;
#define TP_MODULES(...)                                                                                      \
    (tp__module_list{__VA_ARGS__}) /* braces: made from left to right, as drawing weights needs */
#else
/* Its array lives to the end of the enclosing block. */
#define TP_MODULES(...) ((tp_modules){TP__COUNT(tp_module *, __VA_ARGS__), (tp_module *[]){__VA_ARGS__}})
#endif

TP_BEGIN_DECLS

/* Making and freeing. */

/* A new module, in training mode, of type->size bytes that are zero after the base; to be freed with
 * tp_module_free() or given to a parent. Errors: TP_ERR_ARGUMENT for a size below that of tp_module or no
 * name, TP_ERR_MEMORY. */
TP_API tp_module *tp_module_new(const tp_module_class *type);

/* Frees the module and all below it. NULL does nothing. Error (kept in the record, nothing is freed):
 * TP_ERR_STATE for a module that has a parent, since that will free it. */
TP_API void tp_module_free(tp_module *m);

/* Gives `child` to `m` under `name` and returns it. `m` owns it from then on, and frees it at once if this
 * fails; only a child that has a parent already, or that `m` lies in, stays as it was. A NULL child is an
 * error that waits in the record, so that constructors are written without checks.
 * Errors: TP_ERR_NULL; TP_ERR_STATE for a child with a parent or above `m` (a module has one place; to share
 * weights, tie parameters); TP_ERR_ARGUMENT for a name that is empty, contains a dot or is taken in `m`;
 * TP_ERR_MEMORY. */
TP_API tp_module *tp_module_add(tp_module *m, const char *name, tp_module *child);

/* The same under the next number: "0" in a module without children. For lists and Sequential. */
TP_API tp_module *tp_module_append(tp_module *m, tp_module *child);

/* Makes `value` a parameter of `m`: sets *slot, a member of the module's struct from which forward reads it,
 * and requires_grad. `m` takes a reference. Nobody else writes to the slot, and the tensor stays the same one
 * for the module's life: optimizers and loading write into it. The same tensor may be registered several
 * times (a tied parameter). Returns `value`, or NULL with *slot unchanged.
 * Errors: TP_ERR_NULL; TP_ERR_DTYPE unless F32 or F64; TP_ERR_AUTOGRAD for the result of a recorded op;
 * TP_ERR_ARGUMENT for a tensor that is not packed (tp_contiguous() packs one), a slot in use, or a name as
 * above; TP_ERR_MEMORY. */
TP_API tp_tensor *tp_module_register_parameter(tp_module *m, const char *name, tp_tensor **slot,
                                               tp_tensor *value);

/* The same for a buffer: a tensor of any dtype that belongs to the module's state but is not trained. */
TP_API tp_tensor *tp_module_register_buffer(tp_module *m, const char *name, tp_tensor **slot,
                                            tp_tensor *value);

/* Makes parameter `name` the very tensor that parameter `source` is; both are dotted names below `m`. It is
 * then listed once among the parameters and under each name in the state. Do it before making an optimizer,
 * which would hold the tensor that is dropped here. Errors: TP_ERR_ARGUMENT for names that are no parameters,
 * TP_ERR_SHAPE, TP_ERR_DTYPE if the two differ. */
TP_API tp_status tp_module_tie(tp_module *m, const char *name, const char *source);

/* Running. */

/* The module's result for `x`, in the caller's scope; what forward made besides is released, but for what the
 * tape saved. Errors: TP_ERR_STATE if the class has no forward; those of forward. */
TP_API tp_tensor *tp_forward(tp_module *m, tp_tensor *x);

/* The same for several tensors, tp_forward_all(loss, TP_TENSORS(y, target)); a single one may also go to a class that has only forward. Errors:
 * also TP_ERR_ARGUMENT for a number of tensors that the class does not take. */
TP_API tp_tensor *tp_forward_all(tp_module *m, tp_tensors inputs);

/* tp_forward() with tensors[i] in the place of the module's i-th parameter (in the order of
 * tp_module_parameters()), through which gradients flow; the parameters themselves are not touched. Buffers
 * are the module's own.
 * Errors: TP_ERR_ARGUMENT unless there is one tensor a parameter, TP_ERR_SHAPE if one has another shape;
 * those of forward.
 * Source: torch.func.functional_call. */
TP_API tp_tensor *tp_functional_call(tp_module *m, tp_tensors tensors, tp_tensor *x);

/* Sets the mode of the module and all below it: dropout and batch normalisation differ. */
TP_API tp_status tp_module_train(tp_module *m);
TP_API tp_status tp_module_eval(tp_module *m);

/* Freezes (false) all parameters of the module and below, or thaws them. Gradients they hold stay. */
TP_API tp_status tp_module_requires_grad(tp_module *m, bool requires_grad);

/* Clears the gradients of all parameters of the module and below. */
TP_API tp_status tp_module_zero_grad(tp_module *m);

/* Looking inside. Lists are the module's own: valid until a tensor or module is added, tied or freed anywhere
 * below `m`. Order: a module's own tensors as registered, then its children's, as PyTorch's. After an error:
 * count 0. */

/* The parameters, frozen ones too, each once. */
TP_API tp_tensors tp_module_parameters(const tp_module *m);
TP_API tp_named_tensors tp_module_named_parameters(const tp_module *m);

/* All that makes up the module's state: parameters under each of their names, and buffers. PyTorch's
 * state_dict(). */
TP_API tp_named_tensors tp_module_state(const tp_module *m);

/* The number of elements of all parameters, each counted once; -1 after an error. */
TP_API int64_t tp_module_numel(const tp_module *m);

/* The parameter or buffer of that dotted name, "fc1.weight", in the current scope too. Errors:
 * TP_ERR_ARGUMENT if there is none. */
TP_API tp_tensor *tp_module_find(const tp_module *m, const char *name);

/* The module of that dotted name, "features.0", lent; "" is `m` itself. Errors: TP_ERR_ARGUMENT if there is
 * none. */
TP_API tp_module *tp_module_child(const tp_module *m, const char *name);

/* The direct children, in the order in which they were added, and their names. Errors: TP_ERR_INDEX. */
TP_API int tp_module_child_count(const tp_module *m); /* -1 after an error */
TP_API tp_module *tp_module_child_at(const tp_module *m, int i);
TP_API const char *tp_module_child_name(const tp_module *m, int i);

typedef struct tp_load_options {
    bool allow_missing;    /* what has no tensor of its name stays as it is */
    bool allow_unexpected; /* tensors that fit no name are passed over */
} tp_load_options;

/* Copies tensors into the parameters and buffers of the same names, converting between F32 and F64 and among
 * integers. Nothing is changed unless all of it can be. Errors, which list the names: TP_ERR_ARGUMENT for
 * names that are missing, unexpected or given twice; TP_ERR_SHAPE; TP_ERR_DTYPE; TP_ERR_NULL for a tensor
 * that is NULL; TP_ERR_MEMORY. */
TP_API tp_status tp_module_load_state(tp_module *m, tp_named_tensors state, tp_load_options options);

/* Prints the tree as PyTorch does, without a newline at the end:
 *     Sequential(
 *       (0): Linear(in_features=784, out_features=128, bias=True)
 *       (1): ReLU()
 *     )
 * The second form behaves as snprintf: it writes at most `size` bytes including the terminating 0, and
 * returns the length of the whole text, -1 after an error. Errors of the first: TP_ERR_IO, TP_ERR_MEMORY. */
TP_API tp_status tp_module_fprint(FILE *file, const tp_module *m);
TP_API int tp_module_format(const tp_module *m, char *buffer, size_t size);

TP_END_DECLS

#endif
