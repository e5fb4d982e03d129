#include "taper/dtype.h"

const char *tp_dtype_name(tp_dtype dtype) {
    switch (dtype) {
#define DTYPE_NAME(name, ctype, text, floating)                                                              \
    case name: return text;
        TP_DTYPE_LIST(DTYPE_NAME)
#undef DTYPE_NAME
    }
    return "?";
}

size_t tp_dtype_size(tp_dtype dtype) {
    switch (dtype) {
#define DTYPE_SIZE(name, ctype, text, floating)                                                              \
    case name: return sizeof(ctype);
        TP_DTYPE_LIST(DTYPE_SIZE)
#undef DTYPE_SIZE
    }
    return 0;
}

bool tp_dtype_is_floating(tp_dtype dtype) { return dtype == TP_F32 || dtype == TP_F64; }

tp_dtype tp_promote_types(tp_dtype a, tp_dtype b) {
    if (a == b) return a;
    if (a == TP_F64 || b == TP_F64) return TP_F64;
    if (a == TP_F32 || b == TP_F32) return TP_F32;
    if (a == TP_I64 || b == TP_I64) return TP_I64;
    if (a == TP_I32 || b == TP_I32) return TP_I32;
    return TP_U8; /* with BOOL */
}
