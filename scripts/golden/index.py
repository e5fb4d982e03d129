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
