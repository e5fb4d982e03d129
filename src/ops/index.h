/* What the files about indexing share. */
#ifndef TP__OPS_INDEX_H
#define TP__OPS_INDEX_H

#include "core/tensor.h"

/* A copy of x in which the elements that `index` names along `dim` are the source's, the last one where it names one twice. Shapes and
 * dtypes have been checked; NULL with a record for an index out of range. Not recorded. */
tp_tensor *tp__index_set(const char *op, tp_tensor *x, int dim, tp_tensor *index, tp_tensor *source);

#endif
