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
