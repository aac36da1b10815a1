#!/usr/bin/env python3
"""Measures the figures of docs/training.md, three seeds each, and writes them there; and the line of the tests in README.md.

    swift build -c release --product convnet
    python3 docs/results.py run .build/release/convnet mnist=DIR fashion-mnist=DIR cifar=DIR [--rows NAME,...] [--seeds 0,1,2]
    swift test -c release 2>&1 | tee test.log; python3 docs/results.py tests test.log

`run` measures the rows whose data are given, keeps what comes out in docs/results.json, and writes the table anew from that: rows
that were not measured keep their figures. `table` writes it without measuring. Seconds are those of the machine, accuracies are the
same on every run of the same processor.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

docs = os.path.dirname(os.path.abspath(__file__))
store = os.path.join(docs, "results.json")
begin, end = "<!-- results: docs/results.py writes what follows -->\n", "<!-- end of the results -->\n"

# Name, data set, what the table calls it, net, options.
mnist = "--epochs 20 --batch 128 --learning-rate 0.004 --warmup 1 --label-smoothing 0.05 --ema 0.999"
cifar = "--model digitnet --epochs 60 --batch 64 --learning-rate 0.003 --warmup 2 --label-smoothing 0.1"
rows = [
    ("mnist-augmented", "mnist", "MNIST", "LeNet-5, 61,706 parameters",
     mnist + " --augment crop:2,rotate:10,scale:0.9:1.1"),
    ("mnist", "mnist", "MNIST", "LeNet-5", mnist),
    ("mnist-digitnet", "mnist", "MNIST", "DigitNet, 63,802 parameters",
     "--model digitnet --epochs 30 --batch 128 --learning-rate 0.003 --warmup 1 --label-smoothing 0.1 --weight-decay 0.3 --ema 0.999"),
    ("fashion-resnet20", "fashion-mnist", "Fashion-MNIST", "ResNet-20, 269,434 parameters",
     "--model resnet20-cifar --epochs 5 --batch 128 --optimizer sgd --learning-rate 0.2 --schedule one-cycle:0.3 "
     "--label-smoothing 0.05"),
    ("cifar-augmented", "cifar", "4,000 images of CIFAR-10, 800 of them for the test", "DigitNet",
     cifar + " --augment crop:4,flip"),
    ("cifar", "cifar", "4,000 images of CIFAR-10, 800 of them for the test", "DigitNet", cifar),
]


def measure(convnet, data, options, seed):
    """Test accuracy and seconds of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [convnet, "train", "--data", data, *shlex.split(options), "--seed", str(seed), "--json",
                   "--checkpoint-every", "none", "--output", os.path.join(folder, "run")]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    result = json.loads(lines[-1])
    return {"accuracy": result["test_accuracy"], "seconds": result["train_seconds"]}


def read():
    if not os.path.exists(store):
        return {}
    with open(store) as file:
        return json.load(file)


def write(results):
    with open(store, "w") as file:
        json.dump(results, file, indent=1, sort_keys=True)
        file.write("\n")


def percent(runs):
    """`99.42 %` of one seed; `99.40 % (99.37 to 99.42)` of several."""
    values = [100 * run["accuracy"] for run in runs.values()]
    mean = f"{sum(values) / len(values):.2f} %"
    return mean if len(values) == 1 else f"{mean} ({min(values):.2f} to {max(values):.2f})"


def duration(runs):
    values = [run["seconds"] for run in runs.values()]
    low, high = round(min(values)), round(max(values))
    return f"{low} s" if low == high else f"{low} to {high} s"


def write_table(results):
    table = "| data | net | options of `convnet train` | test accuracy | seeds | time |\n|---|---|---|---|---|---|\n"
    for name, data, title, net, options in rows:
        runs = results.get(name)
        if runs:
            seeds = ", ".join(sorted(runs, key=int))
            table += f"| {title} | {net} | `--data {data} {options}` | {percent(runs)} | {seeds} | {duration(runs)} |\n"
    path = os.path.join(docs, "training.md")
    with open(path) as file:
        text = file.read()
    head, rest = text.split(begin)
    with open(path, "w") as file:
        file.write(head + begin + "\n" + table + "\n" + end + rest.split(end)[1])


def write_test_line(log):
    with open(log) as file:
        found = re.findall(r"Test run with \d+ tests.*", re.sub(r"\x1b\[[0-9;]*m", "", file.read()))
    if not found:
        sys.exit(f"{log}: has no line of a test run")
    path = os.path.join(os.path.dirname(docs), "README.md")
    with open(path) as file:
        text = file.read()
    text, count = re.subn(r"Test run with \d+ tests.*", lambda _: found[-1], text)
    if count != 1:
        sys.exit(f"README.md: {count} lines of a test run, expected one")
    with open(path, "w") as file:
        file.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("convnet")
    run.add_argument("data", nargs="+", help="NAME=FOLDER")
    run.add_argument("--rows", default=",".join(row[0] for row in rows))
    run.add_argument("--seeds", default="0,1,2")
    commands.add_parser("table")
    commands.add_parser("tests").add_argument("log")
    options = parser.parse_args()
    if options.command == "tests":
        return write_test_line(options.log)
    results = read()
    if options.command == "run":
        folders = dict(item.split("=", 1) for item in options.data)
        wanted = options.rows.split(",")
        unknown = set(wanted) - {row[0] for row in rows}
        if unknown:
            sys.exit(f"no rows {sorted(unknown)} among {[row[0] for row in rows]}")
        for name, data, _, _, arguments in rows:
            if name not in wanted or data not in folders:
                continue
            # Seeds of an older measurement would be of another program.
            results[name] = {}
            for seed in options.seeds.split(","):
                results[name][seed] = measure(options.convnet, folders[data], arguments, seed)
                print(name, seed, results[name][seed], flush=True)
            write(results)
    write_table(results)


main()
