/* A line of blocks for a terminal. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "core/status.h"
#include "taper/plot.h"

/* The mean of the finite values of block i of n; NaN if there are none. */
static double spark_value(const double *values, int64_t count, int64_t i, int64_t n) {
    int64_t from = count / n * i + count % n * i / n, to = count / n * (i + 1) + count % n * (i + 1) / n;
    double mean = 0, taken = 0;
    for (int64_t k = from; k < to; k++)
        if (isfinite(values[k])) {
            taken++;
            mean += values[k] / taken - mean / taken; /* the difference itself might overflow */
        }
    return taken > 0 ? mean : NAN;
}

int tp_sparkline(const double *values, int64_t count, int width, char *buffer, size_t size) {
    const char *op = "sparkline";
    int64_t n = width > 0 && count > width ? width : count;
    if (size > 0 && buffer) buffer[0] = 0;
    if (count < 0 || width < 0 || n > INT_MAX / 3) {
        tp__error(TP_ERR_ARGUMENT, op, "there cannot be %lld values in a width of %d", (long long)count,
                  width);
        return -1;
    }
    if ((count > 0 && !values) || (size > 0 && !buffer)) {
        tp__error_null(op, size > 0 && !buffer ? "buffer" : "values");
        return -1;
    }
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        low = fmin(low, spark_value(values, count, i, n));
        high = fmax(high, spark_value(values, count, i, n));
    }
    const double part = isfinite(high - low) ? 1 : 0.5;
    size_t length = 0, written = 0;
    for (int64_t i = 0; i < n; i++) {
        double value = spark_value(values, count, i, n);
        double share = high > low ? (value * part - low * part) / (high * part - low * part) : 0.5;
        char block[3] = {' ', 0, 0};
        size_t bytes = 1;
        if (!isnan(value)) {
            int level = (int)fmin(share * 8, 7);
            memcpy(block, (const char[]){(char)0xe2, (char)0x96, (char)(0x81 + level)}, 3);
            bytes = 3;
        }
        if (written == length && length + bytes < size) {
            memcpy(buffer + length, block, bytes);
            written += bytes;
        }
        length += bytes;
    }
    if (size > 0) buffer[written] = 0;
    return (int)length;
}
