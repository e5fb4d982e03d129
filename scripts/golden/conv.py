"""Golden cases: conv."""

import torch
import torch.nn.functional as F


def cases(file):
    def conv(what, x, w, bias, **args):
        full = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, **args}
        file.case("conv2d", what, [file.draw(*x), file.draw(*w), file.draw(w[0]) if bias else None],
                  lambda t, k, b: F.conv2d(t, k, b, **full), **full)

    conv("plain", (2, 2, 5, 6), (3, 2, 3, 3), True)
    conv("no batch", (2, 5, 5), (3, 2, 3, 3), True)
    conv("1x1", (2, 3, 4, 4), (5, 3, 1, 1), False)
    conv("stride", (1, 2, 7, 8), (3, 2, 3, 3), True, stride=(2, 3))
    conv("padding", (1, 2, 4, 4), (3, 2, 3, 3), True, padding=(1, 2))
    conv("dilation", (1, 2, 8, 9), (2, 2, 3, 3), True, dilation=(2, 3))
    conv("groups", (2, 4, 5, 5), (6, 2, 3, 3), True, groups=2)
    conv("depthwise", (1, 4, 5, 5), (8, 1, 3, 3), False, groups=4, padding=(1, 1))
    conv("everything", (2, 4, 9, 8), (4, 2, 3, 2), True, stride=(2, 1), padding=(2, 1), dilation=(2, 2), groups=2)

    convolutions_of_other_dims(file)


def convolutions_of_other_dims(file):
    def conv(op, f, what, x, w, bias, **args):
        transposed = "transpose" in op
        n = w[1] * args.get("groups", 1) if transposed else w[0]
        nd = len(w) - 2
        given = {k: v for k, v in args.items() if k != "same"}
        if "same" in args:
            given["padding"] = "same"
        file.case(op, what, [file.draw(*x), file.draw(*w), file.draw(n) if bias else None], lambda t, k, b: f(t, k, b, **given),
                  nd=nd, **args)

    conv("conv1d", F.conv1d, "plain", (2, 2, 6), (3, 2, 3), True)
    conv("conv1d", F.conv1d, "no batch", (2, 7), (3, 2, 3), True, stride=(2,), padding=(2,))
    conv("conv1d", F.conv1d, "groups", (2, 4, 7), (4, 2, 2), False, dilation=(3,), groups=2)
    conv("conv1d", F.conv1d, "same, uneven", (1, 2, 6), (2, 2, 4), True, same=True)
    conv("conv2d", F.conv2d, "same", (1, 2, 4, 5), (2, 2, 3, 3), True, same=True)
    conv("conv2d", F.conv2d, "same, uneven", (1, 2, 4, 5), (2, 2, 2, 4), True, same=True, dilation=(1, 1))
    conv("conv3d", F.conv3d, "plain", (2, 2, 3, 3, 3), (2, 2, 2, 2, 2), True)
    conv("conv3d", F.conv3d, "no batch", (1, 3, 4, 3), (2, 1, 2, 3, 2), True, stride=(2, 1, 2), padding=(1, 0, 1))
    conv("conv3d", F.conv3d, "groups", (1, 2, 4, 3, 3), (2, 1, 2, 2, 1), False, dilation=(2, 1, 1), groups=2)
    conv("conv3d", F.conv3d, "same", (1, 1, 3, 3, 2), (1, 1, 2, 3, 1), True, same=True)
    t1, t2, t3 = F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d
    conv("conv_transpose1d", t1, "plain", (2, 2, 4), (2, 3, 3), True)
    conv("conv_transpose1d", t1, "extra", (2, 4), (2, 3, 3), True, stride=(3,), padding=(1,), output_padding=(2,))
    conv("conv_transpose1d", t1, "groups", (1, 4, 3), (4, 1, 2), False, dilation=(2,), groups=2)
    conv("conv_transpose2d", t2, "plain", (2, 2, 3, 3), (2, 3, 2, 3), True)
    conv("conv_transpose2d", t2, "extra", (2, 3, 2), (2, 2, 3, 3), True, stride=(2, 3), padding=(1, 1), output_padding=(1, 2))
    conv("conv_transpose2d", t2, "groups", (1, 4, 3, 3), (4, 1, 2, 2), False, dilation=(2, 1), groups=2)
    conv("conv_transpose2d", t2, "by dilation", (1, 1, 3, 3), (1, 2, 2, 2), False, dilation=(3, 3), output_padding=(2, 1))
    conv("conv_transpose3d", t3, "plain", (2, 1, 2, 2, 2), (1, 2, 2, 2, 2), True)
    conv("conv_transpose3d", t3, "all", (2, 2, 2, 2), (2, 1, 3, 2, 2), True, stride=(2, 2, 1), padding=(1, 0, 1),
         output_padding=(1, 0, 0), dilation=(1, 2, 1), groups=2)
    conv("conv_transpose3d", t3, "stride", (1, 1, 2, 2, 2), (1, 1, 2, 2, 2), False, stride=(2, 2, 2))
