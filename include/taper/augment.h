/* Augmentation: each image of a batch changed at random, so that a network sees no image twice.
 *
 *     tp_augment_options augment = {.crop_padding = 4, .horizontal_flip = 0.5, .cutout = 8};
 *     tp_loader_options options = {.shuffle = true, .u8_scale = 1.0 / 255,
 *                                  .transform = tp_augment_batch, .transform_context = &augment};
 *
 * or, without a loader, tp_augment(images, augment, NULL). */
#ifndef TAPER_AUGMENT_H
#define TAPER_AUGMENT_H

#include "taper/base.h"
#include "taper/data.h"
#include "taper/status.h"

TP_BEGIN_DECLS

/* What is done, in this order; all zero is nothing. Sources: torchvision's transforms of the names given. */
typedef struct tp_augment_options {
    /* RandomCrop: images get crop_padding pixels of `fill` on each side, and a part of crop_height x
     * crop_width (0: the image's own size) is cut out, all places equally likely. */
    int64_t crop_height, crop_width, crop_padding;
    /* RandomHorizontalFlip, RandomVerticalFlip: the probability of left and right, or top and bottom,
     * changing places. */
    double horizontal_flip, vertical_flip;
    /* RandomRotation: by an angle of [-rotation, rotation) degrees, counter-clockwise, about the centre;
     * pixels are interpolated between the four nearest. */
    double rotation;
    /* RandomAffine's translate: by whole pixels, up to shift_x times the width and shift_y times the
     * height to either side; both in [0, 1]. */
    double shift_x, shift_y;
    double fill; /* the pixels outside the image */
    /* Normalize: (x - mean) / std, for each of `channels` channels; F32 only. 0 channels: not at all. */
    int channels;
    const double *mean, *std; /* NULL: all 0, and all 1 */
    /* RandomErasing of a square of that side (0: none), which lies inside the image, all places equally
     * likely, with probability cutout_p (0 is 1): its pixels become cutout_value. Cutout, DeVries and
     * Taylor 2017. */
    int64_t cutout;
    double cutout_p, cutout_value;
} tp_augment_options;

/* The images, each changed by numbers of its own: (N, C, H, W), F32 or U8, to (N, C, crop_height,
 * crop_width) of the same dtype; U8 is rounded, half to even, and saturated. Image i depends on its
 * pixels, the options and the generator's (NULL: the thread's default) state and i alone: not on N, not on
 * the number of threads; and what one option draws does not depend on the others. Gradients do not flow
 * through it. Errors: TP_ERR_NULL; TP_ERR_SHAPE; TP_ERR_DTYPE; TP_ERR_ARGUMENT for options out of their
 * range, such as a probability outside [0, 1], a crop larger than the padded images, a std of 0;
 * TP_ERR_MEMORY. */
TP_API tp_tensor *tp_augment(tp_tensor *images, tp_augment_options options, tp_generator *generator);

/* The same as a loader's transform: `context` is a const tp_augment_options *, and item 0 of the batch
 * holds the images. Errors: TP_ERR_NULL, and those of tp_augment(). */
TP_API tp_status tp_augment_batch(void *context, tp_batch *batch, tp_generator *generator);

TP_END_DECLS

#endif
