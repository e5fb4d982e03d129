"""Golden cases: elementwise."""

import torch
import torch.nn.functional as F

from golden.support import values


def cases(file):
    nan, inf = float("nan"), float("inf")
    x = file.draw(3, 5)
    positive = file.draw(3, 5, lo=0.2, hi=4)
    ops = {"neg": torch.neg, "abs": torch.abs, "square": torch.square, "exp": torch.exp, "sin": torch.sin,
           "cos": torch.cos, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "erf": torch.erf, "relu": F.relu,
           "gelu": F.gelu, "gelu_tanh": lambda t: F.gelu(t, approximate="tanh"), "silu": F.silu,
           "softplus": F.softplus, "sign": torch.sign}
    for op, f in ops.items():
        file.case(op, "plain", [x * 1.5], f)
        file.case(op, "at zero and far out", [values(0.0, -0.0, 20, -20, 50, -50, 1e-8, -1e-8)], f)
    for op, f in {"log": torch.log, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal}.items():
        file.case(op, "plain", [positive], f)
        file.case(op, "at zero and beyond", [values(0.0, -1, inf, nan, 1e-300)], f)
    for op, f in {"relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp,
                  "abs": torch.abs}.items():
        file.case(op, "NaN and infinities", [values(nan, inf, -inf)], f, grad=False)
    binary = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "maximum": torch.maximum,
              "minimum": torch.minimum}
    for op, f in binary.items():
        file.case(op, "plain", [x, file.draw(3, 5, lo=0.5, hi=2)], f)
        file.case(op, "stretched", [file.draw(2, 1, 3), file.draw(4, 1, lo=0.5, hi=2)], f)
        file.case(op, "0-d", [file.draw(2, 3), file.draw(lo=0.5, hi=2)], f)
    for op in ("maximum", "minimum"):
        file.case(op, "ties", [values(1, 2, 3, 3), values(1, 3, 2, 3)], binary[op])
        file.case(op, "NaN", [values(1, nan, 3), values(nan, 3, 2)], binary[op], grad=False)
    file.case("pow", "plain", [positive, x], torch.pow)
    file.case("pow", "zero base", [values(0, 0, 0, 2), values(0, 2, 1, 0)], torch.pow)
    file.case("pow", "negative base", [values(-2, -1.5, -2), values(2, 3, -1)], torch.pow, grad=False)
    for s in (0.0, 0.5, 1.0, 2.0, 3.0, -1.0, 2.5):
        file.case("pow_scalar", str(s), [positive], lambda t: torch.pow(t, s), s=s)
    for s in (0.0, 1.0, 2.0):
        file.case("pow_scalar", f"{s} at zero and below", [values(0, -1, 1)], lambda t: torch.pow(t, s), s=s)
    file.case("scalar_pow", "plain", [x], lambda t: torch.pow(1.7, t), s=1.7)
    file.case("scalar_sub", "plain", [x], lambda t: 1.7 - t, s=1.7)
    file.case("scalar_div", "plain", [positive], lambda t: 1.7 / t, s=1.7)
    for slope in (0.01, 0.3, 0.0):
        file.case("leaky_relu", f"{slope}", [torch.cat([x.flatten(), values(0, -0.0)])],
                  lambda t: F.leaky_relu(t, slope), s=slope)
    for lo, hi in ((-1, 1), (-inf, 0.5), (0.0, inf), (1.0, -1.0)):
        file.case("clamp", f"{lo} to {hi}", [torch.cat([x.flatten(), values(-1, 0, 0.5, 1)])],
                  lambda t: torch.clamp(t, lo, hi), lo=lo, hi=hi)
    file.case("where", "stretched", [file.ints(0, 2, 3, 1).bool(), file.draw(2, 1, 4), file.draw(4)], torch.where)
