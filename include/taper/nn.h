/* Ready-made modules. Each holds its options and parameters, and calls the op of its name: shapes, dtypes and
 * errors of tp_forward() are that op's.
 *
 * Parameters have PyTorch's names, shapes and default initialisation, so that state passes between the two.
 * They are drawn from options.generator (NULL: the thread's default one), used by the constructor alone.
 *
 * A constructor returns a module to be freed with tp_module_free() or given to a parent, or NULL.
 * Errors common to all: TP_ERR_ARGUMENT for a negative size or an option out of range, TP_ERR_DTYPE unless
 * options.dtype is F32 or F64, TP_ERR_MEMORY. */
#ifndef TAPER_NN_H
#define TAPER_NN_H

#include "taper/activation.h"
#include "taper/base.h"
#include "taper/dtype.h"
#include "taper/index.h"
#include "taper/linalg.h"
#include "taper/loss.h"
#include "taper/module.h"
#include "taper/pool.h"
#include "taper/random.h"
#include "taper/shape.h"
#include "taper/vision.h"

TP_BEGIN_DECLS

typedef struct tp_linear_options {
    bool no_bias;
    tp_dtype dtype;
    tp_generator *generator;
} tp_linear_options;

/* x weight^T + bias: (..., in) -> (..., out). weight: (out, in), bias: (out); both uniform within
 * +-1 / sqrt(in). Source: torch.nn.Linear. */
TP_API tp_module *tp_nn_linear(int64_t in_features, int64_t out_features, tp_linear_options options);

/* x1^T weight_o x2 + bias_o: see tp_bilinear(). weight: (out, in1, in2), bias: (out); both uniform within +-1 / sqrt(in1). It takes two
 * tensors, so it is run by tp_forward_all(); tp_forward() is TP_ERR_STATE. Source: torch.nn.Bilinear. */
TP_API tp_module *tp_nn_bilinear(int64_t in1_features, int64_t in2_features, int64_t out_features,
                                 tp_linear_options options);

/* Convolutions: numbers as in tp_conv1d_options, tp_conv2d_options and tp_conv3d_options. padding_mode says what is padded with:
 * zeros (TP_PAD_CONSTANT, the default), or what tp_pad_with() takes from x. */
