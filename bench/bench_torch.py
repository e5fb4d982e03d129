"""Times the training steps of bench.c in PyTorch, with the same options. Try --help."""

import argparse
import statistics
import sys
import time

import torch
from torch import nn

ROUNDS, WARM_STEPS, WARM_SECONDS, RATE = 25, 5, 0.15, 1e-6  # as in bench.c


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def mlp3():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def conv():
    return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 26 * 26, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 5 * 5, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def mlp1024():
    return nn.Sequential(
        nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 1024)
    )


def encoder():
    return nn.Sequential(
        nn.TransformerEncoderLayer(128, 4, 512, 0, batch_first=True), nn.Flatten(), nn.Linear(64 * 128, 10)
    )


class Recurrent(nn.Module):
    """A recurrent layer, of which the output after the last step goes on."""

    def __init__(self, layer, words=0):
        super().__init__()
        self.words = nn.Embedding(words, layer.input_size) if words else nn.Identity()
        self.layer, self.head = layer, nn.Linear(layer.hidden_size, 10)

    def forward(self, x):
        return self.head(self.layer(self.words(x))[0][:, -1])


def rnn32():
    return Recurrent(nn.RNN(1, 32, batch_first=True))


def lstm128():
    return Recurrent(nn.LSTM(128, 128, batch_first=True))


def lstm128x2():
    return Recurrent(nn.LSTM(128, 128, 2, batch_first=True))


def gru128():
    return Recurrent(nn.GRU(128, 128, batch_first=True))


class Packed(nn.Module):
    """An LSTM on sequences of different lengths, of which the last states go on."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.LSTM(128, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        lengths = torch.arange(len(x)) * 37 % x.shape[1] + 1
        x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.head(self.layer(x)[1][0][0])


def packed():
    return Packed()


def text():
    return Recurrent(nn.LSTM(100, 100, batch_first=True), words=10000)


SHAPES = {mlp1024: (1024,), encoder: (64, 128), rnn32: (10, 1), lstm128: (50, 128), lstm128x2: (50, 128), gru128: (50, 128), packed: (50, 128), text: (64,)}

ROWS = [(make.__name__, size, make) for make in (mlp, mlp3, conv, cnn) for size in (32, 128)]
ROWS += [("mlp1024", 256, mlp1024), ("encoder", 32, encoder), ("rnn32", 32, rnn32), ("lstm128", 64, lstm128),
         ("lstm128x2", 64, lstm128x2), ("gru128", 64, gru128), ("packed", 64, packed), ("text", 32, text)]
ROWS += [("chain", size, None) for size in (8, 1024, 65536)]


def make_chain(size):
    x0, w = torch.rand(size), (torch.rand(size) / 2 + 0.5).requires_grad_()

    def step():
        x = x0
        for _ in range(ROUNDS):
            x = x * w
            x = x + w
            x = torch.tanh(x)
            x = torch.relu(x)
        w.grad = None
        x.backward(x0)

    return step


def make_step(make, size):
    torch.manual_seed(0)
    if make is None:
        return make_chain(size)
    shape = SHAPES.get(make, (1, 28, 28))
    net = make()
    optim = torch.optim.Adam(net.parameters(), RATE, fused=True)
    x = torch.randint(0, 10000, (size, *shape)) if make is text else torch.rand(size, *shape)
    y = torch.randint(0, 1024 if make is mlp1024 else 10, (size,))
    criterion = nn.CrossEntropyLoss()

    def step():
        loss = criterion(net(x), y)
        optim.zero_grad()
        loss.backward()
        optim.step()

    return step


def time_steps(make, size, limit):
    step, clock, times = make_step(make, size), time.perf_counter, []
    start, i = clock(), 0
    while i < WARM_STEPS or clock() - start < WARM_SECONDS:
        step()
        i += 1
    before = start = clock()
    while len(times) < WARM_STEPS or before - start < limit:
        step()
        now = clock()
        times.append(now - before)
        before = now
    return 1e6 * statistics.median(times), 1e6 * min(times), len(times)


def measure_peak(make, size):
    """The peak bytes that PyTorch's allocator has given out, in one step of many.

    The profiler counts from its own start, so all that lives in the step is made inside it. A mark divides
    the steps before from the one that counts.
    """
    from torch.profiler import ProfilerActivity, profile, record_function

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as prof:
        step = make_step(make, size)
        for _ in range(WARM_STEPS - 1):
            step()
        with record_function("the step"):
            step()
    events = prof.profiler.kineto_results.events()
    start = next(e.start_ns() for e in events if e.name() == "the step")
    held, peak = 0, 0
    for event in sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns()):
        if event.start_ns() >= start:
            peak = max(peak, held)
        held += event.nbytes()
    return max(peak, held)


def chosen(words, batch):
    names = {name for name, _, _ in ROWS} | {f"{name}-{size}" for name, size, _ in ROWS}
    for word in words:
        if word not in names:
            sys.exit(f"bench_torch: no row is named {word}, try --help")
    for name, size, make in ROWS:
        if (not words or name in words or f"{name}-{size}" in words) and batch in (None, size):
            yield name, size, make


def run_row(name, size, make, options):
    threads = torch.get_num_threads()
    if options.memory:
        peak = measure_peak(make, size)
        text = f"{name:8} {size:6} {threads:7} {peak:12}"
        fields = f'"peak_bytes": {peak}'
    else:
        median, least, steps = time_steps(make, size, options.seconds)
        text = f"{name:8} {size:6} {threads:7} {median:12.2f} {least:12.2f} {steps:7}"
        fields = f'"median_us": {median:.2f}, "least_us": {least:.2f}, "steps": {steps}'
    return text, f'{{"row": "{name}", "size": {size}, "threads": {threads}, {fields}}}'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="", help="of mlp, mlp3, conv, cnn, mlp1024, encoder, rnn32, lstm128, lstm128x2, gru128, packed, text, chain; also cnn-128")
    parser.add_argument("--batch", type=int, help="only rows of this size")
    parser.add_argument("--threads", type=int, default=0, help="at most (default: one a core)")
    parser.add_argument("--seconds", type=float, default=1, help="to time each row for (default: 1)")
    parser.add_argument("--memory", action="store_true", help="peak bytes of tensors in a step, not times")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--list", action="store_true", help="print the rows chosen, and time nothing")
    parser.add_argument("--serve", action="store_true", help="take rows from standard input, one a line")
    options = parser.parse_args()
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    engine = f"PyTorch {torch.__version__}; {torch.backends.cpu.get_cpu_capability()}"

    if options.serve:
        print(engine, flush=True)
        for line in sys.stdin:
            for row in chosen([line.strip()], None):
                print(run_row(*row, options)[0], flush=True)
        return
    rows = list(chosen([word for word in options.rows.split(",") if word], options.batch))
    if options.list:
        print("\n".join(f"{name}-{size}" for name, size, _ in rows))
    elif options.json:
        results = ",\n  ".join(run_row(*row, options)[1] for row in rows)
        print(f'{{"engine": "{engine}", "results": [\n  {results}\n]}}')
    else:
        columns = "  peak_bytes" if options.memory else "   median_us     least_us   steps"
        print(f"# {engine}\n{'row':8} {'size':>6} threads {columns}", flush=True)
        for row in rows:
            print(run_row(*row, options)[0], flush=True)


main()
