"""Golden cases: linalg."""

import torch
import torch.nn.functional as F


def cases(file):
    pairs = {"vectors": ((5,), (5,)), "matrix vector": ((3, 4), (4,)), "vector matrix": ((3,), (3, 4)),
             "matrices": ((3, 4), (4, 5)), "batches": ((2, 3, 4), (2, 4, 2)), "stretched": ((2, 1, 2, 3), (3, 3, 2)),
             "vector batch": ((3,), (2, 3, 4)), "batch vector": ((2, 3, 4), (4,)), "inner size zero": ((2, 0), (0, 3))}
    for what, (a, b) in pairs.items():
        file.case("matmul", what, [file.draw(*a), file.draw(*b)], torch.matmul)
    for what, shape, bias in (("matrix", (4, 3), True), ("vector", (3,), True), ("no bias", (2, 2, 3), False)):
        file.case("linear", what, [file.draw(*shape), file.draw(5, 3), file.draw(5) if bias else None], F.linear)
    file.case("dot", "plain", [file.draw(6), file.draw(6)], torch.dot)
    file.case("outer", "plain", [file.draw(3), file.draw(4)], torch.outer)
