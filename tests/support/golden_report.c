/* Says what differs from a golden file, and counts it. */
#include <stdio.h>

#include "support/golden.h"
#include "taper/status.h"

int golden_failures = 0;

void golden_failed(const char *name, tp_dtype real, const char *what, int k, double error) {
    if (golden_failures++ < 40)
        fprintf(stderr, "    %s, %s: %s %d is off by %.3g\n", name, tp_dtype_name(real), what, k, error);
}

double golden_tolerance(tp_dtype real) { return real == TP_F64 ? 1e-12 : 2e-5; }

void golden_compare(const char *name, tp_dtype real, const char *what, int k, const tp_tensor *got,
                    const tp_tensor *want, double tol) {
    double error = golden_error(got, want);
    if (!(error <= tol)) golden_failed(name, real, what, k, error);
}

void golden_broken(const char *name, tp_dtype real) {
    golden_failures++;
    tp_error error = tp_last_error();
    fprintf(stderr, "    %s, %s: %s\n", name, tp_dtype_name(real), error.code ? error.message : "unknown op");
}
