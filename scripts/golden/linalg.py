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
    file.case("dot", "longer", [file.draw(17), file.draw(17)], torch.dot)
    file.case("dot", "none", [file.draw(0), file.draw(0)], torch.dot)
    file.case("outer", "one", [file.draw(1), file.draw(3)], torch.outer)
    file.case("outer", "none", [file.draw(2), file.draw(0)], torch.outer)
    contractions(file)
    diagonals(file)
    distances(file)


def contractions(file):
    for what, (m, k, n) in (("plain", (2, 3, 4)), ("row", (1, 3, 2)), ("no inner", (2, 0, 3))):
        file.case("mm", what, [file.draw(m, k), file.draw(k, n)], torch.mm)
        file.case("bmm", what, [file.draw(2, m, k), file.draw(2, k, n)], torch.bmm)
        file.case("mv", what, [file.draw(m, k), file.draw(k)], torch.mv)
        for beta, alpha in ((1, 1), (0.5, -2)):
            args = {"beta": beta, "alpha": alpha}
            name = f"{what}, {beta} {alpha}"
            file.case("addmm", name, [file.draw(n), file.draw(m, k), file.draw(k, n)],
                      lambda i, a, b: torch.addmm(i, a, b, **args), **args)
            file.case("addmv", name, [file.draw(m), file.draw(m, k), file.draw(k)],
                      lambda i, a, b: torch.addmv(i, a, b, **args), **args)
            file.case("baddbmm", name, [file.draw(2, 1, n), file.draw(2, m, k), file.draw(2, k, n)],
                      lambda i, a, b: torch.baddbmm(i, a, b, **args), **args)
    for what, lead, bias in (("rows", (3,), True), ("vector", (), False), ("more", (2, 2), True)):
        file.case("bilinear", what, [file.draw(*lead, 3), file.draw(*lead, 2), file.draw(4, 3, 2), file.draw(4) if bias else None],
                  F.bilinear)
    equations = [("ij,jk->ik", (2, 3), (3, 4)), ("zj,jA", (2, 3), (3, 4)), ("...ij,jk", (2, 2, 3), (3, 2)), ("ii", (3, 3)),
                 ("iji->ji", (2, 3, 2)), ("bqhd,bkhd->bhqk", (2, 3, 2, 2), (2, 2, 2, 2)), ("ij,jk,kl->il", (2, 3), (3, 2), (2, 4)),
                 ("i,i,i->", (3,), (3,), (3,)), ("...i,...i->...", (2, 1, 3), (4, 3)), ("i...->...i", (2, 3, 4)),
                 ("ba,cA->Acba", (2, 3), (2, 2)), ("ij,ij->j", (1, 3), (4, 1)), ("...a,b...->...ab", (2, 3), (2, 2))]
    for equation, *shapes in equations:
        file.case("einsum", equation, [file.draw(*s) for s in shapes], lambda *t: torch.einsum(equation, *t), equation=equation)
    for dims, a, b in ((1, (2, 3), (3, 4)), (2, (2, 3, 4), (3, 4, 2)), (0, (2,), (3,)), (2, (2, 3, 1), (1, 4, 2))):
        file.case("tensordot", f"{dims} {a}", [file.draw(*a), file.draw(*b)], lambda x, y: torch.tensordot(x, y, dims), dims=dims)
    for da, db, a, b in (((0, 2), (1, 0), (2, 3, 4), (4, 2, 2)), ((-1,), (0,), (2, 3), (3, 2)), ((1,), (1,), (2, 3), (4, 3))):
        file.case("tensordot_dims", f"{da} {db}", [file.draw(*a), file.draw(*b)], lambda x, y: torch.tensordot(x, y, (da, db)), da=da, db=db)
    for dim, a, b in ((-1, (2, 3), (2, 3)), (0, (2, 3), (2, 1)), (1, (2, 3, 1), (3, 4))):
        file.case("vecdot", f"{dim} {a} {b}", [file.draw(*a), file.draw(*b)], lambda x, y: torch.linalg.vecdot(x, y, dim=dim), dim=dim)
    for a, b in (((3,), (3,)), ((2, 3), (4, 3)), ((3,), (2, 2, 3)), ((), (2, 3))):
        file.case("inner", f"{a} {b}", [file.draw(*a), file.draw(*b)], torch.inner)
    for a, b in (((2, 3), (2, 2)), ((3,), (2, 2)), ((), (2,))):
        file.case("kron", f"{a} {b}", [file.draw(*a), file.draw(*b)], torch.kron)
    for dim, a, b in ((-1, (2, 3), (2, 3)), (0, (3, 2), (3, 1)), (1, (2, 3, 2), (1, 3, 2))):
        file.case("cross", f"{dim} {a}", [file.draw(*a), file.draw(*b)], lambda x, y: torch.linalg.cross(x, y, dim=dim), dim=dim)
    for n in (0, 1, 2, 5):
        x = file.draw(2, 3, 3) + 3 * torch.eye(3, dtype=torch.float64)
        file.case("linalg_matrix_power", f"{n}", [x * 0.5], lambda t: torch.linalg.matrix_power(t, n), n=n, grad=n != 0)
    for shapes in (((2, 3), (3, 4)), ((2, 5), (5, 1), (1, 3)), ((4,), (4, 2), (2, 3), (3,))):
        file.case("linalg_multi_dot", f"{shapes}", [file.draw(*s) for s in shapes], lambda *t: torch.linalg.multi_dot(t))


