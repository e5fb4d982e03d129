"""Golden cases: creation. The one input is of the dtype that is made."""

import torch


def cases(file):
    def case(op, what, f, **args):
        file.case(op, what, [file.draw()], f, grad=False, **args)

    for shape in ((2, 3), (), (0, 2)):
        case("zeros", f"{shape}", lambda t: torch.zeros(shape, dtype=t.dtype), shape=shape)
        case("ones", f"{shape}", lambda t: torch.ones(shape, dtype=t.dtype), shape=shape)
        case("full", f"{shape}", lambda t: torch.full(shape, -2.5, dtype=t.dtype), shape=shape, s=-2.5)
        x = torch.ones(shape, dtype=torch.float64)
        file.case("zeros_like", f"{shape}", [x], torch.zeros_like, grad=False)
        file.case("ones_like", f"{shape}", [x], torch.ones_like, grad=False)
        file.case("full_like", f"{shape}", [x], lambda t: torch.full_like(t, 0.25), grad=False, s=0.25)
    for s in (0.5, -3.0, float("inf")):
        case("scalar", f"{s}", lambda t: torch.scalar_tensor(s, dtype=t.dtype), s=s)
    for start, end, step in ((0.0, 5.0, 1.0), (1.0, 8.0, 2.5), (3.0, -3.0, -2.0), (2.0, 2.0, 1.0), (0.0, 1.0, 0.125)):
        case("arange", f"{start} {end} {step}", lambda t: torch.arange(start, end, step, dtype=t.dtype),
             start=start, end=end, step=step)
    for start, end, count in ((0.0, 1.0, 5), (3.0, -2.0, 4), (3.0, 5.0, 1), (3.0, 5.0, 0), (-1.0, 1.0, 10)):
        case("linspace", f"{start} {end} {count}", lambda t: torch.linspace(start, end, count, dtype=t.dtype),
             start=start, end=end, count=count)
    for n, m in ((3, 3), (2, 4), (4, 2), (0, 3)):
        case("eye", f"{n} {m}", lambda t: torch.eye(n, m, dtype=t.dtype), n=n, m=m)
    for n, m, offset in ((3, 3, 0), (2, 5, 1), (4, 2, -1), (3, 4, -9), (3, 4, 9)):
        case("tril_indices", f"{n} {m} {offset}", lambda t: torch.tril_indices(n, m, offset), n=n, m=m, offset=offset)
        case("triu_indices", f"{n} {m} {offset}", lambda t: torch.triu_indices(n, m, offset), n=n, m=m, offset=offset)
