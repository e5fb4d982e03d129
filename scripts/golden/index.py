"""Golden cases: index."""

import torch
import torch.nn.functional as F


def cases(file):
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
    for what, given, padding in (("vector", (6,), None), ("matrix", (2, 3), None), ("padding", (2, 4), 1), ("padding from the end", (9,), -1)):
        more = {} if padding is None else {"padding": padding, "has_padding": True}
        file.case("embedding", what, [file.ints(0, 4, *given), file.draw(4, 3)], lambda i, w: F.embedding(i, w, padding), **more)
    for number, mode in enumerate(("mean", "sum", "max")):
        file.case("embedding_bag", mode, [file.ints(0, 5, 3, 4), file.draw(5, 3)], lambda i, w: F.embedding_bag(i, w, mode=mode), mode=number)
        file.case("embedding_bag", f"{mode}, padding", [file.ints(0, 3, 3, 4), file.draw(5, 3)],
                  lambda i, w: F.embedding_bag(i, w, mode=mode, padding_idx=1), mode=number, has_padding=True, padding=1)
        file.case("embedding_bag", f"{mode}, offsets", [file.ints(0, 5, 7), file.draw(5, 3), torch.tensor([0, 2, 2, 5])],
                  lambda i, w, o: F.embedding_bag(i, w, o, mode=mode), mode=number, offsets=True)
    file.case("embedding_bag", "last offset, factors", [file.ints(0, 5, 7), file.draw(5, 3), torch.tensor([0, 2, 7]), file.draw(7)],
              lambda i, w, o, f: F.embedding_bag(i, w, o, mode="sum", include_last_offset=True, per_sample_weights=f), mode=1, offsets=True, last=True)
    file.case("one_hot", "five", [file.ints(0, 5, 2, 3)], lambda t: F.one_hot(t, 5), n=5)
    file.case("one_hot", "as many as needed", [torch.tensor([0, 2, 1])], F.one_hot, n=-1)
    file.case("scatter_add", "smaller", [x, file.ints(0, 2, 3, 2, 3), file.draw(3, 2, 3)], lambda t, i, s: t.scatter_add(0, i, s), dim=0)
    for what, dim, shape in (("plain", 0, (4,)), ("last", -1, (2,)), ("middle", 1, (5,))):
        i = file.ints(0, x.shape[dim], *shape)
        s = list(x.shape)
        s[dim] = shape[0]
        file.case("index_add", what, [x, i, file.draw(*s)], lambda t, k, u: t.index_add(dim, k, u), dim=dim)
    file.case("one_hot", "matrix", [file.ints(0, 3, 2, 2)], lambda t: F.one_hot(t, 3), n=3)
    advanced(file, x)


def advanced(file, x):
    def once(size, count):
        return torch.randperm(size, generator=file.generator)[:count]

    for dim, count in ((0, 1), (1, 2), (-1, 3)):
        i = once(x.shape[dim], count)
        s = list(x.shape)
        s[dim] = count
        file.case("index_copy", f"{dim}", [x, i, file.draw(*s)], lambda t, k, u: t.index_copy(dim, k, u), dim=dim)
        file.case("index_fill", f"{dim}", [x, i], lambda t, k: t.index_fill(dim, k, 1.5), dim=dim, value=1.5)
    for dim, shape in ((1, (2, 2, 4)), (0, (1, 3, 4)), (2, (2, 3, 1))):
        i = torch.argsort(torch.rand(x.shape, generator=file.generator), dim)[: shape[0], : shape[1], : shape[2]].contiguous()
        file.case("scatter", f"{dim}", [x, i, file.draw(*shape)], lambda t, k, u: t.scatter(dim, k, u), dim=dim)
        file.case("scatter_scalar", f"{dim}", [x, i], lambda t, k: t.scatter(dim, k, 2.5), dim=dim, value=2.5)
        file.case("take_along_dim", f"{dim}", [x, i if dim != 0 else i[:, :1]], lambda t, k: torch.take_along_dim(t, k, dim), dim=dim)
    for number, reduce in enumerate(("sum", "mean", "prod", "amax", "amin")):
        for include in (True, False):
            file.case("scatter_reduce", f"{reduce} {include}", [file.draw(3, 4), file.ints(0, 3, 5, 4), file.draw(5, 4)],
                      lambda t, k, u: t.scatter_reduce(0, k, u, reduce, include_self=include), dim=0, reduction=number, exclude=not include)
    zeros = torch.tensor([2.0, 0.0, 3.0, 0.0, 0.0, 1.5], dtype=torch.float64)
    file.case("scatter_reduce", "prod with zeros", [file.draw(3), torch.tensor([0, 0, 1, 1, 1, 2]), zeros],
              lambda t, k, u: t.scatter_reduce(0, k, u, "prod"), dim=0, reduction=2, exclude=False)
    file.case("scatter_reduce", "amax with ties", [torch.ones(2, dtype=torch.float64), torch.tensor([0, 0, 1]), torch.ones(3, dtype=torch.float64)],
              lambda t, k, u: t.scatter_reduce(0, k, u, "amax"), dim=0, reduction=3, exclude=False)
    a, b, c = file.ints(-2, 2, 2, 1), file.ints(-3, 3, 3), file.ints(0, 4, 3)
    mask = torch.tensor([[True, False, True], [False, True, True]])
    forms = {"first": ("i", (a,), lambda t, i: t[i]), "two": ("ii", (a, b), lambda t, i, k: t[i, k]),
             "middle": ("ni", (b,), lambda t, i: t[:, i]), "ends": ("ini", (file.ints(0, 2, 3), c), lambda t, i, k: t[i, :, k]),
             "mask": ("i", (mask,), lambda t, m: t[m])}
    for what, (form, indices, f) in forms.items():
        file.case("index", what, [x, *indices], f, form=form)
        values = file.draw(*f(x, *indices).shape)
        full = tuple(slice(None) if k == "n" else None for k in form)

        def put(t, *rest, accumulate):
            given, v = list(rest[:-1]), rest[-1]
            places = tuple(given.pop(0) if k is None else k for k in full)
            y = t.clone()
            if accumulate:
                flat = torch.arange(t.numel()).reshape(t.shape)[places]
                return y.flatten().index_add(0, flat.flatten(), v.expand(flat.shape).flatten()).reshape(t.shape)
            y[places] = v
            return y

        file.case("index_put", f"{what}, added", [x, *indices, values], lambda *t: put(*t, accumulate=True), form=form, accumulate=True)
    file.case("index_put", "mask, a number", [x, mask, file.draw()], lambda t, m, v: t.index_put((m,), v), form="i", accumulate=False)
    for what, m in (("same", x > 0), ("stretched", torch.tensor([True, False, True, True])), ("none", torch.zeros(4, dtype=torch.bool))):
        file.case("masked_select", what, [x, m], lambda t, k: t.masked_select(k))
        file.case("masked_scatter", what, [x, m, file.draw(24)], lambda t, k, s: t.masked_scatter(k, s))
        file.case("nonzero", what, [m], torch.nonzero)
