"""Golden cases: norm."""

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
