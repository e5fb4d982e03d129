"""Golden cases: optim."""

import torch

from golden.support import text


def cases(file):
    """20 steps on given gradients: parameters after steps 1, 5 and 20, in F64 and in F32."""
    sets = [("sgd", "plain", {"lr": 0.1}), ("sgd", "momentum", {"lr": 0.1, "momentum": 0.9}),
            ("sgd", "nesterov", {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
            ("sgd", "dampening", {"lr": 0.1, "momentum": 0.9, "dampening": 0.4}),
            ("sgd", "weight decay", {"lr": 0.1, "weight_decay": 0.05}),
            ("sgd", "all", {"lr": 0.02, "momentum": 0.7, "weight_decay": 0.1, "nesterov": True}),
            ("sgd", "dampening and weight decay", {"lr": 0.02, "momentum": 0.7, "dampening": 0.2, "weight_decay": 0.1}),
            ("sgd", "maximize", {"lr": 0.1, "momentum": 0.9, "maximize": True})]
    for op in ("adam", "adamw"):
        sets += [(op, "plain", {"lr": 0.01}), (op, "betas", {"lr": 0.02, "betas": (0.8, 0.95)}),
                 (op, "eps", {"lr": 0.01, "eps": 1e-3}), (op, "weight decay", {"lr": 0.01, "weight_decay": 0.1}),
                 (op, "no weight decay", {"lr": 0.01, "weight_decay": 0.0}),
                 (op, "amsgrad", {"lr": 0.01, "amsgrad": True}), (op, "maximize", {"lr": 0.01, "maximize": True}),
                 (op, "all", {"lr": 0.03, "betas": (0.7, 0.9), "eps": 1e-4, "weight_decay": 0.05, "amsgrad": True})]
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    shapes = ((3, 4), (5,))
    start = [file.draw(*s) for s in shapes]
    grads = [file.draw(20, *s) for s in shapes]
    for k in range(2):
        file.tensors[f"start{k}"], file.tensors[f"grads{k}"] = start[k], grads[k]
    for op, what, args in sets:
        name = f"{op}: {what}"
        file.metadata[name] = " ".join([f"op={op}"] + [f"{k}={text(v)}" for k, v in args.items()])
        for dtype, tag in ((torch.float64, "f64"), (torch.float32, "f32")):
            params = [torch.nn.Parameter(t.to(dtype, copy=True)) for t in start]
            optimizer = kinds[op](params, foreach=False, **args)
            for step in range(20):
                for p, g in zip(params, grads):
                    p.grad = g[step].to(dtype)
                optimizer.step()
                if step + 1 in (1, 5, 20):
                    for k, p in enumerate(params):
                        file.tensors[f"{name}/{tag}/{step + 1}/{k}"] = p.detach().clone()
