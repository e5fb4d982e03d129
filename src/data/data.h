/* Datasets from the inside. */
#ifndef TP__DATA_DATA_H
#define TP__DATA_DATA_H

#include <stdatomic.h>

#include "core/tensor.h"
#include "taper/data.h"

struct tp_dataset {
    _Atomic int32_t refs;
    tp_dataset *base;  /* of a subset: the dataset of tensors that it chooses from, held; else NULL */
    int64_t *indices;  /* of a subset: which samples of `base` */
    int64_t size;      /* in samples */
    int count;         /* items a sample; what follows is only there without a base */
    tp_tensor **items; /* packed, held */
};

void tp__dataset_unref(tp_dataset *dataset);

/* 0 .. n-1 in an order drawn from `generator`. */
void tp__shuffled(int64_t *order, int64_t n, tp_generator *generator);

#endif
