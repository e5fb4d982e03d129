#!/usr/bin/env python3
"""Writes tests/golden/*.safetensors: inputs, results and gradients computed by PyTorch.

    make-golden.py tests/golden

The suite reads them with the library's own reader (tests/test_golden.c) and needs no Python; this is run by
hand, with PyTorch 2.13, when a case is added. What a file holds:

  <case>/in0 ...     inputs, in the order of the C function's tensor arguments
  <case>/out0 ...    results
  <case>/seed0 ...   the gradients given to the results that carry one
  <case>/grad0 ...   the gradients of the floating inputs

and as metadata, for each case, its op and arguments as text, `op=conv2d stride=2,1 padding=1,1`: test_golden.c
calls the C function by them. Numbers are F64 that F32 holds exactly where they are inputs.
"""

import json
import struct
import sys

import torch
import torch.nn.functional as F

DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL"}


class File:
    def __init__(self, name):
        self.name, self.tensors, self.metadata = name, {}, {}
        self.generator = torch.Generator().manual_seed(20261123)

    def write(self, directory):
        header, offset, blobs = {"__metadata__": dict(self.metadata)}, 0, []
        header["__metadata__"]["torch"] = torch.__version__.split("+")[0]
        header["__metadata__"]["command"] = "scripts/make-golden.py tests/golden"
        for name, t in self.tensors.items():
            blob = t.detach().contiguous().numpy().tobytes()
            header[name] = {"dtype": DTYPES[t.dtype], "shape": list(t.shape),
                            "data_offsets": [offset, offset + len(blob)]}
            offset += len(blob)
            blobs.append(blob)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with open(f"{directory}/{self.name}.safetensors", "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
        print(f"{self.name}.safetensors: {len(self.metadata)} cases, {8 + len(text) + offset} bytes")

    def draw(self, *shape, lo=-2.0, hi=2.0):
        t = torch.rand(shape, generator=self.generator, dtype=torch.float64) * (hi - lo) + lo
        return t.float().double()

    def ints(self, lo, hi, *shape):
        return torch.randint(lo, hi, shape, generator=self.generator)

    def case(self, op, what, inputs, f, grad=True, fixed=99, **args):
        """Runs f on the inputs (None is an absent one) and stores all that came of it. Those from number
        `fixed` on are not differentiated."""
        name = f"{op}: {what}"
        assert name not in self.metadata, name
        self.metadata[name] = " ".join([f"op={op}"] + [f"{k}={text(v)}" for k, v in args.items()])
        leaves = [t.clone().requires_grad_(grad and i < fixed) if t is not None and t.is_floating_point() else t
                  for i, t in enumerate(inputs)]
        for i, t in enumerate(leaves):
            if t is not None:
                self.tensors[f"{name}/in{i}"] = t
        outputs = f(*leaves)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        for k, y in enumerate(outputs):
            self.tensors[f"{name}/out{k}"] = y
        live = [y for y in outputs if y.requires_grad]
        wanted = [t for t in leaves if t is not None and t.requires_grad]
        if not live:
            return
        seeds = [self.draw(*y.shape, lo=0.25, hi=1.25) for y in live]
        grads = torch.autograd.grad(live, wanted, seeds)
        for k, seed in enumerate(seeds):
            self.tensors[f"{name}/seed{k}"] = seed
        for i, t in enumerate(leaves):
            if t is not None and t.requires_grad:
                self.tensors[f"{name}/grad{i}"] = grads[[id(w) for w in wanted].index(id(t))]


def text(value):
    if isinstance(value, (tuple, list)):
        return ",".join(text(v) for v in value)
    if isinstance(value, bool):
        return str(int(value))
    return repr(value)


def values(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def elementwise(file):
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


def reductions(file):
    x = file.draw(2, 3, 4)
    tied = torch.tensor([[1.0, 3, 3, 2], [5, 5, 5, 5], [-1, -2, -1, -3]], dtype=torch.float64)
    sets = [((), False), ((1,), False), ((-1,), True), ((0, 2), False), ((0, 1, 2), True)]
    for dims, keep in sets:
        what = f"{dims or 'all'} {'kept' if keep else ''}".strip()
        all_dims = dims or (0, 1, 2)
        file.case("sum_dim", what, [x], lambda t: t.sum(all_dims, keepdim=keep), dims=dims, keep=keep)
        file.case("mean_dim", what, [x], lambda t: t.mean(all_dims, keepdim=keep), dims=dims, keep=keep)
        file.case("amax", what, [x], lambda t: t.amax(all_dims, keepdim=keep), dims=dims, keep=keep)
        file.case("amin", what, [x], lambda t: t.amin(all_dims, keepdim=keep), dims=dims, keep=keep)
        file.case("logsumexp", what, [x], lambda t: t.logsumexp(all_dims, keepdim=keep), dims=dims, keep=keep)
        for correction in (0, 1, 2):
            file.case("var_dim", f"{what} correction {correction}", [x],
                      lambda t: t.var(all_dims, correction=correction, keepdim=keep), dims=dims, keep=keep,
                      correction=correction)
        file.case("std_dim", what, [x], lambda t: t.std(all_dims, correction=1, keepdim=keep), dims=dims, keep=keep,
                  correction=1)
    for op, f in {"sum": torch.sum, "mean": torch.mean, "var": torch.var, "std": torch.std}.items():
        file.case(op, "all", [x], f)
    for op, f in {"amax": torch.amax, "amin": torch.amin}.items():
        file.case(op, "ties", [tied], lambda t: f(t, (1,)), dims=(1,), keep=False)
        file.case(op, "ties over all", [tied], lambda t: f(t, (0, 1)), dims=(), keep=False)
    for op, f in {"max_dim": torch.max, "min_dim": torch.min}.items():
        for dim, keep in ((0, False), (1, True), (-1, False)):
            file.case(op, f"{dim}", [x], lambda t: tuple(f(t, dim, keepdim=keep)), dim=dim, keep=keep)
        file.case(op, "NaN", [values(1, float("nan"), 2, float("nan"))], lambda t: tuple(f(t, 0)), grad=False, dim=0,
                  keep=False)
    for op, f in {"argmax": torch.argmax, "argmin": torch.argmin}.items():
        file.case(op, "all", [x], f)
        for dim, keep in ((0, False), (-1, True)):
            file.case(f"{op}_dim", f"{dim}", [x], lambda t: f(t, dim, keepdim=keep), dim=dim, keep=keep)
    for op, f in {"softmax": F.softmax, "log_softmax": F.log_softmax}.items():
        for dim in (0, 1, -1):
            file.case(op, f"{dim}", [x], lambda t: f(t, dim), dim=dim)
        file.case(op, "far apart", [values(1000, -1000, 999, 0)], lambda t: f(t, 0), dim=0)
        file.case(op, "one class", [file.draw(3, 1)], lambda t: f(t, 1), dim=1)
        file.case(op, "-Inf masks", [values(1, float("-inf"), 2)], lambda t: f(t, 0), dim=0)
    file.case("logsumexp", "infinite", [values(float("-inf"), float("-inf"))], lambda t: t.logsumexp((0,)), grad=False,
              dims=(0,), keep=False)
    file.case("any", "some", [values(0, 1, 0)], torch.any, grad=False)
    file.case("all", "some", [values(0, 1, 0)], torch.all, grad=False)


def products(file):
    pairs = {"vectors": ((5,), (5,)), "matrix vector": ((3, 4), (4,)), "vector matrix": ((3,), (3, 4)),
             "matrices": ((3, 4), (4, 5)), "batches": ((2, 3, 4), (2, 4, 2)), "stretched": ((2, 1, 2, 3), (3, 3, 2)),
             "vector batch": ((3,), (2, 3, 4)), "batch vector": ((2, 3, 4), (4,)), "inner size zero": ((2, 0), (0, 3))}
    for what, (a, b) in pairs.items():
        file.case("matmul", what, [file.draw(*a), file.draw(*b)], torch.matmul)
    for what, shape, bias in (("matrix", (4, 3), True), ("vector", (3,), True), ("no bias", (2, 2, 3), False)):
        file.case("linear", what, [file.draw(*shape), file.draw(5, 3), file.draw(5) if bias else None], F.linear)
    file.case("dot", "plain", [file.draw(6), file.draw(6)], torch.dot)
    file.case("outer", "plain", [file.draw(3), file.draw(4)], torch.outer)


def views(file):
    x = file.draw(2, 3, 4)
    index = file.ints(0, 3, 2, 2, 4)
    file.case("gather", "dim 1", [x, index], lambda t, i: t.gather(1, i), dim=1)
    file.case("gather", "fewer", [x, file.ints(0, 4, 1, 2, 5)], lambda t, i: t.gather(-1, i), dim=-1)
    file.case("gather", "dim 0", [x, file.ints(0, 2, 5, 3, 4)], lambda t, i: t.gather(0, i), dim=0)
    file.case("scatter_add", "dim 1", [x, index, file.draw(2, 2, 4)], lambda t, i, s: t.scatter_add(1, i, s), dim=1)
    file.case("scatter_add", "last dim", [x, file.ints(0, 4, 1, 2, 5), file.draw(1, 2, 5)],
              lambda t, i, s: t.scatter_add(2, i, s), dim=2)
    file.case("index_select", "repeated", [x, torch.tensor([2, 0, 2])], lambda t, i: t.index_select(1, i), dim=1)
    file.case("index_select", "one", [x, torch.tensor(1)], lambda t, i: t.index_select(-1, i), dim=-1)
    file.case("index_select", "none", [x, torch.zeros(0, dtype=torch.int64)], lambda t, i: t.index_select(0, i), dim=0)
    file.case("index_add", "repeated", [x, torch.tensor([2, 0, 2]), file.draw(2, 3, 4)],
              lambda t, i, s: t.index_add(1, i, s), dim=1)
    for pads, value in (((1, 2), 0.0), ((1, 0, 2, 1), -1.5), ((-1, 1, 0, -2), 3.0), ((0, 1, 1, 0, 2, 0), 0.0)):
        file.case("pad", f"{pads}", [x], lambda t: F.pad(t, pads, value=value), pads=pads, value=value)
    file.case("one_hot", "five", [file.ints(0, 5, 2, 3)], lambda t: F.one_hot(t, 5), n=5)
    file.case("one_hot", "as many as needed", [torch.tensor([0, 2, 1])], F.one_hot, n=-1)
    file.case("permute", "all", [x], lambda t: t.permute(2, 0, 1), dims=(2, 0, 1))
    file.case("transpose", "outer", [x], lambda t: t.transpose(0, -1), dims=(0, -1))
    file.case("slice", "steps", [x], lambda t: t[:, :, 1:4:2], dim=2, start=1, end=4, step=2)
    file.case("slice", "negative", [x], lambda t: t[:, -2:-1], dim=1, start=-2, end=-1, step=1)
    file.case("slice_scatter", "steps", [x, file.draw(2, 3, 2)],
              lambda t, s: t.slice_scatter(s, 2, 0, 4, 2), dim=2, start=0, end=4, step=2)
    file.case("select_scatter", "one", [x, file.draw(2, 4)], lambda t, s: t.select_scatter(s, 1, 2), dim=1, index=2)
    file.case("cat", "dim 1", [x, file.draw(2, 1, 4), file.draw(2, 2, 4)], lambda *t: torch.cat(t, 1), dim=1)
    file.case("stack", "dim -1", [file.draw(2, 3), file.draw(2, 3)], lambda *t: torch.stack(t, -1), dim=-1)


def convolutions(file):
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

    def pool(op, f, what, x, kernel, **args):
        file.case(op, what, [file.draw(*x)], lambda t: f(t, kernel, **args), kernel=kernel, **args)

    max_args = [("plain", (2, 2, 6, 6), (2, 2), {}), ("no batch", (2, 5, 6), (2, 3), {}),
                ("overlapping", (1, 2, 6, 7), (3, 2), {"stride": (1, 2)}),
                ("padding", (1, 2, 5, 5), (3, 3), {"stride": (2, 2), "padding": (1, 1)}),
                ("dilation", (1, 2, 7, 8), (2, 3), {"stride": (1, 1), "dilation": (2, 2)}),
                ("ceil", (1, 2, 5, 7), (2, 3), {"ceil_mode": True}),
                ("everything", (2, 1, 7, 9), (3, 2), {"stride": (2, 3), "padding": (1, 1), "dilation": (2, 3),
                                                      "ceil_mode": True})]
    for what, x, kernel, args in max_args:
        pool("max_pool2d", F.max_pool2d, what, x, kernel, **args)
        file.case("max_pool2d_indices", what, [file.draw(*x)],
                  lambda t: F.max_pool2d(t, kernel, return_indices=True, **args), kernel=kernel, **args)
    file.case("max_pool2d_indices", "ties", [torch.ones(1, 1, 4, 4, dtype=torch.float64)],
              lambda t: F.max_pool2d(t, (2, 2), return_indices=True), kernel=(2, 2))
    avg_args = [("plain", (2, 2, 6, 6), (2, 2), {}), ("no batch", (2, 5, 6), (2, 3), {}),
                ("overlapping", (1, 2, 6, 7), (3, 2), {"stride": (1, 2)}),
                ("padding", (1, 2, 5, 5), (3, 3), {"stride": (2, 2), "padding": (1, 1)}),
                ("padding not counted", (1, 2, 5, 5), (3, 3),
                 {"stride": (2, 2), "padding": (1, 1), "count_include_pad": False}),
                ("ceil", (1, 2, 6, 7), (3, 3), {"stride": (2, 2), "padding": (1, 1), "ceil_mode": True}),
                ("ceil, padding not counted", (1, 2, 6, 7), (3, 3),
                 {"stride": (2, 2), "padding": (1, 1), "ceil_mode": True, "count_include_pad": False}),
                ("divisor", (1, 2, 4, 4), (2, 2), {"divisor_override": 3})]
    for what, x, kernel, args in avg_args:
        pool("avg_pool2d", F.avg_pool2d, what, x, kernel, **args)
    for size, x in (((1, 1), (2, 2, 3, 4)), ((2, 3), (1, 2, 5, 7)), ((4, 5), (1, 2, 3, 3)), ((2, 2), (2, 4, 4))):
        file.case("adaptive_avg_pool2d", f"{size}", [file.draw(*x)], lambda t: F.adaptive_avg_pool2d(t, size), size=size)


def losses(file):
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


def norms(file):
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


def modules(file):
    """State before and after, by PyTorch's names; test_golden.c builds the same network by the case's name."""
    nn = torch.nn
    torch.manual_seed(3)
    nets = {
        "mlp": (lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)), (4, 6)),
        "no bias": (lambda: nn.Sequential(nn.Linear(6, 5, bias=False), nn.GELU(), nn.Linear(5, 3), nn.Softmax(dim=1)), (4, 6)),
        "batch norm 1d": (lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Sigmoid(), nn.Linear(5, 3)), (7, 6)),
        "cnn": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), nn.ReLU(), nn.AvgPool2d(2),
                                      nn.Flatten(), nn.Linear(4, 3)), (3, 1, 8, 8)),
        "groups": (lambda: nn.Sequential(nn.Conv2d(4, 4, 3, groups=2, dilation=2), nn.Flatten(), nn.Linear(36, 2)),
                   (2, 4, 7, 7)),
    }
    for name, (make, shape) in nets.items():
        net = make().double()
        for mode in ("train", "eval"):
            what = f"{name}, {mode}"
            net.train(mode == "train")
            file.metadata[f"module: {what}"] = f"op=module net={name.replace(' ', '_')} training={int(mode == 'train')}"
            key = f"module: {what}"
            for p in net.parameters():
                p.grad = None
            for n, t in net.state_dict().items():
                if t.is_floating_point():
                    t.data.copy_(t.float().double())
                file.tensors[f"{key}/before/{n}"] = t.clone()
            x = file.draw(*shape).requires_grad_()
            y = net(x)
            seed = file.draw(*y.shape, lo=0.25, hi=1.25)
            y.backward(seed)
            file.tensors.update({f"{key}/in0": x, f"{key}/out0": y, f"{key}/seed0": seed, f"{key}/grad0": x.grad})
            for n, p in net.named_parameters():
                file.tensors[f"{key}/grad/{n}"] = p.grad.clone()
            for n, t in net.named_buffers():
                file.tensors[f"{key}/after/{n}"] = t.clone()