def diagonals(file):
    for offset, d1, d2, shape in ((0, 0, 1, (3, 3)), (1, 0, 1, (3, 5)), (-1, -1, 0, (3, 2, 4)), (4, 0, 1, (3, 3))):
        file.case("diagonal", f"{offset} {d1} {d2} {shape}", [file.draw(*shape)], lambda t: t.diagonal(offset, d1, d2), offset=offset,
                  d1=d1, d2=d2)
    for offset, d1, d2, shape in ((0, -2, -1, (3,)), (1, -2, -1, (2, 3)), (-2, 0, 2, (2, 3))):
        file.case("diag_embed", f"{offset} {d1} {d2} {shape}", [file.draw(*shape)], lambda t: torch.diag_embed(t, offset, d1, d2),
                  offset=offset, d1=d1, d2=d2)
    for offset, shape in ((0, (3,)), (-1, (2,)), (0, (3, 4)), (1, (3, 4))):
        file.case("diag", f"{offset} {shape}", [file.draw(*shape)], lambda t: torch.diag(t, offset), offset=offset)
    for shape in ((3, 3), (2, 4), (0, 2)):
        file.case("trace", f"{shape}", [file.draw(*shape)], torch.trace)
    for dim, size, step, shape in ((0, 3, 2, (7,)), (1, 2, 1, (2, 5, 2)), (-1, 2, 3, (2, 8))):
        file.case("unfold", f"{dim} {size} {step}", [file.draw(*shape)], lambda t: t.unfold(dim, size, step), dim=dim, size=size, step=step)
    for size, stride, offset in (((3, 4), (2, 1), 0), ((2, 3), (1, 5), 6), ((2, 2), (0, 0), 3)):
        file.case("as_strided", f"{size} {stride} {offset}", [file.draw(4, 5)], lambda t: t.as_strided(size, stride, offset), size=size,
                  stride=stride, offset=offset)


def distances(file):
    for p in (0.0, 1.0, 2.0, 3.0, float("inf")):
        file.case("cdist", f"{p}", [file.draw(2, 3, 4), file.draw(2, 4)], lambda a, b: torch.cdist(a, b, p), p=p)
    ones = torch.ones(2, 3, dtype=torch.float64)
    file.case("cdist", "ties of the largest", [ones, 2 * ones[:1]], lambda a, b: torch.cdist(a, b, float("inf")), p=float("inf"))
    same = file.draw(3, 2)
    file.case("cdist", "at zero", [same, same.clone()], lambda a, b: torch.cdist(a, b, 2.0), p=2.0)
    for p, eps, keep in ((2.0, 1e-6, False), (1.0, 1e-3, True), (3.0, 1e-6, False)):
        file.case("pairwise_distance", f"{p} {eps}", [file.draw(3, 4), file.draw(3, 4)],
                  lambda a, b: F.pairwise_distance(a, b, p, eps, keep), p=p, eps=eps, keep=keep)
    for dim, eps, a, b in ((1, 1e-8, (3, 4), (3, 4)), (0, 1e-8, (3, 2), (3, 1)), (-1, 0.7, (2, 3), (2, 3))):
        file.case("cosine_similarity", f"{dim} {eps}", [file.draw(*a, lo=-0.6, hi=0.6), file.draw(*b)],
                  lambda x, y: F.cosine_similarity(x, y, dim, eps), grad=eps < 0.1, dim=dim, eps=eps)
