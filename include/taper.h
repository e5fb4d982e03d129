/* taper: define-by-run automatic differentiation, neural networks and optimizers in C, on the CPU.
 *
 * This is the one header a program includes. A first look:
 *
 *     tp_scope *s = tp_scope_begin();                         // owns every tensor made below
 *     tp_tensor *x = tp_scalar(3.0, TP_F64);
 *     tp_set_requires_grad(x, true);
 *     tp_tensor *y = tp_mul(x, tp_sin(x));                    // each op records itself
 *     if (tp_backward(y) != TP_OK)                            // one check for the whole chain
 *         fprintf(stderr, "%s\n", tp_last_error().message);
 *     printf("%g\n", tp_tensor_item(tp_tensor_grad(x)));      // sin 3 + 3 cos 3
 *     tp_scope_end(s);                                        // all of it is freed here
 *
 * Three rules carry the whole interface:
 *
 *   - what a function returns belongs to the innermost scope (scope.h), unless its comment says else;
 *   - a function that fails returns NULL (or a tp_status), and NULL passed on stays NULL, so a chain
 *     of calls is checked once, at its end (status.h);
 *   - options are structs where zero means PyTorch's default. */
#ifndef TAPER_H
#define TAPER_H

#include "taper/base.h"
#include "taper/status.h"
#include "taper/dtype.h"
#include "taper/shape.h"
#include "taper/scope.h"
#include "taper/memory.h"
#include "taper/random.h"
#include "taper/tensor.h"
#include "taper/creation.h"
#include "taper/elementwise.h"
#include "taper/activation.h"
#include "taper/reduce.h"
#include "taper/sort.h"
#include "taper/linalg.h"
#include "taper/decompose.h"
#include "taper/views.h"
#include "taper/vision.h"
#include "taper/index.h"
#include "taper/conv.h"
#include "taper/pool.h"
#include "taper/norm.h"
#include "taper/loss.h"
#include "taper/recurrent.h"
#include "taper/attention.h"
#include "taper/autograd.h"
#include "taper/functional.h"
#include "taper/custom.h"
#include "taper/module.h"
#include "taper/nn.h"
#include "taper/nn_recurrent.h"
#include "taper/nn_attention.h"
#include "taper/init.h"
#include "taper/optim.h"
#include "taper/lr.h"
#include "taper/io.h"
#include "taper/data.h"
#include "taper/split.h"
#include "taper/metrics.h"
#include "taper/plot.h"
#include "taper/augment.h"
#include "taper/image.h"
#include "taper/text.h"
#include "taper/train.h"
#include "taper/table.h"
#include "taper/prepare.h"

#endif
