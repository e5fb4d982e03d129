/* What the losses share. */
#ifndef TP__OPS_LOSS_H
#define TP__OPS_LOSS_H

#include "ops/ops.h"
#include "taper/loss.h"

/* What the mean, the sum or nothing makes of the elements' losses. */
tp_tensor *tp__loss_reduce(tp_tensor *loss, tp_reduction reduction);

/* False with a record unless it is one of the three. */
bool tp__loss_check_reduction(const char *op, tp_reduction reduction);

/* Is every element in [0, 1]? False with a record, which names the first that is not. */
bool tp__loss_check_unit(const char *op, const char *name, tp_tensor *t);

#endif
