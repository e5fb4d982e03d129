/* The choice of the ISA level, once, when the library is loaded. */
#include <stdlib.h>
#include <string.h>

#include "kernels/attention.h"
#include "kernels/conv.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "kernels/loss.h"
#include "kernels/norm.h"
#include "kernels/optim.h"
#include "kernels/pool.h"
#include "kernels/recurrent.h"
#include "kernels/reduce.h"
#include "kernels/softmax.h"

#define LEVEL(label, suffix)                                                                                 \
    static const tp__kernels kernels_##suffix = {                                                            \
        .name = label,                                                                                       \
        .elementwise = &tp__elementwise_kernels_##suffix,                                                    \
        .reduce = &tp__reduce_kernels_##suffix,                                                              \
        .softmax = &tp__softmax_kernels_##suffix,                                                            \
        .norm = &tp__norm_kernels_##suffix,                                                                  \
        .loss = &tp__loss_kernels_##suffix,                                                                  \
        .gemm = &tp__gemm_kernels_##suffix,                                                                  \
        .conv = &tp__conv_kernels_##suffix,                                                                  \
        .pool = &tp__pool_kernels_##suffix,                                                                  \
        .recurrent = &tp__recurrent_kernels_##suffix,                                                        \
        .attention = &tp__attention_kernels_##suffix,                                                        \
        .optim = &tp__optim_kernels_##suffix,                                                                \
    };

LEVEL("baseline", base)
#if TP_HAVE_ISA_V3
LEVEL("v3", v3)
#endif
#if TP_HAVE_ISA_V4
LEVEL("v4", v4)
#endif

const tp__kernels *tp__kern = &kernels_base;

/* Feature by feature: not every compiler's __builtin_cpu_supports knows the names of the levels. */
static const char *const *available(void) {
    static const char *names[4];
    int n = 0;
    names[n++] = "baseline";
#if TP_HAVE_ISA_V3
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
        names[n++] = "v3";
#if TP_HAVE_ISA_V4
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl"))
            names[n++] = "v4";
#endif
    }
#endif
    names[n] = NULL;
    return names;
}

const char *const *tp__kernels_available(void) {
    static const char *const *names;
    if (!names) names = available();
    return names;
}

static const tp__kernels *level_named(const char *name) {
#if TP_HAVE_ISA_V4
    if (strcmp(name, "v4") == 0) return &kernels_v4;
#endif
#if TP_HAVE_ISA_V3
    if (strcmp(name, "v3") == 0) return &kernels_v3;
#endif
    return strcmp(name, "baseline") == 0 ? &kernels_base : NULL;
}

bool tp__kernels_use(const char *name) {
    for (const char *const *names = tp__kernels_available(); *names; names++) {
        if (strcmp(*names, name) != 0) continue;
        tp__kern = level_named(name);
        return true;
    }
    return false;
}

/* Before main(), so that the hot path need not ask whether the choice has been made. */
__attribute__((constructor)) static void choose_level(void) {
    const char *const *names = tp__kernels_available();
    while (names[1]) names++;
    tp__kern = level_named(*names);
    const char *wanted = getenv("TAPER_ISA");
    if (wanted) tp__kernels_use(wanted); /* a level that the CPU lacks, or no level: the best there is */
}
