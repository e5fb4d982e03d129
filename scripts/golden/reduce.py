"""Golden cases: reduce."""

import torch
import torch.nn.functional as F

from golden.support import values


def cases(file):
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
    zeros = torch.tensor([[0, 2, 0], [float("nan"), 0, 1]], dtype=torch.float64)
    for what, t in {"floats": zeros, "ints": file.ints(-1, 2, 3, 4), "none": torch.zeros(0)[:0].double()}.items():
        file.case("count_nonzero", what, [t], torch.count_nonzero, grad=False)
    for dims in ((0,), (-1,), (0, 1)):
        file.case("count_nonzero_dim", f"{dims}", [zeros], lambda t: torch.count_nonzero(t, dims), grad=False, dims=dims,
                  keep=False)
    for dim in (0, 1, -1):
        file.case("cumsum", f"{dim}", [x], lambda t: t.cumsum(dim), dim=dim)
    file.case("cumsum", "infinite", [values(1, float("inf"), 2, float("-inf"), 1)], lambda t: t.cumsum(0), grad=False,
              dim=0)
    for op, f in {"any_dim": torch.any, "all_dim": torch.all}.items():
        for dims in ((0,), (-1,), (0, 1)):
            file.case(op, f"{dims}", [zeros], lambda t: f(t, dims), grad=False, dims=dims, keep=False)
    products(file, x)
    norms(file, x)
    medians(file, x, tied)
    scans(file, x)
    for op, f in {"sum": torch.sum, "mean": torch.mean, "var": torch.var, "std": torch.std, "nansum": torch.nansum}.items():
        file.case(op, "a matrix", [file.draw(3, 5)], f)
        file.case(op, "a vector", [file.draw(7)], f)
    file.case("nansum", "with NaN", [torch.tensor([1.0, float("nan"), 3], dtype=torch.float64)], torch.nansum)
    for op in ("argmax", "argmin"):
        f = getattr(torch, op)
        file.case(op, "a matrix", [file.draw(3, 5)], f)
        file.case(op, "NaN", [torch.tensor([1.0, float("nan"), 3, float("nan")], dtype=torch.float64)], f)
        file.case(f"{op}_dim", "first", [file.draw(3, 5)], lambda t: f(t, 0), dim=0, keep=False)
    for op in ("any", "all"):
        f = getattr(torch, op)
        file.case(op, "bools", [file.ints(0, 2, 3, 4).bool()], f)
        file.case(op, "ones", [torch.ones(2, 3, dtype=torch.float64)], f, grad=False)
        file.case(op, "zeros", [torch.zeros(2, 3, dtype=torch.float64)], f, grad=False)


def products(file, x):
    zeros = torch.tensor([[1.0, 2, -3, 1], [0, 2, 4, 1], [2, 0, 1, 0]], dtype=torch.float64)
    one, none = zeros[:2].clone(), torch.zeros(0, 2).double()
    for what, t in {"matrix": x, "one zero": one, "zeros": zeros, "none": none, "ints": file.ints(-3, 4, 2, 3)}.items():
        file.case("prod", what, [t], torch.prod)
    for dim, keep in ((0, False), (1, True), (-1, False)):
        file.case("prod_dim", f"{dim}", [x], lambda t: t.prod(dim, keepdim=keep), dims=(dim,), keep=keep)
        file.case("prod_dim", f"zeros {dim}", [zeros if dim < 1 else zeros.t().contiguous()],
                  lambda t: t.prod(dim, keepdim=keep), dims=(dim,), keep=keep)


