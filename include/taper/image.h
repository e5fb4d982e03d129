/* Images in files: PNG, alone and in folders.
 *
 *     tp_image_folder *folder = tp_image_folder_open("photos", (tp_image_folder_options){.channels = 3});
 *     tp_dataset *data = tp_image_folder_dataset(folder); // photos/cats/1.png, photos/dogs/1.png, ...
 *     tp_loader_options options = {.shuffle = true, .u8_scale = 1.0 / 255, .workers = 2};
 *     tp_loader *loader = tp_loader_new(data, 32, options);
 *
 * Files are taken strictly, as io.h says, and the errors named there are common to all. Without libpng
 * when the library was built, reading and writing PNG is TP_ERR_UNSUPPORTED. */
#ifndef TAPER_IMAGE_H
#define TAPER_IMAGE_H

#include "taper/base.h"
#include "taper/data.h"
#include "taper/status.h"

TP_BEGIN_DECLS

typedef struct tp_png_options {
    int channels; /* 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha; 0: 1 or 3, by what the file has */
    int64_t max_pixels; /* a larger image is an error; 0: 2^28 */
} tp_png_options;

/* The image in a PNG file of any kind: (C, H, W), U8. Palettes are looked up, fewer bits than 8 stretched
 * to 0 ... 255, 16 bits rounded to 8; gray is made of colours as 0.299 R + 0.587 G + 0.114 B, rounded
 * (ITU-R 601, as PIL has it); an alpha channel that is not asked for is left out, and one that the file
 * does not have is 255. Gamma and colour profiles are ignored. Errors: TP_ERR_ARGUMENT for options that
 * are none; TP_ERR_UNSUPPORTED for an image over max_pixels. */
TP_API tp_tensor *tp_png_load(const char *path, tp_png_options options);

/* Writes an image (C, H, W), U8, of 1 to 4 channels as above, to a PNG file. Errors: TP_ERR_NULL,
 * TP_ERR_SHAPE, TP_ERR_DTYPE, TP_ERR_IO, TP_ERR_MEMORY; what was there before is then still there. */
TP_API tp_status tp_png_save(const char *path, tp_tensor *image);

/* Folders: one folder for each class, in it the PNG files of that class. */

typedef struct tp_image_folder tp_image_folder;

typedef struct tp_image_folder_options {
    int channels; /* as in tp_png_options */
    int64_t height,
        width; /* not 0: images of another size are resampled to this one, bilinearly (tp_interpolate()) */
    int64_t max_pixels; /* as in tp_png_options */
} tp_image_folder_options;

/* Looks which images are in the folders inside the folder `dir`: the files there whose names end in .png,
 * in any case. Classes and images are in the order of their names' bytes; names that begin with a dot,
 * other files and deeper folders are passed over. To be freed with tp_image_folder_free(). Unless a size
 * is given, all images must have the size and channels of the first, which is read here. Errors: those of
 * tp_png_load(); TP_ERR_IO for a folder that cannot be read; TP_ERR_FORMAT if there are no classes, or one
 * without images; TP_ERR_ARGUMENT for sizes that are negative, or only one of them given. Source:
 * torchvision.datasets.ImageFolder. */
TP_API tp_image_folder *tp_image_folder_open(const char *dir, tp_image_folder_options options);
TP_API void tp_image_folder_free(tp_image_folder *folder); /* NULL does nothing */

/* The number of images, and of classes; -1 after an error. */
TP_API int64_t tp_image_folder_size(const tp_image_folder *folder);
TP_API int tp_image_folder_classes(const tp_image_folder *folder);

/* The name of a class, whose label is its number; the path and the label of an image. Strings are valid
 * until the folder is freed. NULL and -1 after an error: TP_ERR_NULL, TP_ERR_INDEX. */
TP_API const char *tp_image_folder_class(const tp_image_folder *folder, int label);
TP_API const char *tp_image_folder_path(const tp_image_folder *folder, int64_t image);
TP_API int tp_image_folder_label(const tp_image_folder *folder, int64_t image);

/* The dataset of the images, which are read when they are asked for: image (C, H, W), U8, and label (),
 * I64. It holds the folder, and is to be freed with tp_dataset_free(). Errors: TP_ERR_NULL, TP_ERR_MEMORY;
 * when an image is asked for, those of tp_png_load(), and TP_ERR_FORMAT for an image of another size,
 * which name the file. */
TP_API tp_dataset *tp_image_folder_dataset(tp_image_folder *folder);

typedef struct tp_labelled_images {
    tp_tensor *images; /* (N, C, H, W), U8 */
    tp_tensor *labels; /* (N), I64 */
} tp_labelled_images;

/* All images at once, in memory. Both NULL after an error: as above. */
TP_API tp_labelled_images tp_image_folder_load(const tp_image_folder *folder);

TP_END_DECLS

#endif
