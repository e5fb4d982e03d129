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
