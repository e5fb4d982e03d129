"""Golden cases: views, and what turns, repeats and cuts."""

import torch
import torch.nn.functional as F


def cases(file):
    x = file.draw(2, 3, 4)
    for shape in ((6, 4), (2, -1), (2, 3, 2, 2)):
        file.case("reshape", f"{shape}", [x], lambda t: t.reshape(shape), shape=shape)
    for start, end in ((0, -1), (1, 2), (0, 1)):
        file.case("flatten", f"{start} {end}", [x], lambda t: t.flatten(start, end), start=start, end=end)
    for dim, sizes in ((2, (2, 2)), (-1, (4, 1)), (0, (2, -1))):
        file.case("unflatten", f"{dim} {sizes}", [x], lambda t: t.unflatten(dim, sizes), dim=dim, shape=sizes)
    for dims in ((0, -1), (1, 2), (0, 0)):
        file.case("transpose", f"{dims}", [x], lambda t: t.transpose(*dims), dims=dims)
    for dims in ((2, 0, 1), (0, 2, 1), (-1, -2, -3)):
        file.case("permute", f"{dims}", [x], lambda t: t.permute(dims), dims=dims)
    for shape in ((3, 2), (1, 4), (5,)):
        file.case("t", f"{shape}", [file.draw(*shape)], torch.t)
    for dims in ((0,), (0, 2), (1,)):
        file.case("squeeze", f"{dims}", [file.draw(1, 3, 1)], lambda t: t.squeeze(dims), dims=dims)
    for dim in (0, 1, -1):
        file.case("unsqueeze", f"{dim}", [x], lambda t: t.unsqueeze(dim), dim=dim)
    for given, shape in (((3, 1), (2, 3, 4)), ((1, 4), (5, -1)), ((), (2, 2))):
        file.case("broadcast_to", f"{given} {shape}", [file.draw(*given)], lambda t: t.broadcast_to(shape), shape=shape)
        file.case("expand", f"{given} {shape}", [file.draw(*given)], lambda t: t.expand(shape), shape=shape)
    for dim, start, length in ((0, 1, 1), (1, -2, 2), (2, 0, 0)):
        file.case("narrow", f"{dim} {start} {length}", [x], lambda t: t.narrow(dim, start, length), dim=dim, start=start, length=length)
    for dim, index in ((0, 1), (-1, -2), (1, 0)):
        file.case("select", f"{dim} {index}", [x], lambda t: t.select(dim, index), dim=dim, index=index)
    for dim, start, end, step in ((2, 1, 4, 2), (1, -2, -1, 1), (0, 0, 9, 1)):
        file.case("slice", f"{dim} {start} {end} {step}", [x], lambda t: t.transpose(0, dim)[start:end:step].transpose(0, dim), dim=dim,
                  start=start, end=end, step=step)
    for size, dim in ((2, 2), (3, 2), (1, 1)):
        file.case("split", f"{size} {dim}", [x], lambda t: t.split(size, dim), size=size, dim=dim)
    for dim, sizes in ((2, (1, 3)), (1, (1, 1, 1)), (0, (2,))):
        file.case("split_sizes", f"{dim} {sizes}", [x], lambda t: t.split(sizes, dim), dim=dim, shape=sizes)
    for chunks, dim in ((2, 2), (3, 2), (4, 1)):
        file.case("chunk", f"{chunks} {dim}", [x], lambda t: t.chunk(chunks, dim), chunks=chunks, dim=dim)
    for dim in (0, 1, -1):
        file.case("unbind", f"{dim}", [x], lambda t: t.unbind(dim), dim=dim)
    for dim, start, end, step in ((2, 0, 4, 2), (1, 1, 3, 1), (0, 0, 1, 1)):
        s = x.transpose(0, dim)[start:end:step].transpose(0, dim)
        file.case("slice_scatter", f"{dim} {start} {end} {step}", [x, file.draw(*s.shape)],
                  lambda t, u: t.slice_scatter(u, dim, start, end, step), dim=dim, start=start, end=end, step=step)
    for dim, index in ((1, 2), (0, -1), (2, 0)):
        file.case("select_scatter", f"{dim} {index}", [x, file.draw(*x.select(dim, index).shape)],
                  lambda t, u: t.select_scatter(u, dim, index), dim=dim, index=index)
    for dim, shapes in ((1, ((2, 3), (2, 1), (2, 2))), (0, ((2, 3), (1, 3))), (-1, ((0,), (2, 3), (2, 2)))):
        file.case("cat", f"{dim} {shapes}", [file.draw(*s) for s in shapes], lambda *t: torch.cat(t, dim), dim=dim)
    for dim in (0, 1, -1):
        file.case("stack", f"{dim}", [file.draw(2, 3), file.draw(2, 3)], lambda *t: torch.stack(t, dim), dim=dim)
    for a, b in (((3, 1), (4,)), ((2, 1, 2), (3, 1)), ((), (2,))):
        file.case("broadcast_tensors", f"{a} {b}", [file.draw(*a), file.draw(*b)], torch.broadcast_tensors)
    for indexing, sizes in (("ij", (2, 3)), ("xy", (2, 3)), ("xy", (2, 3, 2))):
        file.case("meshgrid", f"{indexing} {sizes}", [file.draw(n) for n in sizes], lambda *t: torch.meshgrid(*t, indexing=indexing),
                  xy=indexing == "xy")
    for a, b in (((0,), (2,)), ((0, 1), (1, 0)), ((-1,), (0,))):
        file.case("movedim", f"{a} {b}", [x], lambda t: t.movedim(a, b), source=a, destination=b)
    for dims in ((0,), (0, 2), (-1, 1)):
        file.case("flip", f"{dims}", [x], lambda t: t.flip(dims), dims=dims)
    for shifts, dims in (((1,), (0,)), ((-1, 2), (1, 2)), ((5,), ()), ((1, 1), (2, 2))):
        file.case("roll", f"{shifts} {dims}", [x], lambda t: torch.roll(t, shifts, dims), shape=shifts, dims=dims)
    for repeats in ((2, 1, 3), (2, 1, 1, 2), (1, 0, 1)):
        file.case("repeat", f"{repeats}", [x], lambda t: t.repeat(repeats), shape=repeats)
    for repeats in ((2,), (2, 1, 3), (2, 1, 1, 2)):
        file.case("tile", f"{repeats}", [x], lambda t: t.tile(repeats), shape=repeats)
    for repeats, dim in ((2, 0), (3, -1), (0, 1)):
        file.case("repeat_interleave", f"{repeats} {dim}", [x], lambda t: t.repeat_interleave(repeats, dim), repeats=repeats, dim=dim)
    for repeats, dim in (((2, 0), 0), ((1, 2, 3), 1), ((0, 0, 1, 1), -1)):
        file.case("repeat_interleave_each", f"{repeats} {dim}", [x, torch.tensor(repeats)], lambda t, r: t.repeat_interleave(r, dim), dim=dim)
    for diagonal in (0, 1, -2):
        file.case("tril", f"{diagonal}", [x], lambda t: t.tril(diagonal), diagonal=diagonal)
        file.case("triu", f"{diagonal}", [x], lambda t: t.triu(diagonal), diagonal=diagonal)
    for mode, number in (("reflect", 1), ("replicate", 2), ("circular", 3)):
        for pads in ((1, 2), (3, 1) if mode != "circular" else (4, 2), (2, -1)):
            file.case("pad_with", f"{mode} {pads}", [x], lambda t: F.pad(t, pads, mode=mode), mode=number, shape=pads)
