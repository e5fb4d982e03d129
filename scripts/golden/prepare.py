"""Preparation of columns, by scikit-learn 1.9, NumPy and pandas' rules (pip install scikit-learn).

For each case its steps as metadata, `op=prepare steps=kind,a,b,kind,a,b,...` with the numbers of tp_prepare_kind; as tensors
<case>/train, <case>/test, <case>/applied, what the steps fitted on train make of test, and <case>/inverse of that."""

import numpy
import torch
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

STANDARDIZE, MINMAX, MEAN, MEDIAN, CONSTANT, FORWARD, QUANTILES, DEVIATIONS = range(1, 9)


def cases(file):
    for kind in STANDARDIZE, MINMAX, MEAN, MEDIAN, FORWARD, QUANTILES, DEVIATIONS:
        for missing in False, True:
            add(file, f"{kind} {'with' if missing else 'without'} missing", [(kind, 0, 0)], missing)
    add(file, "constant", [(CONSTANT, -7.5, 0)], True)
    add(file, "minmax to a range", [(MINMAX, -1, 3)], True)
    add(file, "wide quantiles", [(QUANTILES, 0.1, 0.75)], True)
    add(file, "one deviation", [(DEVIATIONS, 1, 0)], True)
    add(file, "chain", [(MEDIAN, 0, 0), (QUANTILES, 0.05, 0.95), (STANDARDIZE, 0, 0)], True)
    add(file, "long chain", [(DEVIATIONS, 1.5, 0), (FORWARD, 0, 0), (STANDARDIZE, 0, 0), (MINMAX, -2, 2)], True)
    for rows in 1, 2, 3:
        add(file, f"{rows} rows", [(QUANTILES, 0.2, 0.7), (STANDARDIZE, 0, 0)], False, rows)


def data(file, rows, missing):
    x = file.draw(rows, 6).numpy().copy()
    x[:, 1] = x[:, 1] * 1000 + 50000
    x[:, 2] = 0.1  # constant
    x[:, 3] = numpy.exp(3 * x[:, 3])  # long tail
    x[:, 4] = numpy.round(x[:, 4])  # ties
    x[:, 5] = 100 + 0.1 * x[:, 5]  # a small deviation; scikit-learn itself rounds at 100 / 0.1 parts of an epsilon
    if missing:
        x[(file.draw(rows, 6) > 1.2).numpy()] = numpy.nan
        x[0, :] = 0.5 + numpy.arange(6)
        x[0, 1] = numpy.nan
        x[0, 2] = 0.1
    return x


def fit(kind, a, b, x):
    """Functions that apply the step and that invert it."""
    same = lambda y: y  # noqa: E731
    if kind == STANDARDIZE:
        s = StandardScaler().fit(x)
        return s.transform, s.inverse_transform
    if kind == MINMAX:
        s = MinMaxScaler((a, b) if a or b else (0, 1)).fit(x)
        return s.transform, s.inverse_transform
    if kind in (MEAN, MEDIAN, CONSTANT):
        strategy = {MEAN: "mean", MEDIAN: "median", CONSTANT: "constant"}[kind]
        return SimpleImputer(strategy=strategy, fill_value=a if kind == CONSTANT else None).fit(x).transform, same
    if kind == FORWARD:
        mean = numpy.nanmean(x, axis=0)

        def forward(y):
            y, last = y.copy(), mean
            for row in y:
                row[:] = last = numpy.where(numpy.isnan(row), last, row)
            return y
        return forward, same
    if kind == QUANTILES:
        low, high = numpy.nanquantile(x, (a, b) if a or b else (0.01, 0.99), axis=0)
    else:
        mean, deviation = numpy.nanmean(x, axis=0), numpy.nanstd(x, axis=0)
        low, high = mean - (a or 3) * deviation, mean + (a or 3) * deviation
    return lambda y: numpy.clip(y, low, high), same


def add(file, name, steps, missing, rows=40):
    train, test = data(file, rows, missing), data(file, 15, missing)
    fitted, x, y = [], train, test
    for step in steps:
        fitted.append(fit(*step, x))
        x, y = fitted[-1][0](x), fitted[-1][0](y)
    z = y
    for _, inverse in reversed(fitted):
        z = inverse(z)
    file.metadata[name] = "op=prepare steps=" + ",".join(f"{n:g}" for step in steps for n in step)
    for key, value in ("train", train), ("test", test), ("applied", y), ("inverse", z):
        file.tensors[f"{name}/{key}"] = torch.from_numpy(numpy.array(value))
