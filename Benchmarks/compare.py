"""Runs every row here and in PyTorch, in turn, and prints medians and ratios of that one run.

    swift build -c release --package-path Benchmarks
    pip install torch torchvision onnx onnxruntime
    python3 Benchmarks/compare.py [PART-OF-A-ROW'S-NAME ...]

Without torchvision the rows of its nets are left out, without onnxruntime its column. The program starts itself anew for
every measurement of a net on the other side, so that peak memory is that of one net.
"""

import json
import math
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 3
ROWS = Path(__file__).parent / ".build" / "release" / "Rows"
NETS = {"alexnet": 32, "resnet18": 8, "resnet50": 8, "vgg16": 8, "googlenet": 8, "densenet121": 8}
CONVOLUTIONS = [
    "conv 3x3 192-384 13, batch 32, padding 1",
    "conv 3x3 256-256 56, batch 4, padding 1",
    "conv 3x3 64-64 224, batch 4, padding 1",
    "conv 1x1 256-64 56, batch 8",
    "conv 7x7 3-64 224, batch 8, stride 2, padding 3",
    "conv 11x11 3-64 224, batch 32, stride 4, padding 2",
    "conv 5x5 1-6 32, batch 64",
    "conv 5x5 6-16 14, batch 64",
    "conv 5x5 64-192 27, batch 32, padding 2",
    "conv 3x3 128-128 56, batch 8, stride 2, padding 1",
    "conv 3x3 128-32 28, batch 8, padding 1",
    "conv 3x3 512-512 14, batch 8, padding 1",
    "conv 3x3 512-512 7, batch 8, padding 1",
    "conv 1x1 64-256 56, batch 8",
    "conv 1x1 1024-256 14, batch 8",
    "conv 1x1 512-2048 7, batch 8",
    "conv 1x1 256-512 56, batch 8, stride 2",
    "conv 3x3 64-64 56, batch 8, padding 1, groups 64",
]
NAMES = (
    ["tiny op: relu", "tiny op: add", "tiny op: 100 products in a chain"]
    + [f"matrix product {size}" for size in (512, 1024, 2048)]
    + CONVOLUTIONS
    + [f"digit net step, batch {batch}" for batch in (1, 64, 256)]
    + ["lenet5 step, batch 64"]
    + [f"{net} step, batch {batch}" for net, batch in NETS.items()]
    + [f"{net} inference, batch {batch}" for net in NETS for batch in (1, 8)]
    + ["from process start to the end of the first step", "one thread against all, alexnet step, batch 32"]
)


def is_net(row):
    return row.split()[0] in NETS


def median(body, repeats=None):
    """Microseconds of one call: `repeats` calls after two, or else as many as take about 0.3 s."""

    def seconds(count):
        start = time.perf_counter()
        for _ in range(count):
            body()
        return time.perf_counter() - start

    if repeats:
        seconds(2)
        return statistics.median(seconds(1) for _ in range(repeats)) * 1e6
    seconds(3)
    once = max(seconds(3) / 3, 1e-8)
    calls = max(1, int(0.01 / once))
    return statistics.median(seconds(calls) / calls for _ in range(31)) * 1e6


# PyTorch's side: for each kind of row a function that makes what is timed, one for each memory format that makes sense.


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


TINY = {
    "relu": lambda x, seed: torch.relu(x),
    "add": lambda x, seed: x + seed,
    "100 products in a chain": chain,
}


def gemm(size):
    a, b = torch.rand(size, size) * 2 - 1, torch.rand(size, size) * 2 - 1
    return lambda: a @ b


def convolution_sizes(row):
    """kernel, channels, filters, size, batch, stride, padding, groups; Convolutions.swift writes them into the name."""
    sizes = [int(n) for n in re.match(r"conv (\d+)x\d+ (\d+)-(\d+) (\d+), batch (\d+)", row).groups()]
    for key, default in (("stride", 1), ("padding", 0), ("groups", 1)):
        found = re.search(rf"{key} (\d+)", row)
        sizes.append(int(found.group(1)) if found else default)
    return sizes