def optimizers(file):
    """20 steps on given gradients: parameters after steps 1, 5 and 20, in F64 and in F32."""
    sets = [("sgd", "plain", {"lr": 0.1}), ("sgd", "momentum", {"lr": 0.1, "momentum": 0.9}),
            ("sgd", "nesterov", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
            ("sgd", "dampening", {"lr": 0.1, "momentum": 0.9, "dampening": 0.4}),
            ("sgd", "weight decay", {"lr": 0.1, "weight_decay": 0.05}),
            ("sgd", "all", {"lr": 0.02, "momentum": 0.7, "weight_decay": 0.1, "nesterov": True}),
            ("sgd", "dampening and weight decay", {"lr": 0.02, "momentum": 0.7, "dampening": 0.2, "weight_decay": 0.1}),
            ("sgd", "maximize", {"lr": 0.1, "momentum": 0.9, "maximize": True})]
    for op in ("adam", "adamw"):
        sets += [(op, "plain", {"lr": 0.01}), (op, "betas", {"lr": 0.02, "betas": (0.8, 0.95)}),
                 (op, "eps", {"lr": 0.01, "eps": 1e-3}), (op, "weight decay", {"lr": 0.01, "weight_decay": 0.1}),
                 (op, "no weight decay", {"lr": 0.01, "weight_decay": 0.0}),
                 (op, "amsgrad", {"lr": 0.01, "amsgrad": True}), (op, "maximize", {"lr": 0.01, "maximize": True}),
                 (op, "all", {"lr": 0.03, "betas": (0.7, 0.9), "eps": 1e-4, "weight_decay": 0.05, "amsgrad": True})]
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    shapes = ((3, 4), (5,))
    start = [file.draw(*s) for s in shapes]
    grads = [file.draw(20, *s) for s in shapes]
    for k in range(2):
        file.tensors[f"start{k}"], file.tensors[f"grads{k}"] = start[k], grads[k]
    for op, what, args in sets:
        name = f"{op}: {what}"
        file.metadata[name] = " ".join([f"op={op}"] + [f"{k}={text(v)}" for k, v in args.items()])
        for dtype, tag in ((torch.float64, "f64"), (torch.float32, "f32")):
            params = [torch.nn.Parameter(t.to(dtype, copy=True)) for t in start]
            optimizer = kinds[op](params, foreach=False, **args)
            for step in range(20):
                for p, g in zip(params, grads):
                    p.grad = g[step].to(dtype)
                optimizer.step()
                if step + 1 in (1, 5, 20):
                    for k, p in enumerate(params):
                        file.tensors[f"{name}/{tag}/{step + 1}/{k}"] = p.detach().clone()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    for name, parts in {"ops": (elementwise, reductions, products, views), "conv": (convolutions,),
                        "loss": (losses, norms), "modules": (modules,), "optim": (optimizers,)}.items():
        file = File(name)
        for part in parts:
            part(file)
        file.write(sys.argv[1])


if __name__ == "__main__":
    main()
