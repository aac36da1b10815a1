#!/usr/bin/env python3
"""Trains the embedded digits with --tensorboard, stops and resumes the run, and reads the events with Python's
tensorboard: the curves must be those of log.csv, and steps that were made twice must count once.

usage: tensorboard_reads_events.py .build/release/convnet
"""
import csv
import glob
import math
import os
import signal
import subprocess
import sys
import tempfile
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader


def check(condition, text):
    if not condition:
        sys.exit(f"FAILED: {text}")
    print(f"ok: {text}")


def main():
    convnet = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        process = subprocess.Popen(
            [convnet, "train", "--epochs", "12", "--validation", "0.2", "--tensorboard", "--output", run,
             "--checkpoint-every", "50", "--quiet"])
        # Killed in the middle, after the first checkpoint: some steps are made twice.
        while not glob.glob(os.path.join(run, "checkpoint-*")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        subprocess.run([convnet, "train", "--resume", run, "--quiet"], check=True)

        files = sorted(glob.glob(os.path.join(run, "events", "*")))
        check(len(files) == 2, "each process wrote a file of its own")
        # The loader checks both checksums of every record and stops at the first that is wrong.
        records = [sum(1 for _ in RawEventFileLoader(path).Load()) for path in files]
        check(min(records) > 1, f"the records are whole: {records}")

        events = EventAccumulator(os.path.join(run, "events"), size_guidance={"scalars": 0})
        events.Reload()
        tags = events.Tags()["scalars"]
        with open(os.path.join(run, "log.csv")) as table:
            rows = list(csv.DictReader(table))
        check(len(rows) == 12, "log.csv has 12 epochs")
        for tag, column in [("epoch/loss", "loss"), ("epoch/accuracy", "accuracy"),
                            ("validation/loss", "validation_loss"),
                            ("validation/accuracy", "validation_accuracy"),
                            ("validation/top5_accuracy", "validation_top5_accuracy")]:
            check(tag in tags, f"{tag} is among the curves")
            points = events.Scalars(tag)
            check([p.step for p in points] == [int(row["updates"]) for row in rows],
                  f"{tag} has a point for every epoch, once")
            check(all(math.isclose(p.value, float(row[column]), rel_tol=1e-6)
                      for p, row in zip(points, rows)), f"{tag} has the values of log.csv")
        steps = [p.step for p in events.Scalars("train/loss")]
        check(steps == sorted(set(steps)), "the steps of train/loss rise, none twice")
        check(all(math.isfinite(p.value) for tag in tags for p in events.Scalars(tag)),
              f"{len(tags)} curves, all numbers finite")


main()
