/* Data: datasets, and loaders that cut them into batches.
 *
 *     tp_mnist mnist = tp_mnist_load("examples/data/mnist", true);
 *     tp_dataset *data = tp_dataset_tensors(TP_TENSORS(mnist.images, mnist.labels));
 *     tp_loader_options options = {.shuffle = true, .u8_scale = 1.0 / 255};
 *     tp_loader *loader = tp_loader_new(data, 32, options);
 *     for (int epoch = 0; epoch < 5; epoch++) {
 *         tp_batch batch;
 *         while (tp_loader_next(loader, &batch)) {
 *             tp_scope *s = tp_scope_begin();
 *             tp_tensor *scores = tp_forward(net, batch.items[0]);
 *             tp_tensor *loss = tp_cross_entropy(scores, batch.items[1], (tp_ce_options){0});
 *             ...
 *             tp_scope_end(s);
 *         }
 *     }
 *     tp_loader_free(loader);
 *     tp_dataset_free(data);
 *
 * Datasets and loaders hold what they are made from: each is freed once by whoever made it, in any order. A
 * dataset may be read by several threads; a loader belongs to one thread at a time. */
#ifndef TAPER_DATA_H
#define TAPER_DATA_H

#include "taper/base.h"
#include "taper/shape.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* Datasets: samples, numbered from 0, each of one item for each tensor. */

typedef struct tp_dataset tp_dataset;

/* The dataset whose sample i is the i-th entry along the first dim of each tensor: (N, ...), any dtypes, one
 * N for all. It holds the tensors themselves, or a packed copy of those that are not packed; gradients do not
 * flow through it. To be freed with tp_dataset_free(). Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for an empty
 * list; TP_ERR_SHAPE for a 0-d tensor or for first dims that differ; TP_ERR_MEMORY.
 * Source: torch.utils.data.TensorDataset. */
TP_API tp_dataset *tp_dataset_tensors(tp_tensors tensors);

/* The dataset whose sample i has sequences.items[i], of any length, as its first item, and the i-th entry of
 * each of `tensors`, as above, as the others: (T_i, ...), one dtype and the same further dims for all. The loader's
 * option `pad` makes batches of them. Errors: those of tp_dataset_tensors(), for which an empty list of tensors is none
 * here; TP_ERR_SHAPE, TP_ERR_DTYPE for sequences that do not go together. */
TP_API tp_dataset *tp_dataset_sequences(tp_tensors sequences, tp_tensors tensors);

/* Puts the items of sample `index` into items[]: what it makes is in a scope that ends when the sample has been
 * copied. Called from a loader's workers it must be fit for several threads at once. Anything but TP_OK ends the
 * batch with that error, which it says by tp_error_set(). */
typedef tp_status tp_dataset_fn(void *context, int64_t index, tp_tensor **items);

/* The dataset of `size` samples of `item_count` items that `get` makes when they are asked for. `release`, unless it is
 * NULL, is called with `context` when the dataset is gone, not if this call fails. Errors: TP_ERR_NULL;
 * TP_ERR_ARGUMENT for a negative size or less than one item; TP_ERR_MEMORY. Source: torch.utils.data.Dataset. */
TP_API tp_dataset *tp_dataset_custom(int64_t size, int item_count, tp_dataset_fn *get, void *context,
                                     void (*release)(void *context));

/* The samples indices[0 .. count-1] of `dataset`, in that order, repeated or left out as it may be. Errors:
 * TP_ERR_NULL; TP_ERR_INDEX; TP_ERR_ARGUMENT for a negative count; TP_ERR_MEMORY.
 * Source: torch.utils.data.Subset. */
TP_API tp_dataset *tp_dataset_subset(tp_dataset *dataset, const int64_t *indices, int64_t count);

TP_API void tp_dataset_free(tp_dataset *dataset); /* NULL does nothing */

/* The number of samples, and of items a sample; -1 after an error. */
TP_API int64_t tp_dataset_size(const tp_dataset *dataset);
TP_API int tp_dataset_item_count(const tp_dataset *dataset);

/* Sample `index`: items[] has room for tp_dataset_item_count() tensors, which belong to the current scope, without the
 * dim of samples; of tensors they are views, not to be written to. All NULL after an error. Errors: TP_ERR_NULL;
 * TP_ERR_INDEX; TP_ERR_MEMORY; whatever a custom dataset says. Source: dataset[index]. */
TP_API tp_status tp_dataset_get(tp_dataset *dataset, int64_t index, tp_tensor **items);

/* Loaders: the samples of a dataset in batches, epoch after epoch. */

typedef struct tp_loader tp_loader;

/* A batch, lent by the loader until its next one: tp_retain() what is to stay longer. */
typedef struct tp_batch {
    int64_t size;      /* samples in this batch */
    int count;         /* tensors below: one for each item of a sample */
    tp_tensor **items; /* (size, ...) each, packed, in memory of their own, not requiring grad */
    /* with `pad`, one for each item: (size) I64, the samples' lengths before it; NULL for an
     * item whose samples have no dim, or are rows of one tensor */
    tp_tensor **lengths;
} tp_batch;

