/* Modules of several inputs without parameters: losses, distances and unpooling. Each holds what its op is given besides tensors. */
#include "nn/nn.h"
#include "taper/autograd.h"
#include "taper/linalg.h"
#include "taper/nn.h"

/* The options of all kinds; a module has those of its own. The tensors among them are the buffers below. */
typedef union nn_several_options {
    tp_reduction reduction;
    struct {
        tp_reduction reduction;
        double number; /* beta, delta or margin */
    } numbered;
    tp_ce_options ce;
    tp_bce_options bce;
    tp_kl_div_options kl_div;
    tp_gaussian_nll_options gaussian;
    tp_poisson_nll_options poisson;
    tp_multi_margin_options multi_margin;
    tp_triplet_options triplet;
    tp_ctc_options ctc;
    tp_pairwise_distance_options distance;
    struct {
        int dim;
        double eps;
    } cosine;
    struct {
        int64_t kernel[3];
        tp_max_unpool_options options;
    } unpool;
} nn_several_options;

typedef struct nn_several {
    tp_module base;
    nn_several_options options;
    tp_tensor *weight, *pos_weight;
} nn_several;

/* Is the number of inputs right? Those that may be NULL are for the op to tell. */
static bool nn_several_count(const tp_module *m, tp_tensors in, int least, int most) {
    if (in.count >= least && in.count <= most) return true;
    if (least == most)
        tp__error(TP_ERR_ARGUMENT, "forward_all", "a %s takes %d tensors, got %d", m->type->name, least,
                  in.count);
    else
        tp__error(TP_ERR_ARGUMENT, "forward_all", "a %s takes %d to %d tensors, got %d", m->type->name, least,
                  most, in.count);
    return false;
}

/* ---- what each class runs ----------------------------------------------------------------------------- */

#define OPTIONS (self->options)
#define IN(i) (i < in.count ? in.items[i] : NULL)
#define NN_SEVERAL(ident, printed, least, most, call) NN_PRINTED(ident, printed, least, most, call, NULL)
#define NN_PRINTED(ident, printed, least, most, call, print)                                                 \
    static tp_tensor *nn_##ident##_forward(tp_module *m, tp_tensors in) {                                    \
        nn_several *self = (nn_several *)m;                                                                  \
        return nn_several_count(m, in, least, most) ? call : NULL;                                           \
    }                                                                                                        \
    static const tp_module_class nn_##ident##_class = {.name = printed,                                      \
                                                       .size = sizeof(nn_several),                           \
                                                       .forward_all = nn_##ident##_forward,                  \
                                                       .describe = print};

static tp_ce_options nn_ce_options(const nn_several *self) {
    tp_ce_options options = self->options.ce;
    options.weight = self->weight;
    return options;
}

static tp_bce_options nn_bce_options(const nn_several *self) {
    tp_bce_options options = self->options.bce;
    options.weight = self->weight;
    options.pos_weight = self->pos_weight;
    return options;
}

static tp_multi_margin_options nn_multi_margin_options(const nn_several *self) {
    tp_multi_margin_options options = self->options.multi_margin;
    options.weight = self->weight;
    return options;
}

/* Zeros in the kernel stand for the size before, and in the stride too, a first one for the kernel. */
static int nn_unpool_describe(const nn_several *self, int nd, char *buffer, size_t size) {
    int64_t kernel[3], stride[3];
    const tp_max_unpool_options *o = &self->options.unpool.options;
    for (int d = 0; d < nd; d++) {
        kernel[d] = self->options.unpool.kernel[d];
        if (kernel[d] == 0 && d > 0) kernel[d] = kernel[d - 1];
        stride[d] = o->stride[d] ? o->stride[d] : d > 0 && o->stride[0] ? stride[d - 1] : kernel[d];
    }
    tp__text text = {buffer, size, 0};
    tp__text_add(&text, "kernel_size=");
    tp__text_tuple(&text, nd, kernel);
    tp__text_add(&text, ", stride=");
    tp__text_tuple(&text, nd, stride);
    tp__text_add(&text, ", padding=");
    tp__text_tuple(&text, nd, o->padding);
    return (int)text.length;
}

#define NN_UNPOOL_DESCRIBE(nd)                                                                               \
    static int nn_unpool##nd##d_describe(const tp_module *m, char *buffer, size_t size) {                    \
        return nn_unpool_describe((const nn_several *)m, nd, buffer, size);                                  \
    }
NN_UNPOOL_DESCRIBE(1)
NN_UNPOOL_DESCRIBE(2)
NN_UNPOOL_DESCRIBE(3)

