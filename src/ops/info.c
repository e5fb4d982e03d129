/* What the library says of itself. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/product.h"
#include "taper/base.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *tp_version(void) {
    return TEXT(TP_VERSION_MAJOR) "." TEXT(TP_VERSION_MINOR) "." TEXT(TP_VERSION_PATCH);
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "an unknown compiler"
#endif

#if TP_HAVE_ZLIB
#define ZLIB "; zlib"
#else
#define ZLIB "; no zlib"
#endif

#if TP_HAVE_PNG
#define LIBPNG "; libpng"
#else
#define LIBPNG "; no libpng"
#endif

static char info_text[512];
static pthread_once_t info_once = PTHREAD_ONCE_INIT;

static void info_make(void) {
    char levels[64] = "";
    for (const char *const *name = tp__kernels_available(); *name; name++) {
        strcat(levels, *levels ? " " : "");
        strcat(levels, *name);
    }
    snprintf(info_text, sizeof info_text, "taper %s; %s; kernels %s of %s; %s; %s%s%s%s", tp_version(),
             COMPILER, tp__kern->name, levels, tp__parallel_info(), tp__product_info(), ZLIB, LIBPNG,
             TP__NO_CACHE ? "; no caches, under AddressSanitizer" : "");
}

const char *tp_build_info(void) {
    pthread_once(&info_once, info_make);
    return info_text;
}
