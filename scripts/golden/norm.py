"""Golden cases: norm."""

import torch
import torch.nn.functional as F


def cases(file):
    for what, shape in (("matrix", (6, 3)), ("images", (3, 2, 3, 4)), ("sequence", (2, 3, 5))):
        for training in (True, False):
            for affine in (True, False):
                for momentum, eps in ((0.1, 1e-5), (0.3, 1e-2)):
                    c = shape[1]

                    def f(x, w, b, mean, var):
                        mean, var = mean.clone(), var.clone()
                        y = F.batch_norm(x, mean, var, w, b, training, momentum, eps)
                        return y, mean, var

                    file.case("batch_norm", f"{what}, {'training' if training else 'eval'}, "
                              f"{'affine' if affine else 'plain'}, eps {eps}",
                              [file.draw(*shape), file.draw(c) if affine else None, file.draw(c) if affine else None,
                               file.draw(c), file.draw(c, lo=0.5, hi=2)], f, fixed=3, training=training,
                              momentum=momentum, eps=eps)
    row_norms(file)


def row_norms(file):
    for shape, last in (((4, 5), (5,)), ((2, 3, 4), (3, 4)), ((6,), (6,)), ((2, 2, 3), (3,))):
        for affine in (True, False):
            for eps in (None, 0.1):
                what = f"{shape} over {last}, {'affine' if affine else 'plain'}, eps {eps}"
                given = {"eps": eps} if eps else {}
                weight, bias = (file.draw(*last), file.draw(*last)) if affine else (None, None)
                file.case("layer_norm", what, [file.draw(*shape), weight, bias],
                          lambda x, w, b: F.layer_norm(x, last, w, b, **given), last=last, **given)
                file.case("rms_norm", what, [file.draw(*shape), weight],
                          lambda x, w: F.rms_norm(x, last, w, eps or 2.0 ** -52), last=last, eps=eps or 2.0 ** -52)
    for shape, groups in (((2, 4, 3), 2), ((3, 6), 3), ((2, 3, 2, 3), 1), ((2, 2, 2, 2, 2), 2)):
        for affine in (True, False):
            c = shape[1]
            weight, bias = (file.draw(c), file.draw(c)) if affine else (None, None)
            file.case("group_norm", f"{shape} in {groups}, {'affine' if affine else 'plain'}",
                      [file.draw(*shape), weight, bias],
                      lambda x, w, b: F.group_norm(x, groups, w, b, 1e-3), groups=groups, eps=1e-3)
    for shape in ((2, 3, 5), (2, 2, 3, 4), (1, 2, 2, 3, 2)):
        for affine in (True, False):
            for use in (True, False):
                c = shape[1]
                weight, bias = (file.draw(c), file.draw(c)) if affine else (None, None)

                def f(x, w, b, mean, var):
                    mean, var = mean.clone(), var.clone()
                    y = F.instance_norm(x, mean, var, w, b, use, 0.3, 1e-3)
                    return y, mean, var

                file.case("instance_norm", f"{shape}, {'affine' if affine else 'plain'}, {'its own' if use else 'running'}",
                          [file.draw(*shape), weight, bias, file.draw(c), file.draw(c, lo=0.5, hi=2)], f, fixed=3,
                          no_input_stats=not use, momentum=0.3, eps=1e-3)
    for shape, p, dim, eps in (((3, 4), 2.0, 1, 1e-12), ((2, 3, 4), 3.0, -2, 1e-12), ((3, 4), 1.0, 0, 1e-12),
                               ((3, 4), float("inf"), 1, 1e-12), ((3, 4), 2.0, 1, 1.5), ((5,), 0.5, 0, 1e-12)):
        file.case("normalize", f"{shape}, {p} along {dim}, eps {eps}", [file.draw(*shape)],
                  lambda x: F.normalize(x, p, dim, eps), p=p, dim=dim, eps=eps)
    file.case("normalize", "zeros", [torch.zeros(2, 3, dtype=torch.float64)], F.normalize, p=2.0, dim=1, eps=1e-12)
