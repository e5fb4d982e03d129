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
    functions(file)
    pairs(file)
    scalars_and_three(file)


def functions(file):
    nan, inf = float("nan"), float("inf")
    open_unit, above_one, anywhere = (-0.95, 0.95), (1.05, 4), (-3, 3)
    ops = {"exp2": anywhere, "expm1": anywhere, "log2": (0.2, 4), "log10": (0.2, 4), "log1p": (-0.8, 4), "tan": (-1.4, 1.4),
           "asin": open_unit, "acos": open_unit, "atan": anywhere, "sinh": anywhere, "cosh": anywhere, "asinh": anywhere,
           "acosh": above_one, "atanh": open_unit, "logit": (0.05, 0.95), "erfc": anywhere, "erfinv": open_unit,
           "lgamma": (-2.9, 4), "digamma": (0.2, 4), "floor": anywhere, "ceil": anywhere, "round": anywhere,
           "trunc": anywhere, "frac": anywhere}
    for op, (lo, hi) in ops.items():
        f = getattr(torch, op)
        file.case(op, "inside", [file.draw(3, 5, lo=lo, hi=hi)], f)
        zeros = (0.0,) if op == "logit" else (0.0, -0.0)  # whose slope at -0 PyTorch has positive
        file.case(op, "kinks, poles, ends", [values(*zeros, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, 2)], f,
                  grad=op != "digamma")  # PyTorch's own at poles
        file.case(op, "NaN and infinities", [values(nan, inf, -inf)], f, grad=False)
    more = {"neg": torch.neg, "square": torch.square, "sin": torch.sin, "cos": torch.cos, "erf": torch.erf,
            "gelu": F.gelu, "gelu_tanh": lambda t: F.gelu(t, approximate="tanh"), "silu": F.silu,
            "softplus": F.softplus, "sign": torch.sign}
    for op, f in more.items():
        file.case(op, "three dims", [file.draw(2, 3, 2, lo=-4, hi=4)], f)
    for op in ("log", "sqrt", "rsqrt", "reciprocal"):
        file.case(op, "three dims", [file.draw(2, 3, 2, lo=0.05, hi=40)], getattr(torch, op))
    for n, what in ((1, "trigamma"), (0, "polygamma"), (1, "polygamma"), (2, "polygamma"), (4, "polygamma")):
        args = {} if what == "trigamma" else {"n": n}
        f = lambda t: torch.polygamma(n, t)
        file.case(what, f"{n} inside", [file.draw(3, 4, lo=0.3, hi=5)], f, **args)
        if n != 1:
            continue
        file.case(what, "below zero", [values(-0.5, -1.25, -2.75)], f, **args)
        file.case(what, "far out", [values(20, 100, 1000, 0.0625)], f, **args)
    for eps in (0.0, 0.125, 0.5):
        file.case("logit_eps", str(eps), [values(-1, 0.0625, 0.125, 0.25, 0.5, 0.75, 0.875, 1, 2)],
                  lambda t: torch.logit(t, eps), grad=eps == 0.125, s=eps)
    for n in (0, 1, 2, -1, -2):
        file.case("round_decimals", str(n), [values(0.5, 1.5, -0.5, 2.5, 123.75, -987.0625, 0.03125, 150)],
                  lambda t: torch.round(t, decimals=n), n=n)
    for k, (a, b, c) in enumerate(((None, None, None), (2.5, None, -3.0), (1.0, 7.0, 8.0))):
        given = {name: v for name, v in (("nan", a), ("posinf", b), ("neginf", c)) if v is not None}
        file.case("nan_to_num", f"options {k}", [values(nan, 1, -2) if k == 0 else values(nan, inf, -inf, 1) if k == 2
                                                 else values(nan, -inf, 0.5)],
                  lambda t: torch.nan_to_num(t, a, b, c), **given)
    for op in ("isnan", "isinf", "isfinite", "signbit", "logical_not"):
        f = getattr(torch, op)
        file.case(op, "floats", [values(nan, inf, -inf, 0, -0.0, 1, -1)], f, grad=False)
        file.case(op, "integers", [file.ints(-2, 3, 3, 4)], f)
        file.case(op, "bool", [file.ints(0, 2, 5).bool()], f)


