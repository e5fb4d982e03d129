"""Golden cases: metrics, computed by scikit-learn (1.9)."""

import warnings

import numpy
import torch

from golden.support import text


def cases(file):
    from sklearn import metrics as m

    warnings.simplefilter("ignore")

    def add(op, what, p, y, value, **args):
        name = f"{op}: {what}"
        assert name not in file.metadata, name
        file.metadata[name] = " ".join([f"op={op}"] + [f"{k}={text(v)}" for k, v in args.items()])
        file.tensors[f"{name}/p"], file.tensors[f"{name}/y"] = p, y
        for k, v in enumerate(value if isinstance(value, tuple) else (value,)):
            file.tensors[f"{name}/out{k}"] = torch.as_tensor(numpy.array(v, dtype=numpy.float64))

    def decisions(what, p, y, taken, averages, labels, **args):
        y_, t_ = y.numpy(), taken.numpy()
        add("accuracy", what, p, y, (m.accuracy_score(y_, t_), m.confusion_matrix(y_, t_, labels=labels),
                                     m.confusion_matrix(y_, t_, labels=labels, normalize="true"),
                                     m.confusion_matrix(y_, t_, labels=labels, normalize="pred"),
                                     m.confusion_matrix(y_, t_, labels=labels, normalize="all")), **args)
        for number, average in averages:
            for zero in (0.0, 1.0):
                for op, f in (("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score)):
                    value = f(y_, t_, average=average, zero_division=zero)
                    add(op, f"{what}, {average}, {zero}", p, y, value, average=number, zero_division=zero, **args)

    several = [(1, "macro"), (2, "micro"), (3, "weighted")]
    for what, n, classes, occurring in (("five classes", 60, 5, 5), ("classes without labels", 40, 6, 3), ("few samples", 3, 4, 4)):
        p = (file.draw(n, classes) * 2).round() / 2  # with ties
        y = file.ints(0, occurring, n)
        decisions(what, p, y, torch.as_tensor(p.numpy().argmax(1)), several, list(range(classes)))
        for k in (1, 2, 3):
            add("top_k", f"{what}, {k}", p, y, m.top_k_accuracy_score(y.numpy(), p.numpy(), k=k, labels=list(range(classes))), k=k)
        q = torch.softmax(p, 1)
        add("log_loss", what, q, y, m.log_loss(y.numpy(), q.numpy(), labels=list(range(classes))))
        add("log_loss", f"{what}, logits", p, y, m.log_loss(y.numpy(), q.numpy(), labels=list(range(classes))), logits=True)
        if occurring == classes and n > classes:
            add("roc_auc", what, q, y, m.roc_auc_score(y.numpy(), q.numpy(), multi_class="ovr", labels=list(range(classes))))
        one_hot = torch.nn.functional.one_hot(y, classes).numpy()
        add("pr_auc", what, q, y, m.average_precision_score(one_hot, q.numpy()))
    labels = file.ints(0, 4, 30)
    decisions("labels", labels, file.ints(0, 4, 30), labels, several, list(range(4)), classes=4)

    for what, n, share in (("even", 50, 0.5), ("rare", 60, 0.1), ("none", 12, -1), ("all", 12, 2), ("one", 1, 2)):
        p = ((file.draw(n) + 2) / 4 * 20).round() / 20
        y = (file.draw(n, lo=0, hi=1) < share).long()
        decisions(what, p, y, (p > 0.5).long(), [(0, "binary")], [0, 1])
        if len(set(y.tolist())) == 2:
            decisions(f"{what}, threshold", p, y, (p > 0.25).long(), [(0, "binary"), (1, "macro")], [0, 1], threshold=0.25)
        add("roc_auc", what, p, y, m.roc_auc_score(y.numpy(), p.numpy()))
        add("pr_auc", what, p, y, m.average_precision_score(y.numpy(), p.numpy()))
        add("log_loss", f"binary, {what}", p, y, m.log_loss(y.numpy(), p.numpy(), labels=[0, 1]))
        single = m.log_loss(y.numpy(), p.float().numpy(), labels=[0, 1])  # clipped by another eps
        file.tensors[f"log_loss: binary, {what}/float32"] = torch.tensor(float(single), dtype=torch.float64)
        add("roc_curve", what, p, y, tuple(m.roc_curve(y.numpy(), p.numpy())))
        add("roc_curve", f"{what}, all", p, y, tuple(m.roc_curve(y.numpy(), p.numpy(), drop_intermediate=False)), keep_all=True)
        add("pr_curve", what, p, y, tuple(m.precision_recall_curve(y.numpy(), p.numpy())))

    for what, shape in (("one output", (40,)), ("three outputs", (30, 3)), ("one sample", (1,)), ("constant", (7,)), ("constant and right", (7,))):
        y = file.draw(*shape) + 100
        if what.startswith("constant"):
            y = torch.full(shape, 0.1).double()
        p = y.clone() if what.endswith("right") else (y + file.draw(*shape)).float().double()
        y = y.float().double()
        for op, f in (("mse", m.mean_squared_error), ("rmse", m.root_mean_squared_error), ("mae", m.mean_absolute_error), ("r2", m.r2_score)):
            add(op, what, p, y, f(y.numpy(), p.numpy()))