def convolution(row, layout):
    kernel, channels, filters, size, batch, stride, padding, groups = convolution_sizes(row)
    x = (torch.rand(batch, channels, size, size) * 2 - 1).to(memory_format=layout)
    w = (torch.rand(filters, channels // groups, kernel, kernel) * 2 - 1).to(memory_format=layout)
    w.requires_grad_()
    x.requires_grad_(channels > 3)

    def output():
        return torch.nn.functional.conv2d(x, w, stride=stride, padding=padding, groups=groups)

    seed = torch.rand_like(output()) * 2 - 1

    def body():
        x.grad = w.grad = None
        output().backward(seed)

    return body


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


def image_net(name):
    import torchvision

    options = {"aux_logits": False, "init_weights": True} if name == "googlenet" else {}
    return getattr(torchvision.models, name)(weights=None, **options)


def step(net, batch, layout, channels=1, size=32, classes=10):
    net = net.to(memory_format=layout)
    images = torch.rand(batch, channels, size, size).to(memory_format=layout)
    labels = torch.arange(batch) % classes
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
    loss_function = torch.nn.CrossEntropyLoss()

    def body():
        optimizer.zero_grad()
        loss_function(net(images), labels).backward()
        optimizer.step()

    return body


def forward_pass(net, batch, layout):
    net = net.eval().to(memory_format=layout)
    images = torch.rand(batch, 3, 224, 224).to(memory_format=layout)

    def body():
        with torch.inference_mode():
            net(images)

    return body


def theirs(row, layout):
    """What is timed in PyTorch; None if this memory format means nothing to it."""
    contiguous = layout == torch.contiguous_format
    if row.startswith("tiny op: "):
        return tiny(TINY[row.removeprefix("tiny op: ")]) if contiguous else None
    if row.startswith("matrix product"):
        return gemm(int(row.split()[-1])) if contiguous else None
    if row.startswith("conv "):
        return convolution(row, layout)
    name, batch = row.split()[0], int(row.split()[-1])
    if "inference" in row:
        return forward_pass(image_net(name), batch, layout)
    if is_net(row):
        return step(image_net(name), batch, layout, 3, 224, 1000)
    return step(lenet5() if name == "lenet5" else digit_net(), batch, layout)


def onnx_inference(row):
    import io
    import onnxruntime

    file = io.BytesIO()
    name, batch = row.split()[0], int(row.split()[-1])
    images = torch.rand(batch, 3, 224, 224)
    torch.onnx.export(image_net(name).eval(), images, file, input_names=["input"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    feed = {"input": images.numpy()}
    return lambda: session.run(None, feed)


def measured_apart(row, format):
    """The same measurement in a process of its own: microseconds and peak bytes, or None if it failed there."""
    done = subprocess.run([sys.executable, __file__, "--one", format, row], capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def peak_bytes():
    """The most memory that this process has had; getrusage would begin with the size of the one that started it."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def one(format, row):
    if format == "onnxruntime":
        body = onnx_inference(row)
    else:
        body = theirs(row, getattr(torch, format))
    micros = median(body, 9 if "inference" in row else 5)
    print(json.dumps({"median_us": micros, "peak_bytes": peak_bytes()}))


def ours(row, threads=None):
    environment = os.environ | ({"TAPESTRY_THREADS": str(threads)} if threads else {})
    done = subprocess.run([ROWS, row], check=True, capture_output=True, text=True, env=environment)
    if not done.stdout:
        sys.exit(f"{ROWS} has no row '{row}': build it again")
    return json.loads(done.stdout)


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


def operations(row):
    """Floating-point operations of a row by its definition, whatever algorithm computes it; None if they are not counted."""
    if row.startswith("matrix product"):
        return 2 * int(row.split()[-1]) ** 3
    if row.startswith("conv "):
        kernel, channels, filters, size, batch, stride, padding, groups = convolution_sizes(row)
        output = (size + 2 * padding - kernel) // stride + 1
        directions = 3 if channels > 3 else 2
        return directions * 2 * batch * filters * output**2 * channels // groups * kernel**2
    return None


def compare_net(row):
    """Medians and peaks on both sides in turn, each measurement in a process of its own."""
    formats = ["contiguous_format", "channels_last"]
    here, there, other = [], {format: [] for format in formats}, []
    for _ in range(2):
        here.append(ours(row))
        for format in formats:
            if result := measured_apart(row, format):
                there[format].append(result)
        if "inference" in row and (result := measured_apart(row, "onnxruntime")):
            other.append(result)

    def shortest(results):
        return min(results, key=lambda result: result["median_us"])

    found = [shortest(results) for results in there.values() if results]
    if not found:
        return None
    return shortest(here), shortest(found), shortest(other) if other else None


FIRST_STEP = """
import torch
from torch import nn
net = nn.Sequential(
    nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 100), nn.ReLU(), nn.Linear(100, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)
nn.functional.cross_entropy(net(torch.rand(64, 1, 32, 32)), torch.arange(64) % 10).backward()
optimizer.step()
"""


def compare_starts():
    """Microseconds that a process takes which makes one step of the digit net, batch 64, the shortest of five."""

    def shortest(command):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append((time.perf_counter() - start) * 1e6)
        return min(times)

    return shortest([ROWS, "first step"]), shortest([sys.executable, "-c", FIRST_STEP])


def compare_threads():
    """Microseconds of a step on all threads and on one, in turn."""
    pairs = [(ours("alexnet step, batch 32"), ours("alexnet step, batch 32", threads=1)) for _ in range(2)]
    return [min(result["median_us"] for result in results) for results in zip(*pairs)]


def main(parts):
    if not ROWS.exists():
        sys.exit("build first: swift build -c release --package-path Benchmarks")
    threads = torch.get_num_threads()
    names = [row for row in NAMES if not parts or any(part in row for part in parts)]
    print(f"{processor()}, {threads} threads, PyTorch {torch.__version__}, {time.strftime('%Y-%m-%d')}")
    peaks = [ours("peak: a million rounds of 12 multiply-adds")["median_us"] for _ in range(ROUNDS)]
    peak = 12e6 * 2 * lanes() / statistics.median(peaks) / 1e3
    print(f"fused multiply-adds, one thread: {peak:.0f} GFLOP/s")
    print(f"{'row':52} {'ours us':>11} {'PyTorch us':>11} {'ratio':>6}  remarks")
    ratios = {}
    for row in names:
        remark = ""
        if row.startswith("from process start"):
            here, there = compare_starts()
        elif row.startswith("one thread"):
            here, there = compare_threads()
            remark = "the second figure is ours on one thread"
        elif is_net(row):
            result = compare_net(row)
            if result is None:
                print(f"{row:52} needs torchvision")
                continue
            mine, torchs, other = result
            here, there = mine["median_us"], torchs["median_us"]
            remark = f"memory {mine['peak_bytes'] / 1e6:.0f} of {torchs['peak_bytes'] / 1e6:.0f} MB"
            if other:
                remark += f", onnxruntime {other['median_us']:.0f} us, ratio {other['median_us'] / here:.2f}"
        else:
            bodies = [theirs(row, layout) for layout in (torch.contiguous_format, torch.channels_last)]
            pairs = [
                (ours(row)["median_us"], min(median(body) for body in bodies if body)) for _ in range(ROUNDS)
            ]
            here = statistics.median(pair[0] for pair in pairs)
            there = statistics.median(pair[1] for pair in pairs)
            if count := operations(row):
                remark = f"{count / here / 1e3:.0f} GFLOP/s, {count / here / 1e3 / peak / threads:.0%} of peak"
        ratios[row] = there / here
        print(f"{row:52} {here:11.2f} {there:11.2f} {there / here:6.2f}  {remark}", flush=True)
    for title, chosen in (("the first seven convolutions", CONVOLUTIONS[:7]), ("all convolutions", CONVOLUTIONS)):
        if all(row in ratios for row in chosen):
            mean = math.exp(statistics.mean(math.log(ratios[row]) for row in chosen))
            print(f"geometric mean of the ratios of {title}: {mean:.2f}")


if __name__ == "__main__":
    import torch

    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], sys.argv[3])
    else:
        main(sys.argv[1:])
