"""Golden cases: linear algebra through LAPACK. Where factors are unique only up to signs, what does not depend on them is compared:
the runners in tests/golden_decompose.c make the same of them."""

import torch


def cases(file):
    def easy(*shape):
        n = shape[-1]
        return file.draw(*shape, lo=-1, hi=1) + 3 * torch.diag(torch.tensor([1.0, -1, 1.3, 0.8][:n], dtype=torch.float64))

    la = torch.linalg
    shapes = {"matrix": (3, 3), "batch": (2, 3, 3), "two": (2, 2)}
    for what, shape in shapes.items():
        file.case("linalg_inv", what, [easy(*shape)], la.inv)
        file.case("linalg_det", what, [easy(*shape)], la.det)
        file.case("linalg_matrix_power", what, [easy(*shape)], lambda x: la.matrix_power(x, -2), n=-2)
        file.case("linalg_slogdet", what, [easy(*shape)], slogdet)
    file.case("linalg_det", "none", [file.draw(0, 0)], la.det)
    for what, a, b in (("matrix", (3, 3), (3, 2)), ("vector", (3, 3), (3,)), ("batch", (2, 3, 3), (2, 3, 2)),
                       ("batch of vectors", (2, 3, 3), (2, 3)), ("stretched", (2, 3, 3), (4, 1, 3, 1))):
        file.case("linalg_solve", what, [easy(*a), file.draw(*b)], la.solve)
    for upper in (True, False):
        for left in (True, False):
            for unit in (True, False):
                file.case("linalg_solve_triangular", f"{upper} {left} {unit}",
                          [easy(2, 3, 3), file.draw(3, 2) if left else file.draw(2, 3)],
                          lambda a, b: la.solve_triangular(a, b, upper=upper, left=left, unitriangular=unit),
                          upper=upper, right=not left, unit=unit)
        for what, shape in shapes.items():
            file.case("linalg_cholesky", f"{what}, {upper}", [file.draw(*shape)],
                      lambda x: la.cholesky(x @ x.mT + 2 * torch.eye(x.shape[-1], dtype=x.dtype), upper=upper), upper=upper)
            file.case("linalg_eigvalsh", f"{what}, {upper}", [easy(*shape)],
                      lambda x: la.eigvalsh(x + x.mT, "U" if upper else "L"), upper=upper)
            file.case("linalg_eigh", f"{what}, {upper}", [easy(*shape)], lambda x: eigh(x, upper), upper=upper)
        file.case("linalg_cholesky_solve", f"{upper}", [easy(2, 3, 3), file.draw(2, 3, 2)],
                  lambda l, b: torch.cholesky_solve(b, l.triu() if upper else l.tril(), upper=upper), upper=upper)
    file.case("linalg_cholesky_solve", "one", [easy(2, 2), file.draw(2, 1)],
              lambda l, b: torch.cholesky_solve(b, l.tril()), upper=False)
    rectangles = {"tall": (4, 3), "wide": (2, 4), "square": (3, 3), "batch": (2, 4, 2)}
    for what, shape in rectangles.items():
        file.case("linalg_qr", what, [file.draw(*shape)], qr)
        file.case("linalg_svdvals", what, [file.draw(*shape)], la.svdvals)
        file.case("linalg_pinv", what, [file.draw(*shape)], la.pinv)
        file.case("linalg_matrix_rank", what, [file.draw(*shape)], la.matrix_rank, grad=False)
        for full in (True, False):
            file.case("linalg_svd", f"{what}, {full}", [file.draw(*shape)], lambda x: svd(x, full), full=full)
    for what, a, b in (("tall", (5, 3), (5, 2)), ("wide", (2, 4), (2, 3)), ("square", (3, 3), (3, 1))):
        file.case("linalg_lstsq", what, [file.draw(*a), file.draw(*b)], lambda x, y: la.lstsq(x, y, driver="gelsd").solution)


def slogdet(x):
    sign, logabsdet = torch.linalg.slogdet(x)
    return sign.detach(), logabsdet


def eigh(x, upper):
    w, v = torch.linalg.eigh(x + x.mT, "U" if upper else "L")
    return w, (v * torch.exp(w / 4).unsqueeze(-2)) @ v.mT


def svd(x, full):
    u, s, vh = torch.linalg.svd(x, full_matrices=full)
    k = s.shape[-1]
    return s, (u[..., :k] * (s + s**3).unsqueeze(-2)) @ vh[..., :k, :]


def qr(x):
    q, r = torch.linalg.qr(x)
    return q * torch.sign(r.diagonal(dim1=-2, dim2=-1)[..., None, : q.shape[-1]].detach()), r.mT @ r
