"""Golden cases: attention."""

import math

import torch


def cases(file):
    attention(file)
    heads(file)
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


def heads(file):
    """The module, with masks: inputs are q, k, v, attn_mask, key_padding_mask and the parameters, which the C side loads."""
    torch.manual_seed(5)
    q, s, n, size = 3, 4, 2, 4

    def case(what, queries=q, keys=s, kdim=None, vdim=None, mask=None, padding=None, batch_first=False, alone=False, weights=True, average=True,
             causal=False, fixed=3, **more):
        net = torch.nn.MultiheadAttention(size, 2, kdim=kdim, vdim=vdim, batch_first=batch_first, **more).double()
        for p in net.parameters():
            p.data.copy_(file.draw(*p.shape, lo=-1, hi=1))
        shapes = [(t, f) if alone else (n, t, f) if batch_first else (t, n, f)
                  for t, f in ((queries, size), (keys, kdim or size), (keys, vdim or size))]

        def run(q, k, v, mask, padding, *parameters):
            if causal:
                mask = torch.triu(torch.ones(queries, keys, dtype=torch.bool), 1)
            y, w = net(q, k, v, key_padding_mask=padding, attn_mask=mask, need_weights=weights, average_attn_weights=average)
            return (y, w) if weights else y

        file.case("nn_multihead_attention_forward", what,
                  [*(file.draw(*shape) for shape in shapes), mask, padding, *(p.detach() for p in net.parameters())], run, fixed=fixed,
                  no_bias=not more.get("bias", True), bias_kv=more.get("add_bias_kv", False), zero=more.get("add_zero_attn", False),
                  kdim=kdim or 0, vdim=vdim or 0, batch_first=batch_first, weights=weights, per_head=not average, causal=causal)

    def hidden(*shape):
        some = file.ints(0, 2, *shape) > 0
        some[..., 0] = False
        return some

    case("plain")
    case("no weights", weights=False)
    case("weights of each head, batch first", average=False, batch_first=True)
    case("one sequence", alone=True, padding=hidden(s))
    case("no biases, one sequence, each head", alone=True, bias=False, average=False)
    case("features of keys and values", kdim=3, vdim=5)
    case("features of values, no biases", vdim=2, bias=False, weights=False)
    case("padding", padding=hidden(n, s), weights=False)
    case("mask", mask=hidden(q, s), batch_first=True)
    case("mask of each head", mask=hidden(2 * n, q, s), weights=False)
    case("padding and mask", mask=hidden(q, s), padding=hidden(n, s))
    case("learned mask", mask=file.draw(q, s), weights=False, fixed=4)
    case("added mask and padding", mask=file.draw(2 * n, q, s), padding=hidden(n, s), weights=False)
    case("causal", queries=s, causal=True, weights=False)
    case("causal and padding", queries=s, causal=True, padding=hidden(n, s), batch_first=True)
    case("added key", add_bias_kv=True, padding=hidden(n, s), weights=False)
    case("added zeros", add_zero_attn=True, mask=hidden(q, s))
    case("added both, causal", add_bias_kv=True, add_zero_attn=True, queries=s, causal=True, batch_first=True)