def pairs(file):
    nan, inf = float("nan"), float("inf")
    ends = values(0.0, -0.0, 1, -1, inf, -inf, 2, 3)
    names = {"fmax": torch.fmax, "fmin": torch.fmin, "remainder": torch.remainder, "fmod": torch.fmod,
             "div_trunc": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
             "div_floor": lambda a, b: torch.div(a, b, rounding_mode="floor"), "atan2": torch.atan2, "hypot": torch.hypot,
             "xlogy": torch.xlogy, "logaddexp": torch.logaddexp, "logaddexp2": torch.logaddexp2}
    for op, f in names.items():
        file.case(op, "plain", [file.draw(3, 4, lo=-4, hi=4), file.draw(3, 4, lo=0.5, hi=2)], f)
        file.case(op, "stretched", [file.draw(2, 1, 3), file.draw(4, 1, lo=0.5, hi=2)], f)
        file.case(op, "ends", [ends, ends.flip(0)], f, grad=False)
        file.case(op, "ties and NaN", [values(1, nan, 2, 0), values(1, 3, nan, 5)], f, grad=False)
        file.case(op, "ties", [values(1, 2, -3), values(1, 2, 3)], f)
    for op in ("remainder", "fmod", "div_trunc", "div_floor", "fmax", "fmin", "pow"):
        f = names.get(op, torch.pow)
        file.case(op, "integers", [file.ints(-9, 10, 4, 3), file.ints(1, 4, 3)], f)
    file.case("div_floor", "negative integers", [torch.tensor([-7, 7, -7, 6]), torch.tensor([2, -2, -2, -3])],
              names["div_floor"])
    for k, (a, e) in enumerate((((3, 4), (3, 4)), ((2, 1), (3,)), ((5,), ()))):
        file.case("ldexp", f"shapes {k}", [file.draw(*a), file.ints(-3, 4, *e).double()], torch.ldexp)
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        f = getattr(torch, op)
        file.case(op, "NaN, infinities, zeros", [values(nan, inf, -0.0, 1, -inf), values(nan, inf, 0.0, 2, 3)], f, grad=False)
        file.case(op, "integers, stretched", [file.ints(-2, 3, 4, 1), file.ints(-2, 3, 3)], f)
        file.case(op, "mixed", [file.ints(-2, 3, 2, 3), file.ints(-2, 3, 2, 3).double()], f, grad=False)
        for s in (0.0, 0.5, -1.0):
            file.case(f"{op}_scalar", str(s), [values(nan, 0, -0.0, 0.5, -1, inf)], lambda t: f(t, s), grad=False, s=s)
    for op in ("logical_and", "logical_or", "logical_xor"):
        f = getattr(torch, op)
        file.case(op, "bool, stretched", [file.ints(0, 2, 4, 1).bool(), file.ints(0, 2, 3).bool()], f)
        file.case(op, "floats", [values(0, -0.0, nan, 1), values(1, 0, 0, 2)], f, grad=False)
        file.case(op, "integers", [file.ints(-1, 2, 7), file.ints(-1, 2, 7)], f)
    for op in ("and", "or", "xor", "left_shift", "right_shift"):
        f, shift = getattr(torch, f"bitwise_{op}"), op.endswith("shift")
        second = (lambda *shape: file.ints(0, 9, *shape)) if shift else (lambda *shape: file.ints(-99, 99, *shape))
        file.case(f"bitwise_{op}", "plain", [file.ints(-99, 99, 3, 4), second(3, 4)], f)
        file.case(f"bitwise_{op}", "stretched", [file.ints(-99, 99, 3, 1), second(4)], f)
        file.case(f"bitwise_{op}", "0-d", [file.ints(-99, 99, 5), second()], f)
        for s in (1, 3, 6):
            file.case(f"bitwise_{op}_scalar", str(s), [file.ints(-99, 99, 6)], lambda t: f(t, s), s=s)
            if shift:
                file.case(f"scalar_bitwise_{op}", str(s), [second(6)], lambda t: f(s, t), s=s)
    file.case("bitwise_not", "integers", [file.ints(-99, 99, 3, 4)], torch.bitwise_not)
    file.case("bitwise_not", "bool", [file.ints(0, 2, 5).bool()], torch.bitwise_not)
    file.case("bitwise_not", "0-d", [file.ints(-99, 99)], torch.bitwise_not)
    for k, (rtol, atol, same) in enumerate(((1e-5, 1e-8, False), (0.5, 0.25, True), (1e-5, 1.0, True))):
        a, b = values(1, nan, inf, 2, -inf, 0), values(1 + 2**-18, nan, inf, 3, inf, 0.25)
        for op in ("isclose", "allclose"):
            x, y = (a, b) if op == "isclose" or k == 0 else (a[:4], b[:4])
            file.case(op, f"tolerances {k}", [x, y],
                      lambda p, q: torch.as_tensor(getattr(torch, op)(p, q, rtol, atol, same)), grad=False, rtol=rtol,
                      atol=atol, equal_nan=same)
    for k, (a, b) in enumerate(((values(1, 2), values(1, 2)), (values(1, nan), values(1, nan)), (values(1, 2), values(1)))):
        file.case("equal", str(k), [a, b], lambda p, q: torch.as_tensor(torch.equal(p, q)), grad=False)