/* Changes a batch before it is lent, as augmentation does: puts other tensors into batch->items[], made in the current
 * scope, of any shape. What it draws from `generator` depends on the loader's seed, the epoch and the number of the
 * batch alone. Called from the loader's workers, several at once, if it has some. Anything but TP_OK is the error that
 * tp_loader_next() ends with. */
typedef tp_status tp_batch_fn(void *context, tp_batch *batch, tp_generator *generator);

typedef struct tp_loader_options {
    /* What an epoch is: all samples in their order, or one of these three. Orders depend on seed, epoch and number of
     * samples (weights, strata) alone. */
    bool shuffle; /* all samples, each epoch in another order */
    /* likewise, but each batch has its share of each class: (N), I64, the samples' classes */
    tp_tensor *strata;
    tp_tensor *weights; /* samples drawn with replacement, in proportion to their weights: (N), F32 or F64 */
    int64_t draws;      /* with weights, an epoch's samples; 0 is N */
    uint64_t seed;

    bool drop_last;  /* leave out the last batch of an epoch if it is smaller */
    double u8_scale; /* not 0: U8 items are lent as F32, times this; 1.0 / 255 brings images into [0, 1] */
    /* items whose samples differ in their first dim are filled up at its end to the batch's longest */
    bool pad;
    double pad_value;       /* with this */
    tp_batch_fn *transform; /* NULL: none */
    void *transform_context;
    int workers;  /* threads that make batches ahead of their turn; 0: each is made when it is asked for */
    int prefetch; /* batches ahead for each of them; 0 is 2 */
} tp_loader_options;

/* A loader of batches of `batch_size` samples; to be freed with tp_loader_free(). Batches are the same whatever the
 * number of workers. Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for a batch size below 1, a number that is negative or not finite,
 * more than one of shuffle, strata and weights, weights that are negative, not finite or all zero, a pad_value that an item
 * cannot hold (found by tp_loader_next()); TP_ERR_SHAPE, TP_ERR_DTYPE for strata or weights that are not (N) of their
 * dtype; TP_ERR_MEMORY. Source: torch.utils.data.DataLoader, WeightedRandomSampler. */
TP_API tp_loader *tp_loader_new(tp_dataset *dataset, int64_t batch_size, tp_loader_options options);
TP_API void tp_loader_free(tp_loader *loader); /* NULL does nothing */

/* Fills in the next batch. False when the epoch is over, where the call after that begins the next one, and
 * false after an error, of which tp_loader_status() tells; the batch is then empty, and after an error the
 * next call tries again. Errors: TP_ERR_NULL; TP_ERR_MEMORY; TP_ERR_SHAPE, TP_ERR_DTYPE for samples that do not go
 * together; what a dataset's or transform's function says. */
TP_API bool tp_loader_next(tp_loader *loader, tp_batch *batch);

/* What the last tp_loader_next() ended with: TP_OK unless it failed. With a NULL loader the pending error's
 * code. */
TP_API tp_status tp_loader_status(const tp_loader *loader);

/* The number of batches an epoch has; -1 after an error. */
TP_API int64_t tp_loader_batches(const tp_loader *loader);

/* The place of the next batch: its epoch, and its number in it, both counted from 0; -1 after an error. When an epoch's last
 * batch has been lent and the loader not yet said so, the number is tp_loader_batches(). */
TP_API int64_t tp_loader_epoch(const tp_loader *loader);
TP_API int64_t tp_loader_position(const tp_loader *loader);

/* Goes to any place: a loader of the same data and options then lends what it would have lent there, which is how training
 * resumes in mid-epoch. Errors: TP_ERR_NULL; TP_ERR_ARGUMENT for an epoch that is not in [0, 2^62) or a batch that is not in
 * [0, tp_loader_batches()]. */
TP_API tp_status tp_loader_seek(tp_loader *loader, int64_t epoch, int64_t batch);

/* MNIST, and what has its format. */

typedef struct tp_mnist {
    tp_tensor *images; /* (N, 1, H, W), U8 from 0 to 255 */
    tp_tensor *labels; /* (N), I64 */
} tp_mnist;

/* Loads the training set, or the test set, of MNIST or of one of its relatives such as Fashion-MNIST (Debian:
 * package dataset-fashion-mnist, folder /usr/share/datasets/fashion-mnist) from the folder `dir`: the files
 * {train,t10k}-images-idx3-ubyte and {train,t10k}-labels-idx1-ubyte, also with .gz at the end. Both NULL
 * after an error. Errors: those of tp_idx_load(); TP_ERR_IO if a file is not there; TP_ERR_FORMAT if images
 * and labels do not fit together. */
TP_API tp_mnist tp_mnist_load(const char *dir, bool train);

TP_END_DECLS

#endif
