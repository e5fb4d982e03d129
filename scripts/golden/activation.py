"""Golden cases: activation."""

import torch
import torch.nn.functional as F

from golden.support import values


def cases(file):
    nan, inf = float("nan"), float("inf")
    kinks = values(0.0, -0.0, 3, -3, 6, 0.5, -0.5, 1, -1, 25, -25)
    plain = {"relu": F.relu, "relu6": F.relu6, "selu": F.selu, "gelu": F.gelu,
             "gelu_tanh": lambda t: F.gelu(t, approximate="tanh"), "silu": F.silu, "mish": F.mish,
             "logsigmoid": F.logsigmoid, "softsign": F.softsign, "hardsigmoid": F.hardsigmoid,
             "hardswish": F.hardswish, "tanhshrink": F.tanhshrink, "softplus": F.softplus}
    for op, f in plain.items():
        file.case(op, "plain", [file.draw(3, 4, lo=-4, hi=4)], f)
        file.case(op, "kinks", [values(0.0, -0.0, 3, -3, 6, 0.5, -0.5) if op == "softplus" else kinks], f)
        file.case(op, "NaN and infinities", [values(nan, inf, -inf)], f, grad=False)
    one = {"leaky_relu": (F.leaky_relu, (0.01, 0.25, -0.5)), "elu": (F.elu, (1.0, 0.5, 2.0)),
           "celu": (F.celu, (1.0, 0.5, -2.0)), "hardshrink": (F.hardshrink, (0.5, 0.0, 1.0)),
           "softshrink": (F.softshrink, (0.5, 0.0, 1.0))}
    for op, (f, numbers) in one.items():
        for s in numbers:
            file.case(op, str(s), [torch.cat([file.draw(5, lo=-4, hi=4), kinks[:9]])], lambda t: f(t, s), s=s)
    for a, b in ((-1.0, 1.0), (0.0, 6.0), (-0.5, 3.0)):
        file.case("hardtanh", f"{a} to {b}", [kinks], lambda t: F.hardtanh(t, a, b), lo=a, hi=b)
        file.case("threshold", f"{b}, {a}", [kinks], lambda t: F.threshold(t, b, a), lo=b, hi=a)
    for beta, threshold in ((1.0, 20.0), (2.0, 3.0), (0.5, 1.5)):
        file.case("softplus_with", f"{beta}, {threshold}", [kinks], lambda t: F.softplus(t, beta, threshold), beta=beta,
                  threshold=threshold)
    for lower, upper in ((0.125, 0.25), (0.5, 0.75), (-0.25, 0.5)):
        file.case("rrelu", f"{lower}, {upper}", [kinks], lambda t: F.rrelu(t, lower, upper), lower=lower, upper=upper)
    for shape, n in (((2, 3, 4), 3), ((3, 5), 5), ((4,), 1)):
        x = file.draw(*shape)
        x.view(-1)[0] = 0
        file.case("prelu", str(shape), [x, file.draw(n)], F.prelu)
    for shape, dim in (((4, 3), 0), ((2, 3, 6), -1), ((2, 4, 3), 1)):
        file.case("glu", f"{shape} along {dim}", [file.draw(*shape)], lambda t: F.glu(t, dim), dim=dim)
        file.case("softmin", f"{shape} along {dim}", [file.draw(*shape)], lambda t: F.softmin(t, dim), dim=dim)
