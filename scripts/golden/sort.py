"""Golden cases: sort."""

import torch

from golden.support import values

NAN, INF = float("nan"), float("inf")


def cases(file):
    x = file.draw(3, 4, 5)
    tied = file.ints(-2, 3, 3, 30)
    odd = values(2, NAN, -0.0, INF, 0.0, -1, NAN, -INF, 2)
    for down in (False, True):
        for dim in (0, 1, -1):
            file.case("sort", f"{dim} {down}", [x], lambda t: tuple(torch.sort(t, stable=True, dim=dim, descending=down)),
                      dim=dim, down=down)
            file.case("topk", f"{dim} {down}", [x], lambda t: tuple(torch.topk(t, 2, dim, largest=not down)), k=2, dim=dim,
                      down=down)
        file.case("sort", f"ties {down}", [tied], lambda t: tuple(torch.sort(t, stable=True, dim=1, descending=down)), dim=1,
                  down=down)
        file.case("sort", f"NaN {down}", [odd], lambda t: tuple(torch.sort(t, stable=True, dim=0, descending=down)), dim=0,
                  down=down, grad=False)
        file.case("argsort", f"ties {down}", [tied], lambda t: torch.argsort(t, dim=0, stable=True, descending=down), dim=0,
                  down=down)
        file.case("argsort", f"NaN {down}", [odd], lambda t: torch.argsort(t, dim=0, stable=True, descending=down), dim=0,
                  down=down, grad=False)
    file.case("topk", "all", [x], lambda t: tuple(torch.topk(t, 5, -1)), k=5, dim=-1)
    file.case("topk", "none", [x], lambda t: tuple(torch.topk(t, 0, 1)), k=0, dim=1, grad=False)
    for k, dim, keep in ((1, 0, False), (3, 1, True), (5, -1, False)):
        file.case("kthvalue", f"{k} of {dim}", [x], lambda t: tuple(torch.kthvalue(t, k, dim, keepdim=keep)), k=k, dim=dim,
                  keep=keep)
    several = {"ints": tied, "floats": values(1, -1, 1, 0.5, -1, INF), "one": torch.tensor(3), "none": torch.zeros(0).double()}
    for what, t in several.items():
        for op, f in {"unique": torch.unique, "unique_consecutive": torch.unique_consecutive}.items():
            file.case(op, what, [t], lambda t: f(t, return_inverse=True, return_counts=True), grad=False)
    cube = file.ints(0, 2, 4, 3, 2)
    slices = {"rows": (tied[:, :2], 0), "columns": (tied, 1), "first": (cube, 0), "last": (cube, -1), "middle": (cube, 1),
              "floats": (torch.tensor([[0.0, 1], [-0.0, 1], [INF, 1], [-1, 0]]).double(), 0), "none": (torch.zeros(0, 3).double(), 0)}
    for what, (t, dim) in slices.items():
        file.case("unique_dim", what, [t.contiguous()], lambda t: torch.unique(t, return_inverse=True, return_counts=True, dim=dim),
                  grad=False, dim=dim)
    row, rows = values(-1, 0, 0, 1, 2.5), torch.sort(file.draw(3, 6)).values
    at = torch.tensor([[-2, -1, 0.0], [0.5, 2.5, 3]], dtype=torch.float64)
    for right in (False, True):
        search = lambda s, v: torch.searchsorted(s, v, right=right)
        file.case("searchsorted", f"one row {right}", [row, at], search, grad=False, right=right)
        file.case("searchsorted", f"rows {right}", [rows, file.draw(3, 4)], search, grad=False, right=right)
        file.case("searchsorted", f"NaN {right}", [values(1, 2, 3, NAN), values(NAN, 2, 7)], search, grad=False, right=right)
        file.case("bucketize", f"floats {right}", [at, row], lambda v, s: torch.bucketize(v, s, right=right), grad=False,
                  right=right)
        file.case("bucketize", f"ints {right}", [file.ints(-3, 6, 4, 4), torch.tensor([-1, 0, 3])],
                  lambda v, s: torch.bucketize(v, s, right=right), grad=False, right=right)
    labels = file.ints(0, 7, 40)
    file.case("bincount", "counts", [labels], lambda t: torch.bincount(t), minlength=0)
    file.case("bincount", "at least", [labels], lambda t: torch.bincount(t, minlength=12), minlength=12)
    file.case("bincount", "weights", [labels, file.draw(40)], torch.bincount, grad=False, minlength=0)
    file.case("bincount", "none", [labels[:0]], lambda t: torch.bincount(t, minlength=3), minlength=3)
