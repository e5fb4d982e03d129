/* Small networks and data for tests that train. */
#ifndef NETS_H
#define NETS_H

#include "taper.h"

typedef enum net_kind { NET_MLP, NET_CNN, NET_TRANSFORMER } net_kind;

/* For images of one channel and side * side pixels. The cnn has convolutions, batch normalisation, pooling and
 * dropout; the transformer takes rows of pixels as steps. Drawn from `seed`; NULL after an error. */
tp_module *net_new(net_kind kind, int64_t side, int64_t classes, uint64_t seed);

/* A batch: images (n, 1, side, side) and labels (n) that can be learnt from them. In the current scope. */
typedef struct net_batch {
    tp_tensor *x, *y;
} net_batch;
net_batch net_draw(int64_t n, int64_t side, int64_t classes, uint64_t seed);

/* One step of training. Leaves nothing in the caller's scope. */
tp_status net_step(tp_module *net, tp_optim *optim, net_batch batch, double *loss);

/* A hash of the bits of all parameters and buffers. */
uint64_t net_hash(const tp_module *net);

#endif
