"""Golden cases: modules."""

import torch


def output(kind):
    """The module without the states that it gives besides."""

    class Output(kind):
        def forward(self, x):
            return super().forward(x)[0]

    return Output


class SelfAttention(torch.nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


class CausalLayer(torch.nn.TransformerEncoderLayer):
    def forward(self, x):
        return super().forward(x, torch.nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype), is_causal=True)


class Positions(torch.nn.Module):
    """Waves, as in the tutorial, or a parameter."""

    def __init__(self, length, size, learned):
        super().__init__()
        if learned:
            self.weight = torch.nn.Parameter(torch.randn(length, size))
            return
        angle = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, size, 2) / size)
        self.register_buffer("pe", torch.stack([torch.sin(angle), torch.cos(angle)], 2).view(length, size))

    def forward(self, x):
        return x + (self.pe if hasattr(self, "pe") else self.weight)[:x.shape[1]]


def cases(file):
    """State before and after, by PyTorch's names; test_golden.c builds the same network by the case's name."""
    nn = torch.nn
    torch.manual_seed(3)
    nets = {
        "mlp": (lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)), (4, 6)),
        "no bias": (lambda: nn.Sequential(nn.Linear(6, 5, bias=False), nn.GELU(), nn.Linear(5, 3), nn.Softmax(dim=1)), (4, 6)),
        "batch norm 1d": (lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Sigmoid(), nn.Linear(5, 3)), (7, 6)),
        "cnn": (lambda: nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), nn.ReLU(), nn.AvgPool2d(2),
                                      nn.Flatten(), nn.Linear(4, 3)), (3, 1, 8, 8)),
        "conv1d": (lambda: nn.Sequential(nn.Conv1d(2, 4, 3, stride=2, padding=2, padding_mode="circular"),
                                         nn.Conv1d(4, 4, 2, padding="same", groups=2), nn.ReflectionPad1d((1, 2)),
                                         nn.ConvTranspose1d(4, 2, 3, stride=2, output_padding=1, groups=2)), (2, 2, 7)),
        "conv2d": (lambda: nn.Sequential(nn.Conv2d(2, 3, (2, 3), padding="same", padding_mode="reflect"),
                                         nn.ReplicationPad2d((1, 0, 2, 1)),
                                         nn.Conv2d(3, 2, 3, padding=(1, 2), padding_mode="replicate"), nn.ConstantPad2d((0, 1, -1, 0), 0.5),
                                         nn.ConvTranspose2d(2, 3, (3, 2), stride=(2, 1), padding=1, dilation=(1, 2), bias=False)),
                   (2, 2, 4, 5)),
        "conv3d": (lambda: nn.Sequential(nn.Conv3d(1, 2, (2, 1, 2), stride=(1, 2, 1), padding=(1, 0, 0)), nn.CircularPad3d((1, 1, 0, 1, 1, 0)),
                                         nn.ConvTranspose3d(2, 2, 2, stride=(2, 1, 1), padding=(0, 1, 0), output_padding=(1, 0, 0), groups=2)),
                   (2, 1, 3, 4, 3)),
        "norms": (lambda: nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.RMSNorm(8, eps=1e-3), nn.Unflatten(1, (4, 2)),
                                        nn.GroupNorm(2, 4), nn.InstanceNorm1d(4, affine=True, track_running_stats=True),
                                        nn.BatchNorm1d(4, momentum=None), nn.LayerNorm((4, 2), bias=False), nn.Flatten()), (5, 6)),
        "norms 3d": (lambda: nn.Sequential(nn.BatchNorm3d(2, momentum=None), nn.InstanceNorm3d(2, momentum=0.3, track_running_stats=True),
                                           nn.GroupNorm(1, 2, affine=False), nn.BatchNorm3d(2, affine=False)), (2, 2, 2, 3, 2)),
        "recurrent": (lambda: nn.Sequential(output(nn.LSTM)(4, 3, 2, batch_first=True, bidirectional=True, proj_size=2),
                                            output(nn.GRU)(4, 3, batch_first=True), output(nn.RNN)(3, 2, bias=False, nonlinearity="relu")),
                      (2, 3, 4)),
        "cells": (lambda: nn.Sequential(nn.GRUCell(4, 3), nn.RNNCell(3, 3), output(nn.LSTMCell)(3, 2, bias=False)), (3, 4)),
        "transformer": (lambda: nn.Sequential(SelfAttention(4, 2), nn.TransformerEncoderLayer(4, 2, 5, 0)), (3, 2, 4)),
        "transformer encoder": (lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(4, 2, 5, 0, "gelu", batch_first=True, norm_first=True), 2, nn.LayerNorm(4), False), (2, 3, 4)),
        "decoder only": (lambda: nn.Sequential(
            Positions(6, 4, False), Positions(5, 4, True), CausalLayer(4, 1, 5, 0, "gelu", batch_first=True, norm_first=True, bias=False),
            nn.Linear(4, 3)), (2, 5, 4)),
        "groups": (lambda: nn.Sequential(nn.Conv2d(4, 4, 3, groups=2, dilation=2), nn.Flatten(), nn.Linear(36, 2)),
                   (2, 4, 7, 7)),
    }
    for name, (make, shape) in nets.items():
        net = make().double()
        for mode in ("train", "eval"):
            what = f"{name}, {mode}"
            net.train(mode == "train")
            file.metadata[f"module: {what}"] = f"op=module net={name.replace(' ', '_')} training={int(mode == 'train')}"
            key = f"module: {what}"
            for p in net.parameters():
                p.grad = None
            for n, t in net.state_dict().items():
                if t.is_floating_point():
                    t.data.copy_(t.float().double())
                file.tensors[f"{key}/before/{n}"] = t.clone()
            x = file.draw(*shape).requires_grad_()
            y = net(x)
            seed = file.draw(*y.shape, lo=0.25, hi=1.25)
            y.backward(seed)
            file.tensors.update({f"{key}/in0": x, f"{key}/out0": y, f"{key}/seed0": seed, f"{key}/grad0": x.grad})
            for n, p in net.named_parameters():
                file.tensors[f"{key}/grad/{n}"] = p.grad.clone()
            for n, t in net.named_buffers():
                file.tensors[f"{key}/after/{n}"] = t.clone()
