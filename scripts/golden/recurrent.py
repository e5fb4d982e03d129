"""Golden cases: recurrent."""

import torch


def cases(file):
    for op, gates, states in (("rnn_tanh_cell", 1, 1), ("rnn_relu_cell", 1, 1), ("gru_cell", 3, 1), ("lstm_cell", 4, 2)):
        f = getattr(torch, op)
        for what, batch, i, h, bias in (("batch", (3,), 4, 2, True), ("no biases", (2,), 3, 3, False), ("one sample", (), 3, 2, True),
                                        ("wide", (2,), 2, 5, True)):
            weights = [file.draw(gates * h, i), file.draw(gates * h, h)]
            weights += [file.draw(gates * h), file.draw(gates * h)] if bias else [None, None]
            state = [file.draw(*batch, h) for _ in range(states)]

            def run(x, *rest):
                whole = [t if batch else t.unsqueeze(0) for t in (x, *rest[:states])]  # the cells take batches alone
                y = f(whole[0], whole[1:] if states == 2 else whole[1], *rest[states:])
                y = [t if batch else t.squeeze(0) for t in (y if states == 2 else [y])]
                return y

            file.case(op, what, [file.draw(*batch, i), *state, *weights], run)
    sequences(file)


def sequences(file):
    """Inputs are x, h, c, lengths and the weights."""
    kinds = {"rnn_tanh": (1, torch.rnn_tanh), "rnn_relu": (1, torch.rnn_relu), "gru": (3, torch.gru), "lstm": (4, torch.lstm)}
    sets = [("plain", {}), ("no state", {"state": False}), ("one sequence", {"alone": True}), ("batch first", {"batch_first": True}),
            ("two layers", {"layers": 2}), ("two ways", {"bidirectional": True}), ("no biases", {"bias": False}),
            ("lengths", {"lengths": (2, 4, 1)}), ("two layers, two ways, lengths", {"layers": 2, "bidirectional": True, "lengths": (4, 1, 3)}),
            ("lengths, batch first, two ways", {"lengths": (3, 2, 4), "batch_first": True, "bidirectional": True, "bias": False}),
            ("projected", {"projected": 2}), ("projected, two layers, two ways", {"projected": 2, "layers": 2, "bidirectional": True}),
            ("projected, one sequence", {"projected": 1, "alone": True}), ("projected, lengths", {"projected": 2, "lengths": (2, 4, 1)}),
            ("projected, everything", {"projected": 2, "layers": 2, "bidirectional": True, "bias": False, "batch_first": True, "lengths": (3, 1, 4)})]
    for op, (gates, f) in kinds.items():
        for what, given in sets:
            if "projected" in given and op != "lstm":
                continue
            case(file, op, gates, what, **given)
    padding(file)


def padding(file):
    rnn = torch.nn.utils.rnn
    for what, first, value, left in (("steps first", False, 0.0, False), ("batch first", True, -1.5, False), ("from the left", True, 2.0, True)):
        file.case("pad_sequence", what, [file.draw(n, 2) for n in (3, 5, 1)],
                  lambda *s: rnn.pad_sequence(s, first, value, "left" if left else "right"), batch_first=first, value=value, left=left)
    for what, first, lengths in (("steps first", False, (2, 4, 1)), ("batch first", True, (4, 1, 3)), ("alike", True, (4, 4, 4))):
        shape = (3, 4, 2) if first else (4, 3, 2)
        file.case("unpad_sequence", what, [file.draw(*shape), torch.tensor(lengths)], lambda x, n: tuple(rnn.unpad_sequence(x.clone(), n, first)),
                  batch_first=first)


def case(file, op, gates, what, state=True, alone=False, batch_first=False, layers=1, bidirectional=False, bias=True, lengths=None,
         projected=0):
    steps, batch, inputs, size = 4, 3, 3, 3
    directions, out = 1 + bidirectional, projected or size
    lstm = op == "lstm"
    kind = {"rnn_tanh": "RNN", "rnn_relu": "RNN", "gru": "GRU", "lstm": "LSTM"}[op]
    more = {"nonlinearity": op[4:]} if kind == "RNN" else {"proj_size": projected} if lstm else {}
    net = getattr(torch.nn, kind)(inputs, size, layers, bias=bias, batch_first=batch_first, bidirectional=bidirectional, **more).double()
    x = file.draw(steps, inputs) if alone else file.draw(batch, steps, inputs) if batch_first else file.draw(steps, batch, inputs)
    of_state = (layers * directions,) if alone else (layers * directions, batch)
    h, c = (file.draw(*of_state, out), file.draw(*of_state, size) if lstm else None) if state else (None, None)
    weights = [file.draw(*p.shape, lo=-1, hi=1) for p in net.parameters()]
    names = [n for n, _ in net.named_parameters()]

    def run(x, h, c, count, *weights):
        given = x if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(x, count, batch_first, enforce_sorted=False)
        hidden = None if h is None else (h, c) if lstm else h
        y, last = torch.func.functional_call(net, dict(zip(names, weights)), (given,) if hidden is None else (given, hidden))
        if lengths is not None:
            y = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first, total_length=steps)[0]
        return (y, *last) if lstm else (y, last)

    file.case(op, what, [x, h, c, torch.tensor(lengths) if lengths else None, *weights], run, layers=layers, batch_first=batch_first,
              bidirectional=bidirectional, no_bias=not bias, projected=projected > 0)
