/* Shapes, and lists of dims and of tensors, as values. */
#ifndef TAPER_SHAPE_H
#define TAPER_SHAPE_H

#include "taper/base.h"

TP_BEGIN_DECLS

#define TP_MAX_DIMS 8

/* A shape: `ndim` sizes, outermost first; 0 dims is a scalar. A plain value: write TP_SHAPE(64, 784). */
typedef struct tp_shape {
    int ndim;
    int64_t dims[TP_MAX_DIMS];
} tp_shape;

/* A list of dims, of which negative ones count from the end. TP_NO_DIMS, the empty list, means all of them.
 * (Not a pointer: it can be kept.) */
typedef struct tp_dims {
    int count;
    int items[TP_MAX_DIMS];
} tp_dims;

/* A list of tensors: borrowed pointers, valid as long as the array behind it. NULL elements are failures
 * passed on, not the end. */
typedef struct tp_tensors {
    int count;
    tp_tensor **items;
} tp_tensors;

TP_END_DECLS

#ifdef __cplusplus
template <class... A> constexpr tp_shape tp__make_shape(A... a) {
    static_assert(sizeof...(A) <= TP_MAX_DIMS, "a shape has at most 8 dims");
    return tp_shape{(int)sizeof...(A), {(int64_t)a...}};
}
template <class... A> constexpr tp_dims tp__make_dims(A... a) {
    static_assert(sizeof...(A) <= TP_MAX_DIMS, "a list of dims has at most 8");
    return tp_dims{(int)sizeof...(A), {(int)a...}};
}
template <int N>
struct tp__tensor_list { /* lives to the end of the full expression that TP_TENSORS stands in */
    tp_tensor *items[N];
    operator tp_tensors() { return tp_tensors{N, items}; }
};
template <class... A> tp__tensor_list(A...) -> tp__tensor_list<(int)sizeof...(A)>; /* braces: left to right */
#define TP_SHAPE(...) (tp__make_shape(__VA_ARGS__))
#define TP_SCALAR_SHAPE (tp_shape{0, {0}})
#define TP_DIMS(...) (tp__make_dims(__VA_ARGS__))
#define TP_NO_DIMS (tp_dims{0, {0}})
#define TP_TENSORS(...) (tp__tensor_list{__VA_ARGS__})
#else
#define TP__COUNT(type, ...) ((int)(sizeof((type[]){__VA_ARGS__}) / sizeof(type)))
#define TP_SHAPE(...) ((tp_shape){TP__COUNT(int64_t, __VA_ARGS__), {__VA_ARGS__}})
#define TP_SCALAR_SHAPE ((tp_shape){0, {0}})
#define TP_DIMS(...) ((tp_dims){TP__COUNT(int, __VA_ARGS__), {__VA_ARGS__}})
#define TP_NO_DIMS ((tp_dims){0, {0}})
/* Its array lives to the end of the enclosing block. */
#define TP_TENSORS(...) ((tp_tensors){TP__COUNT(tp_tensor *, __VA_ARGS__), (tp_tensor *[]){__VA_ARGS__}})
#endif

TP_BEGIN_DECLS

/* The product of the sizes, 1 for a scalar; -1 if a size is negative or the product overflows. */
TP_API int64_t tp_shape_numel(tp_shape shape);
TP_API bool tp_shape_equal(tp_shape a, tp_shape b);

/* Writes "(2, 3)", "(4,)" or "()" as snprintf does: at most `size` bytes with the terminating 0, and returns
 * the length the whole text has. */
TP_API int tp_shape_format(tp_shape shape, char *buffer, size_t size);

TP_END_DECLS

#endif
