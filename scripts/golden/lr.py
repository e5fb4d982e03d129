"""Golden cases: lr. Learning rates (and momenta) of 70 steps of two groups."""

import math

import torch
from torch.optim import lr_scheduler as s

from golden.support import text

STEPS = 70


def metric(t):
    """What a plateau is told: falls, stalls, falls again."""
    return 1 / (1 + t) if t < 10 else 0.09 + 0.02 * math.sin(t) if t < 45 else 2 / t


def cases(file):
    sets = [("step", {"step_size": 7, "gamma": 0.5}), ("step", {"step_size": 1, "gamma": 0.9}),
            ("multi_step", {"milestones": [5, 20, 20, 41], "gamma": 0.3}), ("multi_step", {"milestones": [0, 3], "gamma": 0.5}),
            ("exponential", {"gamma": 0.95}), ("exponential", {"gamma": 1.02}),
            ("cosine", {"T_max": 60, "eta_min": 0.0}), ("cosine", {"T_max": 13, "eta_min": 0.001}), ("cosine", {"T_max": 1, "eta_min": 0.01}),
            ("restarts", {"T_0": 10, "T_mult": 1, "eta_min": 0.0}), ("restarts", {"T_0": 4, "T_mult": 2, "eta_min": 0.002}),
            ("linear", {"start_factor": 1 / 3, "end_factor": 1.0, "total_iters": 5}),
            ("linear", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 40}),
            ("one_cycle", {"max_lr": 0.5, "total_steps": 72}),
            ("one_cycle", {"max_lr": 0.5, "total_steps": 80, "pct_start": 0.4, "linear": True}),
            ("one_cycle", {"max_lr": 0.2, "total_steps": 75, "three_phase": True, "div_factor": 10.0, "final_div_factor": 100.0}),
            ("one_cycle", {"max_lr": 0.2, "total_steps": 71, "three_phase": True, "linear": True, "pct_start": 0.25,
                           "base_momentum": 0.7, "max_momentum": 0.9}),
            ("one_cycle", {"max_lr": 0.3, "total_steps": 90, "no_cycle_momentum": True}),
            ("plateau", {}), ("plateau", {"factor": 0.5, "patience": 3, "threshold": 0.1}),
            ("plateau", {"factor": 0.5, "patience": 2, "threshold": 0.01, "absolute": True, "cooldown": 4}),
            ("plateau", {"factor": 0.3, "patience": 1, "maximize": True, "min_lr": 0.004}),
            ("plateau", {"factor": 0.3, "patience": 2, "maximize": True, "absolute": True, "eps": 0.002}),
            ("sequence", {}), ("sequence of three", {}), ("chain", {}), ("chain with cosine", {})]
    for number, (op, args) in enumerate(sets):
        name = f"{op} {number}"
        file.metadata[name] = " ".join([f"op={op.replace(' ', '_')}"] + [f"{k}={text(v)}" for k, v in args.items()])
        for kind in ("sgd", "adam"):
            p = [torch.nn.Parameter(torch.zeros(2)) for _ in range(2)]
            groups = [{"params": [p[0]]}, {"params": [p[1]], "lr": 0.03}]
            optim = torch.optim.SGD(groups, 0.1, momentum=0.9) if kind == "sgd" else torch.optim.Adam(groups, 0.1)
            schedule = make(op, optim, args)
            rows = []
            for t in range(STEPS):
                row = [g["lr"] for g in optim.param_groups]
                g = optim.param_groups[0]
                rows.append(row + [g["momentum"] if kind == "sgd" else g["betas"][0]])
                optim.step()
                schedule.step(metric(t)) if op == "plateau" else schedule.step()
            file.tensors[f"{name}/{kind}"] = torch.tensor(rows, dtype=torch.float64)
    file.tensors["metric"] = torch.tensor([metric(t) for t in range(STEPS)], dtype=torch.float64)


def make(op, optim, args):
    args = dict(args)
    if op == "one_cycle":
        args["anneal_strategy"] = "linear" if args.pop("linear", False) else "cos"
        args["cycle_momentum"] = not args.pop("no_cycle_momentum", False)
        return s.OneCycleLR(optim, **args)
    if op == "plateau":
        args["mode"] = "max" if args.pop("maximize", False) else "min"
        args["threshold_mode"] = "abs" if args.pop("absolute", False) else "rel"
        return s.ReduceLROnPlateau(optim, **args)
    if op == "sequence":
        return s.SequentialLR(optim, [s.LinearLR(optim, 0.1, 1.0, 8), s.CosineAnnealingLR(optim, 50, 0.001)], [8])
    if op == "sequence of three":
        parts = [s.ExponentialLR(optim, 0.9), s.StepLR(optim, 4, 0.5), s.CosineAnnealingWarmRestarts(optim, 6, 2)]
        return s.SequentialLR(optim, parts, [12, 33])
    if op == "chain":
        return s.ChainedScheduler([s.LinearLR(optim, 0.2, 1.0, 10), s.ExponentialLR(optim, 0.97)])
    if op == "chain with cosine":
        return s.ChainedScheduler([s.LinearLR(optim, 0.2, 1.0, 10), s.CosineAnnealingLR(optim, 40, 0.001)])
    kinds = {"step": s.StepLR, "multi_step": s.MultiStepLR, "exponential": s.ExponentialLR, "cosine": s.CosineAnnealingLR,
             "restarts": s.CosineAnnealingWarmRestarts, "linear": s.LinearLR}
    return kinds[op](optim, **args)
