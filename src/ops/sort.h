/* How rows are brought into order. */
#ifndef TP__OPS_SORT_H
#define TP__OPS_SORT_H

#include "ops/ops.h"
#include "taper/sort.h"

/* Which part of the sorted row is wanted: `count` elements from `first` on. */
typedef struct tp__sort_want {
    int64_t first, count;
    bool descending;
    bool median; /* `first` is the first NaN if there is one */
} tp__sort_want;

/* For each line of x, packed, along `dim`: the elements wanted into `values`, where along the dim they were into
 * `indices`; both packed, of the shape of x with `count` along the dim; each may be NULL. False with a record if
 * out of memory. */
bool tp__sort_lines(const char *op, const tp_tensor *x, int dim, const tp__sort_want *want, tp_tensor *values,
                    tp_tensor *indices);

/* Ends the scope and gives the results asked for to the one outside; all NULL if one is missing. */
tp_unique_out tp__escape_unique(tp_scope *scope, tp_unique_out y, tp_unique_options options);

#endif
