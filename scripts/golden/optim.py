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
    sets += [("nadam", "plain", {"lr": 0.01}), ("nadam", "betas", {"lr": 0.02, "betas": (0.8, 0.95)}),
             ("nadam", "weight decay", {"lr": 0.01, "weight_decay": 0.1}),
             ("nadam", "decoupled", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
             ("nadam", "all", {"lr": 0.03, "eps": 1e-4, "momentum_decay": 0.1, "weight_decay": 0.05, "maximize": True}),
             ("radam", "plain", {"lr": 0.01}), ("radam", "betas", {"lr": 0.02, "betas": (0.8, 0.9)}),
             ("radam", "weight decay", {"lr": 0.01, "weight_decay": 0.1}),
             ("radam", "decoupled", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
             ("radam", "all", {"lr": 0.03, "betas": (0.7, 0.95), "eps": 1e-4, "weight_decay": 0.05, "maximize": True}),
             ("rmsprop", "plain", {"lr": 0.01}), ("rmsprop", "alpha and eps", {"lr": 0.01, "alpha": 0.9, "eps": 1e-4}),
             ("rmsprop", "momentum", {"lr": 0.01, "momentum": 0.9}),
             ("rmsprop", "centered", {"lr": 0.01, "centered": True}),
             ("rmsprop", "all", {"lr": 0.005, "alpha": 0.95, "momentum": 0.8, "centered": True, "weight_decay": 0.1,
                                 "maximize": True}),
             ("adagrad", "plain", {"lr": 0.1}), ("adagrad", "decays", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1}),
             ("adagrad", "from a value", {"lr": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-4, "maximize": True})]
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "nadam": torch.optim.NAdam,
             "radam": torch.optim.RAdam, "rmsprop": torch.optim.RMSprop, "adagrad": torch.optim.Adagrad}
    shapes = ((3, 4), (5,))
    start = [file.draw(*s) for s in shapes]
    grads = [file.draw(20, *s) for s in shapes]
    for k in range(2):
        file.tensors[f"start{k}"], file.tensors[f"grads{k}"] = start[k], grads[k]
    for op, what, args in sets:
        name = f"{op}: {what}"
        file.metadata[name] = " ".join([f"op={op}"] + [f"{k}={text(v)}" for k, v in args.items()])
        for dtype, tag in ((torch.float64, "f64"), (torch.float32, "f32")):
            torch.set_default_dtype(dtype)  # NAdam keeps its product of momenta in it
            params = [torch.nn.Parameter(t.to(dtype, copy=True)) for t in start]
            optimizer = kinds[op](params, foreach=False, **args)
            for step in range(20):
                for p, g in zip(params, grads):
                    p.grad = g[step].to(dtype)
                optimizer.step()
                if step + 1 in (1, 5, 20):
                    for k, p in enumerate(params):
                        file.tensors[f"{name}/{tag}/{step + 1}/{k}"] = p.detach().clone()
    torch.set_default_dtype(torch.float32)
    lbfgs(file, start)


def lbfgs(file, start):
    """20 steps on a loss, in F64 alone: what the search decides hangs on the last bits."""
    sets = [("fixed steps", {"lr": 0.1, "max_iter": 2}), ("fixed steps, short memory", {"lr": 0.05, "max_iter": 3, "history_size": 2}),
            ("search", {"lr": 1.0, "max_iter": 2, "strong_wolfe": True}),
            ("search, short memory", {"lr": 0.5, "max_iter": 3, "max_eval": 6, "history_size": 3, "strong_wolfe": True})]
    for what, args in sets:
        name = f"lbfgs: {what}"
        file.metadata[name] = " ".join(["op=lbfgs"] + [f"{k}={text(v)}" for k, v in args.items()])
        given = {k: v for k, v in args.items() if k != "strong_wolfe"}
        a, b = params = [torch.nn.Parameter(t.clone()) for t in start]
        optimizer = torch.optim.LBFGS(params, line_search_fn="strong_wolfe" if "strong_wolfe" in args else None, **given)

        def closure():
            optimizer.zero_grad()
            weights = torch.arange(1.0, 6.0, dtype=torch.float64)
            loss = ((a * a - 1) ** 2).sum() * 0.5 + ((b - 0.3) ** 2 * weights).sum() + 0.1 * a.sum() * b.sum()
            loss.backward()
            return loss

        for step in range(20):
            optimizer.step(closure)
            if step + 1 in (1, 5, 20):
                for k, p in enumerate(params):
                    file.tensors[f"{name}/f64/{step + 1}/{k}"] = p.detach().clone()
