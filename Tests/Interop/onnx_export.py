#!/usr/bin/env python3
"""Exports models of the catalog and compares them with ONNX Runtime.

Every model gets random weights and statistics, is written by `convnet export`, checked by ONNX's checker (with
its inference of shapes), and run by ONNX Runtime; the results must be those of `convnet run` to 1e-4 of the largest.

    pip install onnx onnxruntime numpy safetensors
    python3 Tests/Interop/onnx_export.py .build/release/convnet [MODEL ...]
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

TOLERANCE = 1e-4


def random_state(path, random):
    """A state file's names with other values: deviations near those of initialisation. And what it says of the net."""
    state = {}
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
        for name in file.keys():
            shape = file.get_slice(name).get_shape()
            if name.endswith("running_var") or (len(shape) < 2 and name.endswith("weight")):
                values = random.uniform(0.5, 1.5, shape)
            elif len(shape) < 2:
                values = random.normal(0, 0.1, shape)
            else:
                values = random.normal(0, (2 / max(numpy.prod(shape[1:]), 1)) ** 0.5, shape)
            state[name] = values.astype(numpy.float32)
    return state, metadata


def check(convnet, name, size, scratch, random):
    """The relative difference between the two results, and the number of nodes."""
    fresh, weights, exported = (scratch / f for f in ("fresh.safetensors", "weights.safetensors", "net.onnx"))
    call = lambda *words: subprocess.run([convnet, *words], check=True, capture_output=True, text=True)
    call("export", "--model", name, "--safetensors", fresh)
    state, metadata = random_state(fresh, random)
    save_file(state, weights, metadata)
    call("export", "--weights", weights, "--onnx", exported)
    onnx.checker.check_model(str(exported), full_check=True)
    worst = 0.0
    # The batch is open, so that one file serves two sizes.
    for batch in (1, 3) if numpy.prod(size) < 10_000 else (2,):
        images = random.normal(0, 1, (batch, *size)).astype(numpy.float32)
        save_file({"images": images}, scratch / "input.safetensors")
        call("run", "--weights", weights, "--input", scratch / "input.safetensors",
             "--output", scratch / "output.safetensors")
        ours = load_file(scratch / "output.safetensors")["output"]
        theirs = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"]).run(None, {"input": images})[0]
        call("run", "--onnx", exported, "--input", scratch / "input.safetensors", "--output", scratch / "again.safetensors")
        again = load_file(scratch / "again.safetensors")["output"]
        assert ours.shape == theirs.shape == again.shape, (ours.shape, theirs.shape, again.shape)
        assert numpy.isfinite(ours).all()
        scale = max(abs(theirs).max(), 1e-6)
        worst = max(worst, abs(ours - theirs).max() / scale, abs(again - theirs).max() / scale)
    return worst, len(onnx.load(exported).graph.node)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    convnet = pathlib.Path(sys.argv[1]).resolve()
    listing = subprocess.run([convnet, "models", "--json"], check=True, capture_output=True, text=True).stdout
    models = [json.loads(line) for line in listing.splitlines()]
    if len(sys.argv) > 2:
        models = [model for model in models if model["model"] in sys.argv[2:]]
    failed = 0
    for model in models:
        random = numpy.random.default_rng(7)
        with tempfile.TemporaryDirectory() as scratch:
            try:
                difference, nodes = check(convnet, model["model"], model["input"], pathlib.Path(scratch), random)
                good = difference < TOLERANCE
                print(f"{model['model']:24} {nodes:4} nodes  difference {difference:.1e}{'' if good else '  FAILED'}", flush=True)
            except subprocess.CalledProcessError as error:
                good = False
                print(f"{model['model']:24} FAILED: {error.stderr.strip()}", flush=True)
            except Exception as error:
                good = False
                print(f"{model['model']:24} FAILED: {type(error).__name__}: {error}", flush=True)
            failed += not good
    print(f"{len(models) - failed} of {len(models)} models equal ONNX Runtime to {TOLERANCE}")
    sys.exit(1 if failed or not models else 0)


if __name__ == "__main__":
    main()