typedef struct tp_nn_conv1d_options {
    int64_t groups, stride, padding, dilation;
    bool same;
    tp_pad_mode padding_mode;
    bool no_bias;
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_conv1d_options;

typedef struct tp_nn_conv2d_options {
    int64_t groups, stride[2], padding[2], dilation[2];
    bool same;
    tp_pad_mode padding_mode;
    bool no_bias;
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_conv2d_options;

typedef struct tp_nn_conv3d_options {
    int64_t groups, stride[3], padding[3], dilation[3];
    bool same;
    tp_pad_mode padding_mode;
    bool no_bias;
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_conv3d_options;

/* Convolution: (N, in, L) -> (N, out, OL), (N, in, H, W) -> (N, out, OH, OW), (N, in, D, H, W) -> (N, out, OD, OH, OW), or without N; see
 * tp_conv2d(). weight: (out, in / groups, kernel...), bias: (out); both uniform within +-1 / sqrt(in / groups x elements of the
 * kernel). A kernel size of 0 repeats the one before. Errors: TP_ERR_ARGUMENT also unless groups divides both numbers of channels, and
 * for `same` with a stride. Source: torch.nn.Conv1d, Conv2d, Conv3d. */
TP_API tp_module *tp_nn_conv1d(int64_t in_channels, int64_t out_channels, int64_t kernel,
                               tp_nn_conv1d_options options);
TP_API tp_module *tp_nn_conv2d(int64_t in_channels, int64_t out_channels, int64_t kernel_h, int64_t kernel_w,
                               tp_nn_conv2d_options options);
TP_API tp_module *tp_nn_conv3d(int64_t in_channels, int64_t out_channels, int64_t kernel_d, int64_t kernel_h,
                               int64_t kernel_w, tp_nn_conv3d_options options);

/* Numbers as in tp_conv_transpose1d_options, tp_conv_transpose2d_options and tp_conv_transpose3d_options. */
typedef struct tp_nn_conv_transpose1d_options {
    int64_t groups, stride, padding, output_padding, dilation;
    bool no_bias;
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_conv_transpose1d_options;

typedef struct tp_nn_conv_transpose2d_options {
    int64_t groups, stride[2], padding[2], output_padding[2], dilation[2];
    bool no_bias;
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_conv_transpose2d_options;

typedef struct tp_nn_conv_transpose3d_options {
    int64_t groups, stride[3], padding[3], output_padding[3], dilation[3];
    bool no_bias;
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_conv_transpose3d_options;

/* Transposed convolution, see tp_conv_transpose2d(). weight: (in, out / groups, kernel...), bias: (out); both uniform within
 * +-1 / sqrt(out / groups x elements of the kernel), as PyTorch has it. A kernel size of 0 repeats the one before. Errors: as
 * tp_nn_conv2d(). Source: torch.nn.ConvTranspose1d, ConvTranspose2d, ConvTranspose3d. */
TP_API tp_module *tp_nn_conv_transpose1d(int64_t in_channels, int64_t out_channels, int64_t kernel,
                                         tp_nn_conv_transpose1d_options options);
TP_API tp_module *tp_nn_conv_transpose2d(int64_t in_channels, int64_t out_channels, int64_t kernel_h,
                                         int64_t kernel_w, tp_nn_conv_transpose2d_options options);
TP_API tp_module *tp_nn_conv_transpose3d(int64_t in_channels, int64_t out_channels, int64_t kernel_d,
                                         int64_t kernel_h, int64_t kernel_w,
                                         tp_nn_conv_transpose3d_options options);

/* Padding: tp_pad_with() and tp_pad(). Takes (before, after) pairs from the last dim backwards, of one to three dims: TP_SHAPE(1, 1, 2, 2)
 * adds one column each side and two rows each side. Errors: TP_ERR_ARGUMENT for another number of pads. Source: torch.nn.ReflectionPad2d,
 * ReplicationPad2d, CircularPad2d, ConstantPad2d, ZeroPad2d and their like of one and three dims. */
TP_API tp_module *tp_nn_pad(tp_shape pads, tp_pad_mode mode);
TP_API tp_module *tp_nn_constant_pad(tp_shape pads, double value);

/* Pooling: the ops of pool.h. A later kernel size of 0 repeats the one before; an adaptive output size of -1 keeps x's. tp_max_unpool2d()
 * and its like take two tensors and have no module. */
TP_API tp_module *tp_nn_max_pool1d(int64_t kernel, tp_pool1d_options options);
TP_API tp_module *tp_nn_max_pool2d(int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options);
TP_API tp_module *tp_nn_max_pool3d(int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                                   tp_pool3d_options options);
TP_API tp_module *tp_nn_avg_pool1d(int64_t kernel, tp_pool1d_options options);
TP_API tp_module *tp_nn_avg_pool2d(int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options);
TP_API tp_module *tp_nn_avg_pool3d(int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                                   tp_pool3d_options options);
TP_API tp_module *tp_nn_lp_pool1d(double p, int64_t kernel, tp_pool1d_options options);
TP_API tp_module *tp_nn_lp_pool2d(double p, int64_t kernel_h, int64_t kernel_w, tp_pool2d_options options);
TP_API tp_module *tp_nn_lp_pool3d(double p, int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                                  tp_pool3d_options options);
TP_API tp_module *tp_nn_adaptive_avg_pool1d(int64_t out);
TP_API tp_module *tp_nn_adaptive_avg_pool2d(int64_t out_h, int64_t out_w);
TP_API tp_module *tp_nn_adaptive_avg_pool3d(int64_t out_d, int64_t out_h, int64_t out_w);
TP_API tp_module *tp_nn_adaptive_max_pool1d(int64_t out);
TP_API tp_module *tp_nn_adaptive_max_pool2d(int64_t out_h, int64_t out_w);
TP_API tp_module *tp_nn_adaptive_max_pool3d(int64_t out_d, int64_t out_h, int64_t out_w);

/* Images: the ops of vision.h, whose errors are theirs where a number does not fit x. Source: torch.nn.PixelShuffle, PixelUnshuffle,
 * ChannelShuffle, Upsample, Unfold, Fold. */
TP_API tp_module *tp_nn_pixel_shuffle(int64_t factor);
TP_API tp_module *tp_nn_pixel_unshuffle(int64_t factor);
TP_API tp_module *tp_nn_channel_shuffle(int64_t groups);
TP_API tp_module *tp_nn_upsample(tp_interpolate_options options); /* tp_interpolate() */
TP_API tp_module *tp_nn_unfold(int64_t kernel_h, int64_t kernel_w,
                               tp_im2col_options options); /* tp_im2col() */
TP_API tp_module *tp_nn_fold(int64_t out_h, int64_t out_w, int64_t kernel_h, int64_t kernel_w,
                             tp_im2col_options options); /* tp_col2im() */

typedef struct tp_nn_batch_norm_options {
    double eps;      /* 0 is 1e-5 */
    double momentum; /* 0 is 0.1, TP_ZERO is 0 */
    bool cumulative; /* running statistics are the mean of all batches' instead: PyTorch's momentum=None */
    bool no_affine;  /* neither weight nor bias */
    bool no_bias;    /* a weight, but no bias */
    bool no_running_stats; /* normalise by the batch's statistics in evaluation too */
    tp_dtype dtype;
} tp_nn_batch_norm_options;

/* Batch normalisation of x: (N, C) or (N, C, L), of x: (N, C, H, W) and of x: (N, C, D, H, W); see tp_batch_norm(). weight: (C)
 * ones, bias: (C) zeros; buffers running_mean, running_var: (C) and num_batches_tracked: () I64, updated by a
 * forward in training mode.
 * Source: torch.nn.BatchNorm1d, BatchNorm2d, BatchNorm3d. */
TP_API tp_module *tp_nn_batch_norm1d(int64_t features, tp_nn_batch_norm_options options);
TP_API tp_module *tp_nn_batch_norm2d(int64_t features, tp_nn_batch_norm_options options);
TP_API tp_module *tp_nn_batch_norm3d(int64_t features, tp_nn_batch_norm_options options);

typedef struct tp_nn_norm_options {
    double eps;     /* 0 is 1e-5; for rms_norm the dtype's epsilon */
    bool no_affine; /* neither weight nor bias */
    bool no_bias;   /* a weight, but no bias; rms_norm has none anyway */
    tp_dtype dtype;
} tp_nn_norm_options;

/* tp_layer_norm(), tp_rms_norm() and tp_group_norm(). weight: `normalized` or (C) ones, bias: likewise zeros. Source: torch.nn.LayerNorm,
 * RMSNorm, GroupNorm. */
TP_API tp_module *tp_nn_layer_norm(tp_shape normalized, tp_nn_norm_options options);
TP_API tp_module *tp_nn_rms_norm(tp_shape normalized, tp_nn_norm_options options);
TP_API tp_module *tp_nn_group_norm(int64_t groups, int64_t channels, tp_nn_norm_options options);

typedef struct tp_nn_instance_norm_options {
    double eps;      /* 0 is 1e-5 */
    double momentum; /* 0 is 0.1, TP_ZERO is 0 */
    bool affine;     /* a weight of ones and a bias of zeros, (C) each; none otherwise, as in PyTorch */
    bool track_running_stats; /* buffers as batch normalisation has, which evaluation then uses */
    tp_dtype dtype;
} tp_nn_instance_norm_options;

/* tp_instance_norm() of x: (N, C, L), (N, C, H, W) and (N, C, D, H, W), or without N. Source: torch.nn.InstanceNorm1d, InstanceNorm2d,
 * InstanceNorm3d. */
TP_API tp_module *tp_nn_instance_norm1d(int64_t features, tp_nn_instance_norm_options options);
TP_API tp_module *tp_nn_instance_norm2d(int64_t features, tp_nn_instance_norm_options options);
TP_API tp_module *tp_nn_instance_norm3d(int64_t features, tp_nn_instance_norm_options options);

/* tp_dropout() and its like in training mode, the identity in evaluation. The masks are drawn from `generator`, which must
 * outlive the module; NULL: the default one of the thread that runs it. Errors: TP_ERR_ARGUMENT unless 0 <= p <= 1. */
TP_API tp_module *tp_nn_dropout(double p, tp_generator *generator);
TP_API tp_module *tp_nn_dropout1d(double p, tp_generator *generator);
TP_API tp_module *tp_nn_dropout2d(double p, tp_generator *generator);
TP_API tp_module *tp_nn_dropout3d(double p, tp_generator *generator);
TP_API tp_module *tp_nn_alpha_dropout(double p, tp_generator *generator);
TP_API tp_module *tp_nn_feature_alpha_dropout(double p, tp_generator *generator);

/* Merges all dims but the first, (N, ...) -> (N, n), or those from start_dim to end_dim, both included. */
TP_API tp_module *tp_nn_flatten(void);
TP_API tp_module *tp_nn_flatten_with(int start_dim, int end_dim);

/* Splits one dim into several, of which one may be -1: tp_unflatten(). */
TP_API tp_module *tp_nn_unflatten(int dim, tp_shape sizes);

TP_API tp_module *tp_nn_identity(void); /* x itself */

/* Activations, each the op of its name: see activation.h and reduce.h, also for what their numbers may be, which is checked when
 * they run. The numbers given are PyTorch's defaults. */
TP_API tp_module *tp_nn_relu(void);
TP_API tp_module *tp_nn_relu6(void);
TP_API tp_module *tp_nn_leaky_relu(double slope);        /* 0.01 */
TP_API tp_module *tp_nn_rrelu(tp_rrelu_options options); /* random slopes in training mode */
TP_API tp_module *tp_nn_elu(double alpha);               /* 1 */
TP_API tp_module *tp_nn_celu(double alpha);              /* 1 */
TP_API tp_module *tp_nn_selu(void);
TP_API tp_module *tp_nn_gelu(void);
TP_API tp_module *tp_nn_gelu_tanh(void); /* the tanh approximation */
TP_API tp_module *tp_nn_silu(void);
TP_API tp_module *tp_nn_mish(void);
TP_API tp_module *tp_nn_tanh(void);
TP_API tp_module *tp_nn_sigmoid(void);
TP_API tp_module *tp_nn_logsigmoid(void);
TP_API tp_module *tp_nn_softsign(void);
TP_API tp_module *tp_nn_softplus(tp_softplus_options options);
TP_API tp_module *tp_nn_hardtanh(double lo, double hi); /* -1, 1 */
TP_API tp_module *tp_nn_hardsigmoid(void);
TP_API tp_module *tp_nn_hardswish(void);
TP_API tp_module *tp_nn_threshold(double threshold, double value);
TP_API tp_module *tp_nn_hardshrink(double lambda); /* 0.5 */
TP_API tp_module *tp_nn_softshrink(double lambda); /* 0.5 */
TP_API tp_module *tp_nn_tanhshrink(void);
TP_API tp_module *tp_nn_glu(int dim); /* -1 */
TP_API tp_module *tp_nn_softmax(int dim);
TP_API tp_module *tp_nn_softmin(int dim);
TP_API tp_module *tp_nn_log_softmax(int dim);

typedef struct tp_nn_embedding_options {
    bool has_padding_idx;
    /* its row is zero at first, and gets no gradient; a negative one counts from the end */
    int64_t padding_idx;
    bool sparse; /* see tp_embedding_options */
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_embedding_options;

/* tp_embedding() of x: (...), I64 or I32 -> (..., embedding_dim). weight: (num_embeddings, embedding_dim), standard normal. Source:
 * torch.nn.Embedding, without max_norm. */
TP_API tp_module *tp_nn_embedding(int64_t num_embeddings, int64_t embedding_dim,
                                  tp_nn_embedding_options options);

typedef struct tp_nn_embedding_bag_options {
    tp_bag_mode mode; /* the mean, unless it is said otherwise */
    bool include_last_offset;
    bool has_padding_idx;
    int64_t padding_idx; /* its row is zero at first; its entries count for nothing */
    bool sparse;         /* see tp_embedding_options */
    tp_dtype dtype;
    tp_generator *generator;
} tp_nn_embedding_bag_options;

/* tp_embedding_bag() of an index (B, L); of an index (n) and offsets (B), or these and factors (n), by tp_forward_all(): ->
 * (B, embedding_dim). weight: (num_embeddings, embedding_dim), standard normal. Source: torch.nn.EmbeddingBag. */
TP_API tp_module *tp_nn_embedding_bag(int64_t num_embeddings, int64_t embedding_dim,
                                      tp_nn_embedding_bag_options options);

typedef struct tp_nn_prelu_options {
    double init; /* 0 is 0.25, TP_ZERO is 0 */
    tp_dtype dtype;
} tp_nn_prelu_options;

/* tp_prelu() with weight: (num_parameters), one or one a channel, all `init` at first. Source: torch.nn.PReLU. */
TP_API tp_module *tp_nn_prelu(int64_t num_parameters, tp_nn_prelu_options options);

/* What takes several tensors, by tp_forward_all(): tp_forward_all(loss, TP_TENSORS(y, target)), in the order of the op's arguments. Losses
 * are those of loss.h, which serve as well without a module; tensors among the options become buffers, "weight" and "pos_weight",
 * copied if not packed. Sources: torch.nn.MSELoss, L1Loss, ... */
TP_API tp_module *tp_nn_mse_loss(tp_reduction reduction);
TP_API tp_module *tp_nn_l1_loss(tp_reduction reduction);
TP_API tp_module *tp_nn_smooth_l1_loss(double beta, tp_reduction reduction);
TP_API tp_module *tp_nn_huber_loss(double delta, tp_reduction reduction);
TP_API tp_module *tp_nn_cross_entropy_loss(tp_ce_options options);
TP_API tp_module *tp_nn_nll_loss(tp_ce_options options);
TP_API tp_module *tp_nn_bce_loss(tp_bce_options options);
TP_API tp_module *tp_nn_bce_with_logits_loss(tp_bce_options options);
TP_API tp_module *tp_nn_kl_div_loss(tp_kl_div_options options);
TP_API tp_module *tp_nn_gaussian_nll_loss(tp_gaussian_nll_options options); /* x, target, var */
TP_API tp_module *tp_nn_poisson_nll_loss(tp_poisson_nll_options options);
TP_API tp_module *tp_nn_margin_ranking_loss(double margin, tp_reduction reduction); /* a, b, target */
TP_API tp_module *tp_nn_hinge_embedding_loss(double margin, tp_reduction reduction);
TP_API tp_module *tp_nn_soft_margin_loss(tp_reduction reduction);
TP_API tp_module *tp_nn_multilabel_soft_margin_loss(tp_tensor *weight, tp_reduction reduction);
TP_API tp_module *tp_nn_multi_margin_loss(tp_multi_margin_options options);
TP_API tp_module *tp_nn_triplet_margin_loss(tp_triplet_options options); /* anchor, positive, negative */
TP_API tp_module *tp_nn_cosine_embedding_loss(double margin, tp_reduction reduction); /* a, b, target */
TP_API tp_module *tp_nn_ctc_loss(tp_ctc_options options); /* x, targets, and the lengths, or not */
TP_API tp_module *tp_nn_pairwise_distance(tp_pairwise_distance_options options);
TP_API tp_module *tp_nn_cosine_similarity(int dim, double eps);                      /* 1, 1e-8 */
TP_API tp_module *tp_nn_max_unpool1d(int64_t kernel, tp_max_unpool_options options); /* x, indices */
TP_API tp_module *tp_nn_max_unpool2d(int64_t kernel_h, int64_t kernel_w, tp_max_unpool_options options);
TP_API tp_module *tp_nn_max_unpool3d(int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                                     tp_max_unpool_options options);

/* Runs its children "0", "1", ... one after the other, releasing each one's input as soon as it has run, so
 * that only the tape keeps activations. It takes ownership of all modules of the list even when it fails, as
 * when one of them is NULL; further ones are added with tp_module_add(). Empty: the identity.
 *     tp_nn_sequential(TP_MODULES(tp_nn_flatten(), tp_nn_linear(784, 10, (tp_linear_options){0})))
 * Errors: those of tp_module_add(). Source: torch.nn.Sequential. */
TP_API tp_module *tp_nn_sequential(tp_modules modules);

/* Modules held as a list, "0", "1", ..., or by name, for a forward of one's own: reached by tp_module_child_at() and
 * tp_module_child(), added to by tp_module_append() and tp_module_add(). They have no forward (TP_ERR_STATE). `names` are as many as
 * modules, and copied. They take ownership of all modules even when they fail. Errors: those of tp_module_add().
 *     tp_nn_module_dict((const char *[]){"encoder", "decoder"}, TP_MODULES(encoder, decoder))
 * Source: torch.nn.ModuleList, ModuleDict. */
TP_API tp_module *tp_nn_module_list(tp_modules modules);
TP_API tp_module *tp_nn_module_dict(const char *const *names, tp_modules modules);

TP_END_DECLS

#endif
