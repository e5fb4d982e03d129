"""Golden cases: pool."""

import torch
import torch.nn.functional as F


def cases(file):
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
    pools_of_other_dims(file)


def pools_of_other_dims(file):
    max1, max3 = {"op": "max_pool1d", "f": F.max_pool1d}, {"op": "max_pool3d", "f": F.max_pool3d}
    avg1, avg3 = {"op": "avg_pool1d", "f": F.avg_pool1d}, {"op": "avg_pool3d", "f": F.avg_pool3d}
    rows = [(max1, (2, 2, 7), (2,), {}), (max1, (3, 8), (3,), {"stride": 2, "padding": 1}),
            (max1, (1, 2, 9), (2,), {"stride": 3, "dilation": 2, "ceil_mode": True}),
            (max3, (2, 2, 4, 4, 4), (2, 2, 2), {}), (max3, (2, 3, 4, 5), (2, 3, 2), {"stride": (1, 2, 2), "padding": (1, 1, 0)}),
            (max3, (1, 1, 5, 5, 6), (2, 2, 2), {"stride": (2, 1, 2), "dilation": (2, 1, 3), "ceil_mode": True}),
            (avg1, (2, 2, 7), (2,), {}), (avg1, (2, 8), (3,), {"stride": 2, "padding": 1, "ceil_mode": True}),
            (avg1, (1, 2, 8), (3,), {"stride": 2, "padding": 1, "count_include_pad": False}),
            (avg3, (2, 2, 4, 4, 4), (2, 2, 2), {}),
            (avg3, (2, 4, 3, 5), (2, 3, 3), {"stride": (2, 1, 2), "padding": (1, 1, 0), "ceil_mode": True}),
            (avg3, (1, 2, 4, 3, 5), (3, 3, 2), {"stride": (2, 1, 2), "padding": (1, 1, 1), "count_include_pad": False}),
            (avg3, (1, 1, 4, 4, 4), (2, 2, 2), {"divisor_override": 5})]
    for row, x, kernel, args in rows:
        op, f = row["op"], row["f"]
        what = f"{x} by {kernel} {' '.join(f'{k}={v}' for k, v in args.items())}"
        single = kernel[0] if len(kernel) == 1 else kernel
        file.case(op, what, [file.draw(*x)], lambda t: f(t, single, **args), kernel=kernel, **args)
        if "max" in op:
            file.case(op + "_indices", what, [file.draw(*x)], lambda t: f(t, single, return_indices=True, **args),
                      kernel=kernel, **args)
    for nd, shapes in ((1, (((2, 2, 7), (3,)), ((2, 5), (5,)), ((1, 2, 4), (6,)))),
                       (2, (((2, 2, 5, 7), (3, 2)), ((2, 4, 4), (1, 1)), ((1, 1, 3, 5), (4, 3)))),
                       (3, (((2, 1, 3, 5, 4), (2, 3, 3)), ((2, 2, 3, 2), (1, 1, 1)), ((1, 1, 2, 3, 4), (3, 2, 4))))):
        for kind in ("avg", "max"):
            f = getattr(F, f"adaptive_{kind}_pool{nd}d")
            for x, out in shapes:
                size = out[0] if nd == 1 else out
                if kind == "avg" and nd == 2:
                    continue
                file.case(f"adaptive_{kind}_pool{nd}d", f"{x} to {out}", [file.draw(*x)], lambda t: f(t, size), size=out)
                if kind == "max":
                    file.case(f"adaptive_max_pool{nd}d_indices", f"{x} to {out}", [file.draw(*x)],
                              lambda t: f(t, size, return_indices=True), size=out)
    for nd, args in ((1, [((2, 2, 7), (2,), {}, (7,)), ((1, 8), (3,), {"stride": (2,), "padding": (1,)}, (8,)),
                          ((2, 1, 6), (2,), {}, None)]),
                     (2, [((2, 2, 5, 6), (2, 2), {}, (5, 6)), ((1, 6, 7), (3, 2), {"stride": (3, 2), "padding": (1, 1)}, (6, 7)),
                          ((1, 2, 4, 4), (2, 2), {}, None)]),
                     (3, [((1, 2, 4, 5, 4), (2, 2, 2), {}, (4, 5, 4)), ((1, 4, 4, 4), (2, 2, 2), {}, None),
                          ((1, 1, 6, 4, 5), (3, 2, 2), {"stride": (3, 2, 2), "padding": (1, 0, 1)}, (6, 4, 5))])):
        pool, back = getattr(F, f"max_pool{nd}d"), getattr(F, f"max_unpool{nd}d")
        for x, kernel, given, size in args:
            y, index = pool(file.draw(*x), kernel, return_indices=True, **given)
            what = f"{x} by {kernel} {' '.join(f'{k}={v}' for k, v in given.items())}"
            more = {"size": size} if size else {}
            file.case(f"max_unpool{nd}d", what, [y, index], lambda t, i: back(t, i, kernel, output_size=size, **given),
                      kernel=kernel, **given, **more)
    for nd, args in ((1, [((2, 2, 7), (2,), {}), ((2, 7), (3,), {"stride": 2}), ((1, 1, 6), (4,), {"stride": 1, "ceil_mode": True})]),
                     (2, [((2, 2, 4, 5), (2, 2), {}), ((2, 5, 5), (3, 2), {"stride": (1, 2)}),
                          ((1, 1, 5, 6), (2, 3), {"stride": (2, 2), "ceil_mode": True})]),
                     (3, [((1, 2, 4, 4, 4), (2, 2, 2), {}), ((1, 3, 4, 3), (3, 2, 1), {}), ((1, 1, 3, 4, 5), (2, 2, 2), {"stride": (1, 2, 1)})])):
        f = getattr(F, f"lp_pool{nd}d")
        for (x, kernel, given), norm in zip(args, (2.0, 3.0, 1.5)):
            single = kernel[0] if nd == 1 else kernel
            file.case(f"lp_pool{nd}d", f"{norm} of {x} by {kernel}", [file.draw(*x, lo=0.25)],
                      lambda t: f(t, norm, single, **given), p=norm, kernel=kernel, **given)
