/* Element types and their promotion. */
#ifndef TAPER_DTYPE_H
#define TAPER_DTYPE_H

#include "taper/base.h"

TP_BEGIN_DECLS

/* enumerator, C type, name, is it floating */
#define TP_DTYPE_LIST(X)                                                                                     \
    X(TP_F32, float, "float32", 1)                                                                           \
    X(TP_F64, double, "float64", 1)                                                                          \
    X(TP_I64, int64_t, "int64", 0)                                                                           \
    X(TP_I32, int32_t, "int32", 0)                                                                           \
    X(TP_U8, uint8_t, "uint8", 0)                                                                            \
    X(TP_BOOL, bool, "bool", 0)

/* TP_F32 is zero, so it is what a zeroed options struct means. */
typedef enum tp_dtype {
#define TP_DTYPE_ENUM(name, ctype, text, floating) name,
    TP_DTYPE_LIST(TP_DTYPE_ENUM)
#undef TP_DTYPE_ENUM
} tp_dtype;

#define TP_DTYPE_COUNT 6

TP_API const char *tp_dtype_name(tp_dtype dtype); /* "float32"; "?" for what is no dtype */
TP_API size_t tp_dtype_size(tp_dtype dtype);      /* bytes an element; 0 for what is no dtype */
TP_API bool tp_dtype_is_floating(tp_dtype dtype);

/* The dtype two tensors of one dimension or more are computed in (torch.promote_types): floating above
 * integer above bool, then the wider; U8 with a signed integer is that integer. How 0-d tensors take less
 * part in it (torch.result_type) is applied by the ops themselves. */
TP_API tp_dtype tp_promote_types(tp_dtype a, tp_dtype b);

TP_END_DECLS

#endif