def scalars_and_three(file):
    x, positive = file.draw(3, 4, lo=-3, hi=3), file.draw(3, 4, lo=0.3, hi=3)
    first = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div,
             "div_trunc": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
             "div_floor": lambda a, b: torch.div(a, b, rounding_mode="floor"), "remainder": torch.remainder,
             "fmod": torch.fmod, "xlogy": torch.xlogy, "clamp_min": torch.clamp_min, "clamp_max": torch.clamp_max}
    for op, f in first.items():
        name = op if op.startswith("clamp") else f"{op}_scalar"
        for s in (0.75, -1.5, 2.0):
            file.case(name, str(s), [torch.cat([x.flatten(), values(0.75, -1.5, 2, 0)])], lambda t: f(t, s), s=s)
    last = {"sub": lambda s, t: s - t, "div": lambda s, t: s / t, "pow": torch.pow, "xlogy": torch.xlogy,
            "remainder": lambda s, t: torch.remainder(torch.tensor(s, dtype=t.dtype), t),
            "fmod": lambda s, t: torch.fmod(torch.tensor(s, dtype=t.dtype), t),
            "div_trunc": lambda s, t: torch.div(torch.tensor(s, dtype=t.dtype), t, rounding_mode="trunc"),
            "div_floor": lambda s, t: torch.div(torch.tensor(s, dtype=t.dtype), t, rounding_mode="floor")}
    for op, f in last.items():
        for s in (0.75, 0.0, 2.5):
            file.case(f"scalar_{op}", str(s), [positive], lambda t: f(s, t), s=s)
    for k, shapes in enumerate((((3, 4), (3, 4), (3, 4)), ((2, 1, 3), (4, 1), (3,)), ((), (3, 2), (2,)))):
        a, b, c = (file.draw(*shape, lo=0.5, hi=2) for shape in shapes)
        file.case("lerp", str(k), [a, b, c], torch.lerp)
        value = (1.0, -2.0, 0.5)[k]
        file.case("lerp_scalar", str(k), [a, b], lambda p, q: torch.lerp(p, q, value), s=value)
        file.case("addcmul", str(k), [a, b, c], lambda p, q, r: torch.addcmul(p, q, r, value=value), s=value)
        file.case("addcdiv", str(k), [a, b, c], lambda p, q, r: torch.addcdiv(p, q, r, value=value), s=value)
        mask = file.ints(0, 2, *shapes[1]).bool()
        file.case("where", f"shapes {k}", [mask, a, c], torch.where)
        file.case("masked_fill", str(k), [a, mask], lambda p, m: torch.masked_fill(p, m, value), s=value)
