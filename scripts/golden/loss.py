"""Golden cases: loss."""

import torch
import torch.nn.functional as F

from golden.support import values


def cases(file):
    weight = file.draw(4, lo=0.5, hi=2)
    sets = {"plain": {}, "sum": {"reduction": "sum"}, "none": {"reduction": "none"}, "weights": {"weight": weight},
            "weights, none": {"weight": weight, "reduction": "none"}, "ignored": {"ignore_index": 1},
            "weights, ignored": {"weight": weight, "ignore_index": 2},
            "ignored, none": {"ignore_index": 0, "reduction": "none"}, "ignored, sum": {"ignore_index": 0, "reduction": "sum"}}
    smooth = {"smoothing": {"label_smoothing": 0.1},
              "smoothing, weights, ignored": {"label_smoothing": 0.2, "weight": weight, "ignore_index": 2},
              "smoothing, none": {"label_smoothing": 0.3, "reduction": "none", "weight": weight},
              "smoothing, sum, ignored": {"label_smoothing": 1.0, "reduction": "sum", "ignore_index": 3}}
    shapes = {"matrix": ((6, 4), (6,)), "vector": ((4,), ()), "image": ((2, 4, 2, 3), (2, 2, 3))}
    for op, f, options in (("cross_entropy", F.cross_entropy, {**sets, **smooth}), ("nll_loss", F.nll_loss, sets)):
        for shape_name, (x, y) in shapes.items():
            for what, o in options.items():
                target = torch.arange(max(1, torch.Size(y).numel())).reshape(y) % 4 if y else torch.tensor(3)
                args = {k: v for k, v in o.items() if k != "weight"}
                w = o.get("weight")
                file.case(op, f"{shape_name}, {what}", [file.draw(*x), target, w],
                          lambda t, c, v: f(t, c, weight=v, **args), fixed=2, **args)
    file.case("cross_entropy", "far apart", [torch.tensor([[1000.0, -1000, 0, 5], [0, 0, 0, 0]], dtype=torch.float64),
                                             torch.tensor([1, 2]), None], lambda t, c, v: F.cross_entropy(t, c))
    for reduction in ("mean", "sum", "none"):
        for what, x, w, smoothing in (("matrix", (3, 4), None, 0.0), ("weights", (3, 4), weight, 0.0),
                                      ("smoothing, weights", (2, 4, 3), weight, 0.2), ("vector", (4,), weight, 0.1),
                                      ("image", (2, 4, 2, 2), None, 0.0)):
            file.case("cross_entropy", f"probabilities, {what}, {reduction}", [file.draw(*x), file.draw(*x, lo=0, hi=1), w],
                      lambda t, p, v: F.cross_entropy(t, p, weight=v, label_smoothing=smoothing, reduction=reduction),
                      fixed=2, reduction=reduction, label_smoothing=smoothing)
        for what, x, targets, steps, lengths, blank in (
                ("rows", (6, 3, 4), [[1, 2, 3], [2, 2, 1], [3, 1, 1]], [6, 6, 6], [3, 2, 1], 0),
                ("steps", (6, 3, 4), [[1, 2, 3], [2, 2, 1], [3, 1, 1]], [6, 5, 3], [3, 3, 2], 0),
                ("in a row", (5, 2, 5), [1, 2, 0, 3, 3], [5, 4], [3, 2], 4),
                ("no labels", (4, 2, 3), [[1, 2], [2, 2]], [4, 3], [2, 0], 0),
                ("one", (5, 4), [3, 1, 1], 5, 3, 0)):
            file.case("ctc_loss", f"{what}, {reduction}",
                      [file.draw(*x), torch.tensor(targets), torch.tensor(steps), torch.tensor(lengths)],
                      lambda t, y, i, o: F.ctc_loss(F.log_softmax(t, -1), y, i, o, blank=blank, reduction=reduction),
                      reduction=reduction, blank=blank)
        file.case("ctc_loss", f"no way, {reduction}",
                  [file.draw(3, 2, 4), torch.tensor([[1, 2, 3], [2, 2, 1]]), torch.tensor([3, 3]), torch.tensor([3, 2])],
                  lambda t, y, i, o: F.ctc_loss(F.log_softmax(t, -1), y, i, o, zero_infinity=True, reduction=reduction),
                  reduction=reduction, zero_infinity=1)
        file.case("mse_loss", reduction, [file.draw(3, 4), file.draw(3, 4)],
                  lambda a, b: F.mse_loss(a, b, reduction=reduction), reduction=reduction)
        file.case("bce_with_logits", reduction, [file.draw(3, 4), file.draw(3, 4, lo=0, hi=1), None, None],
                  lambda a, b, w, p: F.binary_cross_entropy_with_logits(a, b, reduction=reduction), reduction=reduction)
        file.case("bce_with_logits", f"{reduction}, weighted",
                  [file.draw(3, 4) * 4, file.draw(3, 4, lo=0, hi=1), file.draw(4, lo=0.5, hi=2), file.draw(4, lo=0.5, hi=2)],
                  lambda a, b, w, p: F.binary_cross_entropy_with_logits(
                      a, b, weight=w, pos_weight=p, reduction=reduction),
                  fixed=2, reduction=reduction)
    file.case("bce_with_logits", "far out", [values(500, -500, 500, -500), values(1, 0, 0, 1), None, None],
              lambda a, b, w, p: F.binary_cross_entropy_with_logits(a, b))
    elements(file)
    rows(file)


