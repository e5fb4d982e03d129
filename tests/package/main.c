#include <math.h>
#include <stdio.h>
#include <string.h>

#include <taper.h>

int main(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", TP_VERSION_MAJOR, TP_VERSION_MINOR, TP_VERSION_PATCH);
    if (strcmp(version, tp_version()) != 0) return 1;

    tp_scope *s = tp_scope_begin();
    tp_tensor *x = tp_full(TP_SHAPE(3, 3), 2.0, TP_F64);
    tp_set_requires_grad(x, true);
    tp_status st = tp_backward(tp_sum(tp_matmul(x, x)));
    double g = tp_tensor_at(tp_tensor_grad(x), TP_SHAPE(1, 1)); /* 3 times 2, twice */
    tp_scope_end(s);
    printf("taper %s: %s: %s, gradient %g\n", tp_version(), tp_build_info(), tp_status_string(st), g);
    return st == TP_OK && fabs(g - 12.0) < 1e-12 ? 0 : 1;
}
