/* Datasets and loaders from the inside. */
#ifndef TP__DATA_DATA_H
#define TP__DATA_DATA_H

#include <stdatomic.h>

#include "core/tensor.h"
#include "taper/data.h"

/* Where one item of all samples comes from. */
typedef struct tp__column {
    tp_tensor *rows;     /* packed, held: sample i is its i-th row; or NULL */
    tp_tensor **samples; /* packed, held: one tensor a sample; or NULL */
} tp__column;

struct tp_dataset {
    _Atomic int32_t refs;
    tp_dataset *base; /* of a subset: the whole that it chooses from, held; else NULL */
    int64_t *indices; /* of a subset: which samples of `base` */
    int64_t size;     /* in samples */
    int count;        /* items a sample; what follows is only there without a base */
    tp__column *columns;
    tp_dataset_fn *get; /* instead of columns */
    void *context;
    void (*release)(void *context);
};

void tp__dataset_unref(tp_dataset *dataset);

/* Sample `index` of a custom dataset, all items of which are there. */
tp_status tp__dataset_custom_sample(const char *op, const tp_dataset *custom, int64_t index,
                                    tp_tensor **items);

/* 0 .. n-1 in an order drawn from `generator`. */
void tp__shuffled(int64_t *order, int64_t n, tp_generator *generator);

/* The samples that `indices`, known to be in range, names. */
tp_dataset *tp__dataset_part(const char *op, tp_dataset *of, const int64_t *indices, int64_t count);

/* A class of strata, and a sample's place in an epoch of them. */
typedef struct tp__stratum {
    int64_t members, next;
    double shift;
} tp__stratum;

typedef struct tp__due {
    double at;    /* share of the epoch */
    int64_t rank; /* decides between two that are due at once */
    int64_t sample;
} tp__due;

/* The order of a loader's samples: one for each epoch. */
typedef struct tp__sampler {
    uint64_t seed;
    int64_t samples;     /* N, of the dataset */
    int64_t size;        /* of an epoch */
    int64_t class_count; /* of strata, as are the next three */
    int64_t *classes;    /* of each sample, from 0 */
    tp__stratum *strata;
    tp__due *due;
    double *cumulative; /* of weights */
    int64_t *order;     /* of `epoch`, if that is not -1; NULL: 0, 1, 2, ... */
    int64_t epoch;
} tp__sampler;

tp_status tp__sampler_init(tp__sampler *sampler, int64_t samples, const tp_loader_options *options);
void tp__sampler_free(tp__sampler *sampler);

/* Makes the order that of `epoch`. */
void tp__sampler_start(tp__sampler *sampler, int64_t epoch);

/* The stream of random numbers that belongs to a place: no other has a part of it. */
tp_generator_state tp__place_stream(uint64_t seed, uint64_t epoch, uint64_t place);

/* Makes the batch of `size` samples order[0], order[1], ... (NULL: start, start + 1, ...) in the current scope.
 * items[] and lengths[] have room for dataset->count tensors. */
tp_status tp__collate(const tp_dataset *dataset, const tp_loader_options *options, const int64_t *order,
                      int64_t start, int64_t size, tp_tensor **items, tp_tensor **lengths);

/* A batch that is made: held tensors, or why it is not there. */
typedef struct tp__made {
    tp_tensor **items, **lengths; /* one block, room for `count` each */
    tp_status status;
    const char *op;
    char message[480];
    bool ready;
} tp__made;

struct tp_loader {
    tp_dataset *dataset;
    int64_t batch_size;
    tp_loader_options options;
    tp__sampler sampler;
    int64_t epoch, position; /* of the next batch */
    tp_status status;
    tp__made lent;
    struct tp__prefetch *prefetch; /* the workers of this epoch, or NULL */
};

bool tp__made_init(tp__made *made, int count);
void tp__made_clear(tp__made *made, int count); /* gives the tensors back */
void tp__made_free(tp__made *made, int count);

/* Makes batch `number` of the sampler's epoch. Called by several threads at once. */
void tp__loader_make(const tp_loader *loader, int64_t number, tp__made *made);

/* Starts the workers on the batches from loader->position on; NULL, without a record, where no thread can be had. */
struct tp__prefetch *tp__prefetch_start(const tp_loader *loader);
/* Waits for the next batch and exchanges it for what `made` holds. */
void tp__prefetch_next(struct tp__prefetch *prefetch, tp__made *made);
void tp__prefetch_stop(struct tp__prefetch *prefetch); /* NULL does nothing */

#endif