#define KERNEL(i) OPTIONS.unpool.kernel[i]
#define UNPOOL OPTIONS.unpool.options
#define NUMBERED OPTIONS.numbered.number, OPTIONS.numbered.reduction
NN_SEVERAL(mse_loss, "MSELoss", 2, 2, tp_mse_loss(IN(0), IN(1), OPTIONS.reduction))
NN_SEVERAL(l1_loss, "L1Loss", 2, 2, tp_l1_loss(IN(0), IN(1), OPTIONS.reduction))
NN_SEVERAL(smooth_l1_loss, "SmoothL1Loss", 2, 2, tp_smooth_l1_loss(IN(0), IN(1), NUMBERED))
NN_SEVERAL(huber_loss, "HuberLoss", 2, 2, tp_huber_loss(IN(0), IN(1), NUMBERED))
NN_SEVERAL(cross_entropy_loss, "CrossEntropyLoss", 2, 2, tp_cross_entropy(IN(0), IN(1), nn_ce_options(self)))
NN_SEVERAL(nll_loss, "NLLLoss", 2, 2, tp_nll_loss(IN(0), IN(1), nn_ce_options(self)))
NN_SEVERAL(bce_loss, "BCELoss", 2, 2, tp_bce(IN(0), IN(1), nn_bce_options(self)))
NN_SEVERAL(bce_with_logits_loss, "BCEWithLogitsLoss", 2, 2,
           tp_bce_with_logits(IN(0), IN(1), nn_bce_options(self)))
NN_SEVERAL(kl_div_loss, "KLDivLoss", 2, 2, tp_kl_div(IN(0), IN(1), OPTIONS.kl_div))
NN_SEVERAL(gaussian_nll_loss, "GaussianNLLLoss", 3, 3,
           tp_gaussian_nll_loss(IN(0), IN(1), IN(2), OPTIONS.gaussian))
NN_SEVERAL(poisson_nll_loss, "PoissonNLLLoss", 2, 2, tp_poisson_nll_loss(IN(0), IN(1), OPTIONS.poisson))
NN_SEVERAL(margin_ranking_loss, "MarginRankingLoss", 3, 3,
           tp_margin_ranking_loss(IN(0), IN(1), IN(2), NUMBERED))
NN_SEVERAL(hinge_embedding_loss, "HingeEmbeddingLoss", 2, 2, tp_hinge_embedding_loss(IN(0), IN(1), NUMBERED))
NN_SEVERAL(soft_margin_loss, "SoftMarginLoss", 2, 2, tp_soft_margin_loss(IN(0), IN(1), OPTIONS.reduction))
NN_SEVERAL(multilabel_soft_margin_loss, "MultiLabelSoftMarginLoss", 2, 2,
           tp_multilabel_soft_margin_loss(IN(0), IN(1), self->weight, OPTIONS.reduction))
NN_SEVERAL(multi_margin_loss, "MultiMarginLoss", 2, 2,
           tp_multi_margin_loss(IN(0), IN(1), nn_multi_margin_options(self)))
NN_SEVERAL(triplet_margin_loss, "TripletMarginLoss", 3, 3,
           tp_triplet_margin_loss(IN(0), IN(1), IN(2), OPTIONS.triplet))
NN_SEVERAL(cosine_embedding_loss, "CosineEmbeddingLoss", 3, 3,
           tp_cosine_embedding_loss(IN(0), IN(1), IN(2), NUMBERED))
NN_SEVERAL(ctc_loss, "CTCLoss", 2, 4, tp_ctc_loss(IN(0), IN(1), IN(2), IN(3), OPTIONS.ctc))
NN_SEVERAL(pairwise_distance, "PairwiseDistance", 2, 2, tp_pairwise_distance(IN(0), IN(1), OPTIONS.distance))
NN_SEVERAL(cosine_similarity, "CosineSimilarity", 2, 2,
           tp_cosine_similarity(IN(0), IN(1), OPTIONS.cosine.dim, OPTIONS.cosine.eps))
NN_PRINTED(max_unpool1d, "MaxUnpool1d", 2, 2, tp_max_unpool1d(IN(0), IN(1), KERNEL(0), UNPOOL),
           nn_unpool1d_describe)
NN_PRINTED(max_unpool2d, "MaxUnpool2d", 2, 2, tp_max_unpool2d(IN(0), IN(1), KERNEL(0), KERNEL(1), UNPOOL),
           nn_unpool2d_describe)
NN_PRINTED(max_unpool3d, "MaxUnpool3d", 2, 2,
           tp_max_unpool3d(IN(0), IN(1), KERNEL(0), KERNEL(1), KERNEL(2), UNPOOL), nn_unpool3d_describe)

/* ---- making them -------------------------------------------------------------------------------------- */

static bool nn_several_buffer(tp_module *m, const char *name, tp_tensor **slot, tp_tensor *value) {
    return !value || tp_module_register_buffer(m, name, slot, tp_contiguous(tp_detach(value))) != NULL;
}

/* With the tensors among the options, or NULL, as buffers. */
static tp_module *nn_several_new(const tp_module_class *type, nn_several_options options, tp_tensor *weight,
                                 tp_tensor *pos_weight) {
    TP_OPTIONAL(weight);
    TP_OPTIONAL(pos_weight);
    tp_scope *s = tp_scope_begin();
    nn_several *self = s ? (nn_several *)tp_module_new(type) : NULL;
    if (!self) return tp__module_finish(NULL, s, false);
    self->options = options;
    bool ok = nn_several_buffer(&self->base, "weight", &self->weight, weight) &&
              nn_several_buffer(&self->base, "pos_weight", &self->pos_weight, pos_weight);
    return tp__module_finish(&self->base, s, ok);
}