def norms(file, x):
    zero = torch.tensor([[0.0, 0, 0], [1, 0, -2], [3, -3, 2]], dtype=torch.float64)
    inf = float("inf")
    for p in (0, 1, 2, 3, 1.5, 0.5, -1, inf, -inf):
        norm = lambda t, dims, keep: torch.linalg.vector_norm(t, p, dims, keepdim=keep)
        file.case("norm", f"{p}", [x], lambda t: norm(t, None, False), grad=p != 0, p=p)
        file.case("norm", f"{p} of zeros", [zero[0]], lambda t: norm(t, None, False), grad=p != 0, p=p)
        for dims, keep in (((1,), False), ((0, -1), True)):
            file.case("norm_dim", f"{p} {dims}", [x], lambda t: norm(t, dims, keep), grad=p != 0, p=p, dims=dims, keep=keep)
        file.case("norm_dim", f"{p} zeros", [zero], lambda t: norm(t, (1,), False), grad=p != 0, p=p, dims=(1,), keep=False)
        file.case("norm", f"{p} NaN", [values(1, float("nan"), 2)], lambda t: norm(t, None, False), grad=False, p=p)


def medians(file, x, tied):
    nan = values(1, float("nan"), 3, float("nan"), 2)
    for what, t in {"matrix": x, "ties": tied, "NaN": nan, "one": values(3), "ints": file.ints(-9, 9, 7)}.items():
        file.case("median", what, [t], torch.median)
    for dim, keep in ((0, False), (1, True), (-1, False)):
        file.case("median_dim", f"{dim}", [x], lambda t: tuple(t.median(dim, keepdim=keep)), dim=dim, keep=keep)
    file.case("median_dim", "NaN", [nan], lambda t: tuple(t.median(0)), grad=False, dim=0, keep=False)


def scans(file, x):
    zeros = torch.tensor([[1.0, 0, 2, -3, 1], [0, 2, 0, 1, 3], [2, -2, 1, 3, 0]], dtype=torch.float64)
    ties = torch.tensor([[1.0, 3, 3, 2, 3], [5, 5, 4, 5, 1]], dtype=torch.float64)
    nan = values(2, float("nan"), 3, 1, float("nan"), 0)
    for dim in (0, 1, -1):
        file.case("cumprod", f"{dim}", [x], lambda t: t.cumprod(dim), dim=dim)
        file.case("logcumsumexp", f"{dim}", [x], lambda t: t.logcumsumexp(dim), dim=dim)
    for dim in (0, 1):
        file.case("cumprod", f"zeros {dim}", [zeros], lambda t: t.cumprod(dim), dim=dim)
    file.case("cumprod", "ints", [file.ints(-3, 4, 3, 4)], lambda t: t.cumprod(1), dim=1)
    file.case("logcumsumexp", "far apart", [values(-800, 1000, 3, -1000, 1001)], lambda t: t.logcumsumexp(0), dim=0)
    file.case("logcumsumexp", "-Inf inside", [values(1, float("-inf"), 2, float("-inf"))], lambda t: t.logcumsumexp(0), dim=0)
    file.case("logcumsumexp", "infinite", [values(float("-inf"), float("-inf"), 1, float("inf"), 2)],
              lambda t: t.logcumsumexp(0), grad=False, dim=0)
    file.case("logcumsumexp", "Inf inside", [values(1, float("inf"), 2)], lambda t: t.logcumsumexp(0), dim=0)
    for what, t in {"NaN": torch.tensor([[1, float("nan")], [2, 3]]).double(), "ints": file.ints(-9, 9, 2, 3)}.items():
        file.case("nansum", what, [t], torch.nansum)
        for dims, keep in (((0,), False), ((-1,), True)):
            file.case("nansum_dim", f"{what} {dims}", [t], lambda t: torch.nansum(t, dims, keepdim=keep), dims=dims, keep=keep)
    for op, f in {"cummax": torch.cummax, "cummin": torch.cummin}.items():
        for dim in (0, 1, -1):
            file.case(op, f"{dim}", [x], lambda t: tuple(f(t, dim)), dim=dim)
        file.case(op, "ties", [ties], lambda t: tuple(f(t, 1)), dim=1)
        file.case(op, "NaN", [nan], lambda t: tuple(f(t, 0)), grad=False, dim=0)
