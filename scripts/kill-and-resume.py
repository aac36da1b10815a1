#!/usr/bin/env python3
"""Kills a training run at random moments with SIGKILL, resumes it each time, and compares the final weights with those
of a run that was left alone.

usage: scripts/kill-and-resume.py .build/release/convnet [--runs 20] [--seed 0] [-- OPTIONS OF convnet train]
"""
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("convnet")
    parser.add_argument("--runs", type=int, default=20, help="how many runs are killed and resumed")
    parser.add_argument("--kills", type=int, default=3, help="how often each of them is killed")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("options", nargs="*", help="of convnet train")
    arguments = parser.parse_args()
    options = arguments.options or [
        "--epochs", "12", "--validation", "0.2", "--ema", "0.99", "--checkpoint-every", "7", "--keep", "2"]
    moments = random.Random(arguments.seed)

    with tempfile.TemporaryDirectory() as folder:
        def train(*words):
            return subprocess.Popen([arguments.convnet, "train", "--quiet", *words], stdout=subprocess.DEVNULL)

        def weights(name):
            with open(os.path.join(folder, name, "weights.safetensors"), "rb") as file:
                return file.read()

        begin = time.monotonic()
        if train("--output", os.path.join(folder, "whole"), *options).wait() != 0:
            sys.exit("the run that is left alone failed")
        duration = time.monotonic() - begin
        expected = weights("whole")
        print(f"a run takes {duration:.2f} s and gives {len(expected)} bytes of weights")

        same = 0
        kills = 0
        for number in range(arguments.runs):
            run = os.path.join(folder, f"run{number}")
            words = ["--output", run, *options]
            killed = []
            longest = 0.8 * duration
            while len(killed) < arguments.kills:
                process = train(*words)
                moment = moments.uniform(0.01, longest)
                time.sleep(moment)
                process.send_signal(signal.SIGKILL)
                # A process that was finished before is not killed: then another run, with shorter moments.
                if process.wait() == -signal.SIGKILL:
                    killed.append(moment)
                elif killed:
                    break
                else:
                    shutil.rmtree(run)
                    longest *= 0.7
                # Killed before it had written its configuration, there is no run yet.
                words = ["--resume", run] if os.path.exists(os.path.join(run, "config.json")) else [
                    "--output", run, *options]
            kills += len(killed)
            finished = train(*words).wait() == 0
            is_same = finished and weights(f"run{number}") == expected
            same += is_same
            times = ", ".join(f"{moment:.2f}" for moment in killed)
            print(f"run {number + 1}: killed after {times} s: {'identical' if is_same else 'DIFFERENT'}", flush=True)
        print(f"{kills} kills; {same} of {arguments.runs} runs end in identical bytes")
        sys.exit(0 if same == arguments.runs and kills > 0 else 1)


main()
