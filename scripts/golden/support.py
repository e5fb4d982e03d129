"""What the families of golden cases share: a file of cases, and how arguments are written."""

import json
import struct

import torch

DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.int64: "I64", torch.uint8: "U8", torch.bool: "BOOL"}


class File:
    def __init__(self, name):
        self.name, self.tensors, self.metadata = name, {}, {}
        self.generator = torch.Generator().manual_seed(20261123)

    def write(self, directory):
        header, offset, blobs = {"__metadata__": dict(self.metadata)}, 0, []
        header["__metadata__"]["torch"] = torch.__version__.split("+")[0]
        header["__metadata__"]["command"] = "scripts/make-golden.py tests/golden"
        for name, t in self.tensors.items():
            blob = t.detach().contiguous().numpy().tobytes()
            header[name] = {"dtype": DTYPES[t.dtype], "shape": list(t.shape),
                            "data_offsets": [offset, offset + len(blob)]}
            offset += len(blob)
            blobs.append(blob)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with open(f"{directory}/{self.name}.safetensors", "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
        print(f"{self.name}.safetensors: {len(self.metadata)} cases, {8 + len(text) + offset} bytes")

    def draw(self, *shape, lo=-2.0, hi=2.0):
        t = torch.rand(shape, generator=self.generator, dtype=torch.float64) * (hi - lo) + lo
        return t.float().double()

    def ints(self, lo, hi, *shape):
        return torch.randint(lo, hi, shape, generator=self.generator)

    def case(self, op, what, inputs, f, grad=True, fixed=99, **args):
        """Runs f on the inputs (None is an absent one) and stores all that came of it. Those from number
        `fixed` on are not differentiated."""
        name = f"{op}: {what}"
        assert name not in self.metadata, name
        self.metadata[name] = " ".join([f"op={op}"] + [f"{k}={text(v)}" for k, v in args.items()])
        leaves = [t.clone().requires_grad_(grad and i < fixed) if t is not None and t.is_floating_point() else t
                  for i, t in enumerate(inputs)]
        for i, t in enumerate(leaves):
            if t is not None:
                self.tensors[f"{name}/in{i}"] = t
        outputs = f(*leaves)
        outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
        for k, y in enumerate(outputs):
            self.tensors[f"{name}/out{k}"] = y
        live = [y for y in outputs if y.requires_grad]
        wanted = [t for t in leaves if t is not None and t.requires_grad]
        if not live:
            return
        seeds = [self.draw(*y.shape, lo=0.25, hi=1.25) for y in live]
        grads = torch.autograd.grad(live, wanted, seeds)
        for k, seed in enumerate(seeds):
            self.tensors[f"{name}/seed{k}"] = seed
        for i, t in enumerate(leaves):
            if t is not None and t.requires_grad:
                self.tensors[f"{name}/grad{i}"] = grads[[id(w) for w in wanted].index(id(t))]


def text(value):
    if isinstance(value, (tuple, list)):
        return ",".join(text(v) for v in value)
    if isinstance(value, bool):
        return str(int(value))
    return repr(value)


def values(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)
