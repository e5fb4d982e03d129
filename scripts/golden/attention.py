"""Golden cases: attention."""

import math

import torch


def cases(file):
    attention(file)
    for length, size in ((6, 4), (3, 8), (5, 7)):
        angle = torch.arange(length).double()[:, None] * torch.exp(torch.arange(0, size, 2).double() * (-math.log(10000.0) / size))
        waves = torch.zeros(length, size, dtype=torch.float64)
        waves[:, 0::2] = torch.sin(angle)
        waves[:, 1::2] = torch.cos(angle)[:, : size // 2]
        file.case("sinusoidal_positions", f"{length} of {size}", [], lambda waves=waves: waves, length=length, size=size)


def attention(file):
    """Inputs are q, k, v and the mask."""

    def case(what, q, k, v, mask=None, fixed=99, causal=False, scale=None, gqa=False):
        given = {"causal": causal, "scale": scale or 0, "gqa": gqa}
        file.case("scaled_dot_product_attention", what, [file.draw(*q), file.draw(*k), file.draw(*v), mask],
                  lambda q, k, v, mask: torch.nn.functional.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, scale=scale,
                                                                                         enable_gqa=gqa), fixed=fixed, **given)

    def mask(*shape):
        some = file.ints(0, 3, *shape) > 0
        some.view(-1, shape[-1])[1 % some.view(-1, shape[-1]).shape[0]] = False  # one that sees nothing
        return some

    case("matrices", (3, 4), (5, 4), (5, 4))
    case("heads", (2, 3, 4, 3), (2, 3, 6, 3), (2, 3, 6, 2))
    case("causal", (2, 5, 3), (2, 5, 3), (2, 5, 3), causal=True)
    case("causal, more keys", (2, 3, 3), (2, 5, 3), (2, 5, 3), causal=True)
    case("causal, more queries", (2, 5, 3), (2, 3, 3), (2, 3, 3), causal=True)
    case("scale", (2, 4, 3), (2, 4, 3), (2, 4, 3), scale=0.3)
    case("mask", (2, 3, 3), (2, 5, 3), (2, 5, 2), mask(3, 5))
    case("mask of keys", (3, 2, 3, 3), (3, 2, 5, 3), (3, 2, 5, 3), mask(3, 1, 1, 5))
    case("added mask", (2, 4, 3), (2, 5, 3), (2, 5, 3), file.draw(4, 5), fixed=3)
    some = file.draw(2, 1, 4, 4)
    some[0, 0, 2] = -math.inf
    some[1, 0, :, 1] = -math.inf
    case("added, infinite", (2, 2, 4, 3), (2, 2, 4, 3), (2, 2, 4, 3), some, fixed=3)
    case("learned mask", (2, 4, 3), (2, 5, 3), (2, 5, 3), file.draw(2, 4, 5))
    case("grouped heads", (2, 4, 3, 2), (2, 2, 5, 2), (2, 2, 5, 2), gqa=True)
    case("grouped heads, causal", (6, 3, 2), (3, 3, 2), (2, 3, 2), gqa=True, causal=True)
    case("one key", (2, 3, 4), (2, 1, 4), (2, 1, 4))