def elements(file):
    """Losses of one element each."""
    signs = values(1, -1, 1, 1, -1, -1)

    def both(op, what, inputs, f, fixed=99, **args):
        for reduction in ("mean", "sum", "none"):
            file.case(op, f"{what}, {reduction}", inputs, lambda *a: f(*a, reduction=reduction), fixed=fixed,
                      reduction=reduction, **args)

    for op, f, name in (("l1_loss", F.l1_loss, None), ("smooth_l1_loss", F.smooth_l1_loss, "beta"),
                        ("huber_loss", F.huber_loss, "delta")):
        both(op, "default", [file.draw(3, 4), file.draw(3, 4)], f)
        for number in (0.3, 2.5) if name else ():
            both(op, f"{name} {number}", [file.draw(3, 4), file.draw(3, 4)],
                 lambda a, b, reduction: f(a, b, reduction=reduction, **{name: number}), s=number)
    file.case("smooth_l1_loss", "beta 0", [file.draw(5), file.draw(5)], lambda a, b: F.smooth_l1_loss(a, b, beta=0.0), s=-0.0)
    file.case("l1_loss", "ties", [values(1, 2, 3), values(1, 2.5, 3)], F.l1_loss)
    both("bce", "plain", [file.draw(3, 4, lo=0, hi=1), file.draw(3, 4, lo=0, hi=1), None],
         lambda a, b, w, reduction: F.binary_cross_entropy(a, b, reduction=reduction), fixed=2)
    both("bce", "weight", [file.draw(3, 4, lo=0, hi=1), file.draw(3, 4, lo=0, hi=1), file.draw(4, lo=0.5, hi=2)],
         lambda a, b, w, reduction: F.binary_cross_entropy(a, b, weight=w, reduction=reduction), fixed=2)
    file.case("bce", "0 and 1", [values(0, 1, 0, 1, 0.5), values(0, 1, 1, 0, 0.5), None],
              lambda a, b, w: F.binary_cross_entropy(a, b), fixed=1)
    both("kl_div", "plain", [file.draw(3, 4), file.draw(3, 4, lo=0, hi=1)], F.kl_div)
    both("kl_div", "log_target", [file.draw(3, 4), file.draw(3, 4)],
         lambda a, b, reduction: F.kl_div(a, b, log_target=True, reduction=reduction), log_target=1)
    file.case("kl_div", "batchmean", [file.draw(3, 4), file.draw(3, 4, lo=0, hi=1)],
              lambda a, b: F.kl_div(a, b, reduction="batchmean"), batchmean=1)
    file.case("kl_div", "zeros", [file.draw(4), values(0, 0.5, 0, 1)], F.kl_div, fixed=1)
    both("gaussian_nll_loss", "plain", [file.draw(3, 4), file.draw(3, 4), file.draw(3, 4, lo=0.25)], F.gaussian_nll_loss)
    for what, var in (("rows", (3,)), ("columns", (1, 4))):
        both("gaussian_nll_loss", f"{what}, full", [file.draw(3, 4), file.draw(3, 4), file.draw(*var, lo=0.25)],
             lambda a, b, v, reduction: F.gaussian_nll_loss(a, b, v, full=True, reduction=reduction), full=1)
    both("gaussian_nll_loss", "below eps", [file.draw(3, 4), file.draw(3, 4), file.draw(3, 4, lo=0, hi=1)],
         lambda a, b, v, reduction: F.gaussian_nll_loss(a, b, v, eps=0.5, reduction=reduction), s=0.5)
    both("poisson_nll_loss", "plain", [file.draw(3, 4), file.draw(3, 4, lo=0, hi=5)], F.poisson_nll_loss)
    both("poisson_nll_loss", "rates, eps", [file.draw(3, 4, lo=0.25), file.draw(3, 4, lo=0, hi=5)],
         lambda a, b, reduction: F.poisson_nll_loss(a, b, log_input=False, eps=0.1, reduction=reduction), no_log=1, s=0.1)
    both("poisson_nll_loss", "full", [file.draw(3, 4), file.draw(3, 4, lo=0, hi=5)],
         lambda a, b, reduction: F.poisson_nll_loss(a, b, full=True, reduction=reduction), fixed=1, full=1)
    both("sigmoid_focal_loss", "default", [file.draw(3, 4), file.draw(3, 4, lo=0, hi=1)], focal)
    for alpha, gamma in ((0.75, 1.5), (-1, 3.0), (-0.0, 1.0)):
        both("sigmoid_focal_loss", f"alpha {alpha}, gamma {gamma}", [file.draw(3, 4), file.draw(3, 4, lo=0, hi=1)],
             lambda a, b, reduction: focal(a, b, alpha, gamma, reduction), alpha=alpha, s=gamma)
    for margin in (0.0, 0.5):
        both("margin_ranking_loss", f"margin {margin}", [file.draw(6), file.draw(6), signs],
             lambda a, b, t, reduction: F.margin_ranking_loss(a, b, t, margin=margin, reduction=reduction), fixed=2, s=margin)
    both("hinge_embedding_loss", "default", [file.draw(6), signs], F.hinge_embedding_loss, fixed=1)
    both("hinge_embedding_loss", "margin 0.5", [file.draw(6), values(1, -1, 0, 1, -1, 2)],
         lambda a, t, reduction: F.hinge_embedding_loss(a, t, margin=0.5, reduction=reduction), fixed=1, s=0.5)
    both("soft_margin_loss", "plain", [file.draw(6), signs], F.soft_margin_loss, fixed=1)
    both("soft_margin_loss", "matrix", [file.draw(3, 6), signs.expand(3, 6)], F.soft_margin_loss, fixed=1)


