"""Runs every row here and in PyTorch, in turn, and prints medians and ratios of that one run.

    swift build -c release --package-path Benchmarks
    pip install torch
    python3 Benchmarks/compare.py [ROW ...]
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

ROUNDS = 3
ROWS = Path(__file__).parent / ".build" / "release" / "Rows"


def median(body):
    def seconds(count):
        start = time.perf_counter()
        for _ in range(count):
            body()
        return time.perf_counter() - start

    seconds(3)
    once = max(seconds(3) / 3, 1e-8)
    calls = max(1, int(0.01 / once))
    return statistics.median(seconds(calls) / calls for _ in range(31)) * 1e6


def tiny(function):
    x = torch.rand(16, requires_grad=True)
    seed = torch.ones(16)

    def body():
        x.grad = None
        function(x, seed).backward(seed)

    return body


def chain(x, seed):
    y = x
    for _ in range(100):
        y = y * seed
    return y


def gemm(size):
    a, b = torch.rand(size, size) * 2 - 1, torch.rand(size, size) * 2 - 1
    return lambda: a @ b


def digit_net():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(6, 16, 5), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(400, 120), torch.nn.ReLU(), torch.nn.Linear(120, 100), torch.nn.ReLU(),
        torch.nn.Linear(100, 10))


def lenet5():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5), torch.nn.Tanh(), torch.nn.AvgPool2d(2),
        torch.nn.Conv2d(6, 16, 5), torch.nn.Tanh(), torch.nn.AvgPool2d(2),
        torch.nn.Conv2d(16, 120, 5), torch.nn.Tanh(), torch.nn.Flatten(),
        torch.nn.Linear(120, 84), torch.nn.Tanh(), torch.nn.Linear(84, 10))


def step(net, batch, layout):
    net = net.to(memory_format=layout)
    images = torch.rand(batch, 1, 32, 32).to(memory_format=layout)
    labels = torch.arange(batch) % 10
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
    loss_function = torch.nn.CrossEntropyLoss()

    def body():
        optimizer.zero_grad()
        loss_function(net(images), labels).backward()
        optimizer.step()

    return body


def best_step(make, batch):
    return [step(make(), batch, torch.contiguous_format), step(make(), batch, torch.channels_last)]


THEIRS = {
    "tiny op: relu": [tiny(lambda x, seed: torch.relu(x))],
    "tiny op: add": [tiny(lambda x, seed: x + seed)],
    "tiny op: 100 products in a chain": [tiny(chain)],
    "matrix product 512": [gemm(512)],
    "matrix product 1024": [gemm(1024)],
    "matrix product 2048": [gemm(2048)],
    "digit net step, batch 1": best_step(digit_net, 1),
    "digit net step, batch 64": best_step(digit_net, 64),
    "digit net step, batch 256": best_step(digit_net, 256),
    "lenet5 step, batch 64": best_step(lenet5, 64),
}


def ours(row):
    return json.loads(subprocess.run([ROWS, row], check=True, capture_output=True, text=True).stdout)["median_us"]


def processor():
    try:
        text = Path("/proc/cpuinfo").read_text()
        return next(line.split(":")[1].strip() for line in text.splitlines() if "model name" in line)
    except OSError:
        return "unknown processor"


def lanes():
    """float32 numbers in the registers that the peak loop uses."""
    try:
        return 16 if "avx512f" in Path("/proc/cpuinfo").read_text() else 8
    except OSError:
        return 4


def main():
    if not ROWS.exists():
        sys.exit("build first: swift build -c release --package-path Benchmarks")
    print(f"{processor()}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}")
    peak = statistics.median(ours("peak: a million rounds of 12 multiply-adds") for _ in range(ROUNDS))
    peak = 12e6 * 2 * lanes() / peak / 1e3
    print(f"fused multiply-adds, one thread: {peak:.0f} GFLOP/s")
    print(f"{'row':34} {'ours us':>10} {'PyTorch us':>11} {'ratio':>6}  share of peak")
    for row in sys.argv[1:] or THEIRS:
        pairs = []
        for _ in range(ROUNDS):
            pairs.append((ours(row), min(median(body) for body in THEIRS[row])))
        here = statistics.median(pair[0] for pair in pairs)
        there = statistics.median(pair[1] for pair in pairs)
        share = ""
        if row.startswith("matrix product"):
            rate = 2 * int(row.split()[-1]) ** 3 / here / 1e3
            share = f"{rate:.0f} GFLOP/s, {rate / peak / torch.get_num_threads():.0%}"
        print(f"{row:34} {here:10.2f} {there:11.2f} {there / here:6.2f}  {share}", flush=True)


main()
