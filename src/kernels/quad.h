/* Vectors of 16 bytes, which every ISA has, for moving elements about; a template, after real.h. */
#ifndef TP__SHUFFLE
/* Elements of a and b by number, those of b counted on from those of a. */
#if defined(__clang__)
#define TP__SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define TP__SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (QUAD_INT){__VA_ARGS__})
#endif
#endif

#undef QUAD
#undef QUAD_INT
#undef QUAD_LANES
#undef QUAD_AT
#define QUAD FN(quad)
#define QUAD_INT FN(quad_int)
#define QUAD_LANES ((int)(16 / sizeof(T)))
#define QUAD_AT(p) (*(QUAD *)(void *)(p)) /* at any address */

typedef T QUAD __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));
typedef TI QUAD_INT __attribute__((vector_size(16)));