def focal(x, target, alpha=0.25, gamma=2, reduction="none"):
    """torchvision.ops.sigmoid_focal_loss."""
    p = torch.sigmoid(x)
    loss = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    loss = loss * (1 - (p * target + (1 - p) * (1 - target))) ** gamma
    if alpha >= 0:
        loss = (alpha * target + (1 - alpha) * (1 - target)) * loss
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def rows(file):
    """Losses of rows."""
    signs = values(1, -1, 1, 1, -1, -1)
    for reduction in ("mean", "sum", "none"):
        for what, w in (("plain", None), ("weight", file.draw(4, lo=0.5, hi=2))):
            file.case("multilabel_soft_margin_loss", f"{what}, {reduction}",
                      [file.draw(3, 4), file.draw(3, 4, lo=0, hi=1), w],
                      lambda a, b, w: F.multilabel_soft_margin_loss(a, b, weight=w, reduction=reduction), fixed=2,
                      reduction=reduction)
            for p, margin in ((1, 1.0), (2, 0.5)):
                file.case("multi_margin_loss", f"{what}, {reduction}, p {p}",
                          [file.draw(5, 4), torch.tensor([0, 3, 1, 2, 3]), w],
                          lambda a, b, w: F.multi_margin_loss(a, b, p=p, margin=margin, weight=w, reduction=reduction),
                          fixed=2, reduction=reduction, p=p, s=margin)
        for p, swap, margin in ((2.0, False, 1.0), (2.0, True, 3.0), (1.0, False, 5.0), (3.0, True, 2.0)):
            file.case("triplet_margin_loss", f"p {p}, margin {margin}, {reduction}",
                      [file.draw(4, 3), file.draw(4, 3), file.draw(4, 3)],
                      lambda a, b, c: F.triplet_margin_loss(a, b, c, p=p, swap=swap, margin=margin, reduction=reduction),
                      reduction=reduction, p=p, swap=swap, s=margin)
        for margin in (0.0, 0.3):
            file.case("cosine_embedding_loss", f"margin {margin}, {reduction}", [file.draw(6, 3), file.draw(6, 3), signs],
                      lambda a, b, t: F.cosine_embedding_loss(a, b, t, margin=margin, reduction=reduction), fixed=2,
                      reduction=reduction, s=margin)
    file.case("cosine_embedding_loss", "one", [file.draw(3), file.draw(3), torch.tensor(1.0, dtype=torch.float64)],
              lambda a, b, t: F.cosine_embedding_loss(a, b, t), fixed=2)