#define NN_NEW(ident, weight, pos_weight, ...)                                                               \
    return nn_several_new(&nn_##ident##_class, (nn_several_options){__VA_ARGS__}, weight, pos_weight)

tp_module *tp_nn_mse_loss(tp_reduction reduction) { NN_NEW(mse_loss, NULL, NULL, .reduction = reduction); }

tp_module *tp_nn_l1_loss(tp_reduction reduction) { NN_NEW(l1_loss, NULL, NULL, .reduction = reduction); }

tp_module *tp_nn_smooth_l1_loss(double beta, tp_reduction reduction) {
    NN_NEW(smooth_l1_loss, NULL, NULL, .numbered = {reduction, beta});
}

tp_module *tp_nn_huber_loss(double delta, tp_reduction reduction) {
    NN_NEW(huber_loss, NULL, NULL, .numbered = {reduction, delta});
}

tp_module *tp_nn_cross_entropy_loss(tp_ce_options options) {
    NN_NEW(cross_entropy_loss, options.weight, NULL, .ce = options);
}

tp_module *tp_nn_nll_loss(tp_ce_options options) { NN_NEW(nll_loss, options.weight, NULL, .ce = options); }

tp_module *tp_nn_bce_loss(tp_bce_options options) {
    NN_NEW(bce_loss, options.weight, options.pos_weight, .bce = options);
}

tp_module *tp_nn_bce_with_logits_loss(tp_bce_options options) {
    NN_NEW(bce_with_logits_loss, options.weight, options.pos_weight, .bce = options);
}

tp_module *tp_nn_kl_div_loss(tp_kl_div_options options) {
    NN_NEW(kl_div_loss, NULL, NULL, .kl_div = options);
}

tp_module *tp_nn_gaussian_nll_loss(tp_gaussian_nll_options options) {
    NN_NEW(gaussian_nll_loss, NULL, NULL, .gaussian = options);
}

tp_module *tp_nn_poisson_nll_loss(tp_poisson_nll_options options) {
    NN_NEW(poisson_nll_loss, NULL, NULL, .poisson = options);
}

tp_module *tp_nn_margin_ranking_loss(double margin, tp_reduction reduction) {
    NN_NEW(margin_ranking_loss, NULL, NULL, .numbered = {reduction, margin});
}

tp_module *tp_nn_hinge_embedding_loss(double margin, tp_reduction reduction) {
    NN_NEW(hinge_embedding_loss, NULL, NULL, .numbered = {reduction, margin});
}

tp_module *tp_nn_soft_margin_loss(tp_reduction reduction) {
    NN_NEW(soft_margin_loss, NULL, NULL, .reduction = reduction);
}

tp_module *tp_nn_multilabel_soft_margin_loss(tp_tensor *weight, tp_reduction reduction) {
    NN_NEW(multilabel_soft_margin_loss, weight, NULL, .reduction = reduction);
}

tp_module *tp_nn_multi_margin_loss(tp_multi_margin_options options) {
    NN_NEW(multi_margin_loss, options.weight, NULL, .multi_margin = options);
}

tp_module *tp_nn_triplet_margin_loss(tp_triplet_options options) {
    NN_NEW(triplet_margin_loss, NULL, NULL, .triplet = options);
}

tp_module *tp_nn_cosine_embedding_loss(double margin, tp_reduction reduction) {
    NN_NEW(cosine_embedding_loss, NULL, NULL, .numbered = {reduction, margin});
}

tp_module *tp_nn_ctc_loss(tp_ctc_options options) { NN_NEW(ctc_loss, NULL, NULL, .ctc = options); }

tp_module *tp_nn_pairwise_distance(tp_pairwise_distance_options options) {
    NN_NEW(pairwise_distance, NULL, NULL, .distance = options);
}

tp_module *tp_nn_cosine_similarity(int dim, double eps) {
    NN_NEW(cosine_similarity, NULL, NULL, .cosine = {dim, eps});
}

tp_module *tp_nn_max_unpool1d(int64_t kernel, tp_max_unpool_options options) {
    NN_NEW(max_unpool1d, NULL, NULL, .unpool = {{kernel}, options});
}

tp_module *tp_nn_max_unpool2d(int64_t kernel_h, int64_t kernel_w, tp_max_unpool_options options) {
    NN_NEW(max_unpool2d, NULL, NULL, .unpool = {{kernel_h, kernel_w}, options});
}

tp_module *tp_nn_max_unpool3d(int64_t kernel_d, int64_t kernel_h, int64_t kernel_w,
                              tp_max_unpool_options options) {
    NN_NEW(max_unpool3d, NULL, NULL, .unpool = {{kernel_d, kernel_h, kernel_w}, options});
}
