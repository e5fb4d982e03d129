"""Golden cases: vision."""

import torch
import torch.nn.functional as F


def cases(file):
    for op, f, shapes in (("pixel_shuffle", F.pixel_shuffle, (((2, 8, 2, 3), 2), ((9, 1, 2), 3), ((1, 2, 4, 2, 1), 2))),
                          ("pixel_unshuffle", F.pixel_unshuffle, (((2, 2, 4, 6), 2), ((1, 3, 6), 3), ((1, 2, 1, 2, 4), 2))),
                          ("channel_shuffle", torch.channel_shuffle, (((2, 6, 2, 2), 3), ((1, 6, 3), 2), ((1, 4, 2, 1, 2), 4)))):
        for shape, n in shapes:
            file.case(op, f"{shape} by {n}", [file.draw(*shape)], lambda t: f(t, n), n=n)

    modes = ["nearest", "nearest-exact", "linear", "cubic", "area"]

    def resize(shape, mode, align=False, size=None, scale=None):
        name = mode if mode in ("nearest", "nearest-exact", "area") else {3: "", 4: "bi", 5: "tri"}[len(shape)] + mode
        args = {"mode": name, "size": size, "scale_factor": scale}
        if mode in ("linear", "cubic"):
            args["align_corners"] = align
        what = f"{shape} {name} to {size or scale}{', aligned' if align else ''}"
        file.case("interpolate", what, [file.draw(*shape)], lambda t: F.interpolate(t, **args), mode=modes.index(mode),
                  align=align, **({"size": size} if size else {"scale": scale}))

    for mode in ("nearest", "nearest-exact"):
        resize((2, 2, 5, 7), mode, size=(3, 11))
        resize((1, 2, 3, 2), mode, scale=(2.0, 2.0))
        resize((1, 2, 7), mode, scale=(1.7,))
        resize((1, 1, 2, 3, 4), mode, size=(3, 2, 5))
    for align in (False, True):
        resize((1, 2, 6), "linear", align, size=(9,))
        resize((2, 2, 4, 5), "linear", align, size=(7, 3))
        resize((1, 2, 4, 5), "linear", align, scale=(1.3, 2.6))
        resize((1, 1, 3, 3), "linear", align, size=(1, 6))
        resize((1, 1, 2, 3, 4), "linear", align, size=(3, 2, 5))
        resize((1, 2, 4, 5), "cubic", align, size=(7, 3))
        resize((1, 1, 4, 3), "cubic", align, scale=(1.6, 0.7))
    resize((1, 2, 5, 7), "area", size=(2, 3))
    resize((1, 2, 7), "area", size=(4,))

    paddings = ["zeros", "border", "reflection"]
    for mode in ("bilinear", "nearest"):
        for padding in paddings:
            for align in (False, True):
                what = f"{mode}, {padding}{', aligned' if align else ''}"
                file.case("grid_sample", what, [file.draw(2, 2, 4, 5), file.draw(2, 3, 4, 2, lo=-1.8, hi=1.8)],
                          lambda t, g: F.grid_sample(t, g, mode=mode, padding_mode=padding, align_corners=align),
                          nearest=mode == "nearest", padding=paddings.index(padding), align=align)
    for padding in paddings:
        file.case("grid_sample", f"3-d, {padding}", [file.draw(1, 2, 2, 3, 4), file.draw(1, 2, 2, 2, 3, lo=-1.6, hi=1.6)],
                  lambda t, g: F.grid_sample(t, g, padding_mode=padding, align_corners=False), nearest=False,
                  padding=paddings.index(padding), align=False)
    for size in ((2, 3, 4, 5), (1, 2, 1, 3), (2, 1, 2, 3, 2)):
        for align in (False, True):
            nd = len(size) - 2
            file.case("affine_grid", f"{size}{', aligned' if align else ''}", [file.draw(size[0], nd, nd + 1)],
                      lambda t: F.affine_grid(t, list(size), align_corners=align), size=size, align=align)

    for what, x, kernel, args in (("plain", (2, 2, 3, 4), (2, 2), {}), ("no batch", (2, 5, 4), (3, 2), {"stride": (2, 1)}),
                                  ("all", (1, 2, 5, 6), (2, 3), {"stride": (1, 2), "padding": (2, 1), "dilation": (2, 1)})):
        file.case("im2col", what, [file.draw(*x)], lambda t: F.unfold(t, kernel, **args), kernel=kernel, **args)
        columns = F.unfold(torch.zeros(x), kernel, **args).shape
        size = x[-2:]
        file.case("col2im", what, [file.draw(*columns)], lambda t: F.fold(t, size, kernel, **args), size=size,
                  kernel=kernel, **args)
